//! Requests that no route is for (spec: "API Standards", `M_UNRECOGNIZED`).

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{Method, StatusCode};
use im2_core::Code;

use crate::{Api, error::ApiError};

/// Paths of the interfaces. What is not among them may be a page of the web client.
const INTERFACES: [&str; 4] = ["/_matrix", "/_synapse", "/.well-known", "/health"];

/// A path without a route: the web client's, or unknown.
pub(super) async fn unknown_path(State(api): State<Arc<Api>>, request: Request) -> Response {
    let path = request.uri().path();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads
        && !INTERFACES.iter().any(|prefix| path.starts_with(prefix))
        && let Some(response) = api.options.web.answer(path, request.headers())
    {
        return response;
    }
    ApiError::new(Code::Unrecognized, "there is no such endpoint").into_response()
}

/// A path with routes, none of which has this method.
pub(super) async fn wrong_method() -> Response {
    ApiError::new(Code::Unrecognized, "this endpoint does not support this method")
        .status(StatusCode::METHOD_NOT_ALLOWED)
        .into_response()
}
