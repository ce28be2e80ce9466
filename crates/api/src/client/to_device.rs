//! Messages to devices (spec: "Send-to-Device messaging").

use std::collections::BTreeMap;

use axum::{extract::State as Extract, response::Response};
use im2_chat::to_device::Messages;
use serde::Deserialize;

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Json, Params, empty},
    error::ApiResult,
    limits::{Class, count_more},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .put("/_matrix/client/v3/sendToDevice/{eventType}/{txnId}", Access::User, send)
        .limited(Class::ToDevice)
}

/// Devices reached by one request that cost as much as one more: a room key goes to this many at a time.
const DEVICES_A_UNIT: u64 = 20;

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
    let reached: usize = messages.values().map(BTreeMap::len).sum();
    count_more(&api, &session, Class::ToDevice, reached as u64 / DEVICES_A_UNIT)?;
    api.engine.chat.to_device.send(&session, &kind, &txn_id, messages).await?;
    Ok(empty())
}
