//! Registration tokens (Synapse's administration API, "Registration Tokens").

use axum::response::Response;
use im2_accounts::{NewRegistrationToken, RegistrationToken};
use im2_core::Code;
use im2_edge::{Api, State};
use im2_edge::{
    auth::Admin,
    body::{Answer, Json, OptionalJson, Params, QueryParams, empty},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::users::present;

pub(super) fn routes() -> Routes {
    const TOKEN: &str = "/_synapse/admin/v1/registration_tokens/{token}";
    Routes::default()
        .get("/_synapse/admin/v1/registration_tokens", Access::Admin, list)
        .post("/_synapse/admin/v1/registration_tokens/new", Access::Admin, create)
        .get(TOKEN, Access::Admin, get)
        .put(TOKEN, Access::Admin, update)
        .delete(TOKEN, Access::Admin, remove)
}

/// Nothing is ever pending: a token is counted in the step that makes the account.
fn shown(token: &RegistrationToken) -> Value {
    json!({
        "token": token.token,
        "uses_allowed": token.uses_allowed,
        "pending": 0,
        "completed": token.uses,
        "expiry_time": token.expires_at,
    })
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    valid: Option<bool>,
}

async fn list(
    axum::extract::State(api): State,
    Admin(_): Admin,
    QueryParams(query): QueryParams<ListQuery>,
) -> ApiResult<Answer<Value>> {
    let now = api.engine.core.now();
    let (mut tokens, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.engine.people.accounts.registration_tokens(&after).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.token);
        tokens.extend(
            page.iter().filter(|token| query.valid.is_none_or(|valid| token.is_valid(now) == valid)).map(shown),
        );
    }
    Ok(Answer(json!({ "registration_tokens": tokens })))
}

async fn get(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(token): Params<String>,
) -> ApiResult<Answer<Value>> {
    Ok(Answer(shown(&api.engine.people.accounts.registration_token(&token).await?)))
}

#[derive(Debug, Deserialize)]
struct CreateBody {
    token: Option<String>,
    uses_allowed: Option<i64>,
    expiry_time: Option<i64>,
    length: Option<usize>,
}

async fn create(
    axum::extract::State(api): State,
    Admin(_): Admin,
    OptionalJson(body): OptionalJson<CreateBody>,
) -> ApiResult<Answer<Value>> {
    let length = body.length.unwrap_or(16);
    if !(1..=64).contains(&length) {
        return Err(ApiError::new(Code::InvalidParam, "a registration token must have 1 to 64 characters"));
    }
    let new = NewRegistrationToken {
        token: Some(body.token.unwrap_or_else(|| api.engine.core.random.alphanumeric(length))),
        uses_allowed: body.uses_allowed.map(uses).transpose()?,
        expires_at: body.expiry_time.map(|time| expiry(&api, time)).transpose()?,
        grants_admin: false,
    };
    Ok(Answer(shown(&api.engine.people.accounts.create_registration_token(new).await?)))
}

#[derive(Debug, Deserialize)]
#[expect(clippy::option_option, reason = "what is absent stays, null is a value")]
struct UpdateBody {
    #[serde(default, deserialize_with = "present")]
    uses_allowed: Option<Option<i64>>,
    #[serde(default, deserialize_with = "present")]
    expiry_time: Option<Option<i64>>,
}

async fn update(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(token): Params<String>,
    Json(body): Json<UpdateBody>,
) -> ApiResult<Answer<Value>> {
    let uses_allowed = body.uses_allowed.map(|uses_allowed| uses_allowed.map(uses).transpose()).transpose()?;
    let expires_at = body.expiry_time.map(|time| time.map(|time| expiry(&api, time)).transpose()).transpose()?;
    let token = api.engine.people.accounts.update_registration_token(&token, uses_allowed, expires_at).await?;
    Ok(Answer(shown(&token)))
}

async fn remove(
    axum::extract::State(api): State,
    Admin(_): Admin,
    Params(token): Params<String>,
) -> ApiResult<Response> {
    api.engine.people.accounts.revoke_registration_token(&token).await?;
    Ok(empty())
}

fn uses(number: i64) -> ApiResult<u32> {
    let refused = || ApiError::new(Code::InvalidParam, "uses_allowed must be a non-negative integer or null");
    u32::try_from(number).map_err(|_| refused())
}

fn expiry(api: &Api, time: i64) -> ApiResult<u64> {
    let future = u64::try_from(time).ok().filter(|time| *time >= api.engine.core.now());
    future.ok_or_else(|| ApiError::new(Code::InvalidParam, "expiry_time must not be in the past"))
}
