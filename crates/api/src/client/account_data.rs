//! Account data for the account and for rooms (spec: "Client Config").

use axum::response::Response;
use http::StatusCode;
use im2_chat::account_data::is_managed;
use im2_core::{Code, session::Session};
use im2_model::RoomId;
use serde_json::{Map, Value, value::RawValue};

use im2_edge::{Api, State};
use im2_edge::{
    auth::User,
    body::{Answer, Json, Params, empty},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    const GLOBAL: &str = "/_matrix/client/v3/user/{userId}/account_data/{type}";
    const IN_ROOM: &str = "/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}";
    Routes::default()
        .get(GLOBAL, Access::User, get)
        .put(GLOBAL, Access::User, set)
        .get(IN_ROOM, Access::User, get_in_room)
        .put(IN_ROOM, Access::User, set_in_room)
}

/// Refuses whoever asks for what belongs to another user.
pub(super) fn check_own(session: &Session, user_id: &str) -> ApiResult<()> {
    if session.user_id.as_str() == user_id {
        Ok(())
    } else {
        Err(ApiError::new(Code::Forbidden, "this belongs to another user"))
    }
}

async fn get(
    User(session): User,
    axum::extract::State(api): State,
    Params((user_id, kind)): Params<(String, String)>,
) -> ApiResult<Answer<Box<RawValue>>> {
    check_own(&session, &user_id)?;
    content(&api, &session, None, &kind).await
}

async fn get_in_room(
    User(session): User,
    axum::extract::State(api): State,
    Params((user_id, room_id, kind)): Params<(String, RoomId, String)>,
) -> ApiResult<Answer<Box<RawValue>>> {
    check_own(&session, &user_id)?;
    content(&api, &session, Some(&room_id), &kind).await
}

async fn content(api: &Api, session: &Session, room: Option<&RoomId>, kind: &str) -> ApiResult<Answer<Box<RawValue>>> {
    let content = api.engine.chat.account_data.get(session.user, &session.user_id, room, kind).await?;
    Ok(Answer(content))
}

async fn set(
    User(session): User,
    axum::extract::State(api): State,
    Params((user_id, kind)): Params<(String, String)>,
    Json(content): Json<Map<String, Value>>,
) -> ApiResult<Response> {
    check_own(&session, &user_id)?;
    store(&api, &session, None, &kind, &content).await
}

async fn set_in_room(
    User(session): User,
    axum::extract::State(api): State,
    Params((user_id, room_id, kind)): Params<(String, RoomId, String)>,
    Json(content): Json<Map<String, Value>>,
) -> ApiResult<Response> {
    check_own(&session, &user_id)?;
    store(&api, &session, Some(&room_id), &kind, &content).await
}

async fn store(
    api: &Api,
    session: &Session,
    room: Option<&RoomId>,
    kind: &str,
    content: &Map<String, Value>,
) -> ApiResult<Response> {
    let stored = api.engine.chat.account_data.set(session.user, room, kind, content).await.map_err(ApiError::from);
    match stored {
        Ok(()) => Ok(empty()),
        Err(error) if is_managed(kind) => Err(error.status(StatusCode::METHOD_NOT_ALLOWED)),
        Err(error) => Err(error),
    }
}
