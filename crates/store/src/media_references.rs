//! References of events to media, so that media that no event shows any more can be collected.
//!
//! Media of ours is named by its media ID, media of another server `server/media_id`. What encrypted events refer to
//! is not known: such media never counts as having been referred to.

use im2_model::{Millis, Position, RoomNid};

use crate::{Result, Snapshot, Transaction, dialect::Sql};

impl Snapshot<'_> {
    /// Up to `limit` names of media that events of a room refer to.
    pub fn media_in_room(&self, room: RoomNid, limit: usize) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT media FROM media_references WHERE room_nid = ?1 LIMIT ?2";
        self.rows(sql, (room.0, limit as i64), |row| row.get(0))
    }

    /// Up to `limit` media IDs beyond `after` that lost their last event at or before `until` and that nothing keeps:
    /// no event, no quarantine, no protection.
    pub fn unreferenced_media(&self, until: Millis, after: &str, limit: usize) -> Result<Vec<String>> {
        let sql = "SELECT media_id FROM media m
                   WHERE unreferenced_ts <= ?1 AND media_id > ?2 AND quarantined_by IS NULL AND NOT protected
                     AND NOT EXISTS (SELECT 1 FROM media_references r WHERE r.media = m.media_id)
                   ORDER BY media_id LIMIT ?3";
        self.rows(sql, (until as i64, after, limit as i64), |row| row.get(0))
    }

    /// Whether media lost its last event at or before `until` and no event has referred to it since.
    pub fn is_unreferenced(&self, media_id: &str, until: Millis) -> Result<bool> {
        let sql = "SELECT 1 FROM media WHERE media_id = ?1 AND unreferenced_ts <= ?2
                   AND NOT EXISTS (SELECT 1 FROM media_references WHERE media = ?1)";
        Ok(self.row(sql, (media_id, until as i64), |_| Ok(()))?.is_some())
    }

    /// The contents of account data and profiles in which `text` occurs: where media may be named outside of rooms.
    pub fn personal_contents_with(&self, text: &str) -> Result<Vec<String>> {
        let sql = "SELECT content FROM account_data WHERE instr(content, ?1)
                   UNION ALL SELECT value FROM profile_fields WHERE instr(value, ?1)";
        self.rows(Sql::SqliteOnly(sql), [text], |row| row.get(0))
    }
}

impl Transaction<'_> {
    /// Records what the event at `position` refers to.
    pub(crate) fn refer_to_media(&self, room: RoomNid, position: Position, media: &[String]) -> Result<()> {
        for name in media {
            let insert = "INSERT INTO media_references (room_nid, position, media) VALUES (?1, ?2, ?3)
                          ON CONFLICT DO NOTHING";
            self.execute(insert, (room.0, position.to_i64(), name))?;
            let again = "UPDATE media SET unreferenced_ts = NULL WHERE media_id = ?1 AND unreferenced_ts IS NOT NULL";
            self.execute(again, [name])?;
        }
        Ok(())
    }

    /// Forgets what the event at `position` refers to, because its content is gone.
    pub(crate) fn release_media(&self, room: RoomNid, position: Position, now: Millis) -> Result<()> {
        let sql = "DELETE FROM media_references WHERE room_nid = ?1 AND position = ?2 RETURNING media";
        let released: Vec<String> = self.rows(sql, (room.0, position.to_i64()), |row| row.get(0))?;
        self.note_released(&released, now)
    }

    /// Forgets up to `limit` references of a room's events; returns how many there were.
    pub(crate) fn release_media_of_room(&self, room: RoomNid, limit: usize, now: Millis) -> Result<usize> {
        let sql = "DELETE FROM media_references WHERE (room_nid, position, media) IN (
                       SELECT room_nid, position, media FROM media_references WHERE room_nid = ?1 LIMIT ?2)
                   RETURNING media";
        let released: Vec<String> = self.rows(sql, (room.0, limit as i64), |row| row.get(0))?;
        self.note_released(&released, now)?;
        Ok(released.len())
    }

    fn note_released(&self, released: &[String], now: Millis) -> Result<()> {
        for name in released {
            let sql = "UPDATE media SET unreferenced_ts = ?2 WHERE media_id = ?1
                       AND NOT EXISTS (SELECT 1 FROM media_references WHERE media = ?1)";
            self.execute(sql, (name, now as i64))?;
        }
        Ok(())
    }
}
