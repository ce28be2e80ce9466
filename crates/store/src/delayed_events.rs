//! Events that are sent later (MSC4140).

use im2_model::{DeviceId, EventId, Millis, RoomId, RoomNid, UserNid};

use crate::{Result, Row, Snapshot, Transaction};

/// A delayed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayedEvent {
    /// Its identifier.
    pub delay_id: String,
    /// Its sender.
    pub user: UserNid,
    /// The device that scheduled it.
    pub device_id: DeviceId,
    /// The room to send it to.
    pub room: RoomNid,
    /// The same by its identifier.
    pub room_id: RoomId,
    /// The event's `type`.
    pub kind: String,
    /// The state key, for state.
    pub state_key: Option<String>,
    /// The transaction ID of the request that scheduled it.
    pub txn_id: Option<String>,
    /// The content, JSON; `{}` once it is sent.
    pub content: String,
    /// The event's time, where an application service chose it.
    pub ts: Option<Millis>,
    /// Milliseconds between scheduling and sending.
    pub delay: Millis,
    /// When the delay began.
    pub scheduled_at: Millis,
    /// The number of the job that sends it.
    pub job: i64,
    /// The outcome; `None` while it is scheduled.
    pub outcome: Option<Outcome>,
}

/// The outcome of a delayed event. With neither an event nor an error it was cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// When it was finalised.
    pub at: Millis,
    /// The event that was sent.
    pub event_id: Option<EventId>,
    /// The error object that says why it could not be sent, JSON.
    pub error: Option<String>,
}

impl DelayedEvent {
    /// When it is to be sent.
    pub fn due_at(&self) -> Millis {
        self.scheduled_at.saturating_add(self.delay)
    }
}

const COLUMNS: &str = "delay_id, user_nid, device_id, room_nid, kind, state_key, txn_id, content, ts, delay,
                       scheduled_at, job, finalised_at, event_id, error,
                       (SELECT room_id FROM rooms WHERE rooms.nid = delayed_events.room_nid)";

fn read(row: &Row<'_>) -> Result<DelayedEvent> {
    let finalised_at: Option<i64> = row.get(12)?;
    let event_id = row.get::<Option<&str>>(13)?.map(|_| row.parsed(13, EventId::parse)).transpose()?;
    let error = row.get(14)?;
    Ok(DelayedEvent {
        delay_id: row.get(0)?,
        user: UserNid(row.get(1)?),
        device_id: row.parsed(2, DeviceId::parse)?,
        room: RoomNid(row.get(3)?),
        room_id: row.parsed(15, RoomId::parse)?,
        kind: row.get(4)?,
        state_key: row.get(5)?,
        txn_id: row.get(6)?,
        content: row.get(7)?,
        ts: row.get::<Option<i64>>(8)?.map(|ts| ts as Millis),
        delay: row.get::<i64>(9)? as Millis,
        scheduled_at: row.get::<i64>(10)? as Millis,
        job: row.get(11)?,
        outcome: finalised_at.map(|at| Outcome { at: at as Millis, event_id, error }),
    })
}

impl Snapshot<'_> {
    /// The delayed event of this identifier.
    pub fn delayed_event(&self, delay_id: &str) -> Result<Option<DelayedEvent>> {
        self.row(&format!("SELECT {COLUMNS} FROM delayed_events WHERE delay_id = ?1"), [delay_id], read)
    }

    /// The delayed event that a transaction scheduled earlier.
    pub fn delayed_event_of(
        &self,
        user: UserNid,
        device_id: &DeviceId,
        room: RoomNid,
        kind: &str,
        txn_id: &str,
    ) -> Result<Option<String>> {
        let sql = "SELECT delay_id FROM delayed_events
                   WHERE user_nid = ?1 AND device_id = ?2 AND room_nid = ?3 AND kind = ?4 AND txn_id = ?5";
        self.row(sql, (user.0, device_id.as_str(), room.0, kind, txn_id), |row| row.get(0))
    }

    /// The scheduled events of a user, the next first. The number that one may have is limited.
    pub fn scheduled_events_of(&self, user: UserNid) -> Result<Vec<DelayedEvent>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM delayed_events
             WHERE user_nid = ?1 AND finalised_at IS NULL ORDER BY scheduled_at + delay, job"
        );
        self.rows(&sql, [user.0], read)
    }

    /// The latest finalised events of a user, the last first.
    pub fn finalised_events_of(&self, user: UserNid, limit: usize) -> Result<Vec<DelayedEvent>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM delayed_events
             WHERE user_nid = ?1 AND finalised_at IS NOT NULL ORDER BY finalised_at DESC, job DESC LIMIT ?2"
        );
        self.rows(&sql, (user.0, limit as i64), read)
    }

    /// Number of events that a user has scheduled, and when the next of them is due.
    pub fn scheduled_events_count(&self, user: UserNid) -> Result<(usize, Option<Millis>)> {
        let sql = "SELECT count(*), min(scheduled_at + delay) FROM delayed_events
                   WHERE user_nid = ?1 AND finalised_at IS NULL";
        let found = self.row(sql, [user.0], |row| Ok((row.get::<i64>(0)?, row.get::<Option<i64>>(1)?)))?;
        let (count, next) = found.unwrap_or_default();
        Ok((count as usize, next.map(|at| at as Millis)))
    }

    /// The events that are due by `until`, in the order of their times. As many as `limit`.
    pub fn due_events(&self, until: Millis, limit: usize) -> Result<Vec<DelayedEvent>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM delayed_events
             WHERE finalised_at IS NULL AND scheduled_at + delay <= ?1 ORDER BY scheduled_at + delay, job LIMIT ?2"
        );
        self.rows(&sql, (until as i64, limit as i64), read)
    }

    /// The events whose delay began after `now`: the clock was set back since. As many as `limit`.
    pub fn events_scheduled_after(&self, now: Millis, limit: usize) -> Result<Vec<DelayedEvent>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM delayed_events WHERE finalised_at IS NULL AND scheduled_at > ?1
             ORDER BY scheduled_at LIMIT ?2"
        );
        self.rows(&sql, (now as i64, limit as i64), read)
    }
}

impl Transaction<'_> {
    /// Schedules an event, which the job `event.job` sends.
    pub fn add_delayed_event(&self, event: &DelayedEvent) -> Result<()> {
        let sql = "INSERT INTO delayed_events (delay_id, user_nid, device_id, room_nid, kind, state_key, txn_id,
                       content, ts, delay, scheduled_at, job)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let DelayedEvent { delay_id, user, device_id, room, kind, state_key, txn_id, content, .. } = event;
        let params = (
            delay_id,
            user.0,
            device_id.as_str(),
            room.0,
            kind,
            state_key,
            txn_id,
            content,
            event.ts.map(|ts| ts as i64),
            event.delay as i64,
            event.scheduled_at as i64,
            event.job,
        );
        self.execute(sql, params).map(drop)
    }

    /// Begins the delay of a scheduled event anew at `now`, with the job `job`.
    pub fn restart_delayed_event(&self, delay_id: &str, now: Millis, job: i64) -> Result<()> {
        let sql = "UPDATE delayed_events SET scheduled_at = ?2, job = ?3 WHERE delay_id = ?1";
        self.execute(sql, (delay_id, now as i64, job)).map(drop)
    }

    /// Records the outcome of a scheduled event. The content of one that was sent is left to the event, which can be
    /// redacted.
    pub fn finalise_delayed_event(&self, delay_id: &str, outcome: &Outcome) -> Result<()> {
        let sql = "UPDATE delayed_events SET finalised_at = ?2, event_id = ?3, error = ?4,
                          content = CASE WHEN ?3 IS NULL THEN content ELSE '{}' END
                   WHERE delay_id = ?1 AND finalised_at IS NULL";
        let event_id = outcome.event_id.as_ref().map(EventId::as_str);
        self.execute(sql, (delay_id, outcome.at as i64, event_id, outcome.error.as_deref())).map(drop)
    }

    /// Forgets a user's finalised events, but for the latest `keep`.
    pub fn forget_finalised_events_of(&self, user: UserNid, keep: usize) -> Result<()> {
        let sql = "DELETE FROM delayed_events WHERE delay_id IN (
                       SELECT delay_id FROM delayed_events WHERE user_nid = ?1 AND finalised_at IS NOT NULL
                       ORDER BY finalised_at DESC, job DESC LIMIT ?2 OFFSET ?3)";
        self.execute(sql, (user.0, i64::MAX, keep as i64)).map(drop)
    }

    /// Forgets the events that were finalised before `before`.
    pub fn forget_finalised_events_before(&self, before: Millis) -> Result<()> {
        self.execute("DELETE FROM delayed_events WHERE finalised_at < ?1", [before as i64]).map(drop)
    }

    /// Forgets all delayed events of a user, with the jobs that would have sent them.
    pub fn forget_delayed_events_of(&self, user: UserNid) -> Result<()> {
        let jobs = "DELETE FROM jobs WHERE id IN (
                        SELECT job FROM delayed_events WHERE user_nid = ?1 AND finalised_at IS NULL)";
        self.execute(jobs, [user.0])?;
        self.execute("DELETE FROM delayed_events WHERE user_nid = ?1", [user.0]).map(drop)
    }
}
