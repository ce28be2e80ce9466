//! The list of what a user has been notified of (spec: client-server API, "Listing Notifications").
//!
//! Nothing is written when a notification arises. A page is computed from the user's rooms, walked together from the
//! newest event back; what is looked at for one page is bounded, and the client goes on from where it ended.

use std::{
    collections::{BinaryHeap, HashMap, VecDeque, hash_map::Entry},
    fmt,
    str::FromStr,
    sync::Arc,
};

use im2_core::{Code, Core, Error, Result};
use im2_kernel::{content::Membership, push::Action};
use im2_model::{Millis, Position, RoomId, RoomNid};
use im2_store::{Snapshot, rooms::EventRow};

use crate::{
    rooms::{Actor, Room, RoomEvent, Rooms},
    threads,
    unread::{RoomUnread, Unread, work},
};

/// Events looked at for one page, over all rooms. One that is large, or whose reader has many push rules, counts as
/// several.
const LOOKED_AT: usize = 2_000;
/// Events after which others have a turn: some 1 ms.
const TURN: usize = 64;
/// Events read from a room at a time.
const CHUNK: usize = 32;
/// Notifications on a page at most, and if the client does not say.
const MAX_LIMIT: usize = 100;
const DEFAULT_LIMIT: usize = 20;

/// A place in the list: everything older follows. As text, `n<timestamp>_<position>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    ts: Millis,
    position: Position,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}_{}", self.ts, self.position.to_i64())
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.strip_prefix('n').and_then(|rest| rest.split_once('_'));
        let place = parts.and_then(|(ts, position)| {
            let ts = ts.parse().ok().filter(|ts| i64::try_from(*ts).is_ok())?;
            Some(Self { ts, position: Position::from_i64(position.parse().ok()?) })
        });
        place.ok_or_else(|| Error::refused(Code::InvalidParam, "`from` is not a token of this list"))
    }
}

/// A request for a page of notifications.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query {
    /// The place to go on from; `None` for the newest.
    pub from: Option<Place>,
    /// How many at most.
    pub limit: Option<usize>,
    /// Only those that are highlighted.
    pub only_highlights: bool,
}

/// Something that the user has been notified of.
#[derive(Debug, Clone)]
pub struct Notification {
    /// The room.
    pub room_id: RoomId,
    /// The event.
    pub event: Arc<RoomEvent>,
    /// The actions of the push rule that matches the event.
    pub actions: Vec<Action>,
    /// Whether the user has read it.
    pub read: bool,
}

/// A page of the list, newest first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The notifications.
    pub notifications: Vec<Notification>,
    /// The place where the next page begins, if there may be more.
    pub next: Option<Place>,
}

/// The use case.
#[derive(Debug, Clone)]
pub struct Notifications {
    core: Core,
    rooms: Rooms,
    unread: Unread,
}

/// A walk through the events of many rooms, newest first.
struct Walk {
    rooms: HashMap<RoomNid, Source>,
    /// The next event of each room.
    order: BinaryHeap<(Place, RoomNid)>,
}

/// The events of one room that have been read from the database but not walked over, newest first.
struct Source {
    rows: VecDeque<(Place, EventRow)>,
    /// Whether there may be older ones.
    has_more: bool,
}

/// A room with the state that its events are judged by.
struct About {
    room: Arc<Room>,
    unread: Arc<RoomUnread>,
    /// The number of the event with which the user joined.
    joined: i64,
}

impl Notifications {
    /// Builds it on the core.
    pub fn new(core: Core, rooms: Rooms, unread: Unread) -> Self {
        Self { core, rooms, unread }
    }

    /// A page of what `actor` has been notified of in the rooms that `actor` is a member of.
    pub async fn list(&self, actor: &Actor, query: Query) -> Result<Page> {
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
        let mut walk = self.walk(actor, query.from).await?;
        let mut known = HashMap::new();
        let mut page = Page::default();
        let (mut looked_at, mut turn) = (0, 0);
        while looked_at < LOOKED_AT {
            if looked_at >= turn + TURN {
                turn = looked_at;
                tokio::task::yield_now().await;
            }
            let Some((place, row)) = walk.next(&self.core).await? else { break };
            page.next = Some(place);
            let about = match known.entry(row.room) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(self.about(actor, row.room).await?),
            };
            looked_at += 1;
            if row.seq <= about.joined {
                walk.leave(row.room);
            } else {
                let (work, notification) = self.judge(actor, about, &row, query.only_highlights).await?;
                looked_at += work;
                page.notifications.extend(notification);
            }
            if page.notifications.len() == limit {
                break;
            }
        }
        if walk.is_over() {
            page.next = None;
        }
        Ok(page)
    }

    async fn walk(&self, actor: &Actor, from: Option<Place>) -> Result<Walk> {
        let from = from.unwrap_or(Place { ts: i64::MAX as Millis, position: Position::from_i64(i64::MAX) });
        let rooms = self.rooms.of_user(actor.user).await?.with(Membership::Join);
        let read = move |db: &Snapshot<'_>| {
            let source = |room| Ok((room, Source::read(db, room, from, 1)?));
            rooms.into_iter().map(source).collect::<im2_store::Result<HashMap<_, _>>>()
        };
        let rooms = self.core.store.read(read).await?;
        let order = rooms.iter().filter_map(|(room, source)| Some((source.rows.front()?.0, *room))).collect();
        Ok(Walk { rooms, order })
    }

    async fn about(&self, actor: &Actor, nid: RoomNid) -> Result<About> {
        let room = self.rooms.by_nid(nid).await?;
        let unread = self.unread.in_room(actor, &room).await?;
        let member = room.view().members.get(actor.user_id.as_str()).map(|member| member.since);
        let joined = match member {
            Some(member) => {
                let user_id = actor.user_id.clone();
                self.core.store.read(move |db| db.joined_since(nid, &user_id, member, 0)).await?
            }
            None => i64::MAX, // left in this very moment
        };
        Ok(About { room, unread, joined })
    }

    /// The notification of an event, if the user was notified, and how much more work it was to tell than for an
    /// ordinary event.
    async fn judge(
        &self,
        actor: &Actor,
        about: &About,
        row: &EventRow,
        only_highlights: bool,
    ) -> Result<(usize, Option<Notification>)> {
        let pdu = RoomEvent::load_state(about.room.version, row)?.pdu;
        let evaluation = about.unread.evaluate(&actor.user_id, &pdu, row.redacted_by.is_some());
        let work = work(&pdu, evaluation.steps) - 1;
        if !evaluation.notify || (only_highlights && !evaluation.highlight) {
            return Ok((work, None));
        }
        let actions = evaluation.actions.to_vec();
        let Some(event) = self.rooms.event(&about.room, &row.event_id).await? else { return Ok((work, None)) };
        let room = Arc::clone(&about.room);
        let thread = self.core.store.read(move |db| threads::in_database(db, &room, &pdu)).await?;
        let (room_id, read) = (about.room.id.clone(), about.unread.is_read(&thread, row.seq));
        Ok((work, Some(Notification { room_id, event, actions, read })))
    }
}

impl Walk {
    /// The next event of all rooms.
    async fn next(&mut self, core: &Core) -> Result<Option<(Place, EventRow)>> {
        while let Some((place, room)) = self.order.pop() {
            let Some(source) = self.rooms.get_mut(&room) else { continue };
            let next = source.rows.pop_front();
            if source.rows.is_empty() && source.has_more {
                *source = core.store.read(move |db| Source::read(db, room, place, CHUNK)).await?;
            }
            self.order.extend(source.rows.front().map(|(place, _)| (*place, room)));
            if next.is_some() {
                return Ok(next);
            }
        }
        Ok(None)
    }

    /// Leaves out what is left of a room.
    fn leave(&mut self, room: RoomNid) {
        self.rooms.remove(&room);
        self.order.retain(|(_, other)| *other != room);
    }

    fn is_over(&self) -> bool {
        self.order.is_empty()
    }
}

impl Source {
    fn read(db: &Snapshot<'_>, room: RoomNid, before: Place, limit: usize) -> im2_store::Result<Self> {
        let rows = db.events_before(room, (before.ts, before.position), limit)?;
        let has_more = rows.len() == limit;
        let rows = rows.into_iter().map(|(ts, row)| (Place { ts, position: row.position }, row)).collect();
        Ok(Self { rows, has_more })
    }
}

#[cfg(test)]
mod tests {
    use im2_model::Position;

    use super::Place;

    #[test]
    fn a_place_survives_its_text() {
        let place = Place { ts: 1_700_000_000_000, position: Position::new(1, 4711) };
        assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
        for text in ["", "n", "n1", "n1_", "n_1", "n-1_1", "1_1", "n1_x", "n18446744073709551615_1"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
