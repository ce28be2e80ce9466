//! Receipts and read markers: how far each user has read in a room (spec: client-server API, "Receipts", "Read and
//! unread markers").

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use im2_core::{
    Code, Core, Error, Result,
    committed::{Committed, Local},
    memory::{Cache, Share},
    rate_limits::Quota,
    stream::{Change, ReceiptChange},
};
use im2_kernel::{
    relations::{Relation, Thread},
    unread::ReadUpTo,
};
use im2_model::{EventId, Position, Reached, RoomId, RoomNid, StreamToken, UserNid};
use im2_store::{
    Snapshot,
    receipts::{MarkRead, MarkedRead, ReadMarker, Receipt},
};
use quick_cache::sync::GuardResult;
use serde_json::{Map, Value, json};

use crate::{
    account_data::{self, FULLY_READ},
    rooms::{Actor, Room, RoomEvent, Rooms},
    threads,
};

/// Estimated memory for one of a user's own receipts, in bytes.
const RECEIPT: usize = 128;

/// A request to move one of a user's marks.
#[derive(Debug, Clone)]
pub struct Marker {
    /// The mark that is moved.
    pub kind: MarkerKind,
    /// The last event that is read.
    pub event_id: EventId,
    /// The thread; `None` for the room regardless of threads.
    pub thread: Option<Thread>,
}

/// The marks that a user has in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkerKind {
    /// The receipt that everybody in the room sees.
    Read,
    /// The receipt that only its owner's devices see.
    ReadPrivate,
    /// The fully-read marker, kept as account data.
    FullyRead,
}

impl MarkerKind {
    /// The mark that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::ReadPrivate, Self::FullyRead].into_iter().find(|kind| kind.as_str() == text)
    }

    /// The mark's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "m.read",
            Self::ReadPrivate => "m.read.private",
            Self::FullyRead => FULLY_READ,
        }
    }
}

/// How far one user has read in one room, by the receipts sent.
#[derive(Debug, Clone, Default)]
pub struct OwnReceipts {
    /// By thread.
    pub read: ReadUpTo<i64>,
    /// In the main timeline.
    pub main: i64,
    count: u64,
}

impl OwnReceipts {
    /// Receipts that say this together.
    pub(crate) fn of(read: ReadUpTo<i64>, main: i64) -> Self {
        Self { read, main, count: 0 }
    }

    /// Sums up a user's receipts in a room.
    fn of_all<'a>(receipts: impl Iterator<Item = &'a Receipt> + Clone) -> Self {
        let unthreaded = receipts.clone().filter(|receipt| receipt.thread_id.is_none());
        let everywhere = unthreaded.map(|receipt| receipt.event_seq).max();
        let mut own = Self::default();
        // A thread's receipt that an unthreaded one has overtaken says nothing any more.
        for receipt in receipts.filter(|receipt| Some(receipt.event_seq) >= everywhere) {
            let thread = receipt.thread_id.as_deref().and_then(Thread::parse);
            own.record(thread.as_ref(), receipt.event_seq);
        }
        own
    }

    fn record(&mut self, thread: Option<&Thread>, seq: i64) {
        self.read.record(thread, seq);
        if !matches!(thread, Some(Thread::Root(_))) {
            self.main = self.main.max(seq);
        }
        self.count += 1;
    }
}

/// The use cases of receipts.
#[derive(Debug, Clone)]
pub struct Receipts {
    core: Core,
    rooms: Rooms,
    own: Cache<(UserNid, RoomNid), Arc<OwnReceipts>>,
}

impl Receipts {
    /// Builds it on the core.
    pub fn new(core: Core, rooms: Rooms) -> Self {
        let weigh = |_: &(UserNid, RoomNid), own: &Arc<OwnReceipts>| RECEIPT * (1 + own.count as usize);
        Self { own: Cache::new(&core.memory, "receipts", Share::ThirtySecond, weigh), core, rooms }
    }

    /// Moves marks of `actor` in a room forward, all or none. A mark never moves back: one that is further already
    /// stays where it is.
    pub async fn mark(&self, actor: &Actor, room_id: &RoomId, markers: Vec<Marker>) -> Result<()> {
        let room = self.rooms.joined(actor, room_id).await?;
        let mut moves = Vec::with_capacity(markers.len());
        for marker in markers {
            let event = self.rooms.event(&room, &marker.event_id).await?;
            let event = event.ok_or_else(|| Error::refused(Code::NotFound, "there is no such event in this room"))?;
            self.check_thread(&room, &marker, &event).await?;
            moves.push((marker, event.seq));
        }
        let now = self.core.now();
        let (markers, receipts): (Vec<_>, Vec<_>) =
            moves.into_iter().partition(|(marker, _)| marker.kind == MarkerKind::FullyRead);
        let marker = markers.into_iter().max_by_key(|(_, seq)| *seq);
        let marker = marker.map(|(marker, event_seq)| ReadMarker {
            kind: FULLY_READ,
            content: json!({ "event_id": marker.event_id }).to_string(),
            event_seq,
            names: fully_read_event,
        });
        let receipt = |(marker, event_seq): (Marker, i64)| Receipt {
            room: room.nid,
            user: actor.user,
            user_id: actor.user_id.clone(),
            kind: marker.kind.as_str().to_owned(),
            thread_id: marker.thread.map(|thread| thread.as_str().to_owned()),
            event_id: marker.event_id,
            event_seq,
            ts: now,
            position: Position::default(),
        };
        let receipts = receipts.into_iter().map(receipt).collect();
        let most = self.core.limits.quota(Quota::ThreadReceipts);
        let command = MarkRead { room: room.nid, user: actor.user, receipts, marker, most };
        let tell = move |command: &MarkRead, marked: &Option<MarkedRead>| news_of(&room, command, marked.as_ref());
        let marked = self.core.store.carry_out(command, tell).await?;
        marked.map(drop).ok_or_else(|| self.core.limits.over_quota(Quota::ThreadReceipts))
    }

    /// The receipts of a room that `reader` may see: what an initial sync delivers.
    pub async fn in_room(&self, room: RoomNid, reader: UserNid) -> Result<Vec<ReceiptChange>> {
        let receipts = self.core.store.read(move |db| db.receipts_in_rooms(&[room], reader)).await?;
        Ok(receipts.into_iter().map(change).collect())
    }

    /// The receipts of rooms that `reader` may see, those of each room together.
    pub async fn in_rooms(&self, rooms: Vec<RoomNid>, reader: UserNid) -> Result<Vec<Vec<ReceiptChange>>> {
        let wanted = rooms.clone();
        let found = self.core.store.read(move |db| db.receipts_in_rooms(&wanted, reader)).await?;
        let mut found = by_room(&rooms, found);
        let receipts = rooms.into_iter().map(|room| found.remove(&room).unwrap_or_default());
        Ok(receipts.map(|receipts| receipts.into_iter().map(change).collect()).collect())
    }

    /// The receipts of a room that `reader` may see and that moved after `since`.
    pub async fn since(&self, room: RoomNid, reader: UserNid, since: &StreamToken) -> Result<Vec<ReceiptChange>> {
        let since = since.clone();
        let receipts = self.core.store.read(move |db| db.receipts_since(room, reader, &since)).await?;
        Ok(receipts.into_iter().map(change).collect())
    }

    /// The same of all rooms that `reader` is joined to, for a token that the stream's stretch in memory no longer
    /// covers.
    pub async fn since_in_all(&self, reader: UserNid, since: &StreamToken) -> Result<Vec<ReceiptChange>> {
        let since = since.clone();
        let receipts = self.core.store.read(move |db| db.receipts_of_rooms_since(reader, &since)).await?;
        Ok(receipts.into_iter().map(change).collect())
    }

    /// All receipts of `rooms`, private ones too, that moved after `after` and not after `until`, with their places in
    /// the stream.
    pub async fn between(
        &self,
        rooms: impl IntoIterator<Item = RoomNid>,
        after: &Reached,
        until: &Reached,
    ) -> Result<Vec<(Position, ReceiptChange)>> {
        let (rooms, after, until) = (rooms.into_iter().collect::<Vec<_>>(), after.clone(), until.clone());
        let read = move |db: &Snapshot<'_>| {
            let mut receipts = Vec::new();
            for room in rooms {
                receipts.append(&mut db.receipts_between(room, &after, &until)?);
            }
            Ok(receipts)
        };
        let receipts = self.core.store.read(read).await?;
        Ok(receipts.into_iter().map(|receipt| (receipt.position, change(receipt))).collect())
    }

    /// How far a user has read in a room. The same value as long as nothing changes.
    pub(crate) async fn own(&self, user: UserNid, room: RoomNid) -> Result<Arc<OwnReceipts>> {
        let load = async {
            let receipts = self.core.store.read(move |db| db.receipts_of(&[room], user)).await?;
            Ok(Arc::new(OwnReceipts::of_all(receipts.iter())))
        };
        // A commit that changes or removes the entry while it loads also drops what was loaded.
        self.own.get_or_insert_async(&(user, room), load).await
    }

    /// Brings into memory how far `user` has read in each of `rooms`, with one look into the database. With
    /// `everybody`, gives all receipts of these rooms that `user` may see, too.
    pub async fn preload(
        &self,
        user: UserNid,
        rooms: Vec<RoomNid>,
        everybody: bool,
    ) -> Result<HashMap<RoomNid, Vec<ReceiptChange>>> {
        let mut absent = Vec::new();
        for room in &rooms {
            // What somebody else is loading is left to them, so that nobody waits for each other.
            if let GuardResult::Guard(guard) = self.own.get_value_or_guard(&(user, *room), Some(Duration::ZERO)) {
                absent.push((*room, guard));
            }
        }
        let wanted = if everybody { rooms } else { absent.iter().map(|(room, _)| *room).collect() };
        let read = move |db: &Snapshot<'_>| {
            let receipts = if everybody { db.receipts_in_rooms(&wanted, user) } else { db.receipts_of(&wanted, user) };
            Ok(by_room(&wanted, receipts?))
        };
        let found = self.core.store.read(read).await?;
        for (room, guard) in absent {
            let own = found.get(&room).into_iter().flatten().filter(|receipt| receipt.user == user);
            // A commit that changes or removes the entry while it loads also drops what was loaded.
            drop(guard.insert(Arc::new(OwnReceipts::of_all(own))));
        }
        if !everybody {
            return Ok(HashMap::new());
        }
        Ok(found.into_iter().map(|(room, receipts)| (room, receipts.into_iter().map(change).collect())).collect())
    }

    async fn check_thread(&self, room: &Arc<Room>, marker: &Marker, event: &Arc<RoomEvent>) -> Result<()> {
        let Some(thread) = &marker.thread else { return Ok(()) };
        if marker.kind == MarkerKind::FullyRead {
            return Err(Error::refused(Code::InvalidParam, "m.fully_read cannot have a thread_id"));
        }
        if *thread == Thread::Main && Relation::of(&event.pdu).is_none() {
            return Ok(());
        }
        let (room, thread, event) = (Arc::clone(room), thread.clone(), Arc::clone(event));
        let fits = self.core.store.read(move |db| threads::accepts(db, &room, &thread, &event.pdu)).await?;
        if fits { Ok(()) } else { Err(Error::refused(Code::InvalidParam, "the event does not belong to this thread")) }
    }

    /// Takes in a receipt that is committed, and tells the world of it.
    pub(crate) fn apply(&self, receipt: &Receipt, handle: &Local) {
        let key = (receipt.user, receipt.room);
        let thread = receipt.thread_id.as_deref().and_then(Thread::parse);
        match self.own.peek(&key) {
            Some(own) => {
                let mut own = OwnReceipts::clone(&own);
                own.record(thread.as_ref(), receipt.event_seq);
                self.own.insert(key, Arc::new(own));
            }
            None => drop(self.own.remove(&key)),
        }
        let is_private = receipt.kind == MarkerKind::ReadPrivate.as_str();
        self.core.stream.publish(receipt.position, Change::Receipt(Arc::new(change(receipt.clone()))));
        if is_private {
            self.core.bus.wake(key.0);
        } else {
            self.rooms.wake_joined(receipt.room, handle);
        }
    }
}

/// Receipts by room, with an entry for each of `rooms`.
fn by_room(rooms: &[RoomNid], receipts: Vec<Receipt>) -> HashMap<RoomNid, Vec<Receipt>> {
    let mut found: HashMap<_, Vec<_>> = rooms.iter().map(|room| (*room, Vec::new())).collect();
    for receipt in receipts {
        found.entry(receipt.room).or_default().push(receipt);
    }
    found
}

/// The event that the content of a fully-read marker names.
fn fully_read_event(content: &str) -> Option<EventId> {
    let content: Value = serde_json::from_str(content).ok()?;
    EventId::parse(content.get("event_id")?.as_str()?).ok()
}

/// What is told of receipts and a marker that were moved.
fn news_of(room: &Arc<Room>, command: &MarkRead, marked: Option<&MarkedRead>) -> im2_store::Result<Vec<Committed>> {
    let Some(MarkedRead { receipts, marker }) = marked else { return Ok(Vec::new()) };
    let told = |receipt: &Receipt| Committed::Receipt(receipt.clone(), Local::new(Arc::clone(room)));
    let mut news: Vec<_> = receipts.iter().map(told).collect();
    if let (Some(position), Some(moved)) = (marker, &command.marker) {
        let entry = account_data::Entry { user: command.user, room: Some(command.room), kind: moved.kind };
        news.push(account_data::news_of(entry, &moved.content, *position)?);
    }
    Ok(news)
}

fn change(receipt: Receipt) -> ReceiptChange {
    let Receipt { room, user, user_id, kind, thread_id, event_id, ts, .. } = receipt;
    ReceiptChange { room, user, user_id, kind: kind.into(), thread_id: thread_id.map(Into::into), event_id, ts }
}

/// The `m.receipt` events that tell a client of `changes` in one room, given oldest first. Usually one; a user's
/// receipts of several threads for the same event need an event each, because the content has no place for both.
pub fn receipt_events<'a>(changes: impl IntoIterator<Item = &'a ReceiptChange>) -> Vec<Value> {
    let mut newest = BTreeMap::new();
    for change in changes {
        newest.insert((&change.user_id, &*change.kind, change.thread_id.as_deref()), change);
    }
    let mut contents: Vec<Map<String, Value>> = Vec::new();
    for ((user_id, kind, thread_id), change) in newest {
        let mut receipt = json!({ "ts": change.ts });
        if let Some(thread_id) = thread_id {
            receipt["thread_id"] = thread_id.into();
        }
        let event_id = change.event_id.as_str();
        let taken = |content: &Map<String, Value>| {
            content.get(event_id).and_then(|kinds| kinds.get(kind)?.get(user_id.as_str())).is_some()
        };
        let place = contents.iter().position(|content| !taken(content)).unwrap_or_else(|| {
            contents.push(Map::new());
            contents.len() - 1
        });
        let kinds = contents[place].entry(event_id).or_insert_with(|| json!({}));
        kinds[kind][user_id.as_str()] = receipt;
    }
    contents.into_iter().map(|content| json!({ "type": "m.receipt", "content": content })).collect()
}

#[cfg(test)]
mod tests {
    use im2_model::{EventId, RoomNid, UserId, UserNid};
    use serde_json::json;

    use super::receipt_events;
    use im2_core::stream::ReceiptChange;

    fn receipt(user: &str, kind: &str, thread: Option<&str>, event: &str, ts: u64) -> ReceiptChange {
        ReceiptChange {
            room: RoomNid(1),
            user: UserNid(1),
            user_id: UserId::parse(user).unwrap(),
            kind: kind.into(),
            thread_id: thread.map(Into::into),
            event_id: EventId::parse(event).unwrap(),
            ts,
        }
    }

    #[test]
    fn the_newest_of_each_user_kind_and_thread_is_told() {
        let changes = [
            receipt("@ana:x", "m.read", None, "$old", 1),
            receipt("@ana:x", "m.read", None, "$new", 2),
            receipt("@ana:x", "m.read.private", Some("$root"), "$new", 3),
            receipt("@ben:x", "m.read", Some("main"), "$new", 4),
        ];
        let expected = json!({ "type": "m.receipt", "content": { "$new": {
            "m.read": { "@ana:x": { "ts": 2 }, "@ben:x": { "ts": 4, "thread_id": "main" } },
            "m.read.private": { "@ana:x": { "ts": 3, "thread_id": "$root" } },
        } } });
        assert_eq!(receipt_events(&changes), [expected]);
        assert!(receipt_events(&[]).is_empty());
    }

    #[test]
    fn two_threads_at_one_event_take_two_events() {
        let changes =
            [receipt("@ana:x", "m.read", None, "$new", 1), receipt("@ana:x", "m.read", Some("main"), "$new", 2)];
        let content =
            |receipt| json!({ "type": "m.receipt", "content": { "$new": { "m.read": { "@ana:x": receipt } } } });
        let expected = [content(json!({ "ts": 1 })), content(json!({ "ts": 2, "thread_id": "main" }))];
        assert_eq!(receipt_events(&changes), expected);
    }
}
