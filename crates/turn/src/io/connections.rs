//! How many connections there are, in all and of each address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::{
    counters::{Counter, Counters},
    options::Limits,
};

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Counts connections. Clones share.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    most: usize,
    per_address: usize,
    counts: Arc<Mutex<Counts>>,
    counters: Arc<Counters>,
}

/// A place for a connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Connections,
    address: IpAddr,
}

impl Connections {
    pub(super) fn new(limits: &Limits, counters: Arc<Counters>) -> Self {
        let Limits { connections: most, connections_per_address: per_address, .. } = *limits;
        Self { most, per_address, counts: Arc::default(), counters }
    }

    /// A place for a connection from `address`, if there is one.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = match address {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        };
        let mut counts = self.counts.lock();
        let of_address = counts.by_address.get(&address).copied().unwrap_or_default();
        if counts.all >= self.most || of_address >= self.per_address {
            self.counters.count(Counter::ConnectionsRefused);
            return None;
        }
        counts.all += 1;
        counts.by_address.insert(address, of_address + 1);
        self.counters.set_connections(counts.all);
        Some(Place { connections: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.connections.counts.lock();
        counts.all -= 1;
        self.connections.counters.set_connections(counts.all);
        if let Some(count) = counts.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Connections, Limits};

    #[test]
    fn an_address_and_all_together_have_so_many_places() {
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let connections = Connections::new(&limits, std::sync::Arc::default());
        let enter = |address: &str| connections.enter(address.parse().unwrap());
        let (one, two) = (enter("2001:db8::1"), enter("2001:db8::2"));
        assert!(one.is_some() && two.is_some() && enter("2001:db8::3").is_none());
        let third = enter("192.0.2.1");
        assert!(third.is_some() && enter("192.0.2.2").is_none());
        drop(one);
        assert!(enter("192.0.2.2").is_some() && connections.counters.connections() == 2);
        drop((two, third));
        assert!(connections.counts.lock().by_address.is_empty());
    }
}
