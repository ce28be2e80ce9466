//! Summaries of rooms, by which lists are sorted and filtered without reading a room.

use im2_model::{Position, RoomId, RoomNid, StreamToken, UserNid};

use super::{events::conversion, numbers};
use crate::{Result, Row, Snapshot, Transaction};

/// A room as lists know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRow {
    /// Its number.
    pub room: RoomNid,
    /// Its identifier.
    pub room_id: RoomId,
    /// The position of its last event.
    pub last: Position,
    /// The position of the last event that counts as activity.
    pub bump: Position,
    /// Its name.
    pub name: Option<String>,
    /// Its type.
    pub room_type: Option<String>,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// A change to a summary by a state event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SummaryChange {
    /// The name.
    Name(Option<Box<str>>),
    /// The type.
    RoomType(Option<Box<str>>),
    /// Whether it is encrypted.
    Encrypted(bool),
}

impl Snapshot<'_> {
    /// Those of `rooms` that are there, in no order.
    pub fn summaries(&self, rooms: &[RoomNid]) -> Result<Vec<SummaryRow>> {
        let sql = |slots: &str| {
            format!(
                "SELECT r.nid, r.room_id, r.last_position, r.bump_position, s.name, s.room_type, s.encrypted
                 FROM rooms r LEFT JOIN room_summaries s ON s.room_nid = r.nid WHERE r.nid IN ({slots})"
            )
        };
        self.rows_of_set(&[], numbers(rooms), sql, read_summary)
    }

    /// The position of a room's last event.
    pub fn last_position(&self, room: RoomNid) -> Result<Option<Position>> {
        let sql = "SELECT last_position FROM rooms WHERE nid = ?1";
        self.row(sql, [room.0], |row| row.get(0).map(Position::from_i64))
    }

    /// The rooms that a user is joined to and that have events after `since`.
    pub fn rooms_active_since(&self, user: UserNid, since: &StreamToken) -> Result<Vec<RoomNid>> {
        let sql = "SELECT r.nid, r.last_position FROM memberships m JOIN rooms r ON r.nid = m.room_nid
                   WHERE m.user_nid = ?1 AND m.membership = 'join'";
        let rows = self.rows(sql, [user.0], |row| Ok((RoomNid(row.get(0)?), Position::from_i64(row.get(1)?))))?;
        Ok(rows.into_iter().filter(|(_, last)| !since.includes(*last)).map(|(room, _)| room).collect())
    }
}

impl Transaction<'_> {
    pub(super) fn change_summary(&self, room: RoomNid, change: &SummaryChange) -> Result<()> {
        match change {
            SummaryChange::Name(name) => {
                let sql = "INSERT INTO room_summaries (room_nid, name) VALUES (?1, ?2)
                           ON CONFLICT (room_nid) DO UPDATE SET name = excluded.name";
                self.execute(sql, (room.0, name))
            }
            SummaryChange::RoomType(room_type) => {
                let sql = "INSERT INTO room_summaries (room_nid, room_type) VALUES (?1, ?2)
                           ON CONFLICT (room_nid) DO UPDATE SET room_type = excluded.room_type";
                self.execute(sql, (room.0, room_type))
            }
            SummaryChange::Encrypted(encrypted) => {
                let sql = "INSERT INTO room_summaries (room_nid, encrypted) VALUES (?1, ?2)
                           ON CONFLICT (room_nid) DO UPDATE SET encrypted = excluded.encrypted";
                self.execute(sql, (room.0, encrypted))
            }
        }
        .map(drop)
    }
}

fn read_summary(row: &Row<'_>) -> Result<SummaryRow> {
    let room_id: String = row.get(1)?;
    Ok(SummaryRow {
        room: RoomNid(row.get(0)?),
        room_id: RoomId::parse(&room_id).map_err(|error| conversion(1, error))?,
        last: Position::from_i64(row.get(2)?),
        bump: Position::from_i64(row.get(3)?),
        name: row.get(4)?,
        room_type: row.get(5)?,
        encrypted: row.get::<Option<bool>>(6)?.unwrap_or(false),
    })
}
