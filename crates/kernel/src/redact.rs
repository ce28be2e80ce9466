//! The redaction algorithm (spec: each room version's "Redactions"): what remains of an event whose content was
//! removed, which is also what signatures and event ids cover.

use serde_json::{Map, Value};

use crate::version::{RoomVersion, Rules};

const KEPT: [&str; 12] = [
    "event_id",
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
];
const KEPT_UNTIL_V10: [&str; 3] = ["prev_state", "origin", "membership"];

/// Returns the redacted form of `event` (a whole event as servers exchange it).
pub fn redact(version: RoomVersion, event: &Map<String, Value>) -> Map<String, Value> {
    let rules = version.rules();
    let v11 = rules.redaction_keeps_v11;
    let mut kept = Map::new();
    for (key, value) in event {
        if key == "content" {
            let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
            let content = value.as_object().map(|content| redact_content(rules, kind, content)).unwrap_or_default();
            kept.insert(key.clone(), Value::Object(content));
        } else if KEPT.contains(&key.as_str()) || (!v11 && KEPT_UNTIL_V10.contains(&key.as_str())) {
            kept.insert(key.clone(), value.clone());
        }
    }
    kept
}

fn redact_content(rules: Rules, kind: &str, content: &Map<String, Value>) -> Map<String, Value> {
    let v11 = rules.redaction_keeps_v11;
    let keys: &[&str] = match kind {
        "m.room.member" if rules.redaction_keeps_authoriser => &["membership", "join_authorised_via_users_server"],
        "m.room.member" => &["membership"],
        "m.room.create" if v11 => return content.clone(),
        "m.room.create" => &["creator"],
        "m.room.join_rules" if rules.restricted_joins => &["join_rule", "allow"],
        "m.room.join_rules" => &["join_rule"],
        "m.room.power_levels" if v11 => {
            &["ban", "events", "events_default", "invite", "kick", "redact", "state_default", "users", "users_default"]
        }
        "m.room.power_levels" => {
            &["ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"]
        }
        "m.room.aliases" if rules.aliases_of_servers => &["aliases"],
        "m.room.history_visibility" => &["history_visibility"],
        "m.room.redaction" if v11 => &["redacts"],
        _ => &[],
    };
    let mut kept: Map<String, Value> =
        keys.iter().filter_map(|key| Some(((*key).to_owned(), content.get(*key)?.clone()))).collect();
    if v11 && kind == "m.room.member" {
        let signed = content.get("third_party_invite").and_then(|invite| invite.get("signed"));
        if let Some(signed) = signed {
            let mut invite = Map::new();
            invite.insert("signed".to_owned(), signed.clone());
            kept.insert("third_party_invite".to_owned(), Value::Object(invite));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::redact;
    use crate::version::RoomVersion::{self, V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12};

    fn content(version: RoomVersion, kind: &str, content: &Value) -> Value {
        let event = json!({ "type": kind, "content": content });
        redact(version, event.as_object().unwrap())["content"].clone()
    }

    #[test]
    fn top_level_properties_by_version() {
        let event: Map<String, Value> = [
            "event_id",
            "room_id",
            "sender",
            "state_key",
            "hashes",
            "signatures",
            "depth",
            "prev_events",
            "auth_events",
            "origin_server_ts",
            "prev_state",
            "origin",
            "membership",
            "unsigned",
            "redacts",
            "custom",
        ]
        .into_iter()
        .map(|key| (key.to_owned(), json!(1)))
        .collect();
        for version in RoomVersion::UNDERSTOOD.into_iter().filter(|version| *version <= V10) {
            assert_eq!(redact(version, &event).len(), 13);
        }
        for version in [V11, V12] {
            let kept = redact(version, &event);
            assert_eq!(kept.len(), 10);
            assert!(!kept.contains_key("origin") && !kept.contains_key("redacts"));
        }
    }

    #[test]
    fn contents_by_type_and_version() {
        let member = json!({ "membership": "join", "join_authorised_via_users_server": "@a:x", "displayname": "A",
            "third_party_invite": { "display_name": "a", "signed": { "token": "t" } } });
        let kept = json!({ "membership": "join", "join_authorised_via_users_server": "@a:x" });
        for version in [V9, V10] {
            assert_eq!(content(version, "m.room.member", &member), kept);
        }
        for version in [V1, V2, V3, V4, V5, V6, V7, V8] {
            assert_eq!(content(version, "m.room.member", &member), json!({ "membership": "join" }));
        }
        let with_invite = json!({ "membership": "join", "join_authorised_via_users_server": "@a:x",
            "third_party_invite": { "signed": { "token": "t" } } });
        assert_eq!(content(V11, "m.room.member", &member), with_invite);

        let create = json!({ "creator": "@a:x", "room_version": "11", "m.federate": false });
        for version in [V1, V2, V3, V4, V5, V6, V7, V8, V9, V10] {
            assert_eq!(content(version, "m.room.create", &create), json!({ "creator": "@a:x" }));
        }
        assert_eq!(content(V12, "m.room.create", &create), create);

        let power = json!({ "ban": 1, "events": {}, "events_default": 1, "invite": 1, "kick": 1, "redact": 1,
            "state_default": 1, "users": {}, "users_default": 1, "notifications": {} });
        let kept = content(V11, "m.room.power_levels", &power);
        assert_eq!((kept.as_object().unwrap().len(), kept.get("invite")), (9, Some(&json!(1))));
        for version in [V1, V2, V3, V4, V5, V6, V7, V8, V9, V10] {
            let kept = content(version, "m.room.power_levels", &power);
            assert_eq!((kept.as_object().unwrap().len(), kept.get("invite")), (8, None));
        }

        let rules = json!({ "join_rule": "restricted", "allow": [], "x": 1 });
        for version in [V8, V9, V10, V11, V12] {
            let kept = json!({ "join_rule": "restricted", "allow": [] });
            assert_eq!(content(version, "m.room.join_rules", &rules), kept);
        }
        for version in [V1, V2, V3, V4, V5, V6, V7] {
            assert_eq!(content(version, "m.room.join_rules", &rules), json!({ "join_rule": "restricted" }));
        }
        let aliases = json!({ "aliases": ["#a:x"], "x": 1 });
        for version in RoomVersion::UNDERSTOOD {
            let kept = if version <= V5 { json!({ "aliases": ["#a:x"] }) } else { json!({}) };
            assert_eq!(content(version, "m.room.aliases", &aliases), kept);
        }
        let history = json!({ "history_visibility": "shared", "x": 1 });
        assert_eq!(content(V12, "m.room.history_visibility", &history), json!({ "history_visibility": "shared" }));
        let redaction = json!({ "redacts": "$a", "reason": "r" });
        for version in [V1, V2, V3, V4, V5, V6, V7, V8, V9, V10] {
            assert_eq!(content(version, "m.room.redaction", &redaction), json!({}));
        }
        assert_eq!(content(V11, "m.room.redaction", &redaction), json!({ "redacts": "$a" }));
        assert_eq!(content(V12, "m.room.message", &json!({ "body": "b" })), json!({}));
    }

    #[test]
    fn content_of_a_wrong_type_becomes_empty() {
        assert_eq!(content(V12, "m.room.member", &json!("no object")), json!({}));
        assert_eq!(content(V12, "m.room.member", &json!({ "third_party_invite": 3 })), json!({}));
    }
}
