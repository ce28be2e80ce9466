//! `turn`: the built-in TURN server, and what clients are told of it and of others.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use anyhow::{Result, bail};
use im2_turn::{Certificate, Limits, Options, Turn};

use crate::{config::Config, server::World};

/// The part of the files that this process may open that relayed addresses take at most, and as much connections to
/// the relay.
const FILES_PART: usize = 4;

/// The options of the built-in relay, whose credentials are signed with `secret`. `files` is how many files and sockets
/// this process may open.
pub(crate) fn options(config: &Config, world: &World, secret: &str, files: u64) -> Result<Options> {
    let turn = &config.turn;
    let certificate = match (&turn.certificate, &turn.key) {
        (Some(chain), Some(key)) => Some(Certificate { chain: chain.clone(), key: key.clone() }),
        (None, None) if turn.listen_tls.is_empty() => None,
        _ => bail!("turn.listen_tls takes turn.certificate and turn.key, the paths of both files"),
    };
    let relay_addresses = relay_addresses(config);
    if relay_addresses.is_empty() {
        bail!(
            "turn.public_addresses has to name the address at which others see this machine, as turn.listen does not"
        );
    }
    let most = usize::try_from(files).unwrap_or(usize::MAX) / FILES_PART;
    let limits = Limits {
        allocations: turn.limits.allocations.min(most),
        connections: turn.limits.connections.min(most),
        ..turn.limits
    };
    Ok(Options {
        listen: turn.listen.clone(),
        listen_tls: turn.listen_tls.clone(),
        certificate,
        relay_addresses,
        relay_ports: turn.relay_ports.clone(),
        realm: config.server_name().to_string(),
        secret: secret.to_owned(),
        allowed_peers: turn.allowed_peers.clone(),
        limits,
        clock: Arc::clone(&world.clock),
        random: Arc::clone(&world.random),
    })
}

/// The sockets that the built-in relay may open.
pub(crate) fn sockets(options: &Options) -> u64 {
    (options.limits.allocations + options.limits.connections) as u64
}

/// The addresses that others see: those that were set, else the first of each family that is listened on.
fn relay_addresses(config: &Config) -> Vec<IpAddr> {
    let turn = &config.turn;
    if !turn.public_addresses.is_empty() {
        return turn.public_addresses.clone();
    }
    let listening = turn.listen.iter().chain(&turn.listen_tls).map(SocketAddr::ip);
    let listening: Vec<IpAddr> = listening.filter(|address| !address.is_unspecified()).collect();
    let first = |is_v4| listening.iter().copied().find(|address| address.is_ipv4() == is_v4);
    first(true).into_iter().chain(first(false)).collect()
}

/// What clients are told of the built-in relay, first, and of the others, which have to share the same secret.
pub(crate) fn relays(config: &Config, turn: &Turn, secret: &str) -> im2_chat::turn::Options {
    let host = config.turn.host.clone().or_else(|| config.public_host().map(str::to_owned));
    let host = host.or_else(|| {
        relay_addresses(config).first().map(|address| match address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        })
    });
    let host = host.unwrap_or_default();
    // Listening on both families is one port, and a name stands for both.
    let ports: BTreeSet<u16> = turn.addresses().iter().map(SocketAddr::port).collect();
    let tls_ports: BTreeSet<u16> = turn.tls_addresses().iter().map(SocketAddr::port).collect();
    let mut uris = Vec::new();
    for transport in ["udp", "tcp"] {
        uris.extend(ports.iter().map(|port| format!("turn:{host}:{port}?transport={transport}")));
    }
    uris.extend(tls_ports.iter().map(|port| format!("turns:{host}:{port}?transport=tcp")));
    if config.turn.shared_secret.is_some() {
        uris.extend(config.turn.uris.iter().cloned());
    }
    im2_chat::turn::Options { uris, shared_secret: secret.to_owned(), ttl_seconds: config.turn.ttl_seconds }
}
