//! The members of a room (spec: "Getting events for a room").

use axum::{extract::State as Extract, response::Response};
use im2_chat::rooms::{Bundles, MemberList, StoredMember, write_array};
use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Params, QueryParams, json_bytes},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};
use im2_kernel::content::{MemberProfile, Membership};
use im2_model::RoomId;
use serde::Deserialize;

use super::{Writer, actor, member_list};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/rooms/{roomId}/members", Access::User, members)
        .limited(Class::History)
        .get("/_matrix/client/v3/rooms/{roomId}/joined_members", Access::User, joined_members)
        .limited(Class::History)
}

/// The number of the event with which a room's creator joins it.
const CREATOR_JOINED: i64 = 2;

#[derive(Debug, Deserialize)]
struct Query {
    at: Option<String>,
    membership: Option<Membership>,
    not_membership: Option<Membership>,
}

async fn members(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    let rooms = &api.engine.chat.rooms;
    let at = rooms.place_if_given(query.at.as_deref()).await?;
    let reader = rooms.reader(&actor(&session), &room_id).await?;
    let at = match &at {
        // Before its second event nobody is in a room. Its beginning is meant to be its creator's being there.
        Some(place) => Some(rooms.seq_at(&reader.room, place).await?.max(CREATOR_JOINED)),
        None => None,
    };
    let at = match (at, reader.until) {
        (Some(at), Some(until)) => Some(at.min(until)),
        (at, until) => at.or(until),
    };
    let Query { membership, not_membership, .. } = query;
    let list = rooms.member_list(&reader.room, at, move |found| wants(membership, not_membership, found)).await?;
    let writer = Writer::new(&api, &session, &reader, Bundles::new());
    let mut out = Vec::from(*b"{\"chunk\":");
    match list {
        MemberList::Here(members) => {
            write_array(&mut out, &members, |out, event| writer.write(out, event));
            out.push(b'}');
            Ok(json_bytes(out))
        }
        MemberList::Stored(members) => {
            out.push(b'[');
            member_list::respond(out, members, writer.of_stored(), b"]}").await
        }
    }
}

/// Whether a membership is asked for. Both parameters together are an "or".
fn wants(wanted: Option<Membership>, unwanted: Option<Membership>, found: Option<Membership>) -> bool {
    match (wanted, unwanted) {
        (None, None) => true,
        (Some(_), None) => found == wanted,
        (None, Some(_)) => found != unwanted,
        (Some(_), Some(_)) => found == wanted || found != unwanted,
    }
}

async fn joined_members(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
) -> ApiResult<Response> {
    let rooms = &api.engine.chat.rooms;
    let room = rooms.joined(&actor(&session), &room_id).await?;
    let list = rooms.member_list(&room, None, |found| found == Some(Membership::Join)).await?;
    let mut out = Vec::from(*b"{\"joined\":{");
    match list {
        MemberList::Here(members) => {
            for (index, event) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                // Writing to a vector cannot fail.
                drop(serde_json::to_writer(&mut out, event.state_key().unwrap_or_default()));
                write_profile(&mut out, event.state_content().unwrap_or("{}"));
            }
            out.extend_from_slice(b"}}");
            Ok(json_bytes(out))
        }
        MemberList::Stored(members) => {
            let write = |out: &mut Vec<u8>, member: &StoredMember<'_>| {
                out.extend_from_slice(member.user_id_json().as_bytes());
                write_profile(out, member.content_json());
                true
            };
            member_list::respond(out, members, write, b"}}").await
        }
    }
}

/// Writes a joined member behind its name. Clients expect both, as other servers have always written them: `null` for
/// what there is not.
fn write_profile(out: &mut Vec<u8>, content: &str) {
    let profile = MemberProfile::read(content);
    for part in [":{\"display_name\":", profile.displayname_json(), ",\"avatar_url\":", profile.avatar_url_json(), "}"]
    {
        out.extend_from_slice(part.as_bytes());
    }
}
