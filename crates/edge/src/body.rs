//! Request bodies and path parameters, with the specification's errors when they are not what they should be.

use axum::{
    BoxError,
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt as _};
use http::{header, request::Parts};
use im2_core::Code;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{ApiError, ApiResult},
    limits::Unannounced,
    small_bodies::READ_LIMIT,
};

/// A JSON object body of shape `T`. Not JSON is `M_NOT_JSON`, another shape `M_BAD_JSON`.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// Like [`Json`], for endpoints whose body may be left out: nothing counts as `{}`.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

/// A body that is sent as it is made. What compresses it, or looks ahead, may ask for more after the end.
#[expect(clippy::disallowed_methods, reason = "this is what is to be used instead")]
pub fn streamed<S, B, E>(pieces: S) -> Body
where
    S: Stream<Item = Result<B, E>> + Send + 'static,
    B: Into<Bytes> + 'static,
    E: Into<BoxError> + 'static,
{
    Body::from_stream(pieces.fuse())
}

/// The body's bytes, within the size limit.
#[derive(Debug)]
pub struct RawBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        let unannounced = Unannounced::of(request.extensions());
        let read = tokio::time::timeout(READ_LIMIT, Bytes::from_request(request, state))
            .await
            .map_err(|_| ApiError::slow_body())?;
        let bytes = read.map_err(|rejection| {
            if rejection.into_response().status() == http::StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::new(Code::TooLarge, "the request body is larger than this server accepts")
            } else {
                ApiError::new(Code::Unknown, "the request body was cut off")
            }
        })?;
        if let Some(unannounced) = unannounced {
            unannounced.count(bytes.len())?;
        }
        Ok(Self(bytes))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        parse_json(&bytes).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        let empty = bytes.iter().all(u8::is_ascii_whitespace);
        parse_json(if empty { b"{}" } else { &bytes }).map(Self)
    }
}

/// Parses a JSON object, telling text that is no JSON from JSON of the wrong shape.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    let not_json =
        |error: &dyn std::fmt::Display| ApiError::new(Code::NotJson, format!("the body is not JSON: {error}"));
    // Checked for the whole of it: members that nobody reads are skipped without a look at their text.
    let text = std::str::from_utf8(bytes).map_err(|error| not_json(&error))?;
    if !text.trim_ascii_start().starts_with('{') {
        // Derived parsers would take an array for a struct, member by member.
        return match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => Err(ApiError::new(Code::BadJson, "the body must be a JSON object")),
            Err(error) => Err(not_json(&error)),
        };
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => ApiError::new(Code::BadJson, format!("the body is malformed: {error}")),
        _ => not_json(&error),
    })
}

/// Path parameters of shape `T`. What does not parse is `M_INVALID_PARAM`.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let Path(value) = Path::<T>::from_request_parts(parts, state).await.map_err(|rejection| {
            let text = rejection.body_text();
            let reason = text.strip_prefix("Invalid URL: ").unwrap_or(&text);
            ApiError::new(Code::InvalidParam, format!("a path parameter is invalid: {reason}"))
        })?;
        Ok(Self(value))
    }
}

/// Query parameters of shape `T`. What does not parse is `M_INVALID_PARAM`, what has to be there and is not
/// `M_MISSING_PARAM`.
#[derive(Debug)]
pub struct QueryParams<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let Query(value) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| wrong_query(&rejection.body_text()))?;
        Ok(Self(value))
    }
}

/// The refusal of a query, from what the parser says of it.
fn wrong_query(text: &str) -> ApiError {
    let reason = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
    // The parser has no code for it. If its words change one day, a test notices.
    match reason.strip_prefix("missing field ") {
        Some(name) => ApiError::new(Code::MissingParam, format!("the query parameter {name} is missing")),
        None => ApiError::new(Code::InvalidParam, format!("a query parameter is invalid: {reason}")),
    }
}

/// A JSON answer.
#[derive(Debug)]
pub struct Answer<T>(pub T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => json_bytes(bytes),
            Err(error) => ApiError::from(im2_core::Error::Internal(format!("answer: {error}"))).into_response(),
        }
    }
}

/// An answer that is serialised already.
pub fn json_bytes(bytes: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], bytes.into()).into_response()
}

/// The answer `{}`.
pub fn empty() -> Response {
    json_bytes("{}")
}

#[cfg(test)]
mod tests {
    use im2_fuzz::{json, text};
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::parse_json;

    proptest! {
        #[test]
        fn a_body_is_an_object_or_refused(
            bytes in prop_oneof![
                json::any_json(&["a", "user_id"]).prop_map(|value| value.to_string().into_bytes()),
                text::mutated_bytes(vec![br#" {"a":[1,{"b":"\u00e9"}],"c":null} "#.to_vec(), b"[]".to_vec()]),
            ],
        ) {
            let read = parse_json::<Map<String, Value>>(&bytes);
            match serde_json::from_slice::<Value>(&bytes) {
                Ok(Value::Object(object)) => prop_assert_eq!(read.ok(), Some(object)),
                _ => prop_assert!(read.is_err()),
            }
        }
    }
}
