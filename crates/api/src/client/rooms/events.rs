//! Events and pages of the timeline (spec: "Getting events for a room", "Retrieving events from a room").

use axum::{extract::State as Extract, response::Response};
use im2_chat::{
    filters::{EventFilter, parse_event_filter},
    rooms::{Direction, PlaceToken, Reader, RoomEvent, TimelineToken, write_array},
};
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

/// The most events in one page.
const MAX_LIMIT: usize = 1_000;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/rooms/{roomId}/event/{eventId}", Access::User, event)
        .get("/_matrix/client/v3/rooms/{roomId}/messages", Access::User, messages)
        .limited(Class::History)
}

async fn event(
    Extract(api): State,
    User(session): User,
    Params((room_id, event_id)): Params<(RoomId, EventId)>,
) -> ApiResult<Response> {
    let rooms = &api.engine.chat.rooms;
    let reader = rooms.reader_or_not_found(&actor(&session), &room_id).await?;
    let event = rooms.readable_event(&reader, &event_id).await?;
    let bundles = rooms.bundles(&reader, std::slice::from_ref(&event)).await?;
    let mut out = Vec::new();
    Writer::new(&api, &session, &reader, bundles).write(&mut out, &event);
    Ok(json_bytes(out))
}

#[derive(Deserialize)]
pub(crate) struct MessagesQuery {
    from: Option<String>,
    to: Option<String>,
    pub(crate) dir: Option<DirectionName>,
    limit: Option<usize>,
    filter: Option<String>,
}

async fn messages(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<MessagesQuery>,
) -> ApiResult<Response> {
    let ends = query.ends(&api).await?;
    let reader = api.engine.chat.rooms.reader(&actor(&session), &room_id).await?;
    let dir = query.dir.ok_or_else(|| ApiError::new(Code::MissingParam, "`dir` must be b or f"))?;
    page(&api, &session, &reader, (dir, ends), &query).await
}

/// Where a page begins, and where it has to end, as clients say it.
pub(crate) type Ends = (Option<PlaceToken>, Option<PlaceToken>);

impl MessagesQuery {
    /// Reads where the page begins and ends, before anything of the room is looked at.
    pub(crate) async fn ends(&self, api: &Api) -> ApiResult<Ends> {
        let rooms = &api.engine.chat.rooms;
        Ok((rooms.place_if_given(self.from.as_deref()).await?, rooms.place_if_given(self.to.as_deref()).await?))
    }
}

/// A page of the timeline for a reader.
pub(crate) async fn page(
    api: &Api,
    session: &Session,
    reader: &Reader,
    (dir, ends): (DirectionName, Ends),
    query: &MessagesQuery,
) -> ApiResult<Response> {
    let rooms = &api.engine.chat.rooms;
    let filter = query.filter.as_deref().map(parse_event_filter).transpose()?.unwrap_or_default();
    let limit = filter.limit_or(query.limit.unwrap_or(10), MAX_LIMIT).min(query.limit.unwrap_or(MAX_LIMIT));
    let from = match &ends.0 {
        Some(place) => rooms.seq_at(&reader.room, place).await?,
        None => match dir {
            DirectionName::Forward => 0,
            DirectionName::Backward => reader.until.unwrap_or_else(|| reader.room.view().seq),
        },
    };
    let to = match &ends.1 {
        Some(place) => Some(rooms.seq_at(&reader.room, place).await?),
        None => None,
    };
    let (direction, start) = match dir {
        DirectionName::Forward => (Direction::Forward, from),
        DirectionName::Backward => (Direction::Backward, from + 1),
    };
    let page = rooms.filtered_page(reader, start, to, direction, limit, &filter).await?;
    let end = page.next.map(|next| match dir {
        DirectionName::Forward => TimelineToken(next),
        DirectionName::Backward => TimelineToken(next - 1),
    });
    let first = reader.room.view().first;
    let end = end.filter(|end| matches!(dir, DirectionName::Forward) || end.0 >= first);
    let end = end.or_else(|| after_the_last(dir, &page.events, &filter, first).filter(|_| to.is_none()));
    let bundles = rooms.bundles(reader, &page.events).await?;
    let members =
        if filter.lazy_load_members { rooms.members_of_senders(reader, &page.events).await? } else { Vec::new() };
    let writer = Writer::new(api, session, reader, bundles);
    Ok(write_page(&writer, TimelineToken(from), end, &page.events, &members))
}

/// The token to go on from after a page that reached the end of the room.
fn after_the_last(
    dir: DirectionName,
    events: &[std::sync::Arc<RoomEvent>],
    filter: &EventFilter,
    first: i64,
) -> Option<TimelineToken> {
    let last = events.last()?;
    match dir {
        // There may be more soon.
        DirectionName::Forward => Some(TimelineToken(last.seq)),
        // A client cannot tell a page that the filter has made short from the last one, unless it may ask once more.
        DirectionName::Backward => (!filter.is_open()).then_some(TimelineToken(first - 1)),
    }
}

fn write_page(
    writer: &Writer<'_>,
    start: TimelineToken,
    end: Option<TimelineToken>,
    events: &[std::sync::Arc<RoomEvent>],
    members: &[std::sync::Arc<RoomEvent>],
) -> Response {
    let mut out = Vec::with_capacity(events.len() * 640 + 128);
    out.extend_from_slice(format!("{{\"start\":\"{start}\",\"chunk\":").as_bytes());
    write_array(&mut out, events, |out, event| writer.write(out, event));
    if let Some(end) = end {
        out.extend_from_slice(format!(",\"end\":\"{end}\"").as_bytes());
    }
    if !members.is_empty() {
        out.extend_from_slice(b",\"state\":");
        write_array(&mut out, members, |out, event| writer.write(out, event));
    }
    out.push(b'}');
    json_bytes(out)
}
