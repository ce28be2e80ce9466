//! Events for the tests of this crate: well formed, unsigned, with readable ids.

use std::sync::atomic::{AtomicU64, Ordering};

use im2_model::{EventId, UserId};
use serde_json::{Value, json};

use crate::{event::Pdu, version::RoomVersion};

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn next_id() -> EventId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    EventId::parse(&format!("$event{}", NEXT.fetch_add(1, Ordering::Relaxed))).unwrap()
}

/// An event with these properties beside the usual ones.
pub(crate) fn event(version: RoomVersion, properties: &Value) -> Pdu {
    let mut event = json!({ "room_id": "!room:x", "origin_server_ts": 1, "depth": 1, "prev_events": ["$p"],
        "auth_events": [], "content": {}, "type": "m.room.message", "sender": "@ana:x" });
    for (key, value) in properties.as_object().unwrap() {
        event[key] = value.clone();
    }
    Pdu::from_stored(version, Some(next_id()), &event.to_string()).unwrap()
}

/// The create event of a room that `sender` makes; until version 10 it names its creator.
pub(crate) fn create(version: RoomVersion, sender: &str, content: &Value) -> Pdu {
    let mut content = content.clone();
    let mut event = json!({ "type": "m.room.create", "state_key": "", "sender": sender, "origin_server_ts": 1,
        "depth": 1, "prev_events": [], "auth_events": [] });
    if version.rules().creator_in_content && content.get("creator").is_none() {
        content["creator"] = json!(sender);
    }
    if !version.rules().room_id_is_create_hash {
        event["room_id"] = json!("!room:x");
    }
    event["content"] = content;
    Pdu::from_stored(version, Some(next_id()), &event.to_string()).unwrap()
}

/// A state event in the room of `create`.
pub(crate) fn state_event(
    version: RoomVersion,
    create: &Pdu,
    kind: &str,
    state_key: &str,
    sender: &str,
    content: &Value,
) -> Pdu {
    event(
        version,
        &json!({ "room_id": create.room_id, "type": kind, "state_key": state_key, "sender": sender, "content": content }),
    )
}
