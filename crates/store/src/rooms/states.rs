//! States off the line: those before events that do not go on from the event before them in the line.
//!
//! Such a state is kept as what is different from another: from the room's state at a number, or from another state off
//! the line. A chain of those has an end ([`DEPTH`]), so that reading one entry costs a handful of look-ups.

use std::collections::BTreeMap;

use im2_model::{EventId, Position, RoomNid};

use super::{
    events::{EventRow, read_event},
    state::state_at,
};
use crate::{Error, Result, Snapshot, Transaction};

/// The most states that lie between one and the line. One that would be farther away is written out against the line.
const DEPTH: i64 = 16;

/// The number of a state off the line, in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateId(pub i64);

/// The state that a state off the line is stored as a difference to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateBase {
    /// The room's state right after a number.
    Line(i64),
    /// Another state off the line.
    State(StateId),
}

/// An entry that is different: its event, or none.
type Delta = BTreeMap<(String, String), Option<Position>>;

impl Snapshot<'_> {
    /// The state before an event, if it is off the line.
    pub fn state_before(&self, room: RoomNid, event_id: &EventId) -> Result<Option<StateId>> {
        let sql = "SELECT state_id FROM states_before WHERE room_nid = ?1 AND event_id = ?2";
        self.row(sql, (room.0, event_id.as_str()), |row| row.get(0).map(StateId))
    }

    /// One entry of a state off the line.
    pub fn entry_of_state(
        &self,
        room: RoomNid,
        state: StateId,
        kind: &str,
        state_key: &str,
    ) -> Result<Option<EventRow>> {
        let sql =
            "SELECT position FROM state_deltas WHERE room_nid = ?1 AND state_id = ?2 AND kind = ?3 AND state_key = ?4";
        let mut at = state;
        loop {
            let (base, _) = self.base_of(room, at)?;
            let position = self.row(sql, (room.0, at.0, kind, state_key), |row| row.get(0).map(Position::from_i64))?;
            if let Some(position) = position {
                return if position == Position::NONE { Ok(None) } else { self.event_at(position) };
            }
            match base {
                StateBase::Line(seq) => return self.state_entry_at(room, kind, state_key, seq),
                StateBase::State(base) => at = base,
            }
        }
    }

    /// All of a state off the line, in no order. Of a room with many members this is much.
    pub fn whole_state(&self, room: RoomNid, state: StateId) -> Result<Vec<EventRow>> {
        let (seq, delta) = self.against_line(room, state)?;
        let on_line =
            self.rows(&state_at("true"), (room.0, seq), |row| Ok((read_event(row)?, (row.get(7)?, row.get(8)?))))?;
        let same = on_line.into_iter().filter(|(_, key)| !delta.contains_key(key)).map(|(event, _)| event);
        let mut whole: Vec<EventRow> = same.collect();
        for position in delta.into_values().flatten() {
            let missing = || Error::Corrupt(format!("state {}: no event at {}", state.0, position.to_i64()));
            whole.push(self.event_at(position)?.ok_or_else(missing)?);
        }
        Ok(whole)
    }

    /// The base that a state is stored as a difference to, and its depth: how many other states lie between it and the
    /// line.
    fn base_of(&self, room: RoomNid, state: StateId) -> Result<(StateBase, i64)> {
        let sql = "SELECT base_seq, base_state, depth FROM states WHERE state_id = ?1 AND room_nid = ?2";
        let found = self.row(sql, (state.0, room.0), |row| {
            Ok((row.get::<Option<i64>>(0)?, row.get::<Option<i64>>(1)?, row.get(2)?))
        })?;
        match found {
            Some((Some(seq), None, depth)) => Ok((StateBase::Line(seq), depth)),
            Some((None, Some(base), depth)) => Ok((StateBase::State(StateId(base)), depth)),
            _ => Err(Error::Corrupt(format!("state {} of room number {}", state.0, room.0))),
        }
    }

    /// The entries in which a state differs from the room's state at a number, and that number.
    fn against_line(&self, room: RoomNid, state: StateId) -> Result<(i64, Delta)> {
        let sql = "SELECT kind, state_key, position FROM state_deltas WHERE room_nid = ?1 AND state_id = ?2";
        let (mut delta, mut at) = (Delta::new(), state);
        loop {
            let rows = self.rows(sql, (room.0, at.0), |row| {
                let position = Position::from_i64(row.get(2)?);
                Ok(((row.get(0)?, row.get(1)?), (position != Position::NONE).then_some(position)))
            })?;
            for (key, position) in rows {
                delta.entry(key).or_insert(position);
            }
            match self.base_of(room, at)?.0 {
                StateBase::Line(seq) => return Ok((seq, delta)),
                StateBase::State(base) => at = base,
            }
        }
    }
}

impl Transaction<'_> {
    /// Adds a state of a room that is another but for these entries, each with its event, which has to be stored, or
    /// without one.
    pub fn add_state(
        &self,
        room: RoomNid,
        base: StateBase,
        different: &[(&str, &str, Option<&EventId>)],
    ) -> Result<StateId> {
        let (base, depth, mut delta) = match base {
            StateBase::Line(_) => (base, 0, Delta::new()),
            StateBase::State(state) => match self.base_of(room, state)?.1 + 1 {
                depth if depth <= DEPTH => (base, depth, Delta::new()),
                _ => {
                    let (seq, delta) = self.against_line(room, state)?;
                    (StateBase::Line(seq), 0, delta)
                }
            },
        };
        for (kind, state_key, event_id) in different {
            let position = match event_id {
                Some(event_id) => {
                    let missing = || Error::Corrupt(format!("state of room number {}: no event {event_id}", room.0));
                    Some(self.event(room, event_id)?.ok_or_else(missing)?.position)
                }
                None => None,
            };
            delta.insert(((*kind).to_owned(), (*state_key).to_owned()), position);
        }
        let (seq, of_state) = match base {
            StateBase::Line(seq) => (Some(seq), None),
            StateBase::State(state) => (None, Some(state.0)),
        };
        let insert = "INSERT INTO states (room_nid, state_id, base_seq, base_state, depth)
                      SELECT ?1, coalesce(max(state_id), 0) + 1, ?2, ?3, ?4 FROM states WHERE room_nid = ?1
                      RETURNING state_id";
        let state = self.row(insert, (room.0, seq, of_state, depth), |row| row.get(0).map(StateId))?;
        let state = state.ok_or_else(|| Error::Corrupt(format!("room number {} takes no state", room.0)))?;
        let insert =
            "INSERT INTO state_deltas (state_id, room_nid, kind, state_key, position) VALUES (?1, ?2, ?3, ?4, ?5)";
        for ((kind, state_key), position) in delta {
            let position = position.unwrap_or(Position::NONE).to_i64();
            self.execute(insert, (state.0, room.0, kind, state_key, position))?;
        }
        Ok(state)
    }

    /// Notes the state before an event, which is not the room's state at the number before it.
    pub fn set_state_before(&self, room: RoomNid, event_id: &EventId, state: StateId) -> Result<()> {
        let sql = "INSERT INTO states_before (room_nid, event_id, state_id) VALUES (?1, ?2, ?3)
                   ON CONFLICT (room_nid, event_id) DO UPDATE SET state_id = excluded.state_id";
        self.execute(sql, (room.0, event_id.as_str(), state.0)).map(drop)
    }
}

#[cfg(test)]
mod tests;
