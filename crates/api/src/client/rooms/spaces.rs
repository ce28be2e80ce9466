//! The summary of a room for users who have not joined it, and the rooms of a space (spec: "Room summaries", "Spaces").

use axum::{extract::State as Extract, response::Response};
use im2_chat::rooms::{HierarchyQuery, HierarchyToken, RoomEvent, RoomOrAlias, SpaceRoom, write_array};
use im2_core::Code;
use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Params, QueryParams, json_bytes},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::RoomId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::actor;

/// Rooms in a page that names no number, and at most.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 100;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v1/room_summary/{roomIdOrAlias}", Access::User, summary)
        .get("/_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}", Access::User, summary_as_drafted)
        .get(
            "/_matrix/client/unstable/im.nheko.summary/rooms/{roomIdOrAlias}/summary",
            Access::User,
            summary_as_drafted,
        )
        .get("/_matrix/client/v1/rooms/{roomId}/hierarchy", Access::User, hierarchy)
        .limited(Class::History)
}

async fn summary(Extract(api): State, User(session): User, Params(room): Params<String>) -> ApiResult<Answer<Value>> {
    let room: RoomOrAlias = room.parse()?;
    let (summary, membership) = api.engine.chat.rooms.summary(&actor(&session), &room).await?;
    let mut answer = json!(summary);
    if let Some(membership) = membership {
        answer["membership"] = json!(membership);
    }
    Ok(Answer(answer))
}

/// The form of MSC3266 while it was a draft: its additions to listings of rooms are under names of their own.
async fn summary_as_drafted(api: State, user: User, room: Params<String>) -> ApiResult<Answer<Value>> {
    let Answer(mut answer) = summary(api, user, room).await?;
    for name in ["room_version", "encryption"] {
        if let Some(value) = answer.get(name).cloned() {
            answer[format!("im.nheko.summary.{name}")] = value;
        }
    }
    Ok(Answer(answer))
}

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    suggested_only: bool,
    limit: Option<usize>,
    max_depth: Option<usize>,
    from: Option<String>,
}

async fn hierarchy(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    QueryParams(query): QueryParams<Query>,
) -> ApiResult<Response> {
    let found = api.engine.chat.rooms.hierarchy(&actor(&session), &room_id, query.checked()?).await?;
    Ok(write_tree(found))
}

impl Query {
    /// The query as the engine knows it.
    pub(crate) fn checked(self) -> ApiResult<HierarchyQuery> {
        if self.limit == Some(0) {
            return Err(ApiError::new(Code::InvalidParam, "`limit` must be greater than zero"));
        }
        Ok(HierarchyQuery {
            suggested_only: self.suggested_only,
            max_depth: self.max_depth,
            limit: self.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT),
            from: self.from.as_deref().map(str::parse).transpose()?,
        })
    }
}

/// Writes a part of a space's tree.
pub(crate) fn write_tree((rooms, next): (Vec<SpaceRoom>, Option<HierarchyToken>)) -> Response {
    let mut out = Vec::from(*b"{\"rooms\":");
    write_array(&mut out, &rooms, write_space_room);
    if let Some(next) = next {
        out.extend_from_slice(format!(",\"next_batch\":\"{next}\"").as_bytes());
    }
    out.push(b'}');
    json_bytes(out)
}

/// Writes the summary with the children inside.
fn write_space_room(out: &mut Vec<u8>, room: &SpaceRoom) {
    let summary = json!(room.summary).to_string();
    out.extend_from_slice(summary.strip_suffix('}').unwrap_or(&summary).as_bytes());
    out.extend_from_slice(b",\"children_state\":");
    write_array(out, &room.children, |out, child| write_child(out, child));
    out.push(b'}');
}

/// Writes a child's event as stripped state with its timestamp.
fn write_child(out: &mut Vec<u8>, child: &RoomEvent) {
    let stripped = child.stripped().unwrap_or_else(|| "{}".into());
    out.extend_from_slice(stripped.strip_suffix('}').unwrap_or(&stripped).as_bytes());
    out.extend_from_slice(format!(",\"origin_server_ts\":{}}}", child.ts()).as_bytes());
}
