//! The layer around every request, whichever endpoint it is for.
//!
//! One layer does all of it: the request gets an identifier and a span, is counted and timed, is answered for CORS,
//! and a panic of its handler becomes an error answer. Rate limits sit on the routes that have one
//! ([`limits`]); body limits sit where bodies are read ([`crate::body`]).

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Method, StatusCode};
use im2_core::Code;
use im2_fair::{Caller, caller};
use tracing::Instrument as _;

use crate::{Api, cors, error::ApiError, fallback, headers, observe, panics, request_id, small_bodies};

/// The largest body of a JSON endpoint. An event may have 64 KiB; the largest legitimate requests besides are filters
/// and account data. Endpoints that take files have a limit of their own.
pub const JSON_BODY_LIMIT: usize = 1 << 20;

/// Puts the edge around the routes.
pub(crate) fn with_middleware(router: Router<Arc<Api>>, api: Arc<Api>) -> Router {
    router
        .fallback(fallback::unknown_path)
        .method_not_allowed_fallback(fallback::wrong_method)
        .layer(DefaultBodyLimit::max(JSON_BODY_LIMIT))
        .layer(from_fn_with_state(Arc::clone(&api), handle))
        .with_state(api)
}

async fn handle(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let id = request_id::of(request.headers());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(observe::NO_ROUTE, MatchedPath::as_str);
    // The route, not the path: paths carry identifiers of people and rooms. The query carries tokens.
    let span = tracing::info_span!("request", %id, method = %request.method(), route);
    let is_for_all = headers::is_for_all(request.uri().path());
    let watch = api.options.observer.watch(request.method(), route);
    // Until somebody signs in, the network is whose turn the work is done in.
    let address = api.options.proxies.client(request.extensions(), request.headers());
    let caller = Caller::at(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let mut response = caller::scope(caller, answer(request, next)).instrument(span.clone()).await;
    let elapsed = watch.finish(response.status());
    span.in_scope(|| log(response.status(), elapsed));
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(request_id::REQUEST_ID, value);
    }
    headers::complete(&api, is_for_all, response.headers_mut());
    response
}

async fn answer(request: Request, next: Next) -> Response {
    let cors = cors::applies_to(request.uri().path());
    if cors && request.method() == Method::OPTIONS {
        return cors::preflight();
    }
    let may_be_left = small_bodies::may_be_left(request.headers());
    let is_text = is_text(request.uri().path());
    let mut response = match small_bodies::taken_in(request).await {
        Ok(_) if !is_text => ApiError::new(Code::InvalidParam, "the path is not UTF-8").into_response(),
        Ok(request) => panics::caught(next.run(request)).await,
        Err(refusal) => refusal,
    };
    if may_be_left {
        small_bodies::end_connection(&mut response);
    }
    if cors {
        cors::allow(response.headers_mut());
    }
    response
}

/// Whether the path, once decoded, is UTF-8.
fn is_text(path: &str) -> bool {
    !path.contains('%') || percent_encoding::percent_decode_str(path).decode_utf8().is_ok()
}

fn log(status: StatusCode, elapsed: std::time::Duration) {
    let (status, ms) = (status.as_u16(), elapsed.as_millis() as u64);
    if status >= 500 {
        tracing::warn!(status, ms, "answered");
    } else {
        tracing::debug!(status, ms, "answered");
    }
}
