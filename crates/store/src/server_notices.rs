//! The rooms in which users are sent the server's notices.

use im2_model::{RoomNid, UserNid};

use crate::{Result, Snapshot, Transaction};

impl Snapshot<'_> {
    /// The room for the notices to a user.
    pub fn server_notice_room(&self, user: UserNid) -> Result<Option<RoomNid>> {
        let sql = "SELECT room_nid FROM server_notice_rooms WHERE user_nid = ?1";
        self.row(sql, [user.0], |row| row.get(0).map(RoomNid))
    }
}

impl Transaction<'_> {
    /// Sets the room for the notices to a user.
    pub fn set_server_notice_room(&self, user: UserNid, room: RoomNid) -> Result<()> {
        let sql = "INSERT INTO server_notice_rooms (user_nid, room_nid) VALUES (?1, ?2)
                   ON CONFLICT (user_nid) DO UPDATE SET room_nid = excluded.room_nid";
        self.execute(sql, (user.0, room.0)).map(drop)
    }
}
