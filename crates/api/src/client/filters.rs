//! Uploading and reading filters (spec: "Filtering").

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, Params},
    error::ApiResult,
    routes::{Access, Routes},
};
use serde_json::{Map, Value, json, value::RawValue};

use super::account_data::check_own;

pub(super) fn routes() -> Routes {
    Routes::default().post("/_matrix/client/v3/user/{userId}/filter", Access::User, define).get(
        "/_matrix/client/v3/user/{userId}/filter/{filterId}",
        Access::User,
        definition,
    )
}

async fn define(
    User(session): User,
    axum::extract::State(api): State,
    Params(user_id): Params<String>,
    Json(definition): Json<Map<String, Value>>,
) -> ApiResult<Answer<Value>> {
    check_own(&session, &user_id)?;
    let filter_id = api.engine.chat.filters.define(session.user, &definition).await?;
    Ok(Answer(json!({ "filter_id": filter_id })))
}

async fn definition(
    User(session): User,
    axum::extract::State(api): State,
    Params((user_id, filter_id)): Params<(String, String)>,
) -> ApiResult<Answer<Box<RawValue>>> {
    check_own(&session, &user_id)?;
    Ok(Answer(api.engine.chat.filters.definition(session.user, &filter_id).await?))
}
