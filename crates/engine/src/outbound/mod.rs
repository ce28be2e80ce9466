//! HTTP requests of ours to other servers: connections over TLS or without, to addresses that were checked before,
//! with limits on time and size.
//!
//! Who names the URL decides how far a request may reach. What a user names ([`Reach::Public`]) must not lead the
//! server to what only it can reach; what the operator configured ([`Reach::Anywhere`]) may be on the same machine.
//! The address that was checked is the one that is connected to.

pub(crate) mod address;
mod names;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
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

use address::Network;
use names::Names;

/// The time for one connection, so that there is some left for another address.
const CONNECT: Duration = Duration::from_secs(3);
/// Addresses of one host that are tried.
const MAX_ADDRESSES: usize = 3;
/// Bytes of headers.
const MAX_HEADERS: usize = 64 * 1024;

/// How far requests may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The public internet and these networks.
    Public(Vec<Network>),
    /// Every address.
    Anywhere,
}

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("only http and https are spoken, without user name and password")]
    Scheme,
    #[error("port {0} is not allowed")]
    Port(u16),
    #[error("the host has no address that may be connected to")]
    Address,
    #[error("its name cannot be resolved: {0}")]
    Name(String),
    #[error(transparent)]
    Busy(#[from] im2_fair::Busy),
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

/// A request with a body that is at hand, and what it may cost.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The time for everything, from the first look-up to the last byte.
    pub(crate) deadline: Duration,
    /// Bytes of the answer that are taken; more is [`Failure::TooLarge`].
    pub(crate) max_answer: usize,
}

/// Makes requests. Cheap until the first over TLS, which reads the system's certificates.
#[derive(Debug)]
pub(crate) struct Outbound {
    reach: Reach,
    /// The ports that may be connected to; `None` for all.
    ports: Option<Vec<u16>>,
    user_agent: &'static str,
    names: Names,
    tls: OnceCell<Arc<ClientConfig>>,
}

/// A connection's task, which ends with this.
pub(crate) struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Exchange {
    /// A request with a JSON body.
    pub(crate) fn json(method: Method, body: impl Into<Bytes>, deadline: Duration, max_answer: usize) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { method, headers, body: body.into(), deadline, max_answer }
    }
}

impl Outbound {
    pub(crate) fn new(reach: Reach, ports: Option<Vec<u16>>, user_agent: &'static str) -> Self {
        Self { reach, ports, user_agent, names: Names::default(), tls: OnceCell::new() }
    }

    /// Makes a request and reads its answer to the end, whatever its status. Redirects are not followed.
    pub(crate) async fn exchange(&self, url: &Url, exchange: Exchange) -> Result<(StatusCode, Bytes), Failure> {
        let Exchange { method, headers, body, deadline, max_answer } = exchange;
        let work = async {
            let (response, _driver) = self.request(url, method, headers, body).await?;
            let status = response.status();
            match read(response.into_body(), max_answer).await? {
                (bytes, true) => Ok((status, bytes)),
                (_, false) => Err(Failure::TooLarge),
            }
        };
        timeout(deadline, work).await.map_err(|_| Failure::TooSlow)?
    }

    /// Makes a request. The answer's body can be read as long as the driver is held.
    pub(crate) async fn request(
        &self,
        url: &Url,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(Response<Incoming>, Driver), Failure> {
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
                Some(Host::Ipv4(address)) => ServerName::from(IpAddr::from(address)),
                Some(Host::Ipv6(address)) => ServerName::from(IpAddr::from(address)),
                None => return Err(Failure::Address),
            };
            let connector = TlsConnector::from(Arc::clone(self.tls().await?));
            handshake(connector.connect(name, stream).await?).await?
        } else {
            handshake(stream).await?
        };
        let path: Uri = url[url::Position::BeforePath..url::Position::AfterQuery].parse().map_err(http::Error::from)?;
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, self.user_agent)
            .body(Full::new(body))?;
        request.headers_mut().extend(headers);
        Ok((sender.send_request(request).await?, driver))
    }

    /// Connects to one of the addresses of the URL's host that may be connected to.
    async fn connect(&self, url: &Url) -> Result<TcpStream, Failure> {
        let port = url.port_or_known_default().ok_or(Failure::Scheme)?;
        if self.ports.as_ref().is_some_and(|ports| !ports.contains(&port)) {
            return Err(Failure::Port(port));
        }
        let addresses: Vec<IpAddr> = match url.host().ok_or(Failure::Address)? {
            Host::Domain(name) => self.names.addresses(name).await?,
            Host::Ipv4(address) => vec![address.into()],
            Host::Ipv6(address) => vec![address.into()],
        };
        let mut failure = Failure::Address;
        let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, port));
        let allowed = addresses.filter(|address| self.is_allowed(*address));
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
        match &self.reach {
            Reach::Anywhere => true,
            Reach::Public(networks) => address::is_public(ip) || networks.iter().any(|network| network.contains(ip)),
        }
    }

    async fn tls(&self) -> Result<&Arc<ClientConfig>, Failure> {
        let load = || async {
            let config = spawn_blocking(|| {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    tracing::warn!("the system has no trusted certificates: https cannot be spoken with other servers");
                }
                ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
            });
            Ok(Arc::new(config.await.map_err(io::Error::other)?))
        };
        self.tls.get_or_try_init(load).await
    }
}

async fn handshake<S>(stream: S) -> Result<(http1::SendRequest<Full<Bytes>>, Driver), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new().max_buf_size(MAX_HEADERS).handshake(TokioIo::new(stream)).await?;
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::trace!(%error, "a connection to another server ended badly");
        }
    });
    Ok((sender, Driver(task.abort_handle())))
}

/// Up to `most` bytes of a body, and whether that is all of it.
pub(crate) async fn read(mut body: Incoming, most: usize) -> Result<(Bytes, bool), Failure> {
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
