//! Tags on rooms (spec: "Room Tagging").

use axum::response::Response;
use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, Params, empty},
    error::ApiResult,
    routes::{Access, Routes},
};
use im2_model::RoomId;
use serde_json::{Map, Value};

use super::account_data::check_own;

pub(super) fn routes() -> Routes {
    const TAG: &str = "/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}";
    Routes::default()
        .get("/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags", Access::User, list)
        .put(TAG, Access::User, set)
        .delete(TAG, Access::User, delete)
}

async fn list(
    User(session): User,
    axum::extract::State(api): State,
    Params((user_id, room_id)): Params<(String, RoomId)>,
) -> ApiResult<Answer<Value>> {
    check_own(&session, &user_id)?;
    Ok(Answer(api.engine.chat.account_data.tags(session.user, &room_id).await?))
}

async fn set(
    User(session): User,
    axum::extract::State(api): State,
    Params((user_id, room_id, tag)): Params<(String, RoomId, String)>,
    Json(content): Json<Map<String, Value>>,
) -> ApiResult<Response> {
    check_own(&session, &user_id)?;
    api.engine.chat.account_data.set_tag(session.user, &room_id, &tag, content).await?;
    Ok(empty())
}

async fn delete(
    User(session): User,
    axum::extract::State(api): State,
    Params((user_id, room_id, tag)): Params<(String, RoomId, String)>,
) -> ApiResult<Response> {
    check_own(&session, &user_id)?;
    api.engine.chat.account_data.delete_tag(session.user, &room_id, &tag).await?;
    Ok(empty())
}
