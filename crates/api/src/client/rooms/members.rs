//! Who is in a room (spec: "Getting events for a room").

use std::sync::Arc;

use axum::{extract::State as Extract, response::Response};
use im2_engine::rooms::{Bundles, Room, RoomEvent};
use im2_model::RoomId;
use im2_rooms::content::{MemberContent, Membership};
use serde::{Deserialize, Serialize};

use super::{Writer, actor};
use crate::{
    Api, State,
    auth::User,
    body::{Params, QueryParams, json_bytes},
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
    let writer = Writer::new(&api, &session, &reader, Bundles::new());
    let mut out = Vec::from(*b"{\"chunk\":[");
    let is_wanted = |event: &RoomEvent| query.wants(event.pdu.membership);
    write_members(&mut out, &api, &reader.room, at, is_wanted, |out, event| writer.write(out, event)).await?;
    out.extend_from_slice(b"]}");
    Ok(json_bytes(out))
}

/// A joined member. Clients expect both, as other servers have always written them: `null` for what there is not.
#[derive(Serialize)]
struct Profile {
    display_name: Option<Box<str>>,
    avatar_url: Option<Box<str>>,
}

async fn joined_members(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
) -> ApiResult<Response> {
    let room = api.engine.rooms.joined(&actor(&session), &room_id).await?;
    let mut out = Vec::from(*b"{\"joined\":{");
    let is_joined = |event: &RoomEvent| event.pdu.membership == Some(Membership::Join);
    let write = |out: &mut Vec<u8>, event: &RoomEvent| {
        let MemberContent { displayname, avatar_url, .. } = MemberContent::parse(event.pdu.content_json());
        // Writing to a vector cannot fail.
        drop(serde_json::to_writer(&mut *out, event.state_key().unwrap_or_default()));
        out.push(b':');
        drop(serde_json::to_writer(out, &Profile { display_name: displayname, avatar_url }));
    };
    write_members(&mut out, &api, &room, None, is_joined, write).await?;
    out.extend_from_slice(b"}}");
    Ok(json_bytes(out))
}

/// Writes the members of a room that are wanted, with commas between them: a page at a time, because a large room has
/// a hundred thousand.
async fn write_members(
    out: &mut Vec<u8>,
    api: &Api,
    room: &Arc<Room>,
    at: Option<i64>,
    is_wanted: impl Fn(&RoomEvent) -> bool,
    write: impl Fn(&mut Vec<u8>, &RoomEvent),
) -> ApiResult<()> {
    let (mut from, mut is_first) = (String::new(), true);
    loop {
        let (members, next) = api.engine.rooms.members_page(room, at, &from).await?;
        for member in members.iter().filter(|member| is_wanted(member)) {
            if !std::mem::take(&mut is_first) {
                out.push(b',');
            }
            write(out, member);
        }
        match next {
            Some(next) => from = next,
            None => return Ok(()),
        }
    }
}
