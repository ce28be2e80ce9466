//! Fetching a page or a picture from wherever a user says, without being led astray: every hop's address is resolved
//! first and checked, the connection goes to the address that was checked, and time, size and redirects are limited.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use im2_core::outbound::{Failure, Outbound, Reach, read};
use tokio::time::timeout;
use url::Url;

use super::Options;

/// Redirects that are followed. Sites use two or three (to HTTPS, to `www`, to a language).
const MAX_REDIRECTS: usize = 5;
/// The time for everything, from the first look-up to the last byte.
const DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of a page that are read: what a preview needs is at its beginning.
const MAX_PAGE: usize = 512 * 1024;
/// Bytes of a picture that are read; a larger one is left out.
const MAX_PICTURE: usize = 10 << 20;
/// Some sites serve previews only to what says it makes them.
const USER_AGENT: &str = concat!("Mozilla/5.0 (compatible; IM2/", env!("CARGO_PKG_VERSION"), "; UrlPreview; bot)");

/// The result of a fetch.
#[derive(Debug)]
pub(super) enum Fetched {
    /// An HTML page, or its beginning.
    Page { url: Url, charset: Option<String>, bytes: Bytes },
    /// A picture, by its own account.
    Picture { url: Url, bytes: Bytes },
    /// Something else, which was not read.
    Other,
}

/// Fetches. Cheap until the first use, which reads the system's certificates.
#[derive(Debug)]
pub(super) struct Fetcher {
    outbound: Outbound,
}

impl Fetcher {
    pub(crate) fn new(options: Options) -> Self {
        let Options { ports, networks, anywhere } = options;
        let (reach, ports) = if anywhere { (Reach::Anywhere, None) } else { (Reach::Public(networks), Some(ports)) };
        Self { outbound: Outbound::new(reach, ports, USER_AGENT) }
    }

    /// Fetches `url`, following redirects. `language` is the client's `Accept-Language`.
    pub(super) async fn fetch(&self, url: Url, language: Option<&str>) -> Result<Fetched, Failure> {
        timeout(DEADLINE, self.follow(url, language)).await.map_err(|_| Failure::TooSlow)?
    }

    async fn follow(&self, mut url: Url, language: Option<&str>) -> Result<Fetched, Failure> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.request(&url, language).await?;
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            match (response.status(), location) {
                (StatusCode::OK, _) => return receive(url, response).await,
                (status, Some(location)) if status.is_redirection() => {
                    url = url.join(location).map_err(|_| Failure::Status(status))?;
                }
                (status, _) => return Err(Failure::Status(status)),
            }
        }
        Err(Failure::Redirects)
    }

    async fn request(&self, url: &Url, language: Option<&str>) -> Result<Response<Incoming>, Failure> {
        let mut headers = HeaderMap::new();
        let accept = HeaderValue::from_static("text/html, application/xhtml+xml, image/*;q=0.9, */*;q=0.1");
        headers.insert(header::ACCEPT, accept);
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(language) = language {
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(language).map_err(http::Error::from)?);
        }
        self.outbound.request(url, Method::GET, headers, Bytes::new()).await
    }
}

/// Reads what the response's type makes worth reading.
async fn receive(url: Url, response: Response<Incoming>) -> Result<Fetched, Failure> {
    let (essence, charset) = content_type(response.headers());
    if matches!(&*essence, "text/html" | "application/xhtml+xml") {
        let bytes = read(response.into_body(), MAX_PAGE).await?.0;
        return Ok(Fetched::Page { url, charset, bytes });
    }
    if !essence.starts_with("image/") {
        return Ok(Fetched::Other);
    }
    let length = response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > MAX_PICTURE as u64) {
        return Err(Failure::TooLarge);
    }
    match read(response.into_body(), MAX_PICTURE).await? {
        (bytes, true) => Ok(Fetched::Picture { url, bytes }),
        (_, false) => Err(Failure::TooLarge),
    }
}

/// The type without parameters, in lower case, and the `charset` parameter.
fn content_type(headers: &HeaderMap) -> (String, Option<String>) {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_owned())
    });
    (essence, charset)
}
