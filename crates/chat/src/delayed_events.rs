//! Events that clients want sent later (MSC4140).
//!
//! Each is a row with a job of the outbox that sends it, so that a restart of the server loses neither. The event is
//! judged when it is sent, by what its sender may do then. State that is sent meanwhile does not cancel it: the proposal
//! leaves that to clients.
//!
//! One event is acted upon by one request or job at a time (see [`Locks`]). Sending is idempotent: the event is sent in
//! a transaction that is named after the delayed event.

use std::{
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    sync::Arc,
};

use im2_core::{Code, Core, Error, Result, jobs::Handlers, session::Session};
use im2_kernel::{
    canonical::object_to_canonical,
    event::{EventError, MAX_EVENT_BYTES},
};
use im2_model::{DeviceId, EventId, Millis, RoomId, UserNid};
use im2_store::Snapshot;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, MutexGuard};

pub use im2_store::delayed_events::{DelayedEvent, Outcome};

use crate::rooms::{Actor, DELAYED_PREFIX, Draft, Rooms, Transaction};

/// The longest delay: a month is enough for reminders, and what is forgotten ends some day.
pub const MAX_DELAY: Millis = 30 * DAY;
/// The most events that a user may have scheduled at a time, of up to 64 KiB each. A call takes one a device.
pub const MAX_SCHEDULED: usize = 100;
/// The most finalised events that are kept of a user, and how long (the proposal recommends a week).
const MAX_FINALISED: usize = 100;
const FINALISED_KEPT: Millis = 7 * DAY;
const DAY: Millis = 24 * 60 * 60 * 1000;

/// Events that one job sends when many are due, as after a time in which the server did not run.
const BATCH: usize = 256;
/// Events moved at a time when the clock was set back.
const MOVED_AT_ONCE: usize = 1_000;
/// A clock that is corrected by less than this was not set back.
const CLOCK_TOLERANCE: Millis = 1_000;
const DELAY_ID_LENGTH: usize = 32;
/// More locks than connections to the database: two events seldom share one.
const LOCKS: usize = 64;

/// The outbox job; its payload is the delayed event's identifier.
const SEND: &str = "delayed_events.send";

/// The use cases of delayed events.
#[derive(Debug, Clone)]
pub struct DelayedEvents {
    core: Core,
    rooms: Rooms,
    locks: Arc<Locks>,
}

/// An event to be scheduled.
#[derive(Debug, Clone)]
pub struct NewDelayedEvent {
    /// The event's `type`.
    pub kind: String,
    /// The state key, for state.
    pub state_key: Option<String>,
    /// The content. That of a redaction names its target in `redacts`.
    pub content: Map<String, Value>,
    /// The event's time, where an application service chose it.
    pub ts: Option<Millis>,
    /// Milliseconds until it is sent.
    pub delay: Millis,
    /// The transaction ID of the request; state has none.
    pub txn_id: Option<String>,
}

/// The limit that a request to schedule an event exceeds. Old and new drafts of the proposal have different errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// [`MAX_DELAY`].
    Delay,
    /// [`MAX_SCHEDULED`]; the next of the user's events is sent in this many milliseconds.
    Number(Millis),
}

/// An act on a scheduled event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Send it now.
    Send,
    /// Never send it.
    Cancel,
    /// Begin the delay anew.
    Restart,
}

impl Act {
    /// The act of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "send" => Some(Self::Send),
            "cancel" => Some(Self::Cancel),
            "restart" => Some(Self::Restart),
            _ => None,
        }
    }
}

/// Locks that the delayed events share by their identifiers.
#[derive(Debug)]
struct Locks([Mutex<()>; LOCKS]);

impl Default for Locks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Locks {
    async fn of(&self, delay_id: &str) -> MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(delay_id);
        self.0[(hash % LOCKS as u64) as usize].lock().await
    }
}

impl DelayedEvents {
    /// Builds it on the core.
    pub fn new(core: Core, rooms: Rooms) -> Self {
        Self { core, rooms, locks: Arc::default() }
    }

    /// Schedules an event and returns its delay ID. The same transaction has the same answer.
    pub async fn schedule(
        &self,
        session: &Session,
        room_id: &RoomId,
        new: NewDelayedEvent,
    ) -> Result<std::result::Result<String, Exceeded>> {
        if new.delay > MAX_DELAY {
            return Ok(Err(Exceeded::Delay));
        }
        let content = object_to_canonical(&new.content).map_err(EventError::from)?;
        if content.len() > MAX_EVENT_BYTES {
            return Err(EventError::TooLarge(content.len()).into());
        }
        let content = String::from_utf8(content).map_err(|error| Error::Internal(error.to_string()))?;
        let draft = draft(&new.kind, new.state_key.as_deref(), new.content, new.ts);
        let room = self.rooms.check_scheduled(&Actor::from(session), room_id, draft).await?;
        let now = self.core.now();
        let event = DelayedEvent {
            delay_id: self.core.random.alphanumeric(DELAY_ID_LENGTH),
            user: session.user,
            device_id: session.device_id.clone(),
            room: room.nid,
            room_id: room_id.clone(),
            kind: new.kind,
            state_key: new.state_key,
            txn_id: new.txn_id,
            content,
            ts: new.ts,
            delay: new.delay,
            scheduled_at: now,
            job: 0,
            outcome: None,
        };
        Ok(self.core.store.write(move |tx| add(tx, &event, now)).await?)
    }

    /// Acts on a user's own delayed event. What was done already is done; what cannot be done any more is not found, as
    /// clients expect of servers that do not remember finalised events.
    pub async fn act(&self, session: &Session, delay_id: &str, act: Act) -> Result<()> {
        let _locked = self.locks.of(delay_id).await;
        let event = self.own(session, delay_id).await?;
        let now = self.core.now();
        match (&event.outcome, act) {
            (None, Act::Send) => {
                let event_id = self.send(&event).await?;
                self.finalise(event, Outcome { at: now, event_id: Some(event_id), error: None }).await
            }
            (None, Act::Cancel) => self.finalise(event, Outcome { at: now, event_id: None, error: None }).await,
            (None, Act::Restart) => self.begin_anew(event, now).await,
            (Some(Outcome { event_id: Some(_), .. }), Act::Send)
            | (Some(Outcome { event_id: None, .. }), Act::Cancel) => Ok(()),
            (Some(Outcome { event_id: Some(_), .. }), _) => {
                Err(Error::refused(Code::NotFound, "this delayed event has already been sent"))
            }
            (Some(_), _) => Err(Error::refused(Code::NotFound, "this delayed event has already been cancelled")),
        }
    }

    /// A user's own delayed event, with its content.
    pub async fn get(&self, session: &Session, delay_id: &str) -> Result<DelayedEvent> {
        let event = self.own(session, delay_id).await?;
        Ok(self.core.store.read(move |db| with_content(db, event)).await?)
    }

    /// A user's scheduled events, the next first.
    pub async fn scheduled(&self, session: &Session) -> Result<Vec<DelayedEvent>> {
        let user = session.user;
        Ok(self.core.store.read(move |db| db.scheduled_events_of(user)).await?)
    }

    /// A user's finalised events, the last first.
    pub async fn finalised(&self, session: &Session) -> Result<Vec<DelayedEvent>> {
        let (user, since) = (session.user, self.core.now().saturating_sub(FINALISED_KEPT));
        let read = move |db: &Snapshot<'_>| {
            let found = db.finalised_events_of(user, MAX_FINALISED)?.into_iter();
            let recent = found.filter(|event| event.outcome.as_ref().is_some_and(|outcome| outcome.at >= since));
            recent.map(|event| with_content(db, event)).collect()
        };
        Ok(self.core.store.read(read).await?)
    }

    /// Begins the delays anew that, by the clock, have not begun yet: it was set back, and the events would wait for
    /// that time too.
    pub async fn follow_clock(&self) -> Result<()> {
        let now = self.core.now();
        let ahead = move |db: &Snapshot<'_>| db.events_scheduled_after(now + CLOCK_TOLERANCE, MOVED_AT_ONCE);
        for event in self.core.store.read(ahead).await? {
            let _locked = self.locks.of(&event.delay_id).await;
            let delay_id = event.delay_id.clone();
            let current = self.core.store.read(move |db| db.delayed_event(&delay_id)).await?;
            if let Some(event) = current.filter(|event| event.outcome.is_none() && event.scheduled_at > now) {
                self.begin_anew(event, now).await?;
            }
        }
        Ok(())
    }

    async fn own(&self, session: &Session, delay_id: &str) -> Result<DelayedEvent> {
        let wanted = delay_id.to_owned();
        let found = self.core.store.read(move |db| db.delayed_event(&wanted)).await?;
        let unknown = || Error::refused(Code::NotFound, "you have no delayed event with this ID");
        found.filter(|event| event.user == session.user).ok_or_else(unknown)
    }

    /// The job of a delayed event: sends those that are due before it, and it.
    async fn run(&self, delay_id: &str) -> Result<()> {
        let wanted = delay_id.to_owned();
        let Some(event) = self.core.store.read(move |db| db.delayed_event(&wanted)).await? else { return Ok(()) };
        let until = event.due_at().min(self.core.now());
        for earlier in self.core.store.read(move |db| db.due_events(until, BATCH)).await? {
            if earlier.delay_id != delay_id
                && let Err(error) = self.send_due(&earlier.delay_id).await
            {
                tracing::warn!(%error, "a delayed event could not be sent; its own job will try again");
            }
        }
        self.send_due(delay_id).await
    }

    /// Sends an event whose time has come and which nothing else has been done with.
    async fn send_due(&self, delay_id: &str) -> Result<()> {
        let _locked = self.locks.of(delay_id).await;
        let wanted = delay_id.to_owned();
        let event = self.core.store.read(move |db| db.delayed_event(&wanted)).await?;
        let Some(event) = event.filter(|event| event.outcome.is_none()) else { return Ok(()) };
        let now = self.core.now();
        if event.due_at() > now {
            let since = event.scheduled_at;
            return self.begin_anew(event, since).await;
        }
        let outcome = match self.send(&event).await {
            Ok(event_id) => Outcome { at: now, event_id: Some(event_id), error: None },
            Err(Error::Refused { code, message, .. }) => {
                let error = json!({ "errcode": errcode(code), "error": message }).to_string();
                Outcome { at: now, event_id: None, error: Some(error) }
            }
            Err(error) => return Err(error),
        };
        self.finalise(event, outcome).await
    }

    /// Sends an event as its sender may now.
    async fn send(&self, event: &DelayedEvent) -> Result<EventId> {
        let user = event.user;
        let account = self.core.store.read(move |db| db.account_of(user)).await?;
        let account = account.filter(|account| account.deactivated_ts.is_none());
        let ended = || Error::refused(Code::UserDeactivated, "this account has been deactivated");
        let actor = Actor { user, user_id: account.ok_or_else(ended)?.user_id };
        self.core.refuse_locked(user)?;
        let content = serde_json::from_str(&event.content).map_err(|error| Error::Internal(error.to_string()))?;
        let draft = draft(&event.kind, event.state_key.as_deref(), content, event.ts);
        let transaction = transaction(event.user, &event.device_id, &event.delay_id);
        self.rooms.send_scheduled(&actor, &event.room_id, draft, transaction).await
    }

    async fn begin_anew(&self, event: DelayedEvent, now: Millis) -> Result<()> {
        let change = move |tx: &mut im2_core::Transaction<'_>| {
            tx.remove_job(event.job)?;
            let job = add_job(tx, &event.delay_id, now.saturating_add(event.delay))?;
            tx.restart_delayed_event(&event.delay_id, now, job)
        };
        Ok(self.core.store.write(change).await?)
    }

    async fn finalise(&self, event: DelayedEvent, outcome: Outcome) -> Result<()> {
        let change = move |tx: &mut im2_core::Transaction<'_>| {
            tx.remove_job(event.job)?;
            tx.finalise_delayed_event(&event.delay_id, &outcome)?;
            tx.forget_finalised_events_of(event.user, MAX_FINALISED)
        };
        Ok(self.core.store.write(change).await?)
    }
}

fn draft(kind: &str, state_key: Option<&str>, content: Map<String, Value>, ts: Option<Millis>) -> Draft {
    let draft = match state_key {
        Some(state_key) => Draft::state(kind, state_key, content),
        None => Draft::message(kind, content),
    };
    Draft { ts, ..draft }
}

/// The name in the specification of a code with which an event is refused: `Forbidden` is `M_FORBIDDEN`. The edge has a
/// table for all codes, but this has to be known when no request is there to be answered.
fn errcode(code: Code) -> String {
    let mut errcode = String::from("M");
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() {
            errcode.push('_');
        }
        errcode.push(letter.to_ascii_uppercase());
    }
    errcode
}

/// The transaction in which a delayed event is sent. Its name is how the event's sender is told the delay ID.
fn transaction(user: UserNid, device_id: &DeviceId, delay_id: &str) -> Transaction {
    Transaction { user, device_id: device_id.clone(), txn_id: format!("{DELAYED_PREFIX}{delay_id}").into() }
}

fn add(
    tx: &mut im2_core::Transaction<'_>,
    event: &DelayedEvent,
    now: Millis,
) -> im2_store::Result<std::result::Result<String, Exceeded>> {
    if let Some(txn_id) = &event.txn_id
        && let Some(earlier) = tx.delayed_event_of(event.user, &event.device_id, event.room, &event.kind, txn_id)?
    {
        return Ok(Ok(earlier));
    }
    let (count, next) = tx.scheduled_events_count(event.user)?;
    if count >= MAX_SCHEDULED {
        return Ok(Err(Exceeded::Number(next.map_or(0, |next| next.saturating_sub(now)))));
    }
    let job = add_job(tx, &event.delay_id, event.due_at())?;
    tx.add_delayed_event(&DelayedEvent { job, ..event.clone() })?;
    Ok(Ok(event.delay_id.clone()))
}

fn add_job(tx: &mut im2_core::Transaction<'_>, delay_id: &str, due_at: Millis) -> im2_store::Result<i64> {
    tx.add_numbered_job(SEND, &Value::from(delay_id).to_string(), due_at)
}

/// The event with the content that it was sent with, as far as a redaction has left it.
fn with_content(db: &Snapshot<'_>, mut event: DelayedEvent) -> im2_store::Result<DelayedEvent> {
    if let Some(event_id) = event.outcome.as_ref().and_then(|outcome| outcome.event_id.as_ref())
        && let Some(row) = db.event(event.room, event_id)?
        && let Ok(sent) = serde_json::from_str::<Value>(&row.pdu)
        && let Some(content) = sent.get("content")
    {
        event.content = content.to_string();
    }
    Ok(event)
}

/// Forgets events that were finalised long ago.
pub fn forget_finalised(tx: &im2_core::Transaction<'_>, now: Millis) -> im2_store::Result<()> {
    tx.forget_finalised_events_before(now.saturating_sub(FINALISED_KEPT))
}

/// Adds the handler of the job that sends.
pub fn register(handlers: Handlers, delayed_events: &DelayedEvents) -> Handlers {
    let delayed_events = delayed_events.clone();
    handlers.on(SEND, move |payload| {
        let delayed_events = delayed_events.clone();
        async move {
            let delay_id: String = serde_json::from_str(&payload).map_err(|error| format!("payload: {error}"))?;
            delayed_events.run(&delay_id).await.map_err(|error| error.to_string())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Act, errcode};
    use im2_core::Code;

    #[test]
    fn codes_of_refused_events_have_the_specifications_names() {
        for (code, expected) in [
            (Code::Forbidden, "M_FORBIDDEN"),
            (Code::BadJson, "M_BAD_JSON"),
            (Code::UserLocked, "M_USER_LOCKED"),
            (Code::DuplicateAnnotation, "M_DUPLICATE_ANNOTATION"),
            (Code::CannotLeaveServerNoticeRoom, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"),
        ] {
            assert_eq!(errcode(code), expected);
        }
    }

    #[test]
    fn acts_have_the_proposals_names() {
        assert_eq!(["send", "cancel", "restart"].map(Act::parse), [Act::Send, Act::Cancel, Act::Restart].map(Some));
        assert_eq!(Act::parse("Send"), None);
    }
}
