//! Calls: the relays that clients are told of.

use im2_testkit::{Server, Setup};
use ring::hmac;
use serde_json::json;

/// The password that a TURN server computes for a user name (coturn's `use-auth-secret`).
fn password(secret: &str, username: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let tag = hmac::sign(&key, username.as_bytes());
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in tag.as_ref().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let is_padding = place > chunk.len();
            let letter = char::from(alphabet[(bits >> (18 - 6 * place)) as usize & 63]);
            text.push(if is_padding { '=' } else { letter });
        }
    }
    text
}

#[tokio::test]
async fn the_relays_take_the_credentials_for_a_while() {
    let uris = im2_server::config::Value::List(vec!["turn:turn.example.org?transport=udp".to_owned()]);
    let setup =
        Setup::default().set("turn.uris", uris).set("turn.shared_secret", "n0t told").set("turn.ttl", 3_600_i64);
    let server = setup.clock_at(1_700_000_000_000).start().await;
    let ana = server.register("ana").await;
    let username = "1700003600:@ana:localhost";
    let expected = json!({
        "username": username, "password": password("n0t told", username),
        "uris": ["turn:turn.example.org?transport=udp"], "ttl": 3_600,
    });
    assert_eq!(ana.get("/v3/voip/turnServer").await.ok(), expected);
    server.advance(5_000);
    assert_eq!(ana.get("/v3/voip/turnServer").await.ok()["username"], "1700003605:@ana:localhost");
}

#[tokio::test]
async fn without_relays_there_are_no_credentials() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    assert_eq!(ana.get("/v3/voip/turnServer").await.ok(), json!({}));
}

/// The answer of a STUN server to a Binding request over UDP.
async fn binding(address: &str) -> Vec<u8> {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[5; 12]].concat();
    socket.send_to(&request, address).await.unwrap();
    let mut answer = vec![0; 200];
    let received = tokio::time::timeout(std::time::Duration::from_secs(10), socket.recv(&mut answer)).await;
    answer.truncate(received.unwrap().unwrap());
    answer
}

#[tokio::test]
async fn the_built_in_relay_is_first_and_answers_and_is_counted() {
    let listen = im2_server::config::Value::List(vec!["127.0.0.1:0".to_owned()]);
    let other = im2_server::config::Value::List(vec!["turn:turn.example.org?transport=udp".to_owned()]);
    let metrics = im2_server::config::Value::List(vec!["127.0.0.1:0".to_owned()]);
    let setup = Setup::default().set("turn.listen", listen).set("turn.uris", other).set("metrics.bind", metrics);
    let server = setup.clock_at(1_700_000_000_000).start().await;
    let ana = server.register("ana").await;
    let credentials = ana.get("/v3/voip/turnServer").await.ok();
    // The other one has no secret that clients could be given credentials for.
    let uris: Vec<&str> = credentials["uris"].as_array().unwrap().iter().filter_map(|uri| uri.as_str()).collect();
    let [udp, tcp] = uris[..] else { panic!("{uris:?}") };
    let address = udp.strip_prefix("turn:").unwrap().strip_suffix("?transport=udp").unwrap();
    assert_eq!(tcp, format!("turn:{address}?transport=tcp"));
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{address}");
    let answer = binding(address).await;
    assert_eq!(answer[..2], [1, 1], "{answer:?}");
    tokio::net::TcpStream::connect(address).await.unwrap();

    let page = server.metrics().expect("metrics are switched on").get("/metrics").await.text();
    for line in ["im2_turn_allocations 0", "im2_turn_malformed_total 0", "im2_turn_unauthorized_total 0"] {
        assert!(page.contains(&format!("\n{line}\n")), "{line} is missing in {page}");
    }

    // The secret outlives a restart, so the credentials do.
    let folder = server.stop().await;
    let listen = im2_server::config::Value::List(vec!["127.0.0.1:0".to_owned()]);
    let setup = Setup::default().set("turn.listen", listen).clock_at(1_700_000_000_000);
    let server = setup.start_in(folder).await;
    let again = server.anonymous().with_token(ana.token()).get("/v3/voip/turnServer").await.ok();
    assert_eq!((&again["username"], &again["password"]), (&credentials["username"], &credentials["password"]));
}
