//! Resolutions of a room's state, where branches of the room are put together.
//!
//! A resolution takes a number of the room that no event has, and a position in the stream: from there on some entries
//! of the state are other events, most of them older ones, or have no value any more. It is told like an event, but has
//! nothing to be shown.

use im2_model::{EventId, Position, Reached, RoomNid, UserId, UserNid};

use super::{numbers, summaries::SummaryChange};
use crate::{Error, Result, Snapshot, Transaction, values::Value};

/// An entry of a room's state that a resolution changes.
#[derive(Debug, Clone)]
pub struct ResolvedEntry {
    /// Its type.
    pub kind: Box<str>,
    /// Its state key.
    pub state_key: Box<str>,
    /// The event that it is now, which has to be stored; `None` where it has no value.
    pub event: Option<EventId>,
    /// The user and the membership now, for member entries.
    pub membership: Option<(UserId, &'static str)>,
    /// The change that this makes to the room's summary.
    pub summary: Option<SummaryChange>,
}

/// The place of a resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Its position in the stream.
    pub position: Position,
    /// Its number in the room: from it on the state is the new one.
    pub seq: i64,
    /// For each entry, if it is a member's: the number of the user.
    pub members: Vec<Option<UserNid>>,
}

/// The new event of an entry: its place in the stream and in the room, and its sender.
struct Became {
    position: Position,
    seq: i64,
    sender: Option<UserNid>,
}

impl Snapshot<'_> {
    /// The resolutions of a room after number `after` and up to `until`, oldest first, each with its position.
    pub fn resolutions(&self, room: RoomNid, after: i64, until: i64) -> Result<Vec<(i64, Position)>> {
        let sql = "SELECT seq, position FROM resolutions WHERE room_nid = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq";
        self.rows(sql, (room.0, after, until), |row| Ok((row.get(0)?, Position::from_i64(row.get(1)?))))
    }

    /// The resolutions of all rooms after one place in the stream and not after another, in the stream's order. Looks
    /// through all that there are: they are few, and only who was away for long asks.
    pub fn resolutions_between(&self, after: &Reached, until: &Reached) -> Result<Vec<(Position, RoomNid)>> {
        let sql = "SELECT position, room_nid FROM resolutions WHERE position > ?1 AND position <= ?2 ORDER BY position";
        let range = self.range(after, until)?;
        self.rows_in_range(sql, (range.low, range.high), (&range, 0), usize::MAX, |row| {
            Ok((Position::from_i64(row.get(0)?), RoomNid(row.get(1)?)))
        })
    }

    /// The resolutions of several rooms, of each those after a number of it, oldest first in each room.
    pub fn resolutions_after(&self, after: &[(RoomNid, i64)]) -> Result<Vec<(RoomNid, i64, Position)>> {
        let sql = |rows: &str| {
            format!(
                "WITH wanted (room, after_seq) AS (VALUES {rows})
                 SELECT r.room_nid, r.seq, r.position FROM wanted w
                 JOIN resolutions r ON r.room_nid = w.room AND r.seq > w.after_seq ORDER BY r.room_nid, r.seq"
            )
        };
        let wanted = after.iter().map(|(room, seq)| [Value::Integer(room.0), Value::Integer(*seq)]);
        self.rows_of_values(wanted, sql, |row| Ok((RoomNid(row.get(0)?), row.get(1)?, Position::from_i64(row.get(2)?))))
    }

    /// The number of the last resolution of each of `rooms` that has had one, in no order.
    pub fn last_resolutions(&self, rooms: &[RoomNid]) -> Result<Vec<(RoomNid, i64)>> {
        let sql = |slots: &str| {
            format!(
                "SELECT nid, (SELECT max(seq) FROM resolutions WHERE room_nid = rooms.nid)
                 FROM rooms WHERE nid IN ({slots})"
            )
        };
        let found =
            self.rows_of_set(&[], numbers(rooms), sql, |row| Ok((RoomNid(row.get(0)?), row.get::<Option<i64>>(1)?)));
        Ok(found?.into_iter().filter_map(|(room, last)| Some((room, last?))).collect())
    }
}

impl Transaction<'_> {
    /// Makes these entries of the room's state other ones from the next number on, if the last is still `head_seq`;
    /// else [`Error::Conflict`]. Entries that are not named stay as they are.
    pub fn resolve_state(&mut self, room: RoomNid, head_seq: i64, entries: &[ResolvedEntry]) -> Result<Resolved> {
        let (position, seq) = (self.next_position(), head_seq + 1);
        let moved = "UPDATE rooms SET head_seq = ?2 + 1, last_position = ?3
                     WHERE nid = ?1 AND head_seq = ?2 AND NOT purging";
        if self.execute(moved, (room.0, head_seq, position.to_i64()))? != 1 {
            return Err(Error::Conflict);
        }
        let vanishes = entries.iter().any(|entry| entry.event.is_none());
        let insert = "INSERT INTO resolutions (room_nid, seq, position, vanishes) VALUES (?1, ?2, ?3, ?4)";
        self.execute(insert, (room.0, seq, position.to_i64(), vanishes))?;
        let mut members = Vec::with_capacity(entries.len());
        let mut opens = false;
        for entry in entries {
            let value = self.value(room, entry)?;
            self.set_resolved(room, seq, entry, &value)?;
            members.push(match &entry.membership {
                Some((user_id, membership)) => {
                    let member = (user_id, *membership);
                    Some(self.set_membership(room, member, value.sender, (seq, position), Some(value.seq))?)
                }
                None => None,
            });
            if let Some(change) = &entry.summary {
                self.change_summary(room, change)?;
            }
            opens |=
                matches!(&*entry.kind, "m.room.join_rules" | "m.room.history_visibility") && entry.state_key.is_empty();
        }
        if opens {
            self.derive_openness(room)?;
        }
        Ok(Resolved { position, seq, members })
    }

    fn value(&self, room: RoomNid, entry: &ResolvedEntry) -> Result<Became> {
        let Some(event_id) = &entry.event else { return Ok(Became { position: Position::NONE, seq: 0, sender: None }) };
        let sql = "SELECT position, seq, sender_nid FROM events WHERE event_id = ?1 AND room_nid = ?2";
        let found = self.row(sql, (event_id.as_str(), room.0), |row| {
            let (position, sender) = (Position::from_i64(row.get(0)?), UserNid(row.get(2)?));
            Ok(Became { position, seq: row.get(1)?, sender: Some(sender) })
        });
        found?.ok_or_else(|| Error::Corrupt(format!("state of room number {}: no event {event_id}", room.0)))
    }

    fn set_resolved(&self, room: RoomNid, seq: i64, entry: &ResolvedEntry, value: &Became) -> Result<()> {
        let ResolvedEntry { kind, state_key, .. } = entry;
        let history =
            "INSERT INTO state_history (room_nid, kind, state_key, seq, position) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.execute(history, (room.0, kind, state_key, seq, value.position.to_i64()))?;
        let current = "INSERT INTO current_state (room_nid, kind, state_key, position, since)
                       VALUES (?1, ?2, ?3, ?4, ?5)
                       ON CONFLICT (room_nid, kind, state_key) DO UPDATE SET position = excluded.position,
                           since = excluded.since";
        self.execute(current, (room.0, kind, state_key, value.position.to_i64(), seq)).map(drop)
    }
}
