//! Reports of users to the administrators.

use im2_model::{EventId, Millis, RoomNid, UserNid};

use crate::{Result, Row, Snapshot, Transaction, dialect::Sql};

/// The kind of thing that a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// An event.
    Event,
    /// A room.
    Room,
    /// A user.
    User,
}

impl ReportKind {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Room => "room",
            Self::User => "user",
        }
    }
}

/// A report to be kept.
#[derive(Debug, Clone)]
pub struct NewReport {
    /// The kind of thing that it is about.
    pub kind: ReportKind,
    /// The user who reports.
    pub reporter: UserNid,
    /// The room, of an event or a room.
    pub room: Option<RoomNid>,
    /// The event.
    pub event_id: Option<EventId>,
    /// The user, or who sent the event.
    pub target: Option<UserNid>,
    /// The reason.
    pub reason: Option<String>,
    /// The severity, from -100 to 0.
    pub score: Option<i64>,
    /// When.
    pub received_ts: Millis,
}

/// A report as administrators read it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in a new report, with names for numbers")]
pub struct Report {
    pub id: i64,
    pub kind: String,
    pub reporter: String,
    pub room: Option<RoomNid>,
    pub room_id: Option<String>,
    pub room_name: Option<String>,
    pub canonical_alias: Option<String>,
    pub event_id: Option<String>,
    pub target: Option<String>,
    pub reason: Option<String>,
    pub score: Option<i64>,
    pub received_ts: Millis,
}

/// A query for reports.
#[derive(Debug, Clone, Default)]
pub struct ReportsQuery {
    /// How many to pass over.
    pub from: usize,
    /// At most so many.
    pub limit: usize,
    /// Oldest first.
    pub oldest_first: bool,
    /// Only those by users with this in their user ID, as `im2_model::NameSearch` finds it.
    pub reporter: Option<String>,
    /// Only those about users with this in their user ID, or about what they sent.
    pub target: Option<String>,
    /// Only those about rooms with this in their identifier, or about something in them.
    pub room_id: Option<String>,
}

const REPORT: &str = "
    SELECT p.id, p.kind, reporter.user_id, p.room_nid, r.room_id,
        (SELECT json_extract(e.pdu, '$.content.name') FROM current_state s JOIN events e ON e.position = s.position
         WHERE s.room_nid = p.room_nid AND s.kind = 'm.room.name' AND s.state_key = ''
           AND json_type(e.pdu, '$.content.name') = 'text'),
        (SELECT json_extract(e.pdu, '$.content.alias') FROM current_state s JOIN events e ON e.position = s.position
         WHERE s.room_nid = p.room_nid AND s.kind = 'm.room.canonical_alias' AND s.state_key = ''
           AND json_type(e.pdu, '$.content.alias') = 'text'),
        p.event_id, target.user_id, p.reason, p.score, p.received_ts";
const FROM: &str = "
    FROM reports p JOIN users reporter ON reporter.nid = p.reporter_nid
    LEFT JOIN users target ON target.nid = p.target_nid LEFT JOIN rooms r ON r.nid = p.room_nid
    WHERE p.kind = ?1";
const WANTED: &str = "
    AND (?2 IS NULL OR name_has(reporter.user_id, ?2)) AND (?3 IS NULL OR name_has(target.user_id, ?3))
    AND (?4 IS NULL OR instr(r.room_id, ?4))";

fn read_report(row: &Row<'_>) -> Result<Report> {
    Ok(Report {
        id: row.get(0)?,
        kind: row.get(1)?,
        reporter: row.get(2)?,
        room: row.get::<Option<i64>>(3)?.map(RoomNid),
        room_id: row.get(4)?,
        room_name: row.get(5)?,
        canonical_alias: row.get(6)?,
        event_id: row.get(7)?,
        target: row.get(8)?,
        reason: row.get(9)?,
        score: row.get(10)?,
        received_ts: row.get::<i64>(11)? as Millis,
    })
}

impl Snapshot<'_> {
    /// A part of the reports of one kind, and how many there are that the query wants.
    pub fn reports(&self, kind: ReportKind, query: &ReportsQuery) -> Result<(Vec<Report>, u64)> {
        let order = if query.oldest_first { "ASC" } else { "DESC" };
        let ReportsQuery { reporter, target, room_id, .. } = query;
        let sql = format!("{REPORT} {FROM} {WANTED} ORDER BY p.id {order} LIMIT ?5 OFFSET ?6");
        let page = (kind.as_str(), reporter, target, room_id, query.limit as i64, query.from as i64);
        let found = self.rows(Sql::SqliteOnly(&sql), page, read_report)?;
        let sql = format!("SELECT count(*) {FROM} {WANTED}");
        let total: Option<i64> =
            self.row(Sql::SqliteOnly(&sql), (kind.as_str(), reporter, target, room_id), |row| row.get(0))?;
        Ok((found, total.unwrap_or(0) as u64))
    }

    /// One report.
    pub fn report(&self, kind: ReportKind, id: i64) -> Result<Option<Report>> {
        self.row(Sql::SqliteOnly(&format!("{REPORT} {FROM} AND p.id = ?2")), (kind.as_str(), id), read_report)
    }

    /// How many reports of a user are kept.
    pub fn reports_by(&self, reporter: UserNid) -> Result<usize> {
        let count: Option<i64> =
            self.row("SELECT count(*) FROM reports WHERE reporter_nid = ?1", [reporter.0], |row| row.get(0))?;
        Ok(count.unwrap_or(0) as usize)
    }

    /// Whether a room, or something in it, has been reported.
    pub fn is_reported_room(&self, room: RoomNid) -> Result<bool> {
        Ok(self.row("SELECT 1 FROM reports WHERE room_nid = ?1 LIMIT 1", [room.0], |_| Ok(()))?.is_some())
    }
}

impl Transaction<'_> {
    /// Keeps a report; returns its number.
    pub fn add_report(&self, report: &NewReport) -> Result<i64> {
        let sql = "INSERT INTO reports (kind, reporter_nid, room_nid, event_id, target_nid, reason, score, received_ts)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id";
        let NewReport { kind, reporter, room, event_id, target, reason, score, received_ts } = report;
        let room = room.map(|room| room.0);
        let event_id = event_id.as_ref().map(EventId::as_str);
        let target = target.map(|target| target.0);
        self.insert(sql, (kind.as_str(), reporter.0, room, event_id, target, reason, score, *received_ts as i64))
    }

    /// Removes a report. Says whether it was there.
    pub fn delete_report(&self, kind: ReportKind, id: i64) -> Result<bool> {
        Ok(self.execute("DELETE FROM reports WHERE kind = ?1 AND id = ?2", (kind.as_str(), id))? == 1)
    }
}
