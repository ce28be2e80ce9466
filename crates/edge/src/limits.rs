//! Rate limits of requests (spec: "Rate limiting", `M_LIMIT_EXCEEDED`).
//!
//! Every route has a [`Class`]. Addresses are counted by the layer before anybody is authenticated
//! ([`crate::counting`]); users by the extractor that authenticates them. A request costs more the longer its body is; one that does not say its length is
//! charged for it when its body has been read.

use std::{convert::Infallible, net::IpAddr, net::Ipv6Addr, sync::Arc};

use axum::extract::FromRequestParts;
use http::{Extensions, HeaderMap, header, request::Parts};
use im2_accounts::{Registered, SignedIn};
use im2_core::{Code, Error, session::Session};
use im2_model::UserNid;

pub use im2_core::rate_limits::{Class, Limits, Who};

use crate::{Api, error::ApiResult};

/// The client's address as far as it is known. Without a peer (a caller inside the process) all share one.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

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
pub fn count_more(api: &Api, session: &Session, class: Class, cost: u64) -> ApiResult<()> {
    if cost > 0 && session.is_rate_limited() {
        api.engine.core.limits.spend_of(class, session.user, cost)?;
    }
    Ok(())
}

/// The charge for the body of a request whose length is not announced.
#[derive(Clone)]
pub(crate) struct Unannounced {
    limits: Arc<Limits>,
    class: Class,
    user: UserNid,
}

impl Unannounced {
    /// The charge for the body of a request, if it has not been made.
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
pub(crate) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Does what somebody may use to guess a secret (a token, an HMAC), and counts a wrong guess against their address and
/// its network. The guess is counted before it is looked at, so that many at the same time are not more than allowed.
pub async fn counting_guesses<T: Verdict>(
    api: &Api,
    ClientAddress(address): ClientAddress,
    work: impl Future<Output = im2_core::Result<T>>,
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

/// The result of a use case that takes a secret which could be guessed.
pub trait Verdict {
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
