//! Rooms, looked into and changed by administrators (Synapse's administration API, "Rooms").

use axum::{extract::State as Extract, response::Response};
use im2_admin::rooms::{ListedRoom, RoomOrder, RoomsQuery};
use im2_chat::rooms::{Bundles, RoomOrAlias, write_array};
use im2_edge::State;
use im2_edge::{
    auth::Admin,
    body::{Answer, Json, OptionalJson, Params, QueryParams, json_bytes},
    error::ApiResult,
    routes::{Access, Routes},
};
use im2_model::{EventId, RoomId, UserId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::paging::{self, Dir};
use crate::client::rooms::{
    DirectionName, Writer, actor,
    context::{self, ContextQuery, TimeQuery},
    events::{self, MessagesQuery},
    spaces,
};

pub(super) fn routes() -> Routes {
    const ROOM: &str = "/_synapse/admin/v1/rooms/{roomId}";
    const BLOCK: &str = "/_synapse/admin/v1/rooms/{roomId}/block";
    const EXTREMITIES: &str = "/_synapse/admin/v1/rooms/{roomIdOrAlias}/forward_extremities";
    Routes::default()
        .get("/_synapse/admin/v1/rooms", Access::Admin, list)
        .get(ROOM, Access::Admin, details)
        .get("/_synapse/admin/v1/rooms/{roomId}/members", Access::Admin, members)
        .get("/_synapse/admin/v1/rooms/{roomId}/state", Access::Admin, state)
        .get("/_synapse/admin/v1/rooms/{roomId}/messages", Access::Admin, messages)
        .get("/_synapse/admin/v1/rooms/{roomId}/context/{eventId}", Access::Admin, context)
        .get("/_synapse/admin/v1/rooms/{roomId}/timestamp_to_event", Access::Admin, timestamp_to_event)
        .get("/_synapse/admin/v1/rooms/{roomId}/hierarchy", Access::Admin, hierarchy)
        .get(BLOCK, Access::Admin, block_status)
        .put(BLOCK, Access::Admin, block)
        .get(EXTREMITIES, Access::Admin, forward_extremities)
        .delete(EXTREMITIES, Access::Admin, delete_forward_extremities)
        .post("/_synapse/admin/v1/rooms/{roomIdOrAlias}/make_room_admin", Access::Admin, make_room_admin)
        .post("/_synapse/admin/v1/join/{roomIdOrAlias}", Access::Admin, join)
        .get("/_synapse/admin/v1/fetch_event/{eventId}", Access::Admin, fetch_event)
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    from: usize,
    limit: Option<usize>,
    order_by: Option<RoomOrder>,
    dir: Option<Dir>,
    search_term: Option<String>,
    public_rooms: Option<bool>,
    empty_rooms: Option<bool>,
}

fn listed(room: &ListedRoom) -> Map<String, Value> {
    let value = json!({
        "room_id": room.room_id,
        "name": room.name,
        "canonical_alias": room.canonical_alias,
        "joined_members": room.joined_members,
        "joined_local_members": room.joined_local_members,
        "version": room.version,
        "creator": room.creator,
        "encryption": room.encryption,
        "federatable": room.federatable,
        "public": room.public,
        "join_rules": room.join_rules,
        "guest_access": room.guest_access,
        "history_visibility": room.history_visibility,
        "state_events": room.state_events,
        "room_type": room.room_type,
    });
    if let Value::Object(members) = value { members } else { Map::new() }
}

async fn list(
    Extract(api): State,
    Admin(_): Admin,
    QueryParams(query): QueryParams<ListQuery>,
) -> ApiResult<Answer<Map<String, Value>>> {
    let (from, limit) = (query.from, paging::limit(query.limit));
    let query = RoomsQuery {
        from,
        limit,
        order: query.order_by.unwrap_or_default(),
        reversed: query.dir == Some(Dir::Backward),
        search: query.search_term.filter(|term| !term.is_empty()),
        public: query.public_rooms,
        empty: query.empty_rooms,
    };
    let (rooms, total) = api.engine.admin.rooms.list(query).await?;
    let mut answer = Map::new();
    answer.insert("rooms".into(), rooms.iter().map(|room| Value::Object(listed(room))).collect());
    answer.insert("offset".into(), from.into());
    answer.insert("total_rooms".into(), total.into());
    paging::add_next(&mut answer, "next_batch", from, rooms.len(), total);
    if from > 0 {
        answer.insert("prev_batch".into(), from.saturating_sub(limit).into());
    }
    Ok(Answer(answer))
}

async fn details(
    Extract(api): State,
    Admin(_): Admin,
    Params(room_id): Params<RoomId>,
) -> ApiResult<Answer<Map<String, Value>>> {
    let details = api.engine.admin.rooms.details(&room_id).await?;
    let mut answer = listed(&details.listed);
    answer.insert("topic".into(), details.topic.into());
    answer.insert("avatar".into(), details.avatar.into());
    answer.insert("joined_local_devices".into(), details.joined_local_devices.into());
    answer.insert("forgotten".into(), details.forgotten.into());
    answer.insert("tombstoned".into(), details.tombstoned.into());
    answer.insert("replacement_room".into(), details.replacement_room.into());
    Ok(Answer(answer))
}

async fn members(Extract(api): State, Admin(_): Admin, Params(room_id): Params<RoomId>) -> ApiResult<Answer<Value>> {
    let members = api.engine.admin.rooms.members(&room_id).await?;
    Ok(Answer(json!({ "total": members.len(), "members": members })))
}

#[derive(Deserialize)]
struct StateQuery {
    #[serde(rename = "type")]
    kind: Option<String>,
}

async fn state(
    Extract(api): State,
    Admin(session): Admin,
    Params(room_id): Params<RoomId>,
    QueryParams(StateQuery { kind }): QueryParams<StateQuery>,
) -> ApiResult<Response> {
    let rooms = &api.engine.chat.rooms;
    let reader = rooms.reader_for_admin(&actor(&session), &room_id).await?;
    let state = rooms.state_at(&reader.room, None).await?;
    let wanted = state.iter().filter(|event| kind.as_ref().is_none_or(|kind| event.kind() == kind));
    let writer = Writer::new(&api, &session, &reader, Bundles::new());
    let mut out = Vec::from(*b"{\"state\":");
    write_array(&mut out, wanted, |out, event| writer.write(out, event));
    out.push(b'}');
    Ok(json_bytes(out))
}

async fn messages(
    Extract(api): State,
    Admin(session): Admin,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<MessagesQuery>,
) -> ApiResult<Response> {
    let ends = query.ends(&api).await?;
    let reader = api.engine.chat.rooms.reader_for_admin(&actor(&session), &room_id).await?;
    let dir = query.dir.unwrap_or(DirectionName::Forward);
    events::page(&api, &session, &reader, (dir, ends), &query).await
}

async fn context(
    Extract(api): State,
    Admin(session): Admin,
    Params((room_id, event_id)): Params<(RoomId, EventId)>,
    QueryParams(query): QueryParams<ContextQuery>,
) -> ApiResult<Response> {
    let reader = api.engine.chat.rooms.reader_for_admin(&actor(&session), &room_id).await?;
    context::around(&api, &session, &reader, &event_id, &query).await
}

async fn timestamp_to_event(
    Extract(api): State,
    Admin(session): Admin,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<TimeQuery>,
) -> ApiResult<Answer<Value>> {
    let reader = api.engine.chat.rooms.reader_for_admin(&actor(&session), &room_id).await?;
    context::nearest(&api, &reader, query.ts, query.dir.unwrap_or(DirectionName::Forward)).await
}

async fn hierarchy(
    Extract(api): State,
    Admin(_): Admin,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<spaces::Query>,
) -> ApiResult<Response> {
    let found = api.engine.chat.rooms.hierarchy_for_admin(&room_id, query.checked()?).await?;
    Ok(spaces::write_tree(found))
}

async fn block_status(
    Extract(api): State,
    Admin(_): Admin,
    Params(room_id): Params<RoomId>,
) -> ApiResult<Answer<Value>> {
    Ok(Answer(match api.engine.admin.rooms.blocked_by(&room_id).await? {
        Some(user_id) => json!({ "block": true, "user_id": user_id }),
        None => json!({ "block": false }),
    }))
}

#[derive(Deserialize)]
struct Block {
    block: bool,
}

async fn block(
    Extract(api): State,
    Admin(session): Admin,
    Params(room_id): Params<RoomId>,
    Json(Block { block }): Json<Block>,
) -> ApiResult<Answer<Value>> {
    api.engine.admin.rooms.block(&session, &room_id, block).await?;
    Ok(Answer(json!({ "block": block })))
}

/// A room here has one last event: events are built on each other one by one.
async fn forward_extremities(
    Extract(api): State,
    Admin(_): Admin,
    Params(room): Params<String>,
) -> ApiResult<Answer<Value>> {
    let room: RoomOrAlias = room.parse()?;
    let (event_id, depth, ts) = api.engine.admin.rooms.last_event(&room).await?;
    let last = json!({ "event_id": event_id, "state_group": 0, "depth": depth, "received_ts": ts });
    Ok(Answer(json!({ "count": 1, "results": [last] })))
}

/// There are never too many.
async fn delete_forward_extremities(
    Extract(api): State,
    Admin(_): Admin,
    Params(room): Params<String>,
) -> ApiResult<Answer<Value>> {
    api.engine.admin.rooms.last_event(&room.parse()?).await?;
    Ok(Answer(json!({ "deleted": 0 })))
}

#[derive(Deserialize)]
struct MakeAdmin {
    user_id: Option<UserId>,
}

async fn make_room_admin(
    Extract(api): State,
    Admin(session): Admin,
    Params(room): Params<String>,
    OptionalJson(MakeAdmin { user_id }): OptionalJson<MakeAdmin>,
) -> ApiResult<Response> {
    api.engine.admin.rooms.make_admin(&session, &room.parse()?, user_id).await?;
    Ok(json_bytes("{}"))
}

#[derive(Deserialize)]
struct Join {
    user_id: UserId,
}

async fn join(
    Extract(api): State,
    Admin(session): Admin,
    Params(room): Params<String>,
    Json(Join { user_id }): Json<Join>,
) -> ApiResult<Answer<Value>> {
    let room_id = api.engine.admin.rooms.join_user(&session, &room.parse()?, &user_id).await?;
    Ok(Answer(json!({ "room_id": room_id })))
}

async fn fetch_event(
    Extract(api): State,
    Admin(_): Admin,
    Params(event_id): Params<EventId>,
) -> ApiResult<Answer<Value>> {
    let event = api.engine.admin.rooms.event(&event_id).await?;
    let mut pdu: Value = serde_json::from_str(&event.pdu).unwrap_or_default();
    pdu["event_id"] = json!(event.event_id);
    Ok(Answer(json!({ "event": pdu })))
}
