//! A room as it is now, for those who look in without joining, and all of one's rooms at once, as clients got them
//! before `/sync` (spec: `GET /rooms/{roomId}/initialSync`, and the deprecated `GET /initialSync`).

use axum::{extract::State as Extract, response::Response};
use im2_chat::rooms::{
    Bundles, Direction, Form, MemberList, PlaceToken, Reader, TimelineToken, Viewer, write_array, write_event,
};
use im2_core::{session::Session, stream::AccountDataChange};
use im2_edge::{Api, State};
use im2_edge::{
    auth::User,
    body::{Params, QueryParams, json_bytes},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};
use im2_kernel::content::Membership;
use im2_model::{RoomId, StreamToken};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Writer, actor};

/// Messages of a room where no number is named, and at most.
const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 100;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/rooms/{roomId}/initialSync", Access::User, of_room)
        .limited(Class::History)
        .get("/_matrix/client/v3/initialSync", Access::User, of_all)
        .limited(Class::Search)
}

#[derive(Deserialize)]
struct Query {
    limit: Option<usize>,
    #[serde(default)]
    archived: bool,
}

async fn of_room(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    let end = api.engine.sync.events.now();
    let reader = api.engine.chat.rooms.reader(&actor(&session), &room_id).await?;
    let data = api.engine.chat.account_data.all(session.user, &session.user_id).await?;
    let mut out = Vec::new();
    write_room(&mut out, &api, &session, &reader, &end, query.limit, &data).await?;
    Ok(json_bytes(out))
}

async fn of_all(
    Extract(api): State,
    User(session): User,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    let engine = &api.engine;
    let end = engine.sync.events.now();
    let data = engine.chat.account_data.all(session.user, &session.user_id).await?;
    let presence = engine.chat.presence.news(session.user, None, engine.core.ephemeral.reached()).await?;
    let presence: Vec<Value> = presence
        .into_iter()
        .map(|event| {
            let mut content = json!(event.content);
            // Where this API has always named whose presence it is.
            content["user_id"] = json!(event.sender);
            json!({ "type": "m.presence", "sender": event.sender, "content": content })
        })
        .collect();
    let mut rooms = engine.chat.rooms.of_user(session.user).await?.all();
    rooms.sort_unstable_by_key(|(room, _)| *room);
    let global: Vec<Value> = data.iter().filter(|change| change.room.is_none()).map(shown).collect();
    let head = json!({ "end": end.to_string(), "presence": presence, "account_data": global }).to_string();
    let mut out = head.into_bytes();
    out.pop();
    out.extend_from_slice(b",\"rooms\":[");
    let mut is_first = true;
    for (nid, membership) in rooms {
        let wanted = match membership.membership {
            Membership::Join | Membership::Invite => true,
            Membership::Leave | Membership::Ban => query.archived,
            Membership::Knock => false,
        };
        if !wanted {
            continue;
        }
        let room = engine.chat.rooms.by_nid(nid).await?;
        let mut one = Vec::new();
        if membership.membership == Membership::Invite {
            write_invite(&mut one, &api, &session, &room).await?;
        } else if let Some(reader) = engine.chat.rooms.reader_of(&actor(&session), room).await? {
            write_room(&mut one, &api, &session, &reader, &end, query.limit, &data).await?;
        }
        if !one.is_empty() {
            out.extend_from_slice(if is_first { b"" } else { b"," });
            out.extend_from_slice(&one);
            is_first = false;
        }
    }
    out.extend_from_slice(b"]}");
    Ok(json_bytes(out))
}

/// The room as of `end`, or as of when the reader left it.
async fn write_room(
    out: &mut Vec<u8>,
    api: &Api,
    session: &Session,
    reader: &Reader,
    end: &StreamToken,
    limit: Option<usize>,
    data: &[AccountDataChange],
) -> ApiResult<()> {
    let rooms = &api.engine.chat.rooms;
    let limit = limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let reached = rooms.seq_at(&reader.room, &PlaceToken::Stream(end.clone())).await?;
    let until = reader.until.map_or(reached, |until| until.min(reached));
    let mut events = rooms.page(reader, until + 1, None, Direction::Backward, limit, |_| true).await?.events;
    events.reverse();
    let mut state = rooms.state_without_members_at(&reader.room, until).await?;
    let stored = match rooms.member_list(&reader.room, Some(until), |_| true).await? {
        MemberList::Here(members) => {
            state.extend(members);
            None
        }
        MemberList::Stored(members) => Some(members),
    };
    let bundles = rooms.bundles(reader, &events).await?;
    let is_published = rooms.is_published(&reader.room.id).await?;
    let writer = Writer::new(api, session, reader, bundles);
    let own: Vec<Value> = data.iter().filter(|change| change.room == Some(reader.room.nid)).map(shown).collect();
    let mut head = json!({
        "room_id": reader.room.id,
        "visibility": if is_published { "public" } else { "private" },
        "account_data": own,
        // Clients of this API look for both; the news comes with `/events`.
        "presence": [],
        "receipts": [],
    });
    if let Some(membership) = reader.membership {
        head["membership"] = membership.as_str().into();
    }
    let mut head = head.to_string().into_bytes();
    head.pop();
    out.append(&mut head);
    let start = TimelineToken(events.first().map_or(until, |event| event.seq - 1));
    let end = reader.until.map_or_else(|| end.to_string(), |until| TimelineToken(until).to_string());
    out.extend_from_slice(format!(",\"messages\":{{\"start\":\"{start}\",\"end\":\"{end}\",\"chunk\":").as_bytes());
    write_array(out, &events, |out, event| writer.write(out, event));
    out.extend_from_slice(b"},\"state\":");
    write_array(out, &state, |out, event| writer.write(out, event));
    if let Some(members) = stored {
        out.pop();
        members.following(!state.is_empty()).write_all(out, writer.of_stored()).await?;
        out.push(b']');
    }
    out.push(b'}');
    Ok(())
}

/// Writes a room that the user is invited to: nothing of it is shown except the invite.
async fn write_invite(out: &mut Vec<u8>, api: &Api, session: &Session, room: &im2_chat::rooms::Room) -> ApiResult<()> {
    let Some(invite) = room.member(&api.engine.core, session.user_id.as_str()).await? else { return Ok(()) };
    let room_id = &room.id;
    out.extend_from_slice(format!("{{\"room_id\":\"{room_id}\",\"membership\":\"invite\",\"invite\":").as_bytes());
    let viewer = Viewer::of(session, &api.engine.core);
    write_event(out, &invite, Form::Full, &viewer, Membership::Invite, &Bundles::new());
    out.push(b'}');
    Ok(())
}

fn shown(change: &AccountDataChange) -> Value {
    json!({ "type": change.kind, "content": change.content })
}
