//! Rate limits, switched on.

use im2_testkit::{Client, Server, Setup, until};
use serde_json::{Value, json};

async fn limited() -> Server {
    Setup::default().set("rate_limits.enabled", true).clock_at(1_700_000_000_000).start().await
}

async fn log_in(client: &Client, name: &str, password: &str) -> im2_testkit::Answer {
    let identifier = json!({ "type": "m.id.user", "user": name });
    let body = json!({ "type": "m.login.password", "identifier": identifier, "password": password });
    client.nobody().post("/v3/login", body).await
}

#[tokio::test]
async fn sending_is_limited_by_user_and_says_when_to_come_again() {
    let server = limited().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    for _ in 0..200 {
        ana.send_text(&room, "hello").await;
    }
    let path = format!("/v3/rooms/{}/send/m.room.message/again", im2_testkit::segment(&room));
    let message = json!({ "msgtype": "m.text", "body": "once more" });
    let refusal = ana.put(&path, message.clone()).await;
    assert_eq!(refusal.header("retry-after"), "1");
    assert_eq!(refusal.refused(429, "M_LIMIT_EXCEEDED")["retry_after_ms"], 50);
    ben.send_text(&room, "others are not affected").await;
    server.advance(50);
    ana.put(&path, message.clone()).await.ok();
    ana.put(&path, message).await.refused(429, "M_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn guessing_a_password_is_limited_by_account() {
    let server = limited().await;
    let ana = server.register("ana").await;
    server.register("ben").await;
    for spelling in ["ana", "@ana:localhost", "ANA", "ana", "ana", "ana", "ana", "ana", "ana", "ana"] {
        log_in(&ana, spelling, "wrong").await.refused(403, "M_FORBIDDEN");
    }
    let refusal = log_in(&ana, "ana", "password of ana").await.refused(429, "M_LIMIT_EXCEEDED");
    assert_eq!(refusal["retry_after_ms"], 30_000);
    log_in(&ana, "ben", "password of ben").await.ok();
    server.advance(30_000);
    log_in(&ana, "ana", "password of ana").await.ok();
}

#[tokio::test]
async fn registering_is_limited_by_address() {
    let server = limited().await;
    let client = server.anonymous();
    let attempt = async |address: &str| {
        let request = client.request(reqwest::Method::POST, "/v3/register").header("x-forwarded-for", address);
        client.send_request(request.json(&Value::Object(serde_json::Map::new()))).await
    };
    for _ in 0..60 {
        attempt("203.0.113.7").await.status_is(401);
    }
    attempt("203.0.113.7").await.refused(429, "M_LIMIT_EXCEEDED");
    attempt("203.0.113.8").await.status_is(401);
}

#[tokio::test]
async fn switched_off_there_are_none() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for _ in 0..70 {
        log_in(&ana, "ana", "wrong").await.refused(403, "M_FORBIDDEN");
    }
}

#[tokio::test]
async fn a_token_does_not_help_to_guess_the_password() {
    let server = limited().await;
    let ana = server.register("ana").await;
    let change = async |password: &str| {
        let auth = json!({ "type": "m.login.password", "user": "ana", "password": password });
        ana.post("/v3/account/password", json!({ "new_password": "another horse", "auth": auth })).await
    };
    for _ in 0..10 {
        change("wrong").await.refused(401, "M_FORBIDDEN");
    }
    change("password of ana").await.refused(429, "M_LIMIT_EXCEEDED");
    server.advance(30_000);
    change("password of ana").await.ok();
}

/// Whether a connection is served: it is not if the server closes it.
fn is_served(connection: &mut std::net::TcpStream) -> bool {
    use std::io::{Read as _, Write as _};
    let request = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut answer = [0; 64];
    connection.write_all(request).is_ok() && connection.read(&mut answer).is_ok_and(|length| length > 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_only_so_many_connections() {
    let nobody = im2_server::config::Value::List(Vec::new());
    let setup = Setup::default().set("http.connections_per_address", 2_i64).set("http.trusted_proxies", nobody);
    let server = setup.start().await;
    let address = server.url().trim_start_matches("http://").to_owned();
    let connect = || std::net::TcpStream::connect(&address).unwrap();
    let (mut one, mut two) = (connect(), connect());
    assert!(is_served(&mut one) && is_served(&mut two));
    assert!(!is_served(&mut connect()), "a third is closed");
    assert!(is_served(&mut one), "which the others do not feel");
    drop(two);
    // The server has to notice that it is gone.
    until("a new connection is served", async || is_served(&mut connect())).await;
}
