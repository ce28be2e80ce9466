//! An event as the engine keeps it: parsed once, serialised once, shared by all who read it.

use std::{collections::HashMap, sync::Arc};

use im2_kernel::{
    client::{client_event, stripped_state},
    content::Membership,
    event::Pdu,
    relations::Relation,
    version::RoomVersion,
};
use im2_model::{EventId, Millis, Position, RoomNid, UserId, UserNid};
use im2_store::{
    Snapshot,
    rooms::{Direction, EventRow, ReplacedBy, TimelineRow, TransactionKey},
};
use serde_json::{Map, Value};

use crate::{Error, memory::Counted};

/// An event with its place in the room and in the stream.
#[derive(Debug)]
pub struct RoomEvent {
    /// The room.
    pub room: RoomNid,
    /// Its place in the stream.
    pub position: Position,
    /// Its place in the room: from 1 in the timeline, below 0 for what is only state. Since when it is the state is
    /// another matter.
    pub seq: i64,
    /// The sender's number.
    pub sender: UserNid,
    /// For member events: the number of the user whose membership it is, where that is known.
    pub member: Option<UserNid>,
    /// The event itself, for rules. Readers are shown it by `write_event` in `im2-chat`, which knows who looks.
    pub pdu: Arc<Pdu>,
    /// The transaction in which a client sent it.
    pub transaction: Option<TransactionKey>,
    /// The state that it replaced, for state events.
    pub replaced: Option<Replaced>,
    /// Its relation to another event.
    pub relation: Option<Relation>,
    /// The event that redacted it.
    pub redacted_because: Option<RedactedBecause>,
    /// Counts the memory that it takes, once a room keeps it.
    pub counted: Counted,
}

/// A room's state that is another from a number of the room on, because branches of the room were put together. It has a
/// place in the room and in the stream as an event has, and nothing to be shown.
#[derive(Debug)]
pub struct ResolvedState {
    /// The room.
    pub room: RoomNid,
    /// Its place in the stream.
    pub position: Position,
    /// Its place in the room.
    pub seq: i64,
    /// The entries that are other ones.
    pub entries: Vec<ResolvedEntry>,
}

impl ResolvedState {
    /// The same without the events: so that whoever keeps it does not keep what is redacted later.
    #[must_use]
    pub fn without_events(&self) -> Self {
        let without = |entry: &ResolvedEntry| ResolvedEntry { event: None, ..entry.clone() };
        Self { entries: self.entries.iter().map(without).collect(), ..*self }
    }
}

/// An entry of a room's state that is another.
#[derive(Debug, Clone)]
pub struct ResolvedEntry {
    /// Its type.
    pub kind: Box<str>,
    /// Its state key.
    pub state_key: Box<str>,
    /// The event that it is now; `None` if it has no value any more.
    pub event: Option<Arc<RoomEvent>>,
    /// For member events: the number of the user.
    pub member: Option<UserNid>,
    /// For member events: whether the user was joined before.
    pub was_joined: bool,
    /// For member events: the user's membership now.
    pub membership: Membership,
}

/// The event that redacted another.
#[derive(Debug, Clone)]
pub struct RedactedBecause {
    /// The redaction.
    pub event_id: EventId,
    /// Its form for clients.
    pub json: Box<str>,
}

impl RedactedBecause {
    fn of(pdu: &Pdu) -> Self {
        Self { event_id: pdu.event_id.clone(), json: client_event(pdu, true) }
    }
}

/// The state that a state event replaced.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// The event replaced.
    pub event_id: EventId,
    /// The sender of that event.
    pub sender: UserId,
    /// Its content, JSON.
    pub content: Box<str>,
}

impl Replaced {
    /// The parts of `pdu`, an event that another replaces, that the other keeps.
    pub fn of(pdu: &Pdu) -> Self {
        Self { event_id: pdu.event_id.clone(), sender: pdu.sender.clone(), content: pdu.content_json().into() }
    }

    /// Loads the event that `pdu`, the event in `row`, replaced; `None` if it replaced none.
    fn load(db: &Snapshot<'_>, version: RoomVersion, row: &EventRow, pdu: &Pdu) -> im2_store::Result<Option<Self>> {
        let Some(key) = &pdu.state_key else { return Ok(None) };
        let replaced = db.replaced_state(row.room, &pdu.kind, key, row.seq)?;
        Ok(replaced.map(|row| parse(version, &row)).transpose()?.map(|pdu| Self::of(&pdu)))
    }
}

impl RoomEvent {
    /// Whether the event makes somebody a member who was not one before.
    pub fn lets_in(&self) -> bool {
        let content = self.replaced.as_ref().map(|replaced| &*replaced.content);
        let before = content.and_then(|content| serde_json::from_str::<Value>(content).ok());
        let was_joined = before.is_some_and(|before| before["membership"] == Membership::Join.as_str());
        self.pdu.membership == Some(Membership::Join) && !was_joined
    }

    /// The event as it was signed, whoever may see it: for checks of what is stored. Clients are shown what
    /// [`write_event`](crate::rooms::write_event) makes of it.
    pub fn signed(&self) -> &Pdu {
        &self.pdu
    }

    /// The event's identifier.
    pub fn id(&self) -> &EventId {
        &self.pdu.event_id
    }

    /// The event's type.
    pub fn kind(&self) -> &str {
        &self.pdu.kind
    }

    /// Its state key, for state.
    pub fn state_key(&self) -> Option<&str> {
        self.pdu.state_key.as_deref()
    }

    /// Whether it is state.
    pub fn is_state(&self) -> bool {
        self.pdu.is_state()
    }

    /// Whether the content has a `url`, which is what filters know files by.
    pub fn has_url(&self) -> bool {
        has_url(self.pdu.content_json())
    }

    /// Whether its content is gone.
    pub fn is_redacted(&self) -> bool {
        self.redacted_because.is_some()
    }

    /// The sender.
    pub fn sender_id(&self) -> &UserId {
        &self.pdu.sender
    }

    /// `origin_server_ts`.
    pub fn ts(&self) -> Millis {
        self.pdu.origin_server_ts
    }

    /// The content of a state event, JSON: who may read the state may read all of it.
    pub fn state_content(&self) -> Option<&str> {
        self.is_state().then(|| self.pdu.content_json())
    }

    /// A state event as stripped state.
    pub fn stripped(&self) -> Option<Box<str>> {
        stripped_state(&self.pdu)
    }

    /// The memory that it takes, in bytes: its texts, and a part that is the same for every event.
    pub fn weight(&self) -> usize {
        // The identifiers, and what the allocator rounds up.
        const TEXTS: usize = 320;
        let replaced = self.replaced.as_ref().map_or(0, |replaced| 128 + replaced.content.len());
        let redaction = self.redacted_because.as_ref().map_or(0, |redaction| 64 + redaction.json.len());
        size_of::<Self>() + size_of::<Pdu>() + TEXTS + self.pdu.json().len() + replaced + redaction
    }

    /// The same event after `redaction` has taken its content.
    #[must_use]
    pub fn redacted(&self, pdu: Pdu, redaction: &Pdu) -> Self {
        Self {
            room: self.room,
            position: self.position,
            seq: self.seq,
            sender: self.sender,
            member: self.member,
            pdu: Arc::new(pdu),
            transaction: self.transaction.clone(),
            relation: None,
            replaced: self.replaced.clone(),
            redacted_because: Some(RedactedBecause::of(redaction)),
            counted: Counted::default(),
        }
    }

    /// Whether it has a copy of what another event says: the state that it replaced, or its redaction.
    pub fn copies(&self, event_id: &EventId) -> bool {
        let replaces = self.replaced.as_ref().is_some_and(|replaced| replaced.event_id == *event_id);
        replaces || self.redacted_because.as_ref().is_some_and(|redaction| redaction.event_id == *event_id)
    }

    /// The same event for another process: nothing of what it takes in memory is counted.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self {
            room: self.room,
            position: self.position,
            seq: self.seq,
            sender: self.sender,
            member: self.member,
            pdu: Arc::clone(&self.pdu),
            transaction: self.transaction.clone(),
            relation: self.relation.clone(),
            replaced: self.replaced.clone(),
            redacted_because: self.redacted_because.clone(),
            counted: Counted::default(),
        }
    }

    /// The same event, with what is left of `redacted` where it copies that.
    #[must_use]
    pub fn with_copy_of(&self, redacted: &Pdu) -> Self {
        let mut event = self.copied();
        event.refresh_copy_of(redacted);
        event.counted.count_as(&self.counted, || event.weight());
        event
    }

    /// Makes its copy of `original` say what that says now.
    fn refresh_copy_of(&mut self, original: &Pdu) {
        let id = &original.event_id;
        if self.replaced.as_ref().is_some_and(|replaced| replaced.event_id == *id) {
            self.replaced = Some(Replaced::of(original));
        }
        if self.redacted_because.as_ref().is_some_and(|redaction| redaction.event_id == *id) {
            self.redacted_because = Some(RedactedBecause::of(original));
        }
    }

    /// Makes an event of its row, with what belongs to it from other rows.
    pub fn load(db: &Snapshot<'_>, version: RoomVersion, row: &EventRow) -> im2_store::Result<Self> {
        let pdu = parse(version, row)?;
        let replaced = Replaced::load(db, version, row, &pdu)?;
        let transaction = db.transaction_at(row.position)?;
        let redacted_because = match &row.redacted_by {
            Some(by) => redaction(db, version, row.room, by)?,
            None => None,
        };
        Ok(Self { transaction, replaced, redacted_because, ..Self::plain(row, pdu) })
    }

    /// The same for a row of any room.
    pub fn load_row(db: &Snapshot<'_>, row: &EventRow) -> im2_store::Result<Arc<Self>> {
        let corrupt = || im2_store::Error::Corrupt(format!("event {}: no room of a known version", row.event_id));
        let room = db.room_by_nid(row.room)?.ok_or_else(corrupt)?;
        let version = RoomVersion::understood(&room.version).ok_or_else(corrupt)?;
        Self::load(db, version, row).map(Arc::new)
    }

    /// Makes an event of its row for the state of a room: without what only timelines show.
    pub fn load_state(version: RoomVersion, row: &EventRow) -> im2_store::Result<Self> {
        Ok(Self::plain(row, parse(version, row)?))
    }

    fn plain(row: &EventRow, pdu: Pdu) -> Self {
        Self {
            room: row.room,
            position: row.position,
            seq: row.seq,
            sender: row.sender,
            member: None,
            relation: Relation::of(&pdu),
            pdu: Arc::new(pdu),
            transaction: None,
            replaced: None,
            redacted_because: None,
            counted: Counted::default(),
        }
    }
}

/// Whether a content has a `url`.
pub fn has_url(content: &str) -> bool {
    let is_key = || serde_json::from_str::<Map<String, Value>>(content).is_ok_and(|map| map.contains_key("url"));
    content.contains("\"url\"") && is_key()
}

/// A redaction by its identifier; `None` if the room has no such event.
pub fn redaction(
    db: &Snapshot<'_>,
    version: RoomVersion,
    room: RoomNid,
    event_id: &EventId,
) -> im2_store::Result<Option<RedactedBecause>> {
    let redaction = db.event(room, event_id)?.map(|row| parse(version, &row)).transpose()?;
    Ok(redaction.map(|pdu| RedactedBecause::of(&pdu)))
}

fn parse(version: RoomVersion, row: &EventRow) -> im2_store::Result<Pdu> {
    parse_text(version, &row.event_id, &row.pdu)
}

fn parse_text(version: RoomVersion, event_id: &EventId, pdu: &str) -> im2_store::Result<Pdu> {
    Pdu::from_stored(version, Some(event_id.clone()), pdu)
        .map_err(|error| im2_store::Error::Corrupt(format!("event {event_id}: {error}")))
}

impl From<im2_kernel::event::EventError> for Error {
    fn from(error: im2_kernel::event::EventError) -> Self {
        use crate::Code;
        use im2_kernel::event::EventError;
        let code = match error {
            EventError::TooLarge(_) | EventError::KeyTooLong(_) => Code::TooLarge,
            EventError::Malformed(_) | EventError::NotCanonical(_) => Code::BadJson,
        };
        Self::refused(code, error.to_string())
    }
}

impl From<im2_kernel::auth::AuthError> for Error {
    fn from(error: im2_kernel::auth::AuthError) -> Self {
        Self::refused(crate::Code::Forbidden, error.to_string())
    }
}

/// Does as [`RoomEvent::load`] for many rows.
pub fn load_all(db: &Snapshot<'_>, version: RoomVersion, rows: &[EventRow]) -> im2_store::Result<Vec<Arc<RoomEvent>>> {
    rows.iter().map(|row| RoomEvent::load(db, version, row).map(Arc::new)).collect()
}

/// Up to `limit` events of a room beyond number `from` in `direction`, in that order: what [`RoomEvent::load`] makes
/// of them, with few statements.
pub fn load_timeline(
    db: &Snapshot<'_>,
    (room, version): (RoomNid, RoomVersion),
    from: i64,
    direction: Direction,
    limit: usize,
) -> im2_store::Result<Vec<Arc<RoomEvent>>> {
    let mut rows = db.timeline_from(room, from, direction, limit)?;
    if direction == Direction::Backward {
        rows.reverse();
    }
    let mut events = load_stretches(db, vec![(version, rows)])?.pop().unwrap_or_default();
    if direction == Direction::Backward {
        events.reverse();
    }
    Ok(events)
}

/// Does as [`RoomEvent::load`] for stretches of timelines, each of one room and the oldest event first. The event that
/// another replaced is not looked up if it is in the same stretch, and else with one statement for all.
pub fn load_stretches(
    db: &Snapshot<'_>,
    stretches: Vec<(RoomVersion, Vec<TimelineRow>)>,
) -> im2_store::Result<Vec<Vec<Arc<RoomEvent>>>> {
    let parsed = stretches.into_iter().map(|(version, rows)| Stretch::parse(version, rows));
    let stretches: Vec<_> = parsed.collect::<im2_store::Result<_>>()?;
    let wanted: Vec<_> = stretches.iter().flat_map(Stretch::wanted).collect();
    let found = db.replaced_states(&wanted)?.into_iter().map(|(room, by, event)| ((room, by), event));
    let found: HashMap<_, _> = found.collect();
    stretches.into_iter().map(|stretch| stretch.load(&found)).collect()
}

/// Consecutive events of a room, the oldest first.
struct Stretch {
    version: RoomVersion,
    events: Vec<Parsed>,
}

/// An event of a stretch.
struct Parsed {
    row: TimelineRow,
    pdu: Pdu,
    replaces: Replaces,
}

/// The place of the event that an event replaced.
enum Replaces {
    Nothing,
    /// This event of the stretch.
    Nearby(usize),
    /// Perhaps something before the stretch.
    Earlier,
}

impl Stretch {
    fn parse(version: RoomVersion, rows: Vec<TimelineRow>) -> im2_store::Result<Self> {
        // Where numbers are left out, something was purged, or the state was resolved: what was replaced need not be
        // here.
        let is_dense = rows.windows(2).all(|pair| pair[0].event.seq + 1 == pair[1].event.seq);
        // Nothing that was replaced lies before the first event of a room that began here.
        let is_first = is_dense && rows.first().is_some_and(|row| row.event.seq == 1);
        let mut events: Vec<Parsed> = Vec::with_capacity(rows.len());
        for row in rows {
            let pdu = parse(version, &row.event)?;
            let nearby = pdu.state_key.as_deref().filter(|_| is_dense);
            let nearby = nearby.and_then(|key| events.iter().rposition(|event| event.pdu.is(&pdu.kind, key)));
            let replaces = match nearby {
                Some(index) => Replaces::Nearby(index),
                None if is_first || pdu.state_key.is_none() => Replaces::Nothing,
                None => Replaces::Earlier,
            };
            events.push(Parsed { row, pdu, replaces });
        }
        Ok(Self { version, events })
    }

    /// The replaced events that have to be looked up.
    fn wanted(&self) -> impl Iterator<Item = ReplacedBy<'_>> {
        self.events.iter().filter(|event| matches!(event.replaces, Replaces::Earlier)).filter_map(
            |Parsed { row, pdu, .. }| {
                let (room, seq) = (row.event.room, row.event.seq);
                Some(ReplacedBy { room, kind: &pdu.kind, state_key: pdu.state_key.as_deref()?, seq })
            },
        )
    }

    fn load(self, found: &HashMap<(RoomNid, i64), EventRow>) -> im2_store::Result<Vec<Arc<RoomEvent>>> {
        let mut loaded: Vec<Arc<RoomEvent>> = Vec::with_capacity(self.events.len());
        for Parsed { row: TimelineRow { event, transaction, redaction }, pdu, replaces } in self.events {
            let replaced = match replaces {
                Replaces::Nothing => None,
                Replaces::Nearby(index) => Some(Replaced::of(&loaded[index].pdu)),
                Replaces::Earlier => {
                    let earlier =
                        found.get(&(event.room, event.seq)).map(|row| parse(self.version, row)).transpose()?;
                    earlier.map(|pdu| Replaced::of(&pdu))
                }
            };
            let redaction = redaction.map(|row| parse_text(self.version, &row.event_id, &row.pdu)).transpose()?;
            let redacted_because = redaction.map(|pdu| RedactedBecause::of(&pdu));
            loaded.push(Arc::new(RoomEvent {
                transaction,
                replaced,
                redacted_because,
                ..RoomEvent::plain(&event, pdu)
            }));
        }
        Ok(loaded)
    }
}
