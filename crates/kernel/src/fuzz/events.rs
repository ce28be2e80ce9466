//! Events: reading, ids, redaction, what clients are shown, in every room version.

use im2_fuzz::{json, text};
use im2_model::{EventId, MxcUri, RoomAliasId, RoomId, ServerName, UserId};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::{
    build::{EventDraft, has_valid_content_hash, verify_event},
    canonical::event_to_canonical,
    client::{StoredState, client_event, stripped_state},
    content::{
        CreateContent, GuestAccess, HistoryVisibility, JoinRulesContent, MemberContent, MemberProfile, Membership,
    },
    event::{MAX_EVENT_BYTES, Pdu, reference_id},
    power::PowerLevels,
    redact::redact,
    relations::{Relation, in_reply_to},
    search::searched_text,
    sign::{sha256_base64, sha256_base64_url, tests::spec_key},
    state::StateMap,
    testing::{build_after, create, id, in_form_of},
    version::RoomVersion,
};

/// Names and values that some rule of some version knows.
const WORDS: &[&str] = &[
    "m.room.member",
    "m.room.create",
    "m.room.join_rules",
    "m.room.power_levels",
    "m.room.history_visibility",
    "m.room.redaction",
    "m.room.message",
    "m.room.aliases",
    "type",
    "room_id",
    "sender",
    "state_key",
    "content",
    "hashes",
    "signatures",
    "depth",
    "prev_events",
    "auth_events",
    "origin_server_ts",
    "event_id",
    "prev_state",
    "origin",
    "membership",
    "unsigned",
    "redacts",
    "join_authorised_via_users_server",
    "third_party_invite",
    "signed",
    "creator",
    "join_rule",
    "allow",
    "history_visibility",
    "ban",
    "events",
    "events_default",
    "invite",
    "kick",
    "redact",
    "state_default",
    "users",
    "users_default",
    "join",
    "leave",
    "knock",
    "restricted",
    "@ana:x",
    "!room:x",
    "$e",
    "m.relates_to",
    "rel_type",
    "m.thread",
    "m.replace",
    "m.in_reply_to",
    "m.new_content",
    "body",
    "topic",
    "m.topic",
    "m.text",
    "m.room.topic",
    "m.room.name",
    "name",
    "displayname",
    "avatar_url",
    "additional_creators",
    "predecessor",
    "aliases",
    "sha256",
];

fn version() -> impl Strategy<Value = RoomVersion> {
    select(RoomVersion::UNDERSTOOD.to_vec())
}

/// Whole events as servers exchange them.
fn valid() -> Vec<Value> {
    let event = |kind: &str, state_key: Option<&str>, content: Value| {
        let mut event = json!({ "type": kind, "room_id": "!room:x", "sender": "@ana:x", "content": content,
            "origin_server_ts": 1_700_000_000_000_u64, "depth": 7, "prev_events": ["$p"], "auth_events": ["$c", "$m"],
            "hashes": { "sha256": "aGFzaA" }, "signatures": { "x": { "ed25519:1": "c2ln" } }, "origin": "x",
            "prev_state": [], "membership": "join", "unsigned": { "age": 5 } });
        if let Some(key) = state_key {
            event["state_key"] = json!(key);
        }
        event
    };
    vec![
        event(
            "m.room.member",
            Some("@ana:x"),
            json!({ "membership": "join", "displayname": "Ana", "reason": "r",
            "join_authorised_via_users_server": "@mod:x", "third_party_invite": { "signed": { "token": "t" }, "a": 1 } }),
        ),
        event("m.room.create", Some(""), json!({ "creator": "@ana:x", "room_version": "10", "type": "m.space" })),
        event(
            "m.room.join_rules",
            Some(""),
            json!({ "join_rule": "restricted",
            "allow": [{ "type": "m.room_membership", "room_id": "!a:x" }] }),
        ),
        event(
            "m.room.power_levels",
            Some(""),
            json!({ "ban": 50, "events": { "m.room.name": 50 }, "invite": 0, "kick": 50,
            "redact": 50, "state_default": 50, "users": { "@ana:x": 100 }, "users_default": 0, "events_default": 0,
            "notifications": { "room": 50 } }),
        ),
        event("m.room.aliases", Some("x"), json!({ "aliases": ["#a:x"], "a": 1.5 })),
        event("m.room.history_visibility", Some(""), json!({ "history_visibility": "joined", "a": 1 })),
        event("m.room.redaction", None, json!({ "redacts": "$e", "reason": "spam" })),
        event("m.room.topic", Some(""), json!({ "topic": "t", "m.topic": { "m.text": [{ "body": "t" }] } })),
        event(
            "m.room.message",
            None,
            json!({ "msgtype": "m.text", "body": "> <@a:x> old\n\nnew",
            "m.relates_to": { "rel_type": "m.thread", "event_id": "$e", "m.in_reply_to": { "event_id": "$e" } } }),
        ),
    ]
}

fn valid_in(version: RoomVersion) -> Vec<Value> {
    valid().iter().map(|event| in_form_of(version, &id(version, "e"), event)).collect()
}

/// A version, and an event in its form with a few changes.
fn mutated_event() -> impl Strategy<Value = (RoomVersion, Value)> {
    version().prop_flat_map(|version| (Just(version), json::mutated(valid_in(version), WORDS)))
}

/// The keys that redaction keeps, version by version, as the specification lists them.
fn kept_content(version: RoomVersion, kind: &str) -> Option<&'static [&'static str]> {
    use RoomVersion::{V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12};
    Some(match (kind, version) {
        ("m.room.create", V11 | V12) => return None,
        ("m.room.create", _) => &["creator"],
        ("m.room.member", V1 | V2 | V3 | V4 | V5 | V6 | V7 | V8) => &["membership"],
        ("m.room.member", V9 | V10) => &["membership", "join_authorised_via_users_server"],
        ("m.room.member", V11 | V12) => &["membership", "join_authorised_via_users_server", "third_party_invite"],
        ("m.room.join_rules", V1 | V2 | V3 | V4 | V5 | V6 | V7) => &["join_rule"],
        ("m.room.join_rules", _) => &["join_rule", "allow"],
        ("m.room.power_levels", V1 | V2 | V3 | V4 | V5 | V6 | V7 | V8 | V9 | V10) => {
            &["ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"]
        }
        ("m.room.power_levels", _) => {
            &["ban", "events", "events_default", "invite", "kick", "redact", "state_default", "users", "users_default"]
        }
        ("m.room.aliases", V1 | V2 | V3 | V4 | V5) => &["aliases"],
        ("m.room.history_visibility", _) => &["history_visibility"],
        ("m.room.redaction", V11 | V12) => &["redacts"],
        _ => &[],
    })
}

fn reference_redaction(version: RoomVersion, event: &Map<String, Value>) -> Value {
    let mut kept: Vec<&str> = "event_id type room_id sender state_key content hashes signatures depth prev_events \
                               auth_events origin_server_ts"
        .split_whitespace()
        .collect();
    if version < RoomVersion::V11 {
        kept.extend(["prev_state", "origin", "membership"]);
    }
    let mut redacted = event.clone();
    redacted.retain(|key, _| kept.contains(&&**key));
    if let Some(content) = redacted.get_mut("content") {
        let mut left = content.as_object().cloned().unwrap_or_default();
        if let Some(keys) = kept_content(version, event.get("type").and_then(Value::as_str).unwrap_or_default()) {
            left.retain(|key, _| keys.contains(&&**key));
            // Only `signed` stays of it.
            match left.remove("third_party_invite") {
                Some(Value::Object(mut invite)) if invite.contains_key("signed") => {
                    invite.retain(|key, _| key == "signed");
                    left.insert("third_party_invite".to_owned(), Value::Object(invite));
                }
                _ => {}
            }
        }
        *content = Value::Object(left);
    }
    Value::Object(redacted)
}

/// The id of an event, computed from the redaction of this file.
fn reference_event_id(version: RoomVersion, event: &Map<String, Value>) -> Option<EventId> {
    let mut covered = reference_redaction(version, event);
    for key in ["signatures", "unsigned"] {
        covered.as_object_mut()?.remove(key);
    }
    if version <= RoomVersion::V2 {
        return EventId::parse(event.get("event_id")?.as_str()?).ok();
    }
    let bytes = event_to_canonical(version, covered.as_object()?).ok()?;
    let hash = if version == RoomVersion::V3 { sha256_base64(&bytes) } else { sha256_base64_url(&bytes) };
    EventId::parse(&format!("${hash}")).ok()
}

/// Everything that reads an event reads this one without panic, and what is shown of it is what it says.
fn look_at(version: RoomVersion, event: &Pdu) -> Result<(), TestCaseError> {
    let map = event.to_map();
    let content: Map<String, Value> = serde_json::from_str(event.content_json()).unwrap();
    prop_assert_eq!(Some(&Value::Object(content.clone())), map.get("content"));
    let membership = content.get("membership").and_then(Value::as_str).filter(|_| &*event.kind == "m.room.member");
    let known = ["invite", "join", "knock", "leave", "ban"];
    let expected = membership.filter(|membership| known.contains(membership));
    prop_assert_eq!(event.membership.map(Membership::as_str), expected);

    let mut shown = json!({ "content": content, "event_id": event.event_id, "origin_server_ts": event.origin_server_ts,
        "sender": event.sender, "type": event.kind, "room_id": event.room_id });
    if let Some(key) = &event.state_key {
        shown["state_key"] = json!(key);
    }
    if let Some(redacts) = &event.redacts {
        shown["redacts"] = json!(redacts);
        shown["content"]["redacts"] = json!(redacts);
    }
    prop_assert_eq!(serde_json::from_str::<Value>(&client_event(event, true)).unwrap(), shown.clone());
    prop_assert_eq!(stripped_state(event).is_some(), event.is_state());
    let stored = StoredState::read(event.json());
    prop_assert_eq!(stored.is_ok(), event.is_state());
    if let Ok(stored) = stored
        && event.redacts.is_none()
    {
        let mut out = Vec::new();
        stored.write_prefix(&mut out, event.event_id.as_str(), Some(event.room_id.as_str()));
        out.push(b'}');
        prop_assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), shown);
        prop_assert_eq!(Some(&*stored.state_key()), event.state_key.as_deref());
    }

    let json = event.content_json();
    let profile = MemberProfile::read(json);
    for shown in [profile.displayname_json(), profile.avatar_url_json()] {
        prop_assert!(serde_json::from_str::<Option<String>>(shown).is_ok());
    }
    let member = MemberContent::parse(json);
    prop_assert_eq!(member.displayname.as_deref(), content.get("displayname").and_then(Value::as_str));
    drop((CreateContent::creators(version, event), JoinRulesContent::parse(version, json)));
    _ = (HistoryVisibility::parse(json), GuestAccess::parse(json));
    let levels = PowerLevels::of(version, &create(version, "@ana:x", &json!({})), Some(event));
    _ = levels.highest_finite_level();
    drop((Relation::of(event), in_reply_to(event)));
    if let Some((_, text)) = searched_text(event) {
        prop_assert!(!text.trim().is_empty());
    }
    _ = crate::auth::authorize(version, event, &StateMap::<Pdu>::default());
    Ok(())
}

proptest! {
    #[test]
    fn redaction_keeps_what_the_specification_lists(
        version in version(), event in json::mutated(valid(), WORDS), more in json::any_object(WORDS),
    ) {
        let mut event = event.as_object().cloned().unwrap_or_default();
        event.extend(more);
        let redacted = redact(version, &event);
        prop_assert_eq!(&Value::Object(redacted.clone()), &reference_redaction(version, &event));
        prop_assert_eq!(&redact(version, &redacted), &redacted);
    }

    #[test]
    fn any_event_is_refused_or_read_as_it_is((version, event) in mutated_event()) {
        let mut event = event;
        if version.rules().room_id_is_create_hash && event["type"] == "m.room.create" {
            event.as_object_mut().unwrap().remove("room_id");
        }
        let canonical = event.as_object().and_then(|event| event_to_canonical(version, event).ok());
        let Some(canonical) = canonical else { return Ok(()) };
        let text = String::from_utf8(canonical).unwrap();
        let Ok(read) = Pdu::from_stored(version, None, &text) else { return Ok(()) };
        prop_assert_eq!(read.json(), &text);
        let expected = reference_event_id(version, event.as_object().unwrap());
        prop_assert_eq!(Some(&read.event_id), expected.as_ref());
        look_at(version, &read)?;
        let redacted = read.redacted(version).unwrap();
        prop_assert_eq!(&reference_id(version, &redacted.to_map()).unwrap(), &read.event_id);
        let again = redacted.redacted(version).unwrap();
        prop_assert_eq!(again.json(), redacted.json());
        look_at(version, &redacted)?;
    }

    #[test]
    fn bytes_that_are_nearly_an_event_are_refused_or_read(
        (version, text) in version().prop_flat_map(|version| {
            (Just(version), text::mutated(valid_in(version).iter().map(Value::to_string).collect()))
        }),
    ) {
        for event_id in [None, Some(id(version, "e"))] {
            if let Ok(event) = Pdu::from_stored(version, event_id, &text) {
                prop_assert_eq!(event.json(), &text);
                _ = (client_event(&event, false), event.auth_events(), event.prev_events());
            }
        }
    }

    #[test]
    fn what_is_built_is_within_the_limits_and_verifies(
        version in version(),
        kind in prop_oneof![select(WORDS).prop_map(str::to_owned), text::any_text(), Just("k".repeat(256))],
        state_key in prop::option::of(prop_oneof![Just(String::new()), text::any_text(), Just("é".repeat(128))]),
        content in json::any_object(WORDS),
        padding in select(vec![0_usize, 0, 0, 64_000, 65_000, 65_536]),
        redacts in any::<bool>(),
        depth in any::<u64>(),
    ) {
        let mut content = content;
        content.insert("pad".to_owned(), "x".repeat(padding).into());
        let is_create = version.rules().room_id_is_create_hash && kind == "m.room.create";
        let room_id = (!is_create).then(|| RoomId::parse("!room:x").unwrap());
        let draft = EventDraft {
            room_id,
            sender: UserId::parse("@ana:x").unwrap(),
            kind: kind.into(),
            state_key: state_key.map(Into::into),
            content,
            redacts: redacts.then(|| EventId::parse("$target").unwrap()),
            origin_server_ts: 1,
        };
        let ids = [id(version, "p")];
        let Ok(event) = build_after(version, draft.clone(), &ids, &ids, depth) else { return Ok(()) };
        prop_assert!(event.json().len() <= MAX_EVENT_BYTES);
        prop_assert_eq!((&event.kind, &event.state_key), (&draft.kind, &draft.state_key));
        let map = event.to_map();
        prop_assert_eq!(event_to_canonical(version, &map).unwrap(), event.json().as_bytes());
        prop_assert!(has_valid_content_hash(version, &map));
        let expected = reference_event_id(version, &map);
        prop_assert_eq!(Some(&event.event_id), expected.as_ref());
        prop_assert_eq!(verify_event(version, &map, "x", "ed25519:1", spec_key().public_key()), Ok(()));
        look_at(version, &event)?;
    }

    #[test]
    fn an_identifier_is_what_it_was_read_from(
        id in prop_oneof![
            text::mutated("@ana:example.org !r:[::1]:8448 !hash $event #tea:x mxc://example.org/a-B_9 1.2.3.4:80"
                .split(' ').map(str::to_owned).collect()),
            text::with_words(&["@", "!", "#", "$", "mxc://", ":", "example.org", "[::1]", ":80", "a", "/"]),
        ],
    ) {
        let quoted = Value::from(id.as_str());
        macro_rules! agrees {
            ($kind:ty) => {
                let parsed = <$kind>::parse(&id);
                prop_assert_eq!(<$kind>::is_valid(&id), parsed.is_ok());
                prop_assert_eq!(serde_json::from_value::<$kind>(quoted.clone()).ok(), parsed.clone().ok());
                if let Ok(parsed) = parsed {
                    prop_assert_eq!(parsed.as_str(), &id);
                    prop_assert!(id.len() <= 255 && !id.contains('\0'));
                }
            };
        }
        agrees!(ServerName);
        agrees!(UserId);
        agrees!(RoomId);
        agrees!(RoomAliasId);
        agrees!(EventId);
        agrees!(MxcUri);
        if let Ok(user) = UserId::parse(&id) {
            prop_assert_eq!(format!("@{}:{}", user.localpart(), user.server_name()), id.as_str());
            prop_assert!(!user.localpart().contains(':') && ServerName::is_valid(user.server_name()));
        }
        if let Ok(uri) = MxcUri::parse(&id) {
            let (server, media) = uri.parts();
            prop_assert_eq!(format!("mxc://{server}/{media}"), id.as_str());
            prop_assert!(!media.contains(['/', '.', '%']) && !server.contains('/'));
        }
        if let Ok(room) = RoomId::parse(&id)
            && let Some(server) = room.server_name()
        {
            prop_assert!(ServerName::is_valid(server));
        }
    }
}
