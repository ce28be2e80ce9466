//! The address that a request comes from: that of the connection, or the one that a trusted proxy reports.

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
        // As bytes: what a client wrote need not be text, and must not hide what the proxy wrote behind it.
        let values = headers.get_all("x-forwarded-for").iter().rev();
        for hop in values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')) {
            if !self.trust(client) {
                break;
            }
            let address = std::str::from_utf8(hop).ok().and_then(|hop| hop.trim().parse::<IpAddr>().ok());
            let Some(address) = address else { break };
            client = address.to_canonical();
        }
        Some(client)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Network, Peer, Proxies};
    use http::{Extensions, HeaderMap, HeaderValue};
    use im2_fuzz::text;
    use proptest::{collection::vec, prelude::*};

    fn client(peer: &str, forwarded: &'static str) -> String {
        client_of(peer, &[forwarded.as_bytes()])
    }

    /// The client by a header of several lines.
    fn client_of(peer: &str, lines: &[&[u8]]) -> String {
        let proxies =
            Proxies::new(["127.0.0.1", "::1", "10.0.0.0/8"].iter().filter_map(|text| Network::parse(text)).collect());
        let mut extensions = Extensions::new();
        extensions.insert(Peer(format!("{peer}:1").parse().unwrap()));
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
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
    fn what_is_no_text_hides_no_address() {
        // Behind what a client wrote, its own address stands, in the same line or in one of its own.
        assert_eq!(client_of("127.0.0.1", &[b"\xff, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client_of("127.0.0.1", &[b"1.1.1.1", b"\xff, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client_of("127.0.0.1", &[b"1.1.1.1", b"\xff", b"203.0.113.9"]), "203.0.113.9");
        assert_eq!(client_of("127.0.0.1", &[b"1.1.1.1", b"\xff"]), "127.0.0.1");
    }

    proptest! {
        #[test]
        fn nobody_comes_from_where_they_only_say(
            peer in prop::sample::select(vec!["127.0.0.1", "[::1]", "10.9.9.9", "203.0.113.9", "[::ffff:10.0.0.1]"]),
            lines in vec(
                prop_oneof![
                    text::mutated_bytes(vec![b"1.1.1.1, 203.0.113.9, 10.1.2.3".to_vec(), b"::1,2001:db8::1".to_vec()]),
                    text::with_words(&["10.0.0.1", "127.0.0.1", ",", " ", "8.8.8.8", "::1", "[::1]:80"])
                        .prop_map(String::into_bytes),
                ],
                0..4,
            ),
        ) {
            let lines: Vec<_> = lines.into_iter().filter(|line| HeaderValue::from_bytes(line).is_ok()).collect();
            let lines: Vec<&[u8]> = lines.iter().map(|line| line.trim_ascii()).collect();
            // One line, from its end: the first that is no proxy, if all behind it are addresses.
            let joined = lines.join(&b',');
            let mut expected: IpAddr = format!("{peer}:1").parse::<std::net::SocketAddr>().unwrap().ip().to_canonical();
            let is_proxy = |address: &IpAddr| match address {
                IpAddr::V4(four) => four.is_loopback() && four.octets() == [127, 0, 0, 1] || four.octets()[0] == 10,
                IpAddr::V6(six) => six.is_loopback(),
            };
            for hop in joined.split(|byte| *byte == b',').rev().map(String::from_utf8_lossy) {
                match hop.trim().parse::<IpAddr>() {
                    Ok(address) if is_proxy(&expected) => expected = address.to_canonical(),
                    _ => break,
                }
            }
            prop_assert_eq!(client_of(peer, &lines), expected.to_string());
        }

        #[test]
        fn a_network_is_what_it_was_read_from(text in text::mutated(vec!["10.0.0.0/8".into(), "fd00::/8".into(), "::1".into()])) {
            if let Some(network) = Network::parse(&text) {
                prop_assert_eq!(Network::parse(&network.to_string()), Some(network));
                prop_assert!(network.contains(network.address));
            }
        }
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
