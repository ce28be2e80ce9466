//! Headers that every answer carries, whatever it answers: no browser guesses what it is, nothing keeps what was meant
//! for one person, and who has come by HTTPS keeps to it. An answer that has its own, as files and media have, keeps it.

use http::{HeaderMap, HeaderValue, header};

use crate::Api;

const NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// A year, as is usual. Not for subdomains: those are not this server's to speak for.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Whether what is at `path` is the same for everybody, as who the server is, so that it may be kept.
pub(super) fn is_for_all(path: &str) -> bool {
    path.starts_with("/.well-known/")
}

/// Adds them to an answer.
pub(super) fn complete(api: &Api, is_for_all: bool, headers: &mut HeaderMap) {
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(NO_SNIFFING);
    if !is_for_all {
        headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    }
    if api.options.public_url.as_deref().is_some_and(|url| url.starts_with("https://")) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
}
