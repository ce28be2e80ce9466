//! Rooms, their events, state and members.

mod append;
mod backfill;
mod directory;
mod events;
mod graph;
mod listing;
mod members;
mod purge;
mod purged;
mod relations;
mod resolutions;
mod set_aside;
mod state;
mod states;
mod summaries;

pub(crate) use append::APPENDING;
pub use append::{Append, Appended, NewEvent, Redaction, Relation, TransactionKey};
pub use directory::PublishedRoom;
pub use events::{Direction, EventRow, EventText, EventsBetween, RedactionRow, TimelineRow};
pub use listing::{ListedRoom, RoomOrder, RoomsQuery};
pub use members::{MemberEvent, MembershipRow, RoomMember};
pub use purge::PurgedEvent;
pub use purged::PurgedRoomRow;
pub use relations::{RECURSION_DEPTH, Referring, Related, RelatedQuery, ThreadReply, ThreadSummary};
pub use resolutions::{Resolved, ResolvedEntry};
pub use set_aside::{SetAside, Why};
pub(crate) use state::SINCE;
pub use state::{ReplacedBy, StateRow, VanishedRow};
pub use states::{StateBase, StateId};
pub use summaries::{SummaryChange, SummaryRow};

use std::collections::HashMap;

use im2_model::{Millis, RoomId, RoomNid};

use crate::{Result, Row, Snapshot, Transaction, values::Value};

/// A room's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRow {
    /// Its number.
    pub nid: RoomNid,
    /// Its identifier.
    pub room_id: RoomId,
    /// Its version, as the specification names it.
    pub version: String,
    /// The room's sequence: the number of its last event, or of the last resolution of its state.
    pub head_seq: i64,
    /// The number of its first event that is here.
    pub first_seq: i64,
    /// How much of it is here.
    pub kind: RoomKind,
}

/// How much of a room is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomKind {
    /// Its events from some time on, and its state.
    Here,
    /// The same, but not yet the state of all its members.
    Partial,
    /// An invite to it or a knock at it, with what those show of it. It has no events.
    Elsewhere,
}

impl RoomKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Partial => "partial",
            Self::Elsewhere => "elsewhere",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Here, Self::Partial, Self::Elsewhere].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The number before the first one of a room that begins elsewhere: in the middle, so that what was there before can be
/// numbered backward from it.
const BEFORE_ELSEWHERE: i64 = (1 << 40) - 1;

impl Snapshot<'_> {
    /// The room called `room_id`.
    pub fn room(&self, room_id: &RoomId) -> Result<Option<RoomRow>> {
        self.row(&room_query("room_id = ?1 AND NOT purging"), [room_id.as_str()], read_room)
    }

    /// The rooms of these identifiers, in no order; unknown ones are left out.
    pub fn rooms_by_id(&self, rooms: &[RoomId]) -> Result<Vec<RoomRow>> {
        let sql = |slots: &str| room_query(&format!("room_id IN ({slots}) AND NOT purging"));
        self.rows_of_set(&[], rooms.iter().map(|room| Value::Text(room.as_str())), sql, read_room)
    }

    /// The room numbered `nid`.
    pub fn room_by_nid(&self, nid: RoomNid) -> Result<Option<RoomRow>> {
        self.row(&room_query("nid = ?1 AND NOT purging"), [nid.0], read_room)
    }

    /// The rooms of these numbers, in no order; unknown ones are left out.
    pub fn rooms_by_nid(&self, rooms: &[RoomNid]) -> Result<Vec<RoomRow>> {
        let sql = |slots: &str| room_query(&format!("nid IN ({slots}) AND NOT purging"));
        self.rows_of_set(&[], numbers(rooms), sql, read_room)
    }

    /// The identifiers of `rooms`, in the same order; unknown ones are left out.
    pub fn room_ids(&self, rooms: &[RoomNid]) -> Result<Vec<RoomId>> {
        let ids: HashMap<_, _> = self.rooms_by_nid(rooms)?.into_iter().map(|row| (row.nid, row.room_id)).collect();
        Ok(rooms.iter().filter_map(|room| ids.get(room).cloned()).collect())
    }

    /// A secret or setting of the server itself.
    pub fn server_value(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.row("SELECT value FROM server WHERE name = ?1", [name], |row| row.get(0))
    }
}

impl Transaction<'_> {
    /// Adds an empty room; its create event is appended to it next.
    pub fn create_room(&self, room_id: &RoomId, version: &str, now: Millis) -> Result<RoomNid> {
        let sql = "INSERT INTO rooms (room_id, version, head_seq, created_ts) VALUES (?1, ?2, 0, ?3) RETURNING nid";
        self.insert(sql, (room_id.as_str(), version, now as i64)).map(RoomNid)
    }

    /// Adds a room that begins elsewhere, without events.
    pub fn add_room(&self, room_id: &RoomId, version: &str, kind: RoomKind, now: Millis) -> Result<RoomRow> {
        let sql = "INSERT INTO rooms (room_id, version, head_seq, first_seq, kind, created_ts)
                   VALUES (?1, ?2, ?3, ?3 + 1, ?4, ?5) RETURNING nid";
        let values = (room_id.as_str(), version, BEFORE_ELSEWHERE, kind.as_str(), now as i64);
        let nid = self.insert(sql, values).map(RoomNid)?;
        let (head_seq, first_seq) = (BEFORE_ELSEWHERE, BEFORE_ELSEWHERE + 1);
        Ok(RoomRow { nid, room_id: room_id.clone(), version: version.to_owned(), head_seq, first_seq, kind })
    }

    /// Sets how much of a room is here.
    pub fn set_room_kind(&self, room: RoomNid, kind: RoomKind) -> Result<()> {
        self.execute("UPDATE rooms SET kind = ?2 WHERE nid = ?1", (room.0, kind.as_str())).map(drop)
    }

    /// Sets a secret or setting of the server itself.
    pub fn set_server_value(&self, name: &str, value: &[u8]) -> Result<()> {
        let sql = "INSERT INTO server (name, value) VALUES (?1, ?2)
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.execute(sql, (name, value)).map(drop)
    }
}

/// Rooms as the values of a set.
pub(crate) fn numbers(rooms: &[RoomNid]) -> impl Iterator<Item = Value<'static>> {
    rooms.iter().map(|room| Value::Integer(room.0))
}

/// The columns that [`read_room`] reads.
const ROOM_COLUMNS: &str = "r.nid, r.room_id, r.version, r.head_seq, r.first_seq, r.kind";

fn room_query(condition: &str) -> String {
    format!("SELECT {ROOM_COLUMNS} FROM rooms r WHERE {condition}")
}

fn read_room(row: &Row<'_>) -> Result<RoomRow> {
    let room_id = row.parsed(1, RoomId::parse)?;
    let kind = row.parsed(5, |text| RoomKind::parse(text).ok_or_else(|| format!("{text} is no kind of room")))?;
    let (nid, version, head_seq, first_seq) = (RoomNid(row.get(0)?), row.get(2)?, row.get(3)?, row.get(4)?);
    Ok(RoomRow { nid, room_id, version, head_seq, first_seq, kind })
}
