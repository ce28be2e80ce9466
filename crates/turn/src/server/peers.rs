//! Which peers data is relayed to: those on the public internet, and those that the operator allows.

use std::net::IpAddr;

use im2_model::address::{Network, is_public};

#[derive(Debug)]
pub(super) struct Peers {
    allowed: Vec<Network>,
    own: Vec<IpAddr>,
}

impl Peers {
    /// `own` are the server's addresses, at which only relayed addresses are peers.
    pub(super) fn new(allowed: Vec<Network>, own: Vec<IpAddr>) -> Self {
        Self { allowed, own }
    }

    /// Whether a client may have a permission for this address. An IPv4 address in the form of an IPv6 one is none: the
    /// system would send to the former.
    pub(super) fn may_be_permitted(&self, peer: IpAddr) -> bool {
        peer == peer.to_canonical() && (self.is_own(peer) || is_public(peer) || self.is_allowed(peer))
    }

    /// Whether this is an address of the server, behind which there may be more than what everybody can reach.
    pub(super) fn is_own(&self, peer: IpAddr) -> bool {
        self.own.contains(&peer)
    }

    /// Whether the operator allows it.
    pub(super) fn is_allowed(&self, peer: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::Peers;

    #[test]
    fn private_peers_are_refused_in_every_form() {
        let own = vec!["203.0.113.9".parse().unwrap(), "2001:db8::9".parse().unwrap()];
        let peers = Peers::new(vec!["10.1.0.0/16".parse().unwrap()], own);
        let may = |peer: &str| peers.may_be_permitted(peer.parse().unwrap());
        for public in ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "10.1.2.3", "203.0.113.9", "2001:db8::9"] {
            assert!(may(public), "{public}");
        }
        let private = "127.0.0.1 10.2.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 0.0.0.0 \
            255.255.255.255 ::1 :: fe80::1 fd00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:1.1.1.1 ::ffff:10.1.2.3 \
            64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2002:7f00:1:: ::127.0.0.1 203.0.113.10 2001:db8::8";
        for private in private.split_whitespace() {
            assert!(!may(private), "{private}");
        }
    }
}
