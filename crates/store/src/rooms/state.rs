//! A room's state, now and at any place of its history.

use im2_model::{EventId, RoomNid};

use super::events::{EVENT_COLUMNS, EventRow, read_event};
use crate::{Result, Snapshot};

/// The state entries that are no members, of a table called `s`: as two ranges of its key, because `<>` would walk
/// over all members.
const NO_MEMBERS: [&str; 2] = ["s.kind < 'm.room.member'", "s.kind > 'm.room.member'"];

impl Snapshot<'_> {
    /// The current state of a room.
    pub fn current_state(&self, room: RoomNid) -> Result<Vec<EventRow>> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM current_state s JOIN events e ON e.position = s.position WHERE s.room_nid = ?1"
        );
        self.rows(&sql, [room.0], read_event)
    }

    /// The current state of a room but for its members, however many there are.
    pub fn current_state_without_members(&self, room: RoomNid) -> Result<Vec<EventRow>> {
        let mut found = Vec::new();
        for range in NO_MEMBERS {
            let sql = format!(
                "SELECT {EVENT_COLUMNS} FROM current_state s JOIN events e ON e.position = s.position
                 WHERE s.room_nid = ?1 AND {range}"
            );
            found.extend(self.rows(&sql, [room.0], read_event)?);
        }
        Ok(found)
    }

    /// The state of a room right after event number `seq`, but for its members.
    pub fn state_without_members_at(&self, room: RoomNid, seq: i64) -> Result<Vec<EventRow>> {
        let mut found = Vec::new();
        for range in NO_MEMBERS {
            found.extend(self.rows(&state_at(range), (room.0, seq), read_event)?);
        }
        Ok(found)
    }

    /// The member events of a room right after event number `seq`.
    pub fn member_state_at(&self, room: RoomNid, seq: i64) -> Result<Vec<EventRow>> {
        self.rows(&state_at("s.kind = 'm.room.member'"), (room.0, seq), read_event)
    }

    /// The numbers of a room's member events as they were right after event number `seq`, in no order: of those who
    /// had something to do with the room then, one each. Reads no events.
    pub fn member_numbers_at(&self, room: RoomNid, seq: i64) -> Result<Vec<i64>> {
        let sql = "SELECT max(seq) FROM state_history
                   WHERE room_nid = ?1 AND kind = 'm.room.member' AND seq <= ?2 GROUP BY state_key";
        self.rows(sql, (room.0, seq), |row| row.get(0))
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

    /// The event of a room with this number.
    pub fn event_numbered(&self, room: RoomNid, seq: i64) -> Result<Option<EventRow>> {
        let sql = format!("SELECT {EVENT_COLUMNS} FROM events e WHERE e.room_nid = ?1 AND e.seq = ?2");
        self.row(&sql, (room.0, seq), read_event)
    }

    /// Whether an event is among the room's current state.
    pub fn is_current_state(&self, room: RoomNid, event_id: &EventId) -> Result<bool> {
        let sql = "SELECT 1 FROM events e JOIN current_state s ON s.position = e.position
                   WHERE e.event_id = ?2 AND s.room_nid = ?1";
        Ok(self.row(sql, (room.0, event_id.as_str()), |_| Ok(()))?.is_some())
    }
}

/// The query for the state right after event number `?2` of those entries `s` of room `?1` that are `wanted`.
fn state_at(wanted: &str) -> String {
    format!(
        "SELECT {EVENT_COLUMNS} FROM current_state s
         JOIN events e ON e.position = (
             SELECT h.position FROM state_history h
             WHERE h.room_nid = s.room_nid AND h.kind = s.kind AND h.state_key = s.state_key AND h.seq <= ?2
             ORDER BY h.seq DESC LIMIT 1)
         WHERE s.room_nid = ?1 AND {wanted}"
    )
}
