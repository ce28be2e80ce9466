//! Which connection a packet is for. Connections are found by the name in a binding request; from then on the sender's
//! address is enough, and each reader of a socket remembers those for itself.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio::sync::mpsc;

use super::stun;
use crate::metrics::Metrics;

/// Addresses that one socket remembers at most.
const MAX_ADDRESSES: usize = 50_000;
/// An address from which nothing has come for this long is forgotten. Peers check their connection far more often.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// One of a participant's two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionKey {
    pub(crate) participant: u32,
    pub(crate) side: Side,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Side {
    /// What the participant sends; it makes the offers.
    Publisher,
    /// What the participant receives; the server makes the offers.
    Subscriber,
}

/// A packet that has come in, for the task of its room.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) connection: ConnectionKey,
    pub(crate) from: SocketAddr,
    /// The announced address that it came to.
    pub(crate) to: SocketAddr,
    pub(crate) tcp: bool,
    pub(crate) bytes: Vec<u8>,
}

/// Where a connection's packets go.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) connection: ConnectionKey,
    pub(crate) room: mpsc::Sender<Packet>,
}

/// All connections by name. Written when one is made or restarted; read for binding requests only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Arc<RwLock<HashMap<String, Route>>>);

impl Routes {
    pub(crate) fn insert(&self, name: &str, route: Route) {
        self.0.write().insert(name.to_owned(), route);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.write().remove(name);
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.read().keys().cloned().collect()
    }

    /// The route of the connection that a binding request names.
    pub(super) fn of_request(&self, packet: &[u8]) -> Option<Route> {
        let name = stun::local_name(packet)?;
        self.0.read().get(name).cloned()
    }
}

/// What one socket knows of the addresses that send to it.
pub(super) struct Addresses {
    routes: Routes,
    known: HashMap<SocketAddr, (Route, Instant)>,
    swept: Instant,
}

impl Addresses {
    pub(super) fn new(routes: Routes, now: Instant) -> Self {
        Self { routes, known: HashMap::new(), swept: now }
    }

    /// Hands a packet to its room. Packets of strangers are counted and dropped, as are those that a busy room has no
    /// place for.
    pub(super) fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8], now: Instant, metrics: &Metrics) {
        metrics.packets_in.up();
        metrics.bytes_in.add(bytes.len() as u64);
        self.sweep(now);
        if stun::is_stun(bytes)
            && let Some(route) = self.routes.of_request(bytes)
            && (self.known.len() < MAX_ADDRESSES || self.known.contains_key(&from))
        {
            self.known.insert(from, (route, now));
        }
        let Some((route, seen)) = self.known.get_mut(&from) else {
            metrics.strangers.up();
            return;
        };
        *seen = now;
        let packet = Packet { connection: route.connection, from, to, tcp: false, bytes: bytes.to_vec() };
        match route.room.try_send(packet) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => metrics.dropped.up(),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                self.known.remove(&from);
                metrics.strangers.up();
            }
        }
    }

    fn sweep(&mut self, now: Instant) {
        if now.duration_since(self.swept) > FORGOTTEN_AFTER {
            self.swept = now;
            self.known
                .retain(|_, (route, seen)| now.duration_since(*seen) < FORGOTTEN_AFTER && !route.room.is_closed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stun::tests::request;
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn route(participant: u32, room: &mpsc::Sender<Packet>) -> Route {
        Route { connection: ConnectionKey { participant, side: Side::Publisher }, room: room.clone() }
    }

    #[test]
    fn a_packet_finds_the_room_of_its_sender() {
        let (metrics, routes, now) = (Metrics::default(), Routes::default(), Instant::now());
        let (room, mut packets) = mpsc::channel(2);
        routes.insert("one", route(1, &room));
        routes.insert("two", route(2, &room));
        let mut addresses = Addresses::new(routes, now);
        let mut deliver = |from, bytes: &[u8]| addresses.deliver(address(from), address(9), bytes, now, &metrics);

        deliver(1, &[0x80; 30]);
        assert_eq!(metrics.strangers.get(), 1);
        deliver(1, &request("two:x"));
        deliver(1, &[0x80; 30]);
        let received: Vec<_> = std::iter::from_fn(|| packets.try_recv().ok()).collect();
        assert!(received.iter().all(|packet| packet.connection.participant == 2 && packet.from == address(1)));
        assert_eq!(received.len(), 2);
        // The same address may come back as somebody else.
        deliver(1, &request("one:x"));
        assert_eq!(packets.try_recv().unwrap().connection.participant, 1);
        deliver(2, &request("nobody:x"));
        assert_eq!(metrics.strangers.get(), 2);
    }

    #[test]
    fn a_busy_room_holds_up_nobody() {
        let (metrics, routes, now) = (Metrics::default(), Routes::default(), Instant::now());
        let (room, packets) = mpsc::channel(2);
        routes.insert("one", route(1, &room));
        let mut addresses = Addresses::new(routes, now);
        for _ in 0..5 {
            addresses.deliver(address(1), address(9), &request("one:x"), now, &metrics);
        }
        assert_eq!(metrics.dropped.get(), 3);
        drop(packets);
        addresses.deliver(address(1), address(9), &[0x80; 30], now, &metrics);
        assert_eq!((metrics.strangers.get(), addresses.known.len()), (1, 0));
    }

    #[test]
    fn silent_addresses_are_forgotten() {
        let (metrics, routes, now) = (Metrics::default(), Routes::default(), Instant::now());
        let (room, _packets) = mpsc::channel(9);
        routes.insert("one", route(1, &room));
        let mut addresses = Addresses::new(routes, now);
        addresses.deliver(address(1), address(9), &request("one:x"), now, &metrics);
        addresses.deliver(address(2), address(9), &request("one:x"), now + FORGOTTEN_AFTER * 2, &metrics);
        assert_eq!(addresses.known.len(), 1);
    }
}
