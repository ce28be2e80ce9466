//! Data: what is carried to peers and clients, and what is not.

use std::time::Duration;

use super::{
    Action, Attributes, Builder, Class, Client, Counter, FiveTuple, Limits, Message, Method, Options, RELAY_V4, World,
    XorAddress, attributes, options,
};
use crate::server::Transport;

const PEER: &str = "1.1.1.1:7000";

fn to_peer(world: &mut World, client: &Client, bytes: &[u8]) -> Option<(u16, String, Vec<u8>)> {
    match world.receive(&client.from, bytes) {
        (Action::ToPeer(socket, peer), data) => Some((socket.0.number, peer.to_string(), data)),
        (Action::Nothing, _) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn indications_go_both_ways() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    let relayed = ana.allocate(&mut world);
    assert_eq!(to_peer(&mut world, &ana, &Client::indication(PEER, b"hello")), None, "no permission yet");
    assert_eq!(world.datagram(relayed, PEER, b"hello"), None);
    assert_eq!(world.count(Counter::NotPermitted), 2);
    assert_eq!(ana.permit(&mut world, "1.1.1.1:1"), 0);
    for data in [&b"hello"[..], b"", &[7; 1_200]] {
        let sent = to_peer(&mut world, &ana, &Client::indication(PEER, data)).unwrap();
        assert_eq!(sent, (relayed.port(), PEER.to_owned(), data.to_vec()));
        let (client, bytes) = world.datagram(relayed, PEER, data).unwrap();
        assert_eq!(client, ana.from.client);
        let message = Message::read(&bytes).unwrap();
        assert_eq!((message.class(), message.method()), (Class::Indication, Method::Data));
        assert_eq!(message.get(attributes::DATA), Some(data));
        let peer = message.get(attributes::XOR_PEER_ADDRESS).unwrap();
        assert_eq!(XorAddress::read(peer, &message.transaction()), Some(PEER.parse().unwrap()));
    }
    assert_eq!(world.datagram(relayed, "1.1.1.2:7000", b"from elsewhere"), None);
    assert_eq!(to_peer(&mut world, &ana, &Client::indication("1.1.1.2:7000", b"to elsewhere")), None);
    assert_eq!(to_peer(&mut world, &ana, &Client::indication("1.1.1.1:0", b"to no port")), None);
    // It ends after five minutes, and data does not prolong it.
    world.pass(Duration::from_secs(299));
    assert!(to_peer(&mut world, &ana, &Client::indication(PEER, b"x")).is_some());
    world.pass(Duration::from_secs(1));
    assert_eq!(to_peer(&mut world, &ana, &Client::indication(PEER, b"x")), None);
    assert_eq!(world.datagram(relayed, PEER, b"x"), None);
    assert_eq!(world.count(Counter::PacketsToPeers), 4);
    assert_eq!((world.count(Counter::BytesToPeers), world.count(Counter::BytesToClients)), (1_206, 1_205));
}

#[test]
fn channels_go_both_ways() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    let relayed = ana.allocate(&mut world);
    assert_eq!(to_peer(&mut world, &ana, &Client::channel_data(0x4000, b"hello")), None);
    assert_eq!(ana.bind(&mut world, 0x4000, PEER), 0);
    for data in [&b"hello"[..], b"", &[7; 1_201]] {
        let bytes = Client::channel_data(0x4000, data);
        let sent = to_peer(&mut world, &ana, &bytes).unwrap();
        assert_eq!(sent, (relayed.port(), PEER.to_owned(), data.to_vec()));
        let padded = [&bytes[..], &[0; 3]].concat();
        assert_eq!(to_peer(&mut world, &ana, &padded).unwrap(), sent);
        assert_eq!(world.datagram(relayed, PEER, data), Some((ana.from.client, bytes)));
    }
    // From another port of the peer it is an indication.
    let (_, bytes) = world.datagram(relayed, "1.1.1.1:7001", b"hello").unwrap();
    assert_eq!(Message::read(&bytes).unwrap().method(), Method::Data);
    for (bad, count) in [
        (&[0x40, 0][..], Counter::Malformed),
        (&[0x40, 0, 0, 5, 1, 2, 3, 4], Counter::Malformed),
        (&[0x40, 0, 0, 1, 1, 2, 3, 4, 5], Counter::Malformed),
        (&[0x40, 1, 0, 1, 1], Counter::NotPermitted),
    ] {
        let begun = world.count(count);
        assert_eq!(to_peer(&mut world, &ana, bad), None);
        assert_eq!(world.count(count), begun + 1, "{bad:?}");
    }
    // A channel lasts ten minutes, its permission five.
    ana.refresh(&mut world, 3_600);
    world.pass(Duration::from_secs(300));
    assert_eq!(to_peer(&mut world, &ana, &Client::channel_data(0x4000, b"x")), None);
    assert_eq!(ana.permit(&mut world, PEER), 0);
    assert!(to_peer(&mut world, &ana, &Client::channel_data(0x4000, b"x")).is_some());
    world.pass(Duration::from_secs(299));
    assert!(to_peer(&mut world, &ana, &Client::channel_data(0x4000, b"x")).is_some());
    world.pass(Duration::from_secs(1));
    assert_eq!(to_peer(&mut world, &ana, &Client::channel_data(0x4000, b"x")), None);
    for number in [0, 0x3FFF, 0x7FFF, 0x8000] {
        assert_eq!(ana.bind(&mut world, number, PEER), 400);
    }
}

#[test]
fn on_a_stream_channel_data_is_padded() {
    let mut world = World::new();
    let from = FiveTuple { transport: Transport::Stream, ..Client::ana().from };
    let mut ana = Client { from, ..Client::ana() };
    let relayed = ana.allocate(&mut world);
    assert_eq!(ana.bind(&mut world, 0x4001, PEER), 0);
    let (_, bytes) = world.datagram(relayed, PEER, b"hello").unwrap();
    assert_eq!(bytes, b"\x40\x01\0\x05hello\0\0\0");
}

#[test]
fn private_peers_are_refused() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    ana.allocate(&mut world);
    for peer in ["127.0.0.1:80", "10.0.0.1:80", "169.254.169.254:80", "100.64.0.1:1", "224.0.0.1:1", "0.0.0.0:1"] {
        assert_eq!((ana.permit(&mut world, peer), ana.bind(&mut world, 0x4000, peer)), (403, 403), "{peer}");
        assert_eq!(to_peer(&mut world, &ana, &Client::indication(peer, b"x")), None);
    }
    assert_eq!(world.count(Counter::ForbiddenPeers), 12);
    // One that is refused among others: none is permitted.
    let (public, private) = (ana.peer(PEER), ana.peer("10.0.0.1:1"));
    let peers = [(attributes::XOR_PEER_ADDRESS, &public[..]), (attributes::XOR_PEER_ADDRESS, &private)];
    assert_eq!(ana.ask(&mut world, Method::CreatePermission, &peers).code(), 403);
    assert_eq!(to_peer(&mut world, &ana, &Client::indication(PEER, b"x")), None);
    assert_eq!(ana.ask(&mut world, Method::CreatePermission, &[]).code(), 400);
    let short = [(attributes::XOR_PEER_ADDRESS, &[0, 1, 0][..])];
    assert_eq!(ana.ask(&mut world, Method::CreatePermission, &short).code(), 400);

    let mut six = Client::new("@ana:example.org", "198.51.100.1:40001");
    let family: (u16, &[u8]) = (attributes::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    let transport: (u16, &[u8]) = (attributes::REQUESTED_TRANSPORT, &super::UDP);
    assert_eq!(six.ask(&mut world, Method::Allocate, &[transport, family]).code(), 0);
    for peer in [
        "[::1]:80",
        "[fe80::1]:80",
        "[fd00::1]:80",
        "[::ffff:127.0.0.1]:80",
        "[64:ff9b::7f00:1]:80",
        "[::ffff:1.1.1.1]:1",
    ] {
        assert_eq!(six.permit(&mut world, peer), 403, "{peer}");
    }
    let allowed_peers = vec!["10.0.0.0/24".parse().unwrap()];
    let mut world = World::with(&Options { allowed_peers, ..options() });
    let mut ana = Client::ana();
    ana.allocate(&mut world);
    assert_eq!((ana.permit(&mut world, "10.0.0.9:1"), ana.permit(&mut world, "10.0.1.9:1")), (0, 403));
}

#[test]
fn two_clients_of_the_server_talk_through_it() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    let mut ben = Client::new("@ben:example.org", "198.51.100.2:50000");
    let (anas, bens) = (ana.allocate(&mut world), ben.allocate(&mut world));
    assert_eq!((ana.permit(&mut world, &bens.to_string()), ben.bind(&mut world, 0x4000, &anas.to_string())), (0, 0));
    match world.receive(&ana.from, &Client::indication(&bens.to_string(), b"hello")) {
        (Action::ToClient(client), bytes) => {
            assert_eq!((client, bytes), (ben.from.client, Client::channel_data(0x4000, b"hello")));
        }
        other => panic!("{other:?}"),
    }
    match world.receive(&ben.from, &Client::channel_data(0x4000, b"hello yourself")) {
        (Action::ToClient(client), bytes) => {
            let message = Message::read(&bytes).unwrap();
            assert_eq!((client, message.get(attributes::DATA)), (ana.from.client, Some(&b"hello yourself"[..])));
        }
        other => panic!("{other:?}"),
    }
    // Nothing else at the server's addresses is a peer: it may be there for this machine only.
    for port in [22, 3478, 49_999, if bens.port() == 50_001 { 50_002 } else { 50_001 }] {
        let peer = format!("{RELAY_V4}:{port}");
        if peer != anas.to_string() {
            assert_eq!(to_peer(&mut world, &ana, &Client::indication(&peer, b"x")), None, "{peer}");
        }
    }
    // And who has not permitted a client is not reached through the server either.
    let mut eve = Client::new("@eve:example.org", "198.51.100.3:50000");
    eve.allocate(&mut world);
    assert_eq!(eve.permit(&mut world, &bens.to_string()), 0);
    world.pass(Duration::from_secs(1));
    let mut stranger = Client::new("@ida:example.org", "198.51.100.4:50000");
    let idas = stranger.allocate(&mut world);
    assert_eq!(to_peer(&mut world, &eve, &Client::indication(&idas.to_string(), b"x")), None);
}

#[test]
fn a_user_with_too_many_bytes_hinders_nobody() {
    let limits = Limits { bytes_per_second: 10_000, ..options().limits };
    let mut world = World::with(&Options { limits, ..options() });
    let (mut ana, mut ben) = (Client::ana(), Client::new("@ben:example.org", "198.51.100.2:50000"));
    let (anas, bens) = (ana.allocate(&mut world), ben.allocate(&mut world));
    assert_eq!((ana.bind(&mut world, 0x4000, PEER), ben.bind(&mut world, 0x4000, PEER)), (0, 0));
    let data = Client::channel_data(0x4000, &[1; 1_000]);
    let sent = |world: &mut World, client: &Client| (0..20).filter(|_| to_peer(world, client, &data).is_some()).count();
    assert_eq!((sent(&mut world, &ana), sent(&mut world, &ben)), (10, 10));
    assert_eq!(world.datagram(anas, PEER, b"both ways count"), None);
    assert_eq!(world.count(Counter::OverBandwidth), 21);
    world.pass(Duration::from_millis(500));
    assert_eq!(sent(&mut world, &ana), 5);
    assert!((0..5).all(|_| world.datagram(bens, PEER, &[1; 1_000]).is_some()));
    assert!(world.datagram(bens, PEER, &[1; 1_000]).is_none());
    // A second allocation of the same user has no other allowance, nor has a new one in its place.
    let mut second = Client::new("@ana:example.org", "198.51.100.1:40001");
    second.allocate(&mut world);
    assert_eq!((second.bind(&mut world, 0x4000, PEER), sent(&mut world, &second)), (0, 0));
    ana.refresh(&mut world, 0);
    second.refresh(&mut world, 0);
    world.pass(Duration::from_millis(1));
    ana.allocate(&mut world);
    assert_eq!((ana.bind(&mut world, 0x4000, PEER), sent(&mut world, &ana)), (0, 0));
}

#[test]
fn an_indication_that_is_not_understood_is_dropped() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    ana.allocate(&mut world);
    assert_eq!(ana.permit(&mut world, PEER), 0);
    let address = XorAddress::of(PEER.parse().unwrap(), &[9; 12]);
    let peer = (attributes::XOR_PEER_ADDRESS, address.as_bytes());
    let data = (attributes::DATA, &b"x"[..]);
    let cases: [(Attributes<'_>, bool); 6] = [
        (&[peer, data], true),
        (&[peer, data, (0x8022, b"a client")], true),
        (&[peer], false),
        (&[data], false),
        (&[peer, data, (0x001A, b"")], false), // DONT-FRAGMENT
        (&[(attributes::XOR_PEER_ADDRESS, b"1234"), data], false),
    ];
    for (attributes, is_sent) in cases {
        let mut builder = Builder::new(Class::Indication, Method::Send, &[9; 12]);
        for (kind, value) in attributes {
            builder.attribute(*kind, value);
        }
        let bytes = builder.fingerprint().finish();
        assert_eq!(to_peer(&mut world, &ana, &bytes).is_some(), is_sent, "{attributes:?}");
    }
    let keep_alive = Builder::new(Class::Indication, Method::Binding, &[9; 12]).finish();
    let malformed = world.count(Counter::Malformed);
    assert_eq!(to_peer(&mut world, &ana, &keep_alive), None);
    assert_eq!(world.count(Counter::Malformed), malformed);
}

#[test]
fn the_largest_datagrams() {
    let (mut world, mut ana) = (World::with(&Options { limits: Limits::default(), ..options() }), Client::ana());
    let relayed = ana.allocate(&mut world);
    assert_eq!((ana.permit(&mut world, PEER), ana.bind(&mut world, 0x4000, "1.1.1.2:1")), (0, 0));
    // More than 65,535 bytes with its header cannot be told to the client, by an indication or at all.
    let largest = vec![1; 65_507];
    assert!(world.datagram(relayed, "1.1.1.2:1", &largest).is_some_and(|(_, bytes)| bytes.len() == 65_511));
    let (_, bytes) = world.datagram(relayed, PEER, &largest).unwrap();
    assert_eq!(Message::read(&bytes).unwrap().get(attributes::DATA), Some(&largest[..]));
    assert_eq!(world.datagram(relayed, PEER, &vec![1; 65_535]), None);
}
