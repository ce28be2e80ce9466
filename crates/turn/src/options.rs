//! The settings of the server.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    sync::Arc,
};

use im2_model::{Clock, Random, address::Network};

/// The settings of the server.
#[derive(Clone)]
pub struct Options {
    /// The addresses to listen on, each over UDP and TCP. IPv6 addresses take no IPv4 clients.
    pub listen: Vec<SocketAddr>,
    /// The addresses to listen on over TLS.
    pub listen_tls: Vec<SocketAddr>,
    /// The certificate for those.
    pub certificate: Option<Certificate>,
    /// The addresses at which peers see what is relayed, at most one of each family. One that this machine does not
    /// have (behind a NAT) is only told to clients, and the sockets are bound to all addresses of its family.
    pub relay_addresses: Vec<IpAddr>,
    /// The ports of relayed addresses.
    pub relay_ports: RangeInclusive<u16>,
    /// The realm, for which clients show it to people: the server's name.
    pub realm: String,
    /// The secret with which credentials are signed.
    pub secret: String,
    /// The networks that data is relayed to although they are not public.
    pub allowed_peers: Vec<Network>,
    /// Limits.
    pub limits: Limits,
    /// The time by which credentials expire.
    pub clock: Arc<dyn Clock>,
    /// Randomness of ports, tokens and keys.
    pub random: Arc<dyn Random>,
}

/// The files of a certificate, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate, followed by those that signed it.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Limits of the server and of each user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Relayed addresses at once, of all users together. Each is a socket.
    pub allocations: usize,
    /// Relayed addresses of one user at once. A device takes one for each of its networks and each way to the server.
    pub allocations_per_user: usize,
    /// Bytes a second that are relayed for one user, both directions together. A second's worth may come at once.
    pub bytes_per_second: u64,
    /// TCP and TLS connections at once.
    pub connections: usize,
    /// TCP and TLS connections of one address (IPv4) or network (IPv6 /64).
    pub connections_per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            allocations: 2_000,
            allocations_per_user: 40,
            bytes_per_second: 4 << 20,
            connections: 2_000,
            connections_per_address: 200,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("listen", &self.listen).field("realm", &self.realm).finish_non_exhaustive()
    }
}
