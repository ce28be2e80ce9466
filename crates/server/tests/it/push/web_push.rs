//! Web Push (MSC4174): what a push service is sent, and what the device reads in it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use im2_testkit::{Client, PATIENCE, PushSubscription, Server, Setup, until};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use super::server;

type Answers = Arc<Mutex<VecDeque<u16>>>;

/// A push service on this machine, and a device that has subscribed to it.
struct Device {
    url: String,
    subscription: PushSubscription,
    heard: UnboundedReceiver<(HeaderMap, Bytes)>,
    answers: Answers,
    task: JoinHandle<()>,
}

impl Device {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/send/d3v1ce?v=2", listener.local_addr().unwrap());
        let (sender, heard) = unbounded_channel();
        let answers = Answers::default();
        let router = Router::new().route("/send/d3v1ce", post(take)).with_state((sender, Arc::clone(&answers)));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, subscription: PushSubscription::default(), heard, answers, task }
    }

    fn pusher(&self) -> Value {
        json!({
            "kind": "webpush", "app_id": "org.example.web", "pushkey": URL_SAFE_NO_PAD.encode(self.subscription.public_key()),
            "app_display_name": "Example", "device_display_name": "Browser", "lang": "en",
            "data": { "url": self.url, "auth": URL_SAFE_NO_PAD.encode(self.subscription.auth()), "events_only": true },
        })
    }

    /// The headers of the next message, and what is in it.
    async fn next(&mut self) -> (HeaderMap, Value) {
        let (headers, message) = tokio::time::timeout(PATIENCE, self.heard.recv()).await.unwrap().unwrap();
        (headers, serde_json::from_slice(&self.subscription.open(&message)).unwrap())
    }

    /// Sets a pusher for the device and answers with the token that comes.
    async fn subscribe(&mut self, client: &Client) {
        client.post("/v3/pushers/set", self.pusher()).await.status_is(201);
        let (_, mut body) = self.next().await;
        assert_eq!(body["app_id"], "org.example.web");
        body.as_object_mut().unwrap().retain(|name, _| ["app_id", "ack_token"].contains(&name.as_str()));
        client.post("/v3/pushers/ack", body).await.ok();
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(
    State((heard, answers)): State<(UnboundedSender<(HeaderMap, Bytes)>, Answers)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let answer = answers.lock().unwrap().pop_front().unwrap_or(201);
    heard.send((headers, body)).unwrap();
    StatusCode::from_u16(answer).unwrap()
}

async fn two_in_a_room(server: &Server) -> (Client, Client, String) {
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "name": "Kitchen" })).await;
    ben.join(&room).await;
    (ana, ben, room)
}

#[tokio::test]
async fn a_device_is_sent_notifications_that_it_alone_can_read() {
    let server = server().await;
    let (ana, ben, room) = two_in_a_room(&server).await;
    let mut device = Device::start().await;
    device.subscribe(&ben).await;
    let event_id = ana.send_text(&room, "dinner is ready").await;
    let (headers, body) = device.next().await;
    assert_eq!(body["notification"]["event_id"], event_id);
    assert_eq!(body["notification"]["content"]["body"], "dinner is ready");
    assert_eq!(body["notification"]["devices"][0]["data"], json!({ "events_only": true }), "no secret of the device");
    let header = |name: &str| headers[name].to_str().unwrap();
    let expected = ["aes128gcm", "172800", "high", "application/octet-stream"];
    assert_eq!(["content-encoding", "ttl", "urgency", "content-type"].map(header), expected);

    let (token, key) = header("authorization").strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    let capabilities = ana.get("/v3/capabilities").await.ok()["capabilities"]["m.webpush"].clone();
    assert_eq!(capabilities, json!({ "enabled": true, "vapid": key }));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let [key, signature] = [key, signature].map(|text| URL_SAFE_NO_PAD.decode(text).unwrap());
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(signed.as_bytes(), &signature).unwrap();
    let parts: Vec<Value> =
        signed.split('.').map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()).collect();
    assert_eq!(parts[0], json!({ "typ": "JWT", "alg": "ES256" }));
    let origin = device.url.split("/send").next().unwrap();
    assert_eq!((&parts[1]["aud"], &parts[1]["sub"]), (&json!(origin), &json!("https://localhost")));
    ana.send_text(&room, "come").await;
    let (again, _) = device.next().await;
    assert_eq!(again["authorization"], headers["authorization"], "services remember that they have checked it");
}

#[tokio::test]
async fn nothing_is_sent_before_the_device_has_answered() {
    let setup = Setup::default().set("push.allow_private_addresses", true);
    let server = setup.clock_at(1_700_000_000_000).start().await;
    let (ana, ben, room) = two_in_a_room(&server).await;
    let mut device = Device::start().await;
    let ack = |app_id: &str, token: &Value| json!({ "app_id": app_id, "ack_token": token });
    ben.post("/v3/pushers/ack", ack("org.example.web", &json!("x"))).await.refused(404, "M_NOT_FOUND");
    ben.post("/v3/pushers/set", device.pusher()).await.status_is(201);
    let token = device.next().await.1["ack_token"].clone();
    let activated = async || ben.get("/v3/pushers").await.ok()["pushers"][0]["activated"].clone();
    assert_eq!(activated().await, false);
    ana.send_text(&room, "too early").await;
    ben.post("/v3/pushers/ack", ack("org.example.web", &json!("x"))).await.refused(400, "M_UNKNOWN_ACTIVATION_TOKEN");
    ben.post("/v3/pushers/ack", ack("another", &token)).await.refused(404, "M_NOT_FOUND");
    ana.post("/v3/pushers/ack", ack("org.example.web", &token)).await.refused(404, "M_NOT_FOUND");
    server.advance(6 * 60 * 1000);
    ben.post("/v3/pushers/ack", ack("org.example.web", &token)).await.refused(400, "M_EXPIRED_ACTIVATION_TOKEN");
    // Set again, it is sent another.
    ben.post("/v3/pushers/set", device.pusher()).await.status_is(201);
    let next = device.next().await.1["ack_token"].clone();
    assert_ne!(next, token);
    ben.post("/v3/pushers/ack", ack("org.example.web", &next)).await.ok();
    assert_eq!(activated().await, true);
    let event_id = ana.send_text(&room, "now").await;
    assert_eq!(device.next().await.1["notification"]["event_id"], event_id);
    // As it is already, it needs no other answer; elsewhere it does.
    ben.post("/v3/pushers/set", device.pusher()).await.ok();
    assert_eq!(activated().await, true);
    let mut moved = device.pusher();
    moved["data"]["url"] = json!(format!("{}&moved", device.url));
    ben.post("/v3/pushers/set", moved).await.status_is(201);
    assert_eq!(activated().await, false);
}

#[tokio::test]
async fn a_device_that_has_unsubscribed_loses_its_pusher() {
    let server = server().await;
    let (ana, ben, room) = two_in_a_room(&server).await;
    for status in [410, 404] {
        let mut device = Device::start().await;
        device.subscribe(&ben).await;
        device.answers.lock().unwrap().push_back(status);
        ana.send_text(&room, "anybody?").await;
        device.next().await;
        until("the pusher is gone", async || ben.get("/v3/pushers").await.ok()["pushers"] == json!([])).await;
    }
    // One that is only busy is told again.
    let mut device = Device::start().await;
    device.subscribe(&ben).await;
    device.answers.lock().unwrap().push_back(503);
    let event_id = ana.send_text(&room, "still there?").await;
    for _ in 0..2 {
        assert_eq!(device.next().await.1["notification"]["event_id"], event_id);
    }
}

#[tokio::test]
async fn what_is_large_is_sent_without_its_content() {
    let server = server().await;
    let (ana, ben, room) = two_in_a_room(&server).await;
    let mut device = Device::start().await;
    device.subscribe(&ben).await;
    let event_id = ana.send_text(&room, &"long ".repeat(780)).await;
    let notification = device.next().await.1["notification"].clone();
    assert_eq!((&notification["event_id"], &notification["room_name"]), (&json!(event_id), &json!("Kitchen")));
    assert_eq!(notification.get("content"), None);
}

#[tokio::test]
async fn keys_and_addresses_that_are_none_are_refused() {
    let server = Setup::default().start().await;
    let (ana, device) = (server.register("ana").await, Device::start().await);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut pusher = device.pusher();
        pusher["data"]["url"] = json!("https://push.example.org/send/1");
        change(&mut pusher);
        pusher
    };
    let wrong: [&dyn Fn(&mut Value); 5] = [
        &|pusher| pusher["pushkey"] = json!("key"),
        &|pusher| pusher["data"]["auth"] = json!("c2hvcnQ"),
        &|pusher| pusher["data"]["auth"] = json!(1),
        &|pusher| pusher["data"]["url"] = json!("http://push.example.org/send/1"),
        &|pusher| pusher["data"]["events_only"] = json!("yes"),
    ];
    for change in wrong {
        ana.post("/v3/pushers/set", with(change)).await.refused(400, "M_INVALID_PARAM");
    }
    let without_auth = with(&|pusher| drop(pusher["data"].as_object_mut().unwrap().remove("auth")));
    ana.post("/v3/pushers/set", without_auth).await.refused(400, "M_MISSING_PARAM");
    ana.post("/v3/pushers/set", with(&|_| ())).await.status_is(201);
}
