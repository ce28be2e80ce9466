//! Present paths of endpoints, and their earlier ones.

use axum::extract::MatchedPath;
use http::{Method, request::Parts};

/// The beginnings of paths, present and earlier: `v3` before the specification had releases, the content repository
/// before that, profiles while custom fields were a draft.
const RENAMED: [(&str, &str); 4] = [
    ("/_matrix/client/v3/", "/_matrix/client/r0/"),
    ("/_matrix/media/v3/", "/_matrix/media/r0/"),
    ("/_matrix/media/v3/", "/_matrix/media/v1/"),
    ("/_matrix/client/v3/profile/", "/_matrix/client/unstable/uk.tcpip.msc4133/profile/"),
];

/// The earlier paths of an endpoint. Clients of that time and test suites still use them, and they all mean the same.
pub(crate) fn old_paths(path: &str) -> Vec<String> {
    let renamed = |(new, old): &(&str, &str)| path.strip_prefix(new).map(|rest| format!("{old}{rest}"));
    RENAMED.iter().filter_map(renamed).collect()
}

/// The present path of an endpoint that may have been called by its old one.
fn present_path(path: &str) -> std::borrow::Cow<'_, str> {
    let present = |(new, old): &(&str, &str)| path.strip_prefix(old).map(|rest| format!("{new}{rest}").into());
    RENAMED.iter().find_map(present).unwrap_or(path.into())
}

/// Whether the request is for one of these routes, given by method and present path. What answers GET answers HEAD too.
pub(crate) fn is_one_of(parts: &Parts, routes: &[(Method, &str)]) -> bool {
    let path = parts.extensions.get::<MatchedPath>().map(|path| present_path(path.as_str()));
    let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
    routes.iter().any(|(allowed, route)| allowed == method && Some(*route) == path.as_deref())
}
