//! `POST /rooms/{roomId}/upgrade` (spec: "Room upgrades").

use axum::extract::State as Extract;
use im2_engine::{Code, Error};
use im2_model::{RoomId, UserId};
use im2_rooms::version::RoomVersion;
use serde::Deserialize;
use serde_json::{Value, json};

use super::actor;
use crate::{
    State,
    auth::User,
    body::{Answer, Json, Params},
    edge::limits::Class,
    error::ApiResult,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default().post("/_matrix/client/v3/rooms/{roomId}/upgrade", Access::User, upgrade).limited(Class::Join)
}

#[derive(Deserialize)]
struct Request {
    new_version: String,
    #[serde(default)]
    additional_creators: Vec<UserId>,
}

async fn upgrade(
    Extract(api): State,
    User(session): User,
    Params(room_id): Params<RoomId>,
    Json(request): Json<Request>,
) -> ApiResult<Answer<Value>> {
    let unsupported = |error| Error::refused(Code::UnsupportedRoomVersion, format!("{error}"));
    let version: RoomVersion = request.new_version.parse().map_err(unsupported)?;
    let creators = &request.additional_creators;
    let replacement = api.engine.rooms.upgrade(&actor(&session), &room_id, version, creators).await?;
    Ok(Answer(json!({ "replacement_room": replacement })))
}
