//! `POST /createRoom`.

use axum::extract::State as Extract;
use im2_chat::rooms::{CreateRoom, InitialState, Preset, RoomVersion, Visibility};
use im2_core::{Code, Error};
use im2_edge::{Api, State};
use im2_edge::{
    auth::User,
    body::{Answer, OptionalJson},
    error::ApiResult,
    limits::{Class, count_more},
    routes::{Access, Routes},
};
use im2_model::{RoomAliasId, UserId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::actor;

pub(super) fn routes() -> Routes {
    Routes::default().post("/_matrix/client/v3/createRoom", Access::User, create).limited(Class::Join)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Request {
    preset: Option<PresetName>,
    visibility: Option<VisibilityName>,
    room_alias_name: Option<String>,
    room_version: Option<String>,
    name: Option<String>,
    topic: Option<String>,
    invite: Vec<UserId>,
    invite_3pid: Vec<Value>,
    is_direct: bool,
    creation_content: Map<String, Value>,
    initial_state: Vec<StateEvent>,
    power_level_content_override: Map<String, Value>,
}

#[derive(Deserialize)]
enum PresetName {
    #[serde(rename = "private_chat")]
    Private,
    #[serde(rename = "trusted_private_chat")]
    TrustedPrivate,
    #[serde(rename = "public_chat")]
    Public,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum VisibilityName {
    Public,
    Private,
}

#[derive(Deserialize)]
struct StateEvent {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    state_key: String,
    content: Map<String, Value>,
}

async fn create(
    Extract(api): State,
    User(session): User,
    OptionalJson(request): OptionalJson<Request>,
) -> ApiResult<Answer<Value>> {
    let request = to_engine(&api, request)?;
    count_more(&api, &session, Class::Invite, request.invite.len() as u64)?;
    if let Some(alias) = &request.alias {
        api.engine.chat.rooms.check_new_alias(session.service.as_deref(), alias)?;
    }
    let room = api.engine.chat.rooms.create(&actor(&session), request).await?;
    Ok(Answer(json!({ "room_id": room.id })))
}

fn to_engine(api: &Api, request: Request) -> Result<CreateRoom, Error> {
    if !request.invite_3pid.is_empty() {
        return Err(Error::refused(
            Code::ThreepidDenied,
            "this server does not invite by e-mail address or phone number",
        ));
    }
    let version = match &request.room_version {
        Some(text) => RoomVersion::offered(text)
            .map_err(|error| Error::refused(Code::UnsupportedRoomVersion, format!("{error}")))?,
        None => api.engine.chat.rooms.default_version(),
    };
    let alias = request.room_alias_name.map(|name| {
        let alias = RoomAliasId::parse(&format!("#{name}:{}", api.engine.core.server_name));
        alias.map_err(|_| Error::refused(Code::InvalidParam, "room_alias_name must be the part before the colon"))
    });
    Ok(CreateRoom {
        version,
        preset: request.preset.map(|preset| match preset {
            PresetName::Private => Preset::PrivateChat,
            PresetName::TrustedPrivate => Preset::TrustedPrivateChat,
            PresetName::Public => Preset::PublicChat,
        }),
        visibility: match request.visibility {
            Some(VisibilityName::Public) => Visibility::Public,
            _ => Visibility::Private,
        },
        alias: alias.transpose()?,
        name: request.name,
        topic: request.topic,
        invite: request.invite,
        is_direct: request.is_direct,
        creation_content: request.creation_content,
        initial_state: request
            .initial_state
            .into_iter()
            .map(|StateEvent { kind, state_key, content }| InitialState { kind, state_key, content })
            .collect(),
        power_level_content_override: request.power_level_content_override,
    })
}
