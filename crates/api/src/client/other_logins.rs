//! Ways to sign in beside the password: a token from another device (spec: `POST /login/get_token`), and those that
//! this server does not have, answered as the specification provides for that.

use im2_accounts::uia::Auth;
use im2_core::Code;
use serde::{Deserialize, Serialize};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, OptionalJson},
    error::{ApiError, ApiResult},
    limits::Class,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/_matrix/client/v1/login/get_token", Access::User, login_token)
        .limited(Class::Pass)
        .get("/_matrix/client/v3/login/sso/redirect", Access::Public, no_sso)
        .get("/_matrix/client/v3/login/sso/redirect/{idpId}", Access::Public, no_sso)
        .get("/_matrix/client/v1/auth_metadata", Access::Public, no_oauth)
}

#[derive(Deserialize)]
struct TokenBody {
    auth: Option<Auth>,
}

#[derive(Serialize)]
struct TokenAnswer {
    login_token: String,
    expires_in_ms: u64,
}

async fn login_token(
    axum::extract::State(api): State,
    User(session): User,
    OptionalJson(body): OptionalJson<TokenBody>,
) -> ApiResult<Answer<TokenAnswer>> {
    let made = api.engine.people.accounts.create_login_token(&session, body.auth).await?;
    Ok(Answer(TokenAnswer { login_token: made.token, expires_in_ms: made.expires_in_ms }))
}

async fn no_sso() -> ApiError {
    ApiError::new(Code::NotFound, "this server has no single sign-on: sign in with your user name and password")
}

async fn no_oauth() -> ApiError {
    ApiError::new(Code::Unrecognized, "this server does not use OAuth: sign in through /login")
}
