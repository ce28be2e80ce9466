//! The published directory (spec: "Published room directory").

use axum::{extract::State as Extract, response::Response};
use im2_chat::rooms::{DirectoryQuery, Networks};
use im2_core::{Code, Error};
use im2_edge::{Api, State};
use im2_edge::{
    auth::{Service, User},
    body::{Answer, Json, OptionalJson, Params, QueryParams, empty},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::RoomId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::actor;

/// Rooms in a page that names no number, and at most.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/publicRooms", Access::Public, list)
        .limited(Class::Lookup)
        .post("/_matrix/client/v3/publicRooms", Access::User, search)
        .limited(Class::Search)
        .get("/_matrix/client/v3/directory/list/room/{roomId}", Access::Public, get_visibility)
        .limited(Class::Lookup)
        .put("/_matrix/client/v3/directory/list/room/{roomId}", Access::User, set_visibility)
        .put("/_matrix/client/v3/directory/list/appservice/{networkId}/{roomId}", Access::User, set_in_network)
}

#[derive(Deserialize)]
struct ListQuery {
    limit: Option<usize>,
    since: Option<String>,
    server: Option<String>,
}

#[derive(Deserialize)]
struct ServerQuery {
    server: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Search {
    limit: Option<usize>,
    since: Option<String>,
    #[serde(deserialize_with = "im2_chat::filters::object")]
    filter: Filter,
    third_party_instance_id: Option<String>,
    include_all_networks: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Filter {
    generic_search_term: Option<String>,
    room_types: Option<Vec<Option<String>>>,
}

async fn list(Extract(api): State, QueryParams(query): QueryParams<ListQuery>) -> ApiResult<Answer<Value>> {
    let ListQuery { limit, since, server } = query;
    answer(&api, server.as_deref(), Search { limit, since, ..Search::default() }).await
}

async fn search(
    Extract(api): State,
    User(_): User,
    QueryParams(ServerQuery { server }): QueryParams<ServerQuery>,
    OptionalJson(search): OptionalJson<Search>,
) -> ApiResult<Answer<Value>> {
    answer(&api, server.as_deref(), search).await
}

async fn answer(api: &Api, server: Option<&str>, search: Search) -> ApiResult<Answer<Value>> {
    if server.is_some_and(|server| server != api.engine.core.server_name.as_str()) {
        let message = "this server cannot query other servers' room directories yet";
        return Err(Error::refused(Code::NotFound, message).into());
    }
    let networks = match (search.third_party_instance_id, search.include_all_networks) {
        (None, false) => Networks::Own,
        (None, true) => Networks::All,
        (Some(network), false) => Networks::One(network),
        (Some(_), true) => {
            let message = "third_party_instance_id and include_all_networks exclude each other";
            return Err(Error::refused(Code::InvalidParam, message).into());
        }
    };
    let page = api
        .engine
        .chat
        .rooms
        .published(&DirectoryQuery {
            networks,
            search: search.filter.generic_search_term,
            room_types: search.filter.room_types,
            since: search.since.as_deref().filter(|since| !since.is_empty()).map(str::parse).transpose()?,
            limit: search.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT),
        })
        .await?;
    let mut answer = Map::new();
    answer.insert("chunk".into(), json!(page.rooms));
    answer.insert("total_room_count_estimate".into(), page.total.into());
    if let Some(next) = page.next {
        answer.insert("next_batch".into(), next.to_string().into());
    }
    if let Some(previous) = page.previous {
        answer.insert("prev_batch".into(), previous.to_string().into());
    }
    Ok(Answer(Value::Object(answer)))
}

#[derive(Serialize, Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum VisibilityName {
    #[default]
    Public,
    Private,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Visibility {
    visibility: VisibilityName,
}

async fn get_visibility(Extract(api): State, Params(room_id): Params<RoomId>) -> ApiResult<Answer<Visibility>> {
    let published = api.engine.chat.rooms.is_published(&room_id).await?;
    let visibility = if published { VisibilityName::Public } else { VisibilityName::Private };
    Ok(Answer(Visibility { visibility }))
}

#[derive(Deserialize)]
struct NetworkVisibility {
    visibility: VisibilityName,
}

async fn set_in_network(
    Extract(api): State,
    Service(service): Service,
    Params((network, room_id)): Params<(String, RoomId)>,
    Json(NetworkVisibility { visibility }): Json<NetworkVisibility>,
) -> ApiResult<Response> {
    let published = visibility == VisibilityName::Public;
    api.engine.chat.rooms.set_in_network(&service, &network, &room_id, published).await?;
    Ok(empty())
}

async fn set_visibility(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    OptionalJson(Visibility { visibility }): OptionalJson<Visibility>,
) -> ApiResult<Response> {
    let published = visibility == VisibilityName::Public;
    api.engine.chat.rooms.set_published(&actor(&session), session.is_admin, &room_id, published).await?;
    Ok(empty())
}
