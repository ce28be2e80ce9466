//! Profiles (spec: "Profiles").

use axum::response::Response;
use im2_core::{Code, session::Session};
use im2_kernel::content::Membership;
use im2_model::UserId;
use serde_json::{Map, Value};

use im2_edge::{Api, State};
use im2_edge::{
    auth::User,
    body::{Answer, Json, Params, empty},
    error::{ApiError, ApiResult},
    limits::{Class, count_more},
    routes::{Access, Routes},
};

/// Rooms that are told of a change for the price of another change.
const ROOMS_A_UNIT: u64 = 200;

pub(super) fn routes() -> Routes {
    const FIELD: &str = "/_matrix/client/v3/profile/{userId}/{keyName}";
    Routes::default()
        .get("/_matrix/client/v3/profile/{userId}", Access::Public, get)
        .limited(Class::Lookup)
        .get(FIELD, Access::Public, get_field)
        .limited(Class::Lookup)
        .put(FIELD, Access::User, set)
        .limited(Class::Profile)
        .delete(FIELD, Access::User, remove)
        .limited(Class::Profile)
}

async fn get(
    axum::extract::State(api): State,
    Params(user_id): Params<UserId>,
) -> ApiResult<Answer<Map<String, Value>>> {
    Ok(Answer(api.engine.chat.profiles.get(user_id).await?))
}

async fn get_field(
    axum::extract::State(api): State,
    Params((user_id, name)): Params<(UserId, String)>,
) -> ApiResult<Answer<Map<String, Value>>> {
    let value = api.engine.chat.profiles.get_field(user_id, name.clone()).await?;
    Ok(Answer(Map::from_iter([(name, value)])))
}

async fn set(
    axum::extract::State(api): State,
    User(session): User,
    Params((user_id, name)): Params<(UserId, String)>,
    Json(mut body): Json<Map<String, Value>>,
) -> ApiResult<Response> {
    let Some(value) = body.remove(&name) else {
        return Err(ApiError::new(Code::MissingParam, format!("the body must have the property {name}")));
    };
    count_rooms(&api, &session, &name).await?;
    api.engine.chat.profiles.set(&session, &user_id, &name, value).await?;
    Ok(empty())
}

/// Counts the rooms that a change of name or avatar is told in, where they are very many.
async fn count_rooms(api: &Api, session: &Session, field: &str) -> ApiResult<()> {
    if !matches!(field, "displayname" | "avatar_url") {
        return Ok(());
    }
    let joined = api.engine.chat.rooms.of_user(session.user).await?.with(Membership::Join).len();
    count_more(api, session, Class::Profile, joined as u64 / ROOMS_A_UNIT)
}

async fn remove(
    axum::extract::State(api): State,
    User(session): User,
    Params((user_id, name)): Params<(UserId, String)>,
) -> ApiResult<Response> {
    count_rooms(&api, &session, &name).await?;
    api.engine.chat.profiles.remove(&session, &user_id, &name).await?;
    Ok(empty())
}
