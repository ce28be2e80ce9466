//! Tasks of administrators that take their time: deleting a room, purging its history.
//!
//! A task is a row that says what was asked and how far it is, and a job of the outbox that works on it. Both are
//! written together, so that a task survives whatever ends the process; the work goes on from what is done.

use std::{collections::HashSet, sync::Arc};

use im2_chat::rooms::Rooms;
use im2_core::{Code, Core, Error, Result, jobs::Failure, session::Session};
use im2_model::{Millis, RoomId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use im2_store::tasks::Task;

use super::deletion::{DeleteRoom, Deletion, Shutdown};

/// The outbox job that works on a task. Its payload is [`Payload`].
pub(super) const RUN: &str = "admin.task";

/// Kinds of tasks.
pub const DELETE_ROOM: &str = "delete_room";
/// Kinds of tasks.
pub const PURGE_HISTORY: &str = "purge_history";

/// How long a task that somebody waits for has before the outbox takes it over, in case of a crash.
const TAKEOVER: Millis = 10 * 60 * 1000;
/// Letters of a task's name: not to be guessed, though only administrators may ask.
const ID_LENGTH: usize = 20;
/// Tasks listed at most.
const MAX_LISTED: usize = 1_000;

#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    pub(super) task: String,
}

/// The request to purge a room's history: up to where, and whether the messages of local users are deleted too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PurgeHistory {
    /// The number of the first event that stays.
    pub before: i64,
    /// Whether messages of local users are deleted. Otherwise they leave the room like all others, but stay in the
    /// database, because there may be no other copy of them.
    pub delete_local_events: bool,
}

/// The use cases of tasks.
#[derive(Debug, Clone)]
pub struct Tasks {
    core: Core,
    rooms: Rooms,
    running: Arc<Mutex<HashSet<String>>>,
}

/// How far a task is, as it is stored.
pub(super) struct Progress {
    core: Core,
    id: String,
}

/// Keeps a task from being worked on twice at a time.
struct Claim<'a> {
    tasks: &'a Tasks,
    id: &'a str,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.tasks.running.lock().remove(self.id);
    }
}

impl Tasks {
    pub(crate) fn new(core: Core, rooms: Rooms) -> Self {
        Self { core, rooms, running: Arc::default() }
    }

    /// The task of this name.
    pub async fn get(&self, id: &str) -> Result<Task> {
        let id = id.to_owned();
        let found = self.core.store.read(move |db| db.task(&id)).await?;
        found.ok_or_else(|| Error::refused(Code::NotFound, "there is no such task, or it ended long ago"))
    }

    /// Tasks, newest first: of all kinds and about everything where nothing is said.
    pub async fn list(&self, kind: Option<&str>, resource: Option<&str>) -> Result<Vec<Task>> {
        let (kind, resource) = (kind.map(str::to_owned), resource.map(str::to_owned));
        let read = move |db: &im2_store::Snapshot<'_>| db.tasks(kind.as_deref(), resource.as_deref(), MAX_LISTED);
        Ok(self.core.store.read(read).await?)
    }

    /// Begins to delete a room and returns the task's name.
    pub async fn delete_room(&self, admin: &Session, room_id: &RoomId, request: DeleteRoom) -> Result<String> {
        self.add_deletion(admin, room_id, request, 0).await
    }

    /// Deletes a room, and answers when that is done. A caller that goes away changes nothing.
    pub async fn delete_room_now(&self, admin: &Session, room_id: &RoomId, request: DeleteRoom) -> Result<Shutdown> {
        let id = self.add_deletion(admin, room_id, request, TAKEOVER).await?;
        let (this, task) = (self.clone(), id.clone());
        let run = tokio::spawn(async move { this.run(&task).await });
        run.await.map_err(|error| Error::Internal(error.to_string()))?.map_err(Error::Internal)?;
        let task = self.get(&id).await?;
        match task.error {
            Some(error) => Err(Error::refused(Code::Unknown, error)),
            None => parse(&task.result),
        }
    }

    async fn add_deletion(
        &self,
        admin: &Session,
        room_id: &RoomId,
        request: DeleteRoom,
        delay: Millis,
    ) -> Result<String> {
        self.deletion().check(room_id, &request).await?;
        for task in self.list(Some(DELETE_ROOM), Some(room_id.as_str())).await? {
            if matches!(&*task.status, "scheduled" | "active") {
                return Err(Error::refused(Code::Unknown, "this room is being deleted already"));
            }
        }
        if request.block {
            super::rooms::set_blocked(&self.core, admin.user, room_id, true).await?;
        }
        self.add(DELETE_ROOM, room_id, &request, delay).await
    }

    /// Begins to purge a room's history and returns the task's name.
    pub async fn purge_history(&self, room_id: &RoomId, request: PurgeHistory) -> Result<String> {
        self.add(PURGE_HISTORY, room_id, &request, 0).await
    }

    async fn add(&self, kind: &str, room: &RoomId, request: &impl Serialize, delay: Millis) -> Result<String> {
        let (id, now) = (self.core.random.alphanumeric(ID_LENGTH), self.core.now());
        let task = Task {
            id: id.clone(),
            kind: kind.to_owned(),
            resource: room.as_str().to_owned(),
            status: "scheduled".to_owned(),
            request: to_json(request)?,
            result: "{}".to_owned(),
            error: None,
            changed_ts: now,
        };
        let payload = to_json(&Payload { task: id.clone() })?;
        let add = move |tx: &mut im2_core::Transaction<'_>| {
            tx.add_task(&task)?;
            tx.add_job(RUN, &payload, now + delay)
        };
        self.core.store.write(add).await?;
        Ok(id)
    }

    fn deletion(&self) -> Deletion {
        Deletion::new(self.core.clone(), self.rooms.clone())
    }

    /// Works on a task until it has ended. What it cannot do for a reason that stays ends it as failed; what may go
    /// better another time is the failure of this attempt.
    pub(super) async fn run(&self, id: &str) -> std::result::Result<(), Failure> {
        if !self.running.lock().insert(id.to_owned()) {
            return Err("it is in progress".to_owned());
        }
        let _claim = Claim { tasks: self, id };
        self.work(id).await.map_err(|error| error.to_string())
    }

    async fn work(&self, id: &str) -> Result<()> {
        let wanted = id.to_owned();
        let Some(task) = self.core.store.read(move |db| db.task(&wanted)).await? else { return Ok(()) };
        if matches!(&*task.status, "complete" | "failed") {
            return Ok(());
        }
        let progress = Progress { core: self.core.clone(), id: task.id.clone() };
        progress.note("active", &task.result, None).await?;
        let room_id: RoomId = task.resource.parse().map_err(|_| Error::Internal("the task's room".to_owned()))?;
        let outcome = match &*task.kind {
            DELETE_ROOM => {
                let mut shutdown: Shutdown = parse(&task.result)?;
                let outcome = self.deletion().run(&room_id, &parse(&task.request)?, &mut shutdown, &progress).await;
                outcome.and_then(|()| to_json(&shutdown))
            }
            PURGE_HISTORY => self.purge(&room_id, &parse(&task.request)?).await,
            other => Err(Error::refused(Code::Unknown, format!("there is no kind of task called {other}"))),
        };
        match outcome {
            Ok(result) => progress.note("complete", &result, None).await,
            Err(Error::Refused { message, .. }) => {
                let result = self.get(id).await?.result;
                progress.note("failed", &result, Some(&message)).await
            }
            Err(error) => Err(error),
        }
    }

    async fn purge(&self, room_id: &RoomId, request: &PurgeHistory) -> Result<String> {
        let Some(room) = self.rooms.find(room_id).await? else {
            return Err(Error::refused(Code::NotFound, "the room no longer exists"));
        };
        // All events here were sent by local users.
        let purged = self.rooms.purge_messages(&room, request.before, request.delete_local_events).await?;
        Ok(serde_json::json!({ "purged": purged }).to_string())
    }
}

impl Progress {
    /// Stores what has been done so far.
    pub(super) async fn save(&self, result: &impl Serialize) -> Result<()> {
        self.note("active", &to_json(result)?, None).await
    }

    async fn note(&self, status: &'static str, result: &str, error: Option<&str>) -> Result<()> {
        let (id, result, error) = (self.id.clone(), result.to_owned(), error.map(str::to_owned));
        let now = self.core.now();
        Ok(self.core.store.write(move |tx| tx.set_task(&id, status, &result, error.as_deref(), now)).await?)
    }
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Internal(format!("a stored task: {error}")))
}
