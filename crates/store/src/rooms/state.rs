//! A room's state, now and at any place of its history.

use im2_model::{EventId, RoomNid};

use super::events::{EVENT_COLUMNS, EventRow, read_event};
use crate::{Result, Snapshot};

impl Snapshot<'_> {
    /// The current state of a room.
    pub fn current_state(&self, room: RoomNid) -> Result<Vec<EventRow>> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM current_state s JOIN events e ON e.position = s.position WHERE s.room_nid = ?1"
        );
        self.rows(&sql, [room.0], read_event)
    }

    /// The state of a room right after event number `seq`.
    pub fn state_at(&self, room: RoomNid, seq: i64) -> Result<Vec<EventRow>> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM current_state s
             JOIN events e ON e.position = (
                 SELECT h.position FROM state_history h
                 WHERE h.room_nid = s.room_nid AND h.kind = s.kind AND h.state_key = s.state_key AND h.seq <= ?2
                 ORDER BY h.seq DESC LIMIT 1)
             WHERE s.room_nid = ?1"
        );
        self.rows(&sql, (room.0, seq), read_event)
    }

    /// One entry of a room's state right after event number `seq`.
    pub fn state_entry_at(&self, room: RoomNid, kind: &str, state_key: &str, seq: i64) -> Result<Option<EventRow>> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM state_history h JOIN events e ON e.position = h.position
             WHERE h.room_nid = ?1 AND h.kind = ?2 AND h.state_key = ?3 AND h.seq <= ?4 ORDER BY h.seq DESC LIMIT 1"
        );
        self.row(&sql, (room.0, kind, state_key, seq), read_event)
    }

    /// The state entries that changed after event number `after` and up to `until`, each with its last value there.
    pub fn state_changes(&self, room: RoomNid, after: i64, until: i64) -> Result<Vec<EventRow>> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events e JOIN state_history h ON h.position = e.position
             WHERE e.room_nid = ?1 AND e.seq > ?2 AND e.seq <= ?3
               AND NOT EXISTS (SELECT 1 FROM state_history n
                               WHERE n.room_nid = h.room_nid AND n.kind = h.kind AND n.state_key = h.state_key
                                 AND n.seq > h.seq AND n.seq <= ?3)
             ORDER BY e.seq"
        );
        self.rows(&sql, (room.0, after, until), read_event)
    }

    /// Every value that one entry of a room's state has had, oldest first.
    pub fn state_entry_history(&self, room: RoomNid, kind: &str, state_key: &str) -> Result<Vec<EventRow>> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM state_history h JOIN events e ON e.position = h.position
             WHERE h.room_nid = ?1 AND h.kind = ?2 AND h.state_key = ?3 ORDER BY h.seq"
        );
        self.rows(&sql, (room.0, kind, state_key), read_event)
    }

    /// The state event that the state event number `seq` replaced.
    pub fn replaced_state(&self, room: RoomNid, kind: &str, state_key: &str, seq: i64) -> Result<Option<EventRow>> {
        self.state_entry_at(room, kind, state_key, seq - 1)
    }

    /// Whether an event is among the room's current state.
    pub fn is_current_state(&self, room: RoomNid, event_id: &EventId) -> Result<bool> {
        let sql = "SELECT 1 FROM events e JOIN current_state s ON s.position = e.position
                   WHERE e.event_id = ?2 AND s.room_nid = ?1";
        Ok(self.row(sql, (room.0, event_id.as_str()), |_| Ok(()))?.is_some())
    }
}
