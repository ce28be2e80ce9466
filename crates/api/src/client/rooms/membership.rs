//! Joining, leaving, and doing that to others (spec: "Room membership").

use axum::{extract::State as Extract, response::Response};
use im2_chat::rooms::Act;
use im2_core::Code;
use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, OptionalJson, Params, empty},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::{RoomId, UserId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::actor;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/joined_rooms", Access::User, joined_rooms)
        .post("/_matrix/client/v3/rooms/{roomId}/join", Access::User, join)
        .limited(Class::Join)
        .post("/_matrix/client/v3/join/{roomIdOrAlias}", Access::User, join_by_name)
        .limited(Class::Join)
        .post("/_matrix/client/v3/knock/{roomIdOrAlias}", Access::User, knock)
        .limited(Class::Join)
        .post("/_matrix/client/v3/rooms/{roomId}/leave", Access::User, leave)
        .post("/_matrix/client/v3/rooms/{roomId}/forget", Access::User, forget)
        .post("/_matrix/client/v3/rooms/{roomId}/invite", Access::User, invite)
        .limited(Class::Invite)
        .post("/_matrix/client/v3/rooms/{roomId}/kick", Access::User, kick)
        .limited(Class::Send)
        .post("/_matrix/client/v3/rooms/{roomId}/ban", Access::User, ban)
        .limited(Class::Send)
        .post("/_matrix/client/v3/rooms/{roomId}/unban", Access::User, unban)
        .limited(Class::Send)
}

#[derive(Deserialize, Default)]
struct Reason {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    user_id: UserId,
    reason: Option<String>,
}

async fn joined_rooms(Extract(api): State, User(session): User) -> ApiResult<Answer<Value>> {
    let rooms = api.engine.chat.rooms.joined_rooms(&actor(&session)).await?;
    Ok(Answer(json!({ "joined_rooms": rooms })))
}

#[derive(Deserialize, Default)]
struct Join {
    reason: Option<String>,
    third_party_signed: Option<Map<String, Value>>,
    /// More fields that the client wants in its member event, as other servers allow it. It could also send the event
    /// itself.
    #[serde(flatten)]
    more: Map<String, Value>,
}

async fn join(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    OptionalJson(request): OptionalJson<Join>,
) -> ApiResult<Answer<Value>> {
    let (rooms, actor) = (&api.engine.chat.rooms, actor(&session));
    if let Some(signed) = request.third_party_signed {
        rooms.claim_invite(&actor, &room_id, signed).await?;
    }
    let room = rooms.join_saying(&actor, &room_id, request.reason.as_deref(), request.more).await?;
    Ok(Answer(json!({ "room_id": room.id })))
}

/// The same by alias too. `via` names servers to join through, of which this is always one.
async fn join_by_name(
    extract: State,
    user: User,
    Params(room): Params<String>,
    request: OptionalJson<Join>,
) -> ApiResult<Answer<Value>> {
    let room_id = extract.engine.chat.rooms.resolve(&room.parse()?).await?;
    join(extract, user, Params(room_id), request).await
}

async fn knock(
    Extract(api): State,
    User(session): User,
    Params(room): Params<String>,
    OptionalJson(Reason { reason }): OptionalJson<Reason>,
) -> ApiResult<Answer<Value>> {
    let rooms = &api.engine.chat.rooms;
    let room_id = rooms.resolve(&room.parse()?).await?;
    let room = rooms.knock(&actor(&session), &room_id, reason.as_deref()).await?;
    Ok(Answer(json!({ "room_id": room.id })))
}

async fn leave(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    OptionalJson(Reason { reason }): OptionalJson<Reason>,
) -> ApiResult<Response> {
    api.engine.chat.rooms.leave(&actor(&session), &room_id, reason.as_deref()).await?;
    Ok(empty())
}

async fn forget(Extract(api): State, User(session): User, Params(room_id): Params<RoomId>) -> ApiResult<Response> {
    api.engine.chat.rooms.forget(&actor(&session), &room_id).await?;
    Ok(empty())
}

/// Defines a handler that does one thing to another user.
macro_rules! acting {
    ($name:ident, $act:expr) => {
        async fn $name(
            Extract(api): State,
            User(session): User,
            Params(room_id): Params<RoomId>,
            Json(Target { user_id, reason }): Json<Target>,
        ) -> ApiResult<Response> {
            api.engine.chat.rooms.act(&actor(&session), &room_id, $act, &user_id, reason.as_deref()).await?;
            Ok(empty())
        }
    };
}

/// Invites by user ID. Invites by e-mail address or phone number are the same endpoint's other form.
async fn invite(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    Json(body): Json<Map<String, Value>>,
) -> ApiResult<Response> {
    let by_address = body.contains_key("medium") && !body.contains_key("user_id");
    if by_address {
        let message = "this server does not invite by e-mail address or phone number";
        return Err(ApiError::new(Code::ThreepidDenied, message));
    }
    let target = serde_json::from_value::<Target>(Value::Object(body));
    let wrong = |error| ApiError::new(Code::BadJson, format!("the body is malformed: {error}"));
    let Target { user_id, reason } = target.map_err(wrong)?;
    api.engine.chat.rooms.act(&actor(&session), &room_id, Act::Invite, &user_id, reason.as_deref()).await?;
    Ok(empty())
}

acting!(kick, Act::Kick);
acting!(ban, Act::Ban);
acting!(unban, Act::Unban);
