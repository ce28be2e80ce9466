//! Rules that hold for every route: the routes are read from the table, so that none can be forgotten.

mod headers;
mod limited;
mod malformed;
mod nobody;
mod suspended;
mod world;
mod wrong_user;

use im2_edge::routes::{Access, Route};

/// The routes.
fn table() -> Vec<Route> {
    im2_api::routes().table().to_vec()
}

/// `GET /_matrix/client/v3/sync`: how the tests' own tables name a route.
fn name(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

/// Whether only somebody who is signed in may call it.
fn needs_user(route: &Route) -> bool {
    matches!(route.access, Access::User | Access::Admin)
}

/// The names of a path's parameters: `roomId`, `eventId`.
fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// The path with its parameters filled in by `value`, which is escaped.
fn fill(path: &str, value: impl Fn(&str) -> String) -> String {
    let segments =
        path.split('/').map(|segment| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(parameter) => im2_testkit::segment(&value(parameter)),
            None => segment.to_owned(),
        });
    segments.collect::<Vec<_>>().join("/")
}
