//! The record of what administrators do: one line of the log, under the target `audit`, for each request to a route
//! that is theirs. Who, what, about whom, and what came of it; no bodies and no queries, which may hold secrets.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{MatchedPath, RawPathParams, Request},
    middleware::Next,
    response::Response,
};
use http::request::Parts;
use im2_core::session::Session;
use im2_model::UserId;

/// Parameters of paths that are secrets themselves.
const SECRET: &[&str] = &["token"];

/// The slot in which the extractor that authenticates leaves the user who asked.
#[derive(Debug, Clone, Default)]
struct Asker(Arc<OnceLock<UserId>>);

/// Notes who asked, administrator or not.
pub(crate) fn asked_by(parts: &Parts, session: &Session) {
    if let Some(asker) = parts.extensions.get::<Asker>() {
        // Set once a request: a second extractor would find the same user.
        let _ = asker.0.set(session.user_id.clone());
    }
}

/// The layer of the administrators' routes.
pub(crate) async fn layer(params: RawPathParams, mut request: Request, next: Next) -> Response {
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let subject = subject(&params);
    let response = next.run(request).await;
    // Who is nobody has done nothing.
    if let Some(user) = asker.0.get() {
        let (route, status) = (route.as_ref().map_or("", MatchedPath::as_str), response.status().as_u16());
        tracing::info!(target: "audit", %user, %method, route, %subject, status, "administration");
    }
    response
}

/// The path's parameters: what or whom it is about.
fn subject(params: &RawPathParams) -> String {
    let shown = |name: &str, value: &str| format!("{name}={}", if SECRET.contains(&name) { "…" } else { value });
    let shown = params.iter().map(|(name, value)| shown(name, value));
    shown.collect::<Vec<_>>().join(" ")
}
