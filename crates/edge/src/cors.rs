//! Cross-origin requests: clients in a browser may come from any page (spec: "Web Browser Clients").

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS");
const HEADERS: HeaderValue =
    HeaderValue::from_static("X-Requested-With, Content-Type, Authorization, Range, If-None-Match, X-Request-Id");
/// The headers that a page may read of an answer, beyond the body and its type: when to come again, the name of a
/// download, the place of a part in it, and the identifier to name when reporting a fault.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Retry-After, Content-Disposition, Content-Range, Accept-Ranges, ETag, X-Request-Id");
/// How long a browser may remember a preflight's answer: a day, which browsers shorten as they like.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Whether a path belongs to what other origins may use. Everything else is for the web client, which is ours.
pub(super) fn applies_to(path: &str) -> bool {
    ["/_matrix/", "/.well-known/matrix/", "/_synapse/", "/livekit/jwt/"].iter().any(|prefix| path.starts_with(prefix))
}

/// The answer to a preflight: the same for every path, without authentication and without running a handler.
pub(super) fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    allow(response.headers_mut());
    response
}

/// Adds what lets pages of other origins read an answer.
pub(super) fn allow(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}
