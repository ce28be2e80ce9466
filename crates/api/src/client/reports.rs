//! Reports to the administrators (spec: "Reporting Content").

use axum::{extract::State as Extract, response::Response};
use im2_model::{EventId, RoomId, UserId};
use serde::Deserialize;

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Json, OptionalJson, Params, empty},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/_matrix/client/v3/rooms/{roomId}/report", Access::User, room)
        .limited(Class::Report)
        .post("/_matrix/client/v3/rooms/{roomId}/report/{eventId}", Access::User, event)
        .limited(Class::Report)
        .post("/_matrix/client/v3/users/{userId}/report", Access::User, user)
        .limited(Class::Report)
}

#[derive(Deserialize)]
struct Reason {
    reason: String,
}

async fn room(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    Json(Reason { reason }): Json<Reason>,
) -> ApiResult<Response> {
    api.engine.chat.reports.report_room(&session, &room_id, reason).await?;
    Ok(empty())
}

/// `score` went out of the specification in version 1.18; clients of before still send it.
#[derive(Deserialize)]
struct EventReason {
    reason: Option<String>,
    score: Option<i64>,
}

async fn event(
    Extract(api): State,
    User(session): User,
    Params((room_id, event_id)): Params<(RoomId, EventId)>,
    OptionalJson(EventReason { reason, score }): OptionalJson<EventReason>,
) -> ApiResult<Response> {
    api.engine.chat.reports.report_event(&session, &room_id, &event_id, reason, score).await?;
    Ok(empty())
}

async fn user(
    Extract(api): State,
    User(session): User,
    Params(user_id): Params<UserId>,
    Json(Reason { reason }): Json<Reason>,
) -> ApiResult<Response> {
    api.engine.chat.reports.report_user(&session, &user_id, reason).await?;
    Ok(empty())
}
