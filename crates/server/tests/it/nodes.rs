//! Two nodes over one database, over HTTP: whoever comes from one with a token is answered by the other as if it had
//! heard of everything that the token names, whatever they ask.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, header},
};
use im2_accounts::{PasswordCost, RegistrationMode};
use im2_core::{Store, committed::Committed};
use im2_edge::Api;
use im2_engine::{Engine, Options};
use im2_model::{ManualClock, SeededRandom, ServerName, StreamToken};
use im2_store::{ChangeLog, ProcessLog};
use im2_testkit::segment;
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Node {
    engine: Arc<Engine>,
    router: Router,
}

impl Node {
    async fn over(store: Store, seed: u64) -> Self {
        let mut options = Options::new(ServerName::parse("im.test").unwrap());
        options.accounts.registration = RegistrationMode::Open;
        options.accounts.password_cost = PasswordCost { memory_kib: 8, iterations: 1 };
        options.core.rate_limits.enabled = false;
        let (clock, random) = (Arc::new(ManualClock::at(1_700_000_000_000)), Arc::new(SeededRandom::new(seed)));
        let engine = Arc::new(Engine::open(options, Arc::new(store), clock, random).await.unwrap());
        let router = im2_api::router(Arc::new(Api::new(Arc::clone(&engine), im2_edge::Options::default())));
        Self { engine, router }
    }

    /// Two nodes in one folder.
    async fn two(folder: &tempfile::TempDir) -> [Self; 2] {
        let log: Arc<dyn ChangeLog<Committed>> = Arc::new(ProcessLog::new(Committed::elsewhere));
        let options = im2_store::Options::new(folder.path());
        let store = Store::open_with(&options, &log).unwrap();
        let beside = store.open_beside(&im2_store::Options { writer: 2, ..options }).unwrap();
        [Self::over(store, 1).await, Self::over(beside, 2).await]
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: &Value) -> (u16, String) {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let answer = self.router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn done(&self, method: Method, path: &str, token: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, token, &body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// Registers somebody; gives their access token.
    async fn register(&self, name: &str) -> String {
        let body = json!({ "username": name, "password": "a good password", "auth": { "type": "m.login.dummy" } });
        let answer = self.done(Method::POST, "/_matrix/client/v3/register", "", body).await;
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn send(&self, token: &str, room: &str, content: Value) -> String {
        let number = self.engine.core.stream.reached().to_string();
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{}", segment(&number));
        let sent = self.done(Method::PUT, &path, token, content).await;
        sent["event_id"].as_str().unwrap().to_owned()
    }

    fn has_heard_of(&self, token: &str) -> bool {
        self.engine.core.stream.reached().stream().includes_all(StreamToken::read(token).unwrap().stream())
    }
}

/// Requests that name a place: each with what has to be in the answer, the newest event or the event that it replies to.
/// `{now}` is the newest token, `{before}` one from before the newest event, `{to_device}` the same place as sliding sync
/// names it for messages between devices.
const REQUESTS: &[(&str, &str)] = &[
    ("GET /v3/rooms/{room}/messages?dir=b&from={now}", "{reply}"),
    ("GET /v3/rooms/{room}/messages?dir=f&from={before}", "{reply}"),
    ("GET /v3/rooms/{room}/messages?dir=b&from={now}&to={before}", "{reply}"),
    ("GET /v3/rooms/{room}/messages?dir=f&to={now}", "{reply}"),
    ("GET /v3/rooms/{room}/messages?dir=b&from=p1-{now}", "{reply}"),
    ("GET /v1/rooms/{room}/relations/{root}?from={now}", "{reply}"),
    ("GET /v1/rooms/{room}/relations/{root}?dir=f&to={now}", "{reply}"),
    ("GET /v1/rooms/{room}/threads?from={now}", "{root}"),
    ("GET /v3/rooms/{room}/members?at={now}", "@ben:im.test"),
    ("GET /v3/sync?since={now}", ""),
    ("GET /v3/sync?since={before}", "{reply}"),
    ("GET /v3/events?timeout=0&from={now}", ""),
    ("GET /v3/events?timeout=0&from={before}", "{reply}"),
    ("GET /v3/events?timeout=0&from={before}&room_id={room}", "{reply}"),
    ("GET /v3/keys/changes?from={before}&to={now}", ""),
    ("GET /unstable/io.element.msc4360/thread_updates?dir=b&to={before}", "{reply}"),
    ("GET /unstable/io.element.msc4308/thread_subscriptions?dir=b&to={now}", ""),
    ("POST /unstable/org.matrix.simplified_msc3575/sync", ""),
];

#[tokio::test]
async fn a_node_that_is_shown_a_token_of_another_hears_of_what_it_names_first() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = Node::two(&folder).await;
    let (ana, ben) = (one.register("ana").await, one.register("ben").await);
    for (request, expected) in REQUESTS {
        // Which rooms he is in is in the memory of the second node.
        two.done(Method::GET, "/_matrix/client/v3/joined_rooms", &ben, json!({})).await;
        let body = json!({ "preset": "public_chat" });
        let room = one.done(Method::POST, "/_matrix/client/v3/createRoom", &ana, body).await;
        let room = segment(room["room_id"].as_str().unwrap());
        one.done(Method::POST, &format!("/_matrix/client/v3/rooms/{room}/join"), &ben, json!({})).await;
        let root = one.send(&ana, &room, json!({ "body": "root" })).await;
        let before = one.engine.core.stream.reached().to_string();
        let relation = json!({ "rel_type": "m.thread", "event_id": root });
        let reply = one.send(&ana, &room, json!({ "body": "reply", "m.relates_to": relation })).await;
        let now = one.engine.core.stream.reached();
        let to_device = format!("d{}", now.stream());
        let now = now.to_string();
        let fill = |text: &str| {
            let filled = text.replace("{room}", &room).replace("{now}", &segment(&now));
            let filled = filled.replace("{before}", &segment(&before)).replace("{reply}", &reply);
            if text.contains('/') { filled.replace("{root}", &segment(&root)) } else { filled.replace("{root}", &root) }
        };
        let (method, path) = request.split_once(' ').unwrap();
        let extensions = json!({ "to_device": { "enabled": true, "since": to_device } });
        let body = if method == "POST" { json!({ "extensions": extensions }) } else { json!({}) };
        assert!(!two.has_heard_of(&before), "{request}: it has not been told of it");
        let path = format!("/_matrix/client{}", fill(path));
        let (status, answer) = two.ask(method.parse().unwrap(), &path, &ben, &body).await;
        assert_eq!(status, 200, "{request}: {answer}");
        assert!(answer.contains(&fill(expected)), "{request}: {answer}");
        assert!(two.has_heard_of(&now), "{request}");
    }
}

#[tokio::test]
async fn a_place_in_a_room_that_another_node_has_named_is_heard_of_first() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = Node::two(&folder).await;
    let ana = one.register("ana").await;
    let room = one.done(Method::POST, "/_matrix/client/v3/createRoom", &ana, json!({})).await;
    let room = segment(room["room_id"].as_str().unwrap());
    for _ in 0..3 {
        let path = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=1");
        let newest = one.done(Method::GET, &path, &ana, json!({})).await;
        two.done(Method::GET, &path, &ana, json!({})).await;
        let sent = one.send(&ana, &room, json!({ "body": "there" })).await;
        let newer = one.done(Method::GET, &path, &ana, json!({})).await;
        let (before, after) = (newest["start"].as_str().unwrap(), newer["start"].as_str().unwrap());
        assert_ne!(before, after);
        let answer = two.done(Method::GET, &format!("{path}&from={after}"), &ana, json!({})).await;
        assert_eq!(answer["chunk"][0]["event_id"], json!(sent));
    }
}
