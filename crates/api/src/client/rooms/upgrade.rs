//! `POST /rooms/{roomId}/upgrade` (spec: "Room upgrades").

use axum::extract::State as Extract;
use im2_core::{Code, Error};
use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, Params},
    error::ApiResult,
    limits::Class,
    routes::{Access, Routes},
};
use im2_kernel::version::RoomVersion;
use im2_model::{RoomId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::actor;

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
    let version = RoomVersion::offered(&request.new_version).map_err(unsupported)?;
    let creators = &request.additional_creators;
    let replacement = api.engine.chat.rooms.upgrade(&actor(&session), &room_id, version, creators).await?;
    Ok(Answer(json!({ "replacement_room": replacement })))
}
