//! Rooms that administrators have blocked.

use im2_model::{Millis, RoomId, UserId, UserNid};

use crate::{Result, Snapshot, Transaction, accounts::parsed_user};

impl Snapshot<'_> {
    /// The identifiers of all blocked rooms.
    pub fn blocked_rooms(&self) -> Result<Vec<String>> {
        self.rows("SELECT room_id FROM blocked_rooms", [], |row| row.get(0))
    }

    /// The administrator who blocked a room, if it is blocked.
    pub fn room_blocked_by(&self, room_id: &RoomId) -> Result<Option<UserId>> {
        let sql = "SELECT u.user_id FROM blocked_rooms b JOIN users u ON u.nid = b.blocked_by WHERE b.room_id = ?1";
        self.row(sql, [room_id.as_str()], |row| parsed_user(row, 0))
    }
}

impl Transaction<'_> {
    /// Blocks a room. Who blocked it first is kept.
    pub fn block_room(&self, room_id: &RoomId, by: UserNid, now: Millis) -> Result<()> {
        let sql = "INSERT INTO blocked_rooms (room_id, blocked_by, blocked_ts) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO NOTHING";
        self.execute(sql, (room_id.as_str(), by.0, now as i64)).map(drop)
    }

    /// Lets a room be used again.
    pub fn unblock_room(&self, room_id: &RoomId) -> Result<()> {
        self.execute("DELETE FROM blocked_rooms WHERE room_id = ?1", [room_id.as_str()]).map(drop)
    }
}
