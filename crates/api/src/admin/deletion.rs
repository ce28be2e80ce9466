//! Deleting rooms and their history, and how far that is (Synapse's administration API, "Delete Room", "Purge
//! History").

use axum::extract::State as Extract;
use im2_admin::{
    deletion::{DeleteRoom, Shutdown},
    tasks::{DELETE_ROOM, PURGE_HISTORY, PurgeHistory, Task},
};
use im2_core::Code;
use im2_model::{EventId, RoomId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use im2_edge::{Api, State};
use im2_edge::{
    auth::Admin,
    body::{Answer, OptionalJson, Params, QueryParams},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .delete("/_synapse/admin/v1/rooms/{roomId}", Access::Admin, delete_now)
        .delete("/_synapse/admin/v2/rooms/{roomId}", Access::Admin, delete)
        .get("/_synapse/admin/v2/rooms/{roomId}/delete_status", Access::Admin, statuses)
        .get("/_synapse/admin/v2/rooms/delete_status/{deleteId}", Access::Admin, status)
        .post("/_synapse/admin/v1/purge_history/{roomId}", Access::Admin, purge_history)
        .post("/_synapse/admin/v1/purge_history/{roomId}/{eventId}", Access::Admin, purge_history_to)
        .get("/_synapse/admin/v1/purge_history_status/{purgeId}", Access::Admin, purge_status)
        .get("/_synapse/admin/v1/scheduled_tasks", Access::Admin, scheduled_tasks)
}

async fn delete_now(
    Extract(api): State,
    Admin(session): Admin,
    Params(room_id): Params<RoomId>,
    OptionalJson(request): OptionalJson<DeleteRoom>,
) -> ApiResult<Answer<Shutdown>> {
    Ok(Answer(api.engine.admin.tasks.delete_room_now(&session, &room_id, request).await?))
}

async fn delete(
    Extract(api): State,
    Admin(session): Admin,
    Params(room_id): Params<RoomId>,
    OptionalJson(request): OptionalJson<DeleteRoom>,
) -> ApiResult<Answer<Value>> {
    let id = api.engine.admin.tasks.delete_room(&session, &room_id, request).await?;
    Ok(Answer(json!({ "delete_id": id })))
}

/// A deletion as its status is told.
fn deletion(task: &Task) -> Value {
    let shutdown: Shutdown = serde_json::from_str(&task.result).unwrap_or_default();
    let mut shown = json!({
        "delete_id": task.id,
        "room_id": task.resource,
        "status": task.status,
        "shutdown_room": shutdown,
    });
    if let Some(error) = &task.error {
        shown["error"] = json!(error);
    }
    shown
}

async fn statuses(Extract(api): State, Admin(_): Admin, Params(room_id): Params<RoomId>) -> ApiResult<Answer<Value>> {
    let tasks = api.engine.admin.tasks.list(Some(DELETE_ROOM), Some(room_id.as_str())).await?;
    if tasks.is_empty() {
        return Err(ApiError::new(Code::NotFound, "this room has no deletion task"));
    }
    Ok(Answer(json!({ "results": tasks.iter().map(deletion).collect::<Value>() })))
}

async fn status(Extract(api): State, Admin(_): Admin, Params(id): Params<String>) -> ApiResult<Answer<Value>> {
    Ok(Answer(deletion(&task(&api, &id, DELETE_ROOM).await?)))
}

async fn task(api: &Api, id: &str, kind: &str) -> ApiResult<Task> {
    let task = api.engine.admin.tasks.get(id).await?;
    if task.kind == kind { Ok(task) } else { Err(ApiError::new(Code::NotFound, "this task is of another kind")) }
}

#[derive(Deserialize)]
struct PurgeBody {
    #[serde(default)]
    delete_local_events: bool,
    purge_up_to_event_id: Option<EventId>,
    purge_up_to_ts: Option<u64>,
}

async fn purge_history(
    Extract(api): State,
    Admin(_): Admin,
    Params(room_id): Params<RoomId>,
    OptionalJson(body): OptionalJson<PurgeBody>,
) -> ApiResult<Answer<Value>> {
    purge(&api, &room_id, body).await
}

async fn purge_history_to(
    Extract(api): State,
    Admin(_): Admin,
    Params((room_id, event_id)): Params<(RoomId, EventId)>,
    OptionalJson(body): OptionalJson<PurgeBody>,
) -> ApiResult<Answer<Value>> {
    purge(&api, &room_id, PurgeBody { purge_up_to_event_id: Some(event_id), ..body }).await
}

async fn purge(api: &Api, room_id: &RoomId, body: PurgeBody) -> ApiResult<Answer<Value>> {
    let PurgeBody { delete_local_events, purge_up_to_event_id, purge_up_to_ts } = body;
    let before = api.engine.admin.rooms.purge_point(room_id, purge_up_to_event_id, purge_up_to_ts).await?;
    let request = PurgeHistory { before, delete_local_events };
    let id = api.engine.admin.tasks.purge_history(room_id, request).await?;
    Ok(Answer(json!({ "purge_id": id })))
}

async fn purge_status(Extract(api): State, Admin(_): Admin, Params(id): Params<String>) -> ApiResult<Answer<Value>> {
    let task = task(&api, &id, PURGE_HISTORY).await?;
    // This answer knows no task that has not begun.
    let status = if task.status == "scheduled" { "active" } else { &task.status };
    let mut shown = json!({ "status": status });
    if let Some(error) = &task.error {
        shown["error"] = json!(error);
    }
    Ok(Answer(shown))
}

#[derive(Deserialize)]
struct TasksQuery {
    action_name: Option<String>,
    resource_id: Option<String>,
    status: Option<String>,
    max_timestamp: Option<u64>,
}

async fn scheduled_tasks(
    Extract(api): State,
    Admin(_): Admin,
    QueryParams(query): QueryParams<TasksQuery>,
) -> ApiResult<Answer<Value>> {
    let tasks = api.engine.admin.tasks.list(query.action_name.as_deref(), query.resource_id.as_deref()).await?;
    let wanted = |task: &&Task| {
        query.status.as_ref().is_none_or(|status| *status == task.status)
            && query.max_timestamp.is_none_or(|most| task.changed_ts < most)
    };
    let shown = |task: &Task| {
        let result: Map<String, Value> = serde_json::from_str(&task.result).unwrap_or_default();
        json!({
            "id": task.id,
            "action": task.kind,
            "status": task.status,
            "timestamp_ms": task.changed_ts,
            "resource_id": task.resource,
            "result": result,
            "error": task.error,
        })
    };
    Ok(Answer(json!({ "scheduled_tasks": tasks.iter().filter(wanted).map(shown).collect::<Value>() })))
}
