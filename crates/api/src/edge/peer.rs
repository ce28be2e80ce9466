//! Where a request comes from: the address of the connection, or what a trusted proxy says it was.

use std::net::{IpAddr, SocketAddr};

use http::{Extensions, HeaderMap};

/// The other end of the connection a request came on; the binary puts it into the request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Addresses whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

/// A block of addresses, `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads an address with or without `/prefix`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(longest), |prefix| prefix.parse().ok())?;
        (prefix <= longest).then_some(Self { address, prefix })
    }

    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let host_bits = 32 - u32::from(self.prefix);
                (ours.to_bits() ^ theirs.to_bits()).checked_shr(host_bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let host_bits = 128 - u32::from(self.prefix);
                (ours.to_bits() ^ theirs.to_bits()).checked_shr(host_bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.prefix == if self.address.is_ipv4() { 32 } else { 128 } {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

impl Proxies {
    /// Believes these.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// The networks.
    pub fn networks(&self) -> &[Network] {
        &self.0
    }

    /// Whether an address is one of theirs.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The client's address. Walks `X-Forwarded-For` from its end, where our own proxy wrote, to the first address
    /// that is not a trusted proxy's: what stands before it anybody may have made up.
    pub fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = extensions.get::<Peer>()?.0.ip().to_canonical();
        let values = headers.get_all("x-forwarded-for").iter().rev().filter_map(|value| value.to_str().ok());
        for hop in values.flat_map(|value| value.rsplit(',')) {
            if !self.trust(client) {
                break;
            }
            let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
        }
        Some(client)
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, Peer, Proxies};
    use http::{Extensions, HeaderMap, HeaderValue};

    fn client(peer: &str, forwarded: &'static str) -> String {
        let proxies =
            Proxies::new(["127.0.0.1", "::1", "10.0.0.0/8"].iter().filter_map(|text| Network::parse(text)).collect());
        let mut extensions = Extensions::new();
        extensions.insert(Peer(format!("{peer}:1").parse().unwrap()));
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static(forwarded));
        proxies.client(&extensions, &headers).unwrap().to_string()
    }

    #[test]
    fn only_proxies_are_believed() {
        assert_eq!(client("127.0.0.1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(client("127.0.0.1", "1.1.1.1, 203.0.113.9, 10.1.2.3"), "203.0.113.9");
        assert_eq!(client("203.0.113.9", "1.1.1.1"), "203.0.113.9");
        assert_eq!(client("127.0.0.1", "nonsense"), "127.0.0.1");
        assert_eq!(client("[::ffff:127.0.0.1]", "203.0.113.9"), "203.0.113.9");
    }

    #[test]
    fn networks() {
        for good in ["0.0.0.0/0", "192.168.0.0/16", "::/0", "fd00::/8", "192.0.2.1"] {
            assert_eq!(Network::parse(good).map(|network| network.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "1.2.3", "1.2.3.4/33", "::/129", "example.org", "1.2.3.4/"] {
            assert!(Network::parse(bad).is_none(), "{bad}");
        }
        assert!(Network::parse("0.0.0.0/0").unwrap().contains("203.0.113.9".parse().unwrap()));
    }
}
