//! The HTTP edge: turns requests into calls of the engine and results into the specification's JSON.
//!
//! Nothing here decides anything about rooms, accounts or access beyond who is asking: a handler authenticates by
//! taking a [`auth::User`] or [`auth::Admin`], parses, calls one use case, serialises. Every route is declared once,
//! in a table ([`routes::Routes`]) that also says who may call it; the tests and the coverage document read it.

mod admin;
pub mod auth;
mod base_url;
pub mod body;
mod client;
pub mod edge;
pub mod error;
mod guests;
mod interactive;
pub mod routes;
mod suspended;

use std::sync::Arc;

use axum::Router;
use im2_engine::Engine;

use crate::{
    edge::{health::Readiness, observe::Observing, peer::Proxies, web::Web},
    routes::Routes,
};

/// How the edge behaves; filled in by the binary's configuration or by a test.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The address clients reach this server at, without a trailing slash (`https://im.example.org`), if the operator
    /// has said it.
    pub public_url: Option<String>,
    /// Whose word on the client's address is taken.
    pub proxies: Proxies,
    /// Is told of each request.
    pub observer: Observing,
    /// The web client.
    pub web: Web,
    /// Whom to turn to about this server: the body of `/.well-known/matrix/support`; `None` for nobody.
    pub support: Option<serde_json::Value>,
}

/// What handlers are given.
#[derive(Debug)]
pub struct Api {
    /// The use cases.
    pub engine: Arc<Engine>,
    /// The edge's own settings.
    pub options: Options,
    pub(crate) readiness: Readiness,
}

impl Api {
    /// The edge of an engine.
    pub fn new(engine: Arc<Engine>, options: Options) -> Self {
        Self { engine, options, readiness: Readiness::default() }
    }
}

/// The state of every handler.
pub type State = axum::extract::State<Arc<Api>>;

/// Every route of the server.
pub fn routes() -> Routes {
    client::routes().merge(admin::routes()).merge(edge::health::routes())
}

/// The router that serves them, with the edge around it.
pub fn router(api: Arc<Api>) -> Router {
    edge::around(routes().into_router(&api), api)
}
