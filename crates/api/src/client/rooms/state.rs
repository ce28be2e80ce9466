//! Reading and writing state (spec: "Getting events for a room", "Sending events to a room").

use axum::{extract::State as Extract, response::Response};
use im2_chat::{
    delayed_events::NewDelayedEvent,
    rooms::{Bundles, Draft, MemberList, write_array},
};
use im2_core::{Code, session::Session};
use im2_edge::{Api, State};
use im2_edge::{
    auth::User,
    body::{Answer, Json, Params, QueryParams, json_bytes},
    error::{ApiError, ApiResult},
    limits::{Class, count_more},
    routes::{Access, Routes},
};
use im2_model::{Millis, RoomId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Massage, Writer, actor, member_list};
use crate::client::delayed_events::{Delay, schedule_by_parameter};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/rooms/{roomId}/state", Access::User, all)
        .limited(Class::History)
        .get("/_matrix/client/v3/rooms/{roomId}/state/{eventType}", Access::User, get_unkeyed)
        .get("/_matrix/client/v3/rooms/{roomId}/state/{eventType}/", Access::User, get_unkeyed)
        .get("/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", Access::User, get_keyed)
        .put("/_matrix/client/v3/rooms/{roomId}/state/{eventType}", Access::User, put_unkeyed)
        .limited(Class::Send)
        .put("/_matrix/client/v3/rooms/{roomId}/state/{eventType}/", Access::User, put_unkeyed)
        .limited(Class::Send)
        .put("/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", Access::User, put_keyed)
        .limited(Class::Send)
}

async fn all(Extract(api): State, User(session): User, Params(room_id): Params<RoomId>) -> ApiResult<Response> {
    let rooms = &api.engine.chat.rooms;
    let reader = rooms.reader(&actor(&session), &room_id).await?;
    let until = reader.until.unwrap_or_else(|| reader.room.view().seq);
    let mut state = rooms.state_without_members_at(&reader.room, until).await?;
    let list = rooms.member_list(&reader.room, Some(until), |_| true).await?;
    let stored = match list {
        MemberList::Here(members) => {
            state.extend(members);
            None
        }
        MemberList::Stored(members) => Some(members),
    };
    let writer = Writer::new(&api, &session, &reader, Bundles::new());
    let mut out = Vec::with_capacity(state.len() * 512);
    write_array(&mut out, &state, |out, event| writer.write(out, event));
    let Some(members) = stored else { return Ok(json_bytes(out)) };
    out.pop();
    member_list::respond(out, members.following(!state.is_empty()), writer.of_stored(), b"]").await
}

#[derive(Deserialize, Default)]
struct Format {
    #[serde(default)]
    format: FormatName,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum FormatName {
    #[default]
    Content,
    Event,
}

async fn get_unkeyed(
    Extract(api): State,
    User(session): User,
    Params((room_id, kind)): Params<(RoomId, String)>,
    QueryParams(format): QueryParams<Format>,
) -> ApiResult<Response> {
    get(&api, &session, &room_id, &kind, "", &format).await
}

async fn get_keyed(
    Extract(api): State,
    User(session): User,
    Params((room_id, kind, state_key)): Params<(RoomId, String, String)>,
    QueryParams(format): QueryParams<Format>,
) -> ApiResult<Response> {
    get(&api, &session, &room_id, &kind, &state_key, &format).await
}

async fn get(
    api: &Api,
    session: &Session,
    room_id: &RoomId,
    kind: &str,
    state_key: &str,
    format: &Format,
) -> ApiResult<Response> {
    let reader = api.engine.chat.rooms.reader(&actor(session), room_id).await?;
    let event = api.engine.chat.rooms.state_entry(&reader.room, kind, state_key, reader.until).await?;
    let event = event.ok_or_else(|| ApiError::new(Code::NotFound, "there is no such state event in this room"))?;
    if format.format == FormatName::Content {
        return Ok(json_bytes(event.state_content().unwrap_or("{}").to_owned()));
    }
    let mut out = Vec::new();
    Writer::new(api, session, &reader, Bundles::new()).write(&mut out, &event);
    Ok(json_bytes(out))
}

async fn put_unkeyed(
    Extract(api): State,
    User(session): User,
    Params((room_id, kind)): Params<(RoomId, String)>,
    QueryParams(massage): QueryParams<Massage>,
    QueryParams(delay): QueryParams<Delay>,
    Json(content): Json<Map<String, Value>>,
) -> ApiResult<Answer<Value>> {
    let draft = Draft { ts: massage.ts(&session)?, ..Draft::state(&kind, "", content) };
    put(&api, &session, &room_id, draft, delay.millis()?).await
}

async fn put_keyed(
    Extract(api): State,
    User(session): User,
    Params((room_id, kind, state_key)): Params<(RoomId, String, String)>,
    QueryParams(massage): QueryParams<Massage>,
    QueryParams(delay): QueryParams<Delay>,
    Json(content): Json<Map<String, Value>>,
) -> ApiResult<Answer<Value>> {
    let draft = Draft { ts: massage.ts(&session)?, ..Draft::state(&kind, &state_key, content) };
    put(&api, &session, &room_id, draft, delay.millis()?).await
}

async fn put(
    api: &Api,
    session: &Session,
    room_id: &RoomId,
    draft: Draft,
    delay: Option<Millis>,
) -> ApiResult<Answer<Value>> {
    if let Some(class) = membership_class(&draft) {
        count_more(api, session, class, 1)?;
    }
    if let Some(delay) = delay {
        let Draft { kind, state_key, content, ts, .. } = draft;
        let (kind, state_key) = (kind.into(), state_key.map(Into::into));
        let new = NewDelayedEvent { kind, state_key, content, ts, delay, txn_id: None };
        return schedule_by_parameter(api, session, room_id, new).await;
    }
    let event_id = api.engine.chat.rooms.send_state(&actor(session), room_id, draft).await?;
    api.engine.chat.presence.touch(session);
    Ok(Answer(json!({ "event_id": event_id })))
}

/// The class that a change of membership counts against, as it does by its own endpoint.
fn membership_class(draft: &Draft) -> Option<Class> {
    if &*draft.kind != "m.room.member" {
        return (&*draft.kind == "m.room.third_party_invite").then_some(Class::Invite);
    }
    match draft.content.get("membership").and_then(Value::as_str) {
        Some("invite") => Some(Class::Invite),
        Some("join" | "knock") => Some(Class::Join),
        _ => None,
    }
}
