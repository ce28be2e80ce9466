//! Credentials, nonces, and what somebody without them is told.

use std::time::Duration;

use super::{
    Action, Answer, Builder, Class, Client, Counter, FiveTuple, Key, Method, REALM, UDP, UNIX, World, attributes,
    password,
};
use crate::server::nonce;

#[test]
fn a_binding_request_learns_its_address_without_credentials() {
    let mut world = World::new();
    for address in ["198.51.100.1:40000", "[2001:db8::1]:40000"] {
        let mut client = Client::new("nobody", address);
        let request = client.build(Method::Binding, &[]);
        let answer = client.send(&mut world, &request);
        assert_eq!(answer.address(attributes::XOR_MAPPED_ADDRESS), address.parse().unwrap());
        assert!(answer.0.len() <= request.len() + 24, "no more than is needed");
        let request = client.build(Method::Binding, &[(0x0003, &[0; 4]), (0x0024, &[0; 4]), (0x8029, &[0; 8])]);
        let answer = client.send(&mut world, &request);
        assert_eq!(answer.code(), 420);
        assert_eq!(answer.message().get(attributes::UNKNOWN_ATTRIBUTES), Some(&[0, 3, 0, 0x24][..]));
    }
}

#[test]
fn credentials_of_either_kind_are_taken() {
    for sha256 in [false, true] {
        let (mut world, mut ana) = (World::new(), Client { sha256, ..Client::ana() });
        let request = ana.build(Method::Allocate, &[(attributes::REQUESTED_TRANSPORT, &UDP)]);
        let challenge = ana.send(&mut world, &request);
        assert_eq!(challenge.code(), 401);
        assert_eq!(challenge.message().get(attributes::REALM), Some(REALM.as_bytes()));
        assert!(challenge.0.len() < 150, "{} bytes are more than a challenge needs", challenge.0.len());
        ana.allocate(&mut world);
        assert_eq!(ana.permit(&mut world, "1.1.1.1:9"), 0);
    }
}

#[test]
fn a_client_without_algorithms_may_sign_with_sha256() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    let request = ana.build(Method::Allocate, &[(attributes::REQUESTED_TRANSPORT, &UDP)]);
    ana.send(&mut world, &request);
    let mut builder = Builder::new(Class::Request, Method::Allocate, &[9; 12]);
    builder.attribute(attributes::REQUESTED_TRANSPORT, &UDP).attribute(attributes::USERNAME, ana.username.as_bytes());
    builder.attribute(attributes::REALM, REALM.as_bytes()).attribute(attributes::NONCE, &ana.nonce);
    let request = builder.sign(&ana.key(), true).finish();
    let answer = ana.send(&mut world, &request);
    answer.relayed();
    assert!(answer.message().is_signed_with_sha256() && answer.message().is_signed_by(&ana.key()));
}

#[test]
fn wrong_and_expired_credentials_are_refused() {
    let mut world = World::new();
    let code = |world: &mut World, mut client: Client| {
        client.ask(world, Method::Allocate, &[(attributes::REQUESTED_TRANSPORT, &UDP)]).code()
    };
    assert_eq!(code(&mut world, Client { password: "guess".into(), ..Client::ana() }), 401);
    let named = |username: &str| Client { username: username.into(), password: password(username), ..Client::ana() };
    assert_eq!(code(&mut world, named(&format!("{UNIX}:@ana:example.org"))), 401, "expired");
    assert_eq!(code(&mut world, named("@ana:example.org")), 401, "without a time");
    assert_eq!(code(&mut world, named("")), 401);
    // Those of one user with a later time, or of another one.
    let ana = Client::ana();
    for username in [format!("{}:@ana:example.org", UNIX + 7_200), format!("{}:@ben:example.org", UNIX + 3_600)] {
        assert_eq!(code(&mut world, Client { username, ..ana.clone() }), 401);
    }
    assert_eq!((world.open_ports(), world.count(Counter::Allocated)), (0, 0));
    assert!(world.count(Counter::Unauthorized) >= 12);
    assert_eq!(code(&mut world, ana), 0);
}

#[test]
fn what_was_allocated_outlives_the_credentials() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    ana.allocate(&mut world);
    for _ in 0..8 {
        world.pass(Duration::from_secs(500));
        if ana.refresh(&mut world, 600).code() == 438 {
            assert_eq!(ana.refresh(&mut world, 600).code(), 0);
        }
    }
    assert_eq!((ana.permit(&mut world, "1.1.1.1:9"), world.open_ports()), (0, 1));
    ana.refresh(&mut world, 0);
    let again = ana.ask(&mut world, Method::Allocate, &[(attributes::REQUESTED_TRANSPORT, &UDP)]);
    assert_eq!(again.code(), 401, "a new one needs new credentials");
}

#[test]
fn a_nonce_gets_old_and_is_replaced() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    ana.allocate(&mut world);
    ana.refresh(&mut world, 3_600);
    world.pass(nonce::LIFETIME.saturating_sub(Duration::from_secs(1)));
    let old = ana.nonce.clone();
    let stale = ana.refresh(&mut world, 3_600).code();
    assert_eq!(stale, 0);
    world.pass(Duration::from_secs(1));
    assert_eq!(ana.refresh(&mut world, 3_600).code(), 438);
    assert_ne!(ana.nonce, old);
    assert_eq!(ana.refresh(&mut world, 3_600).code(), 0);
    ana.nonce = b"made up".to_vec();
    assert_eq!(ana.refresh(&mut world, 3_600).code(), 438);
}

#[test]
fn incomplete_credentials_are_bad_requests() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    ana.allocate(&mut world);
    let whole: [(u16, &[u8]); 3] = [
        (attributes::USERNAME, ana.username.as_bytes()),
        (attributes::REALM, REALM.as_bytes()),
        (attributes::NONCE, &ana.nonce),
    ];
    let ask = |world: &mut World, attributes: &[(u16, &[u8])]| {
        let mut builder = Builder::new(Class::Request, Method::Refresh, &[8; 12]);
        for (kind, value) in attributes {
            builder.attribute(*kind, value);
        }
        let request = builder.sign(&ana.key(), false).finish();
        match world.receive(&ana.from, &request).0 {
            Action::Answer(answer) => Answer(answer).code(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(&mut world, &whole), 0);
    for missing in 0..3 {
        let some: Vec<_> = (0..3).filter(|at| *at != missing).map(|at| whole[at]).collect();
        assert_eq!(ask(&mut world, &some), 400);
    }
    // Algorithms have to be those that were offered, so that nobody on the way can have taken one out.
    let (md5, sha256, none): (&[u8], &[u8], &[u8]) = (&[0, 1, 0, 0], &[0, 2, 0, 0], &[0, 3, 0, 0]);
    let offered: &[u8] = &[0, 2, 0, 0, 0, 1, 0, 0];
    for (chosen, repeated, code) in [
        (Some(md5), Some(offered), 0),
        (Some(sha256), Some(offered), 401),
        (Some(none), Some(offered), 400),
        (Some(md5), Some(md5), 400),
        (Some(md5), None, 400),
        (None, Some(offered), 400),
    ] {
        let chosen = chosen.map(|value| (attributes::PASSWORD_ALGORITHM, value));
        let repeated = repeated.map(|value| (attributes::PASSWORD_ALGORITHMS, value));
        let all: Vec<_> = whole.iter().copied().chain(chosen).chain(repeated).collect();
        assert_eq!(ask(&mut world, &all), code, "{chosen:?} {repeated:?}");
    }
    // Nobody is known by a hash of their name, which the server does not offer.
    let hashed = [(attributes::USERHASH, &[0; 32][..]), whole[1], whole[2]];
    assert_eq!(ask(&mut world, &hashed), 401);
}

#[test]
fn strangers_get_no_more_than_a_trickle() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    ana.allocate(&mut world);
    let mut stranger = Client::new("eve", "192.0.2.66:1234");
    let request = stranger.build(Method::Allocate, &[(attributes::REQUESTED_TRANSPORT, &UDP)]);
    let answered =
        (0..2_000).filter(|_| matches!(world.receive(&stranger.from, &request).0, Action::Answer(_))).count();
    assert!((100..=300).contains(&answered), "{answered}");
    assert_eq!(world.count(Counter::Throttled), 2_000 - answered as u64);
    let forged = FiveTuple { client: "192.0.2.66:99".parse().unwrap(), ..stranger.from };
    let binding = stranger.build(Method::Binding, &[]);
    assert!(matches!(world.receive(&forged, &binding).0, Action::Nothing), "another port is the same victim");
    // Who is known is answered, at the same address, too.
    assert_eq!(ana.refresh(&mut world, 600).code(), 0);
}

#[test]
fn what_no_client_sends_gets_no_answer() {
    let (mut world, mut ana) = (World::new(), Client::ana());
    ana.allocate(&mut world);
    let begun = world.count(Counter::Malformed);
    let key = Key::md5(b"", b"", b"");
    let mut messages: Vec<Vec<u8>> = vec![vec![], vec![0], vec![0; 20], vec![0xFF; 40], vec![0x80; 20], vec![0x40, 0]];
    for method in [Method::Data, Method::Other(0xA), Method::Other(0xFFF), Method::Send] {
        messages.push(ana.build(method, &[]));
    }
    for class in [Class::Success, Class::Error] {
        messages.push(Builder::new(class, Method::Allocate, &[1; 12]).sign(&key, false).finish());
    }
    messages.push(Builder::new(Class::Indication, Method::Allocate, &[1; 12]).finish());
    messages.push(Builder::new(Class::Indication, Method::Send, &[1; 12]).finish());
    for message in &messages {
        assert!(matches!(world.receive(&ana.from, message).0, Action::Nothing), "{message:?}");
    }
    assert_eq!(world.count(Counter::Malformed) - begun, messages.len() as u64);
    assert_eq!(ana.refresh(&mut world, 600).code(), 0);
}
