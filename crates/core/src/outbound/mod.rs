//! HTTP requests of ours to other servers: connections over TLS or without, to addresses that were checked before,
//! with limits on time and size.
//!
//! The origin of a URL decides how far a request may reach. A URL from a user ([`Reach::Public`]) must not lead the
//! server to places that only it can reach; one that the operator configured ([`Reach::Anywhere`]) may be on the same
//! machine. The address that was checked is the one that is connected to.

mod connector;
mod names;
#[cfg(test)]
mod tests;

use std::{error::Error as _, io, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, Client},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{Instant, timeout};
use url::Url;

use connector::{Carried, Connector, Opened};
use im2_model::address::Network;

/// Bytes of headers.
const MAX_HEADERS: usize = 64 * 1024;
/// Bytes that a server may send over HTTP/2 before they are read, for each request; for all of a connection twice that.
const STREAM_WINDOW: u32 = 128 * 1024;
/// Unused connections to one host that are kept, and for how long: push gateways and services hear of a conversation
/// message by message.
const KEPT_PER_HOST: usize = 4;
const KEPT_FOR: Duration = Duration::from_secs(30);

/// How far requests may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// The public internet and these networks.
    Public(Vec<Network>),
    /// Every address.
    Anywhere,
}

/// Errors of a request that got no answer.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each is")]
pub enum Failure {
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
    #[error("HTTP: {}", reason(.0))]
    Client(legacy::Error),
    #[error("a request could not be made: {0}")]
    Request(#[from] http::Error),
}

/// A request with a body that is at hand, and what it may cost.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The method.
    pub method: Method,
    /// The headers, without those that the connection wants.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The time for everything, from the first look-up to the last byte.
    pub deadline: Duration,
    /// Bytes of the answer that are taken; more is [`Failure::TooLarge`].
    pub max_answer: usize,
}

/// Makes requests, over connections that are kept for the next ones. Cheap until the first over TLS, which reads the
/// system's certificates.
#[derive(Debug)]
pub struct Outbound {
    user_agent: &'static str,
    client: Client<Connector, Full<Bytes>>,
}

impl Exchange {
    /// A request with a JSON body.
    pub fn json(method: Method, body: impl Into<Bytes>, deadline: Duration, max_answer: usize) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { method, headers, body: body.into(), deadline, max_answer }
    }
}

impl Outbound {
    /// A client that reaches so far, and says that it is `user_agent`.
    pub fn new(reach: Reach, ports: Option<Vec<u16>>, user_agent: &'static str) -> Self {
        Self::over(Connector::new(reach, ports), user_agent)
    }

    fn over(connector: Connector, user_agent: &'static str) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
        builder.pool_idle_timeout(KEPT_FOR).pool_max_idle_per_host(KEPT_PER_HOST);
        builder.http1_max_buf_size(MAX_HEADERS).http2_max_header_list_size(MAX_HEADERS as u32);
        builder.http2_initial_stream_window_size(STREAM_WINDOW).http2_initial_connection_window_size(2 * STREAM_WINDOW);
        Self { user_agent, client: builder.build(connector) }
    }

    /// Makes a request and reads its answer to the end, whatever its status. Redirects are not followed.
    pub async fn exchange(&self, url: &Url, exchange: Exchange) -> Result<Response<Bytes>, Failure> {
        let Exchange { method, headers, body, deadline, max_answer } = exchange;
        let work = async {
            let (head, body) = self.request(url, method, headers, body).await?.into_parts();
            match read(body, max_answer).await? {
                (bytes, true) => Ok(Response::from_parts(head, bytes)),
                (_, false) => Err(Failure::TooLarge),
            }
        };
        timeout(deadline, work).await.map_err(|_| Failure::TooSlow)?
    }

    /// Makes a request. It is made once more if a connection that was kept turns out to be closed: the other side may
    /// have ended it in the moment in which it was used (RFC 9112, section 9.5). Whoever gets it knows repetitions: push
    /// gateways by the event, services by the transaction.
    pub async fn request(
        &self,
        url: &Url,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::Scheme);
        }
        let uri: Uri = url[..url::Position::AfterQuery].parse().map_err(http::Error::from)?;
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::USER_AGENT, HeaderValue::from_static(self.user_agent))
            .body(Full::new(body))?;
        request.headers_mut().extend(headers);
        let begun = Instant::now();
        match self.client.request(request.clone()).await {
            Err(error) if was_closed(&error, begun) => self.client.request(request).await.map_err(failure),
            answer => answer.map_err(failure),
        }
    }
}

/// Whether a request failed because its connection, which is older than the request, was closed before any answer.
fn was_closed(error: &legacy::Error, begun: Instant) -> bool {
    let mut extras = http::Extensions::new();
    let Some(connection) = error.connect_info() else { return false };
    connection.get_extras(&mut extras);
    let was_kept = extras.get().is_some_and(|Opened(at)| *at < begun);
    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
    was_kept && cause.is_some_and(|cause| cause.is_incomplete_message() || cause.is_closed() || is_reset(cause))
}

fn is_reset(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| matches!(cause.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe))
}

/// The reason why the client gave up, in the connector's words where it was the connector.
fn failure(error: legacy::Error) -> Failure {
    let carried = error.source().and_then(|cause| cause.downcast_ref::<Carried>());
    carried.and_then(Carried::take).unwrap_or(Failure::Client(error))
}

/// The innermost reason of an error, which says more than the outer ones.
fn reason(error: &legacy::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Up to `most` bytes of a body, and whether that is all of it.
pub async fn read(mut body: Incoming, most: usize) -> Result<(Bytes, bool), Failure> {
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
