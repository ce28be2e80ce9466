//! Showing others who one is (spec: "OpenID"; server-server API, "OpenID").

use im2_core::Code;
use im2_model::UserId;
use serde::{Deserialize, Serialize};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, OptionalJson, Params, QueryParams},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/_matrix/client/v3/user/{userId}/openid/request_token", Access::User, create)
        .limited(Class::Pass)
        // Not for clients but for whoever was shown a token; it is all that this server has of federation.
        .get("/_matrix/federation/v1/openid/userinfo", Access::Public, redeem)
        .limited(Class::Lookup)
}

#[derive(Serialize)]
struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    matrix_server_name: String,
    expires_in: u64,
}

async fn create(
    axum::extract::State(api): State,
    User(session): User,
    Params(user_id): Params<UserId>,
    OptionalJson(_): OptionalJson<serde_json::Map<String, serde_json::Value>>,
) -> ApiResult<Answer<TokenAnswer>> {
    let made = api.engine.people.accounts.create_openid_token(&session, &user_id).await?;
    Ok(Answer(TokenAnswer {
        access_token: made.token,
        token_type: "Bearer",
        matrix_server_name: api.engine.core.server_name.to_string(),
        expires_in: made.expires_in_ms / 1_000,
    }))
}

#[derive(Deserialize)]
struct RedeemQuery {
    access_token: Option<String>,
}

#[derive(Serialize)]
struct RedeemAnswer {
    sub: String,
}

async fn redeem(
    axum::extract::State(api): State,
    QueryParams(query): QueryParams<RedeemQuery>,
) -> ApiResult<Answer<RedeemAnswer>> {
    let missing = || ApiError::new(Code::MissingToken, "the OpenID token is missing: access_token");
    let token = query.access_token.ok_or_else(missing)?;
    let (_, user_id) = api.engine.people.accounts.openid_user(&token).await?;
    Ok(Answer(RedeemAnswer { sub: user_id.to_string() }))
}
