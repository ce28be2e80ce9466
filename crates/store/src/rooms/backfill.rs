//! Events that never were on the stream: the state that comes with a room that began elsewhere, and what was in its
//! timeline before. They are stored off the stream ([`Position::off_stream`]), so that they are news to nobody.

use im2_model::{EventId, Position, RoomNid};

use super::append::{Appended, NewEvent};
use crate::{Error, Result, Snapshot, Transaction};

impl Snapshot<'_> {
    /// The redactions of an event that came before it.
    pub fn redactions_ahead(&self, room: RoomNid, target: &EventId) -> Result<Vec<EventId>> {
        let sql = "SELECT by_id FROM redactions_ahead WHERE room_nid = ?1 AND target_id = ?2 ORDER BY by_id";
        self.rows(sql, (room.0, target.as_str()), |row| super::events::read_event_id(row, 0))
    }
}

impl Transaction<'_> {
    /// Stores an event that can be state and is not in the timeline: its number is below 0.
    pub fn add_state_event(&mut self, room: RoomNid, event: &NewEvent) -> Result<Appended> {
        let position = self.next_off_stream();
        let sql = "SELECT coalesce(min(seq), 0) - 1 FROM events WHERE room_nid = ?1 AND seq < 0";
        let seq = self.row(sql, [room.0], |row| row.get(0))?.unwrap_or(-1);
        self.store_event(room, (position, seq), event)?;
        self.refer_to_media(room, position, &event.media)?;
        Ok(Appended { position, seq, member: None })
    }

    /// Puts an event before the first one of the room, whose number must be `first_seq`; else [`Error::Conflict`]. One
    /// that is stored as state already goes to that place with all that is the state by it. It changes no state.
    pub fn prepend_event(&mut self, room: RoomNid, first_seq: i64, event: &NewEvent) -> Result<Appended> {
        let moved = "UPDATE rooms SET first_seq = ?2 - 1 WHERE nid = ?1 AND first_seq = ?2 AND NOT purging";
        if first_seq <= 1 || self.execute(moved, (room.0, first_seq))? != 1 {
            return Err(Error::Conflict);
        }
        let seq = first_seq - 1;
        let sql = "SELECT seq, position FROM events WHERE event_id = ?1 AND room_nid = ?2 AND seq < 0";
        let stored = self.row(sql, (event.event_id.as_str(), room.0), |row| Ok((row.get::<i64>(0)?, row.get(1)?)))?;
        let position = if let Some((before, position)) = stored {
            self.execute("UPDATE events SET seq = ?2 WHERE position = ?1", (position, seq))?;
            let sql = "UPDATE memberships SET member_seq = ?3 WHERE room_nid = ?1 AND member_seq = ?2";
            self.execute(sql, (room.0, before, seq))?;
            Position::from_i64(position)
        } else {
            let position = self.next_off_stream();
            self.store_event(room, (position, seq), event)?;
            self.refer_to_media(room, position, &event.media)?;
            position
        };
        self.index_in_timeline(room, (position, seq), event)?;
        Ok(Appended { position, seq, member: None })
    }

    /// Remembers a redaction of an event that is not here yet.
    pub fn add_redaction_ahead(&self, room: RoomNid, target: &EventId, by: &EventId) -> Result<()> {
        let sql =
            "INSERT INTO redactions_ahead (room_nid, target_id, by_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.execute(sql, (room.0, target.as_str(), by.as_str())).map(drop)
    }

    /// Forgets the redactions of an event that came before it: it has come, and they are done.
    pub fn remove_redactions_ahead(&self, room: RoomNid, target: &EventId) -> Result<()> {
        let sql = "DELETE FROM redactions_ahead WHERE room_nid = ?1 AND target_id = ?2";
        self.execute(sql, (room.0, target.as_str())).map(drop)
    }
}
