//! Reading events.

use im2_model::{DeviceId, EventId, Millis, Position, Reached, RoomNid, UserNid};

use super::{TransactionKey, numbers};
use crate::{Error, Result, Row, Snapshot, values::Value};

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its place in the stream, or off it.
    pub position: Position,
    /// Its room.
    pub room: RoomNid,
    /// Its place in the room: from 1 in the timeline, below 0 for what is only state.
    pub seq: i64,
    /// Its identifier.
    pub event_id: EventId,
    /// The sender.
    pub sender: UserNid,
    /// The whole event in the room version's format.
    pub pdu: String,
    /// The event that redacted it.
    pub redacted_by: Option<EventId>,
}

/// A stored event, with what timelines show of it from other rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineRow {
    /// The event.
    pub event: EventRow,
    /// The transaction that made it, if a client's transaction did.
    pub transaction: Option<TransactionKey>,
    /// The event that redacted it, if the room has that.
    pub redaction: Option<RedactionRow>,
}

/// The event that redacted another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactionRow {
    /// Its identifier.
    pub event_id: EventId,
    /// The whole event in the room version's format.
    pub pdu: String,
}

/// The parts of a stored event that are shown, borrowed from the database while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventText<'a> {
    /// Its place in the room.
    pub seq: i64,
    /// Its identifier.
    pub event_id: &'a str,
    /// The whole event in the room version's format.
    pub pdu: &'a str,
    /// The event that redacted it.
    pub redacted_by: Option<&'a str>,
}

/// Events of all rooms between two places in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsBetween {
    /// The first of them, in the stream's order.
    pub rows: Vec<EventRow>,
    /// The place up to which these are all.
    pub reached: Reached,
    /// Whether there are no more.
    pub is_complete: bool,
}

/// The direction in which to walk a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards the newest event.
    Forward,
    /// Towards the room's creation.
    Backward,
}

const COLUMNS: &str = "e.position, e.room_nid, e.seq, e.event_id, e.sender_nid, e.pdu, e.redacted_by";

/// The columns that [`read_timeline`] reads, and what an event `e` is joined with for them.
const TIMELINE_COLUMNS: &str = "e.position, e.room_nid, e.seq, e.event_id, e.sender_nid, e.pdu, e.redacted_by,
                                t.user_nid, t.device_id, t.txn_id, b.event_id, b.pdu";
const TIMELINE_JOINS: &str = "LEFT JOIN transactions t ON t.position = e.position
                              LEFT JOIN events b ON b.event_id = e.redacted_by AND b.room_nid = e.room_nid";

impl Snapshot<'_> {
    /// An event of a room.
    pub fn event(&self, room: RoomNid, event_id: &EventId) -> Result<Option<EventRow>> {
        let sql = format!("SELECT {COLUMNS} FROM events e WHERE event_id = ?1 AND room_nid = ?2");
        self.row(&sql, (event_id.as_str(), room.0), read_event)
    }

    /// The room that an event is in, in its timeline or as state.
    pub fn room_of_event(&self, event_id: &EventId) -> Result<Option<RoomNid>> {
        let sql = "SELECT room_nid FROM events WHERE event_id = ?1";
        self.row(sql, [event_id.as_str()], |row| row.get(0).map(RoomNid))
    }

    /// An event of whatever room.
    pub fn event_anywhere(&self, event_id: &EventId) -> Result<Option<EventRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM events e JOIN rooms r ON r.nid = e.room_nid WHERE event_id = ?1 AND NOT r.purging"
        );
        self.row(&sql, [event_id.as_str()], read_event)
    }

    /// The event at a position.
    pub fn event_at(&self, position: Position) -> Result<Option<EventRow>> {
        let sql = format!("SELECT {COLUMNS} FROM events e WHERE position = ?1");
        self.row(&sql, [position.to_i64()], read_event)
    }

    /// The events of a room with these numbers, in this order. Numbers that the room does not have are left out.
    pub fn events_with_numbers(&self, room: RoomNid, numbers: impl IntoIterator<Item = i64>) -> Result<Vec<EventRow>> {
        let sql = format!("SELECT {COLUMNS} FROM events e WHERE room_nid = ?1 AND seq = ?2");
        let event = |seq: i64| self.row(&sql, (room.0, seq), read_event).transpose();
        numbers.into_iter().filter_map(event).collect()
    }

    /// Tells `take` of the events of a room with these numbers, in this order, without copying what is in them: they
    /// may be very many. Numbers that the room does not have are left out.
    pub fn events_numbered(
        &self,
        room: RoomNid,
        numbers: &[i64],
        mut take: impl FnMut(EventText<'_>) -> Result<()>,
    ) -> Result<()> {
        let sql = "SELECT event_id, pdu, redacted_by FROM events WHERE room_nid = ?1 AND seq = ?2";
        let mut statement = self.prepare(sql)?;
        for &seq in numbers {
            let mut rows = statement.query((room.0, seq))?;
            if let Some(row) = rows.next()? {
                let text = |column| row.get::<&str>(column);
                take(EventText { seq, event_id: text(0)?, pdu: text(1)?, redacted_by: row.get(2)? })?;
            }
        }
        Ok(())
    }

    /// Up to `limit` events of a room whose sequence lies beyond `from` in `direction` (exclusive), in that order.
    pub fn events_from(&self, room: RoomNid, from: i64, direction: Direction, limit: usize) -> Result<Vec<EventRow>> {
        let (comparison, order) = match direction {
            Direction::Forward => (">", "ASC"),
            Direction::Backward => ("<", "DESC"),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM events e WHERE room_nid = ?1 AND seq {comparison} ?2 AND seq > 0
             ORDER BY seq {order} LIMIT ?3"
        );
        self.rows(&sql, (room.0, from, limit as i64), read_event)
    }

    /// The same, with what timelines show of them from other rows.
    pub fn timeline_from(
        &self,
        room: RoomNid,
        from: i64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<TimelineRow>> {
        let (comparison, order) = match direction {
            Direction::Forward => (">", "ASC"),
            Direction::Backward => ("<", "DESC"),
        };
        let sql = format!(
            "SELECT {TIMELINE_COLUMNS} FROM events e {TIMELINE_JOINS}
             WHERE e.room_nid = ?1 AND e.seq {comparison} ?2 AND e.seq > 0 ORDER BY e.seq {order} LIMIT ?3"
        );
        self.rows(&sql, (room.0, from, limit as i64), read_timeline)
    }

    /// The newest events of `rooms`, of each up to `limit`, the oldest of these first.
    pub fn newest_timelines(&self, rooms: &[RoomNid], limit: usize) -> Result<Vec<TimelineRow>> {
        if let [room] = rooms {
            // For one room there is a quicker statement: it need not count the events first.
            let mut found = self.timeline_from(*room, i64::MAX, Direction::Backward, limit)?;
            found.reverse();
            return Ok(found);
        }
        let sql = |slots: &str| {
            format!(
                "SELECT {TIMELINE_COLUMNS} FROM rooms r
                 JOIN events e ON e.room_nid = r.nid AND e.seq > coalesce((
                     SELECT o.seq FROM events o WHERE o.room_nid = r.nid AND o.seq > 0
                     ORDER BY o.seq DESC LIMIT 1 OFFSET ?1), 0)
                 {TIMELINE_JOINS}
                 WHERE r.nid IN ({slots})"
            )
        };
        let mut found = self.rows_of_set(&[Value::Integer(limit as i64)], numbers(rooms), sql, read_timeline)?;
        found.sort_by_key(|row| (row.event.room, row.event.seq));
        Ok(found)
    }

    /// Up to `limit` events of all rooms after `after` and not after `until`, in the stream's order.
    pub fn events_between(&self, after: &Reached, until: &Reached, limit: usize) -> Result<EventsBetween> {
        let sql =
            format!("SELECT {COLUMNS} FROM events e WHERE e.position > ?1 AND e.position <= ?2 ORDER BY e.position");
        let range = self.range(after, until)?;
        let rows = self.rows_in_range(&sql, (range.low, range.high), (&range, 0), limit, read_event)?;
        let last = rows.last().filter(|_| rows.len() >= limit).map(|row| row.position);
        let reached = after.on_the_way(until, last.unwrap_or(Position::LAST));
        Ok(EventsBetween { rows, reached, is_complete: last.is_none() })
    }

    /// The position of the event after which, in all rooms, there are exactly `number` newer ones; `None` if there are
    /// not as many.
    pub fn position_before_newest(&self, number: usize) -> Result<Option<Position>> {
        let sql = "SELECT position FROM events WHERE position > 0 ORDER BY position DESC LIMIT 1 OFFSET ?1";
        self.row(sql, [number as i64], |row| row.get(0).map(Position::from_i64))
    }

    /// The number of a room's last event or resolution that lies behind, as `is_behind` says: if it is so of one, it is
    /// of those before it in the room.
    pub fn seq_behind(&self, room: RoomNid, is_behind: impl Fn(Position) -> bool) -> Result<i64> {
        // The search goes back from the newest event, which most places are near to, in steps that double, and halves
        // what is in between from there.
        let sql = "SELECT seq, position FROM events WHERE room_nid = ?1 AND seq <= ?2 AND seq > 0
                   ORDER BY seq DESC LIMIT 1";
        let at_or_before = |seq: i64| {
            let read = |row: &Row<'_>| Ok((row.get::<i64>(0)?, row.get(1).map(Position::from_i64)?));
            let (seq, at) = self.row(sql, (room.0, seq), read)?.unwrap_or_default();
            Ok::<_, Error>((seq, seq == 0 || is_behind(at)))
        };
        let (mut found, mut is_found) = at_or_before(i64::MAX)?;
        let (mut low, mut too_new, mut step) = (found, found + 1, 1);
        while !is_found {
            (too_new, low) = (found, found - step);
            (found, is_found) = at_or_before(low)?;
            step *= 2;
        }
        while too_new - low > 1 {
            let middle = low + (too_new - low) / 2;
            match at_or_before(middle)? {
                (seq, false) => too_new = seq,
                (seq, true) => (found, low) = (seq, middle),
            }
        }
        let sql = "SELECT seq, position FROM resolutions WHERE room_nid = ?1 AND seq > ?2 ORDER BY seq";
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query((room.0, found))?;
        while let Some(row) = rows.next()?
            && is_behind(Position::from_i64(row.get(1)?))
        {
            found = row.get(0)?;
        }
        Ok(found)
    }

    /// The event nearest to `ts` that is not before it (forward) or not after it (backward).
    pub fn event_by_time(&self, room: RoomNid, ts: Millis, direction: Direction) -> Result<Option<EventRow>> {
        let (comparison, order) = match direction {
            Direction::Forward => (">=", "ts ASC, seq ASC"),
            Direction::Backward => ("<=", "ts DESC, seq DESC"),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM events e WHERE room_nid = ?1 AND ts {comparison} ?2 AND seq > 0
             ORDER BY {order} LIMIT 1"
        );
        self.row(&sql, (room.0, ts as i64), read_event)
    }

    /// The first `limit` events of a room after number `after` and not after `until` that belong to another event as
    /// more of the conversation (threads, references), not as a reaction to it or an edit. Oldest first.
    pub fn conversation_events(&self, room: RoomNid, after: i64, until: i64, limit: usize) -> Result<Vec<EventRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM relations r JOIN events e ON e.room_nid = r.room_nid AND e.seq = r.seq
             WHERE r.room_nid = ?1 AND r.rel_type NOT IN ('m.annotation', 'm.replace')
               AND r.seq > ?2 AND r.seq <= ?3 ORDER BY r.seq LIMIT ?4"
        );
        self.rows(&sql, (room.0, after, until, limit as i64), read_event)
    }

    /// The newest `limit` events of a room that are older than a place in the order of time, which is the timestamp
    /// and, for events of the same millisecond, the position. Newest first, each with its timestamp.
    pub fn events_before(
        &self,
        room: RoomNid,
        before: (Millis, Position),
        limit: usize,
    ) -> Result<Vec<(Millis, EventRow)>> {
        let sql = format!(
            "SELECT {COLUMNS}, ts FROM events e WHERE room_nid = ?1 AND (ts, position) < (?2, ?3) AND seq > 0
             ORDER BY ts DESC, position DESC LIMIT ?4"
        );
        let params = (room.0, before.0 as i64, before.1.to_i64(), limit as i64);
        self.rows(&sql, params, |row| Ok((row.get::<i64>(7)? as Millis, read_event(row)?)))
    }

    /// The event that a device's transaction made before.
    pub fn transaction_event(&self, room: RoomNid, kind: &str, key: &TransactionKey) -> Result<Option<EventId>> {
        let sql = "SELECT e.event_id FROM transactions t JOIN events e ON e.position = t.position
                   WHERE t.user_nid = ?1 AND t.device_id = ?2 AND t.room_nid = ?3 AND t.kind = ?4 AND t.txn_id = ?5";
        let TransactionKey { user, device_id, txn_id } = key;
        self.row(sql, (user.0, device_id.as_str(), room.0, kind, txn_id), |row| read_event_id(row, 0))
    }

    /// The device and transaction that made the event at `position`, if a client's transaction did.
    pub fn transaction_at(&self, position: Position) -> Result<Option<TransactionKey>> {
        let sql = "SELECT user_nid, device_id, txn_id FROM transactions WHERE position = ?1";
        self.row(sql, [position.to_i64()], |row| read_transaction(row, 0))
    }
}

/// User, device and transaction identifier, in columns from `first` on.
fn read_transaction(row: &Row<'_>, first: usize) -> Result<TransactionKey> {
    let device: String = row.get(first + 1)?;
    let device_id = DeviceId::parse(&device).map_err(|error| conversion(first + 1, error))?;
    Ok(TransactionKey { user: UserNid(row.get(first)?), device_id, txn_id: row.get(first + 2)? })
}

fn read_timeline(row: &Row<'_>) -> Result<TimelineRow> {
    let (user, redaction): (Option<i64>, Option<String>) = (row.get(7)?, row.get(11)?);
    let redaction = redaction.map(|pdu| Ok::<_, Error>(RedactionRow { event_id: read_event_id(row, 10)?, pdu }));
    Ok(TimelineRow {
        event: read_event(row)?,
        transaction: user.map(|_| read_transaction(row, 7)).transpose()?,
        redaction: redaction.transpose()?,
    })
}

pub(super) fn read_event(row: &Row<'_>) -> Result<EventRow> {
    let redacted_by: Option<String> = row.get(6)?;
    Ok(EventRow {
        position: Position::from_i64(row.get(0)?),
        room: RoomNid(row.get(1)?),
        seq: row.get(2)?,
        event_id: read_event_id(row, 3)?,
        sender: UserNid(row.get(4)?),
        pdu: row.get(5)?,
        redacted_by: redacted_by.map(|text| EventId::parse(&text).map_err(|error| conversion(6, error))).transpose()?,
    })
}

pub(super) fn read_event_id(row: &Row<'_>, column: usize) -> Result<EventId> {
    let text: String = row.get(column)?;
    EventId::parse(&text).map_err(|error| conversion(column, error))
}

pub(super) fn conversion(column: usize, error: im2_model::IdError) -> Error {
    Error::Corrupt(format!("column {column}: {error}"))
}

/// The columns that [`read_event`] reads, for the queries of neighbouring files.
pub(super) const EVENT_COLUMNS: &str = COLUMNS;
