//! Application services: bridges and bots that act as many users.

mod accounts;
mod encryption;
mod listener;
mod queries;
mod signals;
mod third_party;
mod transactions;

use im2_server::config::Value;
use im2_testkit::{Answer, Client, Server, Setup};
use reqwest::Method;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// A registration like a bridge's: it has the users `@_irc_…` and the aliases `#_irc_…`, and is interested in all users
/// whose names begin with `guest`.
fn irc(url: &str) -> String {
    format!(
        "id: irc\nurl: {url}\nas_token: irc-as-token\nhs_token: irc-hs-token\nsender_localpart: _irc_bot\n\
         namespaces:\n  users:\n    - exclusive: true\n      regex: '@_irc_.*'\n    - exclusive: false\n      \
         regex: '@guest.*'\n  aliases:\n    - exclusive: true\n      regex: '#_irc_.*'\n  rooms: []\n\
         protocols: [irc]\nreceive_ephemeral: true\norg.matrix.msc3202: true\n"
    )
}

/// Starts a server with these registrations on a folder. Their files are read while it starts and not after.
async fn start(setup: Setup, registrations: &[String], folder: TempDir) -> Server {
    let files = tempfile::tempdir().unwrap();
    let write = |(number, text): (usize, &String)| {
        let path = files.path().join(format!("{number}.yaml"));
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let paths = registrations.iter().enumerate().map(write).collect();
    setup.set("app_service.registration_files", Value::List(paths)).start_in(folder).await
}

/// A new server with these registrations.
async fn server_with(registrations: &[String]) -> Server {
    start(Setup::default(), registrations, tempfile::tempdir().unwrap()).await
}

/// A new server with the registration [`irc`], and the service whose it is.
async fn bridged(url: &str) -> (Server, Bridge) {
    let server = server_with(&[irc(url)]).await;
    let bridge = Bridge::irc(&server);
    (server, bridge)
}

/// A service that talks to a server with its token.
#[derive(Clone)]
struct Bridge {
    client: Client,
}

impl Bridge {
    fn new(server: &Client, token: &str) -> Self {
        Self { client: server.with_token(token) }
    }

    fn irc(server: &Server) -> Self {
        Self::new(server.anonymous(), "irc-as-token")
    }

    /// A request as one of its users.
    async fn call(&self, method: Method, path: &str, user: &str, body: Json) -> Answer {
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}user_id={}", im2_testkit::segment(user));
        self.client.send_request(self.client.request(method, &path).json(&body)).await
    }

    /// Registers a user without a session.
    async fn register(&self, name: &str) -> Answer {
        let body = json!({ "type": "m.login.application_service", "username": name, "inhibit_login": true });
        self.client.post("/v3/register", body).await
    }

    /// Registers a user and returns their identifier.
    async fn puppet(&self, name: &str) -> String {
        self.register(name).await.ok()["user_id"].as_str().unwrap().to_owned()
    }

    async fn join(&self, room: &str, user: &str) {
        self.call(Method::POST, &format!("/v3/join/{}", im2_testkit::segment(room)), user, json!({})).await.ok();
    }

    async fn send_text(&self, room: &str, user: &str, txn: &str, text: &str) -> String {
        let path = format!("/v3/rooms/{}/send/m.room.message/{txn}", im2_testkit::segment(room));
        let body = json!({ "msgtype": "m.text", "body": text });
        let answer = self.call(Method::PUT, &path, user, body).await.ok();
        answer["event_id"].as_str().unwrap().to_owned()
    }
}
