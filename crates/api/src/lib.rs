//! The HTTP edge: turns requests into calls of the engine and results into the specification's JSON.
//!
//! Nothing here decides anything about rooms, accounts or access beyond who is asking: a handler authenticates by
//! taking a [`auth::User`] or [`auth::Admin`], parses, calls one use case, serialises. Every route is declared once,
//! in a table ([`routes::Routes`]) that also says who may call it; the tests and the coverage document read it.

mod admin;
pub mod auth;
pub mod body;
mod client;
pub mod error;
pub mod routes;

use std::sync::Arc;

use axum::Router;
use im2_engine::Engine;

use crate::routes::Routes;

/// How the edge behaves; filled in by the binary's configuration or by a test.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address clients reach this server at, without a trailing slash (`https://im.example.org`).
    pub public_url: String,
}

/// What handlers are given.
#[derive(Debug)]
pub struct Api {
    /// The use cases.
    pub engine: Arc<Engine>,
    /// The edge's own settings.
    pub options: Options,
}

/// The state of every handler.
pub type State = axum::extract::State<Arc<Api>>;

/// Every route of the server.
pub fn routes() -> Routes {
    client::routes().merge(admin::routes())
}

/// The router that serves them.
pub fn router(api: Arc<Api>) -> Router {
    routes().into_router().with_state(api)
}
