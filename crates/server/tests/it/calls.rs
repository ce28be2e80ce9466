//! Calls: the relays that clients are told of, and the way to the media.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::StreamExt as _;
use im2_rtc::ParticipantState;
use im2_testkit::{Answer, Client, Server, Setup, segment};
use ring::hmac;
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite, tungstenite::Message};

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

/// A server that forwards calls on any free port of this machine.
async fn forwarding() -> Server {
    Setup::default().set("rtc.enabled", true).set("rtc.udp_port", 0_i64).set("rtc.tcp_port", 0_i64).start().await
}

async fn openid(user: &Client) -> Value {
    user.post(&format!("/v3/user/{}/openid/request_token", segment(user.user_id())), json!({})).await.ok()
}

/// Asks for a token for a room's call as clients do whose membership is in the room's state.
async fn by_device(user: &Client, room: &str) -> Answer {
    let request = json!({ "room": room, "device_id": user.device_id(), "openid_token": openid(user).await });
    user.nobody().post("/livekit/jwt/sfu/get", request).await
}

/// The same as clients do whose membership has an identifier.
async fn by_member(user: &Client, room: &str, slot: &str, claimed: &str) -> Answer {
    let member = json!({ "id": "one", "claimed_user_id": claimed, "claimed_device_id": "DEVICE" });
    let request = json!({ "room_id": room, "slot_id": slot, "openid_token": openid(user).await, "member": member });
    user.nobody().post("/livekit/jwt/get_token", request).await
}

/// The claims of the token in an answer.
fn claims(answer: &Value) -> Value {
    let token = answer["jwt"].as_str().expect("a token");
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn members_of_a_room_are_let_in_to_its_call() {
    let server = forwarding().await;
    let (ana, bo, eve) = (server.register("ana").await, server.register("bo").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "private_chat", "invite": [bo.user_id()] })).await;
    by_device(&bo, &room).await.refused(403, "M_FORBIDDEN");
    bo.post(&format!("/v3/rooms/{}/join", segment(&room)), json!({})).await.ok();

    let (first, second) = (by_device(&ana, &room).await.ok(), by_device(&bo, &room).await.ok());
    assert_eq!(first["url"], json!(format!("{}/livekit/sfu", server.url().replace("http://", "ws://"))));
    let (first, second) = (claims(&first), claims(&second));
    assert_eq!(first["sub"], json!(format!("{}:{}", ana.user_id(), ana.device_id())));
    assert_eq!(first["video"]["room"], second["video"]["room"], "they meet");
    // The context is for this server alone.
    let told = ["sub", "name", "metadata", "video"].map(|key| first[key].to_string());
    assert!(!told.concat().contains(&room), "the room is not told");
    assert_eq!((&first["video"]["roomJoin"], &first["video"]["canPublish"]), (&json!(true), &json!(true)));

    let newer = claims(&by_member(&bo, &room, "m.call#ROOM", bo.user_id()).await.ok());
    assert_eq!(newer["video"]["room"], first["video"]["room"], "older and newer clients meet");
    assert!(!newer["sub"].as_str().unwrap().contains("bo"), "the name is one that only members can make");
    let elsewhere = claims(&by_member(&bo, &room, "m.call#other", bo.user_id()).await.ok());
    assert_ne!(elsewhere["video"]["room"], first["video"]["room"]);

    by_device(&eve, &room).await.refused(403, "M_FORBIDDEN");
    by_member(&eve, &room, "m.call#ROOM", eve.user_id()).await.refused(403, "M_FORBIDDEN");
    by_member(&bo, &room, "m.call#ROOM", ana.user_id()).await.refused(403, "M_FORBIDDEN");
    by_member(&bo, &room, "", bo.user_id()).await.refused(400, "M_INVALID_PARAM");
    bo.post(&format!("/v3/rooms/{}/leave", segment(&room)), json!({})).await.ok();
    by_device(&bo, &room).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_token_of_the_api_opens_the_media_and_no_other_does() {
    let server = forwarding().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let token = by_device(&ana, &room).await.ok()["jwt"].as_str().unwrap().to_owned();
    let validate = |token: &str| format!("/livekit/sfu/rtc/validate?access_token={}", segment(token));
    let nobody = ana.nobody();
    assert_eq!(nobody.get(&validate(&token)).await.status, 200);
    let forged = format!("{}x", &token[..token.len() - 1]);
    for wrong in [forged.as_str(), ana.token(), ""] {
        assert_eq!(nobody.get(&validate(wrong)).await.status, 401, "{wrong}");
    }
    let wrong = json!({ "room": room, "device_id": "D", "openid_token": {
        "access_token": ana.token(), "matrix_server_name": "localhost",
    } });
    nobody.post("/livekit/jwt/sfu/get", wrong).await.refused(401, "M_UNKNOWN_TOKEN");
    let mut other = openid(&ana).await;
    other["matrix_server_name"] = json!("example.org");
    let other = json!({ "room": room, "device_id": "D", "openid_token": other });
    nobody.post("/livekit/jwt/sfu/get", other).await.refused(403, "M_FORBIDDEN");
    nobody.post("/livekit/jwt/sfu/get", json!({ "room": room })).await.refused(400, "M_BAD_JSON");
}

#[tokio::test]
async fn whoever_may_not_speak_in_a_room_listens_to_its_call() {
    let server = forwarding().await;
    let (ana, bo) = (server.register("ana").await, server.register("bo").await);
    let levels = json!({ "events_default": 50, "state_default": 50 });
    let news = json!({ "preset": "public_chat", "power_level_content_override": levels });
    let room = ana.create_room(news).await;
    bo.post(&format!("/v3/rooms/{}/join", segment(&room)), json!({})).await.ok();
    assert_eq!(claims(&by_device(&ana, &room).await.ok())["video"]["canPublish"], true);
    assert_eq!(claims(&by_device(&bo, &room).await.ok())["video"]["canPublish"], false);
}

/// Connects to the media with the token of an answer, as a client that has nothing to show yet.
async fn connect(answer: &Value) -> impl futures_util::Stream<Item = Result<Message, tungstenite::Error>> + Unpin {
    let (url, token) = (answer["url"].as_str().unwrap(), answer["jwt"].as_str().unwrap());
    let (socket, _) = connect_async(format!("{url}/rtc?access_token={token}&auto_subscribe=1")).await.unwrap();
    socket
}

/// Waits until `is_so` of the participants of a call, for at most ten seconds.
async fn until(server: &Server, call: &str, is_so: impl Fn(&[ParticipantState]) -> bool) {
    let sfu = server.running().rtc().expect("calls are forwarded");
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        while !is_so(&sfu.participants(call).await) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("it did not come to that"));
}

#[tokio::test]
async fn whoever_loses_their_place_in_the_room_loses_it_in_the_call() {
    let server = forwarding().await;
    let (ana, bo) = (server.register("ana").await, server.register("bo").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let at = |what: &str| format!("/v3/rooms/{}/{what}", segment(&room));
    let levels = at("state/m.room.power_levels/");
    let all_may = ana.get(&levels).await.ok();
    let with = |level: i64| {
        let mut levels = all_may.clone();
        levels["events"]["org.matrix.msc3401.call.member"] = json!(level);
        levels["events"]["m.rtc.member"] = json!(level);
        levels["events"]["org.matrix.msc4143.rtc.member"] = json!(level);
        levels
    };
    bo.post(&at("join"), json!({})).await.ok();
    let answer = by_device(&bo, &room).await.ok();
    let call = claims(&answer)["video"]["room"].as_str().unwrap().to_owned();
    let mut socket = connect(&answer).await;
    until(&server, &call, |all| all.len() == 1 && all[0].may_publish).await;

    ana.put(&levels, with(50)).await.ok();
    until(&server, &call, |all| all.len() == 1 && !all[0].may_publish).await;
    ana.put(&levels, with(0)).await.ok();
    until(&server, &call, |all| all.len() == 1 && all[0].may_publish).await;

    // Another of bo's devices, which is signed out in the middle of the call.
    let phone = bo.nobody().log_in("bo", "password of bo").await;
    let second = by_device(&phone, &room).await.ok();
    let _socket = connect(&second).await;
    until(&server, &call, |all| all.len() == 2).await;
    phone.post("/v3/logout", json!({})).await.ok();
    until(&server, &call, |all| all.len() == 1).await;
    let token = second["jwt"].as_str().unwrap();
    assert_eq!(bo.nobody().get(&format!("/livekit/sfu/rtc/validate?access_token={token}")).await.status, 401);

    ana.post(&at("ban"), json!({ "user_id": bo.user_id() })).await.ok();
    until(&server, &call, <[_]>::is_empty).await;
    let ended = async { while let Some(Ok(_)) = socket.next().await {} };
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("the connection ends");
}

#[tokio::test]
async fn clients_are_told_where_the_media_go_and_that_they_go_nowhere() {
    let server = forwarding().await;
    let ana = server.register("ana").await;
    let transport = json!({ "type": "livekit", "livekit_service_url": format!("{}/livekit/jwt", server.url()) });
    let path = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports";
    assert_eq!(ana.get(path).await.ok(), json!({ "rtc_transports": [transport] }));
    let well_known = ana.nobody().get("/.well-known/matrix/client").await.ok();
    assert_eq!(well_known["org.matrix.msc4143.rtc_foci"], json!([transport]));

    let server = Server::start().await;
    let ana = server.register("ana").await;
    ana.get(path).await.refused(404, "M_UNRECOGNIZED");
    assert_eq!(ana.nobody().get("/.well-known/matrix/client").await.ok().get("org.matrix.msc4143.rtc_foci"), None);
    let room = ana.create_room(json!({})).await;
    by_device(&ana, &room).await.refused(404, "M_NOT_FOUND");
}

/// The answer of a STUN server to a Binding request over UDP.
async fn binding(address: &str) -> Vec<u8> {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[5; 12]].concat();
    socket.send_to(&request, address).await.unwrap();
    let mut answer = vec![0; 200];
    let received = tokio::time::timeout(Duration::from_secs(10), socket.recv(&mut answer)).await;
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
