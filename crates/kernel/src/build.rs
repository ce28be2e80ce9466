//! Making events: hashes, ids and signatures (spec: server-server API, "Signing Events"), and checking those of
//! others.

use std::collections::BTreeSet;

use im2_model::{EventId, Millis, RoomId, UserId};
use serde_json::{Map, Value, json};

use crate::{
    canonical::{MAX_INTEGER, event_to_canonical, object_to_canonical},
    content::Membership,
    event::{EventError, MAX_EVENT_BYTES, MAX_KEY_BYTES, Pdu, id_of_hashed, into_text},
    redact::redact,
    sign::{
        SigningKey, VerifyError, from_base64, sha256_base64, sha256_base64_url, signed_event_bytes, verify_redacted,
        without,
    },
    version::{EventIds, RoomVersion},
};

/// The sender's part of an event, before it has a place in the room.
#[derive(Debug, Clone)]
pub struct EventDraft {
    /// The room; `None` for the create event of a version whose room ids are hashes (12).
    pub room_id: Option<RoomId>,
    /// The sender.
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
/// depth of `prev_events`. Events of versions 1 and 2 name others with their hashes, so that for these there is
/// [`build_on`].
pub fn build(
    version: RoomVersion,
    draft: EventDraft,
    prev_events: &[EventId],
    auth_events: &[EventId],
    depth: u64,
    key: &SigningKey,
) -> Result<Pdu, EventError> {
    if version.rules().event_ids == EventIds::Stated {
        return Err(EventError::Malformed("events of this room version name others with their hashes".to_owned()));
    }
    let ids = |ids: &[EventId]| ids.iter().map(EventId::as_str).collect::<Value>();
    finish(version, draft, (ids(prev_events), ids(auth_events)), depth, key)
}

/// Does as [`build`], for callers that have the events themselves; in any version.
pub fn build_on(
    version: RoomVersion,
    draft: EventDraft,
    prev_events: &[&Pdu],
    auth_events: &[&Pdu],
    depth: u64,
    key: &SigningKey,
) -> Result<Pdu, EventError> {
    let named = |events: &[&Pdu]| -> Result<Value, EventError> {
        let name = |event: &&Pdu| match version.rules().event_ids {
            EventIds::Stated => Ok(json!([event.event_id, { "sha256": event.reference_hash(version)? }])),
            EventIds::Hash | EventIds::UrlSafeHash => Ok(event.event_id.as_str().into()),
        };
        events.iter().map(name).collect()
    };
    finish(version, draft, (named(prev_events)?, named(auth_events)?), depth, key)
}

fn finish(
    version: RoomVersion,
    draft: EventDraft,
    named: (Value, Value),
    depth: u64,
    key: &SigningKey,
) -> Result<Pdu, EventError> {
    if draft.kind.len() > MAX_KEY_BYTES {
        return Err(EventError::KeyTooLong("type"));
    }
    if draft.state_key.as_ref().is_some_and(|key| key.len() > MAX_KEY_BYTES) {
        return Err(EventError::KeyTooLong("state_key"));
    }
    if !version.rules().strict_json {
        // Nobody should send what these versions only put up with.
        object_to_canonical(&draft.content)?;
    }
    let server = draft.sender.server_name().to_owned();
    let mut event = to_object(version, draft, named, depth);
    if version.rules().event_ids == EventIds::Stated {
        let opaque = sha256_base64_url(&event_to_canonical(version, &event)?);
        event.insert("event_id".to_owned(), format!("${opaque}:{server}").into());
    }

    let hash = content_hash(version, &event)?;
    event.insert("hashes".to_owned(), json!({ "sha256": hash }));

    // The id and the signature cover the same bytes: the redacted event without signatures.
    let covered = event_to_canonical(version, &redact(version, &event))?;
    key.insert_signature(&server, &mut event, key.sign(&covered));

    let json = event_to_canonical(version, &event)?;
    if json.len() > MAX_EVENT_BYTES {
        return Err(EventError::TooLarge(json.len()));
    }
    let event_id = match event.get("event_id").and_then(Value::as_str) {
        Some(stated) => EventId::parse(stated).map_err(|error| EventError::Malformed(error.to_string()))?,
        None => id_of_hashed(version, &covered),
    };
    Pdu::read(version, event_id, into_text(json))
}

fn to_object(version: RoomVersion, draft: EventDraft, named: (Value, Value), depth: u64) -> Map<String, Value> {
    let EventDraft { room_id, sender, kind, state_key, mut content, redacts, origin_server_ts } = draft;
    let (prev_events, auth_events) = named;
    let max_depth = if version.rules().strict_json { MAX_INTEGER } else { i64::MAX };
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
    event.insert("auth_events".to_owned(), auth_events);
    event.insert("content".to_owned(), Value::Object(content));
    event.insert("depth".to_owned(), depth.min(max_depth as u64).into());
    event.insert("origin_server_ts".to_owned(), origin_server_ts.into());
    event.insert("prev_events".to_owned(), prev_events);
    event.insert("sender".to_owned(), sender.as_str().into());
    event.insert("type".to_owned(), String::from(kind).into());
    event
}

/// The content hash of `event`, as its `hashes.sha256` should read.
pub fn content_hash(version: RoomVersion, event: &Map<String, Value>) -> Result<String, EventError> {
    Ok(sha256_base64(&event_to_canonical(version, &without(event, &["unsigned", "signatures", "hashes"]))?))
}

/// Whether the content is the one that was hashed. If not, only the redacted event may be used (spec:
/// server-server API, "Validating hashes and signatures on received events").
pub fn has_valid_content_hash(version: RoomVersion, event: &Map<String, Value>) -> bool {
    let stated = event.get("hashes").and_then(|hashes| hashes.get("sha256")).and_then(Value::as_str);
    let expected = content_hash(version, event).ok().and_then(|hash| from_base64(&hash));
    expected.is_some() && expected == stated.and_then(from_base64)
}

/// The servers that have to have signed `event` (spec: server-server API, "Validating hashes and signatures on received
/// events", and rule 4.2 of the authorisation rules from version 8 on).
pub fn required_signers(version: RoomVersion, event: &Pdu) -> BTreeSet<String> {
    let rules = version.rules();
    let content = event.content_map();
    let mut signers = BTreeSet::new();
    // Any server may send an invite that was signed by an identity server.
    if event.membership != Some(Membership::Invite) || !content.contains_key("third_party_invite") {
        signers.insert(event.sender.server_name().to_owned());
    }
    if rules.event_ids == EventIds::Stated {
        signers.extend(event.event_id.server_name().map(str::to_owned));
    }
    if rules.restricted_joins
        && event.membership == Some(Membership::Join)
        && let Some(authoriser) = content.get("join_authorised_via_users_server").and_then(Value::as_str)
    {
        signers.extend(UserId::parse(authoriser).ok().map(|authoriser| authoriser.server_name().to_owned()));
    }
    signers
}

/// Checks the signature of the server `name` on a whole event with one of its public keys.
pub fn verify_event(
    version: RoomVersion,
    event: &Map<String, Value>,
    name: &str,
    key_id: &str,
    public_key: &[u8],
) -> Result<(), VerifyError> {
    verify_redacted(version, name, key_id, public_key, &redact(version, event))
}

/// Hashes and signs `event` in place, as servers do with events that they exchange without storing (invites to
/// other servers, joins through them).
pub fn hash_and_sign(
    version: RoomVersion,
    event: &mut Map<String, Value>,
    name: &str,
    key: &SigningKey,
) -> Result<(), EventError> {
    let hash = content_hash(version, event)?;
    event.insert("hashes".to_owned(), json!({ "sha256": hash }));
    let signature = key.sign(&signed_event_bytes(version, &redact(version, event))?);
    key.insert_signature(name, event, signature);
    Ok(())
}

#[cfg(test)]
mod tests {
    use im2_model::{RoomId, UserId};
    use serde_json::{Map, Value, json};

    use super::{EventDraft, build, has_valid_content_hash, hash_and_sign, required_signers, verify_event};
    use crate::{
        content::Membership,
        event::{EventError, Pdu, reference_id},
        sign::tests::spec_key,
        testing::{build_after, event, id},
        version::RoomVersion::{self, V1, V2, V3, V4, V5, V6, V8, V10, V11, V12},
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
            for version in RoomVersion::UNDERSTOOD.into_iter().filter(|version| *version <= V10) {
                let mut event = object(event.clone());
                hash_and_sign(version, &mut event, "domain", &spec_key()).unwrap();
                assert_eq!(event["hashes"], json!({ "sha256": hash }));
                assert_eq!(event["signatures"], json!({ "domain": { "ed25519:1": signature } }));
                assert!(has_valid_content_hash(version, &event));
            }
        }
    }

    /// An event that only versions 1 to 5 have: with fractions, an integer above 2^53, and a content that redactions keep.
    fn early_event(alias: &str) -> Map<String, Value> {
        let text = r#"{"type":"m.room.aliases","state_key":"domain","room_id":"!r:domain","sender":"@u:domain",
            "origin":"domain","origin_server_ts":1000000,"depth":9007199254740993,"prev_events":["$p"],
            "auth_events":[],"content":{"aliases":["ALIAS"],"weights":[1e16,0.00001,50.57,2.0]},"unsigned":{"age":3}}"#;
        serde_json::from_str(&text.replace("ALIAS", alias)).unwrap()
    }

    #[test]
    fn hashes_and_ids_of_the_first_versions() {
        // Computed from the specification's text with Python's `json` and `hashlib`.
        let content_hash = "65a+rb8rdocfMCDrHeJpO6si1r1/qIFCo2A8RfEVUJk";
        for (version, event_id) in [
            (V3, "$wLIq7khzQBllI+ccJlRl9J7Q4LbnKf7YsUCJ9/+fvN8"),
            (V4, "$wLIq7khzQBllI-ccJlRl9J7Q4LbnKf7YsUCJ9_-fvN8"),
            (V5, "$wLIq7khzQBllI-ccJlRl9J7Q4LbnKf7YsUCJ9_-fvN8"),
        ] {
            let mut event = early_event("#b:domain");
            hash_and_sign(version, &mut event, "domain", &spec_key()).unwrap();
            assert_eq!(event["hashes"]["sha256"], content_hash);
            assert_eq!(reference_id(version, &event).unwrap().as_str(), event_id);
            assert_eq!(verify_event(version, &event, "domain", "ed25519:1", spec_key().public_key()), Ok(()));
        }
        for version in [V1, V2] {
            let mut event = early_event("#a:domain");
            event.insert("event_id".to_owned(), json!("$1234:domain"));
            event.insert("prev_events".to_owned(), json!([["$p:domain", { "sha256": "aGFzaA" }]]));
            hash_and_sign(version, &mut event, "domain", &spec_key()).unwrap();
            assert_eq!(event["hashes"]["sha256"], "n6GClQshSy9Do4Lfa02a2yIiVUQpWj+Uf44u5Kl9+A0");
            let read = Pdu::from_stored(version, None, &Value::Object(event).to_string()).unwrap();
            assert_eq!(read.event_id.as_str(), "$1234:domain");
            assert_eq!(read.reference_hash(version).unwrap(), "c4iDaj3jtdk0wNpvedtnfd4hhWvNfP5G1BfU++/f3nk");
            assert_eq!(read.depth, 9_007_199_254_740_993);
        }
        assert!(hash_and_sign(V6, &mut early_event("#b:domain"), "domain", &spec_key()).is_err());
    }

    #[test]
    fn an_event_names_others_as_its_version_does() {
        let parts = |ids: Value, stated: Option<&str>| {
            let mut event = json!({ "room_id": "!r:x", "sender": "@u:x", "origin_server_ts": 1, "depth": 1, "type": "X",
                "content": {}, "prev_events": ids, "auth_events": [] });
            if let Some(stated) = stated {
                event["event_id"] = json!(stated);
            }
            event.to_string()
        };
        let pair = || json!([["$p:x", { "sha256": "aGFzaA" }]]);
        for version in RoomVersion::UNDERSTOOD {
            let reads = |ids: Value| Pdu::from_stored(version, None, &parts(ids, Some("$e:x"))).is_ok();
            assert_eq!(reads(pair()), version <= V2, "{version}");
            assert_eq!(reads(json!(["$p:x"])), version > V2, "{version}");
            assert_eq!(reads(json!([["$p:x", {}]])), version <= V2, "{version}");
            for wrong in [
                json!([["$p:x", { "sha256": "aGFzaA" }], "$q:x"]),
                json!([["$p:x"]]),
                json!([[]]),
                json!([["$p:x", "aGFzaA"]]),
                json!([["$p:x", {}, {}]]),
                json!([["p", {}]]),
                json!([[["$p:x"], {}]]),
                json!({ "$p:x": {} }),
            ] {
                assert!(!reads(wrong.clone()), "{wrong} in {version}");
            }
        }
        for version in [V1, V2] {
            for stated in [None, Some("e"), Some("$no-server")] {
                assert!(Pdu::from_stored(version, None, &parts(pair(), stated)).is_err(), "{stated:?}");
                assert!(Pdu::from_stored(version, Some(id(version, "e")), &parts(pair(), stated)).is_err());
            }
            assert!(Pdu::from_stored(version, Some(id(version, "other")), &parts(pair(), Some("$e:x"))).is_err());
        }
    }

    #[test]
    fn ids_of_versions_1_and_2_name_the_server_and_are_told_apart() {
        for version in [V1, V2] {
            let make = |body: &str| {
                let message = draft("m.room.message", None, json!({ "body": body }));
                build_after(version, message, &[id(version, "p")], &[], 1).unwrap().event_id
            };
            assert_eq!(make("a"), make("a"));
            assert_ne!(make("a"), make("b"));
            assert_eq!(make("a").server_name(), Some("domain"));
        }
    }

    #[test]
    fn nobody_sends_fractions_and_large_integers() {
        for version in RoomVersion::UNDERSTOOD {
            for content in [json!({ "a": 0.5 }), json!({ "a": 9_007_199_254_740_992_u64 })] {
                let built = build_after(version, draft("a", None, content), &[], &[], 1);
                assert!(matches!(built, Err(EventError::NotCanonical(_))), "{version}");
            }
            let depth = build_after(version, draft("a", None, json!({})), &[], &[], u64::MAX).unwrap().depth;
            assert_eq!(depth, if version <= V5 { (1 << 63) - 1 } else { (1 << 53) - 1 });
        }
    }

    #[test]
    fn who_has_to_have_signed() {
        for version in RoomVersion::UNDERSTOOD {
            let signers = |extra: Value| {
                let mut properties = json!({ "sender": "@ana:y", "type": "m.room.member", "state_key": "@ana:y" });
                properties["content"] = extra;
                required_signers(version, &event(version, &properties)).into_iter().collect::<Vec<_>>().join(" ")
            };
            // The event IDs of these tests are of the server x, where they name one.
            let with_id = |others: &str| if version <= V2 { format!("x {others}") } else { others.to_owned() };
            assert_eq!(signers(json!({ "membership": "join" })), with_id("y"));
            assert_eq!(signers(json!({ "membership": "invite" })), with_id("y"));
            let third_party = signers(json!({ "membership": "invite", "third_party_invite": {} }));
            assert_eq!(third_party, with_id("").trim());
            let not_an_invite = signers(json!({ "membership": "join", "third_party_invite": {} }));
            assert_eq!(not_an_invite, with_id("y"));
            let authorised =
                |by: Value| signers(json!({ "membership": "join", "join_authorised_via_users_server": by }));
            let expected = if version >= V8 { "y z".to_owned() } else { with_id("y") };
            assert_eq!(authorised(json!("@mod:z")), expected);
            assert_eq!(authorised(json!(5)), with_id("y"));
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

    #[test]
    fn a_built_event_survives_storage_and_verification_in_every_version() {
        let key = spec_key();
        for version in RoomVersion::UNDERSTOOD {
            let member = draft("m.room.member", Some("@u:domain"), json!({ "membership": "join", "reason": "r" }));
            let (prev, auth) = ([id(version, "p")], [id(version, "a"), id(version, "b")]);
            let event = build_after(version, member, &prev, &auth, 4).unwrap();
            assert_eq!((event.membership, event.depth), (Some(Membership::Join), 4));
            assert_eq!(event.content_json(), r#"{"membership":"join","reason":"r"}"#);
            assert_eq!((&*event.prev_events(), &*event.auth_events()), (&prev[..], &auth[..]));

            let again = Pdu::from_stored(version, None, event.json()).unwrap();
            assert_eq!((&again.event_id, again.json()), (&event.event_id, event.json()));

            let map = event.to_map();
            assert!(has_valid_content_hash(version, &map));
            assert_eq!(verify_event(version, &map, "domain", "ed25519:1", key.public_key()), Ok(()));
            let redacted = event.redacted(version).unwrap();
            assert_eq!(redacted.content_json(), r#"{"membership":"join"}"#);
            let redacted = redacted.to_map();
            assert!(!has_valid_content_hash(version, &redacted));
            assert_eq!(verify_event(version, &redacted, "domain", "ed25519:1", key.public_key()), Ok(()));
            assert_eq!(Pdu::from_stored(version, None, event.json()).unwrap().event_id, event.event_id);

            let mut forged = map;
            forged.insert("sender".to_owned(), json!("@v:domain"));
            assert!(verify_event(version, &forged, "domain", "ed25519:1", key.public_key()).is_err());
        }
    }

    #[test]
    fn without_its_content_a_message_is_what_a_redaction_leaves_of_it() {
        for version in RoomVersion::UNDERSTOOD {
            let message = draft("m.room.message", None, json!({ "body": "secret", "content": { "a": {} } }));
            let event = build_after(version, message, &[id(version, "p")], &[], 4).unwrap();
            let emptied = event.without_content();
            assert_eq!((emptied.content_json(), &emptied.event_id), ("{}", &event.event_id));
            assert_eq!(emptied.json(), event.redacted(version).unwrap().json());
            assert_eq!(emptied.prev_events(), event.prev_events());
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
        for version in RoomVersion::UNDERSTOOD {
            let mut redaction = draft("m.room.redaction", None, json!({ "reason": "spam" }));
            redaction.redacts = Some(id(version, "target"));
            let event = build_after(version, redaction, &[], &[], 1).unwrap();
            assert_eq!(event.redacts, Some(id(version, "target")));
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
        let ids = |count: usize| vec![id(V12, "x"); count];
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
                for event_id in [None, Some(id(V11, "x"))] {
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
