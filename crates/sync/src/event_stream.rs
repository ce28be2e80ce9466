//! Listening for events one after the other, as clients did before `/sync`: in all of one's rooms, or, which is still
//! what it is for, in a world-readable room without joining it (spec: `GET /events`, "Room Previews").

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use im2_model::{EventId, RoomId, RoomNid, StreamToken};

use im2_chat::rooms::{Actor, Reader, RoomEvent, Rooms};
use im2_core::{Code, Core, Error, Result, stream::Change};

/// The longest that a request may wait.
const MAX_WAIT: Duration = Duration::from_secs(300);
/// Events in one answer; the next request goes on after them.
const MAX_EVENTS: usize = 100;
/// Events looked at at a time, where the stream no longer has them in memory.
const CHUNK: usize = 500;

/// A request to listen for events.
#[derive(Debug, Clone)]
pub struct Listening {
    /// The token to listen from; `None` for now.
    pub from: Option<StreamToken>,
    /// How long to wait for the first event.
    pub timeout: Duration,
    /// The only room to listen to, joined or not; `None` for all rooms of the user.
    pub room: Option<RoomId>,
}

/// The answer: events, and the tokens between which they lie.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The events, oldest first, each with its reader's right to it.
    pub events: Vec<(Arc<Reader>, Arc<RoomEvent>)>,
    /// The token that listening began from.
    pub start: StreamToken,
    /// The token to go on from.
    pub end: StreamToken,
}

/// The use cases.
#[derive(Debug, Clone)]
pub struct EventStream {
    core: Core,
    rooms: Rooms,
}

impl EventStream {
    /// Builds it on the core.
    pub fn new(core: Core, rooms: Rooms) -> Self {
        Self { core, rooms }
    }

    /// The present end of the stream.
    pub fn now(&self) -> StreamToken {
        self.core.stream.reached()
    }

    /// The events after a place, waiting for one if there is none.
    pub async fn listen(&self, actor: &Actor, listening: Listening) -> Result<Heard> {
        let deadline = tokio::time::Instant::now() + listening.timeout.min(MAX_WAIT);
        let subscription = self.core.bus.subscribe(actor.user);
        // Whoever is not in the room is not woken by what happens there, so that those few follow the whole stream.
        let (mut grown, follows_all) = (self.core.stream.grown(), listening.room.is_some());
        let start = listening.from.unwrap_or_else(|| self.now());
        let mut at = start.clone();
        loop {
            let woken = subscription.woken();
            let room = match &listening.room {
                Some(room_id) => Some(self.rooms.reader(actor, room_id).await?.room.nid),
                None => None,
            };
            let (events, end) = self.look(actor, &at, room).await?;
            if !events.is_empty() {
                return Ok(Heard { events, start, end });
            }
            at = end;
            tokio::select! {
                () = woken, if !follows_all => {}
                _ = grown.changed(), if follows_all => {}
                () = tokio::time::sleep_until(deadline) => return Ok(Heard { events, start, end: at }),
                () = self.core.shutdown.begun() => return Ok(Heard { events, start, end: at }),
            }
        }
    }

    /// An event of any room that the reader may see; else `M_NOT_FOUND`, so that nobody learns what exists.
    pub async fn event(&self, actor: &Actor, event_id: &EventId) -> Result<(Reader, Arc<RoomEvent>)> {
        let not_found = || Error::refused(Code::NotFound, "there is no such event, or you may not see it");
        let wanted = event_id.clone();
        let room = self.core.store.read(move |db| db.room_of_event(&wanted)).await?.ok_or_else(not_found)?;
        let room = self.rooms.by_nid(room).await?;
        let reader = self.rooms.reader_of(actor, room).await?.ok_or_else(not_found)?;
        let event = self.rooms.readable_event(&reader, event_id).await?;
        Ok((reader, event))
    }

    /// The events for `actor` after a token, at most [`MAX_EVENTS`], and the token where they end.
    async fn look(
        &self,
        actor: &Actor,
        after: &StreamToken,
        room: Option<RoomNid>,
    ) -> Result<(Vec<(Arc<Reader>, Arc<RoomEvent>)>, StreamToken)> {
        let mine = self.rooms.of_user(actor.user).await?;
        let concerns =
            |place: RoomNid| room.map_or_else(|| mine.get_forgotten_too(place).is_some(), |room| room == place);
        let recent = self.core.stream.since(after, |_, change| match change {
            Change::Event(event) if concerns(event.room) => Some(Arc::clone(event)),
            _ => None,
        });
        let (candidates, until) = match recent {
            Some(found) => found,
            None => self.look_in_database(after, concerns).await?,
        };
        let mut readers: HashMap<RoomNid, Option<Arc<Reader>>> = HashMap::new();
        let mut found: Vec<(Arc<Reader>, Arc<RoomEvent>)> = Vec::new();
        for event in candidates {
            if found.len() == MAX_EVENTS {
                // The rest is for the next request.
                let last = found.last().map(|(_, event)| event.position).unwrap_or_default();
                let end = after.stream().on_the_way(until.stream(), last);
                return Ok((found, after.moved_to(end)));
            }
            let reader = match readers.entry(event.room) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let room = self.rooms.by_nid(event.room).await?;
                    entry.insert(self.rooms.reader_of(actor, room).await?.map(Arc::new))
                }
            };
            let Some(reader) = reader else { continue };
            let in_time = reader.until.is_none_or(|until| event.seq <= until);
            let is_own = event.member == Some(actor.user);
            if (in_time && reader.may_see(&event)) || is_own {
                found.push((Arc::clone(reader), event));
            }
        }
        Ok((found, until))
    }

    /// The same for a place that the stream no longer has in memory: a chunk of it.
    async fn look_in_database(
        &self,
        after: &StreamToken,
        concerns: impl Fn(RoomNid) -> bool,
    ) -> Result<(Vec<Arc<RoomEvent>>, StreamToken)> {
        let (from, now) = (after.stream().clone(), self.now());
        let found = self.core.store.read(move |db| db.events_between(&from, now.stream(), CHUNK)).await?;
        let mut events = Vec::new();
        for row in found.rows.into_iter().filter(|row| concerns(row.room)) {
            let room = self.rooms.by_nid(row.room).await?;
            events.extend(self.rooms.event(&room, &row.event_id).await?);
        }
        Ok((events, after.moved_to(found.reached)))
    }
}
