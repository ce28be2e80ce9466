//! Rooms: what the specification's "Rooms" and "Events" promise, seen from outside.

mod aliases;
mod creation;
mod directory;
mod events;
mod large;
mod membership;
mod mutual;
mod relations;
mod sending;
mod spaces;
mod timeline;
mod upgrade;
mod versions;
mod visibility;

use im2_testkit::{Client, segment};
use serde_json::Value;

/// The room versions that the server announces, oldest first.
const VERSIONS: [&str; 7] = ["6", "7", "8", "9", "10", "11", "12"];

/// Whether the version `text` is `first` or a later one.
fn is_from(text: &str, first: u32) -> bool {
    text.parse::<u32>().unwrap() >= first
}

/// A path below a room.
fn of(room: &str, rest: &str) -> String {
    format!("/v3/rooms/{}/{rest}", segment(room))
}

/// The same, for the endpoints that are at version 1.
fn of_v1(room: &str, rest: &str) -> String {
    format!("/v1/rooms/{}/{rest}", segment(room))
}

/// The content of a piece of state; `null` if it is not there.
async fn state(client: &Client, room: &str, kind: &str) -> Value {
    let answer = client.get(&of(room, &format!("state/{kind}/"))).await;
    if answer.status == 404 { Value::Null } else { answer.ok() }
}

/// The event identifiers in a list of events.
fn ids(events: &Value) -> Vec<String> {
    let events = events.as_array().map(Vec::as_slice).unwrap_or_default();
    events.iter().filter_map(|event| event["event_id"].as_str()).map(str::to_owned).collect()
}

/// The texts of the messages in a list of events.
fn bodies(events: &Value) -> Vec<&str> {
    let events = events.as_array().map(Vec::as_slice).unwrap_or_default();
    events.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}
