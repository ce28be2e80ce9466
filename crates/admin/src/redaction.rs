//! Redacting what a user has sent, for administrators.
//!
//! It is a task that survives whatever ends the process: a row that says what was asked and how far it is, and a job
//! of the outbox that works on it. What is redacted already is passed over, so that it can begin again.

use std::collections::BTreeMap;

use im2_chat::rooms::{Actor, Draft, Room, Rooms};
use im2_core::{
    Code, Core, Error, Result,
    jobs::{Failure, Handlers},
};
use im2_kernel::content::Membership;
use im2_model::{EventId, Millis, RoomId, RoomNid, UserId};
use im2_store::{
    Snapshot,
    tasks::Task,
    user_content::{SentEvent, SentQuery},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::users::Users;

/// The kind of these tasks.
const KIND: &str = "redact_user";
/// The outbox job that works on one. Its payload is the task's name, as JSON.
const RUN: &str = "admin.redact_user";
/// Letters of a task's name.
const ID_LENGTH: usize = 20;
/// Events looked at in each room, at most: those of the newest that were sent in a night of spam.
const MAX_LIMIT: usize = 100_000;
/// Failures that are told; a task with more has gone wrong as a whole.
const MAX_FAILURES: usize = 1_000;

/// State without which a room is another: it stays, also because redacting it would leave the rules without content.
const KEPT_STATE: &[&str] = &[
    "m.room.create",
    "m.room.power_levels",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.encryption",
    "m.room.server_acl",
    "m.room.tombstone",
    "m.room.third_party_invite",
    "m.space.child",
    "m.space.parent",
];

/// The events of a user that are to be redacted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RedactUser {
    /// The rooms; all that the user is a member of if there are none here.
    pub rooms: Vec<RoomId>,
    /// The reason, for everybody to read.
    pub reason: Option<String>,
    /// The number of the newest events of each room that are looked at.
    pub limit: usize,
    /// Sent at this time or later.
    pub after: Option<Millis>,
    /// Sent at this time or earlier.
    pub before: Option<Millis>,
    /// The user who redacts them, if not the user whose events they are.
    pub by: Option<UserId>,
}

/// How far it is.
#[derive(Debug, Clone)]
pub struct Redaction {
    /// `scheduled`, `active`, `complete` or `failed`.
    pub status: String,
    /// The events that could not be redacted, each with the error.
    pub failed: BTreeMap<EventId, String>,
}

impl Users {
    /// Begins to redact what a user has sent, and returns the name of the task.
    pub async fn redact(&self, user_id: &UserId, mut request: RedactUser) -> Result<String> {
        let account = self.account(user_id).await?;
        request.limit = request.limit.min(MAX_LIMIT);
        let (id, now) = (self.core.random.alphanumeric(ID_LENGTH), self.core.now());
        let task = Task {
            id: id.clone(),
            kind: KIND.to_owned(),
            resource: account.user_id.to_string(),
            status: "scheduled".to_owned(),
            request: to_json(&request)?,
            result: "{}".to_owned(),
            error: None,
            changed_ts: now,
        };
        let payload = to_json(&id)?;
        let add = move |tx: &mut im2_core::Transaction<'_>| {
            tx.add_task(&task)?;
            tx.add_job(RUN, &payload, now)
        };
        self.core.store.write(add).await?;
        Ok(id)
    }

    /// How far a redaction is.
    pub async fn redaction(&self, id: &str) -> Result<Redaction> {
        let id = id.to_owned();
        let found = self.core.store.read(move |db| db.task(&id)).await?.filter(|task| task.kind == KIND);
        let task =
            found.ok_or_else(|| Error::refused(Code::NotFound, "there is no such task, or it ended long ago"))?;
        Ok(Redaction { failed: parse(&task.result)?, status: task.status })
    }
}

/// Adds the handler of the job.
pub(crate) fn register(handlers: Handlers, core: &Core, rooms: &Rooms) -> Handlers {
    let worker = Worker { core: core.clone(), rooms: rooms.clone() };
    handlers.on(RUN, move |payload| {
        let worker = worker.clone();
        async move {
            let id: String = parse(&payload).map_err(|error| error.to_string())?;
            worker.run(&id).await.map_err(|error| -> Failure { error.to_string() })
        }
    })
}

#[derive(Debug, Clone)]
struct Worker {
    core: Core,
    rooms: Rooms,
}

impl Worker {
    async fn run(&self, id: &str) -> Result<()> {
        let wanted = id.to_owned();
        let Some(task) = self.core.store.read(move |db| db.task(&wanted)).await? else { return Ok(()) };
        if matches!(&*task.status, "complete" | "failed") {
            return Ok(());
        }
        self.note(id, "active", &BTreeMap::new()).await?;
        let request: RedactUser = parse(&task.request)?;
        let user = UserId::parse(&task.resource).map_err(|_| Error::Internal("the task's user".to_owned()))?;
        let mut failed = BTreeMap::new();
        if let (Some(sender), Some(actor)) =
            (self.actor(&user).await?, self.actor(request.by.as_ref().unwrap_or(&user)).await?)
        {
            for room in self.rooms_of(&sender, &request).await? {
                self.redact_in(room, &sender, &actor, &request, &mut failed).await?;
            }
        }
        self.note(id, "complete", &failed).await
    }

    async fn rooms_of(&self, sender: &Actor, request: &RedactUser) -> Result<Vec<RoomNid>> {
        if request.rooms.is_empty() {
            return Ok(self.rooms.of_user(sender.user).await?.with(Membership::Join));
        }
        let wanted = request.rooms.clone();
        let read = move |db: &Snapshot<'_>| {
            let mut found = Vec::new();
            for room_id in &wanted {
                found.extend(db.room(room_id)?.map(|room| room.nid));
            }
            Ok(found)
        };
        Ok(self.core.store.read(read).await?)
    }

    async fn redact_in(
        &self,
        room: RoomNid,
        sender: &Actor,
        actor: &Actor,
        request: &RedactUser,
        failed: &mut BTreeMap<EventId, String>,
    ) -> Result<()> {
        let (after, before, limit) = (request.after, request.before, request.limit);
        let query = SentQuery { room, sender: sender.user, after, before, limit };
        let sent = self.core.store.read(move |db| db.sent_events(query)).await?;
        let room = self.rooms.by_nid(room).await?;
        for event in sent.into_iter().filter(is_content) {
            match self.redact(&room, actor, &event.event_id, request.reason.as_deref()).await {
                Err(Error::Refused { message, .. }) if failed.len() < MAX_FAILURES => {
                    failed.insert(event.event_id, message.into_owned());
                }
                Err(Error::Refused { .. }) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn redact(
        &self,
        room: &std::sync::Arc<Room>,
        actor: &Actor,
        event_id: &EventId,
        reason: Option<&str>,
    ) -> Result<()> {
        let mut content = Map::new();
        if let Some(reason) = reason {
            content.insert("reason".into(), Value::from(reason));
        }
        let redaction = Draft::message("m.room.redaction", content);
        let draft = Draft { redacts: Some(event_id.clone()), despite_shadow_ban: true, ..redaction };
        self.rooms.append(room, actor, draft, None).await.map(drop)
    }

    async fn actor(&self, user_id: &UserId) -> Result<Option<Actor>> {
        let wanted = user_id.clone();
        let user = self.core.store.read(move |db| db.user_nid(&wanted)).await?;
        Ok(user.map(|user| Actor { user, user_id: user_id.clone() }))
    }

    async fn note(&self, id: &str, status: &'static str, failed: &BTreeMap<EventId, String>) -> Result<()> {
        let (id, result, now) = (id.to_owned(), to_json(failed)?, self.core.now());
        Ok(self.core.store.write(move |tx| tx.set_task(&id, status, &result, None, now)).await?)
    }
}

/// Whether redacting an event takes something away that its sender has said.
fn is_content(event: &SentEvent) -> bool {
    let is_departure = event.kind == "m.room.member" && event.membership.as_deref() != Some("join");
    !(event.is_redacted || is_departure || event.is_state && KEPT_STATE.contains(&event.kind.as_str()))
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Internal(format!("a stored task: {error}")))
}
