//! Sockets and tasks around the state machine: one task for each socket that is listened on, each connection and each
//! relayed address. What idles keeps no buffer: each thread has one that a packet passes through.

mod certificate;
mod connections;
mod datagrams;
mod outbox;
mod relays;
mod scratch;
mod sockets;
mod streams;

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use im2_model::Clock;
use parking_lot::Mutex;
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    counters::{Counter, Counters},
    options::Options,
    packet::Packet,
    server::{Action, FiveTuple, Now, Server},
};
use certificate::Certificates;
use connections::Connections;
use outbox::Outbox;
use relays::Opener;

/// How often what has come to its end is looked for.
const TICK: Duration = Duration::from_secs(1);

/// Errors that keep a server from starting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        error: io::Error,
    },
    /// A relayed address cannot be used.
    #[error("cannot relay at {address}: {error}")]
    Relay {
        /// The address.
        address: IpAddr,
        /// The reason.
        error: io::Error,
    },
    /// There has to be an address to relay at, and no more than one of each family.
    #[error("one address of each family can be relayed at, and there has to be one")]
    RelayAddresses,
    /// A port that is listened on is one of those for relayed addresses.
    #[error("port {0} is listened on and cannot be one of those for relaying")]
    Ports(u16),
    /// The certificate cannot be used.
    #[error("{}: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS has no certificate.
    #[error("to listen over TLS takes a certificate")]
    NoCertificate,
}

/// What all tasks share.
struct Shared {
    server: Mutex<Server<Opener>>,
    counters: Arc<Counters>,
    clock: Arc<dyn Clock>,
    begun: Instant,
}

impl Shared {
    fn now(&self) -> Now {
        Now { at: self.begun.elapsed(), unix: self.clock.now() / 1_000 }
    }

    /// Does what the server wants with a packet of a client, and gives back the answer if there is one.
    fn received(&self, from: &FiveTuple, client: &Client, packet: &mut Packet) -> Option<Vec<u8>> {
        let action = self.server.lock().receive(from, client, packet, self.now());
        if let Action::Answer(answer) = action {
            return Some(answer);
        }
        self.carry_out(action, packet);
        None
    }

    fn carry_out(&self, action: Action<Opener>, packet: &Packet) {
        let is_taken = match action {
            Action::Nothing | Action::Answer(_) => true,
            Action::ToPeer(relay, peer) => relay.send(packet.bytes(), peer),
            Action::ToClient(client) => client.send(packet.bytes()),
        };
        if !is_taken {
            self.counters.count(Counter::Congested);
        }
    }
}

/// The way to a client.
#[derive(Debug, Clone)]
enum Client {
    Datagram(Arc<UdpSocket>, SocketAddr),
    Stream(Arc<Outbox>),
}

impl Client {
    /// Sends a message now or not at all, as the network would.
    fn send(&self, message: &[u8]) -> bool {
        match self {
            Self::Datagram(socket, address) => sockets::send(socket, message, *address),
            Self::Stream(outbox) => outbox.push(message),
        }
    }
}

/// A STUN and TURN server on its sockets.
pub struct Turn {
    shared: Arc<Shared>,
    datagrams: Vec<Arc<UdpSocket>>,
    streams: Vec<(TcpListener, bool)>,
    certificates: Option<Arc<Certificates>>,
    connections: Connections,
    addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Turn {
    /// Opens the sockets. Clients are served from [`Turn::run`] on.
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let local = relays::local_addresses(&options.relay_addresses)?;
        let (mut datagrams, mut streams, mut addresses, mut tls_addresses) = Default::default();
        for address in &options.listen {
            let cannot = |error| Error::Listen { address: *address, error };
            let socket = sockets::datagram(*address).map_err(cannot)?;
            // With port 0, TCP has the port that the system chose for UDP.
            let chosen = socket.local_addr().map_err(cannot)?;
            let stream: (TcpListener, bool) = (sockets::stream(chosen).map_err(cannot)?, false);
            Vec::push(&mut datagrams, Arc::new(socket));
            Vec::push(&mut streams, stream);
            Vec::push(&mut addresses, chosen);
        }
        for address in &options.listen_tls {
            let cannot = |error| Error::Listen { address: *address, error };
            let listener = sockets::stream(*address).map_err(cannot)?;
            Vec::push(&mut tls_addresses, listener.local_addr().map_err(cannot)?);
            streams.push((listener, true));
        }
        // A port that the system has chosen is passed over when one is looked for.
        let mut ports = options.listen.iter().chain(&options.listen_tls).map(SocketAddr::port);
        if let Some(port) = ports.find(|port| options.relay_ports.contains(port)) {
            return Err(Error::Ports(port));
        }
        let certificates = match &options.certificate {
            Some(files) => Some(Arc::new(Certificates::load(files.clone()).await?)),
            None if options.listen_tls.is_empty() => None,
            None => return Err(Error::NoCertificate),
        };
        let listening: Vec<SocketAddr> = addresses.iter().chain(&tls_addresses).copied().collect();
        let counters = Arc::<Counters>::default();
        let shared = Arc::new_cyclic(|shared| Shared {
            server: Mutex::new(Server::new(
                &options,
                &listening,
                Arc::clone(&counters),
                Opener::new(local, shared.clone()),
            )),
            counters: Arc::clone(&counters),
            clock: Arc::clone(&options.clock),
            begun: Instant::now(),
        });
        let connections = Connections::new(&options.limits, counters);
        Ok(Self { shared, datagrams, streams, certificates, connections, addresses, tls_addresses })
    }

    /// The addresses that are listened on over UDP and TCP, with the ports that the operating system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses that are listened on over TLS.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.shared.counters)
    }

    /// Serves clients until `shutdown` completes. Calls that go through the server end with it.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { shared, datagrams, streams, certificates, connections, .. } = self;
        let mut tasks = JoinSet::new();
        let mut listener = 0;
        for socket in datagrams {
            tasks.spawn(datagrams::serve(Arc::clone(&shared), socket, listener));
            listener += 1;
        }
        for (stream, is_tls) in streams {
            let tls = certificates.clone().filter(|_| is_tls);
            tasks.spawn(streams::serve(Arc::clone(&shared), stream, listener, tls, connections.clone()));
            listener += 1;
        }
        if let Some(certificates) = certificates {
            tasks.spawn(certificate::keep_current(certificates));
        }
        tasks.spawn(tick(shared));
        tokio::select! {
            () = shutdown => {}
            _ = tasks.join_next() => tracing::error!("a part of the TURN server has ended"),
        }
    }
}

/// Lets time pass for the server.
async fn tick(shared: Arc<Shared>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.server.lock().tick(shared.now().at);
    }
}
