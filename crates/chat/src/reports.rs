//! Reports of events, rooms and users to the administrators of the server (spec: "Reporting Content").

use im2_core::{Code, Core, Error, Result, rate_limits::Quota, session::Session};
use im2_model::{EventId, RoomId, UserId};
use im2_store::reports::NewReport;
pub use im2_store::reports::{Report, ReportKind, ReportsQuery};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    rooms::{Actor, Rooms},
    server_notices::ServerNotices,
};

/// The outbox job that tells administrators of a report. Its payload is [`Notify`].
pub const NOTIFY: &str = "reports.notify";

/// The longest reason, in characters.
const MAX_REASON: usize = 4_096;

/// Options for reports.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether administrators are sent a server notice of each.
    pub notify_admins: bool,
}

/// The payload of [`NOTIFY`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Notify {
    id: i64,
    kind: String,
}

/// The use cases.
#[derive(Debug, Clone)]
pub struct Reports {
    core: Core,
    rooms: Rooms,
    notices: ServerNotices,
    options: Options,
}

impl Reports {
    /// Builds it on the core.
    pub fn new(core: Core, rooms: Rooms, notices: ServerNotices, options: Options) -> Self {
        Self { core, rooms, notices, options }
    }

    /// Reports an event of a room that the user is a member of. Everything else does not exist for them.
    pub async fn report_event(
        &self,
        session: &Session,
        room_id: &RoomId,
        event_id: &EventId,
        reason: Option<String>,
        score: Option<i64>,
    ) -> Result<()> {
        if score.is_some_and(|score| !(-100..=0).contains(&score)) {
            return Err(Error::refused(Code::InvalidParam, "score must be between -100 and 0"));
        }
        let missing = || Error::refused(Code::NotFound, "there is no such event, or you are not in its room");
        let actor = Actor::from(session);
        let reader = self.rooms.reader_or_not_found(&actor, room_id).await.map_err(|_| missing())?;
        if !reader.room.view().joined.contains_key(&session.user) {
            return Err(missing());
        }
        let event = self.rooms.readable_event(&reader, event_id).await.map_err(|_| missing())?;
        self.add(NewReport {
            kind: ReportKind::Event,
            reporter: session.user,
            room: Some(reader.room.nid),
            event_id: Some(event.id().clone()),
            target: Some(event.sender),
            reason,
            score,
            received_ts: self.core.now(),
        })
        .await
    }

    /// Reports a room, whether or not the user is a member.
    pub async fn report_room(&self, session: &Session, room_id: &RoomId, reason: String) -> Result<()> {
        let room = self.rooms.find(room_id).await?;
        let room = room.ok_or_else(|| Error::refused(Code::NotFound, "there is no such room on this server"))?;
        self.add(NewReport {
            kind: ReportKind::Room,
            reporter: session.user,
            room: Some(room.nid),
            event_id: None,
            target: None,
            reason: Some(reason),
            score: None,
            received_ts: self.core.now(),
        })
        .await
    }

    /// Reports a user of this server.
    pub async fn report_user(&self, session: &Session, user_id: &UserId, reason: String) -> Result<()> {
        let wanted = user_id.clone();
        let account = self.core.store.read(move |db| db.account(&wanted)).await?;
        let account = account.ok_or_else(|| Error::refused(Code::NotFound, "there is no such user on this server"))?;
        self.add(NewReport {
            kind: ReportKind::User,
            reporter: session.user,
            room: None,
            event_id: None,
            target: Some(account.user),
            reason: Some(reason),
            score: None,
            received_ts: self.core.now(),
        })
        .await
    }

    async fn add(&self, report: NewReport) -> Result<()> {
        if report.reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
            let message = format!("a reason must have at most {MAX_REASON} characters");
            return Err(Error::refused(Code::InvalidParam, message));
        }
        let notify = self.options.notify_admins && self.notices.are_enabled();
        let core = self.core.clone();
        let add = move |tx: &mut im2_core::Transaction<'_>| {
            if let Err(refusal) = core.limits.check_quota(Quota::Reports, tx.reports_by(report.reporter)? as u64 + 1) {
                return Ok(Err(refusal));
            }
            let id = tx.add_report(&report)?;
            if notify {
                let payload = serde_json::to_string(&Notify { id, kind: report.kind.as_str().to_owned() });
                let payload = payload.map_err(|error| im2_store::Error::Corrupt(error.to_string()))?;
                tx.add_job(NOTIFY, &payload, report.received_ts)?;
            }
            Ok(Ok(()))
        };
        self.core.store.write(add).await?
    }

    /// A part of the reports of one kind, and how many there are: for administrators.
    pub async fn list(&self, kind: ReportKind, query: ReportsQuery) -> Result<(Vec<Report>, u64)> {
        Ok(self.core.store.read(move |db| db.reports(kind, &query)).await?)
    }

    /// One report, with the event it is about, JSON: for administrators.
    pub async fn get(&self, kind: ReportKind, id: i64) -> Result<(Report, Option<String>)> {
        let read = self.core.store.read(move |db| {
            let Some(report) = db.report(kind, id)? else { return Ok(None) };
            let event_id = report.event_id.as_deref().and_then(|id| EventId::parse(id).ok());
            let event = match (report.room, event_id) {
                (Some(room), Some(event_id)) => db.event(room, &event_id)?.map(|row| row.pdu),
                _ => None,
            };
            Ok(Some((report, event)))
        });
        read.await?.ok_or_else(no_report)
    }

    /// Removes a report: for administrators.
    pub async fn delete(&self, kind: ReportKind, id: i64) -> Result<()> {
        let deleted = self.core.store.write(move |tx| tx.delete_report(kind, id)).await?;
        if deleted { Ok(()) } else { Err(no_report()) }
    }

    /// Sends each administrator a notice of a report.
    pub async fn notify(&self, notify: &Notify) -> Result<()> {
        let kinds = [ReportKind::Event, ReportKind::Room, ReportKind::User];
        let Some(kind) = kinds.into_iter().find(|kind| kind.as_str() == notify.kind) else { return Ok(()) };
        let id = notify.id;
        let read = self.core.store.read(move |db| Ok((db.report(kind, id)?, db.administrators()?)));
        let (Some(report), administrators) = read.await? else { return Ok(()) };
        let mut content = Map::new();
        content.insert("msgtype".into(), "m.text".into());
        content.insert("body".into(), Value::from(describe(&report)));
        for admin in administrators {
            let sent = self.notices.send_once(&admin, content.clone(), &format!("report-{id}")).await;
            if let Err(error @ Error::Refused { .. }) = &sent {
                tracing::warn!(%error, %admin, "an administrator could not be told of a report");
                continue;
            }
            sent?;
        }
        Ok(())
    }
}

fn no_report() -> Error {
    Error::refused(Code::NotFound, "there is no such report")
}

/// A report as a sentence.
fn describe(report: &Report) -> String {
    let Report { id, kind, reporter, room_id, room_name, event_id, target, reason, .. } = report;
    let room = match (room_id, room_name) {
        (Some(room_id), Some(name)) => format!("{name} ({room_id})"),
        (room_id, _) => room_id.clone().unwrap_or_default(),
    };
    let user = target.clone().unwrap_or_default();
    let what = match &**kind {
        "event" => format!("event {} by {user} in {room}", event_id.clone().unwrap_or_default()),
        "room" => format!("room {room}"),
        _ => format!("user {user}"),
    };
    let reason = reason.as_deref().filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("Report {id}: {reporter} has reported the {what}{reason}")
}
