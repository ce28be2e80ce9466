//! The HTTP edge: what every route stands on. Who asks, how much, in which form, and what an error looks like.
//!
//! Nothing here decides anything about rooms, accounts or access beyond who is asking: a handler authenticates by
//! taking a [`auth::User`] or [`auth::Admin`], parses, calls one use case, serialises. Every route is declared once,
//! in a table ([`routes::Routes`]) that also says who may call it; the tests and the coverage document read it. The routes
//! themselves are with the capability that they are of.

pub mod audit;
pub mod auth;
pub mod base_url;
pub mod body;
pub mod calls;
pub mod compression;
mod cors;
mod counting;
pub mod error;
mod fallback;
pub mod guests;
mod headers;
pub mod health;
pub mod interactive;
pub mod limits;
mod middleware;
pub mod observe;
mod panics;
mod paths;
pub mod peer;
mod request_id;
pub mod routes;
pub mod small_bodies;
pub mod suspended;
pub mod token;
pub mod web;

use std::sync::Arc;

use axum::Router;
use im2_engine::Engine;

use crate::{health::Readiness, observe::Observing, peer::Proxies, routes::Routes, web::Web};

pub use middleware::JSON_BODY_LIMIT;

/// Options for the edge; filled in by the binary's configuration or by a test.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The address clients reach this server at, without a trailing slash (`https://im.example.org`), if the operator
    /// has said it.
    pub public_url: Option<String>,
    /// The trusted proxies, whose word on the client's address is taken.
    pub proxies: Proxies,
    /// Is told of each request.
    pub observer: Observing,
    /// The web client.
    pub web: Web,
    /// The body of `/.well-known/matrix/support`: the contacts for this server; `None` for none.
    pub support: Option<serde_json::Value>,
    /// Lets people in to the media of calls; `None` if the server forwards none.
    pub calls: Option<calls::Signer>,
}

/// The state that all handlers share.
#[derive(Debug)]
pub struct Api {
    /// The use cases.
    pub engine: Arc<Engine>,
    /// The edge's own settings.
    pub options: Options,
    readiness: Readiness,
}

impl Api {
    /// The edge of an engine.
    pub fn new(engine: Arc<Engine>, options: Options) -> Self {
        Self { engine, options, readiness: Readiness::default() }
    }
}

/// The state of every handler.
pub type State = axum::extract::State<Arc<Api>>;

/// The router that serves these routes, with the edge around it.
pub fn router(routes: Routes, api: Arc<Api>) -> Router {
    middleware::with_middleware(routes.into_router(&api), api)
}
