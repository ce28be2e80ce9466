//! Uploading and reading filters (spec: "Filtering").

use serde_json::{Map, Value, json, value::RawValue};

use super::account_data::check_own;
use crate::{
    State,
    auth::User,
    body::{Answer, Json, Params},
    error::ApiResult,
    routes::{Access, Routes},
};

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
    let filter_id = api.engine.filters.define(session.user, &definition).await?;
    Ok(Answer(json!({ "filter_id": filter_id })))
}

async fn definition(
    User(session): User,
    axum::extract::State(api): State,
    Params((user_id, filter_id)): Params<(String, String)>,
) -> ApiResult<Answer<Box<RawValue>>> {
    check_own(&session, &user_id)?;
    Ok(Answer(api.engine.filters.definition(session.user, &filter_id).await?))
}
