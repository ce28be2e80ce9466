//! Removing rooms and parts of their history.
//!
//! A purge begins with one change after which the room is gone for everybody, and goes on in steps small enough that
//! other changes do not wait for it. Which tables have rows of a room is asked of the database itself: every column
//! called `room_nid` is one, so that a table that is added later is not forgotten.

use im2_model::{Millis, Position, RoomId, RoomNid, UserNid};

use crate::{Result, Snapshot, Transaction, dialect::Sql};

/// An event to be removed.
#[derive(Debug, Clone)]
pub struct PurgedEvent {
    /// Its place in the stream.
    pub position: Position,
    /// Its place in the room.
    pub seq: i64,
    /// The terms that searches find it by.
    pub terms: Option<Box<str>>,
}

impl Snapshot<'_> {
    /// The tables that have rows of a room, with how many: nothing is left of a room that was purged.
    pub fn rows_of_room(&self, room: RoomNid) -> Result<Vec<(String, i64)>> {
        let mut found = Vec::new();
        let tables = self.tables_of_rooms()?;
        let sql = |table: &str, column: &str| format!("SELECT count(*) FROM {table} WHERE {column} = ?1");
        let all = tables.iter().map(|(table, _)| (table.as_str(), "room_nid")).chain([("rooms", "nid")]);
        for (table, column) in all {
            let count = self.row(&sql(table, column), [room.0], |row| row.get(0))?.unwrap_or(0);
            if count > 0 {
                found.push((table.to_owned(), count));
            }
        }
        Ok(found)
    }

    /// The number and version of the room of this name, if its purge has begun and not ended.
    pub fn purging_room(&self, room_id: &RoomId) -> Result<Option<(RoomNid, String)>> {
        let sql = "SELECT nid, version FROM rooms WHERE room_id = ?1 AND purging";
        self.row(sql, [room_id.as_str()], |row| Ok((RoomNid(row.get(0)?), row.get(1)?)))
    }

    /// The tables with rows of rooms, each with the columns that name a row; the events come last.
    fn tables_of_rooms(&self) -> Result<Vec<(String, String)>> {
        let sql = "SELECT t.name, iif(t.wr, (SELECT group_concat(k.name, ', ' ORDER BY k.pk)
                                             FROM pragma_table_info(t.name) k WHERE k.pk > 0), 'rowid')
                   FROM pragma_table_list t JOIN pragma_table_info(t.name) c ON c.name = 'room_nid'
                   WHERE t.schema = 'main' AND t.type = 'table' ORDER BY t.name = 'events', t.name";
        self.rows(Sql::SqliteOnly(sql), [], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

impl Transaction<'_> {
    /// Makes a room disappear; returns the users who had to do with it. What is left of it is for
    /// [`Transaction::purge_room_step`].
    pub fn begin_purge(&self, room: RoomNid) -> Result<Vec<UserNid>> {
        self.execute("UPDATE rooms SET purging = TRUE WHERE nid = ?1", [room.0])?;
        let users =
            self.rows("SELECT user_nid FROM memberships WHERE room_nid = ?1", [room.0], |row| row.get(0).map(UserNid))?;
        for table in ["memberships", "aliases", "published_rooms", "open_rooms", "server_notice_rooms"] {
            self.execute(&format!("DELETE FROM {table} WHERE room_nid = ?1"), [room.0])?;
        }
        Ok(users)
    }

    /// Deletes up to `limit` rows of a room that is being purged. Says whether there is more to do.
    pub fn purge_room_step(&self, room: RoomNid, limit: usize, now: Millis) -> Result<bool> {
        if self.release_media_of_room(room, limit, now)? > 0 {
            return Ok(true);
        }
        for (table, key) in self.tables_of_rooms()? {
            let sql = format!(
                "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE room_nid = ?1 LIMIT ?2)"
            );
            let sql = if key == "rowid" { Sql::SqliteOnly(&sql) } else { Sql::Common(&sql) };
            if self.execute(sql, (room.0, limit as i64))? > 0 {
                return Ok(true);
            }
        }
        self.execute("DELETE FROM rooms WHERE nid = ?1 AND purging", [room.0])?;
        Ok(false)
    }

    /// Copies events that are about to be removed to where nothing shows them.
    pub fn keep_events(&self, room: RoomNid, events: &[PurgedEvent]) -> Result<()> {
        let sql = "INSERT INTO kept_events (room_nid, seq, event_id, pdu)
                   SELECT room_nid, seq, event_id, pdu FROM events WHERE room_nid = ?1 AND seq = ?2
                   ON CONFLICT DO NOTHING";
        events.iter().try_for_each(|event| self.execute(sql, (room.0, event.seq)).map(drop))
    }

    /// Deletes up to `limit` of the events that [`Transaction::keep_events`] has kept of those before number `before`.
    /// Returns how many.
    pub fn delete_kept_events(&self, room: RoomNid, before: i64, limit: usize) -> Result<usize> {
        let sql = "DELETE FROM kept_events WHERE room_nid = ?1 AND seq IN (
                       SELECT seq FROM kept_events WHERE room_nid = ?1 AND seq < ?2 ORDER BY seq LIMIT ?3)";
        self.execute(sql, (room.0, before, limit as i64))
    }

    /// Removes events, with what is indexed by their place. Of state only where the whole room goes.
    pub fn purge_events(&self, room: RoomNid, events: &[PurgedEvent], now: Millis) -> Result<()> {
        for PurgedEvent { position, seq, terms } in events {
            self.release_media(room, *position, now)?;
            if let Some(terms) = terms {
                self.unindex_event(*position, room, terms)?;
            }
            self.unrelate(room, *seq)?;
            self.execute("DELETE FROM transactions WHERE position = ?1", [position.to_i64()])?;
            self.execute("DELETE FROM events WHERE position = ?1 AND room_nid = ?2", (position.to_i64(), room.0))?;
        }
        Ok(())
    }
}
