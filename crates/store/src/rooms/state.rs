//! A room's state, now and at any place of its history.
//!
//! The value of an entry and since when it has it are two things: `state_history` says from which number of the room on
//! it is the event at which position. Most entries are an event from that event's own number on. Where branches of a
//! room were put together ([`super::resolutions`]), an entry is an older event from a later number on, or none.

use im2_model::{EventId, RoomNid};

use super::{
    events::{EVENT_COLUMNS, EventRow, read_event},
    numbers,
};
use crate::{Result, Row, Snapshot, values::Value};

/// The state entries that are no members, of a table called `s`: as two ranges of its key, because `<>` would walk
/// over all members.
const NO_MEMBERS: [&str; 2] = ["s.kind < 'm.room.member'", "s.kind > 'm.room.member'"];

/// The position in the stream since which the entry `h` of a room's history has been the state: that of its event,
/// unless it is the state by a resolution.
pub(crate) const SINCE: &str =
    "coalesce((SELECT r.position FROM resolutions r WHERE r.room_nid = h.room_nid AND r.seq = h.seq), h.position)";

/// An entry of a room's current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRow {
    /// The number of the room from which on it is this event.
    pub since: i64,
    /// The event.
    pub event: EventRow,
}

/// A state event, of which is asked what it replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplacedBy<'a> {
    /// Its room.
    pub room: RoomNid,
    /// Its type.
    pub kind: &'a str,
    /// Its state key.
    pub state_key: &'a str,
    /// Its number in the room.
    pub seq: i64,
}

/// An entry of a room's state that has no value any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VanishedRow {
    /// The room.
    pub room: RoomNid,
    /// Its type.
    pub kind: String,
    /// Its state key.
    pub state_key: String,
    /// The number of the room from which on it has none.
    pub since: i64,
}

impl Snapshot<'_> {
    /// The current state of `rooms`, in no order.
    pub fn current_state(&self, rooms: &[RoomNid]) -> Result<Vec<StateRow>> {
        self.rows_of_set(&[], numbers(rooms), |slots| current_entries(slots, "true"), read_entry)
    }

    /// The current state of `rooms` but for their members, however many there are.
    pub fn current_state_without_members(&self, rooms: &[RoomNid]) -> Result<Vec<StateRow>> {
        let sql = |slots: &str| NO_MEMBERS.map(|range| current_entries(slots, range)).join(" UNION ALL ");
        self.rows_of_set(&[], numbers(rooms), sql, read_entry)
    }

    /// The entries of the state of `rooms` that had a value and have none now. Nearly always there are none.
    pub fn vanished_state(&self, rooms: &[RoomNid]) -> Result<Vec<VanishedRow>> {
        let sql = |slots: &str| {
            format!(
                "SELECT r.nid, s.kind, s.state_key, s.since FROM rooms r
                 JOIN current_state s ON s.room_nid = r.nid AND s.position = 0
                 WHERE r.nid IN ({slots}) AND EXISTS (SELECT 1 FROM resolutions x WHERE x.room_nid = r.nid AND x.vanishes)"
            )
        };
        self.rows_of_set(&[], numbers(rooms), sql, |row| {
            let (room, since) = (RoomNid(row.get(0)?), row.get(3)?);
            Ok(VanishedRow { room, kind: row.get(1)?, state_key: row.get(2)?, since })
        })
    }

    /// The state events that other events replaced, each with the room and the number of the one that replaced it, in no
    /// order.
    pub fn replaced_states(&self, by: &[ReplacedBy<'_>]) -> Result<Vec<(RoomNid, i64, EventRow)>> {
        let sql = |rows: &str| {
            format!(
                "WITH wanted (room, kind, state_key, seq) AS (VALUES {rows})
                 SELECT {EVENT_COLUMNS}, w.seq FROM wanted w
                 JOIN events e ON e.position = (
                     SELECT h.position FROM state_history h
                     WHERE h.room_nid = w.room AND h.kind = w.kind AND h.state_key = w.state_key AND h.seq < w.seq
                     ORDER BY h.seq DESC LIMIT 1)"
            )
        };
        let wanted = by.iter().map(|by| {
            [Value::Integer(by.room.0), Value::Text(by.kind), Value::Text(by.state_key), Value::Integer(by.seq)]
        });
        self.rows_of_values(wanted, sql, |row| {
            let event = read_event(row)?;
            Ok((event.room, row.get(7)?, event))
        })
    }

    /// The state of a room right after number `seq`, but for its members.
    pub fn state_without_members_at(&self, room: RoomNid, seq: i64) -> Result<Vec<EventRow>> {
        let mut found = Vec::new();
        for range in NO_MEMBERS {
            found.extend(self.rows(&state_at(range), (room.0, seq), read_event)?);
        }
        Ok(found)
    }

    /// The member events of a room right after number `seq`.
    pub fn member_state_at(&self, room: RoomNid, seq: i64) -> Result<Vec<EventRow>> {
        self.rows(&state_at("s.kind = 'm.room.member'"), (room.0, seq), read_event)
    }

    /// The numbers of the events that a room's members were right after number `seq`, in no order: of those who had
    /// something to do with the room then, one each. Reads no events but those that a resolution made the state again.
    pub fn member_numbers_at(&self, room: RoomNid, seq: i64) -> Result<Vec<i64>> {
        let resolutions = self.resolutions(room, 0, seq)?;
        let last = "SELECT max(seq) AS seq, state_key FROM state_history
                    WHERE room_nid = ?1 AND kind = 'm.room.member' AND seq <= ?2 GROUP BY state_key";
        if resolutions.is_empty() {
            return self.rows(last, (room.0, seq), |row| row.get(0));
        }
        let sql = format!(
            "SELECT h.seq, h.position FROM ({last}) l
             JOIN state_history h ON h.room_nid = ?1 AND h.kind = 'm.room.member' AND h.state_key = l.state_key
                                 AND h.seq = l.seq"
        );
        let members = self.rows(&sql, (room.0, seq), |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)))?;
        let mut numbers = Vec::with_capacity(members.len());
        for (since, position) in members {
            if resolutions.binary_search_by_key(&since, |(number, _)| *number).is_err() {
                numbers.push(since);
            } else {
                let sql = "SELECT seq FROM events WHERE position = ?1";
                numbers.extend(self.row(sql, [position], |row| row.get::<i64>(0))?);
            }
        }
        Ok(numbers)
    }

    /// One entry of a room's state right after number `seq`.
    pub fn state_entry_at(&self, room: RoomNid, kind: &str, state_key: &str, seq: i64) -> Result<Option<EventRow>> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events e WHERE e.position = (
                 SELECT h.position FROM state_history h
                 WHERE h.room_nid = ?1 AND h.kind = ?2 AND h.state_key = ?3 AND h.seq <= ?4
                 ORDER BY h.seq DESC LIMIT 1)"
        );
        self.row(&sql, (room.0, kind, state_key, seq), read_event)
    }

    /// The state entries that changed after number `after` and up to `until`, each with its last value there, by the
    /// number from which on it has it. Those that have none any more are left out.
    pub fn state_changes(&self, room: RoomNid, after: i64, until: i64) -> Result<Vec<EventRow>> {
        self.rows(&changes(), (room.0, after, until), read_event)
    }

    /// Whether an entry of a room's state has lost its value after number `after` and up to `until`.
    pub fn has_vanished(&self, room: RoomNid, after: i64, until: i64) -> Result<bool> {
        let sql = "SELECT 1 FROM resolutions WHERE room_nid = ?1 AND seq > ?2 AND seq <= ?3 AND vanishes LIMIT 1";
        Ok(self.row(sql, (room.0, after, until), |_| Ok(()))?.is_some())
    }

    /// Every value that one entry of a room's state has had, oldest first, each with the number from which on it had
    /// it; without an event for none any more.
    pub fn state_entry_history(
        &self,
        room: RoomNid,
        kind: &str,
        state_key: &str,
    ) -> Result<Vec<(i64, Option<EventRow>)>> {
        let found = self.state_entry_histories(&[room], kind, state_key)?;
        Ok(found.into_iter().map(|(_, since, event)| (since, event)).collect())
    }

    /// The same of the entry of several rooms, oldest first in each, with the room.
    pub fn state_entry_histories(
        &self,
        rooms: &[RoomNid],
        kind: &str,
        state_key: &str,
    ) -> Result<Vec<(RoomNid, i64, Option<EventRow>)>> {
        let sql = |slots: &str| {
            format!(
                "SELECT {EVENT_COLUMNS}, h.room_nid, h.seq
                 FROM state_history h LEFT JOIN events e ON e.position = h.position
                 WHERE h.room_nid IN ({slots}) AND h.kind = ?1 AND h.state_key = ?2 ORDER BY h.room_nid, h.seq"
            )
        };
        self.rows_of_set(&[Value::Text(kind), Value::Text(state_key)], numbers(rooms), sql, |row| {
            let has_value = row.get::<Option<i64>>(0)?.is_some();
            Ok((RoomNid(row.get(7)?), row.get(8)?, has_value.then(|| read_event(row)).transpose()?))
        })
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

/// The query for the current values of those entries `s` of a set of rooms that are `wanted`.
fn current_entries(slots: &str, wanted: &str) -> String {
    format!(
        "SELECT {EVENT_COLUMNS}, coalesce(s.since, e.seq) FROM current_state s
         JOIN events e ON e.position = s.position WHERE s.room_nid IN ({slots}) AND {wanted}"
    )
}

fn read_entry(row: &Row<'_>) -> Result<StateRow> {
    Ok(StateRow { since: row.get(7)?, event: read_event(row)? })
}

/// The query for the state right after number `?2` of those entries `s` of room `?1` that are `wanted`: the events, with
/// type and state key behind their columns.
pub(super) fn state_at(wanted: &str) -> String {
    format!(
        "SELECT {EVENT_COLUMNS}, s.kind, s.state_key FROM current_state s
         JOIN events e ON e.position = (
             SELECT h.position FROM state_history h
             WHERE h.room_nid = s.room_nid AND h.kind = s.kind AND h.state_key = s.state_key AND h.seq <= ?2
             ORDER BY h.seq DESC LIMIT 1)
         WHERE s.room_nid = ?1 AND {wanted}"
    )
}

/// The query of [`Snapshot::state_changes`].
fn changes() -> String {
    format!(
        "SELECT {EVENT_COLUMNS} FROM state_history h JOIN events e ON e.position = h.position
         WHERE h.room_nid = ?1 AND h.seq > ?2 AND h.seq <= ?3
           AND NOT EXISTS (SELECT 1 FROM state_history n
                           WHERE n.room_nid = h.room_nid AND n.kind = h.kind AND n.state_key = h.state_key
                             AND n.seq > h.seq AND n.seq <= ?3)
         ORDER BY h.seq, e.position"
    )
}

#[cfg(test)]
mod tests {
    use super::changes;
    use crate::{Snapshot, migrations::migrate, sqlite::Connection};

    #[test]
    fn what_has_changed_is_found_without_going_through_all_members() {
        let connection = Connection::in_memory();
        migrate(&connection).unwrap();
        let db = Snapshot { connection: &connection };
        let sql = format!("EXPLAIN QUERY PLAN {}", changes());
        let plan: Vec<String> = db.rows(&sql, (1_i64, 2_i64, 3_i64), |row| row.get(3)).unwrap();
        assert!(plan[0].contains("state_history_by_seq (room_nid=? AND seq>? AND seq<?)"), "{plan:?}");
    }
}
