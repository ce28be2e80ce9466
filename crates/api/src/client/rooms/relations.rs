//! Events that refer to others (spec: "Forming relationships between events", "Threading").

use axum::{extract::State as Extract, response::Response};
use im2_chat::rooms::{PlaceToken, RECURSION_DEPTH, Reader, RelatedRequest, Rooms, TimelineToken, write_array};
use im2_core::{Code, session::Session};
use im2_edge::{Api, State};
use im2_edge::{
    auth::User,
    body::{Params, QueryParams, json_bytes},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::{EventId, RoomId};
use serde::Deserialize;

use super::{DirectionName, Writer, actor};

/// Events in a page that names no number, and at most.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 1_000;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v1/rooms/{roomId}/relations/{eventId}", Access::User, all)
        .limited(Class::History)
        .get("/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}", Access::User, of_rel_type)
        .limited(Class::History)
        .get("/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}", Access::User, of_both)
        .limited(Class::History)
        .get("/_matrix/client/v1/rooms/{roomId}/threads", Access::User, threads)
        .limited(Class::History)
}

#[derive(Deserialize)]
struct Query {
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
    dir: Option<DirectionName>,
    recurse: Option<bool>,
}

async fn all(
    Extract(api): State,
    User(session): User,
    Params((room_id, event_id)): Params<(RoomId, EventId)>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    related(&api, &session, &room_id, (event_id, None, None), query).await
}

async fn of_rel_type(
    Extract(api): State,
    User(session): User,
    Params((room_id, event_id, rel_type)): Params<(RoomId, EventId, String)>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    related(&api, &session, &room_id, (event_id, Some(rel_type), None), query).await
}

async fn of_both(
    Extract(api): State,
    User(session): User,
    Params((room_id, event_id, rel_type, kind)): Params<(RoomId, EventId, String, String)>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    related(&api, &session, &room_id, (event_id, Some(rel_type), Some(kind)), query).await
}

async fn related(
    api: &Api,
    session: &Session,
    room_id: &RoomId,
    (event_id, rel_type, kind): (EventId, Option<String>, Option<String>),
    query: Query,
) -> ApiResult<Response> {
    let rooms = &api.engine.chat.rooms;
    let (from, to) = (rooms.place_if_given(query.from.as_deref()), rooms.place_if_given(query.to.as_deref()));
    let (from, to) = (from.await?, to.await?);
    let reader = rooms.reader_or_not_found(&actor(session), room_id).await?;
    let (from, to) = (seq_if_given(rooms, &reader, from).await?, seq_if_given(rooms, &reader, to).await?);
    let request = RelatedRequest {
        event_id,
        rel_type,
        kind,
        from,
        to,
        direction: query.dir.unwrap_or(DirectionName::Backward).into(),
        limit: query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT),
        recurse: query.recurse == Some(true),
    };
    let page = rooms.related(&reader, &request).await?;
    let bundles = rooms.bundles(&reader, &page.events).await?;
    let writer = Writer::new(api, session, &reader, bundles);
    let mut out = Vec::from(*b"{\"chunk\":");
    write_array(&mut out, &page.events, |out, event| writer.write(out, event));
    if let Some(next) = page.next {
        out.extend_from_slice(format!(",\"next_batch\":\"{}\"", TimelineToken(next)).as_bytes());
    }
    if let Some(from) = from {
        out.extend_from_slice(format!(",\"prev_batch\":\"{}\"", TimelineToken(from)).as_bytes());
    }
    if let Some(recurse) = query.recurse {
        let depth = if recurse { RECURSION_DEPTH } else { 1 };
        out.extend_from_slice(format!(",\"recursion_depth\":{depth}").as_bytes());
    }
    out.push(b'}');
    Ok(json_bytes(out))
}

async fn seq_if_given(rooms: &Rooms, reader: &Reader, place: Option<PlaceToken>) -> ApiResult<Option<i64>> {
    match place {
        Some(place) => Ok(Some(rooms.seq_at(&reader.room, &place).await?)),
        None => Ok(None),
    }
}

#[derive(Deserialize)]
struct ThreadsQuery {
    #[serde(default)]
    include: Include,
    limit: Option<usize>,
    from: Option<String>,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Include {
    #[default]
    All,
    Participated,
}

async fn threads(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<ThreadsQuery>,
) -> ApiResult<Response> {
    let rooms = &api.engine.chat.rooms;
    if query.limit == Some(0) {
        return Err(ApiError::new(Code::InvalidParam, "`limit` must be greater than zero"));
    }
    let from = rooms.place_if_given(query.from.as_deref()).await?;
    let reader = rooms.reader(&actor(&session), &room_id).await?;
    let from = seq_if_given(rooms, &reader, from).await?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let page = rooms.threads(&reader, query.include == Include::Participated, from, limit).await?;
    let bundles = rooms.bundles(&reader, &page.events).await?;
    let writer = Writer::new(&api, &session, &reader, bundles);
    let mut out = Vec::from(*b"{\"chunk\":");
    write_array(&mut out, &page.events, |out, event| writer.write(out, event));
    if let Some(next) = page.next {
        out.extend_from_slice(format!(",\"next_batch\":\"{}\"", TimelineToken(next)).as_bytes());
    }
    out.push(b'}');
    Ok(json_bytes(out))
}
