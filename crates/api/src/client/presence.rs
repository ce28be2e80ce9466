//! Presence (spec: "Presence").

use axum::response::Response;
use im2_chat::presence::{Availability, PresenceContent};
use im2_core::Code;
use im2_model::UserId;
use serde::Deserialize;

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, Params, empty},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    const STATUS: &str = "/_matrix/client/v3/presence/{userId}/status";
    Routes::default().get(STATUS, Access::User, get).put(STATUS, Access::User, set).limited(Class::Signal)
}

async fn get(
    axum::extract::State(api): State,
    User(session): User,
    Params(user_id): Params<UserId>,
) -> ApiResult<Answer<PresenceContent>> {
    Ok(Answer(api.engine.chat.presence.get(&session, &user_id).await?))
}

#[derive(Debug, Deserialize)]
struct StatusBody {
    presence: Availability,
    status_msg: Option<String>,
}

async fn set(
    axum::extract::State(api): State,
    User(session): User,
    Params(user_id): Params<UserId>,
    Json(body): Json<StatusBody>,
) -> ApiResult<Response> {
    if user_id != session.user_id {
        return Err(ApiError::new(Code::Forbidden, "you can only set your own presence"));
    }
    api.engine.chat.presence.set(&session, body.presence, body.status_msg).await?;
    Ok(empty())
}
