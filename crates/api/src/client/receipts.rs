//! Sending receipts and moving read markers (spec: "Receipts", "Read and unread markers").

use axum::response::Response;
use im2_chat::{
    receipts::{Marker, MarkerKind},
    rooms::Actor,
};
use im2_core::Code;
use im2_kernel::relations::Thread;
use im2_model::{EventId, RoomId};
use serde::Deserialize;
use serde_json::{Map, Value};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Json, OptionalJson, Params, empty},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}", Access::User, send)
        .limited(Class::Signal)
        .post("/_matrix/client/v3/rooms/{roomId}/read_markers", Access::User, move_markers)
        .limited(Class::Signal)
}

async fn send(
    User(session): User,
    axum::extract::State(api): State,
    Params((room_id, kind, event_id)): Params<(RoomId, String, EventId)>,
    OptionalJson(body): OptionalJson<Map<String, Value>>,
) -> ApiResult<Response> {
    let invalid = |message: &'static str| ApiError::new(Code::InvalidParam, message);
    let kinds = "the receipt type must be m.read, m.read.private or m.fully_read";
    let kind = MarkerKind::parse(&kind).ok_or_else(|| invalid(kinds))?;
    let thread = match body.get("thread_id") {
        None => None,
        Some(thread_id) => {
            let thread = thread_id.as_str().and_then(Thread::parse);
            Some(thread.ok_or_else(|| invalid("thread_id must be \"main\" or the event ID of a thread's root"))?)
        }
    };
    let marker = Marker { kind, event_id, thread };
    api.engine.chat.receipts.mark(&Actor::from(&session), &room_id, vec![marker]).await?;
    api.engine.chat.presence.touch(&session);
    Ok(empty())
}

#[derive(Debug, Deserialize)]
struct Markers {
    #[serde(rename = "m.fully_read")]
    fully_read: Option<EventId>,
    #[serde(rename = "m.read")]
    read: Option<EventId>,
    #[serde(rename = "m.read.private")]
    read_private: Option<EventId>,
}

async fn move_markers(
    User(session): User,
    axum::extract::State(api): State,
    Params(room_id): Params<RoomId>,
    Json(body): Json<Markers>,
) -> ApiResult<Response> {
    let named = [
        (MarkerKind::FullyRead, body.fully_read),
        (MarkerKind::Read, body.read),
        (MarkerKind::ReadPrivate, body.read_private),
    ];
    let markers =
        named.into_iter().filter_map(|(kind, event_id)| Some(Marker { kind, event_id: event_id?, thread: None }));
    api.engine.chat.receipts.mark(&Actor::from(&session), &room_id, markers.collect()).await?;
    api.engine.chat.presence.touch(&session);
    Ok(empty())
}
