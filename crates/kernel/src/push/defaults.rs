//! The rules that every user starts with (spec: "Predefined Rules").

use im2_model::UserId;
use serde_json::{Value, json};

use super::rule::{Action, Rule, Ruleset};

impl Ruleset {
    /// The rules of a user who changed none, in the order of the specification.
    pub fn defaults(user: &UserId) -> Self {
        let user = user.as_str();
        let mut master = rule(".m.rule.master", json!([]), Vec::new());
        master.enabled = false;
        let invite_for_me = json!([
            matches("type", "m.room.member"),
            matches("content.membership", "invite"),
            matches("state_key", user)
        ]);
        let user_mention = json!([
            { "kind": "event_property_contains", "key": "content.m\\.mentions.user_ids", "value": user }
        ]);
        let room_mention = json!([
            { "kind": "event_property_is", "key": "content.m\\.mentions.room", "value": true },
            { "kind": "sender_notification_permission", "key": "room" }
        ]);
        let edit = json!([
            { "kind": "event_property_is", "key": "content.m\\.relates_to.rel_type", "value": "m.replace" }
        ]);
        let two = json!({ "kind": "room_member_count", "is": "2" });
        let quiet = Vec::new;
        Self {
            r#override: vec![
                master,
                rule(".m.rule.suppress_notices", json!([matches("content.msgtype", "m.notice")]), quiet()),
                rule(".m.rule.invite_for_me", invite_for_me, vec![Action::Notify, sound("default")]),
                rule(".m.rule.member_event", json!([matches("type", "m.room.member")]), quiet()),
                rule(".m.rule.is_user_mention", user_mention, vec![Action::Notify, sound("default"), highlight()]),
                rule(".m.rule.is_room_mention", room_mention, vec![Action::Notify, highlight()]),
                rule(".m.rule.tombstone", state("m.room.tombstone"), vec![Action::Notify, highlight()]),
                rule(".m.rule.reaction", json!([matches("type", "m.reaction")]), quiet()),
                rule(".m.rule.room.server_acl", state("m.room.server_acl"), quiet()),
                rule(".m.rule.suppress_edits", edit, quiet()),
            ],
            content: Vec::new(),
            room: Vec::new(),
            sender: Vec::new(),
            underride: vec![
                rule(".m.rule.call", json!([matches("type", "m.call.invite")]), vec![Action::Notify, sound("ring")]),
                rule(
                    ".m.rule.encrypted_room_one_to_one",
                    json!([two, matches("type", "m.room.encrypted")]),
                    vec![Action::Notify, sound("default")],
                ),
                rule(
                    ".m.rule.room_one_to_one",
                    json!([two, matches("type", "m.room.message")]),
                    vec![Action::Notify, sound("default")],
                ),
                rule(".m.rule.message", json!([matches("type", "m.room.message")]), vec![Action::Notify]),
                rule(".m.rule.encrypted", json!([matches("type", "m.room.encrypted")]), vec![Action::Notify]),
            ],
        }
    }
}

fn rule(rule_id: &str, conditions: Value, actions: Vec<Action>) -> Rule {
    let Value::Array(conditions) = conditions else { unreachable!("conditions are written as an array above") };
    Rule { rule_id: rule_id.into(), default: true, enabled: true, actions, conditions: Some(conditions), pattern: None }
}

fn matches(key: &str, pattern: &str) -> Value {
    json!({ "kind": "event_match", "key": key, "pattern": pattern })
}

fn state(kind: &str) -> Value {
    json!([matches("type", kind), matches("state_key", "")])
}

fn sound(name: &str) -> Action {
    Action::SetTweak { tweak: "sound".into(), value: Some(name.into()) }
}

fn highlight() -> Action {
    Action::SetTweak { tweak: "highlight".into(), value: None }
}
