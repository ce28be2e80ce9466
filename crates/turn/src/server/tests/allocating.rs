//! Allocations: what is given, for how long, to whom, and what is refused.

use std::{sync::atomic::Ordering, time::Duration};

use super::{
    Attributes, Client, Counter, FiveTuple, Limits, Method, Options, RELAY_V4, RELAY_V6, UDP, World, attributes,
    options,
};
use crate::server::Transport;

const TRANSPORT: (u16, &[u8]) = (attributes::REQUESTED_TRANSPORT, &UDP);
const V4: &[u8] = &[1, 0, 0, 0];
const V6: &[u8] = &[2, 0, 0, 0];

#[test]
fn an_allocation_is_given_and_refreshed_and_ends() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    let answer = ana.ask(&mut world, Method::Allocate, &[TRANSPORT]);
    let relayed = answer.relayed();
    assert_eq!(relayed.ip().to_string(), RELAY_V4);
    assert!((50_000..=50_999).contains(&relayed.port()));
    assert_eq!(answer.number(attributes::LIFETIME), 600);
    assert_eq!(answer.address(attributes::XOR_MAPPED_ADDRESS), ana.from.client);
    for (asked, given) in [(1, 600), (600, 600), (1_000, 1_000), (3_600, 3_600), (u32::MAX, 3_600)] {
        assert_eq!(ana.refresh(&mut world, asked).number(attributes::LIFETIME), given);
    }
    assert_eq!(ana.ask(&mut world, Method::Refresh, &[]).number(attributes::LIFETIME), 600);
    world.pass(Duration::from_secs(599));
    assert_eq!((world.open_ports(), world.counters.allocations()), (1, 1));
    world.pass(Duration::from_secs(1));
    assert_eq!((world.open_ports(), world.counters.allocations()), (0, 0));
    assert_eq!(ana.refresh(&mut world, 600).code(), 437);
    ana.allocate(&mut world);
    assert_eq!(ana.refresh(&mut world, 0).number(attributes::LIFETIME), 0);
    assert_eq!((world.open_ports(), ana.refresh(&mut world, 0).code()), (0, 437));
}

#[test]
fn nothing_is_left_of_an_allocation_that_ended() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    for round in 0..300 {
        let relayed = ana.allocate(&mut world);
        assert_eq!(ana.bind(&mut world, 0x4000, "1.1.1.1:9"), 0);
        match round % 3 {
            0 => drop(ana.refresh(&mut world, 0)),
            1 => world.server.closed(&ana.from),
            _ => world.pass(Duration::from_secs(600)),
        }
        assert!(world.datagram(relayed, "1.1.1.1:9", b"late").is_none());
        world.now += Duration::from_millis(100);
        if world.now.as_secs() % 3_000 > 2_000 {
            ana = Client::ana();
            world = World::new();
        }
    }
    world.server.closed(&ana.from);
    world.pass(Duration::from_secs(10));
    let server = &world.server;
    assert_eq!((server.allocations.len(), server.relays.len(), server.ends.len(), server.users.len()), (0, 0, 0, 0));
    assert_eq!(world.open_ports(), 0);
}

#[test]
fn a_five_tuple_has_one_allocation() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    let request = ana.build(Method::Allocate, &[TRANSPORT]);
    ana.send(&mut world, &request);
    let request = ana.build(Method::Allocate, &[TRANSPORT]);
    let first = ana.send(&mut world, &request).relayed();
    // The same request again, because its answer was lost, has the same answer.
    assert_eq!(ana.send(&mut world, &request).relayed(), first);
    assert_eq!(ana.ask(&mut world, Method::Allocate, &[TRANSPORT]).code(), 437);
    assert_eq!(world.open_ports(), 1);
    // Another transport or another socket of the server is another five-tuple.
    for from in [FiveTuple { transport: Transport::Stream, ..ana.from }, FiveTuple { listener: 1, ..ana.from }] {
        let mut other = Client { from, nonce: Vec::new(), ..ana.clone() };
        assert_ne!(other.allocate(&mut world), first);
    }
    assert_eq!(world.open_ports(), 3);
}

#[test]
fn an_allocation_is_its_users() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    ana.allocate(&mut world);
    let mut eve = Client { from: ana.from, ..Client::new("@eve:example.org", "192.0.2.1:1") };
    assert_eq!(eve.refresh(&mut world, 0).code(), 441);
    assert_eq!(eve.permit(&mut world, "1.1.1.1:9"), 441);
    assert_eq!(eve.bind(&mut world, 0x4000, "1.1.1.1:9"), 441);
    assert_eq!(eve.ask(&mut world, Method::Allocate, &[TRANSPORT]).code(), 437);
    // The same user with newer credentials goes on.
    let username = ana.username.replace("1800003600", "1800009999");
    let mut renewed = Client { password: super::password(&username), username, ..ana.clone() };
    assert_eq!(renewed.refresh(&mut world, 600).code(), 0);
}

#[test]
fn what_is_asked_for_is_checked() {
    let mut world = World::new();
    let even: (u16, &[u8]) = (attributes::EVEN_PORT, &[0]);
    let even_and_next: (u16, &[u8]) = (attributes::EVEN_PORT, &[0x80]);
    let token: (u16, &[u8]) = (attributes::RESERVATION_TOKEN, &[1; 8]);
    let requested = |family| (attributes::REQUESTED_ADDRESS_FAMILY, family);
    let additional = |family| (attributes::ADDITIONAL_ADDRESS_FAMILY, family);
    let unknown: &[u8] = &[3, 0, 0, 0];
    let cases: &[(Attributes<'_>, u16)] = &[
        (&[], 400),
        (&[(attributes::REQUESTED_TRANSPORT, &[17])], 400),
        (&[(attributes::REQUESTED_TRANSPORT, &[6, 0, 0, 0])], 442),
        (&[TRANSPORT, (attributes::LIFETIME, &[0, 1])], 400),
        (&[TRANSPORT, (0x001A, &[])], 420), // DONT-FRAGMENT
        (&[TRANSPORT, (0x7000, &[])], 420),
        (&[TRANSPORT, (attributes::EVEN_PORT, &[])], 400),
        (&[TRANSPORT, token, even], 400),
        (&[TRANSPORT, token, requested(V4)], 400),
        (&[TRANSPORT, token, additional(V6)], 400),
        (&[TRANSPORT, (attributes::RESERVATION_TOKEN, &[1; 7])], 400),
        (&[TRANSPORT, token], 508),
        (&[TRANSPORT, requested(unknown)], 440),
        (&[TRANSPORT, requested(&[1])], 400),
        (&[TRANSPORT, requested(V4), additional(V6)], 400),
        (&[TRANSPORT, additional(V4)], 400),
        (&[TRANSPORT, additional(V6), even_and_next], 400),
    ];
    for (attributes, code) in cases {
        let mut ana = Client::ana();
        assert_eq!(ana.ask(&mut world, Method::Allocate, attributes).code(), *code, "{attributes:?}");
    }
    assert_eq!(world.open_ports(), 0);
    let mut ana = Client::ana();
    assert_eq!(ana.ask(&mut world, Method::Allocate, &[TRANSPORT, requested(V4), (0xC057, &[1])]).code(), 0);
}

#[test]
fn families() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    let requested = |family| (attributes::REQUESTED_ADDRESS_FAMILY, family);
    let relayed = ana.ask(&mut world, Method::Allocate, &[TRANSPORT, requested(V6)]).relayed();
    assert_eq!(relayed.ip().to_string(), RELAY_V6);
    assert_eq!(ana.permit(&mut world, "1.1.1.1:9"), 443);
    assert_eq!(ana.bind(&mut world, 0x4000, "1.1.1.1:9"), 443);
    assert_eq!(ana.permit(&mut world, "[2606:4700::1111]:9"), 0);
    assert_eq!(ana.ask(&mut world, Method::Refresh, &[requested(V4)]).code(), 443);
    assert_eq!(ana.ask(&mut world, Method::Refresh, &[requested(V6)]).code(), 0);

    // A server with addresses of one family only.
    let mut world = World::with(&Options { relay_addresses: vec![RELAY_V6.parse().unwrap()], ..options() });
    assert_eq!(Client::ana().ask(&mut world, Method::Allocate, &[TRANSPORT]).code(), 440);
    assert_eq!(Client::ana().ask(&mut world, Method::Allocate, &[TRANSPORT, requested(V4)]).code(), 440);
    assert_eq!(Client::ana().ask(&mut world, Method::Allocate, &[TRANSPORT, requested(V6)]).code(), 0);
}

#[test]
fn both_families_at_once() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    let both = [TRANSPORT, (attributes::ADDITIONAL_ADDRESS_FAMILY, V6)];
    let answer = ana.ask(&mut world, Method::Allocate, &both);
    let addresses = answer.message().attributes().filter(|(kind, _)| *kind == attributes::XOR_RELAYED_ADDRESS).count();
    assert_eq!((addresses, world.open_ports()), (2, 2));
    assert_eq!((ana.permit(&mut world, "1.1.1.1:9"), ana.permit(&mut world, "[2606:4700::1111]:9")), (0, 0));
    // Each ends by itself.
    let family: (u16, &[u8]) = (attributes::REQUESTED_ADDRESS_FAMILY, V4);
    let none = (attributes::LIFETIME, &[0; 4][..]);
    assert_eq!(ana.ask(&mut world, Method::Refresh, &[none, family]).code(), 0);
    assert_eq!(world.open_ports(), 1);
    assert_eq!((ana.permit(&mut world, "1.1.1.1:9"), ana.permit(&mut world, "[2606:4700::1111]:9")), (443, 0));
    world.pass(Duration::from_secs(600));
    assert_eq!((world.open_ports(), ana.refresh(&mut world, 600).code()), (0, 437));

    // Where the second cannot be had, the first is given and the answer says why.
    let mut world = World::with(&Options { relay_addresses: vec![RELAY_V4.parse().unwrap()], ..options() });
    let answer = Client::ana().ask(&mut world, Method::Allocate, &both);
    assert_eq!(answer.relayed().ip().to_string(), RELAY_V4);
    let error = answer.message().get(attributes::ADDRESS_ERROR_CODE).map(|value| value[..4].to_vec());
    assert_eq!(error, Some(vec![2, 0, 4, 40]));
}

#[test]
fn even_ports_and_reservations() {
    let mut world = World::new();
    let even: (u16, &[u8]) = (attributes::EVEN_PORT, &[0]);
    let even_and_next: (u16, &[u8]) = (attributes::EVEN_PORT, &[0x80]);
    let mut ana = Client::ana();
    let answer = ana.ask(&mut world, Method::Allocate, &[TRANSPORT, even]);
    assert_eq!((answer.relayed().port() % 2, answer.message().get(attributes::RESERVATION_TOKEN)), (0, None));
    ana.refresh(&mut world, 0);

    let answer = ana.ask(&mut world, Method::Allocate, &[TRANSPORT, even_and_next]);
    let token = answer.message().get(attributes::RESERVATION_TOKEN).unwrap().to_vec();
    let token = (attributes::RESERVATION_TOKEN, &token[..]);
    assert_eq!((answer.relayed().port() % 2, world.open_ports()), (0, 2));
    let mut eve = Client::new("@eve:example.org", "192.0.2.1:1");
    assert_eq!(eve.ask(&mut world, Method::Allocate, &[TRANSPORT, token]).code(), 508, "somebody else's");
    let mut second = Client::new("@ana:example.org", "198.51.100.1:40001");
    let next = second.ask(&mut world, Method::Allocate, &[TRANSPORT, token]).relayed();
    assert_eq!(next.port(), answer.relayed().port() + 1);
    let mut third = Client::new("@ana:example.org", "198.51.100.1:40002");
    assert_eq!(third.ask(&mut world, Method::Allocate, &[TRANSPORT, token]).code(), 508, "used up");

    // A port that nobody comes for is kept for half a minute, and counts as long.
    let mut last = Client::new("@ana:example.org", "198.51.100.1:40003");
    assert_eq!(last.ask(&mut world, Method::Allocate, &[TRANSPORT, even_and_next]).code(), 0);
    assert_eq!(third.ask(&mut world, Method::Allocate, &[TRANSPORT]).code(), 486);
    world.pass(Duration::from_secs(30));
    assert_eq!(world.open_ports(), 3);
    assert_eq!(third.ask(&mut world, Method::Allocate, &[TRANSPORT]).code(), 0);
}

#[test]
fn a_user_who_has_all_of_theirs_hinders_nobody() {
    let mut world = World::new();
    let client = |user: &str, port: u16| Client::new(user, &format!("198.51.100.1:{port}"));
    let codes = |world: &mut World, user: &str| -> Vec<u16> {
        (1..=6).map(|port| client(user, port).ask(world, Method::Allocate, &[TRANSPORT]).code()).collect()
    };
    assert_eq!(codes(&mut world, "@greedy:example.org"), [0, 0, 0, 0, 486, 486]);
    let mut ana = Client::ana();
    ana.allocate(&mut world);
    assert_eq!(world.count(Counter::AllocationsRefused), 2);
    // What ends can be had again.
    let mut first = client("@greedy:example.org", 1);
    assert_eq!(first.refresh(&mut world, 0).code(), 0);
    assert_eq!(client("@greedy:example.org", 9).ask(&mut world, Method::Allocate, &[TRANSPORT]).code(), 0);
}

#[test]
fn the_server_has_a_limit_and_ports_run_out() {
    let limits = Limits { allocations: 3, allocations_per_user: 100, ..options().limits };
    let mut world = World::with(&Options { limits, ..options() });
    let ask = |world: &mut World, port: u16| {
        let mut client = Client::new(&format!("@user{port}:example.org"), &format!("198.51.100.1:{port}"));
        client.ask(world, Method::Allocate, &[TRANSPORT]).code()
    };
    assert_eq!((1..=5).map(|port| ask(&mut world, port)).collect::<Vec<_>>(), [0, 0, 0, 508, 508]);

    let mut world = World::with(&Options { relay_ports: 50_000..=50_001, ..options() });
    assert_eq!((1..=4).map(|port| ask(&mut world, port)).collect::<Vec<_>>(), [0, 0, 508, 508]);
    let mut world = World::with(&Options { relay_ports: 65_535..=65_535, ..options() });
    let mut ana = Client::ana();
    let even_and_next: (u16, &[u8]) = (attributes::EVEN_PORT, &[0x80]);
    assert_eq!(ana.ask(&mut world, Method::Allocate, &[TRANSPORT, even_and_next]).code(), 508);
    assert_eq!((world.open_ports(), ask(&mut world, 1)), (0, 0));

    let mut world = World::new();
    world.ports.exhausted.store(true, Ordering::Relaxed);
    assert_eq!(ask(&mut world, 1), 508);
    world.ports.exhausted.store(false, Ordering::Relaxed);
    assert_eq!(ask(&mut world, 1), 0, "nothing was counted for what was not given");
}
