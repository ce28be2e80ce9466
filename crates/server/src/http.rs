//! HTTP/1.1 on several addresses: accepting, serving, and ending without cutting anybody off.
//!
//! One task a connection. Everything a stranger can make us keep has a bound: the number of connections, also of one
//! address, the size of a request's head, the time it may take, the time an answer may wait to be read.

mod connection_limit;
mod write_timeout;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use axum::{Router, body::Body};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use im2_edge::peer::Peer;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tower::ServiceExt as _;

pub(crate) use connection_limit::ConnectionLimit;
use connection_limit::Place;
use write_timeout::WriteTimeout;

/// How long a client may take to send a request's head, and how long a connection may lie idle between requests.
const HEAD_LIMIT: Duration = Duration::from_secs(60);
/// The largest head: hyper reads into 8 KiB and grows up to this. Room for long filters in query strings and the
/// cookies of other programs on the same domain.
const HEAD_BYTES: usize = 32 << 10;
/// The time to let connections end after a failed accept (no file descriptor left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Limits on connections.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// Connections at once. More wait in the operating system's queue until one ends.
    pub(crate) most: u32,
    /// Connections of each address. More are closed.
    pub(crate) connection_limit: ConnectionLimit,
    /// How long a client may read nothing of an answer.
    pub(crate) patience: Duration,
}

/// Sockets that listen but are not served yet.
#[derive(Debug)]
pub(crate) struct Bound(Vec<(SocketAddr, TcpListener)>);

/// A server on its listeners.
#[derive(Debug)]
pub(crate) struct Http {
    addresses: Vec<SocketAddr>,
    listeners: JoinSet<()>,
    connections: Arc<Semaphore>,
    most: u32,
    stopping: watch::Sender<bool>,
}

impl Bound {
    /// Listens on all addresses.
    pub(crate) async fn to(addresses: &[SocketAddr]) -> Result<Self> {
        let mut bound = Vec::new();
        for address in addresses {
            let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
            bound.push((listener.local_addr()?, listener));
        }
        Ok(Self(bound))
    }

    /// The addresses, with the ports that the operating system chose.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|(address, _)| *address)
    }

    /// Serves `router` within bounds.
    pub(crate) fn serve(self, router: &Router, bounds: &Bounds) -> Http {
        let most = bounds.most;
        let connections = Arc::new(Semaphore::new(most as usize));
        let stopping = watch::Sender::new(false);
        let addresses = self.addresses().collect();
        let mut listeners = JoinSet::new();
        for (_, listener) in self.0 {
            let acceptor = Acceptor {
                listener,
                router: router.clone(),
                connections: Arc::clone(&connections),
                connection_limit: bounds.connection_limit.clone(),
                patience: bounds.patience,
                stopping: stopping.subscribe(),
            };
            listeners.spawn(acceptor.run());
        }
        Http { addresses, listeners, connections, most, stopping }
    }
}

impl Http {
    /// The addresses listened on, with the ports that the operating system chose.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Completes when a listener has ended.
    pub(crate) async fn ended(&mut self) {
        if self.listeners.join_next().await.is_none() {
            std::future::pending::<()>().await; // there are no addresses to listen on
        }
    }

    /// Stops accepting, lets requests under way end, and returns whether they did within `patience`.
    pub(crate) async fn stop(mut self, patience: Duration) -> bool {
        self.stopping.send_replace(true);
        while self.listeners.join_next().await.is_some() {}
        timeout(patience, self.connections.acquire_many(self.most)).await.is_ok()
    }
}

/// A connection that was accepted.
struct Connection {
    stream: TcpStream,
    peer: Peer,
    patience: Duration,
}

struct Acceptor {
    listener: TcpListener,
    router: Router,
    connections: Arc<Semaphore>,
    connection_limit: ConnectionLimit,
    patience: Duration,
    stopping: watch::Receiver<bool>,
}

impl Acceptor {
    async fn run(mut self) {
        let router = self.router.clone();
        loop {
            let next = async {
                let permit = Arc::clone(&self.connections).acquire_owned().await;
                (permit, self.listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                next = next => next,
                () = told_to_stop(&mut self.stopping) => return,
            };
            match (permit, accepted) {
                (Ok(permit), Ok((stream, peer))) => {
                    let Some(place) = self.connection_limit.enter(peer.ip()) else {
                        tracing::debug!("an address has too many connections");
                        continue; // and the connection is closed
                    };
                    let connection = Connection { stream, peer: Peer(peer), patience: self.patience };
                    tokio::spawn(serve(connection, router.clone(), self.stopping.clone(), (permit, place)));
                }
                (Err(_), _) => return, // never closed while we run
                (_, Err(error)) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Serves one connection until its client is done with it, or until the current request is answered after a stop.
async fn serve(
    connection: Connection,
    router: Router,
    mut stopping: watch::Receiver<bool>,
    _places: (OwnedSemaphorePermit, Place),
) {
    let Connection { stream, peer, patience } = connection;
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection ended before it began");
        return;
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(WriteTimeout::new(stream, patience)), service)
            .with_upgrades()
    );
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = told_to_stop(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        // Clients that vanish, speak TLS to a plain port or let the head's time run out: daily life.
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// Completes when the server is told to stop, or is no more.
async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}
