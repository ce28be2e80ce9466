//! The events around an event, or at a time (spec: "Event context", "Retrieving events from a room").

use axum::{extract::State as Extract, response::Response};
use im2_chat::{
    filters::{Candidate, parse_event_filter},
    rooms::{MemberList, Reader, StoredMember, write_array},
};
use im2_core::{Code, session::Session};
use im2_edge::{Api, State};
use im2_edge::{
    auth::User,
    body::{Answer, Params, QueryParams, json_bytes},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::{EventId, Millis, RoomId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{DirectionName, Writer, actor, member_list};

/// Events around another when no number is named, and at most.
const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 200;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/rooms/{roomId}/context/{eventId}", Access::User, context)
        .limited(Class::History)
        .get("/_matrix/client/v1/rooms/{roomId}/timestamp_to_event", Access::User, timestamp_to_event)
        .limited(Class::History)
}

#[derive(Deserialize)]
pub(crate) struct ContextQuery {
    limit: Option<usize>,
    filter: Option<String>,
}

async fn context(
    Extract(api): State,
    User(session): User,
    Params((room_id, event_id)): Params<(RoomId, EventId)>,
    QueryParams(query): QueryParams<ContextQuery>,
) -> ApiResult<Response> {
    let reader = api.engine.chat.rooms.reader_or_not_found(&actor(&session), &room_id).await?;
    around(&api, &session, &reader, &event_id, &query).await
}

/// Answers with an event, the events around it and the state, as far as a reader may see them.
pub(crate) async fn around(
    api: &Api,
    session: &Session,
    reader: &Reader,
    event_id: &EventId,
    query: &ContextQuery,
) -> ApiResult<Response> {
    let rooms = &api.engine.chat.rooms;
    let filter = query.filter.as_deref().map(parse_event_filter).transpose()?.unwrap_or_default();
    let limit = query.limit.unwrap_or_else(|| filter.limit_or(DEFAULT_LIMIT, MAX_LIMIT)).min(MAX_LIMIT);
    let around = rooms.context(reader, event_id, (limit / 2, limit - limit / 2), &filter).await?;
    let mut events = around.before.clone();
    events.push(around.event.clone());
    events.extend(around.after.iter().cloned());
    let last = reader.until.map_or(around.last(), |until| until.min(around.last()));
    let mut state = rooms.state_without_members_at(&reader.room, last).await?;
    let mut stored = None;
    if filter.lazy_load_members {
        state.extend(rooms.members_of_senders(reader, &events).await?);
    } else if filter.matches_type("m.room.member") {
        match rooms.member_list(&reader.room, Some(last), |_| true).await? {
            MemberList::Here(members) => state.extend(members),
            MemberList::Stored(members) => stored = Some(members),
        }
    }
    state.retain(|event| {
        let sender = Some(event.sender_id());
        filter.matches(Candidate { kind: event.kind(), sender, has_url: event.has_url() })
    });
    let bundles = rooms.bundles(reader, &events).await?;
    let writer = Writer::new(api, session, reader, bundles);
    let mut out = Vec::with_capacity((events.len() + state.len()) * 640);
    out.extend_from_slice(format!("{{\"start\":\"{}\",\"end\":\"{}\",\"event\":", around.start, around.end).as_bytes());
    writer.write(&mut out, &around.event);
    for (name, events) in [("events_before", &around.before), ("events_after", &around.after), ("state", &state)] {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        write_array(&mut out, events, |out, event| writer.write(out, event));
    }
    let Some(members) = stored else {
        out.push(b'}');
        return Ok(json_bytes(out));
    };
    out.pop();
    let write = writer.of_stored();
    let write = move |out: &mut Vec<u8>, member: &StoredMember<'_>| member.passes(&filter) && write(out, member);
    member_list::respond(out, members.following(!state.is_empty()), write, b"]}").await
}

#[derive(Deserialize)]
pub(crate) struct TimeQuery {
    pub(crate) ts: Millis,
    pub(crate) dir: Option<DirectionName>,
}

async fn timestamp_to_event(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<TimeQuery>,
) -> ApiResult<Answer<Value>> {
    let reader = api.engine.chat.rooms.reader(&actor(&session), &room_id).await?;
    let dir = query.dir.ok_or_else(|| ApiError::new(Code::MissingParam, "`dir` must be b or f"))?;
    nearest(&api, &reader, query.ts, dir).await
}

/// The event nearest to a time, for a reader.
pub(crate) async fn nearest(api: &Api, reader: &Reader, ts: Millis, dir: DirectionName) -> ApiResult<Answer<Value>> {
    // Later than any event, and still a number that the database can compare.
    let ts = ts.min(Millis::from(u32::MAX) << 21);
    let event = api.engine.chat.rooms.event_by_time(reader, ts, dir.into()).await?;
    Ok(Answer(json!({ "event_id": event.id(), "origin_server_ts": event.ts() })))
}
