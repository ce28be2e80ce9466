//! Authentication as a type: a handler that takes a [`User`] cannot be reached without one.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{header, request::Parts};
use im2_engine::{Code, Error, session::Session};

use crate::{
    Api,
    edge::{
        audit,
        limits::{Class, Who},
    },
    error::{ApiError, ApiResult},
};

/// A signed-in user.
#[derive(Debug, Clone)]
pub struct User(pub Session);

/// A signed-in user who may also have been locked out: for signing out.
#[derive(Debug, Clone)]
pub struct EvenLocked(pub Session);

/// A signed-in administrator of the server.
#[derive(Debug, Clone)]
pub struct Admin(pub Session);

impl FromRequestParts<Arc<Api>> for User {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> ApiResult<Self> {
        let token = access_token(parts).ok_or_else(missing_token)?;
        let session = api.engine.accounts.authenticate(&token).await?;
        if let Some(class) = parts.extensions.get::<Class>() {
            api.limits.spend(*class, Who::User(session.user))?;
        }
        let address = api.options.proxies.client(&parts.extensions, &parts.headers);
        api.engine.accounts.note_seen(&session, address);
        Ok(Self(session))
    }
}

impl FromRequestParts<Arc<Api>> for EvenLocked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> ApiResult<Self> {
        let token = access_token(parts).ok_or_else(missing_token)?;
        Ok(Self(api.engine.accounts.authenticate_even_locked(&token).await?))
    }
}

impl FromRequestParts<Arc<Api>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> ApiResult<Self> {
        let User(session) = User::from_request_parts(parts, api).await?;
        audit::asked_by(parts, &session);
        if session.is_admin {
            Ok(Self(session))
        } else {
            Err(ApiError::new(Code::Forbidden, "this needs an administrator of the server"))
        }
    }
}

/// Runs a use case that asks for the user's password, and counts a wrong one as a failed sign-in to the account:
/// whoever has got hold of a token cannot guess the password with it.
pub(crate) async fn asking_for_password<T>(
    api: &Api,
    session: &Session,
    work: impl Future<Output = im2_engine::Result<T>>,
) -> ApiResult<T> {
    let name = Who::name(session.user_id.localpart());
    api.limits.check(Class::FailedLogin, name)?;
    let outcome = work.await;
    if let Err(Error::Challenge(challenge)) = &outcome
        && challenge.failure.is_some_and(|(code, _)| code == Code::Forbidden)
    {
        api.limits.spend(Class::FailedLogin, name)?;
    }
    Ok(outcome?)
}

fn missing_token() -> ApiError {
    ApiError::new(Code::MissingToken, "this needs an access token")
}

/// The token of the `Authorization` header or, deprecated but still in the specification, of the query.
fn access_token(parts: &Parts) -> Option<String> {
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    let query = parts.uri.query()?;
    let token = query.split('&').find_map(|pair| pair.strip_prefix("access_token="))?;
    percent_encoding::percent_decode_str(token).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}
