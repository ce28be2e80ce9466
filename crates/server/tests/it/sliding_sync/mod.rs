//! Simplified sliding sync over HTTP.

mod connections;
mod encryption;
mod extensions;
mod gone;
mod lists;
mod memberships;
mod rooms;
mod stable;
mod thread_subscriptions;
mod threads;

use im2_testkit::{Answer, Client, segment};
use serde_json::{Value, json};

/// The older route, which clients use today.
const OLDER: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
const STABLE: &str = "/_matrix/client/v4/sync";

/// A client's connection: it asks for the same again and again, from where it stands.
struct Connection {
    client: Client,
    body: Value,
    pos: Option<String>,
}

impl Connection {
    fn new(client: &Client, body: Value) -> Self {
        Self { client: client.clone(), body, pos: None }
    }

    /// One list called `all`, without filters.
    fn of_all(client: &Client, range: [u64; 2], timeline_limit: u64) -> Self {
        let list = json!({ "ranges": [range], "timeline_limit": timeline_limit, "required_state": [] });
        Self::new(client, json!({ "lists": { "all": list } }))
    }

    async fn try_next(&self, timeout: u64) -> Answer {
        let pos = self.pos.as_ref().map(|pos| format!("&pos={}", segment(pos))).unwrap_or_default();
        self.client.post(&format!("{OLDER}?timeout={timeout}{pos}"), self.body.clone()).await
    }

    /// The next answer.
    async fn next(&mut self) -> Value {
        self.wait(0).await
    }

    /// The next answer that says something, or the one after `timeout` milliseconds.
    async fn wait(&mut self, timeout: u64) -> Value {
        let answer = self.try_next(timeout).await.ok();
        self.pos = Some(answer["pos"].as_str().unwrap().to_owned());
        answer
    }
}

/// The identifiers of the rooms in an answer, sorted.
fn rooms(answer: &Value) -> Vec<String> {
    let rooms = answer["rooms"].as_object().unwrap_or_else(|| panic!("no rooms in {answer}"));
    let mut rooms: Vec<_> = rooms.keys().cloned().collect();
    rooms.sort();
    rooms
}

fn sorted<const N: usize>(rooms: [&String; N]) -> Vec<String> {
    let mut rooms: Vec<_> = rooms.into_iter().cloned().collect();
    rooms.sort();
    rooms
}

/// The timeline of a room of an answer: bodies of messages, types of other events.
fn timeline(answer: &Value, room: &str) -> Vec<String> {
    let events = answer["rooms"][room]["timeline"].as_array().cloned().unwrap_or_default();
    let text = |event: &Value| event["content"]["body"].as_str().or(event["type"].as_str()).unwrap().to_owned();
    events.iter().map(text).collect()
}

/// The required state of a room of an answer: types and state keys, sorted.
fn state(answer: &Value, room: &str) -> Vec<(String, String)> {
    let events = answer["rooms"][room]["required_state"].as_array().cloned().unwrap_or_default();
    let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
    let mut state: Vec<_> = events.iter().map(|event| (text(event, "type"), text(event, "state_key"))).collect();
    state.sort();
    state
}

fn pair(kind: &str, key: &str) -> (String, String) {
    (kind.to_owned(), key.to_owned())
}

/// Replies in a thread.
async fn reply(client: &Client, room: &str, root: &str, text: &str) -> String {
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let content = json!({ "msgtype": "m.text", "body": text, "m.relates_to": relation });
    client.send(room, "m.room.message", content).await
}
