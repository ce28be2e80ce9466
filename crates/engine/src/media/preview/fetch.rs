//! Fetching a page or a picture from wherever a user says, without being led astray: every hop's address is resolved
//! first and checked, the connection goes to the address that was checked, and time, size and redirects are limited.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OnceCell,
    task::{AbortHandle, spawn_blocking},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};
use url::{Host, Url};

use super::{Options, address};

/// Redirects that are followed. Sites use two or three (to HTTPS, to `www`, to a language).
const MAX_REDIRECTS: usize = 5;
/// The time for everything, from the first look-up to the last byte.
const DEADLINE: Duration = Duration::from_secs(10);
/// The time for one connection, so that there is some left for another address.
const CONNECT: Duration = Duration::from_secs(3);
/// Addresses of one host that are tried.
const MAX_ADDRESSES: usize = 3;
/// Bytes of a page that are read: what a preview needs is at its beginning.
const MAX_PAGE: usize = 512 * 1024;
/// Bytes of a picture that are read; a larger one is left out.
const MAX_PICTURE: usize = 10 << 20;
/// Bytes of headers.
const MAX_HEADERS: usize = 64 * 1024;
/// Some sites serve previews only to what says it makes them.
const USER_AGENT: &str = concat!("Mozilla/5.0 (compatible; IM2/", env!("CARGO_PKG_VERSION"), "; UrlPreview; bot)");

/// Why nothing came.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("only http and https are fetched, without user name and password")]
    Scheme,
    #[error("port {0} is not allowed")]
    Port(u16),
    #[error("the host has no address that may be fetched from")]
    Address,
    #[error("too many redirects")]
    Redirects,
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("it took too long")]
    TooSlow,
    #[error("it is too large")]
    TooLarge,
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("a request could not be made: {0}")]
    Request(#[from] http::Error),
}

/// What came.
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
    options: Options,
    tls: OnceCell<Arc<ClientConfig>>,
}

/// A connection's task, which ends with this.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Fetcher {
    pub(super) fn new(options: Options) -> Self {
        Self { options, tls: OnceCell::new() }
    }

    /// Fetches `url`, following redirects. `language` is the client's `Accept-Language`.
    pub(super) async fn fetch(&self, url: Url, language: Option<&str>) -> Result<Fetched, Failure> {
        timeout(DEADLINE, self.follow(url, language)).await.map_err(|_| Failure::TooSlow)?
    }

    async fn follow(&self, mut url: Url, language: Option<&str>) -> Result<Fetched, Failure> {
        for _ in 0..=MAX_REDIRECTS {
            let (response, _driver) = self.request(&url, language).await?;
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

    async fn request(&self, url: &Url, language: Option<&str>) -> Result<(Response<Incoming>, Driver), Failure> {
        let secure = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(Failure::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::Scheme);
        }
        let stream = self.connect(url).await?;
        let (mut sender, driver) = if secure {
            let name = match url.host() {
                Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).map_err(|_| Failure::Address)?,
                Some(Host::Ipv4(address)) => ServerName::from(std::net::IpAddr::from(address)),
                Some(Host::Ipv6(address)) => ServerName::from(std::net::IpAddr::from(address)),
                None => return Err(Failure::Address),
            };
            let connector = TlsConnector::from(Arc::clone(self.tls().await?));
            handshake(connector.connect(name, stream).await?).await?
        } else {
            handshake(stream).await?
        };
        let path: Uri = url[url::Position::BeforePath..url::Position::AfterQuery].parse().map_err(http::Error::from)?;
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::get(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "text/html, application/xhtml+xml, image/*;q=0.9, */*;q=0.1")
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(language) = language {
            request = request.header(header::ACCEPT_LANGUAGE, language);
        }
        Ok((sender.send_request(request.body(Empty::new())?).await?, driver))
    }

    /// Connects to one of the addresses of the URL's host that may be fetched from.
    async fn connect(&self, url: &Url) -> Result<TcpStream, Failure> {
        let port = url.port_or_known_default().ok_or(Failure::Scheme)?;
        if !self.options.ports.contains(&port) {
            return Err(Failure::Port(port));
        }
        let addresses: Vec<SocketAddr> = match url.host().ok_or(Failure::Address)? {
            Host::Domain(name) => tokio::net::lookup_host((name, port)).await?.collect(),
            Host::Ipv4(address) => vec![(address, port).into()],
            Host::Ipv6(address) => vec![(address, port).into()],
        };
        let mut failure = Failure::Address;
        let allowed = addresses.into_iter().filter(|address| self.is_allowed(*address));
        for address in allowed.take(MAX_ADDRESSES) {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = error.into(),
                Err(_) => failure = Failure::TooSlow,
            }
        }
        Err(failure)
    }

    fn is_allowed(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        address::is_public(ip) || self.options.networks.iter().any(|network| network.contains(ip))
    }

    async fn tls(&self) -> Result<&Arc<ClientConfig>, Failure> {
        let load = || async {
            let config = spawn_blocking(|| {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    tracing::warn!("the system has no trusted certificates: https pages have no previews");
                }
                ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
            });
            Ok(Arc::new(config.await.map_err(io::Error::other)?))
        };
        self.tls.get_or_try_init(load).await
    }
}

async fn handshake<S>(stream: S) -> Result<(http1::SendRequest<Empty<Bytes>>, Driver), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new().max_buf_size(MAX_HEADERS).handshake(TokioIo::new(stream)).await?;
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::trace!(%error, "a connection of a preview ended badly");
        }
    });
    Ok((sender, Driver(task.abort_handle())))
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

/// Up to `most` bytes of a body, and whether that is all of it.
async fn read(mut body: Incoming, most: usize) -> Result<(Bytes, bool), Failure> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if bytes.len() + data.len() > most {
            bytes.extend_from_slice(&data[..most - bytes.len()]);
            return Ok((bytes.freeze(), false));
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes.freeze(), true))
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
