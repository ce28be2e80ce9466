//! Messages to devices (spec: "Send-to-Device messaging").

use axum::{extract::State as Extract, response::Response};
use im2_engine::to_device::Messages;
use serde::Deserialize;

use crate::{
    State,
    auth::User,
    body::{Json, Params, empty},
    edge::limits::Class,
    error::ApiResult,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .put("/_matrix/client/v3/sendToDevice/{eventType}/{txnId}", Access::User, send)
        .limited(Class::ToDevice)
}

#[derive(Deserialize)]
struct Body {
    messages: Messages,
}

async fn send(
    Extract(api): State,
    User(session): User,
    Params((kind, txn_id)): Params<(String, String)>,
    Json(Body { messages }): Json<Body>,
) -> ApiResult<Response> {
    api.engine.to_device.send(&session, &kind, &txn_id, messages).await?;
    Ok(empty())
}
