//! Relays for calls (spec: "VoIP").

use axum::{extract::State as Extract, response::Response};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{empty, json_bytes},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default().get("/_matrix/client/v3/voip/turnServer", Access::User, turn_server)
}

/// Answers with credentials for the relays. Without relays the answer is `{}`, from which clients learn that calls have
/// to find their own way.
async fn turn_server(Extract(api): State, User(session): User) -> ApiResult<Response> {
    let Some(credentials) = api.engine.chat.turn.credentials(&session) else { return Ok(empty()) };
    let internal = |error: serde_json::Error| ApiError::from(im2_core::Error::Internal(error.to_string()));
    Ok(json_bytes(serde_json::to_vec(&credentials).map_err(internal)?))
}
