//! The graph that a room's events are, as far as it is not the line that they are stored in: edges, ends, and gaps.

use im2_model::{EventId, RoomNid};

use super::events::read_event_id;
use crate::{Result, Snapshot, Transaction};

impl Snapshot<'_> {
    /// The events that go on from one, but for the next one in the line. It need not be here itself.
    pub fn events_going_on_from(&self, room: RoomNid, prev: &EventId) -> Result<Vec<EventId>> {
        let sql = "SELECT event_id FROM edges WHERE room_nid = ?1 AND prev_id = ?2 ORDER BY event_id";
        self.rows(sql, (room.0, prev.as_str()), |row| read_event_id(row, 0))
    }

    /// The events that no other goes on from; none if that is only the room's last one.
    pub fn extremities(&self, room: RoomNid) -> Result<Vec<EventId>> {
        let sql = "SELECT event_id FROM extremities WHERE room_nid = ?1 ORDER BY event_id";
        self.rows(sql, [room.0], |row| read_event_id(row, 0))
    }

    /// The events that are missing before the event number `before` or a later one, newest gap first, each with the
    /// number of the event that goes on from it. At most `limit`.
    pub fn gaps(&self, room: RoomNid, before: i64, limit: usize) -> Result<Vec<(i64, EventId)>> {
        let sql = "SELECT before_seq, missing_id FROM gaps WHERE room_nid = ?1 AND before_seq >= ?2
                   ORDER BY before_seq DESC, missing_id LIMIT ?3";
        self.rows(sql, (room.0, before, limit as i64), |row| Ok((row.get(0)?, read_event_id(row, 1)?)))
    }
}

impl Transaction<'_> {
    /// Notes which events one goes on from, if that is not the one before it in the line alone.
    pub fn add_edges(&self, room: RoomNid, event: &EventId, prevs: &[EventId]) -> Result<()> {
        let sql = "INSERT INTO edges (room_nid, prev_id, event_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        prevs.iter().try_for_each(|prev| self.execute(sql, (room.0, prev.as_str(), event.as_str())).map(drop))
    }

    /// Sets the events that no other goes on from; none if that is only the room's last one.
    pub fn set_extremities(&self, room: RoomNid, ends: &[EventId]) -> Result<()> {
        self.execute("DELETE FROM extremities WHERE room_nid = ?1", [room.0])?;
        let sql = "INSERT INTO extremities (room_nid, event_id) VALUES (?1, ?2)";
        ends.iter().try_for_each(|end| self.execute(sql, (room.0, end.as_str())).map(drop))
    }

    /// Notes that an event is missing which the one numbered `before` goes on from.
    pub fn add_gap(&self, room: RoomNid, before: i64, missing: &EventId) -> Result<()> {
        let sql = "INSERT INTO gaps (room_nid, before_seq, missing_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.execute(sql, (room.0, before, missing.as_str())).map(drop)
    }

    /// Notes that an event is not missing any more, or will never come. Gives the numbers of the events that go on from
    /// it.
    pub fn close_gap(&self, room: RoomNid, missing: &EventId) -> Result<Vec<i64>> {
        let sql = "DELETE FROM gaps WHERE room_nid = ?1 AND missing_id = ?2 RETURNING before_seq";
        let mut before: Vec<i64> = self.rows(sql, (room.0, missing.as_str()), |row| row.get(0))?;
        before.sort_unstable();
        Ok(before)
    }
}
