//! Events as clients see them (spec: client-server API, "Room event format", "Stripped state").

use serde_json::Value;

use crate::{canonical::write_string, event::Pdu};

/// The JSON of an event in the clients' format without its closing brace, made once and shared by all readers.
///
/// A reader appends `,"unsigned":{…}` if it has something to say there, and `}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPrefix {
    json: Box<str>,
    without_room: u32,
}

impl ClientPrefix {
    /// With `room_id`, as most endpoints want it.
    pub fn with_room_id(&self) -> &str {
        &self.json
    }

    /// Without `room_id`, as `/sync` wants it.
    pub fn without_room_id(&self) -> &str {
        &self.json[..self.without_room as usize]
    }
}

/// Writes `event` in the clients' format.
///
/// The target of a redaction is given both at the top level and in the content, whatever the room version: clients
/// know one place or the other (spec: room version 11, "Moving the `redacts` property").
pub fn client_event_prefix(event: &Pdu) -> ClientPrefix {
    let mut out = Vec::with_capacity(event.content_json().len() + 320);
    out.extend_from_slice(b"{\"content\":");
    match &event.redacts {
        None => out.extend_from_slice(event.content_json().as_bytes()),
        Some(redacts) => {
            let mut content = event.content_map();
            content.insert("redacts".to_owned(), Value::from(redacts.as_str()));
            out.extend_from_slice(Value::Object(content).to_string().as_bytes());
        }
    }
    member(&mut out, "event_id", event.event_id.as_str());
    out.extend_from_slice(b",\"origin_server_ts\":");
    out.extend_from_slice(event.origin_server_ts.to_string().as_bytes());
    if let Some(redacts) = &event.redacts {
        member(&mut out, "redacts", redacts.as_str());
    }
    member(&mut out, "sender", event.sender.as_str());
    if let Some(state_key) = &event.state_key {
        member(&mut out, "state_key", state_key);
    }
    member(&mut out, "type", &event.kind);
    let without_room = out.len() as u32;
    member(&mut out, "room_id", event.room_id.as_str());
    ClientPrefix { json: crate::event::into_text(out), without_room }
}

/// Writes a state event as stripped state: what invited and knocking users, and the space hierarchy, are shown.
/// `None` if it is no state event.
pub fn stripped_state(event: &Pdu) -> Option<Box<str>> {
    let mut out = Vec::with_capacity(event.content_json().len() + 128);
    out.extend_from_slice(b"{\"content\":");
    out.extend_from_slice(event.content_json().as_bytes());
    member(&mut out, "sender", event.sender.as_str());
    member(&mut out, "state_key", event.state_key.as_deref()?);
    member(&mut out, "type", &event.kind);
    out.push(b'}');
    Some(crate::event::into_text(out))
}

fn member(out: &mut Vec<u8>, key: &str, value: &str) {
    out.push(b',');
    write_string(out, key);
    out.push(b':');
    write_string(out, value);
}

#[cfg(test)]
mod tests {
    use im2_model::EventId;
    use serde_json::{Value, json};

    use super::{client_event_prefix, stripped_state};
    use crate::{
        event::Pdu,
        version::RoomVersion::{self, V10, V11},
    };

    fn event(version: RoomVersion, extra: &Value) -> Pdu {
        let mut event = json!({ "room_id": "!x:d", "sender": "@\"a\u{1}:d", "origin_server_ts": 5, "type": "X",
            "content": { "k": 1 }, "prev_events": [], "auth_events": [], "depth": 3 });
        for (key, value) in extra.as_object().unwrap() {
            event[key] = value.clone();
        }
        Pdu::from_stored(version, Some(EventId::parse("$e").unwrap()), &event.to_string()).unwrap()
    }

    #[test]
    fn the_clients_format() {
        let prefix = client_event_prefix(&event(V11, &json!({ "state_key": "s" })));
        let read = |prefix: &str| serde_json::from_str::<Value>(&format!("{prefix}}}")).unwrap();
        let mut expected = json!({ "content": { "k": 1 }, "event_id": "$e", "origin_server_ts": 5,
            "sender": "@\"a\u{1}:d", "state_key": "s", "type": "X" });
        assert_eq!(read(prefix.without_room_id()), expected);
        expected["room_id"] = json!("!x:d");
        assert_eq!(read(prefix.with_room_id()), expected);
    }

    #[test]
    fn redactions_name_their_target_twice() {
        let old = event(V10, &json!({ "type": "m.room.redaction", "redacts": "$t" }));
        let new = event(V11, &json!({ "type": "m.room.redaction", "content": { "redacts": "$t" } }));
        for redaction in [old, new] {
            let client: Value =
                serde_json::from_str(&format!("{}}}", client_event_prefix(&redaction).with_room_id())).unwrap();
            assert_eq!((&client["redacts"], &client["content"]["redacts"]), (&json!("$t"), &json!("$t")));
        }
        let none = event(V11, &json!({ "type": "m.room.redaction", "content": { "redacts": 5 } }));
        assert!(!client_event_prefix(&none).with_room_id().contains(r#","redacts""#));
    }

    #[test]
    fn stripped_state_is_for_state() {
        let stripped = stripped_state(&event(V11, &json!({ "state_key": "" }))).unwrap();
        let expected = json!({ "content": { "k": 1 }, "sender": "@\"a\u{1}:d", "state_key": "", "type": "X" });
        assert_eq!(serde_json::from_str::<Value>(&stripped).unwrap(), expected);
        assert_eq!(stripped_state(&event(V11, &json!({}))), None);
    }
}
