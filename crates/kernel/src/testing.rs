//! Events for the tests of this crate: well formed, unsigned, with readable ids.

use std::sync::atomic::{AtomicU64, Ordering};

use im2_model::{EventId, UserId};
use serde_json::{Value, json};

use crate::{
    build::{EventDraft, build, build_on},
    event::{EventError, Pdu},
    sign::tests::spec_key,
    version::{EventIds, RoomVersion},
};

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn next_id(version: RoomVersion) -> EventId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    id(version, &format!("event{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// Reads an event that names others by their ids alone, whatever its version.
pub(crate) fn read(version: RoomVersion, event_id: EventId, event: &Value) -> Pdu {
    let text = in_form_of(version, &event_id, event).to_string();
    Pdu::from_stored(version, Some(event_id), &text).unwrap()
}

/// The event as `version` writes it: in versions 1 and 2 with its id, and with a hash beside each id that it names.
pub(crate) fn in_form_of(version: RoomVersion, event_id: &EventId, event: &Value) -> Value {
    let mut event = event.clone();
    if version.rules().event_ids == EventIds::Stated {
        event["event_id"] = json!(event_id);
        for list in ["prev_events", "auth_events"] {
            if let Some(list) = event.get_mut(list).and_then(Value::as_array_mut) {
                for id in list {
                    *id = json!([id.take(), { "sha256": "aGFzaA" }]);
                }
            }
        }
    }
    event
}

/// An event with these properties beside the usual ones.
pub(crate) fn event(version: RoomVersion, properties: &Value) -> Pdu {
    let mut event = json!({ "room_id": "!room:x", "origin_server_ts": 1, "depth": 1, "prev_events": ["$p"],
        "auth_events": [], "content": {}, "type": "m.room.message", "sender": "@ana:x" });
    for (key, value) in properties.as_object().unwrap() {
        event[key] = value.clone();
    }
    read(version, next_id(version), &event)
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
    read(version, next_id(version), &event)
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

/// The id with these letters in the form that `version` has.
pub(crate) fn id(version: RoomVersion, letters: &str) -> EventId {
    let server = if version.rules().event_ids == EventIds::Stated { ":x" } else { "" };
    EventId::parse(&format!("${letters}{server}")).unwrap()
}

/// Builds `draft` with the specification's key, in any version, after events of which only the ids matter.
pub(crate) fn build_after(
    version: RoomVersion,
    draft: EventDraft,
    prev_events: &[EventId],
    auth_events: &[EventId],
    depth: u64,
) -> Result<Pdu, EventError> {
    if version.rules().event_ids != EventIds::Stated {
        return build(version, draft, prev_events, auth_events, depth, &spec_key());
    }
    assert!(build(version, draft.clone(), prev_events, auth_events, depth, &spec_key()).is_err());
    let named = |ids: &[EventId]| -> Vec<Pdu> {
        let properties = json!({ "room_id": "!room:x", "origin_server_ts": 1, "depth": 1, "prev_events": [],
            "auth_events": [], "content": {}, "type": "m.room.message", "sender": "@ana:x" });
        ids.iter().map(|id| read(version, id.clone(), &properties)).collect()
    };
    let (prev, auth) = (named(prev_events), named(auth_events));
    let (prev, auth): (Vec<_>, Vec<_>) = (prev.iter().collect(), auth.iter().collect());
    build_on(version, draft, &prev, &auth, depth, &spec_key())
}
