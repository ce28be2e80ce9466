//! Events and uploads of a user, as administrators look for them.

use im2_model::{EventId, Millis, RoomNid, UserNid};

use crate::{Error, Result, Snapshot, dialect::Sql, values::Value};

/// A query for a user's events in a room.
#[derive(Debug, Clone, Copy)]
pub struct SentQuery {
    /// The room.
    pub room: RoomNid,
    /// The sender.
    pub sender: UserNid,
    /// Not before this time.
    pub after: Option<Millis>,
    /// Not after this time.
    pub before: Option<Millis>,
    /// At most so many, the newest.
    pub limit: usize,
}

/// An event that a user has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentEvent {
    /// Its identifier.
    pub event_id: EventId,
    /// Its type.
    pub kind: String,
    /// Whether it is state.
    pub is_state: bool,
    /// `content.membership`, of member events.
    pub membership: Option<String>,
    /// Whether it has been redacted.
    pub is_redacted: bool,
}

/// The column that uploads are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the columns'")]
pub enum MediaOrder {
    MediaId,
    Filename,
    #[default]
    Created,
    Accessed,
    Size,
    ContentType,
    QuarantinedBy,
    Protected,
}

impl MediaOrder {
    fn column(self) -> &'static str {
        match self {
            Self::MediaId => "media_id",
            Self::Filename => "filename",
            Self::Created => "created_ts",
            Self::Accessed => "accessed_ts",
            Self::Size => "size",
            Self::ContentType => "content_type",
            Self::QuarantinedBy => "quarantined_by",
            Self::Protected => "protected",
        }
    }
}

/// A page of what a user has uploaded.
#[derive(Debug, Clone, Copy)]
pub struct MediaPage {
    /// Sorted by this, and by media ID where it is the same.
    pub order: MediaOrder,
    /// Whether the order is reversed.
    pub descending: bool,
    /// Leaving out so many.
    pub from: usize,
    /// At most so many.
    pub limit: usize,
}

impl Snapshot<'_> {
    /// The events that a user has sent to a room, newest first, redactions left out.
    pub fn sent_events(&self, query: SentQuery) -> Result<Vec<SentEvent>> {
        let sql = "SELECT event_id, json_extract(pdu, '$.type') AS kind, json_type(pdu, '$.state_key') IS NOT NULL,
                          json_extract(pdu, '$.content.membership'), redacted_by IS NOT NULL
                   FROM events WHERE room_nid = ?1 AND sender_nid = ?2 AND (?3 IS NULL OR ts >= ?3)
                     AND (?4 IS NULL OR ts <= ?4) AND seq > 0 AND kind <> 'm.room.redaction'
                   ORDER BY seq DESC LIMIT ?5";
        let SentQuery { room, sender, after, before, limit } = query;
        let time = |ts: Option<Millis>| ts.map(|ts| ts as i64);
        let rows =
            self.rows(Sql::SqliteOnly(sql), (room.0, sender.0, time(after), time(before), limit as i64), |row| {
                let event_id: String = row.get(0)?;
                let membership = if let Value::Text(text) = row.get(3)? { Some(text.to_owned()) } else { None };
                Ok((event_id, row.get(1)?, row.get(2)?, membership, row.get(4)?))
            })?;
        let event = |(event_id, kind, is_state, membership, is_redacted): (String, _, _, _, _)| {
            let event_id = EventId::parse(&event_id).map_err(|_| Error::Corrupt(format!("event {event_id}")))?;
            Ok(SentEvent { event_id, kind, is_state, membership, is_redacted })
        };
        rows.into_iter().map(event).collect()
    }

    /// The media IDs of a page of what a user has uploaded, and how many there are in all.
    pub fn media_page(&self, owner: UserNid, page: MediaPage) -> Result<(Vec<String>, usize)> {
        let (column, direction) = (page.order.column(), if page.descending { "DESC" } else { "ASC" });
        let sql = format!(
            "SELECT media_id FROM media WHERE owner_nid = ?1 AND sha256 IS NOT NULL
             ORDER BY {column} {direction}, media_id LIMIT ?2 OFFSET ?3"
        );
        let ids = self.rows(&sql, (owner.0, page.limit as i64, page.from as i64), |row| row.get(0))?;
        let sql = "SELECT count(*) FROM media WHERE owner_nid = ?1 AND sha256 IS NOT NULL";
        let count: Option<i64> = self.row(sql, [owner.0], |row| row.get(0))?;
        Ok((ids, count.unwrap_or(0) as usize))
    }
}
