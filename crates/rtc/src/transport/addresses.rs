//! Which addresses to listen on, and which to announce.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// A place to listen, and the addresses under which participants reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) listen: IpAddr,
    pub(super) announce: Vec<IpAddr>,
}

/// The places for the addresses of the settings, or for the machine's own when there are none.
pub(super) fn places(configured: &[IpAddr]) -> Vec<Place> {
    let addresses = if configured.is_empty() { own() } else { configured.to_vec() };
    arrange(&addresses, is_own)
}

/// A place for each address that the machine has. If a router forwards to it from another one, all addresses of that
/// family share one place, since a port can be listened on for all addresses or for single ones.
fn arrange(addresses: &[IpAddr], is_own: impl Fn(IpAddr) -> bool) -> Vec<Place> {
    let mut families: BTreeMap<bool, Vec<IpAddr>> = BTreeMap::new();
    for address in addresses {
        let family = families.entry(address.is_ipv6()).or_default();
        if !family.contains(address) {
            family.push(*address);
        }
    }
    let mut places = Vec::new();
    for (six, family) in families {
        if family.iter().all(|address| is_own(*address)) {
            places.extend(family.into_iter().map(|address| Place { listen: address, announce: vec![address] }));
        } else {
            let listen = if six { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
            places.push(Place { listen, announce: family });
        }
    }
    places
}

fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// The addresses by which this machine reaches others, one of each family; without a network, its loopback address.
pub fn own() -> Vec<IpAddr> {
    // Addresses of the public internet. Nothing is sent to them: the system only chooses a route.
    let far: [SocketAddr; 2] =
        [(Ipv4Addr::new(192, 0, 9, 1), 9).into(), (Ipv6Addr::new(0x2001, 0x500, 0, 0, 0, 0, 0, 1), 9).into()];
    let mut addresses: Vec<_> = far.into_iter().filter_map(|far| towards(far).ok()).collect();
    if addresses.is_empty() {
        addresses.push(Ipv4Addr::LOCALHOST.into());
    }
    addresses
}

fn towards(far: SocketAddr) -> io::Result<IpAddr> {
    let near: IpAddr = if far.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((near, 0))?;
    socket.connect(far)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn own_addresses_have_a_place_each() {
        let places = arrange(&addresses(&["10.0.0.1", "fd00::1", "10.0.0.1", "10.0.0.2"]), |_| true);
        let listens: Vec<_> = places.iter().map(|place| place.listen).collect();
        assert_eq!(listens, addresses(&["10.0.0.1", "10.0.0.2", "fd00::1"]));
    }

    #[test]
    fn an_address_of_a_router_shares_the_place_of_its_family() {
        let outside: IpAddr = "203.0.113.7".parse().unwrap();
        let places = arrange(&addresses(&["10.0.0.1", "203.0.113.7", "fd00::1"]), |address| address != outside);
        assert_eq!(places.len(), 2);
        assert_eq!(places[0].listen, IpAddr::from(Ipv4Addr::UNSPECIFIED));
        assert_eq!(places[0].announce, addresses(&["10.0.0.1", "203.0.113.7"]));
    }

    #[test]
    fn there_is_always_an_address() {
        assert!(!places(&[]).is_empty());
    }
}
