//! The server as a state machine: messages and times in, messages out. It opens no socket and reads no clock.
//!
//! A packet that comes from a client ([`Server::receive`]) or a peer ([`Server::relay`]) is changed in place into what
//! is to be sent, and the answer says where to. Time passes by [`Server::tick`].

mod allocation;
mod answers;
mod credentials;
mod nonce;
mod peers;
mod refusal;
mod relaying;
mod requests;
mod sockets;
#[cfg(test)]
mod tests;
mod users;
mod wish;

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use im2_model::Random;

use crate::{
    counters::{Counter, Counters},
    options::Options,
    packet::Packet,
    stun::{Class, Message, attributes::Family, is_stun},
};
use allocation::Allocation;
use answers::Answers;
use credentials::Credentials;
use peers::Peers;
use users::Users;
use wish::Token;

pub(crate) use sockets::{NotOpened, Sockets};

/// How a client's messages arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    /// UDP.
    Datagram,
    /// TCP or TLS, on which every message has to say where it ends.
    Stream,
}

/// What tells one client's allocation from all others (RFC 8656, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FiveTuple {
    pub(crate) transport: Transport,
    /// The number of the socket listened on, which stands for the server's address.
    pub(crate) listener: u16,
    pub(crate) client: SocketAddr,
}

/// The port of a relayed address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RelayPort {
    pub(crate) family: Family,
    pub(crate) number: u16,
}

/// A point in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// The time since the server was started, which never goes back.
    pub(crate) at: Duration,
    /// Seconds since 1970, for credentials.
    pub(crate) unix: u64,
}

/// What is to be done with a packet.
#[derive(Debug)]
pub(crate) enum Action<S: Sockets> {
    Nothing,
    /// This goes back to the client; the packet is of no use any more.
    Answer(Vec<u8>),
    /// The packet goes from a relayed address to a peer.
    ToPeer(S::Relay, SocketAddr),
    /// The packet goes to another client.
    ToClient(S::Client),
}

/// A port that is kept for whoever shows the token.
#[derive(Debug)]
struct Reservation<R> {
    port: RelayPort,
    socket: R,
    user: Arc<str>,
    until: Duration,
}

/// The server.
pub(crate) struct Server<S: Sockets> {
    credentials: Credentials,
    answers: Answers,
    peers: Peers,
    users: Users,
    random: Arc<dyn Random>,
    /// At which address peers see what is relayed, by family.
    relay_addresses: HashMap<Family, IpAddr>,
    relay_ports: RangeInclusive<u16>,
    most: usize,
    allocations: HashMap<FiveTuple, Allocation<S::Relay, S::Client>>,
    /// Whose the relayed addresses are.
    relays: HashMap<RelayPort, FiveTuple>,
    reservations: HashMap<Token, Reservation<S::Relay>>,
    /// When relayed addresses end, soonest first.
    ends: BTreeSet<(Duration, RelayPort)>,
    /// The first part of the identifiers of indications, and how many there have been.
    indications: (u32, u64),
    counters: Arc<Counters>,
    sockets: S,
}

impl<S: Sockets> Server<S> {
    /// A server that opens its sockets by `sockets`. `listening` are the addresses that clients reach it at.
    pub(crate) fn new(options: &Options, listening: &[SocketAddr], counters: Arc<Counters>, sockets: S) -> Self {
        let listening = listening.iter().map(SocketAddr::ip).filter(|address| !address.is_unspecified());
        let own = options.relay_addresses.iter().copied().chain(listening).collect();
        let mut indications = [0; 4];
        options.random.fill(&mut indications);
        Self {
            credentials: Credentials::new(options.realm.clone(), &options.secret, &*options.random),
            answers: Answers::default(),
            peers: Peers::new(options.allowed_peers.clone(), own),
            users: Users::new(&options.limits),
            random: Arc::clone(&options.random),
            relay_addresses: options.relay_addresses.iter().map(|address| (Family::of(*address), *address)).collect(),
            relay_ports: options.relay_ports.clone(),
            most: options.limits.allocations,
            allocations: HashMap::new(),
            relays: HashMap::new(),
            reservations: HashMap::new(),
            ends: BTreeSet::new(),
            indications: (u32::from_be_bytes(indications), 0),
            counters,
            sockets,
        }
    }

    /// Takes a packet from a client. `client` is where what is meant for it is to be sent from now on.
    pub(crate) fn receive(&mut self, from: &FiveTuple, client: &S::Client, packet: &mut Packet, now: Now) -> Action<S> {
        if !is_stun(packet.bytes()) {
            return self.channel_data(from, packet, now.at);
        }
        let Ok(message) = Message::read(packet.bytes()) else { return self.malformed() };
        match message.class() {
            Class::Request => match self.request(&message, from, client, now) {
                Some(answer) => Action::Answer(answer),
                None => Action::Nothing,
            },
            Class::Indication => self.indication(from, packet, now.at),
            Class::Success | Class::Error => self.malformed(),
        }
    }

    /// Whether the client has an allocation.
    pub(crate) fn knows(&self, client: &FiveTuple) -> bool {
        self.allocations.contains_key(client)
    }

    /// Ends what a client has, whose connection is closed.
    pub(crate) fn closed(&mut self, client: &FiveTuple) {
        let Some(allocation) = self.allocations.remove(client) else { return };
        for relay in &allocation.relays {
            self.relays.remove(&relay.port);
            self.ends.remove(&(relay.until, relay.port));
        }
        self.users.remove(&allocation.user, allocation.relays.len());
        self.count_allocations();
    }

    /// Ends what has come to its end. To be called every second or so.
    pub(crate) fn tick(&mut self, now: Duration) {
        while let Some((until, port)) = self.ends.first().copied().filter(|(until, _)| *until <= now) {
            self.ends.remove(&(until, port));
            if let Some(client) = self.relays.get(&port).copied() {
                self.end_relay(&client, port);
            }
        }
        let ended = self.reservations.iter().filter(|(_, reservation)| reservation.until <= now);
        let ended: Vec<Token> = ended.map(|(token, _)| *token).collect();
        for token in ended {
            if let Some(reservation) = self.reservations.remove(&token) {
                self.users.remove(&reservation.user, 1);
            }
        }
        self.users.forget(now);
        self.count_allocations();
    }

    /// Ends one relayed address of a client, and the allocation if it was the last one.
    fn end_relay(&mut self, client: &FiveTuple, port: RelayPort) {
        self.relays.remove(&port);
        let Some(allocation) = self.allocations.get_mut(client) else { return };
        let Some(at) = allocation.relays.iter().position(|relay| relay.port == port) else { return };
        let relay = allocation.relays.swap_remove(at);
        self.ends.remove(&(relay.until, port));
        self.users.remove(&allocation.user, 1);
        if allocation.relays.is_empty() {
            self.allocations.remove(client);
        }
        self.count_allocations();
    }

    /// Sockets that are open, those in reserve among them.
    fn open_relays(&self) -> usize {
        self.relays.len() + self.reservations.len()
    }

    fn count_allocations(&self) {
        self.counters.set_allocations(self.open_relays());
    }

    fn malformed(&self) -> Action<S> {
        self.drop_for(Counter::Malformed)
    }

    fn drop_for(&self, reason: Counter) -> Action<S> {
        self.counters.count(reason);
        Action::Nothing
    }
}
