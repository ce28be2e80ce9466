//! What strangers and broken clients send: nobody in the room notices.

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;

use super::client::{Client, Do, server, token, until};
use super::options;
use crate::proto::models::TrackType;
use crate::proto::signal::{AddTrackRequest, Request, Response, SessionDescription, TrickleRequest};
use crate::{ApiKey, Claims, Grants, Sfu};

async fn status(at: std::net::SocketAddr, target: &str) -> u16 {
    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn nobody_joins_without_a_token_for_it() {
    let (sfu, at) = server(options()).await;
    let key = &sfu.options().key;
    let (now, minute) = (SystemTime::now(), Duration::from_secs(60));
    let long_ago = now - Duration::from_secs(1000);
    let claims = |grants| Claims::new("ana", grants);
    let good = key.mint(&claims(Grants::join("room")), now, minute);
    let cases = [
        (good.clone(), 200),
        (String::new(), 401),
        ("nonsense".to_owned(), 401),
        (key.mint(&claims(Grants::join("room")), long_ago, minute), 401),
        (key.mint(&claims(Grants::join("room")), now, sfu.options().limits.token + minute), 401),
        (ApiKey::new("im2", b"forged").mint(&claims(Grants::join("room")), now, minute), 401),
        (ApiKey::new("other", b"a secret of tests").mint(&claims(Grants::join("room")), now, minute), 401),
        (key.mint(&claims(Grants { room_join: false, ..Grants::join("room") }), now, minute), 401),
        (key.mint(&claims(Grants::join("")), now, minute), 400),
        (key.mint(&Claims::new("", Grants::join("room")), now, minute), 400),
    ];
    for (token, expected) in cases {
        assert_eq!(status(at, &format!("/rtc/validate?access_token={token}")).await, expected, "{token}");
        let refused = tokio_tungstenite::connect_async(format!("ws://{at}/rtc?access_token={token}")).await;
        match refused {
            Ok(_) => assert_eq!(expected, 200),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), expected),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(status(at, &format!("/rtc/v1/validate?access_token={good}")).await, 400, "without a join request");
    assert_eq!(status(at, &format!("/rtc?access_token={good}")).await, 404, "without a WebSocket");
}

#[tokio::test]
async fn one_user_does_not_take_all_places_by_many_names() {
    let mut options = options();
    options.limits.participants_per_holder = 2;
    let (sfu, at) = server(options).await;
    let url = |room: &str, user: &str, device: &str| {
        let mut claims = Claims::new(&format!("{user}:{device}"), Grants::join(room));
        claims.holder = vec![user.to_owned(), device.to_owned()];
        let token = sfu.options().key.mint(&claims, SystemTime::now(), Duration::from_secs(60));
        format!("ws://{at}/rtc?access_token={token}")
    };
    let first = tokio_tungstenite::connect_async(url("one", "@ana:x", "A")).await.unwrap();
    let _second = tokio_tungstenite::connect_async(url("two", "@ana:x", "B")).await.unwrap();
    let refused = tokio_tungstenite::connect_async(url("three", "@ana:x", "C")).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(answer)) = refused else { panic!("a third one") };
    assert_eq!(answer.status(), 429);
    let _other = tokio_tungstenite::connect_async(url("three", "@ben:x", "A")).await.unwrap();
    drop(first);
    sfu.remove_participant("one", "@ana:x:A").await;
    until("the place to be free", || sfu.metrics().participants.get() == 2).await;
    tokio_tungstenite::connect_async(url("three", "@ana:x", "C")).await.unwrap();
}

#[tokio::test]
async fn a_room_and_the_whole_have_limits() {
    let mut options = options();
    options.limits.room_participants = 2;
    options.limits.participants = 3;
    let (sfu, at) = server(options).await;
    let _ana = Client::join(&sfu, at, "room", "ana").await;
    let _ben = Client::join(&sfu, at, "room", "ben").await;
    let refused = |room: &str, identity: &str| {
        let url = format!("ws://{at}/rtc?access_token={}", token(&sfu, room, identity));
        async move {
            match tokio_tungstenite::connect_async(url).await {
                Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Some(answer.status().as_u16()),
                _ => None,
            }
        }
    };
    assert_eq!(refused("room", "carla").await, Some(503), "the room is full");
    let _carla = Client::join(&sfu, at, "other", "carla").await;
    assert_eq!(refused("third", "dora").await, Some(503), "everything is full");
}

#[tokio::test]
async fn a_participant_and_an_address_have_few_signalling_connections() {
    let mut options = options();
    options.limits.connections_per_participant = 1;
    options.limits.connections_per_address = 4;
    let sfu = Sfu::start(options).await.unwrap();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    let address = axum::Extension(crate::ClientAddress(Ipv4Addr::new(192, 0, 2, 1).into()));
    let routes = crate::router(sfu.clone()).layer(address);
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let connect = |room: &str, identity: &str| {
        let url = format!("ws://{at}/rtc?access_token={}", token(&sfu, room, identity));
        async move {
            match tokio_tungstenite::connect_async(url).await {
                Ok((socket, _)) => Ok(socket),
                Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
                Err(error) => panic!("{error}"),
            }
        }
    };
    let mut held = Vec::new();
    for (room, identity) in [("one", "ana"), ("two", "ana"), ("one", "ben")] {
        held.push(connect(room, identity).await.unwrap());
    }
    assert_eq!(connect("one", "ana").await.unwrap_err(), 429);
    held.push(connect("one", "carla").await.unwrap());
    assert_eq!(connect("one", "dora").await.unwrap_err(), 429);
    assert_eq!(sfu.metrics().refused.get(), 2);
    // A connection that has ended makes room.
    drop(held);
    let start = std::time::Instant::now();
    while connect("one", "dora").await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Changes a few bytes of something that is right.
fn spoilt(bytes: &[u8], runner: &mut TestRunner) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let changes = proptest::collection::vec((0..bytes.len().max(1), proptest::num::u8::ANY), 1..4);
    for (at, value) in changes.new_tree(runner).unwrap().current() {
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
    }
    let length = (0..=bytes.len()).new_tree(runner).unwrap().current();
    if value_is_even(length) {
        bytes.truncate(length);
    }
    bytes
}

fn value_is_even(value: usize) -> bool {
    value.is_multiple_of(2)
}

#[tokio::test]
async fn noise_on_the_port_disturbs_nobody() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let _ = ana.todo.send(Do::PublishAudio);
    until("ben to learn of the track", || ben.track_of("ana", TrackType::Audio).is_some()).await;
    let track = ben.track_of("ana", TrackType::Audio).unwrap();
    until("ben to hear ana", || ben.packets(&track) > 10).await;

    let media = sfu.announced()[0].address;
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    // A stranger that knows a connection's name gets no further than others.
    let names: Vec<String> = sfu.connection_names();
    let mut runner = TestRunner::deterministic();
    let any = proptest::collection::vec(proptest::num::u8::ANY, 0..1500);
    for round in 0..2000 {
        let noise = any.new_tree(&mut runner).unwrap().current();
        let packet = match round % 4 {
            0 => noise,
            1 => {
                let request = crate::transport::stun::tests::request_to(&format!("{}:x", names[round % names.len()]));
                if round % 8 == 1 { request } else { spoilt(&request, &mut runner) }
            }
            // Whatever looks like RTP, RTCP or DTLS.
            2 => [&[0x80, 111 + (round % 90) as u8][..], &noise].concat(),
            _ => [&[20 + (round % 5) as u8, 0xfe, 0xfd][..], &noise].concat(),
        };
        let _ = stranger.send_to(&packet, media).await;
        if round % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let before = ben.packets(&track);
    until("ben still to hear ana", || ben.packets(&track) > before + 20).await;
    assert!(sfu.metrics().strangers.get() > 1000 && sfu.metrics().malformed.get() == 0, "{:?}", sfu.metrics());
    // Nothing was sent to the stranger but answers to its checks, of which it can have none without the password.
    let mut answer = [0; 2048];
    assert!(stranger.try_recv_from(&mut answer).is_err(), "a stranger was sent something");
}

/// A binding request that asks for the media of a client, as only the client itself can make it.
fn request_in_its_name(client: &Client) -> Vec<u8> {
    let seen = client.seen.lock();
    let offer = seen.messages.iter().rev().find_map(|one| match one {
        Response::Offer(offer) => crate::sdp::credentials(&offer.sdp),
        _ => None,
    });
    let server = offer.expect("the server has made an offer");
    let names = format!("{}:{}", server.name, seen.name);
    crate::transport::stun::tests::request_of(&names, &server.password, true)
}

#[tokio::test]
async fn nothing_but_checks_is_sent_to_an_address_that_a_participant_names() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let mallory = Client::join(&sfu, at, "room", "mallory").await;
    let _ = ana.todo.send(Do::PublishAudio);
    until("mallory to learn of the track", || mallory.track_of("ana", TrackType::Audio).is_some()).await;
    let track = mallory.track_of("ana", TrackType::Audio).unwrap();
    until("mallory to hear ana", || mallory.packets(&track) > 10).await;
    // The request comes from where somebody else listens, who answers nothing.
    let victim = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let request = request_in_its_name(&mallory);
    let (mut asked, mut got) = (0, 0);
    for _ in 0..5 {
        victim.send_to(&request, sfu.announced()[0].address).await.unwrap();
        asked += request.len();
        let before = mallory.packets(&track);
        until("media to go on where it went", || mallory.packets(&track) > before + 20).await;
        let mut packet = [0; 2048];
        while let Ok((length, _)) = victim.try_recv_from(&mut packet) {
            assert!(crate::transport::stun::is_stun(&packet[..length]), "a victim was sent something");
            got += length;
        }
    }
    assert!(got > 0 && got <= asked * 3, "{got} bytes for {asked}");
    // Without the password, nobody is answered.
    let mut forged = request;
    forged[30] ^= 1;
    let strangers = sfu.metrics().strangers.get();
    victim.send_to(&forged, sfu.announced()[0].address).await.unwrap();
    until("the forged request to be counted", || sfu.metrics().strangers.get() > strangers).await;
    assert!(victim.try_recv_from(&mut [0; 2048]).is_err());
}

#[tokio::test]
async fn noise_of_a_client_ends_at_most_its_own_session() {
    let (sfu, at) = server(options()).await;
    let ana = Client::join(&sfu, at, "room", "ana").await;
    let ben = Client::join(&sfu, at, "room", "ben").await;
    let _ = ana.todo.send(Do::PublishAudio);
    until("ben to learn of the track", || ben.track_of("ana", TrackType::Audio).is_some()).await;
    let track = ben.track_of("ana", TrackType::Audio).unwrap();
    let mut runner = TestRunner::deterministic();
    let description = |kind: &str, sdp: &str| SessionDescription {
        r#type: kind.to_owned(),
        sdp: sdp.to_owned(),
        id: 1,
        ..SessionDescription::default()
    };
    let offer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
        a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
        a=setup:actpass\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";
    for round in 0..25 {
        let mallory = Client::join(&sfu, at, "room", &format!("mallory {}", round % 3)).await;
        let spoilt_offer = String::from_utf8_lossy(&spoilt(offer.as_bytes(), &mut runner)).into_owned();
        let any = proptest::collection::vec(proptest::num::u8::ANY, 0..300).new_tree(&mut runner).unwrap().current();
        match round % 5 {
            0 => mallory.ask(Request::Offer(description("offer", &spoilt_offer))),
            1 => mallory.ask(Request::Answer(description("answer", &spoilt_offer))),
            2 => mallory.ask(Request::Trickle(TrickleRequest {
                candidate_init: String::from_utf8_lossy(&any).into_owned(),
                target: round,
                r#final: false,
            })),
            3 => {
                for number in 0..40 {
                    mallory.ask(Request::AddTrack(AddTrackRequest {
                        cid: format!("{number}"),
                        r#type: number % 4 - 1,
                        source: number,
                        ..AddTrackRequest::default()
                    }));
                }
            }
            _ => {}
        }
        let _ = mallory.todo.send(Do::Noise(any));
        mallory.ask(Request::Ping(1));
    }
    let before = ben.packets(&track);
    until("ben still to hear ana", || ben.packets(&track) > before + 20).await;
    assert!(sfu.metrics().bad_signals.get() > 0);
}
