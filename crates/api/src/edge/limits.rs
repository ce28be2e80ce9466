//! Rate limits of requests (spec: "Rate limiting", `M_LIMIT_EXCEEDED`).
//!
//! Every route has a [`Class`]. Addresses are counted by the layer before anybody is authenticated; users by the
//! extractor that authenticates them. A request costs more the longer its body is; one that does not say its length is
//! charged for it when its body has been read.

use std::{convert::Infallible, net::IpAddr, net::Ipv6Addr, sync::Arc};

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{Extensions, HeaderMap, header, request::Parts};
use im2_engine::{
    Code, Error,
    accounts::{Registered, SignedIn},
    session::Session,
};
use im2_fair::{Caller, Turns};
use im2_model::UserNid;

pub use im2_engine::rate_limits::{Class, Limits, Who};

use crate::{
    Api,
    auth::access_token,
    error::{ApiError, ApiResult},
};

/// The client's address as far as it is known. Without a peer (a caller inside the process) all share one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    pub(crate) fn of(api: &Api, extensions: &Extensions, headers: &HeaderMap) -> Self {
        Self(api.options.proxies.client(extensions, headers).unwrap_or(Ipv6Addr::UNSPECIFIED.into()))
    }
}

impl FromRequestParts<Arc<Api>> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Infallible> {
        Ok(Self::of(api, &parts.extensions, &parts.headers))
    }
}

/// The layer of every route.
pub(crate) async fn layer(State((api, class)): State<(Arc<Api>, Class)>, mut request: Request, next: Next) -> Response {
    if class.is_by_address() {
        let token = access_token(request.headers(), request.uri());
        if token.as_ref().is_some_and(|token| api.engine.core.services.by_token(token).is_some()) {
            return next.run(request).await; // one address signs in all the users of an application service
        }
        let (limits, accounts) = (&api.engine.core.limits, &api.engine.accounts);
        let cost = class.cost(announced(request.headers()).unwrap_or(0));
        let counted = match token.and_then(|token| accounts.in_use(&token)) {
            // Who is signed in does not depend on who else is behind the same address.
            Some(user) => limits.spend_more(class, Who::User(user), cost),
            None => limits.spend_at(class, ClientAddress::of(&api, request.extensions(), request.headers()).0, cost),
        };
        if let Err(refusal) = counted {
            return ApiError::from(refusal).into_response();
        }
        return next.run(request).await;
    }
    request.extensions_mut().insert(class);
    // Held until there is an answer.
    let _turn = match turns(&api, class, &request) {
        None => None,
        Some((turns, caller)) => match turns.take_for(caller, None).await {
            Ok(turn) => Some(turn),
            Err(busy) => return ApiError::from(Error::from(busy)).into_response(),
        },
    };
    next.run(request).await
}

/// Where a request has to wait for a turn, and whose turn that is: of some classes each user has one request made at a
/// time. A token that has not been used lately counts as its address. Application services make requests for many users.
fn turns<'a>(api: &'a Api, class: Class, request: &Request) -> Option<(&'a Turns, Caller)> {
    let core = &api.engine.core;
    let turns = core.limits.turns(class)?;
    let token = access_token(request.headers(), request.uri());
    if token.as_ref().is_some_and(|token| core.services.by_token(token).is_some()) {
        return None;
    }
    let caller = match token.and_then(|token| api.engine.accounts.in_use(&token)) {
        Some(user) => Caller::User(user),
        None => Caller::at(ClientAddress::of(api, request.extensions(), request.headers()).0),
    };
    Some((turns, caller))
}

/// Counts a request of an authenticated user against the class of its route.
pub(crate) fn count_user(api: &Api, session: &Session, parts: &mut Parts) -> ApiResult<()> {
    let Some(class) = parts.extensions.get::<Class>().copied().filter(|_| session.is_rate_limited()) else {
        return Ok(());
    };
    let length = announced(&parts.headers);
    api.engine.core.limits.spend_of(class, session.user, class.cost(length.unwrap_or(0)))?;
    if length.is_none() && parts.headers.contains_key(header::TRANSFER_ENCODING) {
        let limits = Arc::clone(&api.engine.core.limits);
        parts.extensions.insert(Unannounced { limits, class, user: session.user });
    }
    Ok(())
}

/// Counts what a user does besides making a request: people invited, devices reached.
pub(crate) fn count_more(api: &Api, session: &Session, class: Class, cost: u64) -> ApiResult<()> {
    if cost > 0 && session.is_rate_limited() {
        api.engine.core.limits.spend_of(class, session.user, cost)?;
    }
    Ok(())
}

/// In a request whose length is not announced: whom to charge for its body.
#[derive(Clone)]
pub(crate) struct Unannounced {
    limits: Arc<Limits>,
    class: Class,
    user: UserNid,
}

impl Unannounced {
    /// Whom to charge for the body of a request, if that has not been done.
    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().cloned()
    }

    /// Charges for a body of this length.
    pub(crate) fn count(self, length: usize) -> ApiResult<()> {
        let more = self.class.cost(length as u64) - 1;
        Ok(if more > 0 { self.limits.spend_of(self.class, self.user, more) } else { Ok(()) }?)
    }
}

/// The length that a request announces for its body.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Does what somebody may use to guess a secret (a token, an HMAC), and counts a wrong guess against their address and
/// its network. The guess is counted before it is looked at, so that many at the same time are not more than allowed.
pub(crate) async fn counting_guesses<T: Verdict>(
    api: &Api,
    ClientAddress(address): ClientAddress,
    work: impl Future<Output = im2_engine::Result<T>>,
) -> ApiResult<T> {
    let both = [(Class::AddressGuesses, Who::address(address)), (Class::NetworkGuesses, Who::network(address))];
    let reservation = api.engine.core.limits.reserve(&both)?;
    let outcome = work.await;
    if !outcome.as_ref().map_or_else(is_wrong_guess, Verdict::is_wrong_guess) {
        reservation.give_back();
    }
    Ok(outcome?)
}

fn is_wrong_guess(error: &Error) -> bool {
    let code = match error {
        Error::Challenge(challenge) => challenge.failure.map(|(code, _)| code),
        error => error.code(),
    };
    matches!(code, Some(Code::Forbidden | Code::Unauthorized | Code::UnknownToken))
}

/// What use cases answer that are told a secret.
pub(crate) trait Verdict {
    /// Whether the answer says that it was wrong.
    fn is_wrong_guess(&self) -> bool {
        false
    }
}

impl Verdict for SignedIn {}
impl Verdict for Registered {}
impl Verdict for bool {
    fn is_wrong_guess(&self) -> bool {
        !self
    }
}
