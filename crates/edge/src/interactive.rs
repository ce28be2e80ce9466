//! Requests that take user-interactive authentication (spec: "User-Interactive Authentication API").
//!
//! A client may send the parameters of its request once, and then only `auth` with each stage: what it began with is
//! kept beside the authentication, and taken where nothing else is sent. Parameters that are sent again count as they
//! are; if they ask for something else, the use case does not take the consent to the first for them.

use axum::body::Bytes;
use im2_core::{Error, session::Session};
use im2_model::UserNid;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Api, body::parse_json, error::ApiResult};

/// A request that may have to be confirmed.
pub struct Interactive<'a> {
    api: &'a Api,
    endpoint: &'static str,
    user: Option<UserNid>,
    /// The body, completed if only `auth` was sent.
    body: Bytes,
}

impl<'a> Interactive<'a> {
    /// A request to `endpoint`, of a signed-in user or of somebody who registers.
    pub fn new(api: &'a Api, endpoint: &'static str, session: Option<&Session>, sent: Bytes) -> Self {
        let user = session.map(|session| session.user);
        let began = continued(&sent).and_then(|(id, auth)| {
            let parameters = api.engine.people.accounts.parameters(&id, endpoint, user)?;
            let mut body: Map<String, Value> = serde_json::from_str(&parameters).ok()?;
            body.insert("auth".to_owned(), auth);
            Some(Value::Object(body).to_string().into())
        });
        Self { api, endpoint, user, body: began.unwrap_or(sent) }
    }

    /// The parameters with `auth`.
    pub fn parse<T: DeserializeOwned>(&self) -> ApiResult<T> {
        parse_json(&self.body)
    }

    /// The same for an endpoint whose body may be left out: nothing counts as `{}`.
    pub fn parse_optional<T: DeserializeOwned>(&self) -> ApiResult<T> {
        let is_empty = self.body.iter().all(u8::is_ascii_whitespace);
        parse_json(if is_empty { b"{}" } else { &self.body })
    }

    /// Carries the request out, or keeps its parameters while the authentication is not complete.
    pub async fn run<T>(self, work: impl Future<Output = im2_core::Result<T>>) -> im2_core::Result<T> {
        let outcome = work.await;
        if let Err(Error::Challenge(challenge)) = &outcome
            && let Some(parameters) = without_auth(&self.body)
        {
            self.api.engine.people.accounts.keep_parameters(&challenge.session, self.endpoint, self.user, &parameters);
        }
        outcome
    }

    /// The same for handlers.
    pub async fn confirm<T>(self, work: impl Future<Output = im2_core::Result<T>>) -> ApiResult<T> {
        Ok(self.run(work).await?)
    }
}

/// The session that a body goes on with and its `auth`, if there is nothing else in it.
fn continued(body: &[u8]) -> Option<(String, Value)> {
    let mut body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let auth = body.remove("auth").filter(|_| body.is_empty())?;
    let session = auth.get("session")?.as_str()?.to_owned();
    Some((session, auth))
}

/// The parameters in a body, if there are any.
fn without_auth(body: &[u8]) -> Option<String> {
    let mut body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    body.remove("auth");
    (!body.is_empty()).then(|| Value::Object(body).to_string())
}
