//! Authentication as a type: a handler that takes a [`User`] cannot be reached without one.

use std::{convert::Infallible, sync::Arc};

use axum::extract::FromRequestParts;
use http::{HeaderValue, header, request::Parts};
use im2_accounts::Assertion;
use im2_core::{Code, Error, services, session::Session};
use im2_fair::{Caller, caller};
use tokio::sync::watch;

use crate::{
    Api, audit,
    error::{ApiError, ApiResult},
    guests,
    limits::{self, Class, ClientAddress, Who},
    suspended,
    token::{access_token, query_value},
};

/// A signed-in user.
#[derive(Debug, Clone)]
pub struct User(pub Session);

/// A signed-in user who may also have been locked out: for signing out.
#[derive(Debug, Clone)]
pub struct EvenLocked(pub Session);

/// A signed-in user whose request may wait for something: it ends when the session does.
#[derive(Debug)]
pub struct Waiting {
    /// The session of the user.
    pub session: Session,
    token: String,
    assertion: Assertion,
    ended: watch::Receiver<()>,
}

/// A signed-in administrator of the server.
#[derive(Debug, Clone)]
pub struct Admin(pub Session);

impl FromRequestParts<Arc<Api>> for User {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> ApiResult<Self> {
        let session = authenticated(parts, api).await?;
        limits::count_user(api, &session, parts)?;
        if api.engine.core.guests.contains(session.user) && !guests::may_call(parts) {
            return Err(ApiError::new(Code::GuestAccessForbidden, "guests cannot do this: register first"));
        }
        if api.engine.core.suspended.contains(session.user) && !suspended::may_call(parts) {
            api.engine.core.refuse_suspended(session.user)?;
        }
        let address = api.options.proxies.client(&parts.extensions, &parts.headers);
        let agent = parts.headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
        api.engine.people.accounts.note_seen(&session, address, agent);
        Ok(Self(session))
    }
}

impl FromRequestParts<Arc<Api>> for Waiting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> ApiResult<Self> {
        let ends = &api.engine.core.session_ends;
        let before = ends.count();
        let User(session) = User::from_request_parts(parts, api).await?;
        let token = access_token(&parts.headers, &parts.uri).unwrap_or_default();
        let ended = ends.watch(session.user);
        let waiting = Self { session, token, assertion: assertion(parts), ended };
        if ends.count() != before {
            // It may have ended before anybody would have been told.
            waiting.check(api).await?;
        }
        Ok(waiting)
    }
}

impl Waiting {
    /// The outcome of `work`, or, once the session has ended, at once what a new request would be answered.
    pub async fn unless_ended<T>(mut self, api: &Api, work: impl Future<Output = im2_core::Result<T>>) -> ApiResult<T> {
        self.while_open(api, work).await
    }

    /// The same where more work follows, such as the next piece of a large answer.
    pub async fn while_open<T>(&mut self, api: &Api, work: impl Future<Output = im2_core::Result<T>>) -> ApiResult<T> {
        // Boxed: as a part of this future it would be copied with it, and what it does is most of a request.
        let mut work = Box::pin(work);
        loop {
            tokio::select! {
                biased;
                Ok(()) = self.ended.changed() => self.check(api).await?,
                outcome = &mut work => {
                    if self.ended.has_changed().unwrap_or_default() {
                        self.check(api).await?;
                    }
                    return Ok(outcome?);
                }
            }
        }
    }

    async fn check(&self, api: &Api) -> ApiResult<()> {
        let session = api.engine.people.accounts.authenticate_as(&self.token, || self.assertion.clone()).await;
        session.map(drop).map_err(ApiError::from)
    }
}

impl FromRequestParts<Arc<Api>> for EvenLocked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> ApiResult<Self> {
        let accounts = &api.engine.people.accounts;
        let shown = access_token(&parts.headers, &parts.uri);
        if shown.as_ref().is_none_or(|token| api.engine.core.services.by_token(token).is_some()) {
            return Ok(Self(authenticated(parts, api).await?));
        }
        let strangers = Strangers::at(parts, api);
        strangers.admit(shown.as_deref())?;
        let outcome = accounts.authenticate_even_locked(shown.as_deref().unwrap_or_default()).await;
        let session = strangers.judge(outcome)?;
        limits::count_user(api, &session, parts)?;
        Ok(Self(session))
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
            Err(ApiError::new(Code::Forbidden, "this requires a server administrator"))
        }
    }
}

/// An application service, whoever it acts as.
#[derive(Debug, Clone)]
pub struct Service(pub Arc<services::Service>);

impl FromRequestParts<Arc<Api>> for Service {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> ApiResult<Self> {
        let User(session) = User::from_request_parts(parts, api).await?;
        let message = "this requires an application service's access token";
        session.service.map(Self).ok_or_else(|| ApiError::new(Code::Forbidden, message))
    }
}

/// The token that a request shows, for endpoints that look at it only in some cases.
#[derive(Debug, Clone)]
pub struct ShownToken(pub Option<String>);

impl FromRequestParts<Arc<Api>> for ShownToken {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Infallible> {
        Ok(Self(access_token(&parts.headers, &parts.uri)))
    }
}

/// The session of the token that a request shows.
pub(crate) async fn authenticated(parts: &Parts, api: &Api) -> ApiResult<Session> {
    let token = access_token(&parts.headers, &parts.uri);
    let strangers = Strangers::at(parts, api);
    strangers.admit(token.as_deref())?;
    let outcome = match &token {
        Some(token) => api.engine.people.accounts.authenticate_as(token, || assertion(parts)).await,
        None => Err(Error::refused(Code::MissingToken, "this requires an access token")),
    };
    strangers.judge(outcome)
}

/// Counts requests whose token is unknown or missing against their address.
struct Strangers<'a> {
    api: &'a Api,
    who: Who<'static>,
}

impl<'a> Strangers<'a> {
    fn at(parts: &Parts, api: &'a Api) -> Self {
        let ClientAddress(address) = ClientAddress::of(api, &parts.extensions, &parts.headers);
        Self { api, who: Who::address(address) }
    }

    /// Once there have been too many unknown tokens, only those that were used or given out lately are looked at:
    /// others could be guesses.
    fn admit(&self, token: Option<&str>) -> ApiResult<()> {
        let Err(refusal) = self.api.engine.core.limits.check(Class::UnknownToken, self.who) else { return Ok(()) };
        let is_expected = |token| self.api.engine.people.accounts.is_expected(token);
        if token.is_some_and(is_expected) { Ok(()) } else { Err(refusal.into()) }
    }

    /// Counts a request whose token turned out unknown or missing; makes the user of any other the caller whose turn
    /// it is.
    fn judge(&self, outcome: im2_core::Result<Session>) -> ApiResult<Session> {
        if let Err(error) = &outcome
            && matches!(error.code(), Some(Code::UnknownToken | Code::MissingToken))
        {
            self.api.engine.core.limits.spend(Class::UnknownToken, self.who)?;
        }
        let session = outcome?;
        caller::assume(Caller::User(session.user));
        Ok(session)
    }
}

/// The user and device that an application service says it acts as.
fn assertion(parts: &Parts) -> Assertion {
    let device_id = query_value(&parts.uri, "device_id");
    Assertion {
        user_id: query_value(&parts.uri, "user_id"),
        // What it was called before it was specified.
        device_id: device_id.or_else(|| query_value(&parts.uri, "org.matrix.msc3202.device_id")),
    }
}
