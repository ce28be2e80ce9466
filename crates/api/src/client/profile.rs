//! Profiles (spec: "Profiles").

use axum::response::Response;
use im2_engine::Code;
use im2_model::UserId;
use serde_json::{Map, Value};

use crate::{
    State,
    auth::User,
    body::{Answer, Json, Params, empty},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    const FIELD: &str = "/_matrix/client/v3/profile/{userId}/{keyName}";
    Routes::default()
        .get("/_matrix/client/v3/profile/{userId}", Access::Public, get)
        .get(FIELD, Access::Public, get_field)
        .put(FIELD, Access::User, set)
        .delete(FIELD, Access::User, remove)
}

async fn get(
    axum::extract::State(api): State,
    Params(user_id): Params<UserId>,
) -> ApiResult<Answer<Map<String, Value>>> {
    Ok(Answer(api.engine.profiles.get(user_id).await?))
}

async fn get_field(
    axum::extract::State(api): State,
    Params((user_id, name)): Params<(UserId, String)>,
) -> ApiResult<Answer<Map<String, Value>>> {
    let value = api.engine.profiles.get_field(user_id, name.clone()).await?;
    Ok(Answer(Map::from_iter([(name, value)])))
}

async fn set(
    axum::extract::State(api): State,
    User(session): User,
    Params((user_id, name)): Params<(UserId, String)>,
    Json(mut body): Json<Map<String, Value>>,
) -> ApiResult<Response> {
    let Some(value) = body.remove(&name) else {
        return Err(ApiError::new(Code::MissingParam, format!("the body has no property {name}")));
    };
    api.engine.profiles.set(&session, &user_id, &name, value).await?;
    Ok(empty())
}

async fn remove(
    axum::extract::State(api): State,
    User(session): User,
    Params((user_id, name)): Params<(UserId, String)>,
) -> ApiResult<Response> {
    api.engine.profiles.remove(&session, &user_id, &name).await?;
    Ok(empty())
}
