//! The web client's files, served from memory.
//!
//! Files under `/assets/` carry a hash of their content in their name and may be kept for ever; everything else is
//! asked for anew and answered with 304 while it has not changed. A path that is no file is a page of the client,
//! whose script finds out which.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// Content security policy of the page: it may load its own scripts, styles and workers, pictures and sounds from
/// memory, and nothing from anywhere else. `data:` pictures are the blurred previews that events carry.
///
/// The file has two policies, of which both must allow what is loaded: the first says that it comes from here, the
/// second from which paths. A path cannot be said of `'self'`, and what users have uploaded is on the same server. The
/// second names the schemes because WebKit ignores a source that begins with `*:`, and would load nothing.
const POLICIES: &str = include_str!("content-security-policy.txt");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const INDEX: &str = "/index.html";
const NOT_BUILT: &str = "This server was built without its web client: build it with `npm ci && npm run build` in \
                         the folder web, then build the server again. Any Matrix client can use this address.\n";

/// A file of the web client.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// The path at which it is served, `/assets/index-B2x9.js`.
    pub path: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// The same compressed with brotli, if that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// The same compressed with gzip, if that is smaller.
    pub gzip: Option<&'static [u8]>,
}

/// The web client, or the lack of it.
#[derive(Debug, Clone, Default)]
pub struct Web {
    files: Arc<HashMap<String, Served>>,
    policy: Policy,
}

/// The content security policy as a header.
#[derive(Debug, Clone)]
struct Policy(HeaderValue);

impl Policy {
    /// The policy of a client that may speak to these homeservers beside the one that serves it.
    fn connecting_to(homeservers: &[String]) -> Option<Self> {
        let line = |line: &str| {
            let mut sources = vec![line.to_owned()];
            if line.starts_with("connect-src ") {
                sources.extend_from_slice(homeservers);
                // Calls go through a WebSocket.
                sources.extend(
                    homeservers.iter().filter_map(|one| one.strip_prefix("http").map(|rest| format!("ws{rest}"))),
                );
            }
            sources.join(" ")
        };
        let policy = |policy: &str| policy.lines().map(line).collect::<Vec<_>>().join("; ");
        let policies = POLICIES.trim().split("\n\n").map(policy).collect::<Vec<_>>().join(", ");
        HeaderValue::from_str(&policies).ok().map(Self)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::connecting_to(&[]).expect("the file has printable characters only: a test reads it")
    }
}

#[derive(Debug)]
struct Served {
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
    content_type: HeaderValue,
    etag: HeaderValue,
}

impl Web {
    /// The files that were built into the binary.
    pub fn embedded(files: &[File]) -> Self {
        let bytes = Bytes::from_static;
        let serve = |file: &File| {
            let served = Served::new(file.path, bytes(file.plain), file.brotli.map(bytes), file.gzip.map(bytes));
            (file.path.to_owned(), served)
        };
        Self { files: Arc::new(files.iter().map(serve).collect()), policy: Policy::default() }
    }

    /// Files read while developing: path and content.
    pub fn loaded(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let serve = |(path, content): (String, Vec<u8>)| {
            let served = Served::new(&path, content.into(), None, None);
            (path, served)
        };
        Self { files: Arc::new(files.into_iter().map(serve).collect()), policy: Policy::default() }
    }

    /// Lets the client sign in to other homeservers: origins such as `https://matrix.example.org`, or `https:` for any.
    #[must_use]
    pub fn with_homeservers(mut self, homeservers: &[String]) -> Self {
        self.policy = Policy::connecting_to(homeservers).unwrap_or_default();
        self
    }

    /// The answer to a GET for `path`: a file, or the page if the client is a browser that opens an address.
    pub(super) fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        if let Some(file) = self.files.get(path) {
            return Some(file.answer(path, headers, &self.policy));
        }
        if path != "/" && !wants_page(headers) {
            return None;
        }
        let Some(index) = self.files.get(INDEX) else {
            return (path == "/").then(|| NOT_BUILT.into_response());
        };
        Some(index.answer(INDEX, headers, &self.policy))
    }
}

impl Served {
    fn new(path: &str, plain: Bytes, brotli: Option<Bytes>, gzip: Option<Bytes>) -> Self {
        let mut hasher = DefaultHasher::new();
        plain.hash(&mut hasher);
        let etag = HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish()));
        let etag = etag.expect("hexadecimal digits in quotes are a valid header");
        Self { content_type: content_type(path), etag, plain, brotli, gzip }
    }

    fn answer(&self, path: &str, request: &HeaderMap, policy: &Policy) -> Response {
        let unchanged = request.get(header::IF_NONE_MATCH).is_some_and(|known| known == self.etag);
        let (body, encoding) = self.encoded(request);
        let mut response =
            if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { Body::from(body).into_response() };
        let headers = response.headers_mut();
        if !unchanged {
            headers.insert(header::CONTENT_TYPE, self.content_type.clone());
            if let Some(encoding) = encoding {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            }
        }
        let caching = if path.starts_with("/assets/") { FOR_EVER } else { ASK_AGAIN };
        headers.insert(header::CACHE_CONTROL, caching);
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::CONTENT_SECURITY_POLICY, policy.0.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
        response
    }

    fn encoded(&self, request: &HeaderMap) -> (Bytes, Option<&'static str>) {
        let accepted = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match (&self.brotli, &self.gzip) {
            (Some(brotli), _) if accepts(accepted, "br") => (brotli.clone(), Some("br")),
            (_, Some(gzip)) if accepts(accepted, "gzip") => (gzip.clone(), Some("gzip")),
            _ => (self.plain.clone(), None),
        }
    }
}

/// Whether `Accept-Encoding` names a coding and does not rule it out with `q=0`.
fn accepts(accepted: &str, coding: &str) -> bool {
    accepted.split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// Whether a browser opens an address, rather than a script asking for something that is not there.
fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"))
}

fn content_type(path: &str) -> HeaderValue {
    let name = path.rsplit('/').next().unwrap_or_default();
    HeaderValue::from_static(match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use super::{File, Web, accepts};
    use http::{HeaderMap, HeaderValue, header};

    const FILES: &[File] = &[
        File { path: "/index.html", plain: b"<!doctype html>", brotli: None, gzip: None },
        File { path: "/assets/a-1.js", plain: b"alert(1)", brotli: Some(b"br"), gzip: Some(b"gz") },
    ];

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_best_encoding_that_the_client_takes() {
        let web = Web::embedded(FILES);
        let encoding = |accepted| {
            let response = web.answer("/assets/a-1.js", &headers(&[(header::ACCEPT_ENCODING, accepted)])).unwrap();
            assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
            response.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(encoding("gzip, deflate, br").as_deref(), Some("br"));
        assert_eq!(encoding("gzip, br;q=0").as_deref(), Some("gzip"));
        assert_eq!(encoding("identity"), None);
        assert!(accepts("BR", "br") && !accepts("brotli", "br"));
    }

    #[test]
    fn pages_are_the_index_and_other_things_are_missing() {
        let web = Web::embedded(FILES);
        let browser = headers(&[(header::ACCEPT, "text/html,*/*")]);
        let page = web.answer("/rooms/x", &browser).unwrap();
        assert_eq!(page.headers()[header::CACHE_CONTROL], "no-cache");
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        let types = "; trusted-types im2-inert-html im2-worker im2-service-worker, script-src http://*:*/assets/ ";
        assert!(policy.contains(types), "{policy}");
        assert!(!policy.contains(" *"), "WebKit wants a scheme before an asterisk: {policy}");
        assert!(web.answer("/assets/gone.js", &HeaderMap::new()).is_none());
        assert!(web.answer("/", &HeaderMap::new()).is_some());
    }

    #[test]
    fn the_client_connects_to_its_own_server_and_to_those_that_are_configured() {
        let policy = |web: Web| {
            let page = web.answer("/", &HeaderMap::new()).unwrap();
            page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
        };
        assert!(policy(Web::embedded(FILES)).contains("; connect-src 'self'; "));
        let others = ["https://matrix.example.org".to_owned(), "https://other.example".to_owned()];
        let policy = policy(Web::embedded(FILES).with_homeservers(&others));
        let sources = "https://matrix.example.org https://other.example wss://matrix.example.org wss://other.example";
        assert!(policy.contains(&format!("; connect-src 'self' {sources}; ")), "{policy}");
        assert_eq!(policy.matches("example.org").count(), 2, "{policy}");
    }

    #[test]
    fn an_unchanged_page_is_not_sent_again() {
        let web = Web::embedded(FILES);
        let first = web.answer("/", &HeaderMap::new()).unwrap();
        let mut again = HeaderMap::new();
        again.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(web.answer("/", &again).unwrap().status(), 304);
    }

    #[test]
    fn without_a_client_the_root_says_how_to_build_it() {
        let web = Web::default();
        assert_eq!(web.answer("/", &HeaderMap::new()).unwrap().status(), 200);
        assert!(web.answer("/rooms/x", &headers(&[(header::ACCEPT, "text/html")])).is_none());
    }
}
