//! Telling that one types (spec: "Typing Notifications").

use axum::response::Response;
use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Json, Params, empty},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::RoomId;
use serde::Deserialize;

use super::account_data::check_own;

pub(super) fn routes() -> Routes {
    Routes::default().put("/_matrix/client/v3/rooms/{roomId}/typing/{userId}", Access::User, set).limited(Class::Signal)
}

#[derive(Debug, Deserialize)]
struct Typing {
    typing: bool,
    timeout: Option<u64>,
}

async fn set(
    User(session): User,
    axum::extract::State(api): State,
    Params((room_id, user_id)): Params<(RoomId, String)>,
    Json(body): Json<Typing>,
) -> ApiResult<Response> {
    check_own(&session, &user_id)?;
    api.engine.chat.typing.set(&session, &room_id, body.typing, body.timeout).await?;
    api.engine.chat.presence.touch(&session);
    Ok(empty())
}
