//! Rooms that have been purged, as far as somebody's clients may still show them.

use im2_model::{Millis, Position, RoomId, RoomNid, UserNid};

use super::events::conversion;
use crate::{Result, Snapshot, Transaction};

/// A purged room that a user's clients are to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgedRoomRow {
    /// The number it had, which no other room gets.
    pub room: RoomNid,
    /// The room that was.
    pub room_id: RoomId,
    /// The purge's position in the stream.
    pub position: Position,
    /// The event by which the user left it, in the form for clients.
    pub event: Option<String>,
}

impl Snapshot<'_> {
    /// The purged rooms that a user's clients may not have heard of, oldest first.
    pub fn purged_rooms(&self, user: UserNid) -> Result<Vec<PurgedRoomRow>> {
        let sql = "SELECT room_id, position, event, gone_nid FROM gone_rooms WHERE user_nid = ?1 ORDER BY position";
        self.rows(sql, [user.0], |row| {
            let text: String = row.get(0)?;
            let room_id = RoomId::parse(&text).map_err(|error| conversion(0, error))?;
            let (position, room) = (Position::from_i64(row.get(1)?), RoomNid(row.get(3)?));
            Ok(PurgedRoomRow { room, room_id, position, event: row.get(2)? })
        })
    }
}

impl Transaction<'_> {
    /// Records that a user's clients are to be told of a purge.
    pub fn add_purged_room(
        &self,
        user: UserNid,
        position: Position,
        (room, room_id): (RoomNid, &RoomId),
        event: Option<&str>,
        now: Millis,
    ) -> Result<()> {
        let sql = "INSERT INTO gone_rooms (user_nid, position, gone_nid, room_id, event, gone_ts)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.execute(sql, (user.0, position.to_i64(), room.0, room_id.as_str(), event, now as i64)).map(drop)
    }

    /// Forgets purges before `ts`: whoever was away for longer starts anew.
    pub fn forget_purged_rooms_before(&self, ts: Millis) -> Result<usize> {
        self.execute("DELETE FROM gone_rooms WHERE gone_ts < ?1", [ts as i64])
    }
}
