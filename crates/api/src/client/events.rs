//! The event stream from before `/sync`, which is still how clients follow a room that they have not joined (spec:
//! "Room Previews", and the deprecated `GET /events`, `GET /events/{eventId}` and `GET /initialSync`).

use std::time::Duration;

use axum::{extract::State as Extract, response::Response};
use im2_chat::rooms::{Actor, Bundles, Form, Viewer, write_array, write_event};
use im2_core::Code;
use im2_model::{EventId, RoomId};
use im2_sync::event_stream::Listening;
use serde::Deserialize;

use im2_edge::State;
use im2_edge::{
    auth::{User, Waiting},
    body::{Params, QueryParams, json_bytes},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};

/// How long a request waits that does not say, in milliseconds.
const DEFAULT_TIMEOUT: u64 = 30_000;

pub(super) fn routes() -> Routes {
    Routes::default().get("/_matrix/client/v3/events", Access::User, events).limited(Class::Sync).get(
        "/_matrix/client/v3/events/{eventId}",
        Access::User,
        event,
    )
}

#[derive(Deserialize)]
struct Query {
    from: Option<String>,
    timeout: Option<u64>,
    room_id: Option<RoomId>,
}

async fn events(Extract(api): State, waiting: Waiting, QueryParams(query): QueryParams<Query>) -> ApiResult<Response> {
    let session = waiting.session.clone();
    let core = &api.engine.core;
    if query.room_id.is_none() && core.guests.contains(session.user) {
        return Err(ApiError::new(Code::GuestAccessForbidden, "guests must give a room_id"));
    }
    let from = match query.from.as_deref().filter(|from| !from.is_empty()) {
        Some(from) => Some(core.token(from, "`from`").await?),
        None => None,
    };
    let timeout = Duration::from_millis(query.timeout.unwrap_or(DEFAULT_TIMEOUT));
    let listening = Listening { from, timeout, room: query.room_id };
    let actor = Actor::from(&session);
    let heard = waiting.unless_ended(&api, api.engine.sync.events.listen(&actor, listening)).await?;
    let viewer = Viewer::of(&session, core);
    let bundles = Bundles::new();
    let mut out = format!("{{\"start\":\"{}\",\"end\":\"{}\",\"chunk\":", heard.start, heard.end).into_bytes();
    write_array(&mut out, &heard.events, |out, (reader, event)| {
        write_event(out, event, Form::Full, &viewer, reader.membership_at(event), &bundles);
    });
    out.push(b'}');
    Ok(json_bytes(out))
}

async fn event(Extract(api): State, User(session): User, Params(event_id): Params<EventId>) -> ApiResult<Response> {
    let (reader, event) = api.engine.sync.events.event(&Actor::from(&session), &event_id).await?;
    let bundles = api.engine.chat.rooms.bundles(&reader, std::slice::from_ref(&event)).await?;
    let viewer = Viewer::of(&session, &api.engine.core);
    let mut out = Vec::new();
    write_event(&mut out, &event, Form::Full, &viewer, reader.membership_at(&event), &bundles);
    Ok(json_bytes(out))
}
