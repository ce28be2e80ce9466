//! The limit on connections of one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use im2_edge::peer::Proxies;
use parking_lot::Mutex;

/// Counts the connections of each address, up to a limit. Reverse proxies have as many as they like.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimit {
    most: usize,
    exempt: Arc<Proxies>,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place for a connection, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connection_limit: ConnectionLimit,
    address: Option<IpAddr>,
}

impl ConnectionLimit {
    /// At most `most` connections for each address that is not one of a proxy.
    pub(crate) fn new(most: usize, proxies: Proxies) -> Self {
        Self { most, exempt: Arc::new(proxies), counts: Arc::default() }
    }

    /// A place for a connection from `address`, if there is one.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Place> {
        if self.exempt.trust(address.to_canonical()) {
            return Some(Place { connection_limit: self.clone(), address: None });
        }
        let address = subscriber(address);
        let mut counts = self.counts.lock();
        let count = counts.entry(address).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { connection_limit: self.clone(), address: Some(address) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut counts = self.connection_limit.counts.lock();
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

/// An address as it is counted: of IPv6 the first 64 bits, which is what one subscriber has.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use im2_edge::peer::{Network, Proxies};

    use super::ConnectionLimit;

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let connection_limit = ConnectionLimit::new(2, Proxies::new(vec![Network::parse("10.0.0.0/8").unwrap()]));
        let enter = |address: &str| connection_limit.enter(address.parse().unwrap());
        let (one, two) = (enter("192.0.2.1"), enter("::ffff:192.0.2.1"));
        assert!(one.is_some() && enter("192.0.2.1").is_none() && enter("192.0.2.2").is_some());
        drop(one);
        assert!(enter("192.0.2.1").is_some());
        let subscribers: Vec<_> = ["2001:db8::1", "2001:db8::2:1"].map(enter).into();
        assert!(enter("2001:db8::3").is_none() && enter("2001:db8:0:1::1").is_some());
        let proxied: Vec<_> = (0..10).map(|_| enter("10.1.2.3")).collect();
        assert!(proxied.iter().all(Option::is_some));
        drop((proxied, subscribers, two));
        assert!(connection_limit.counts.lock().is_empty());
    }
}
