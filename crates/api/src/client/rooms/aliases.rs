//! Room aliases (spec: "Room aliases").

use axum::{extract::State as Extract, response::Response};
use http::StatusCode;
use im2_core::{Code, session::Session};
use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, Params, empty},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};
use im2_model::{RoomAliasId, RoomId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::actor;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/directory/room/{roomAlias}", Access::Public, resolve)
        .limited(Class::Lookup)
        .put("/_matrix/client/v3/directory/room/{roomAlias}", Access::User, add)
        .delete("/_matrix/client/v3/directory/room/{roomAlias}", Access::User, remove)
        .get("/_matrix/client/v3/rooms/{roomId}/aliases", Access::User, of_room)
}

async fn resolve(Extract(api): State, Params(alias): Params<RoomAliasId>) -> ApiResult<Answer<Value>> {
    let room = api.engine.chat.rooms.by_alias(&alias).await?;
    Ok(Answer(json!({ "room_id": room.id, "servers": [api.engine.core.server_name] })))
}

#[derive(Deserialize)]
struct Target {
    room_id: RoomId,
}

async fn add(
    Extract(api): State,
    User(session): User,
    Params(alias): Params<RoomAliasId>,
    Json(Target { room_id }): Json<Target>,
) -> ApiResult<Response> {
    api.engine.chat.rooms.check_new_alias(session.service.as_deref(), &alias)?;
    let taken = format!("the alias {alias} already exists");
    match api.engine.chat.rooms.add_alias(&actor(&session), alias, &room_id, session.service.is_some()).await {
        Err(error) if error.code() == Some(Code::RoomInUse) => {
            Err(ApiError::new(Code::Unknown, taken).status(StatusCode::CONFLICT))
        }
        outcome => Ok(outcome.map(|()| empty())?),
    }
}

async fn remove(Extract(api): State, User(session): User, Params(alias): Params<RoomAliasId>) -> ApiResult<Response> {
    let Session { is_admin, service, .. } = &session;
    if !is_admin {
        api.engine.chat.rooms.check_alias_is_free_for(service.as_deref(), &alias)?;
    }
    let manages_it = *is_admin || service.as_ref().is_some_and(|service| service.owns_alias(&alias));
    api.engine.chat.rooms.remove_alias(&actor(&session), manages_it, &alias).await?;
    Ok(empty())
}

async fn of_room(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
) -> ApiResult<Answer<Value>> {
    let aliases = api.engine.chat.rooms.aliases(&actor(&session), &room_id).await?;
    Ok(Answer(json!({ "aliases": aliases })))
}
