//! Notices to users (Synapse's administration API, "Server Notices").

use axum::extract::State as Extract;
use im2_chat::server_notices::Notice;
use im2_model::UserId;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use im2_edge::{Api, State};
use im2_edge::{
    auth::Admin,
    body::{Answer, Json, Params},
    error::ApiResult,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default().post("/_synapse/admin/v1/send_server_notice", Access::Admin, send).put(
        "/_synapse/admin/v1/send_server_notice/{txnId}",
        Access::Admin,
        send_once,
    )
}

#[derive(Deserialize)]
struct Body {
    user_id: UserId,
    content: Map<String, Value>,
    #[serde(rename = "type")]
    kind: Option<String>,
    state_key: Option<String>,
}

async fn send(Extract(api): State, admin: Admin, Json(body): Json<Body>) -> ApiResult<Answer<Value>> {
    deliver(&api, admin, body, None).await
}

async fn send_once(
    Extract(api): State,
    admin: Admin,
    Params(txn_id): Params<String>,
    Json(body): Json<Body>,
) -> ApiResult<Answer<Value>> {
    deliver(&api, admin, body, Some(&txn_id)).await
}

async fn deliver(api: &Api, Admin(session): Admin, body: Body, txn_id: Option<&str>) -> ApiResult<Answer<Value>> {
    let Body { user_id, content, kind, state_key } = body;
    let kind = kind.unwrap_or_else(|| "m.room.message".to_owned());
    let notice = Notice { user_id, kind, state_key, content };
    let event_id = api.engine.chat.server_notices.send(&session, notice, txn_id).await?;
    Ok(Answer(json!({ "event_id": event_id })))
}
