//! Pushers (spec: "Push Notifications").

use axum::{
    extract::State as Extract,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use im2_core::Code;
use im2_followers::push::{Pusher, PusherKind, PusherRequest, PusherSet};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, empty},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/_matrix/client/v3/pushers", Access::User, list)
        .post("/_matrix/client/v3/pushers/set", Access::User, set)
        .post("/_matrix/client/v3/pushers/ack", Access::User, acknowledge)
}

async fn list(Extract(api): State, User(session): User) -> ApiResult<Answer<Value>> {
    let pushers = api.engine.followers.pushers.list(&session).await?;
    let pushers: Vec<Value> = pushers.into_iter().map(shown).collect();
    Ok(Answer(json!({ "pushers": pushers })))
}

pub(crate) fn shown(pusher: Pusher) -> Value {
    let settings = pusher.settings;
    let mut data: Map<String, Value> = serde_json::from_str(&settings.data).unwrap_or_default();
    data.insert("url".into(), settings.url.into());
    let mut shown = json!({
        "kind": settings.kind.as_str(),
        "app_id": settings.app_id,
        "pushkey": settings.pushkey,
        "app_display_name": settings.app_display_name,
        "device_display_name": settings.device_display_name,
        "lang": settings.lang,
        "data": data,
    });
    if let Some(tag) = settings.profile_tag {
        shown["profile_tag"] = tag.into();
    }
    if settings.kind == PusherKind::WebPush {
        shown["activated"] = pusher.activation.is_none().into();
    }
    shown
}

/// `kind`: left out, `null`, which deletes, or the name of a kind.
#[derive(Default)]
enum Kind {
    #[default]
    Missing,
    Null,
    Named(String),
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Named))
    }
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    kind: Kind,
    app_id: Option<String>,
    pushkey: Option<String>,
    app_display_name: Option<String>,
    device_display_name: Option<String>,
    lang: Option<String>,
    profile_tag: Option<String>,
    data: Option<Map<String, Value>>,
    append: Option<bool>,
}

async fn set(Extract(api): State, User(session): User, Json(body): Json<Body>) -> ApiResult<Response> {
    let missing = || ApiError::new(Code::MissingParam, "kind, app_id and pushkey are required");
    let kind = match body.kind {
        Kind::Missing => return Err(missing()),
        Kind::Null => None,
        Kind::Named(name) => Some(name),
    };
    let (Some(app_id), Some(pushkey)) = (body.app_id, body.pushkey) else { return Err(missing()) };
    let request = PusherRequest {
        kind,
        app_id,
        pushkey,
        app_display_name: body.app_display_name,
        device_display_name: body.device_display_name,
        lang: body.lang,
        profile_tag: body.profile_tag,
        data: body.data,
        append: body.append.unwrap_or(false),
    };
    Ok(match api.engine.followers.pushers.set(&session, request).await? {
        PusherSet::Done => empty(),
        PusherSet::NeedsActivation => (StatusCode::CREATED, empty()).into_response(),
    })
}

#[derive(Deserialize)]
struct Acknowledgement {
    app_id: String,
    ack_token: String,
}

async fn acknowledge(
    Extract(api): State,
    User(session): User,
    Json(body): Json<Acknowledgement>,
) -> ApiResult<Response> {
    api.engine.followers.pushers.activate(&session, body.app_id, body.ack_token).await?;
    Ok(empty())
}
