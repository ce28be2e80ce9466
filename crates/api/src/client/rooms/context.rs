//! What is around an event, or a time (spec: "Event context", "Retrieving events from a room").

use axum::{extract::State as Extract, response::Response};
use im2_engine::{
    filters::{Candidate, parse_event_filter},
    rooms::write_array,
};
use im2_model::{EventId, Millis, RoomId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{DirectionName, Writer, actor};
use crate::{
    State,
    auth::User,
    body::{Answer, Params, QueryParams, json_bytes},
    error::ApiResult,
    routes::{Access, Routes},
};

/// Events around another when no number is named, and at most.
const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 200;

pub(super) fn routes() -> Routes {
    Routes::default().get("/_matrix/client/v3/rooms/{roomId}/context/{eventId}", Access::User, context).get(
        "/_matrix/client/v1/rooms/{roomId}/timestamp_to_event",
        Access::User,
        timestamp_to_event,
    )
}

#[derive(Deserialize)]
struct ContextQuery {
    limit: Option<usize>,
    filter: Option<String>,
}

async fn context(
    Extract(api): State,
    User(session): User,
    Params((room_id, event_id)): Params<(RoomId, EventId)>,
    QueryParams(query): QueryParams<ContextQuery>,
) -> ApiResult<Response> {
    let rooms = &api.engine.rooms;
    let filter = query.filter.as_deref().map(parse_event_filter).transpose()?.unwrap_or_default();
    let reader = rooms.reader_or_not_found(&actor(&session), &room_id).await?;
    let limit = query.limit.unwrap_or_else(|| filter.limit_or(DEFAULT_LIMIT, MAX_LIMIT)).min(MAX_LIMIT);
    let around = rooms.context(&reader, &event_id, (limit / 2, limit - limit / 2), &filter).await?;
    let mut events = around.before.clone();
    events.push(around.event.clone());
    events.extend(around.after.iter().cloned());
    let last = reader.until.map_or(around.last(), |until| until.min(around.last()));
    let mut state = rooms.state_at(&reader.room, Some(last)).await?;
    if filter.lazy_load_members {
        state.retain(|event| event.kind() != "m.room.member");
        state.extend(rooms.members_of_senders(&reader.room, &events).await?);
    }
    state.retain(|event| {
        let sender = Some(&event.pdu.sender);
        filter.matches(Candidate { kind: event.kind(), sender, has_url: event.has_url() })
    });
    let bundles = rooms.bundles(&reader, &events).await?;
    let writer = Writer::new(&api, &session, &reader, bundles);
    let mut out = Vec::with_capacity((events.len() + state.len()) * 640);
    out.extend_from_slice(format!("{{\"start\":\"{}\",\"end\":\"{}\",\"event\":", around.start, around.end).as_bytes());
    writer.write(&mut out, &around.event);
    for (name, events) in [("events_before", &around.before), ("events_after", &around.after), ("state", &state)] {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        write_array(&mut out, events, |out, event| writer.write(out, event));
    }
    out.push(b'}');
    Ok(json_bytes(out))
}

#[derive(Deserialize)]
struct TimeQuery {
    ts: Millis,
    dir: DirectionName,
}

async fn timestamp_to_event(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<TimeQuery>,
) -> ApiResult<Answer<Value>> {
    let rooms = &api.engine.rooms;
    let reader = rooms.reader(&actor(&session), &room_id).await?;
    // Later than any event, and still a number that the database can compare.
    let ts = query.ts.min(Millis::from(u32::MAX) << 21);
    let event = rooms.event_by_time(&reader, ts, query.dir.into()).await?;
    Ok(Answer(json!({ "event_id": event.id(), "origin_server_ts": event.pdu.origin_server_ts })))
}
