//! Unread counts that took long.

use im2_model::{RoomNid, UserNid};

use crate::{Result, Snapshot, Transaction};

/// Stored unread counts, and a digest of their inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUnread {
    /// A digest of what it depends on beside the events and receipts.
    pub inputs: Vec<u8>,
    /// The number of the last event that was counted.
    pub until: i64,
    /// The counts, in a form that only the engine reads.
    pub record: String,
}

impl Snapshot<'_> {
    /// The stored unread counts of a user in a room.
    pub fn stored_unread(&self, user: UserNid, room: RoomNid) -> Result<Option<StoredUnread>> {
        let sql = "SELECT basis, until_seq, ledger FROM unread_counts WHERE user_nid = ?1 AND room_nid = ?2";
        self.row(sql, (user.0, room.0), |row| {
            Ok(StoredUnread { inputs: row.get(0)?, until: row.get(1)?, record: row.get(2)? })
        })
    }
}

impl Transaction<'_> {
    /// Stores a user's unread events in a room, if the user is in it and it is there.
    pub fn store_unread(&self, user: UserNid, room: RoomNid, unread: &StoredUnread) -> Result<()> {
        let sql = "INSERT INTO unread_counts (user_nid, room_nid, basis, until_seq, ledger)
                   SELECT user_nid, room_nid, ?3, ?4, ?5 FROM memberships
                   WHERE user_nid = ?1 AND room_nid = ?2 AND membership = 'join'
                   ON CONFLICT (user_nid, room_nid) DO UPDATE SET
                       basis = excluded.basis, until_seq = excluded.until_seq, ledger = excluded.ledger";
        let StoredUnread { inputs, until, record } = unread;
        self.execute(sql, (user.0, room.0, inputs, until, record)).map(drop)
    }

    /// Forgets what was stored of anybody's unread events in a room.
    pub fn forget_unread(&self, room: RoomNid) -> Result<()> {
        self.execute("DELETE FROM unread_counts WHERE room_nid = ?1", [room.0]).map(drop)
    }
}
