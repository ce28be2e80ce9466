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
async fn many_addresses_of_one_network_are_no_more_than_ten() {
    let server = with_class("lookup 3 0.001").await;
    let client = server.anonymous();
    let ask = async |address: &str| {
        let request = client.request(reqwest::Method::GET, "/v3/publicRooms").header("x-forwarded-for", address);
        client.send_request(request).await.status
    };
    let mut answered = 0;
    for subnet in 0..20 {
        for _ in 0..5 {
            answered += usize::from(ask(&format!("2001:db8:1:{subnet:x}::1")).await == 200);
        }
    }
    assert_eq!(answered, 30);
    assert_eq!(ask("2001:db8:2::1").await, 200, "another network");
}

#[tokio::test]
async fn who_is_signed_in_does_not_depend_on_strangers_at_the_same_address() {
    let server = with_class("lookup 3 0.001").await;
    let ana = server.register("ana").await;
    ana.get("/v3/account/whoami").await.ok();
    let (nobody, profile) = (ana.nobody(), format!("/v3/profile/{}", im2_testkit::segment(ana.user_id())));
    for _ in 0..3 {
        nobody.get(&profile).await.ok();
    }
    nobody.get(&profile).await.refused(429, "M_LIMIT_EXCEEDED");
    for _ in 0..3 {
        ana.get(&profile).await.ok();
    }
    ana.get(&profile).await.refused(429, "M_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn switched_off_there_are_none() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for _ in 0..70 {
        log_in(&ana, "ana", "wrong").await.refused(403, "M_FORBIDDEN");
    }
}

/// A server on which one class has another limit than by default.
async fn with_class(limit: &str) -> Server {
    let classes = im2_server::config::Value::List(vec![limit.to_owned()]);
    let setup = Setup::default().set("rate_limits.enabled", true).set("rate_limits.classes", classes);
    setup.clock_at(1_700_000_000_000).start().await
}

#[tokio::test]
async fn what_is_large_counts_more() {
    let server = with_class("send 10 1").await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let large = "x".repeat(60_000);
    ana.send_text(&room, &large).await;
    ana.send_text(&room, &large).await;
    let path = format!("/v3/rooms/{}/send/m.room.message/large", im2_testkit::segment(&room));
    let refusal = ana.put(&path, json!({ "msgtype": "m.text", "body": large })).await;
    assert_eq!(refusal.refused(429, "M_LIMIT_EXCEEDED")["retry_after_ms"], 2_000, "it takes four and two are left");
    ana.send_text(&room, "small").await;
    ben.send_text(&room, &"x".repeat(60_000)).await;
}

#[tokio::test]
async fn a_flood_of_account_data_and_key_backups_ends_soon() {
    let server = limited().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let account_data = async |client: &Client, number: usize| {
        let path = format!("/v3/user/{}/account_data/org.example.{number}", im2_testkit::segment(client.user_id()));
        client.put(&path, json!({ "text": "x".repeat(250_000) })).await.status
    };
    let mut stored = 0;
    while account_data(&ana, stored).await == 200 {
        stored += 1;
    }
    assert!((10..30).contains(&stored), "{stored} quarters of a megabyte");
    assert_eq!(account_data(&ben, 0).await, 200);

    let auth_data = json!({ "public_key": "abc", "signatures": {} });
    let version = json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": auth_data });
    let mut megabytes = 0;
    for client in [&ana, &ben] {
        client.post("/v3/room_keys/version", version.clone()).await.ok();
    }
    let upload = async |client: &Client, number: usize| {
        let session = json!({ "first_message_index": 0, "forwarded_count": 0, "is_verified": false,
                              "session_data": { "ciphertext": "x".repeat(60_000) } });
        let sessions: serde_json::Map<_, _> = (0..16).map(|n| (format!("{number}-{n}"), session.clone())).collect();
        let body = json!({ "rooms": { "!room:localhost": { "sessions": sessions } } });
        client.put("/v3/room_keys/keys?version=1", body).await.status
    };
    while upload(&ana, megabytes).await == 200 {
        megabytes += 1;
    }
    assert!((10..25).contains(&megabytes), "{megabytes} megabytes of keys");
    assert_eq!(upload(&ben, 0).await, 200);
}

#[tokio::test]
async fn uploads_are_limited_in_bytes() {
    let server = with_class("upload_bytes 1000 10").await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let upload = async |client: &Client, length: usize| {
        let request = client.request(reqwest::Method::POST, "/_matrix/media/v3/upload");
        client.send_request(request.body(vec![1; length])).await
    };
    upload(&ana, 900).await.ok();
    let refusal = upload(&ana, 900).await.refused(429, "M_LIMIT_EXCEEDED");
    assert_eq!(refusal["retry_after_ms"], 80_000);
    upload(&ana, 100).await.ok();
    upload(&ben, 900).await.ok();
    server.advance(80_000);
    upload(&ana, 800).await.ok();
}

#[tokio::test]
async fn joining_by_state_counts_as_joining() {
    let server = with_class("join 3 0.001").await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let join = async |client: &Client| {
        let path = format!(
            "/v3/rooms/{}/state/m.room.member/{}",
            im2_testkit::segment(&room),
            im2_testkit::segment(client.user_id())
        );
        client.put(&path, json!({ "membership": "join" })).await
    };
    for _ in 0..2 {
        join(&ana).await.ok();
    }
    join(&ana).await.refused(429, "M_LIMIT_EXCEEDED");
    join(&ben).await.ok();
}

#[tokio::test]
async fn tokens_that_nobody_has_are_limited_by_address_and_keep_nobody_else_out() {
    let server = limited().await;
    let ana = server.register("ana").await;
    ana.get("/v3/account/whoami").await.ok();
    let stranger = ana.with_token("a_guess");
    for _ in 0..300 {
        stranger.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    }
    stranger.get("/v3/account/whoami").await.refused(429, "M_LIMIT_EXCEEDED");
    ana.get("/v3/account/whoami").await.ok();
    let elsewhere =
        stranger.request(reqwest::Method::GET, "/v3/account/whoami").header("x-forwarded-for", "203.0.113.9");
    stranger.send_request(elsewhere).await.refused(401, "M_UNKNOWN_TOKEN");
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
