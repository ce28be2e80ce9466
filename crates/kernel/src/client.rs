//! Events as clients see them (spec: client-server API, "Room event format", "Stripped state").

use std::{borrow::Cow, io::Write as _};

use im2_model::Millis;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    canonical::write_string,
    content::Membership,
    event::{EventError, Pdu, into_text, membership_in},
};

/// Writes `event` in the clients' format without its closing brace: with `room_id`, as most endpoints want it, or
/// without, as `/sync` wants it. A reader appends `,"unsigned":{…}` if it has something to say there, and `}`.
///
/// It is written for each reader from the event's own bytes: kept beside them it would double what an event takes in
/// memory, and writing it takes little longer than copying it.
///
/// The target of a redaction is given both at the top level and in the content, whatever the room version: clients
/// know one place or the other (spec: room version 11, "Moving the `redacts` property").
pub fn write_client_event(out: &mut Vec<u8>, event: &Pdu, with_room_id: bool) {
    out.reserve(event.content_json().len() + 320);
    out.extend_from_slice(b"{\"content\":");
    match &event.redacts {
        None => out.extend_from_slice(event.content_json().as_bytes()),
        Some(redacts) => {
            let mut content = event.content_map();
            content.insert("redacts".to_owned(), Value::from(redacts.as_str()));
            out.extend_from_slice(Value::Object(content).to_string().as_bytes());
        }
    }
    member(out, b",\"event_id\":", event.event_id.as_str());
    out.extend_from_slice(b",\"origin_server_ts\":");
    // Writing to a vector cannot fail.
    drop(write!(out, "{}", event.origin_server_ts));
    if let Some(redacts) = &event.redacts {
        member(out, b",\"redacts\":", redacts.as_str());
    }
    member(out, b",\"sender\":", event.sender.as_str());
    if let Some(state_key) = &event.state_key {
        member(out, b",\"state_key\":", state_key);
    }
    member(out, b",\"type\":", &event.kind);
    if with_room_id {
        member(out, b",\"room_id\":", event.room_id.as_str());
    }
}

/// The whole of `event` in the clients' format, with `room_id` or without.
pub fn client_event(event: &Pdu, with_room_id: bool) -> Box<str> {
    let mut out = Vec::new();
    write_client_event(&mut out, event, with_room_id);
    out.push(b'}');
    into_text(out)
}

/// Writes a state event as stripped state: what invited and knocking users, and the space hierarchy, are shown.
/// `None` if it is no state event.
pub fn stripped_state(event: &Pdu) -> Option<Box<str>> {
    let mut out = Vec::with_capacity(event.content_json().len() + 128);
    out.extend_from_slice(b"{\"content\":");
    out.extend_from_slice(event.content_json().as_bytes());
    member(&mut out, b",\"sender\":", event.sender.as_str());
    member(&mut out, b",\"state_key\":", event.state_key.as_deref()?);
    member(&mut out, b",\"type\":", &event.kind);
    out.push(b'}');
    Some(into_text(out))
}

/// The parts of a state event that clients are shown, borrowed from the canonical JSON in which it is stored. A large
/// room has a hundred thousand members: their bytes are copied, and no [`Pdu`] is made of each.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct StoredState<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
    /// When the sender's server made it, by that server's clock.
    pub origin_server_ts: Millis,
    #[serde(borrow)]
    sender: &'a RawValue,
    #[serde(borrow)]
    state_key: &'a RawValue,
    #[serde(borrow, rename = "type")]
    kind: &'a RawValue,
}

impl<'a> StoredState<'a> {
    /// Reads a state event. It was checked when it was stored, so what is not asked for is not looked at.
    pub fn read(json: &'a str) -> Result<Self, EventError> {
        serde_json::from_str(json).map_err(|error| EventError::Malformed(error.to_string()))
    }

    /// The content as it is stored: the canonical JSON of an object.
    pub fn content_json(&self) -> &'a str {
        self.content.get()
    }

    /// The membership that an `m.room.member` sets; `None` if it names none that is known.
    pub fn membership(&self) -> Option<Membership> {
        membership_in(self.content.get())
    }

    /// The sender.
    pub fn sender(&self) -> Cow<'a, str> {
        text(self.sender)
    }

    /// Its state key.
    pub fn state_key(&self) -> Cow<'a, str> {
        text(self.state_key)
    }

    /// The state key as JSON.
    pub fn state_key_json(&self) -> &'a str {
        self.state_key.get()
    }

    /// Writes what [`write_client_event`] writes of the event, with the room if it is given.
    pub fn write_prefix(&self, out: &mut Vec<u8>, event_id: &str, room_id: Option<&str>) {
        out.extend_from_slice(b"{\"content\":");
        out.extend_from_slice(self.content.get().as_bytes());
        member(out, b",\"event_id\":", event_id);
        out.extend_from_slice(b",\"origin_server_ts\":");
        out.extend_from_slice(self.origin_server_ts.to_string().as_bytes());
        let canonical = [(",\"sender\":", self.sender), (",\"state_key\":", self.state_key), (",\"type\":", self.kind)];
        for (name, value) in canonical {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value.get().as_bytes());
        }
        if let Some(room_id) = room_id {
            member(out, b",\"room_id\":", room_id);
        }
    }
}

/// A string of an event that was checked when it was stored.
fn text(json: &RawValue) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(json.get()).map(|text| text.0).unwrap_or_default()
}

fn member(out: &mut Vec<u8>, key: &[u8], value: &str) {
    out.extend_from_slice(key);
    write_string(out, value);
}

#[cfg(test)]
mod tests {
    use im2_model::EventId;
    use serde_json::{Value, json};

    use super::{StoredState, client_event, stripped_state};
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
        let event = event(V11, &json!({ "state_key": "s" }));
        let read = |with_room_id| serde_json::from_str::<Value>(&client_event(&event, with_room_id)).unwrap();
        let mut expected = json!({ "content": { "k": 1 }, "event_id": "$e", "origin_server_ts": 5,
            "sender": "@\"a\u{1}:d", "state_key": "s", "type": "X" });
        assert_eq!(read(false), expected);
        expected["room_id"] = json!("!x:d");
        assert_eq!(read(true), expected);
    }

    #[test]
    fn redactions_name_their_target_twice() {
        let old = event(V10, &json!({ "type": "m.room.redaction", "redacts": "$t" }));
        let new = event(V11, &json!({ "type": "m.room.redaction", "content": { "redacts": "$t" } }));
        for redaction in [old, new] {
            let client: Value = serde_json::from_str(&client_event(&redaction, true)).unwrap();
            assert_eq!((&client["redacts"], &client["content"]["redacts"]), (&json!("$t"), &json!("$t")));
        }
        let none = event(V11, &json!({ "type": "m.room.redaction", "content": { "redacts": 5 } }));
        assert!(!client_event(&none, true).contains(r#","redacts""#));
    }

    #[test]
    fn stored_state_is_shown_as_any_other_event() {
        let contents = [
            json!({ "membership": "join", "displayname": "A \"quoted\"\n\u{1F600} \u{7f}", "avatar_url": null }),
            json!({ "type": "x", "sender": 5, "content": { "content": {} }, "membership": "ban" }),
            json!({ "membership": "elsewhere" }),
            json!({}),
        ];
        for (number, content) in contents.iter().enumerate() {
            let key = format!("@\"\\{number}\u{1}é:d");
            let extra = json!({ "type": "m.room.member", "content": content, "state_key": key });
            let event = event(V11, &extra);
            let stored = StoredState::read(event.json()).unwrap();
            for room_id in [Some("!x:d"), None] {
                let mut written = Vec::new();
                stored.write_prefix(&mut written, "$e", room_id);
                written.push(b'}');
                assert_eq!(String::from_utf8(written).unwrap(), *client_event(&event, room_id.is_some()));
            }
            assert_eq!(stored.membership(), event.membership);
            assert_eq!(stored.content_json(), event.content_json());
            assert_eq!((&*stored.sender(), &*stored.state_key()), ("@\"a\u{1}:d", &*key));
            assert_eq!(serde_json::from_str::<Value>(stored.state_key_json()).unwrap(), json!(key));
        }
        assert!(StoredState::read(event(V11, &json!({})).json()).is_err(), "a message has no state key");
    }

    #[test]
    fn stripped_state_is_for_state() {
        let stripped = stripped_state(&event(V11, &json!({ "state_key": "" }))).unwrap();
        let expected = json!({ "content": { "k": 1 }, "sender": "@\"a\u{1}:d", "state_key": "", "type": "X" });
        assert_eq!(serde_json::from_str::<Value>(&stripped).unwrap(), expected);
        assert_eq!(stripped_state(&event(V11, &json!({}))), None);
    }
}
