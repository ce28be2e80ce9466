//! Room aliases and the published directory.

use im2_model::{Millis, RoomAliasId, RoomNid, UserNid};

use super::events::conversion;
use crate::{Result, Snapshot, Transaction};

impl Snapshot<'_> {
    /// The room that an alias names, and who made the alias.
    pub fn alias(&self, alias: &RoomAliasId) -> Result<Option<(RoomNid, UserNid)>> {
        let sql = "SELECT room_nid, creator_nid FROM aliases WHERE alias = ?1";
        self.row(sql, [alias.as_str()], |row| Ok((RoomNid(row.get(0)?), UserNid(row.get(1)?))))
    }

    /// The aliases of a room, oldest first.
    pub fn aliases_of(&self, room: RoomNid) -> Result<Vec<RoomAliasId>> {
        let sql = "SELECT alias FROM aliases WHERE room_nid = ?1 ORDER BY created_ts, alias";
        self.rows(sql, [room.0], |row| {
            let text: String = row.get(0)?;
            RoomAliasId::parse(&text).map_err(|error| conversion(0, error))
        })
    }

    /// Whether a room is in the published directory.
    pub fn is_published(&self, room: RoomNid) -> Result<bool> {
        Ok(self.row("SELECT 1 FROM published_rooms WHERE room_nid = ?1", [room.0], |_| Ok(()))?.is_some())
    }

    /// The rooms in the published directory.
    pub fn published_rooms(&self) -> Result<Vec<RoomNid>> {
        self.rows("SELECT room_nid FROM published_rooms", [], |row| row.get(0).map(RoomNid))
    }
}

impl Transaction<'_> {
    /// Adds an alias; fails as a duplicate if it is taken.
    pub fn add_alias(&self, alias: &RoomAliasId, room: RoomNid, creator: UserNid, now: Millis) -> Result<()> {
        let sql = "INSERT INTO aliases (alias, room_nid, creator_nid, created_ts) VALUES (?1, ?2, ?3, ?4)";
        self.execute(sql, (alias.as_str(), room.0, creator.0, now as i64)).map(drop)
    }

    /// Removes an alias.
    pub fn remove_alias(&self, alias: &RoomAliasId) -> Result<()> {
        self.execute("DELETE FROM aliases WHERE alias = ?1", [alias.as_str()]).map(drop)
    }

    /// Puts a room into the published directory, or takes it out.
    pub fn set_published(&self, room: RoomNid, published: bool) -> Result<()> {
        let sql = if published {
            "INSERT OR IGNORE INTO published_rooms (room_nid) VALUES (?1)"
        } else {
            "DELETE FROM published_rooms WHERE room_nid = ?1"
        };
        self.execute(sql, [room.0]).map(drop)
    }
}
