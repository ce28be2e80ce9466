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
