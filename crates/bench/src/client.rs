//! A lean HTTP/1.1 client: one keep-alive connection, one request at a time, no pool and no redirects.
//!
//! The generator runs beside the server, so what it spends per operation matters: the connection is driven inside
//! the task that waits for the answer, which saves the second task and the wake-ups between the two.

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};

/// Answers above this size are refused; the largest expected is an initial sync of a big account.
const MAX_ANSWER_BYTES: usize = 512 << 20;

/// The address at which a server listens.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The address connections are opened to.
    pub address: SocketAddr,
    /// The value of the `Host` header.
    pub host: HeaderValue,
    /// The address connections are opened from; without one, the system chooses. Servers count what is done by address.
    pub local: Option<IpAddr>,
}

impl Endpoint {
    /// The same server, spoken to from another address.
    #[must_use]
    pub fn from_address(&self, local: IpAddr) -> Self {
        Self { local: Some(local), ..self.clone() }
    }

    /// Opens a connection.
    pub async fn open(&self) -> std::io::Result<TcpStream> {
        let Some(local) = self.local else { return TcpStream::connect(self.address).await };
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(local, 0))?;
        socket.connect(self.address).await
    }
}

/// A request to send.
#[derive(Debug)]
pub struct Call<'a> {
    /// The HTTP method.
    pub method: Method,
    /// Path and query, percent-encoded.
    pub path: Bytes,
    /// The `Authorization` header.
    pub authorization: Option<&'a HeaderValue>,
    /// A JSON body; empty for none.
    pub body: Bytes,
    /// How long the whole exchange may take.
    pub limit: Duration,
}

/// An answer with its whole body.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// Errors of a request that got no answer.
#[derive(Debug)]
pub enum CallError {
    /// No connection could be opened.
    Connect(std::io::Error),
    /// The connection broke or did not speak HTTP.
    Http(hyper::Error),
    /// The request is not valid HTTP.
    Request(http::Error),
    /// The time limit passed.
    Timeout,
    /// The body exceeds what the generator accepts.
    TooLarge,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Http(error) => write!(f, "connection failed: {error}"),
            Self::Request(error) => write!(f, "invalid request: {error}"),
            Self::Timeout => f.write_str("timed out"),
            Self::TooLarge => f.write_str("answer too large"),
        }
    }
}

impl std::error::Error for CallError {}

impl CallError {
    /// Whether the server may simply have closed a connection that it held idle.
    fn is_stale_connection(&self) -> bool {
        matches!(self, Self::Http(error) if error.is_canceled() || error.is_closed() || error.is_incomplete_message())
    }
}

/// One keep-alive connection, opened at the first call and reopened when the server has closed it.
#[derive(Debug)]
pub struct Connection {
    endpoint: Endpoint,
    link: Option<Link>,
    reconnects: u64,
}

impl Connection {
    /// A connection that is not open yet.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, link: None, reconnects: 0 }
    }

    /// How often a connection closed by the server was reopened to repeat a request.
    pub fn reconnects(&self) -> u64 {
        self.reconnects
    }

    /// Sends a request and reads the answer. When a connection that was used before turns out to be closed, a
    /// request that is idempotent is repeated once on a new one, as every HTTP client does.
    pub async fn call(&mut self, call: &Call<'_>) -> Result<Answer, CallError> {
        tokio::time::timeout(call.limit, self.call_or_repeat(call)).await.unwrap_or(Err(CallError::Timeout))
    }

    async fn call_or_repeat(&mut self, call: &Call<'_>) -> Result<Answer, CallError> {
        let reused = self.link.is_some();
        match self.call_once(call).await {
            Err(error) if reused && call.method != Method::POST && error.is_stale_connection() => {
                self.reconnects += 1;
                self.call_once(call).await
            }
            answer => answer,
        }
    }

    async fn call_once(&mut self, call: &Call<'_>) -> Result<Answer, CallError> {
        let request = self.request(call).map_err(CallError::Request)?;
        // Taken out meanwhile, so that a call given up midway leaves no connection with half an exchange on it.
        let mut link = match self.link.take() {
            Some(link) => link,
            None => Link::open(&self.endpoint).await?,
        };
        let answer = link.exchange(request).await?;
        if !link.ended {
            self.link = Some(link);
        }
        Ok(answer)
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Full<Bytes>>, http::Error> {
        let uri = Uri::from_maybe_shared(call.path.clone())?;
        let mut request = Request::builder().method(call.method.clone()).uri(uri).header(HOST, &self.endpoint.host);
        if let Some(authorization) = call.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if !call.body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request.body(Full::new(call.body.clone()))
    }
}

type Driver = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

#[derive(Debug)]
struct Link {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Pin<Box<Driver>>,
    /// Whether the driver has run to its end: the connection is closed.
    ended: bool,
}

impl Link {
    async fn open(endpoint: &Endpoint) -> Result<Self, CallError> {
        let stream = endpoint.open().await.map_err(CallError::Connect)?;
        stream.set_nodelay(true).map_err(CallError::Connect)?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(CallError::Http)?;
        Ok(Self { sender, driver: Box::pin(driver), ended: false })
    }

    /// Polls the connection and the exchange on it together until the answer is complete.
    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, CallError> {
        let Self { sender, driver, ended } = self;
        let mut exchange = pin!(async move {
            sender.ready().await.map_err(CallError::Http)?;
            let response = sender.send_request(request).await.map_err(CallError::Http)?;
            let status = response.status().as_u16();
            Ok(Answer { status, body: read_body(response.into_body()).await? })
        });
        poll_fn(|context| {
            if let Poll::Ready(answer) = exchange.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            if !*ended {
                // Whatever ended it reaches the exchange, as its answer or as its error.
                *ended = driver.as_mut().poll(context).is_ready();
            }
            exchange.as_mut().poll(context)
        })
        .await
    }
}

/// The whole body, without a copy when it came in one piece.
async fn read_body(mut body: Incoming) -> Result<Bytes, CallError> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(CallError::Http)?.into_data() else { continue };
        if first.len() + rest.len() + data.len() > MAX_ANSWER_BYTES {
            return Err(CallError::TooLarge);
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&first);
            first = Bytes::new();
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}
