//! What paths are called now, and what they were called before.

use axum::extract::MatchedPath;
use http::{Method, request::Parts};

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
