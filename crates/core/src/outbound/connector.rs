//! Connections to other servers: to an address that was resolved and checked first, over TLS or without.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use im2_model::address;
use parking_lot::Mutex;
use tokio::{
    net::TcpStream,
    sync::OnceCell,
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};
use tower::Service;

use super::{Failure, Reach, names::Names};

/// The time for one connection, so that there is some left for another address.
const CONNECT: Duration = Duration::from_secs(3);
/// Addresses of one host that are tried.
const MAX_ADDRESSES: usize = 3;
/// Open connections beyond which none is kept when its request has been answered: whoever names very many hosts takes
/// no more files and memory than this. Each is some 40 KB with TLS.
pub(super) const MAX_KEPT: usize = 256;
/// The protocols that servers may choose from (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    reach: Reach,
    /// The ports that may be connected to; `None` for all.
    ports: Option<Vec<u16>>,
    names: Names,
    tls: OnceCell<Arc<ClientConfig>>,
    open: Arc<AtomicUsize>,
}

/// When a connection was made.
#[derive(Debug, Clone)]
pub(super) struct Opened(pub(super) Instant);

/// A failure on its way through the client, which gives out only references to it.
#[derive(Debug)]
pub(super) struct Carried(Mutex<Option<Failure>>);

impl Carried {
    pub(super) fn take(&self) -> Option<Failure> {
        self.0.lock().take()
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0.lock() {
            Some(failure) => failure.fmt(f),
            None => f.write_str("no connection"),
        }
    }
}

impl std::error::Error for Carried {}

impl Connector {
    pub(super) fn new(reach: Reach, ports: Option<Vec<u16>>) -> Self {
        let (names, tls, open) = (Names::default(), OnceCell::new(), Arc::default());
        Self(Arc::new(Inner { reach, ports, names, tls, open }))
    }

    /// The same, trusting what `config` trusts.
    #[cfg(test)]
    pub(super) fn trusting(reach: Reach, config: ClientConfig) -> Self {
        let tls = OnceCell::new_with(Some(Arc::new(speaking(config))));
        Self(Arc::new(Inner { reach, ports: None, names: Names::default(), tls, open: Arc::default() }))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { reach, ports, names, open, .. } = &*self.0;
        let mut debug = f.debug_struct("Connector");
        debug.field("reach", reach).field("ports", ports).field("names", names).field("open", open).finish()
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Carried;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Carried>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Carried>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.open(&uri).await.map_err(|failure| Carried(Mutex::new(Some(failure)))) })
    }
}

/// A host as a URL names it.
enum Host<'a> {
    Name(&'a str),
    Address(IpAddr),
}

impl Inner {
    async fn open(&self, uri: &Uri) -> Result<Stream, Failure> {
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        if self.ports.as_ref().is_some_and(|ports| !ports.contains(&port)) {
            return Err(Failure::Port(port));
        }
        let name = uri.host().ok_or(Failure::Address)?;
        let host = match name.trim_matches(['[', ']']).parse() {
            Ok(address) => Host::Address(address),
            Err(_) => Host::Name(name),
        };
        let stream = self.connect(&host, port).await?;
        let io = if secure {
            let name = match host {
                Host::Name(name) => ServerName::try_from(name.to_owned()).map_err(|_| Failure::Address)?,
                Host::Address(address) => ServerName::from(address),
            };
            let connector = TlsConnector::from(Arc::clone(self.tls().await?));
            Io::Tls(Box::new(TokioIo::new(connector.connect(name, stream).await?)))
        } else {
            Io::Plain(TokioIo::new(stream))
        };
        let kept = Counted::new(&self.open);
        Ok(Stream { io, opened: Opened(Instant::now()), _counted: kept.0, may_be_kept: kept.1 })
    }

    /// Connects to one of the addresses of the host that may be connected to.
    async fn connect(&self, host: &Host<'_>, port: u16) -> Result<TcpStream, Failure> {
        let addresses = match host {
            Host::Name(name) => self.names.addresses(name).await?,
            Host::Address(address) => vec![*address],
        };
        let mut failure = Failure::Address;
        let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, port));
        let allowed = addresses.filter(|address| self.is_allowed(*address));
        for address in allowed.take(MAX_ADDRESSES) {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Requests are written whole: waiting for more of them only delays.
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
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
                speaking(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
            });
            Ok(Arc::new(config.await.map_err(io::Error::other)?))
        };
        self.tls.get_or_try_init(load).await
    }
}

fn speaking(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    config
}

/// An open connection, as it is counted.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    /// Counts one more; whether it may be kept.
    fn new(open: &Arc<AtomicUsize>) -> (Self, bool) {
        let before = open.fetch_add(1, Ordering::Relaxed);
        (Self(Arc::clone(open)), before < MAX_KEPT)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection.
pub(super) struct Stream {
    io: Io,
    opened: Opened,
    may_be_kept: bool,
    _counted: Counted,
}

enum Io {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.opened.clone());
        if !self.may_be_kept {
            connected.poison();
        }
        match &self.io {
            Io::Tls(stream) if stream.inner().get_ref().1.alpn_protocol() == Some(PROTOCOLS[0]) => {
                connected.negotiated_h2()
            }
            _ => connected,
        }
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Io::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Io::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Io::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
