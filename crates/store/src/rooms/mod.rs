//! Rooms, their events, state and members.

mod append;
mod directory;
mod events;
mod gone;
mod listing;
mod members;
mod purge;
mod relations;
mod state;
mod summaries;

pub use append::{Appended, NewEvent, Redaction, Relation, TransactionKey};
pub use directory::PublishedRoom;
pub use events::{Direction, EventRow, EventText};
pub use gone::GoneRoomRow;
pub use listing::{ListedRoom, RoomOrder, RoomsQuery};
pub use members::{MemberEvent, MembershipRow, RoomMember};
pub use purge::PurgedEvent;
pub use relations::{RECURSION_DEPTH, Referring, Related, RelatedQuery, ThreadReply, ThreadSummary};
pub use summaries::{SummaryChange, SummaryRow};

use im2_model::{Millis, RoomId, RoomNid};
use rusqlite::Row;

use crate::{Error, Result, Snapshot, Transaction};

/// A room's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRow {
    /// Its number.
    pub nid: RoomNid,
    /// Its identifier.
    pub room_id: RoomId,
    /// Its version, as the specification names it.
    pub version: String,
    /// The number of its last event in the room's own sequence.
    pub head_seq: i64,
}

impl Snapshot<'_> {
    /// The room called `room_id`.
    pub fn room(&self, room_id: &RoomId) -> Result<Option<RoomRow>> {
        self.row(&room_query("room_id = ?1 AND NOT purging"), [room_id.as_str()], read_room)?.transpose()
    }

    /// The room numbered `nid`.
    pub fn room_by_nid(&self, nid: RoomNid) -> Result<Option<RoomRow>> {
        self.row(&room_query("nid = ?1 AND NOT purging"), [nid.0], read_room)?.transpose()
    }

    /// The identifiers of `rooms`, in the same order; unknown ones are left out.
    pub fn room_ids(&self, rooms: &[RoomNid]) -> Result<Vec<RoomId>> {
        rooms.iter().filter_map(|room| self.room_by_nid(*room).transpose().map(|row| Ok(row?.room_id))).collect()
    }

    /// A secret or setting of the server itself.
    pub fn server_value(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.row("SELECT value FROM server WHERE name = ?1", [name], |row| row.get(0))
    }
}

impl Transaction<'_> {
    /// Adds an empty room; its create event is appended to it next.
    pub fn create_room(&self, room_id: &RoomId, version: &str, now: Millis) -> Result<RoomNid> {
        let sql = "INSERT INTO rooms (room_id, version, head_seq, created_ts) VALUES (?1, ?2, 0, ?3)";
        self.insert(sql, (room_id.as_str(), version, now as i64)).map(RoomNid)
    }

    /// Sets a secret or setting of the server itself.
    pub fn set_server_value(&self, name: &str, value: &[u8]) -> Result<()> {
        let sql = "INSERT INTO server (name, value) VALUES (?1, ?2)
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.execute(sql, (name, value)).map(drop)
    }
}

fn room_query(condition: &str) -> String {
    format!("SELECT nid, room_id, version, head_seq FROM rooms WHERE {condition}")
}

fn read_room(row: &Row<'_>) -> rusqlite::Result<Result<RoomRow>> {
    let text: String = row.get(1)?;
    let Ok(room_id) = RoomId::parse(&text) else { return Ok(Err(Error::Corrupt(format!("room {text}")))) };
    Ok(Ok(RoomRow { nid: RoomNid(row.get(0)?), room_id, version: row.get(2)?, head_seq: row.get(3)? }))
}
