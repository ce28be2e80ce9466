//! Keys of calls: relays, and the forwarding of media.

use std::net::IpAddr;

use im2_model::ServerName;

use super::{Key, boolean, count, integer, list, path, strings, text};
use crate::config::{
    Secret,
    value::{Kind, Value, addresses, url_host},
};

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "turn.listen",
        kind: Kind::List,
        allowed: "addresses with ports such as [\"0.0.0.0:3478\", \"[::]:3478\"]; [] for no TURN server of its own",
        about: "Where the built-in TURN server listens, over UDP and TCP. Clients are told of it",
        secret: false,
        set: |config, value| {
            list(value).and_then(|entries| addresses(&entries)).map(|found| config.turn.listen = found)
        },
        get: |config| Some(strings(&config.turn.listen)),
    },
    Key {
        path: "turn.listen_tls",
        kind: Kind::List,
        allowed: "addresses with ports such as [\"0.0.0.0:5349\", \"[::]:5349\"]",
        about: "Where the built-in TURN server listens over TLS; requires turn.certificate and turn.key",
        secret: false,
        set: |config, value| {
            list(value).and_then(|entries| addresses(&entries)).map(|found| config.turn.listen_tls = found)
        },
        get: |config| Some(strings(&config.turn.listen_tls)),
    },
    Key {
        path: "turn.certificate",
        kind: Kind::Text,
        allowed: "the path of a PEM file",
        about: "The certificate of the built-in TURN server with its chain; read again when it changes",
        secret: false,
        set: |config, value| path(value).map(|path| config.turn.certificate = Some(path)),
        get: |config| config.turn.certificate.as_ref().map(|path| Value::Text(path.display().to_string())),
    },
    Key {
        path: "turn.key",
        kind: Kind::Text,
        allowed: "the path of a PEM file",
        about: "The private key of turn.certificate",
        secret: false,
        set: |config, value| path(value).map(|path| config.turn.key = Some(path)),
        get: |config| config.turn.key.as_ref().map(|path| Value::Text(path.display().to_string())),
    },
    Key {
        path: "turn.host",
        kind: Kind::Text,
        allowed: "a host name or an address",
        about: "The host at which clients reach the built-in TURN server. Default: the host of public_url",
        secret: false,
        set: |config, value| {
            let host = text(value).filter(|host| url_host(&format!("x://{host}")) == Some(host.as_str()))?;
            ServerName::parse(&host).ok()?;
            config.turn.host = Some(host);
            Some(())
        },
        get: |config| config.turn.host.clone().map(Value::Text),
    },
    Key {
        path: "turn.public_addresses",
        kind: Kind::List,
        allowed: "an IPv4 address, an IPv6 address or both, such as [\"198.51.100.7\", \"2001:db8::7\"]",
        about: "The addresses at which others see relayed calls; those of this machine, or of the NAT before it. \
                Default: the addresses in turn.listen",
        secret: false,
        set: |config, value| {
            let found: Option<Vec<IpAddr>> = list(value)?.iter().map(|entry| entry.parse().ok()).collect();
            let of_family = |found: &[IpAddr], is_v4| found.iter().filter(|ip| ip.is_ipv4() == is_v4).count() <= 1;
            let found = found.filter(|found| of_family(found, true) && of_family(found, false))?;
            config.turn.public_addresses = found;
            Some(())
        },
        get: |config| Some(strings(&config.turn.public_addresses)),
    },
    Key {
        path: "turn.relay_ports",
        kind: Kind::Text,
        allowed: "a range of ports such as \"49152-65535\"",
        about: "The UDP ports of relayed calls, which have to be reachable from everywhere",
        secret: false,
        set: |config, value| {
            let range = text(value)?;
            let (lowest, highest) = range.split_once('-')?;
            let (lowest, highest): (u16, u16) = (lowest.trim().parse().ok()?, highest.trim().parse().ok()?);
            (1..=highest).contains(&lowest).then(|| config.turn.relay_ports = lowest..=highest)
        },
        get: |config| {
            let ports = &config.turn.relay_ports;
            Some(Value::Text(format!("{}-{}", ports.start(), ports.end())))
        },
    },
    Key {
        path: "turn.allowed_peers",
        kind: Kind::List,
        allowed: "addresses or blocks of them such as [\"10.0.0.0/8\"]",
        about: "Networks that the built-in TURN server relays to although they are not public",
        secret: false,
        set: |config, value| {
            let networks: Option<Vec<_>> = list(value)?.iter().map(|entry| entry.parse().ok()).collect();
            networks.map(|networks| config.turn.allowed_peers = networks)
        },
        get: |config| Some(strings(&config.turn.allowed_peers)),
    },
    Key {
        path: "turn.max_allocations",
        kind: Kind::Integer,
        allowed: "a number from 1 to 100000",
        about: "Relayed addresses of all users at once. Each is a socket; a device in a call has two to eight",
        secret: false,
        set: |config, value| count(&value, 100_000).map(|most| config.turn.limits.allocations = most),
        get: |config| i64::try_from(config.turn.limits.allocations).ok().map(Value::Integer),
    },
    Key {
        path: "turn.max_allocations_per_user",
        kind: Kind::Integer,
        allowed: "a number from 1 to 100000",
        about: "Relayed addresses of one user at once",
        secret: false,
        set: |config, value| count(&value, 100_000).map(|most| config.turn.limits.allocations_per_user = most),
        get: |config| i64::try_from(config.turn.limits.allocations_per_user).ok().map(Value::Integer),
    },
    Key {
        path: "turn.max_bytes_per_second",
        kind: Kind::Integer,
        allowed: "a number of bytes from 10000 to 1000000000",
        about: "Bytes that are relayed for one user per second, both directions together",
        secret: false,
        set: |config, value| {
            let bytes = count(&value, 1_000_000_000).filter(|bytes| *bytes >= 10_000)?;
            config.turn.limits.bytes_per_second = bytes as u64;
            Some(())
        },
        get: |config| i64::try_from(config.turn.limits.bytes_per_second).ok().map(Value::Integer),
    },
    Key {
        path: "turn.uris",
        kind: Kind::List,
        allowed: "addresses of TURN servers such as [\"turn:turn.example.org?transport=udp\"]",
        about: "Other TURN servers, which relay calls between networks that cannot reach each other",
        secret: false,
        set: |config, value| {
            let is_relay = |uri: &String| uri.starts_with("turn:") || uri.starts_with("turns:");
            list(value).filter(|uris| uris.iter().all(is_relay)).map(|uris| config.turn.uris = uris)
        },
        get: |config| Some(strings(&config.turn.uris)),
    },
    Key {
        path: "turn.shared_secret",
        kind: Kind::Text,
        allowed: "a string that is not empty",
        about: "The secret shared with the TURN servers (coturn's static-auth-secret)",
        secret: true,
        set: |config, value| {
            let secret = text(value).filter(|secret| !secret.is_empty())?;
            config.turn.shared_secret = Some(Secret(secret));
            Some(())
        },
        get: |config| config.turn.shared_secret.as_ref().map(|secret| Value::from(secret.reveal())),
    },
    Key {
        path: "turn.ttl",
        kind: Kind::Integer,
        allowed: "a number of seconds from 60 to 2592000",
        about: "How long credentials for the TURN servers are valid",
        secret: false,
        set: |config, value| {
            let seconds = integer(&value).filter(|seconds| (60..=30 * 24 * 60 * 60).contains(seconds))?;
            config.turn.ttl_seconds = seconds.unsigned_abs();
            Some(())
        },
        get: |config| i64::try_from(config.turn.ttl_seconds).ok().map(Value::Integer),
    },
    Key {
        path: "rtc.enabled",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether the server forwards the media of calls, for clients of LiveKit at /livekit/sfu",
        secret: false,
        set: |config, value| {
            config.rtc.enabled = boolean(&value)?;
            config.rtc.chosen = true;
            Some(())
        },
        get: |config| Some(Value::Boolean(config.rtc.enabled)),
    },
    Key {
        path: "rtc.udp_port",
        kind: Kind::Integer,
        allowed: "a port; 0 means any free one",
        about: "The UDP port for the media of all calls. Clients have to reach it",
        secret: false,
        set: |config, value| {
            config.rtc.udp_port = integer(&value).and_then(|port| u16::try_from(port).ok())?;
            Some(())
        },
        get: |config| Some(Value::Integer(config.rtc.udp_port.into())),
    },
    Key {
        path: "rtc.tcp_port",
        kind: Kind::Integer,
        allowed: "a port; 0 means none",
        about: "The TCP port for the media of those whose network lets no UDP through",
        secret: false,
        set: |config, value| {
            let port = integer(&value).and_then(|port| u16::try_from(port).ok())?;
            config.rtc.tcp_port = Some(port).filter(|port| *port > 0);
            Some(())
        },
        get: |config| Some(Value::Integer(config.rtc.tcp_port.unwrap_or(0).into())),
    },
    Key {
        path: "rtc.addresses",
        kind: Kind::List,
        allowed: "addresses without ports such as [\"203.0.113.7\", \"2001:db8::7\"]",
        about: "The addresses at which clients reach these ports. Default: those by which this machine reaches others; \
                behind a router, its address has to be named",
        secret: false,
        set: |config, value| {
            let addresses: Option<Vec<_>> = list(value)?.iter().map(|entry| entry.parse().ok()).collect();
            addresses.map(|addresses| config.rtc.addresses = addresses)
        },
        get: |config| Some(strings(&config.rtc.addresses)),
    },
    Key {
        path: "rtc.participants",
        kind: Kind::Integer,
        allowed: "a number from 1 to 100000",
        about: "Participants of all calls together",
        secret: false,
        set: |config, value| {
            let most = integer(&value).filter(|most| (1..=100_000).contains(most))?;
            config.rtc.participants = usize::try_from(most).ok()?;
            Some(())
        },
        get: |config| i64::try_from(config.rtc.participants).ok().map(Value::Integer),
    },
    Key {
        path: "rtc.participants_per_call",
        kind: Kind::Integer,
        allowed: "a number from 2 to 1000",
        about: "Participants of one call",
        secret: false,
        set: |config, value| {
            let most = integer(&value).filter(|most| (2..=1_000).contains(most))?;
            config.rtc.participants_per_call = usize::try_from(most).ok()?;
            Some(())
        },
        get: |config| i64::try_from(config.rtc.participants_per_call).ok().map(Value::Integer),
    },
];
