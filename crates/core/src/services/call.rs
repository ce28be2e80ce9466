//! Requests to application services (spec: "Homeserver -> Application Service API").

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use std::time::Duration;
use url::Url;

use super::service::{Service, Services};
use crate::outbound::{Exchange, Failure};

/// The `User-Agent` of our requests.
pub(crate) const USER_AGENT: &str = concat!("IM2/", env!("CARGO_PKG_VERSION"));
/// Bytes of a service's answer that are taken: lists of third-party locations are the largest.
const MAX_ANSWER: usize = 1 << 20;

/// A request in the making.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    /// The path's segments, not escaped, as the specification has it: `_matrix`, `app`, `v1` …
    path: Vec<String>,
    /// The segments of the path that older services know instead, if there was one.
    legacy: Option<Vec<String>>,
    query: Vec<(String, String)>,
    /// JSON.
    pub body: Bytes,
    deadline: Duration,
}

impl Call {
    /// A request to `/_matrix/app/v1/…`.
    pub fn new(method: Method, path: &[&str], deadline: Duration) -> Self {
        let path = ["_matrix", "app", "v1"].iter().chain(path).map(|&segment| segment.to_owned()).collect();
        Self { method, path, legacy: None, query: Vec::new(), body: Bytes::new(), deadline }
    }

    /// The same, with the path that it had before it was specified.
    #[must_use]
    pub fn or_legacy(mut self, path: &[&str]) -> Self {
        self.legacy = Some(path.iter().map(|&segment| segment.to_owned()).collect());
        self
    }

    /// The same, with these parameters.
    #[must_use]
    pub fn with_query(self, query: Vec<(String, String)>) -> Self {
        Self { query, ..self }
    }
}

impl Services {
    /// Makes a request to a service and returns its answer, whatever its status. `None` for a service that wants none.
    pub async fn call(&self, service: &Service, call: Call) -> Option<Result<Response<Bytes>, Failure>> {
        let base = service.url.as_ref()?;
        let answer = self.call_path(service, base, &call.path, &call).await;
        let Some(legacy) = &call.legacy else { return Some(answer) };
        // A service that does not know the path says so by one of these (spec: "Legacy routes").
        let is_unknown = |status| {
            matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED)
        };
        match &answer {
            Ok(answer) if is_unknown(answer.status()) && !knows_the_path(answer.body()) => {
                Some(self.call_path(service, base, legacy, &call).await)
            }
            _ => Some(answer),
        }
    }

    async fn call_path(
        &self,
        service: &Service,
        base: &Url,
        path: &[String],
        call: &Call,
    ) -> Result<Response<Bytes>, Failure> {
        let mut url = base.clone();
        url.path_segments_mut().map_err(|()| Failure::Scheme)?.pop_if_empty().extend(path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut exchange = Exchange::json(call.method.clone(), call.body.clone(), call.deadline, MAX_ANSWER);
        let mut token = HeaderValue::from_str(&format!("Bearer {}", service.hs_token)).map_err(http::Error::from)?;
        token.set_sensitive(true);
        exchange.headers.insert(header::AUTHORIZATION, token);
        self.outbound.exchange(&url, exchange).await
    }
}

/// Whether the answer is about what was asked, not about the path: an error of its own.
fn knows_the_path(bytes: &[u8]) -> bool {
    let error: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let errcode = error.as_ref().and_then(|error| error.get("errcode")?.as_str());
    errcode.is_some_and(|errcode| errcode != "M_UNRECOGNIZED")
}
