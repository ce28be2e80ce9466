//! Room aliases and the published directory.

use im2_model::{Millis, RoomAliasId, RoomNid, UserNid};

use super::{
    ROOM_COLUMNS, RoomRow,
    events::{EVENT_COLUMNS, EventRow, conversion, read_event},
    read_room,
};
use crate::{Result, Snapshot, Transaction, dialect::Sql};

/// A room in the published directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRoom {
    /// The room.
    pub room: RoomRow,
    /// How many users are joined to it.
    pub joined: usize,
}

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

    /// The networks for which rooms are published, each with one of its rooms. As many as the directory has entries.
    pub fn network_rooms(&self) -> Result<Vec<(String, RoomNid)>> {
        self.rows("SELECT network, room_nid FROM network_rooms", [], |row| Ok((row.get(0)?, RoomNid(row.get(1)?))))
    }

    /// The rooms in the published directory or published for a network, by number.
    pub fn published_rooms(&self) -> Result<Vec<PublishedRoom>> {
        let sql = format!(
            "SELECT {ROOM_COLUMNS}, count(m.user_nid)
             FROM (SELECT room_nid FROM published_rooms UNION SELECT room_nid FROM network_rooms) p
             JOIN rooms r ON r.nid = p.room_nid
             LEFT JOIN memberships m ON m.room_nid = p.room_nid AND m.membership = 'join'
             GROUP BY r.nid ORDER BY r.nid"
        );
        self.rows(&sql, [], |row| Ok(PublishedRoom { room: read_room(row)?, joined: row.get::<i64>(6)? as usize }))
    }

    /// The current state events of these types, with an empty state key, of all these rooms, by room.
    pub fn published_state(&self, kinds: &[&str]) -> Result<Vec<EventRow>> {
        let names = serde_json::to_string(kinds).map_err(|error| crate::Error::Corrupt(error.to_string()))?;
        let sql = format!(
            "SELECT {EVENT_COLUMNS}
             FROM (SELECT room_nid FROM published_rooms UNION SELECT room_nid FROM network_rooms) p
             JOIN json_each(?1) k
             JOIN current_state s ON s.room_nid = p.room_nid AND s.kind = k.value AND s.state_key = ''
             JOIN events e ON e.position = s.position ORDER BY p.room_nid"
        );
        self.rows(Sql::SqliteOnly(&sql), [names], read_event)
    }
}

impl Snapshot<'_> {
    /// How many aliases a user has made.
    pub fn aliases_made_by(&self, creator: UserNid) -> Result<u64> {
        let count: Option<i64> =
            self.row("SELECT count(*) FROM aliases WHERE creator_nid = ?1", [creator.0], |row| row.get(0))?;
        Ok(count.unwrap_or(0) as u64)
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

    /// Makes the aliases of one room those of another.
    pub fn move_aliases(&self, from: RoomNid, to: RoomNid) -> Result<()> {
        self.execute("UPDATE aliases SET room_nid = ?2 WHERE room_nid = ?1", (from.0, to.0)).map(drop)
    }

    /// Publishes a room for a network, or takes it back.
    pub fn set_in_network(&self, network: &str, room: RoomNid, published: bool) -> Result<()> {
        let sql = if published {
            "INSERT INTO network_rooms (network, room_nid) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM network_rooms WHERE network = ?1 AND room_nid = ?2"
        };
        self.execute(sql, (network, room.0)).map(drop)
    }

    /// Takes a room back from all networks that it is published for.
    pub fn remove_from_networks(&self, room: RoomNid) -> Result<()> {
        self.execute("DELETE FROM network_rooms WHERE room_nid = ?1", [room.0]).map(drop)
    }

    /// Puts a room into the published directory, or takes it out.
    pub fn set_published(&self, room: RoomNid, published: bool) -> Result<()> {
        let sql = if published {
            "INSERT INTO published_rooms (room_nid) VALUES (?1) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM published_rooms WHERE room_nid = ?1"
        };
        self.execute(sql, [room.0]).map(drop)
    }
}
