//! What is counted, for whoever exports metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Relayed addresses that were given out.
    Allocated,
    /// Relayed addresses that were refused because a user has too many or the server has.
    AllocationsRefused,
    /// Bytes that were sent to peers.
    BytesToPeers,
    /// Datagrams that were sent to peers.
    PacketsToPeers,
    /// Bytes of peers that were sent to clients.
    BytesToClients,
    /// Datagrams of peers that were sent to clients.
    PacketsToClients,
    /// Requests with missing, wrong or expired credentials. The first request of every client has none.
    Unauthorized,
    /// Messages that were no STUN and no ChannelData, or made no sense here.
    Malformed,
    /// Requests without credentials that got no answer because their address sent too many.
    Throttled,
    /// Peers that were refused because they are at addresses that are not public.
    ForbiddenPeers,
    /// Datagrams that were dropped for want of a permission or a channel.
    NotPermitted,
    /// Datagrams that were dropped because their user had too many bytes a second.
    OverBandwidth,
    /// Datagrams that were dropped because a socket or a connection did not take them.
    Congested,
    /// Connections that were refused because there were too many.
    ConnectionsRefused,
}

/// Names and explanations, in the order of [`Counter`].
const DESCRIPTIONS: [(&str, &str); 14] = [
    ("allocations_created", "Relayed addresses given out"),
    ("allocations_refused", "Relayed addresses refused by a limit"),
    ("bytes_to_peers", "Bytes relayed to peers"),
    ("packets_to_peers", "Datagrams relayed to peers"),
    ("bytes_to_clients", "Bytes relayed to clients"),
    ("packets_to_clients", "Datagrams relayed to clients"),
    ("unauthorized", "Requests with missing, wrong or expired credentials"),
    ("malformed", "Messages that could not be read"),
    ("throttled", "Requests without credentials that got no answer because there were too many"),
    ("forbidden_peers", "Peers refused because of their address"),
    ("not_permitted", "Datagrams dropped for want of a permission"),
    ("over_bandwidth", "Datagrams dropped because their user had too many bytes a second"),
    ("congested", "Datagrams dropped because a socket or a connection was full"),
    ("connections_refused", "Connections refused by a limit"),
];

/// The counters of a server, and how many allocations and connections it has.
#[derive(Debug, Default)]
pub struct Counters {
    totals: [AtomicU64; DESCRIPTIONS.len()],
    allocations: AtomicU64,
    connections: AtomicU64,
}

impl Counters {
    /// The value of a counter.
    pub fn get(&self, counter: Counter) -> u64 {
        self.totals[counter as usize].load(Relaxed)
    }

    /// All counters: name, explanation, value.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        DESCRIPTIONS.iter().zip(&self.totals).map(|((name, help), total)| (*name, *help, total.load(Relaxed)))
    }

    /// Relayed addresses that are in use.
    pub fn allocations(&self) -> u64 {
        self.allocations.load(Relaxed)
    }

    /// TCP and TLS connections that are open.
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    pub(crate) fn add(&self, counter: Counter, more: u64) {
        self.totals[counter as usize].fetch_add(more, Relaxed);
    }

    pub(crate) fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    pub(crate) fn set_allocations(&self, now: usize) {
        self.allocations.store(now as u64, Relaxed);
    }

    pub(crate) fn set_connections(&self, now: usize) {
        self.connections.store(now as u64, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Counter, Counters, DESCRIPTIONS};

    #[test]
    fn each_counter_has_its_description() {
        assert_eq!(Counter::ConnectionsRefused as usize, DESCRIPTIONS.len() - 1);
        let counters = Counters::default();
        counters.add(Counter::OverBandwidth, 3);
        let (name, _, value) = counters.all().find(|(_, _, value)| *value > 0).unwrap();
        assert_eq!((name, value, counters.get(Counter::OverBandwidth)), ("over_bandwidth", 3, 3));
    }
}
