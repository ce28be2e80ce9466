//! Events that are known and shown to nobody.

use im2_model::{EventId, RoomNid};

use super::events::read_event_id;
use crate::{Error, Result, Snapshot, Transaction};

/// An event that is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its identifier.
    pub event_id: EventId,
    /// The whole event in the room version's format.
    pub pdu: Box<str>,
    /// The reason why it is set aside.
    pub why: Why,
    /// An explanation, if there is one.
    pub reason: Option<Box<str>>,
}

/// Reasons for which an event is set aside (spec: server-server API, "Checks performed on receipt of a PDU").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was fetched to judge others, and has no place in the room's timeline.
    Outlier,
    /// The rules do not allow it by the state before it.
    Rejected,
    /// They do, but not by the room's state when it came.
    SoftFailed,
}

impl Why {
    fn as_str(self) -> &'static str {
        match self {
            Self::Outlier => "outlier",
            Self::Rejected => "rejected",
            Self::SoftFailed => "soft_failed",
        }
    }
}

impl Snapshot<'_> {
    /// An event of a room that is set aside.
    pub fn set_aside_event(&self, room: RoomNid, event_id: &EventId) -> Result<Option<SetAside>> {
        let sql = "SELECT event_id, status, reason, pdu FROM set_aside WHERE event_id = ?1 AND room_nid = ?2";
        let found = self.row(sql, (event_id.as_str(), room.0), |row| {
            Ok((read_event_id(row, 0)?, row.get::<String>(1)?, row.get(2)?, row.get(3)?))
        })?;
        let Some((event_id, status, reason, pdu)) = found else { return Ok(None) };
        let why = [Why::Outlier, Why::Rejected, Why::SoftFailed].into_iter().find(|why| why.as_str() == status);
        let why = why.ok_or_else(|| Error::Corrupt(format!("event {event_id} is set aside as {status}")))?;
        Ok(Some(SetAside { event_id, pdu, why, reason }))
    }
}

impl Transaction<'_> {
    /// Sets an event aside; or the same one for another reason.
    pub fn set_aside(&self, room: RoomNid, event: &SetAside) -> Result<()> {
        let sql = "INSERT INTO set_aside (event_id, room_nid, status, reason, pdu) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (room_nid, event_id) DO UPDATE SET status = excluded.status, reason = excluded.reason";
        let SetAside { event_id, pdu, why, reason } = event;
        self.execute(sql, (event_id.as_str(), room.0, why.as_str(), reason, pdu)).map(drop)
    }

    /// Forgets an event that was set aside: it is in the room now, or of no use any more. Says whether there was one.
    pub fn remove_set_aside(&self, room: RoomNid, event_id: &EventId) -> Result<bool> {
        let sql = "DELETE FROM set_aside WHERE event_id = ?1 AND room_nid = ?2";
        Ok(self.execute(sql, (event_id.as_str(), room.0))? == 1)
    }
}
