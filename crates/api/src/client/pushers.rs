//! Pushers (spec: "Push Notifications").

use axum::{extract::State as Extract, response::Response};
use im2_engine::{
    Code,
    push::{Pusher, PusherRequest},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::{
    State,
    auth::User,
    body::{Answer, Json, empty},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default().get("/_matrix/client/v3/pushers", Access::User, list).post(
        "/_matrix/client/v3/pushers/set",
        Access::User,
        set,
    )
}

async fn list(Extract(api): State, User(session): User) -> ApiResult<Answer<Value>> {
    let pushers = api.engine.pushers.list(&session).await?;
    let pushers: Vec<Value> = pushers.into_iter().map(shown).collect();
    Ok(Answer(json!({ "pushers": pushers })))
}

pub(crate) fn shown(pusher: Pusher) -> Value {
    let settings = pusher.settings;
    let mut data: Map<String, Value> = serde_json::from_str(&settings.data).unwrap_or_default();
    data.insert("url".into(), settings.url.into());
    let mut shown = json!({
        "kind": "http",
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
    api.engine.pushers.set(&session, request).await?;
    Ok(empty())
}
