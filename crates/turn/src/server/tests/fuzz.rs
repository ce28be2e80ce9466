//! Any bytes, in any order, from several clients and peers: nothing breaks, and what is kept stays within its limits.

use std::time::Duration;

use proptest::prelude::*;

use super::{Action, Client, Method, PEERS, UDP, World, attributes};

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// A client sends one of its messages, with changes.
    Message { client: usize, which: usize, changes: Vec<(prop::sample::Index, u8)>, cut: Option<prop::sample::Index> },
    /// A client sends these bytes.
    Bytes { client: usize, bytes: Vec<u8> },
    /// A peer sends to one of the relayed addresses.
    Peer { port: u16, peer: usize, length: usize },
    /// Time passes.
    Pass(u64),
    /// A client's connection is closed.
    Close(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let step = prop_oneof![
        10 => (0_usize..3, 0_usize..12, changes, prop::option::weighted(0.1, any::<prop::sample::Index>()))
            .prop_map(|(client, which, changes, cut)| Step::Message { client, which, changes, cut }),
        2 => (0_usize..3, prop::collection::vec(any::<u8>(), 0..80))
            .prop_map(|(client, bytes)| Step::Bytes { client, bytes }),
        4 => (50_000_u16..50_040, 0_usize..3, 0_usize..70_000)
            .prop_map(|(port, peer, length)| Step::Peer { port, peer, length }),
        1 => (0_u64..2_000).prop_map(Step::Pass),
        1 => (0_usize..3).prop_map(Step::Close),
    ];
    prop::collection::vec(step, 1..60)
}

/// The messages that a client may send.
fn message(client: &mut Client, which: usize) -> Vec<u8> {
    let transport: (u16, &[u8]) = (attributes::REQUESTED_TRANSPORT, &UDP);
    let peer = client.peer(PEERS[which % 3]);
    let peer = (attributes::XOR_PEER_ADDRESS, &peer[..]);
    match which {
        0 => client.build(Method::Binding, &[]),
        1 => client.build(Method::Allocate, &[transport]),
        2 => client.build(Method::Allocate, &[transport, (attributes::EVEN_PORT, &[0x80])]),
        3 => client.build(Method::Allocate, &[transport, (attributes::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0])]),
        4 => client.build(Method::Refresh, &[(attributes::LIFETIME, &[0, 0, 9, 0])]),
        5 => client.build(Method::Refresh, &[(attributes::LIFETIME, &[0; 4])]),
        6 | 7 => client.build(Method::CreatePermission, &[peer]),
        8 => client.build(Method::ChannelBind, &[(attributes::CHANNEL_NUMBER, &[0x40, 1, 0, 0]), peer]),
        9 => Client::indication(PEERS[0], b"data of a client"),
        10 => Client::indication("203.0.113.9:50003", b"data for a client"),
        _ => Client::channel_data(0x4001, b"data of a channel"),
    }
}

fn client(number: usize) -> Client {
    Client::new(&format!("@user{number}:example.org"), &format!("198.51.100.{number}:40000"))
}

proptest! {
    #[test]
    fn fuzz_nothing_that_arrives_breaks_the_server(steps in steps()) {
        let mut world = World::with(&super::Options { relay_ports: 50_000..=50_039, ..super::options() });
        let mut clients = [client(0), client(1), client(2)];
        for step in steps {
            match step {
                Step::Message { client, which, changes, cut } => {
                    let client = &mut clients[client];
                    client.requests %= 100;
                    let mut bytes = message(client, which);
                    for (at, byte) in changes {
                        let at = at.index(bytes.len());
                        bytes[at] = byte;
                    }
                    bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
                    let (action, _) = world.receive(&client.from, &bytes);
                    if let Action::Answer(answer) = action {
                        let answer = super::Answer(answer);
                        if let Some(nonce) = answer.message().get(attributes::NONCE) {
                            client.nonce = nonce.to_vec();
                        }
                    }
                }
                Step::Bytes { client, bytes } => drop(world.receive(&clients[client].from, &bytes)),
                Step::Peer { port, peer, length } => {
                    let relayed = (super::RELAY_V4.parse::<std::net::IpAddr>().unwrap(), port).into();
                    world.datagram(relayed, PEERS[peer], &vec![1; length]);
                }
                Step::Pass(seconds) => world.pass(Duration::from_secs(seconds)),
                Step::Close(client) => world.server.closed(&clients[client].from),
            }
            let server = &world.server;
            prop_assert!(server.allocations.len() <= 3 && server.open_relays() <= 3 * 4);
            prop_assert_eq!(server.open_relays(), world.open_ports());
            prop_assert_eq!(server.ends.len(), server.relays.len());
            let relays: usize = server.allocations.values().map(|allocation| allocation.relays.len()).sum();
            prop_assert_eq!(relays, server.relays.len());
        }
        for client in &clients {
            world.server.closed(&client.from);
        }
        world.pass(Duration::from_secs(60));
        prop_assert_eq!((world.open_ports(), world.server.users.len()), (0, 0));
    }
}
