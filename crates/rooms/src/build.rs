//! Making events: hashes, ids and signatures (spec: server-server API, "Signing Events"), and checking those of
//! others.

use im2_model::{EventId, Millis, RoomId, UserId};
use serde_json::{Map, Value};

use crate::{
    canonical::{MAX_INTEGER, object_to_canonical},
    event::{EventError, MAX_EVENT_BYTES, MAX_KEY_BYTES, Pdu, id_of_hashed, into_text},
    redact::redact,
    sign::{SigningKey, VerifyError, from_base64, sha256_base64, verify_json, without},
    version::RoomVersion,
};

/// What somebody wants to send, before it has a place in the room.
#[derive(Debug, Clone)]
pub struct EventDraft {
    /// The room; `None` for the create event of a version whose room ids are hashes (12).
    pub room_id: Option<RoomId>,
    /// Who sends it.
    pub sender: UserId,
    /// The event's `type`.
    pub kind: Box<str>,
    /// Present exactly for state events.
    pub state_key: Option<Box<str>>,
    /// The content.
    pub content: Map<String, Value>,
    /// The target of an `m.room.redaction`; it is put where the room version wants it.
    pub redacts: Option<EventId>,
    /// The server's time.
    pub origin_server_ts: Millis,
}

/// Makes an event of `draft`: hashed, signed by `key` as the sender's server, and within the size limits.
///
/// `auth_events` are the ids of what [`crate::auth::auth_event_keys`] selects; `depth` is one more than the greatest
/// depth of `prev_events`.
pub fn build(
    version: RoomVersion,
    draft: EventDraft,
    prev_events: &[EventId],
    auth_events: &[EventId],
    depth: u64,
    key: &SigningKey,
) -> Result<Pdu, EventError> {
    if draft.kind.len() > MAX_KEY_BYTES {
        return Err(EventError::KeyTooLong("type"));
    }
    if draft.state_key.as_ref().is_some_and(|key| key.len() > MAX_KEY_BYTES) {
        return Err(EventError::KeyTooLong("state_key"));
    }
    let server = draft.sender.server_name().to_owned();
    let mut event = to_object(version, draft, prev_events, auth_events, depth);

    let content_hash = sha256_base64(&object_to_canonical(&event)?);
    event.insert("hashes".to_owned(), Value::Object(Map::from_iter([("sha256".to_owned(), content_hash.into())])));

    // The id and the signature cover the same bytes: the redacted event without signatures.
    let covered = object_to_canonical(&redact(version, &event))?;
    key.insert_signature(&server, &mut event, key.sign(&covered));

    let json = object_to_canonical(&event)?;
    if json.len() > MAX_EVENT_BYTES {
        return Err(EventError::TooLarge(json.len()));
    }
    Pdu::read(version, id_of_hashed(&covered), into_text(json))
}

fn to_object(
    version: RoomVersion,
    draft: EventDraft,
    prev_events: &[EventId],
    auth_events: &[EventId],
    depth: u64,
) -> Map<String, Value> {
    let EventDraft { room_id, sender, kind, state_key, mut content, redacts, origin_server_ts } = draft;
    let ids = |ids: &[EventId]| Value::Array(ids.iter().map(|id| id.as_str().into()).collect());
    let mut event = Map::new();
    if let Some(redacts) = redacts {
        let target = if version.rules().redacts_in_content { &mut content } else { &mut event };
        target.insert("redacts".to_owned(), redacts.as_str().into());
    }
    if let Some(room_id) = room_id {
        event.insert("room_id".to_owned(), room_id.as_str().into());
    }
    if let Some(state_key) = state_key {
        event.insert("state_key".to_owned(), String::from(state_key).into());
    }
    event.insert("auth_events".to_owned(), ids(auth_events));
    event.insert("content".to_owned(), Value::Object(content));
    event.insert("depth".to_owned(), depth.min(MAX_INTEGER as u64).into());
    event.insert("origin_server_ts".to_owned(), origin_server_ts.into());
    event.insert("prev_events".to_owned(), ids(prev_events));
    event.insert("sender".to_owned(), sender.as_str().into());
    event.insert("type".to_owned(), String::from(kind).into());
    event
}

/// The content hash of `event`, as its `hashes.sha256` should read.
pub fn content_hash(event: &Map<String, Value>) -> Result<String, EventError> {
    Ok(sha256_base64(&object_to_canonical(&without(event, &["unsigned", "signatures", "hashes"]))?))
}

/// Whether the content is the one that was hashed. If not, only the redacted event may be used (spec:
/// server-server API, "Validating hashes and signatures on received events").
pub fn has_valid_content_hash(event: &Map<String, Value>) -> bool {
    let stated = event.get("hashes").and_then(|hashes| hashes.get("sha256")).and_then(Value::as_str);
    let expected = content_hash(event).ok().and_then(|hash| from_base64(&hash));
    expected.is_some() && expected == stated.and_then(from_base64)
}

/// Checks the signature of the server `name` on a whole event with one of its public keys.
pub fn verify_event(
    version: RoomVersion,
    event: &Map<String, Value>,
    name: &str,
    key_id: &str,
    public_key: &[u8],
) -> Result<(), VerifyError> {
    verify_json(name, key_id, public_key, &redact(version, event))
}

/// Hashes and signs `event` in place, as servers do with events that they exchange without storing (invites to
/// other servers, joins through them).
pub fn hash_and_sign(
    version: RoomVersion,
    event: &mut Map<String, Value>,
    name: &str,
    key: &SigningKey,
) -> Result<(), EventError> {
    let hash = content_hash(event)?;
    event.insert("hashes".to_owned(), Value::Object(Map::from_iter([("sha256".to_owned(), hash.into())])));
    let mut redacted = redact(version, event);
    key.sign_json(name, &mut redacted)?;
    let signatures = redacted.remove("signatures").unwrap_or_default();
    event.insert("signatures".to_owned(), signatures);
    Ok(())
}

#[cfg(test)]
mod tests {
    use im2_model::{EventId, RoomId, UserId};
    use serde_json::{Map, Value, json};

    use super::{EventDraft, build, has_valid_content_hash, hash_and_sign, verify_event};
    use crate::{
        content::Membership,
        event::{EventError, Pdu},
        sign::tests::spec_key,
        version::RoomVersion::{self, V10, V11, V12},
    };

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { panic!("not an object") };
        object
    }

    #[test]
    fn test_vectors_of_the_specification_for_events() {
        let minimal = json!({ "room_id": "!x:domain", "sender": "@a:domain", "origin": "domain",
            "origin_server_ts": 1_000_000, "signatures": {}, "hashes": {}, "type": "X", "content": {},
            "prev_events": [], "auth_events": [], "depth": 3, "unsigned": { "age_ts": 1_000_000 } });
        let with_content = json!({ "content": { "body": "Here is the message content" }, "event_id": "$0:domain",
            "origin": "domain", "origin_server_ts": 1_000_000, "type": "m.room.message", "room_id": "!r:domain",
            "sender": "@u:domain", "signatures": {}, "unsigned": { "age_ts": 1_000_000 } });
        for (event, hash, signature) in [
            (
                minimal,
                "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos",
                "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg",
            ),
            (
                with_content,
                "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g",
                "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA",
            ),
        ] {
            // The vectors' events carry `origin`, which is covered by signatures until version 10.
            for version in RoomVersion::ALL.into_iter().filter(|version| *version <= V10) {
                let mut event = object(event.clone());
                hash_and_sign(version, &mut event, "domain", &spec_key()).unwrap();
                assert_eq!(event["hashes"], json!({ "sha256": hash }));
                assert_eq!(event["signatures"], json!({ "domain": { "ed25519:1": signature } }));
                assert!(has_valid_content_hash(&event));
            }
        }
    }

    fn draft(kind: &str, state_key: Option<&str>, content: Value) -> EventDraft {
        EventDraft {
            room_id: Some(RoomId::parse("!r:domain").unwrap()),
            sender: UserId::parse("@u:domain").unwrap(),
            kind: kind.into(),
            state_key: state_key.map(Into::into),
            content: object(content),
            redacts: None,
            origin_server_ts: 1_000_000,
        }
    }

    fn id(text: &str) -> EventId {
        EventId::parse(text).unwrap()
    }

    #[test]
    fn a_built_event_survives_storage_and_verification_in_every_version() {
        let key = spec_key();
        for version in RoomVersion::ALL {
            let member = draft("m.room.member", Some("@u:domain"), json!({ "membership": "join", "reason": "r" }));
            let event = build(version, member, &[id("$p")], &[id("$a"), id("$b")], 4, &key).unwrap();
            assert_eq!((event.membership, event.depth), (Some(Membership::Join), 4));
            assert_eq!(event.content_json(), r#"{"membership":"join","reason":"r"}"#);
            assert_eq!((&*event.prev_events(), &*event.auth_events()), (&[id("$p")][..], &[id("$a"), id("$b")][..]));

            let again = Pdu::from_stored(version, None, event.json()).unwrap();
            assert_eq!((&again.event_id, again.json()), (&event.event_id, event.json()));

            let map = event.to_map();
            assert!(has_valid_content_hash(&map));
            assert_eq!(verify_event(version, &map, "domain", "ed25519:1", key.public_key()), Ok(()));
            let redacted = event.redacted(version).unwrap();
            assert_eq!(redacted.content_json(), r#"{"membership":"join"}"#);
            let redacted = redacted.to_map();
            assert!(!has_valid_content_hash(&redacted));
            assert_eq!(verify_event(version, &redacted, "domain", "ed25519:1", key.public_key()), Ok(()));
            assert_eq!(Pdu::from_stored(version, None, event.json()).unwrap().event_id, event.event_id);

            let mut forged = map;
            forged.insert("sender".to_owned(), json!("@v:domain"));
            assert!(verify_event(version, &forged, "domain", "ed25519:1", key.public_key()).is_err());
        }
    }

    #[test]
    fn a_version_12_room_is_named_by_its_create_event() {
        let mut create = draft("m.room.create", Some(""), json!({ "room_version": "12" }));
        let with_room = create.clone();
        create.room_id = None;
        let event = build(V12, create.clone(), &[], &[], 1, &spec_key()).unwrap();
        assert_eq!(event.room_id.as_str()[1..], event.event_id.as_str()[1..]);
        assert!(!event.json().contains("room_id"));
        assert!(matches!(build(V12, with_room, &[], &[], 1, &spec_key()), Err(EventError::Malformed(_))));
        assert!(matches!(build(V11, create, &[], &[], 1, &spec_key()), Err(EventError::Malformed(_))));
    }

    #[test]
    fn the_target_of_a_redaction_is_where_the_version_wants_it() {
        for version in RoomVersion::ALL {
            let mut redaction = draft("m.room.redaction", None, json!({ "reason": "spam" }));
            redaction.redacts = Some(id("$target"));
            let event = build(version, redaction, &[], &[], 1, &spec_key()).unwrap();
            assert_eq!(event.redacts, Some(id("$target")));
            assert_eq!(event.to_map().contains_key("redacts"), version <= V10);
            assert_eq!(event.content_map().contains_key("redacts"), version > V10);
        }
    }

    #[test]
    fn limits() {
        let key = spec_key();
        let long = "x".repeat(256);
        assert!(matches!(
            build(V12, draft(&long, None, json!({})), &[], &[], 1, &key),
            Err(EventError::KeyTooLong("type"))
        ));
        assert!(matches!(
            build(V12, draft("a", Some(&long), json!({})), &[], &[], 1, &key),
            Err(EventError::KeyTooLong("state_key"))
        ));
        let size = |length: usize| {
            build(V12, draft("a", Some(&long[..255]), json!({ "body": "x".repeat(length) })), &[], &[], 1, &key)
        };
        let overhead = size(0).unwrap().json().len();
        assert_eq!(size(65_536 - overhead).unwrap().json().len(), 65_536);
        assert!(matches!(size(65_537 - overhead), Err(EventError::TooLarge(65_537))));
        assert!(matches!(
            build(V12, draft("a", None, json!({ "x": 0.5 })), &[], &[], 1, &key),
            Err(EventError::NotCanonical(_))
        ));
        let ids = |count: usize| vec![id("$x"); count];
        let with = |prev: usize, auth: usize| build(V12, draft("a", None, json!({})), &ids(prev), &ids(auth), 1, &key);
        assert!(with(20, 10).is_ok() && with(21, 10).is_err() && with(20, 11).is_err());
    }

    #[test]
    fn wrong_types_are_errors_and_never_panics() {
        let good = json!({ "room_id": "!x:domain", "sender": "@a:domain", "origin_server_ts": 1, "type": "X",
            "content": {}, "prev_events": [], "auth_events": [], "depth": 3, "state_key": "" });
        assert!(Pdu::from_stored(V11, None, &good.to_string()).is_ok());
        let wrong = [json!(null), json!(-1), json!(1.5), json!("x"), json!([1]), json!({ "a": 1 }), json!(true)];
        for key in good.as_object().unwrap().keys() {
            for value in &wrong {
                let fits = matches!(
                    (key.as_str(), value),
                    ("content", Value::Object(_)) | ("type" | "state_key", Value::String(_))
                );
                let mut event = good.clone();
                event[key] = value.clone();
                for event_id in [None, Some(id("$x"))] {
                    let read = Pdu::from_stored(V11, event_id, &event.to_string());
                    assert_eq!(read.is_ok(), fits, "{key}: {value}");
                }
            }
        }
        for text in ["", "[]", "null", "{", "{}"] {
            assert!(Pdu::from_stored(V12, None, text).is_err(), "{text}");
        }
    }
}
