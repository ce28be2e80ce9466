//! Threads with new replies, over all rooms that a user is in (MSC4360): which they are, those with the latest reply
//! first, and how clients are shown them.
//!
//! Rooms are looked through from the one with the latest activity on, and each from its newest reply back, until there
//! is enough. What one answer has no room or no time for, its token leads to.

use std::{collections::HashSet, fmt, str::FromStr, sync::Arc};

use im2_core::{Code, Core, Error, Result, session::Session};
use im2_model::{EventId, Position, RoomNid, StreamToken};
use im2_store::{Snapshot, rooms::ThreadReply};

use crate::{
    account_data::AccountData,
    rooms::{Actor, Bundles, Form, Reader, Room, RoomEvent, Rooms, TimelineToken, Viewer, write_event},
};

/// Threads in one answer if the client names no number (MSC4360), and the most of them: each is an event with what
/// others add to it.
pub const DEFAULT_LIMIT: usize = 100;
/// Replies of one room that one answer looks at.
const REPLIES: usize = 1_000;
/// Replies read at once: first few, for most rooms have no new ones, then more.
const CHUNKS: [usize; 3] = [4, 32, 256];
/// Newest replies of a thread among which one is looked for that the user may see.
const LOOKED_AT: usize = 10;

/// The use case.
#[derive(Debug, Clone)]
pub struct ThreadUpdates {
    core: Core,
    rooms: Rooms,
    account_data: AccountData,
}

/// A request for a list of updates.
#[derive(Debug, Clone, Default)]
pub struct UpdatesRequest {
    /// Only those after this place.
    pub since: Option<StreamToken>,
    /// Only those that are not after this place; `None` for all up to now.
    pub until: Option<StreamToken>,
    /// Only those before this place.
    pub before: Option<UpdatesToken>,
    /// The maximum number of updates.
    pub limit: usize,
}

/// The place from which a list of updates goes on, backward. As text `u<number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdatesToken(Position);

impl fmt::Display for UpdatesToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u{}", self.0.to_i64())
    }
}

impl FromStr for UpdatesToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.strip_prefix('u').and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        let invalid = || Error::refused(Code::InvalidParam, "this is not a token of this server for thread updates");
        number.map(|number| Self(Position::from_i64(number))).ok_or_else(invalid)
    }
}

/// A thread with new replies.
#[derive(Debug)]
pub struct Update {
    reader: Arc<Reader>,
    root: Arc<RoomEvent>,
    /// The newest reply that the user may see.
    latest: Arc<RoomEvent>,
    /// All new replies.
    pub replies: Vec<EventId>,
}

/// The threads with the latest replies.
#[derive(Debug, Default)]
pub struct Updates {
    /// The latest first.
    pub updates: Vec<Update>,
    /// The token of the rest, if there is more.
    pub next: Option<UpdatesToken>,
}

/// A thread as it is found.
struct Found {
    room: RoomNid,
    root: EventId,
    /// The new replies, the newest first; there is one.
    replies: Vec<ThreadReply>,
}

impl Found {
    fn position(&self) -> Position {
        self.replies.first().map_or_else(Position::default, |reply| reply.position)
    }
}

/// The range of the stream to look through, and how many threads to find.
struct Look {
    since: StreamToken,
    until: StreamToken,
    before: Option<Position>,
    limit: usize,
}

/// The threads found in one look.
#[derive(Default)]
struct Looked {
    found: Vec<Found>,
    /// The position before which not all replies were looked at.
    horizon: Option<Position>,
}

impl ThreadUpdates {
    /// Builds it on the core.
    pub fn new(core: Core, rooms: Rooms, account_data: AccountData) -> Self {
        Self { core, rooms, account_data }
    }

    /// The threads with new replies in the rooms that the user is in.
    pub async fn updates(&self, actor: &Actor, request: UpdatesRequest) -> Result<Updates> {
        let limit = request.limit.clamp(1, DEFAULT_LIMIT);
        if let Some(UpdatesToken(before)) = request.before {
            self.core.catch_up(|reached| reached.includes(before)).await?;
        }
        let look = Look {
            since: request.since.unwrap_or_default(),
            until: request.until.unwrap_or_else(|| self.core.stream.reached()),
            before: request.before.map(|token| token.0),
            limit,
        };
        let rooms = self.rooms_with_news(actor, &look.since).await?;
        let looked = self.core.store.read(move |db| look.through(db, &rooms)).await?;
        let Looked { mut found, horizon } = looked;
        let next = if found.len() > limit { found.get(limit - 1).map(Found::position) } else { horizon };
        found.truncate(limit);
        let ignored = self.account_data.ignored_users(actor.user, &actor.user_id).await?;
        let mut readers: Vec<Arc<Reader>> = Vec::new();
        let mut updates = Vec::new();
        for found in found {
            let at_hand = readers.iter().find(|reader| reader.room.nid == found.room).cloned();
            let reader = if let Some(reader) = at_hand {
                reader
            } else {
                let Some(reader) = self.reader(actor, found.room).await? else { continue };
                readers.push(Arc::clone(&reader));
                reader
            };
            let sees = |event: &RoomEvent| reader.may_see(event) && !ignored.contains(&event.pdu.sender);
            let Some(root) = self.rooms.event(&reader.room, &found.root).await?.filter(|root| reader.may_see(root))
            else {
                continue;
            };
            if let Some(latest) = self.latest(&reader.room, &found, sees).await? {
                let replies = found.replies.into_iter().map(|reply| reply.event_id).collect();
                updates.push(Update { reader, root, latest, replies });
            }
        }
        Ok(Updates { updates, next: next.map(UpdatesToken) })
    }

    /// Writes threads by room and root. The event a thread starts at is there if it is wanted; `prev_batch`, if there
    /// was more than the latest reply.
    pub async fn write<'u>(
        &self,
        session: &Session,
        updates: impl IntoIterator<Item = &'u Update>,
        with_roots: bool,
    ) -> Result<Vec<u8>> {
        let mut rooms: Vec<(&Arc<Reader>, Vec<&Update>)> = Vec::new();
        for update in updates {
            match rooms.iter_mut().find(|(reader, _)| Arc::ptr_eq(reader, &update.reader)) {
                Some((_, threads)) => threads.push(update),
                None => rooms.push((&update.reader, vec![update])),
            }
        }
        let viewer = Viewer::of(session, &self.core);
        let mut out = vec![b'{'];
        for (index, (reader, threads)) in rooms.into_iter().enumerate() {
            let roots: Vec<_> = threads.iter().filter(|_| with_roots).map(|update| Arc::clone(&update.root)).collect();
            let bundles = self.rooms.bundles(reader, &roots).await?;
            let comma = if index > 0 { "," } else { "" };
            out.extend_from_slice(format!("{comma}\"{}\":{{", reader.room.id).as_bytes());
            for (index, update) in threads.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                drop(serde_json::to_writer(&mut out, update.root.id())); // writing to a vector cannot fail
                out.extend_from_slice(b":{");
                update.write(&mut out, with_roots.then_some((&viewer, &bundles)));
                out.push(b'}');
            }
            out.push(b'}');
        }
        out.push(b'}');
        Ok(out)
    }

    /// The rooms the user is in that have any news, those with the latest first, each with where that is.
    async fn rooms_with_news(&self, actor: &Actor, since: &StreamToken) -> Result<Vec<(RoomNid, Position)>> {
        let mine = self.rooms.of_user(actor.user).await?;
        let joined: Vec<RoomNid> =
            mine.all().into_iter().map(|(room, _)| room).filter(|room| mine.is_joined(*room)).collect();
        let summaries = self.rooms.summaries(&joined).await?;
        let lasts = summaries.into_iter().flatten().map(|summary| (summary.room, summary.last()));
        let mut rooms: Vec<_> = lasts.filter(|(_, last)| !since.includes(*last)).collect();
        rooms.sort_unstable_by_key(|(_, last)| std::cmp::Reverse(*last));
        Ok(rooms)
    }

    async fn reader(&self, actor: &Actor, room: RoomNid) -> Result<Option<Arc<Reader>>> {
        let Some(room) = self.rooms.if_there(room).await? else { return Ok(None) };
        Ok(self.rooms.reader_of(actor, room).await?.map(Arc::new))
    }

    /// The newest reply that the user sees.
    async fn latest(
        &self,
        room: &Arc<Room>,
        found: &Found,
        sees: impl Fn(&RoomEvent) -> bool,
    ) -> Result<Option<Arc<RoomEvent>>> {
        for reply in found.replies.iter().take(LOOKED_AT) {
            if let Some(event) = self.rooms.event(room, &reply.event_id).await?.filter(|event| sees(event)) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}

impl Update {
    /// The event that the thread starts at.
    pub fn root(&self) -> &EventId {
        self.root.id()
    }

    fn write(&self, out: &mut Vec<u8>, root: Option<(&Viewer<'_>, &Bundles)>) {
        if let Some((viewer, bundles)) = root {
            out.extend_from_slice(b"\"thread_root\":");
            let membership = self.reader.membership_at(&self.root);
            write_event(out, &self.root, Form::Full, viewer, membership, bundles);
        }
        if self.replies.len() > 1 {
            let comma = if root.is_some() { "," } else { "" };
            let before = TimelineToken(self.latest.seq - 1);
            out.extend_from_slice(format!("{comma}\"prev_batch\":\"{before}\"").as_bytes());
        }
    }
}

impl Look {
    /// Looks through rooms, those with the latest activity first, until no older one can have a later reply.
    fn through(&self, db: &Snapshot<'_>, rooms: &[(RoomNid, Position)]) -> im2_store::Result<Looked> {
        let mut looked = Looked::default();
        for (room, last) in rooms {
            if looked.found.get(self.limit).is_some_and(|found| *last < found.position()) {
                break;
            }
            self.through_room(db, *room, &mut looked)?;
            looked.found.sort_unstable_by_key(|found| std::cmp::Reverse(found.position()));
            looked.found.truncate(self.limit + 1);
        }
        if let Some(horizon) = looked.horizon {
            looked.found.retain(|found| found.position() >= horizon);
        }
        Ok(looked)
    }

    fn through_room(&self, db: &Snapshot<'_>, room: RoomNid, looked: &mut Looked) -> im2_store::Result<()> {
        let mut before = match self.before {
            Some(before) => db.seq_behind(room, |at| at < before)? + 1,
            None => i64::MAX,
        };
        let (mut replies, mut passed): (Vec<ThreadReply>, HashSet<EventId>) = Default::default();
        let mut found: Vec<Found> = Vec::new();
        for limit in CHUNKS.into_iter().chain(std::iter::repeat(CHUNKS[CHUNKS.len() - 1])) {
            let chunk = db.thread_replies(room, before, limit)?;
            let is_last = chunk.len() < limit;
            before = chunk.last().map_or(before, |reply| reply.seq);
            let new: Vec<_> = chunk.into_iter().take_while(|reply| !self.since.includes(reply.position)).collect();
            let is_end = is_last || new.len() < limit;
            replies.extend(new);
            if is_end {
                break;
            }
            if replies.len() >= REPLIES {
                looked.horizon = looked.horizon.max(replies.last().map(|reply| reply.position));
                break;
            }
        }
        for reply in replies.into_iter().filter(|reply| self.until.includes(reply.position)) {
            if let Some(thread) = found.iter_mut().find(|thread| thread.root == reply.root) {
                thread.replies.push(reply);
            } else if !passed.contains(&reply.root) {
                if self.was_told(db, room, &reply)? {
                    passed.insert(reply.root);
                } else {
                    found.push(Found { room, root: reply.root.clone(), replies: vec![reply] });
                }
            }
        }
        looked.found.append(&mut found);
        Ok(())
    }

    /// Whether the thread of a reply has a newer one, and so was in an earlier part of the list.
    fn was_told(&self, db: &Snapshot<'_>, room: RoomNid, reply: &ThreadReply) -> im2_store::Result<bool> {
        if self.before.is_none() {
            return Ok(false);
        }
        Ok(db.newest_reply(room, &reply.root, self.until.stream())?.is_some_and(|newest| newest > reply.position))
    }
}
