//! Which connection a packet is for. A binding request names its connection, and counts if its sender knows the
//! connection's password; other packets are for the connections that have asked from the same address. Each reader of a
//! socket remembers those for itself.
//!
//! An address is claimed by whoever asks from it, or seems to: the sender of a packet can be made up. So claims are few
//! for each connection, a new one takes the place of the connection's own oldest, and a claim that is renewed cannot be
//! taken away by that of another connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio::sync::mpsc;

use super::stun;
use crate::metrics::Metrics;

/// Addresses from which one connection can receive at once: those of a client's networks.
pub(super) const MAX_CLAIMS: usize = 8;
/// A claim that was not renewed for this long is none. Peers check their connection far more often.
const RENEWED_WITHIN: Duration = Duration::from_secs(15);
const SWEEP: Duration = Duration::from_secs(30);

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

/// A packet that has come in, for the task of its room. A binding request is one whose sender knows the password.
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
    /// A number that no other connection has, in whichever room.
    pub(crate) id: u64,
    pub(crate) connection: ConnectionKey,
    pub(crate) room: mpsc::Sender<Packet>,
    /// The password under the name by which the connection was found.
    pub(crate) password: Arc<str>,
}

/// All connections by name. Written when one is made or restarted; read for binding requests only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    by_name: RwLock<HashMap<String, Route>>,
    last: AtomicU64,
}

impl Routes {
    /// A number for another connection.
    pub(crate) fn next_id(&self) -> u64 {
        self.0.last.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn insert(&self, name: &str, route: Route) {
        self.0.by_name.write().insert(name.to_owned(), route);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.by_name.write().remove(name);
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.by_name.read().keys().cloned().collect()
    }

    /// The route of the connection that a binding request names, if its sender knows that connection's password.
    pub(super) fn of_request(&self, packet: &[u8]) -> Option<Route> {
        let name = stun::local_name(packet)?;
        let route = self.0.by_name.read().get(name).cloned()?;
        stun::is_authentic(packet, route.password.as_bytes()).then_some(route)
    }
}

struct Claim {
    route: Route,
    renewed: Instant,
}

impl Claim {
    fn holds(&self, now: Instant) -> bool {
        now.duration_since(self.renewed) < RENEWED_WITHIN && !self.route.room.is_closed()
    }
}

/// The connections that have asked from an address: the first, and the last other one. There are two when somebody has
/// a port that was another's before, or pretends to.
#[derive(Default)]
struct Claims([Option<Claim>; 2]);

impl Claims {
    /// Takes a claim in, and gives the one that has lost its place to it.
    fn renew(&mut self, route: &Route, now: Instant) -> Option<Route> {
        let of = |claim: &Option<Claim>| claim.as_ref().is_some_and(|claim| claim.route.id == route.id);
        let free = |claim: &Option<Claim>| claim.as_ref().is_none_or(|claim| !claim.holds(now));
        let place = self.0.iter().position(of).or_else(|| self.0.iter().position(free)).unwrap_or(1);
        let before = self.0[place].replace(Claim { route: route.clone(), renewed: now });
        before.map(|before| before.route).filter(|before| before.id != route.id)
    }

    fn remove(&mut self, id: u64) {
        for claim in &mut self.0 {
            claim.take_if(|claim| claim.route.id == id);
        }
    }

    fn routes(&self) -> impl Iterator<Item = &Route> {
        self.0.iter().flatten().map(|claim| &claim.route)
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

/// What one socket knows of the addresses that send to it.
pub(super) struct Addresses {
    routes: Routes,
    claims: HashMap<SocketAddr, Claims>,
    /// The addresses of each connection, the one that was renewed last at the end.
    of_route: HashMap<u64, Vec<SocketAddr>>,
    swept: Instant,
}

impl Addresses {
    pub(super) fn new(routes: Routes, now: Instant) -> Self {
        Self { routes, claims: HashMap::new(), of_route: HashMap::new(), swept: now }
    }

    /// Hands a packet to its room. Packets of strangers are counted and dropped, as are those that a busy room has no
    /// place for.
    pub(super) fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8], now: Instant, metrics: &Metrics) {
        metrics.packets_in.up();
        metrics.bytes_in.add(bytes.len() as u64);
        self.sweep(now);
        let mut delivered = false;
        let mut hand_over = |route: &Route| {
            let packet = Packet { connection: route.connection, from, to, tcp: false, bytes: bytes.to_vec() };
            match route.room.try_send(packet) {
                Ok(()) => delivered = true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    delivered = true;
                    metrics.dropped.up();
                }
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        };
        if stun::is_request(bytes) {
            if let Some(route) = self.routes.of_request(bytes) {
                hand_over(&route);
                self.claim(from, &route, now);
            }
        } else if let Some(claims) = self.claims.get(&from) {
            claims.routes().for_each(&mut hand_over);
        }
        if !delivered {
            metrics.strangers.up();
        }
    }

    /// Remembers that a connection has asked from an address.
    fn claim(&mut self, from: SocketAddr, route: &Route, now: Instant) {
        let id = route.id;
        let displaced = self.claims.entry(from).or_default().renew(route, now);
        if let Some(displaced) = displaced {
            self.forget(displaced.id, from);
        }
        let mine = self.of_route.entry(id).or_default();
        mine.retain(|address| *address != from);
        mine.push(from);
        if mine.len() > MAX_CLAIMS {
            let oldest = mine.remove(0);
            self.unclaim(oldest, id);
        }
    }

    fn unclaim(&mut self, address: SocketAddr, id: u64) {
        if let Some(claims) = self.claims.get_mut(&address) {
            claims.remove(id);
            if claims.is_empty() {
                self.claims.remove(&address);
            }
        }
    }

    fn forget(&mut self, id: u64, address: SocketAddr) {
        if let Some(mine) = self.of_route.get_mut(&id) {
            mine.retain(|one| *one != address);
            if mine.is_empty() {
                self.of_route.remove(&id);
            }
        }
    }

    fn sweep(&mut self, now: Instant) {
        if now.duration_since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        let mut gone = Vec::new();
        self.claims.retain(|address, claims| {
            for claim in &mut claims.0 {
                if let Some(ended) = claim.take_if(|claim| !claim.holds(now)) {
                    gone.push((ended.route.id, *address));
                }
            }
            !claims.is_empty()
        });
        for (id, address) in gone {
            self.forget(id, address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stun::tests::{request_of, request_to};
    use super::*;

    const NOBODY: [u32; 0] = [];

    struct World {
        metrics: Metrics,
        addresses: Addresses,
        now: Instant,
        packets: mpsc::Receiver<Packet>,
    }

    /// Connections `1`, `2`, `3` of participants with these numbers, whose password is `secret`.
    fn world() -> World {
        let (routes, now) = (Routes::default(), Instant::now());
        let (room, packets) = mpsc::channel(9);
        for number in 1..=3 {
            let connection = ConnectionKey { participant: number, side: Side::Publisher };
            let route = Route { id: routes.next_id(), connection, room: room.clone(), password: "secret".into() };
            routes.insert(&number.to_string(), route);
        }
        World { metrics: Metrics::default(), addresses: Addresses::new(routes, now), now, packets }
    }

    impl World {
        fn deliver(&mut self, port: u16, bytes: &[u8]) -> Vec<u32> {
            let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
            self.addresses.deliver(address(port), address(9), bytes, self.now, &self.metrics);
            std::iter::from_fn(|| self.packets.try_recv().ok()).map(|packet| packet.connection.participant).collect()
        }

        fn ask(&mut self, port: u16, connection: u32) -> Vec<u32> {
            self.deliver(port, &request_of(&format!("{connection}:x"), "secret", false))
        }

        fn media(&mut self, port: u16) -> Vec<u32> {
            self.deliver(port, &[0x80; 30])
        }
    }

    #[test]
    fn a_packet_finds_the_room_of_its_sender() {
        let mut world = world();
        assert_eq!(world.media(1), NOBODY);
        assert_eq!(world.ask(1, 2), [2]);
        assert_eq!(world.media(1), [2]);
        assert_eq!(world.deliver(2, &request_to("nobody:x")), NOBODY);
        assert_eq!(world.metrics.strangers.get(), 2);
    }

    #[test]
    fn who_does_not_know_the_password_claims_nothing() {
        let mut world = world();
        assert_eq!(world.deliver(1, &request_to("2:x")), NOBODY);
        assert_eq!(world.media(1), NOBODY);
        assert!(world.addresses.claims.is_empty());
    }

    #[test]
    fn one_connection_claims_few_addresses() {
        let mut world = world();
        assert_eq!(world.ask(1, 1), [1]);
        for port in 1000..3000 {
            assert_eq!(world.ask(port, 3), [3]);
        }
        assert_eq!((world.addresses.claims.len(), world.addresses.of_route.len()), (1 + MAX_CLAIMS, 2));
        assert_eq!((world.media(1), world.media(2999), world.media(1000)), (vec![1], vec![3], vec![]));
        // Somebody new finds a place.
        assert_eq!((world.ask(2, 2), world.media(2)), (vec![2], vec![2]));
    }

    #[test]
    fn an_address_in_use_cannot_be_taken_away() {
        let mut world = world();
        world.ask(1, 1);
        for _ in 0..3 {
            for other in [2, 3] {
                world.ask(1, other);
                assert_eq!(world.media(1), [1, other]);
            }
        }
        world.now += RENEWED_WITHIN;
        // Whoever has not asked for long has to make room.
        world.ask(1, 2);
        world.ask(1, 3);
        assert_eq!(world.media(1), [2, 3]);
    }

    #[test]
    fn a_busy_room_holds_up_nobody() {
        let mut world = world();
        for _ in 0..12 {
            let from = SocketAddr::from(([127, 0, 0, 1], 1));
            let request = request_of("1:x", "secret", false);
            world.addresses.deliver(from, from, &request, world.now, &world.metrics);
        }
        assert_eq!(world.metrics.dropped.get(), 3);
        let (_, closed) = mpsc::channel(1);
        world.packets = closed;
        assert_eq!(world.media(1), NOBODY);
        assert_eq!(world.metrics.strangers.get(), 1);
    }

    #[test]
    fn silent_addresses_are_forgotten() {
        let mut world = world();
        world.ask(1, 1);
        world.now += SWEEP;
        world.ask(2, 1);
        assert_eq!((world.addresses.claims.len(), &world.addresses.of_route[&0].len()), (1, &1));
    }
}
