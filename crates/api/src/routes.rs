//! The table of routes: one line an endpoint, from which the router, the access tests and the coverage document are
//! made.

use std::sync::Arc;

use axum::{
    Router,
    extract::MatchedPath,
    handler::Handler,
    middleware::{from_fn, from_fn_with_state},
    routing::{MethodFilter, MethodRouter, on},
};
use http::{Method, request::Parts};
use serde::Serialize;

use crate::{
    Api,
    edge::{
        audit,
        limits::{self, Class},
    },
};

/// Who may call an endpoint. The handler enforces it by the extractor it takes; the tests check that it does.
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
    /// Who may call it.
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

    /// The router, with the rate limits in place.
    pub fn into_router(self, api: &Arc<Api>) -> Router<Arc<Api>> {
        self.table.into_iter().zip(self.handlers).fold(Router::new(), |router, (route, handler)| {
            let handler = handler.layer(from_fn_with_state((Arc::clone(api), route.limit), limits::layer));
            let handler = if route.access == Access::Admin { handler.layer(from_fn(audit::layer)) } else { handler };
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

/// What the beginnings of paths are now, and what they were: `v3` before the specification had releases, the content
/// repository before that, profiles while fields of one's own were a draft.
const RENAMED: [(&str, &str); 4] = [
    ("/_matrix/client/v3/", "/_matrix/client/r0/"),
    ("/_matrix/media/v3/", "/_matrix/media/r0/"),
    ("/_matrix/media/v3/", "/_matrix/media/v1/"),
    ("/_matrix/client/v3/profile/", "/_matrix/client/unstable/uk.tcpip.msc4133/profile/"),
];

/// What an endpoint was called before it had its present path. Clients of that time and suites of tests still use the
/// names, and all that they mean is the same.
fn old_paths(path: &str) -> Vec<String> {
    let renamed = |(new, old): &(&str, &str)| path.strip_prefix(new).map(|rest| format!("{old}{rest}"));
    RENAMED.iter().filter_map(renamed).collect()
}

/// The present path of an endpoint that may have been called by its old one.
pub(crate) fn present_path(path: &str) -> std::borrow::Cow<'_, str> {
    let present = |(new, old): &(&str, &str)| path.strip_prefix(old).map(|rest| format!("{new}{rest}").into());
    RENAMED.iter().find_map(present).unwrap_or(path.into())
}

/// Whether the request is for one of these routes, given by method and present path. What answers GET answers HEAD too.
pub(crate) fn is_one_of(parts: &Parts, routes: &[(Method, &str)]) -> bool {
    let path = parts.extensions.get::<MatchedPath>().map(|path| present_path(path.as_str()));
    let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
    routes.iter().any(|(allowed, route)| allowed == method && Some(*route) == path.as_deref())
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.table).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Access;
    use im2_engine::rate_limits::By;

    #[test]
    fn a_class_counts_whom_its_routes_know() {
        for route in crate::routes().table() {
            let expected = match route.access {
                Access::Public | Access::Proof => By::Address,
                Access::User | Access::Admin => By::User,
            };
            assert_eq!(route.limit.description().by, expected, "{} {}", route.method, route.path);
        }
    }
}
