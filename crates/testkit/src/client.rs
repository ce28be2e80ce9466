//! A user of a server under test, or nobody.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{Answer, segment};

/// Sends requests to one server, with a user's access token or without. Clones are the same user on the same device.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    identity: Option<Identity>,
    transactions: Arc<AtomicU64>,
}

#[derive(Debug, Clone)]
struct Identity {
    user_id: String,
    device_id: String,
    token: String,
}

/// `/v3/sync` is short for `/_matrix/client/v3/sync`; paths without a version are taken as they are.
fn expand(path: &str) -> String {
    let versioned = path.strip_prefix("/v").is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()));
    if versioned { format!("/_matrix/client{path}") } else { path.to_owned() }
}

impl Client {
    /// Nobody: no access token.
    pub fn anonymous(base: impl Into<String>) -> Self {
        // No proxy: the environment's settings for the outside world are not for a server in the same process.
        let http = reqwest::Client::builder().no_proxy().build().expect("a client without settings can be made");
        Self { http, base: base.into(), identity: None, transactions: Arc::default() }
    }

    /// The same connection pool with another access token, whoever it belongs to.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        let identity = Identity { user_id: String::new(), device_id: String::new(), token: token.to_owned() };
        Self { identity: Some(identity), ..self.clone() }
    }

    /// The same connection pool without an access token.
    #[must_use]
    pub fn nobody(&self) -> Self {
        Self { identity: None, ..self.clone() }
    }

    /// The user that a successful login or registration answered with.
    #[must_use]
    pub fn signed_in(&self, answer: &Value) -> Self {
        let text = |key: &str| answer[key].as_str().unwrap_or_else(|| panic!("no {key} in {answer}")).to_owned();
        let identity = Identity { user_id: text("user_id"), device_id: text("device_id"), token: text("access_token") };
        Self { identity: Some(identity), transactions: Arc::default(), ..self.clone() }
    }

    /// Registers and signs in a user with the password `password of NAME`.
    pub async fn register(&self, name: &str) -> Self {
        let body = json!({
            "username": name,
            "password": format!("password of {name}"),
            "auth": { "type": "m.login.dummy" },
        });
        self.signed_in(&self.nobody().post("/v3/register", body).await.ok())
    }

    /// Signs in on a new device.
    pub async fn log_in(&self, name: &str, password: &str) -> Self {
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": name },
            "password": password,
        });
        self.signed_in(&self.nobody().post("/v3/login", body).await.ok())
    }

    fn identity(&self) -> &Identity {
        self.identity.as_ref().expect("this client is nobody")
    }

    /// The user's identifier.
    pub fn user_id(&self) -> &str {
        &self.identity().user_id
    }

    /// The device's identifier.
    pub fn device_id(&self) -> &str {
        &self.identity().device_id
    }

    /// The access token.
    pub fn token(&self) -> &str {
        &self.identity().token
    }

    /// The server's address, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request in the making, with the access token if there is one: for bodies and headers of other kinds.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{}", self.base, expand(path)));
        match &self.identity {
            Some(identity) => request.bearer_auth(&identity.token),
            None => request,
        }
    }

    /// Sends a request in the making.
    pub async fn send_request(&self, request: RequestBuilder) -> Answer {
        let request = request.build().expect("a request that can be built");
        let name = format!("{} {}", request.method(), request.url().path());
        let response = self.http.execute(request).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("{name}: body: {error:?}"));
        Answer { request: name, status, headers, bytes: bytes.to_vec() }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send_request(self.request(Method::GET, path)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send_request(self.request(Method::PUT, path).json(&body)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send_request(self.request(Method::POST, path).json(&body)).await
    }

    /// DELETE with a JSON body.
    pub async fn delete(&self, path: &str, body: Value) -> Answer {
        self.send_request(self.request(Method::DELETE, path).json(&body)).await
    }

    /// Creates a room and returns its identifier.
    pub async fn create_room(&self, body: Value) -> String {
        let answer = self.post("/v3/createRoom", body).await.ok();
        answer["room_id"].as_str().expect("a room has an identifier").to_owned()
    }

    /// Invites a user.
    pub async fn invite(&self, room: &str, user_id: &str) {
        let path = format!("/v3/rooms/{}/invite", segment(room));
        self.post(&path, json!({ "user_id": user_id })).await.ok();
    }

    /// Joins a room.
    pub async fn join(&self, room: &str) {
        self.post(&format!("/v3/rooms/{}/join", segment(room)), json!({})).await.ok();
    }

    /// Leaves a room.
    pub async fn leave(&self, room: &str) {
        self.post(&format!("/v3/rooms/{}/leave", segment(room)), json!({})).await.ok();
    }

    /// A transaction identifier that this client has not used.
    pub fn transaction(&self) -> String {
        format!("t{}", self.transactions.fetch_add(1, Ordering::SeqCst))
    }

    /// Sends an event and returns its identifier.
    pub async fn send(&self, room: &str, kind: &str, content: Value) -> String {
        let path = format!("/v3/rooms/{}/send/{}/{}", segment(room), segment(kind), self.transaction());
        let answer = self.put(&path, content).await.ok();
        answer["event_id"].as_str().expect("an event has an identifier").to_owned()
    }

    /// Sends a text message and returns its event's identifier.
    pub async fn send_text(&self, room: &str, text: &str) -> String {
        self.send(room, "m.room.message", json!({ "msgtype": "m.text", "body": text })).await
    }

    /// Sets a piece of a room's state and returns the event's identifier.
    pub async fn set_state(&self, room: &str, kind: &str, state_key: &str, content: Value) -> String {
        let path = format!("/v3/rooms/{}/state/{}/{}", segment(room), segment(kind), segment(state_key));
        let answer = self.put(&path, content).await.ok();
        answer["event_id"].as_str().expect("an event has an identifier").to_owned()
    }

    /// One sync request: from the beginning, or from `since`. Does not wait for news.
    pub async fn sync(&self, since: Option<&str>) -> Value {
        let since = since.map(|token| format!("&since={}", segment(token))).unwrap_or_default();
        self.get(&format!("/v3/sync?timeout=0{since}")).await.ok()
    }

    /// A sync request that waits for news, up to `timeout` milliseconds.
    pub async fn sync_wait(&self, since: &str, timeout: u64) -> Value {
        self.get(&format!("/v3/sync?timeout={timeout}&since={}", segment(since))).await.ok()
    }
}
