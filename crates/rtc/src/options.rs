//! Settings of the forwarding unit.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::proto::signal::IceServer;
use crate::token::ApiKey;

/// How the unit listens, what it announces and what it allows.
#[derive(Debug, Clone)]
pub struct Options {
    /// The key that signs the tokens of participants.
    pub key: ApiKey,
    /// UDP port of all media; 0 is any that is free.
    pub udp_port: u16,
    /// TCP port for participants whose network lets no UDP through; `None` is no TCP, 0 is any that is free.
    pub tcp_port: Option<u16>,
    /// Addresses under which participants reach the ports; empty is those by which this machine reaches others. An
    /// address that the machine does not have itself is one that a router forwards.
    pub addresses: Vec<IpAddr>,
    /// Relays that participants are told of.
    pub ice_servers: Vec<IceServer>,
    /// Version of the server that clients are told.
    pub version: String,
    /// What is allowed.
    pub limits: Limits,
}

impl Options {
    /// Any free UDP port on the machine's own addresses, no TCP.
    pub fn new(key: ApiKey) -> Self {
        Self {
            key,
            udp_port: 0,
            tcp_port: None,
            addresses: Vec::new(),
            ice_servers: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            limits: Limits::default(),
        }
    }
}

/// Limits of what participants may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Participants of all rooms.
    pub participants: usize,
    /// Participants of one room.
    pub room_participants: usize,
    /// Participants of one user in all rooms, where tokens say whose they are.
    pub participants_per_holder: usize,
    /// Tracks that one participant publishes.
    pub tracks: usize,
    /// Bytes of one message of a client, session descriptions included.
    pub signal_message: usize,
    /// Messages of a client a second, on average; three times as many at once.
    pub signal_rate: u32,
    /// Messages that wait for a client to read them; one that reads no faster is disconnected.
    pub signal_queue: usize,
    /// Signalling connections from one address (of IPv6, one network of 64 bits) at once, if the server tells addresses.
    pub connections_per_address: usize,
    /// Signalling connections of one participant at once: one, and those that a bad network has not ended yet.
    pub connections_per_participant: usize,
    /// Bytes that wait in a client's data channel, and once more as many that wait for it. A client for which more
    /// reliable data would have to wait is disconnected, so that it notices, and comes back; other data are dropped.
    pub data_buffer: usize,
    /// Bytes of what a participant says of itself: name, metadata, attributes.
    pub metadata: usize,
    /// How long a participant without signalling connection is kept, to resume.
    pub resume: Duration,
    /// How long an empty room is kept.
    pub empty_room: Duration,
    /// Longest validity of a token. For this long removals are remembered.
    pub token: Duration,
    /// How often a participant gets another token, with which it can come back.
    pub token_refresh: Duration,
    /// How long that one is valid.
    pub refreshed_token: Duration,
}

impl Limits {
    /// Signalling connections of all clients at once.
    pub fn connections(&self) -> usize {
        self.participants.saturating_mul(2)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            participants: 2000,
            room_participants: 200,
            participants_per_holder: 20,
            tracks: 16,
            signal_message: 256 * 1024,
            signal_rate: 50,
            signal_queue: 1024,
            connections_per_address: 500,
            connections_per_participant: 8,
            data_buffer: 4 * 1024 * 1024,
            metadata: 64 * 1024,
            resume: Duration::from_secs(20),
            empty_room: Duration::from_secs(20),
            token: Duration::from_secs(24 * 3600),
            token_refresh: Duration::from_secs(300),
            refreshed_token: Duration::from_secs(600),
        }
    }
}

/// Where media arrive and under which address participants know that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// The address that candidates carry.
    pub address: SocketAddr,
    /// Whether it is the TCP port.
    pub tcp: bool,
}
