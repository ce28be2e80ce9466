//! The way to the media of calls (MatrixRTC: MSC4143 tells where it is, MSC4195 lets people in), under the proposals'
//! unstable names.

use axum::extract::State as Extract;
use im2_chat::{
    calls::{Participant, ROOM_CALL},
    rooms::Actor,
};
use im2_core::Code;
use im2_edge::State;
use im2_edge::{
    auth::User,
    base_url::BaseUrl,
    body::{Answer, Json},
    calls::Ticket,
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::RoomId;
use serde::Deserialize;
use serde_json::{Value, json};

const NO_CALLS: &str = "this server forwards no calls";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/unstable/org.matrix.msc4143/rtc/transports", Access::User, transports)
        // Not for clients of this server alone: who asks is told by the OpenID token in the body.
        .post("/livekit/jwt/sfu/get", Access::Public, of_device)
        .limited(Class::Lookup)
        .post("/livekit/jwt/get_token", Access::Public, of_member)
        .limited(Class::Lookup)
}

/// Where media can be sent. A server that forwards none does not know the route: so clients look elsewhere.
async fn transports(Extract(api): State, User(_): User, base_url: BaseUrl) -> ApiResult<Answer<Value>> {
    if api.options.calls.is_none() {
        return Err(ApiError::new(Code::Unrecognized, NO_CALLS));
    }
    let transport = base_url.call_transport();
    Ok(Answer(json!({ "rtc_transports": transport.as_slice() })))
}

#[derive(Deserialize)]
struct OpenId {
    access_token: String,
    matrix_server_name: String,
}

/// The request of clients that say in the room's state that they are in its call.
#[derive(Deserialize)]
struct OfDevice {
    room: RoomId,
    device_id: String,
    openid_token: OpenId,
}

async fn of_device(api: State, base_url: BaseUrl, Json(request): Json<OfDevice>) -> ApiResult<Answer<Value>> {
    let OfDevice { room, device_id, openid_token } = request;
    let_in(api, &base_url, &openid_token, None, (&room, ROOM_CALL), Participant::Device(&device_id)).await
}

/// The request of clients whose memberships have an identifier.
#[derive(Deserialize)]
struct OfMember {
    room_id: RoomId,
    slot_id: String,
    openid_token: OpenId,
    member: Member,
}

#[derive(Deserialize)]
struct Member {
    id: String,
    claimed_user_id: String,
    claimed_device_id: String,
}

async fn of_member(api: State, base_url: BaseUrl, Json(request): Json<OfMember>) -> ApiResult<Answer<Value>> {
    let OfMember { room_id, slot_id, openid_token, member } = request;
    let participant = Participant::Member(&member.claimed_device_id, &member.id);
    let claimed = Some(member.claimed_user_id.as_str());
    let_in(api, &base_url, &openid_token, claimed, (&room_id, &slot_id), participant).await
}

/// Answers with the unit's address and a token for it.
async fn let_in(
    Extract(api): State,
    base_url: &BaseUrl,
    openid: &OpenId,
    claimed: Option<&str>,
    (room_id, slot): (&RoomId, &str),
    participant: Participant<'_>,
) -> ApiResult<Answer<Value>> {
    let no_calls = || ApiError::new(Code::NotFound, NO_CALLS);
    let (Some(calls), Some(url)) = (&api.options.calls, base_url.call_media()) else { return Err(no_calls()) };
    if openid.matrix_server_name != api.engine.core.server_name.as_str() {
        let message = "only users of this server can take part in its calls: `matrix_server_name` is another one";
        return Err(ApiError::new(Code::Forbidden, message));
    }
    let (user, user_id) = api.engine.people.accounts.openid_user(&openid.access_token).await?;
    if claimed.is_some_and(|claimed| claimed != user_id.as_str()) {
        return Err(ApiError::new(Code::Forbidden, "`claimed_user_id` is not the user of the OpenID token"));
    }
    let actor = Actor { user, user_id };
    let admission = api.engine.chat.calls.admit(&actor, room_id, slot, participant).await?;
    let ticket = Ticket {
        call: &admission.call,
        participant: &admission.participant,
        holder: &admission.holder,
        may_publish: admission.may_publish,
    };
    Ok(Answer(json!({ "url": url, "jwt": calls.sign(&ticket) })))
}
