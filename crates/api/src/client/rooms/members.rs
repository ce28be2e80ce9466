//! Who is in a room (spec: "Getting events for a room").

use axum::{extract::State as Extract, response::Response};
use im2_engine::rooms::{Bundles, write_array};
use im2_model::RoomId;
use im2_rooms::content::{MemberContent, Membership};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Writer, actor};
use crate::{
    State,
    auth::User,
    body::{Answer, Params, QueryParams, json_bytes},
    error::ApiResult,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default().get("/_matrix/client/v3/rooms/{roomId}/members", Access::User, members).get(
        "/_matrix/client/v3/rooms/{roomId}/joined_members",
        Access::User,
        joined_members,
    )
}

/// The number of the event with which a room's creator joins it.
const CREATOR_JOINED: i64 = 2;

#[derive(Deserialize)]
struct Query {
    at: Option<String>,
    membership: Option<Membership>,
    not_membership: Option<Membership>,
}

impl Query {
    /// Both parameters together are an "or".
    fn wants(&self, membership: Option<Membership>) -> bool {
        match (self.membership, self.not_membership) {
            (None, None) => true,
            (Some(wanted), None) => membership == Some(wanted),
            (None, Some(unwanted)) => membership != Some(unwanted),
            (Some(wanted), Some(unwanted)) => membership == Some(wanted) || membership != Some(unwanted),
        }
    }
}

async fn members(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    let rooms = &api.engine.rooms;
    let reader = rooms.reader(&actor(&session), &room_id).await?;
    let at = match &query.at {
        // Before its second event nobody is in a room. Its beginning is meant to be its creator's being there.
        Some(token) => Some(rooms.seq_at(&reader.room, &token.parse()?).await?.max(CREATOR_JOINED)),
        None => None,
    };
    let at = match (at, reader.until) {
        (Some(at), Some(until)) => Some(at.min(until)),
        (at, until) => at.or(until),
    };
    let state = rooms.state_at(&reader.room, at).await?;
    let found = state.iter().filter(|event| event.kind() == "m.room.member" && query.wants(event.pdu.membership));
    let writer = Writer::new(&api, &session, &reader, Bundles::new());
    let mut out = Vec::from(*b"{\"chunk\":");
    write_array(&mut out, found, |out, event| writer.write(out, event));
    out.push(b'}');
    Ok(json_bytes(out))
}

async fn joined_members(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
) -> ApiResult<Answer<Value>> {
    let room = api.engine.rooms.joined(&actor(&session), &room_id).await?;
    let view = room.view();
    let joined =
        view.state.of_kind("m.room.member").filter(|(_, event)| event.pdu.membership == Some(Membership::Join));
    let joined: Map<String, Value> = joined
        .map(|(user_id, event)| {
            let member = MemberContent::parse(event.pdu.content_json());
            // Clients expect both, as other servers have always written them: `null` for what there is not.
            let (name, avatar) = (member.displayname.map(String::from), member.avatar_url.map(String::from));
            (user_id.to_owned(), json!({ "display_name": name, "avatar_url": avatar }))
        })
        .collect();
    Ok(Answer(json!({ "joined": joined })))
}
