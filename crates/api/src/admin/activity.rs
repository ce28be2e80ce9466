//! Figures about users' activity, shadow bans, and the features that users may use (Synapse's administration API, "User
//! Admin API", "Experimental Features API").

use std::collections::BTreeMap;

use axum::{extract::State as Extract, response::Response};
use im2_admin::moderation::Measure;
use im2_core::Code;
use im2_edge::State;
use im2_edge::{
    auth::Admin,
    body::{Answer, Json, Params, QueryParams, empty},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};
use im2_model::UserId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::paging::NoBody;

pub(super) fn routes() -> Routes {
    const SHADOW_BAN: &str = "/_synapse/admin/v1/users/{userId}/shadow_ban";
    const FEATURES: &str = "/_synapse/admin/v1/experimental_features/{userId}";
    Routes::default()
        .get("/_synapse/admin/v1/users/{userId}/sent_invite_count", Access::Admin, sent_invites)
        .get("/_synapse/admin/v1/users/{userId}/cumulative_joined_room_count", Access::Admin, joined_rooms)
        .post(SHADOW_BAN, Access::Admin, shadow_ban)
        .delete(SHADOW_BAN, Access::Admin, end_shadow_ban)
        .get(FEATURES, Access::Admin, features)
        .put(FEATURES, Access::Admin, set_features)
}

#[derive(Deserialize)]
struct Since {
    from_ts: Option<u64>,
}

impl Since {
    fn checked(&self) -> ApiResult<u64> {
        let missing = || ApiError::new(Code::MissingParam, "from_ts is missing: a time in milliseconds since 1970");
        self.from_ts.ok_or_else(missing)
    }
}

async fn sent_invites(
    Extract(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    QueryParams(since): QueryParams<Since>,
) -> ApiResult<Answer<Value>> {
    let count = api.engine.admin.users.sent_invites(&user_id, since.checked()?).await?;
    Ok(Answer(json!({ "invite_count": count })))
}

async fn joined_rooms(
    Extract(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    QueryParams(since): QueryParams<Since>,
) -> ApiResult<Answer<Value>> {
    let count = api.engine.admin.users.rooms_joined(&user_id, since.checked()?).await?;
    Ok(Answer(json!({ "cumulative_joined_room_count": count })))
}

async fn shadow_ban(
    Extract(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
    _: NoBody,
) -> ApiResult<Response> {
    api.engine.admin.moderation.set(&admin, Measure::ShadowBan, &user_id, true).await?;
    Ok(empty())
}

async fn end_shadow_ban(
    Extract(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Response> {
    api.engine.admin.moderation.set(&admin, Measure::ShadowBan, &user_id, false).await?;
    Ok(empty())
}

async fn features(Extract(api): State, Admin(_): Admin, Params(user_id): Params<UserId>) -> ApiResult<Answer<Value>> {
    Ok(Answer(json!({ "features": api.engine.admin.users.features(&user_id).await? })))
}

#[derive(Deserialize)]
struct FeaturesBody {
    features: BTreeMap<String, bool>,
}

async fn set_features(
    Extract(api): State,
    Admin(_): Admin,
    Params(user_id): Params<UserId>,
    Json(FeaturesBody { features }): Json<FeaturesBody>,
) -> ApiResult<Response> {
    api.engine.admin.users.set_features(&user_id, features).await?;
    Ok(empty())
}
