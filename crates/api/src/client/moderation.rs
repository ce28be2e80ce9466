//! Locking and suspending accounts, for administrators (spec: "Server Administration").

use im2_admin::moderation::Measure;
use im2_model::UserId;
use serde::{Deserialize, Serialize};

use im2_edge::State;
use im2_edge::{
    auth::Admin,
    body::{Answer, Json, Params},
    error::ApiResult,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    const LOCK: &str = "/_matrix/client/v1/admin/lock/{userId}";
    const SUSPEND: &str = "/_matrix/client/v1/admin/suspend/{userId}";
    Routes::default()
        .get(LOCK, Access::Admin, lock)
        .put(LOCK, Access::Admin, set_lock)
        .get(SUSPEND, Access::Admin, suspension)
        .put(SUSPEND, Access::Admin, set_suspension)
}

#[derive(Debug, Serialize, Deserialize)]
struct Lock {
    locked: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Suspension {
    suspended: bool,
}

async fn lock(
    axum::extract::State(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Answer<Lock>> {
    let locked = api.engine.admin.moderation.is_in_force(&admin, Measure::Lock, &user_id).await?;
    Ok(Answer(Lock { locked }))
}

async fn set_lock(
    axum::extract::State(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
    Json(Lock { locked }): Json<Lock>,
) -> ApiResult<Answer<Lock>> {
    api.engine.admin.moderation.set(&admin, Measure::Lock, &user_id, locked).await?;
    Ok(Answer(Lock { locked }))
}

async fn suspension(
    axum::extract::State(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
) -> ApiResult<Answer<Suspension>> {
    let suspended = api.engine.admin.moderation.is_in_force(&admin, Measure::Suspension, &user_id).await?;
    Ok(Answer(Suspension { suspended }))
}

async fn set_suspension(
    axum::extract::State(api): State,
    Admin(admin): Admin,
    Params(user_id): Params<UserId>,
    Json(Suspension { suspended }): Json<Suspension>,
) -> ApiResult<Answer<Suspension>> {
    api.engine.admin.moderation.set(&admin, Measure::Suspension, &user_id, suspended).await?;
    Ok(Answer(Suspension { suspended }))
}
