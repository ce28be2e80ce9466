//! The table of routes: one line an endpoint, from which the router, the access tests and the coverage document are
//! made.

use std::sync::Arc;

use axum::{
    Router,
    handler::Handler,
    middleware::{from_fn, from_fn_with_state},
    routing::{MethodFilter, MethodRouter, on},
};
use http::Method;
use serde::Serialize;

use crate::{Api, audit, compression, counting, limits::Class, paths::old_paths};

/// The callers that an endpoint is for. The handler enforces it by the extractor it takes; the tests check that it
/// does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Anybody.
    Public,
    /// A signed-in user; what they may do in a room or to a thing is the use case's check.
    User,
    /// An administrator of the server.
    Admin,
    /// Anybody who passes user-interactive authentication or a shared secret in the request itself.
    Proof,
}

/// A line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Route {
    /// The method.
    #[serde(serialize_with = "method_as_text")]
    pub method: Method,
    /// The path, with parameters as the specification writes them: `{roomId}`.
    pub path: &'static str,
    /// The callers that it is for.
    pub access: Access,
    /// The class of requests it counts against.
    #[serde(skip)]
    pub limit: Class,
}

fn method_as_text<S: serde::Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

/// Routes in the making.
#[derive(Default)]
pub struct Routes {
    table: Vec<Route>,
    handlers: Vec<MethodRouter<Arc<Api>>>,
}

macro_rules! method {
    ($(#[$doc:meta])* $name:ident, $method:expr, $filter:expr) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
        where
            H: Handler<T, Arc<Api>>,
            T: 'static,
        {
            self.add($method, path, access, on($filter, handler))
        }
    };
}

impl Routes {
    method!(
        /// Adds a GET endpoint (which answers HEAD too).
        get, Method::GET, MethodFilter::GET
    );
    method!(
        /// Adds a PUT endpoint.
        put, Method::PUT, MethodFilter::PUT
    );
    method!(
        /// Adds a POST endpoint.
        post, Method::POST, MethodFilter::POST
    );
    method!(
        /// Adds a DELETE endpoint.
        delete, Method::DELETE, MethodFilter::DELETE
    );

    fn add(mut self, method: Method, path: &'static str, access: Access, handler: MethodRouter<Arc<Api>>) -> Self {
        let limit = default_class(&method, access);
        self.table.push(Route { method, path, access, limit });
        self.handlers.push(handler);
        self
    }

    /// Counts the endpoint added last against another class of requests than [`default_class`] has for it.
    #[must_use]
    pub fn limited(mut self, class: Class) -> Self {
        if let Some(route) = self.table.last_mut() {
            route.limit = class;
        }
        self
    }

    /// Adds all of another table.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.table.extend(other.table);
        self.handlers.extend(other.handlers);
        self
    }

    /// The lines.
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    /// The router, with the rate limits in place, and answers compressed that may be large.
    pub fn into_router(self, api: &Arc<Api>) -> Router<Arc<Api>> {
        self.table.into_iter().zip(self.handlers).fold(Router::new(), |router, (route, handler)| {
            let handler = handler.layer(from_fn_with_state((Arc::clone(api), route.limit), counting::layer));
            let handler = if route.access == Access::Admin { handler.layer(from_fn(audit::layer)) } else { handler };
            let compressed = compression::applies_to(route.path);
            let handler = if compressed { handler.layer(compression::layer()) } else { handler };
            let old = old_paths(route.path);
            let router = old.into_iter().fold(router, |router, path| router.route(&path, handler.clone()));
            router.route(route.path, handler)
        })
    }
}

/// The class of an endpoint for which its line in the table names none: there is no endpoint without a limit. Before
/// anybody is authenticated only addresses can be counted.
fn default_class(method: &Method, access: Access) -> Class {
    match access {
        Access::Public | Access::Proof => Class::Anonymous,
        Access::Admin => Class::Admin,
        Access::User if *method == Method::GET => Class::Read,
        Access::User => Class::Change,
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.table).finish()
    }
}
