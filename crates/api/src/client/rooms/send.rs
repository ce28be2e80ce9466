//! Sending messages and redactions (spec: "Sending events to a room", "Redactions").

use axum::extract::State as Extract;
use im2_chat::{
    delayed_events::NewDelayedEvent,
    rooms::{Draft, Transaction},
};
use im2_core::session::Session;
use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, OptionalJson, Params, QueryParams},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::{EventId, RoomId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Massage, actor};
use crate::client::delayed_events::{Delay, schedule_by_parameter};

pub(super) fn routes() -> Routes {
    Routes::default()
        .put("/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}", Access::User, send)
        .limited(Class::Send)
        .put("/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}", Access::User, redact)
        .limited(Class::Send)
}

fn transaction(session: &Session, txn_id: String) -> Transaction {
    Transaction { user: session.user, device_id: session.device_id.clone(), txn_id: txn_id.into() }
}

async fn send(
    Extract(api): State,
    User(session): User,
    Params((room_id, kind, txn_id)): Params<(RoomId, String, String)>,
    QueryParams(massage): QueryParams<Massage>,
    QueryParams(delay): QueryParams<Delay>,
    Json(content): Json<Map<String, Value>>,
) -> ApiResult<Answer<Value>> {
    if let Some(delay) = delay.millis()? {
        let (ts, txn_id) = (massage.ts(&session)?, Some(txn_id));
        let new = NewDelayedEvent { kind, state_key: None, content, ts, delay, txn_id };
        return schedule_by_parameter(&api, &session, &room_id, new).await;
    }
    let sent_in = transaction(&session, txn_id);
    let draft = Draft { ts: massage.ts(&session)?, ..Draft::message(&kind, content) };
    let event_id = api.engine.chat.rooms.send(&actor(&session), &room_id, draft, Some(sent_in)).await?;
    api.engine.chat.presence.touch(&session);
    Ok(Answer(json!({ "event_id": event_id })))
}

#[derive(Deserialize, Default)]
struct Reason {
    reason: Option<String>,
}

async fn redact(
    Extract(api): State,
    User(session): User,
    Params((room_id, target, txn_id)): Params<(RoomId, EventId, String)>,
    QueryParams(delay): QueryParams<Delay>,
    OptionalJson(Reason { reason }): OptionalJson<Reason>,
) -> ApiResult<Answer<Value>> {
    let mut content: Map<_, _> = reason.map(|reason| ("reason".to_owned(), Value::from(reason))).into_iter().collect();
    if let Some(delay) = delay.millis()? {
        content.insert("redacts".into(), target.as_str().into());
        let (kind, txn_id) = ("m.room.redaction".to_owned(), Some(txn_id));
        let new = NewDelayedEvent { kind, state_key: None, content, ts: None, delay, txn_id };
        return schedule_by_parameter(&api, &session, &room_id, new).await;
    }
    let draft = Draft { redacts: Some(target), ..Draft::message("m.room.redaction", content) };
    let sent_in = transaction(&session, txn_id);
    let event_id = api.engine.chat.rooms.send(&actor(&session), &room_id, draft, Some(sent_in)).await?;
    api.engine.chat.presence.touch(&session);
    Ok(Answer(json!({ "event_id": event_id })))
}
