//! Default rules, changes of rulesets, and events judged by both.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{CompiledRules, Context, FlatEvent, RuleBody, RuleError, RuleKind, Ruleset};
use crate::{
    power::PowerLevels,
    testing::{create, event, state_event, user},
    version::RoomVersion::V12,
};

const ME: &str = "@me:x";

fn ruleset() -> Ruleset {
    Ruleset::defaults(&user(ME))
}

fn put(
    ruleset: &mut Ruleset,
    kind: RuleKind,
    rule_id: &str,
    body: &Value,
    (before, after): (Option<&str>, Option<&str>),
) -> Result<(), RuleError> {
    ruleset.put(kind, rule_id, RuleBody::parse(kind, body.as_object().unwrap())?, before, after)
}

const ANYWHERE: (Option<&str>, Option<&str>) = (None, None);

fn body(kind: RuleKind) -> Value {
    let mut body = json!({ "actions": ["notify"] });
    if kind == RuleKind::Content {
        body["pattern"] = json!("cake");
    }
    body
}

fn ids(ruleset: &Ruleset, kind: RuleKind) -> Vec<&str> {
    ruleset.rules(kind).iter().map(|rule| &*rule.rule_id).filter(|id| !id.starts_with('.')).collect()
}

#[test]
fn the_default_rules_are_the_specifications() {
    let event_match = |key: &str, pattern: &str| json!({ "kind": "event_match", "key": key, "pattern": pattern });
    let sound = |sound: &str| json!({ "set_tweak": "sound", "value": sound });
    let highlight = json!({ "set_tweak": "highlight" });
    let rule = |id: &str, enabled: bool, conditions: Value, actions: Value| json!({ "rule_id": id, "default": true, "enabled": enabled, "conditions": conditions, "actions": actions });
    let two = json!({ "kind": "room_member_count", "is": "2" });
    let expected = json!({ "global": {
        "override": [
            rule(".m.rule.master", false, json!([]), json!([])),
            rule(".m.rule.suppress_notices", true, json!([event_match("content.msgtype", "m.notice")]), json!([])),
            rule(".m.rule.invite_for_me", true, json!([event_match("type", "m.room.member"),
                event_match("content.membership", "invite"), event_match("state_key", ME)]),
                json!(["notify", sound("default")])),
            rule(".m.rule.member_event", true, json!([event_match("type", "m.room.member")]), json!([])),
            rule(".m.rule.is_user_mention", true, json!([{ "kind": "event_property_contains",
                "key": "content.m\\.mentions.user_ids", "value": ME }]),
                json!(["notify", sound("default"), highlight])),
            rule(".m.rule.is_room_mention", true, json!([
                { "kind": "event_property_is", "key": "content.m\\.mentions.room", "value": true },
                { "kind": "sender_notification_permission", "key": "room" }]), json!(["notify", highlight])),
            rule(".m.rule.tombstone", true, json!([event_match("type", "m.room.tombstone"),
                event_match("state_key", "")]), json!(["notify", highlight])),
            rule(".m.rule.reaction", true, json!([event_match("type", "m.reaction")]), json!([])),
            rule(".m.rule.room.server_acl", true, json!([event_match("type", "m.room.server_acl"),
                event_match("state_key", "")]), json!([])),
            rule(".m.rule.suppress_edits", true, json!([{ "kind": "event_property_is",
                "key": "content.m\\.relates_to.rel_type", "value": "m.replace" }]), json!([])),
        ],
        "content": [], "room": [], "sender": [],
        "underride": [
            rule(".m.rule.call", true, json!([event_match("type", "m.call.invite")]),
                json!(["notify", sound("ring")])),
            rule(".m.rule.encrypted_room_one_to_one", true, json!([two, event_match("type", "m.room.encrypted")]),
                json!(["notify", sound("default")])),
            rule(".m.rule.room_one_to_one", true, json!([two, event_match("type", "m.room.message")]),
                json!(["notify", sound("default")])),
            rule(".m.rule.message", true, json!([event_match("type", "m.room.message")]), json!(["notify"])),
            rule(".m.rule.encrypted", true, json!([event_match("type", "m.room.encrypted")]), json!(["notify"])),
        ],
    } });
    assert_eq!(ruleset().to_content(), expected);
}

#[test]
fn new_rules_go_where_they_are_asked_to_go() {
    for kind in RuleKind::ALL {
        let mut rules = ruleset();
        let add = |rules: &mut Ruleset, id: &str, place| put(rules, kind, id, &body(kind), place);
        for id in ["one", "two"] {
            add(&mut rules, id, ANYWHERE).unwrap();
        }
        assert_eq!(ids(&rules, kind), ["two", "one"]);
        add(&mut rules, "three", (Some("one"), None)).unwrap();
        add(&mut rules, "four", (None, Some("two"))).unwrap();
        assert_eq!(ids(&rules, kind), ["two", "four", "three", "one"]);
        add(&mut rules, "two", (Some("one"), Some("four"))).unwrap();
        assert_eq!(ids(&rules, kind), ["four", "three", "two", "one"]);
        add(&mut rules, "four", (None, Some("one"))).unwrap();
        add(&mut rules, "two", ANYWHERE).unwrap();
        assert_eq!(ids(&rules, kind), ["three", "two", "one", "four"]);
        for place in [(Some("none"), None), (None, Some("none")), (Some("one"), Some("none")), (Some("one"), None)] {
            assert!(matches!(add(&mut rules, "one", place), Err(RuleError::NeighbourNotFound(_))), "{place:?}");
        }
        let master = kind == RuleKind::Override;
        assert_eq!(rules.rules(kind)[0].rule_id.starts_with('.'), master);
        rules.delete(kind, "two").unwrap();
        assert_eq!(rules.delete(kind, "two"), Err(RuleError::NotFound));
        assert_eq!(ids(&rules, kind), ["three", "one", "four"]);
    }
    let mut rules = ruleset();
    let near_default =
        put(&mut rules, RuleKind::Underride, "a", &body(RuleKind::Underride), (Some(".m.rule.call"), None));
    assert_eq!(near_default.unwrap_err().errcode(), "M_UNKNOWN");
}

#[test]
fn rules_that_cannot_be() {
    let mut rules = ruleset();
    let long = "x".repeat(1_025);
    for id in [".m.rule.master", ".mine", "a/b", "a\\b", "", &long] {
        let result = put(&mut rules, RuleKind::Room, id, &body(RuleKind::Room), ANYWHERE);
        assert_eq!(result.unwrap_err().errcode(), "M_INVALID_PARAM", "{id}");
    }
    for (kind, wrong, errcode) in [
        (RuleKind::Room, json!({}), "M_MISSING_PARAM"),
        (RuleKind::Room, json!({ "actions": "notify" }), "M_INVALID_PARAM"),
        (RuleKind::Room, json!({ "actions": ["dance"] }), "M_INVALID_PARAM"),
        (RuleKind::Room, json!({ "actions": [{ "set_tweak": 1 }] }), "M_INVALID_PARAM"),
        (RuleKind::Room, json!({ "actions": [null] }), "M_INVALID_PARAM"),
        (RuleKind::Room, json!({ "actions": vec!["notify"; 65] }), "M_INVALID_PARAM"),
        (RuleKind::Content, json!({ "actions": [] }), "M_MISSING_PARAM"),
        (RuleKind::Content, json!({ "actions": [], "pattern": 5 }), "M_INVALID_PARAM"),
        (RuleKind::Content, json!({ "actions": [], "pattern": long }), "M_INVALID_PARAM"),
        (RuleKind::Override, json!({ "actions": [], "conditions": {} }), "M_INVALID_PARAM"),
        (RuleKind::Override, json!({ "actions": [], "conditions": [{}] }), "M_INVALID_PARAM"),
        (RuleKind::Override, json!({ "actions": [], "conditions": ["x"] }), "M_INVALID_PARAM"),
        (RuleKind::Underride, json!({ "actions": [], "conditions": [{ "kind": 3 }] }), "M_INVALID_PARAM"),
    ] {
        assert_eq!(put(&mut rules, kind, "a", &wrong, ANYWHERE).unwrap_err().errcode(), errcode, "{wrong}");
    }
    assert_eq!(rules, ruleset());
}

#[test]
fn default_rules_can_be_changed_and_not_deleted() {
    let mut rules = ruleset();
    assert_eq!(rules.delete(RuleKind::Override, ".m.rule.master").unwrap_err().errcode(), "M_INVALID_PARAM");
    rules.set_enabled(RuleKind::Override, ".m.rule.master", true).unwrap();
    let actions = json!(["dont_notify", "notify", { "set_tweak": "sound", "value": "x" }, "coalesce"]);
    rules.set_actions(RuleKind::Underride, ".m.rule.message", &actions).unwrap();
    let message = rules.get(RuleKind::Underride, ".m.rule.message").unwrap();
    assert_eq!(json!(message.actions), actions);
    for (kind, id) in [(RuleKind::Underride, ".m.rule.master"), (RuleKind::Override, ".m.rule.none")] {
        assert_eq!(rules.set_enabled(kind, id, true), Err(RuleError::NotFound));
        assert_eq!(rules.set_actions(kind, id, &json!([])), Err(RuleError::NotFound));
    }
    assert!(rules.set_actions(RuleKind::Underride, ".m.rule.message", &json!("notify")).is_err());
}

#[test]
fn a_rule_that_is_replaced_keeps_its_state() {
    let mut rules = ruleset();
    put(&mut rules, RuleKind::Room, "!r:x", &body(RuleKind::Room), ANYWHERE).unwrap();
    assert!(rules.get(RuleKind::Room, "!r:x").unwrap().enabled);
    rules.set_enabled(RuleKind::Room, "!r:x", false).unwrap();
    put(&mut rules, RuleKind::Room, "!r:x", &json!({ "actions": [] }), ANYWHERE).unwrap();
    let rule = rules.get(RuleKind::Room, "!r:x").unwrap();
    assert!(!rule.enabled && rule.actions.is_empty());
    assert_eq!(json!(rule), json!({ "rule_id": "!r:x", "default": false, "enabled": false, "actions": [] }));
}

#[test]
fn what_is_stored_is_what_differs() {
    let me = user(ME);
    assert_eq!(ruleset().to_stored(&me), None);
    let mut rules = ruleset();
    rules.set_enabled(RuleKind::Override, ".m.rule.reaction", false).unwrap();
    for id in ["b", "a"] {
        put(&mut rules, RuleKind::Override, id, &body(RuleKind::Override), ANYWHERE).unwrap();
    }
    rules.set_enabled(RuleKind::Override, "b", false).unwrap();
    put(&mut rules, RuleKind::Content, "c", &body(RuleKind::Content), ANYWHERE).unwrap();
    let stored = rules.to_stored(&me).unwrap();
    assert_eq!(stored["override"].as_array().unwrap().len(), 3);
    assert_eq!(stored.get("underride"), None);
    assert_eq!(Ruleset::from_stored(&me, &stored), rules);
    for odd in [json!(null), json!([]), json!({ "room": [5, {}, { "rule_id": "x" }], "override": "x" })] {
        assert_eq!(Ruleset::from_stored(&me, &odd), ruleset());
    }
}

/// Judges a message of `@ana:x` (a creator) or of whom `properties` say, in a room of `members`.
fn judge(rules: &Ruleset, properties: &Value, members: u64) -> (bool, bool, Option<String>) {
    let create = create(V12, "@ana:x", &json!({}));
    let levels = json!({ "users": { "@mod:x": 30 }, "notifications": { "room": 20, "quiet": 0 } });
    let levels = state_event(V12, &create, "m.room.power_levels", "", "@ana:x", &levels);
    let power = PowerLevels::of(V12, &create, Some(&levels));
    let me = user(ME);
    let context = Context { user: &me, display_name: Some("Me Myself"), member_count: members, power: &power };
    let event = event(V12, properties);
    let compiled = rules.compile(&me);
    let evaluation = compiled.evaluate(&FlatEvent::new(&event), &context);
    (evaluation.notify, evaluation.highlight, evaluation.sound.map(str::to_owned))
}

#[test]
fn events_under_the_default_rules() {
    let message = |extra: Value| {
        let mut content = json!({ "msgtype": "m.text", "body": "hello" });
        for (key, value) in extra.as_object().unwrap() {
            content[key] = value.clone();
        }
        json!({ "content": content })
    };
    let by = |sender: &str, mut event: Value| {
        event["sender"] = json!(sender);
        event
    };
    let member = |key: &str, membership: &str| json!({ "type": "m.room.member", "state_key": key, "content": { "membership": membership } });
    let mention = |users: Value| message(json!({ "m.mentions": { "user_ids": users } }));
    let room_mention = || message(json!({ "m.mentions": { "room": true } }));
    let quiet = (false, false, None);
    let notify = |highlight: bool, sound: Option<&str>| (true, highlight, sound.map(str::to_owned));
    for (event, members, expected) in [
        (message(json!({})), 3, notify(false, None)),
        (message(json!({})), 2, notify(false, Some("default"))),
        (by(ME, message(json!({}))), 2, quiet.clone()),
        (message(json!({ "msgtype": "m.notice" })), 2, quiet.clone()),
        (message(json!({ "m.relates_to": { "rel_type": "m.replace", "event_id": "$a" } })), 2, quiet.clone()),
        (mention(json!(["@you:x", ME])), 3, notify(true, Some("default"))),
        (mention(json!(["@you:x", "@ME:x", 5, null])), 3, notify(false, None)),
        (mention(json!(ME)), 3, notify(false, None)),
        (room_mention(), 3, notify(true, None)),
        (by("@mod:x", room_mention()), 3, notify(true, None)),
        (by("@bob:x", room_mention()), 3, notify(false, None)),
        (message(json!({ "m.mentions": { "room": "true" } })), 3, notify(false, None)),
        (member(ME, "invite"), 2, notify(false, Some("default"))),
        (member("@you:x", "invite"), 2, quiet.clone()),
        (member(ME, "join"), 2, quiet.clone()),
        (json!({ "type": "m.room.tombstone", "state_key": "" }), 5, notify(true, None)),
        (json!({ "type": "m.room.tombstone" }), 5, quiet.clone()),
        (json!({ "type": "m.reaction" }), 2, quiet.clone()),
        (json!({ "type": "m.room.server_acl", "state_key": "" }), 2, quiet.clone()),
        (json!({ "type": "m.call.invite" }), 5, notify(false, Some("ring"))),
        (json!({ "type": "m.room.encrypted" }), 5, notify(false, None)),
        (json!({ "type": "m.room.encrypted" }), 2, notify(false, Some("default"))),
        (json!({ "type": "m.room.topic", "state_key": "" }), 2, quiet.clone()),
        (
            json!({ "content": { "body": [], "m.mentions": 7, "msgtype": null, "m.relates_to": [] } }),
            3,
            notify(false, None),
        ),
    ] {
        assert_eq!(judge(&ruleset(), &event, members), expected, "{event} among {members}");
    }
}

#[test]
fn the_kinds_are_asked_in_order() {
    let mut rules = ruleset();
    let sound = |name: &str| json!([{ "set_tweak": "sound", "value": name }, "notify"]);
    let mut heard = Vec::new();
    let event = json!({ "room_id": "!r:x", "content": { "body": "a cake!" } });
    for (kind, id) in [
        (RuleKind::Underride, "under"),
        (RuleKind::Sender, "@ana:x"),
        (RuleKind::Room, "!r:x"),
        (RuleKind::Content, "words"),
        (RuleKind::Override, "over"),
    ] {
        let mut rule = body(kind);
        rule["actions"] = sound(id);
        put(&mut rules, kind, id, &rule, ANYWHERE).unwrap();
        heard.push(judge(&rules, &event, 3).2.unwrap());
    }
    assert_eq!(heard, ["under", "@ana:x", "!r:x", "words", "over"]);
    rules.set_enabled(RuleKind::Override, "over", false).unwrap();
    assert_eq!(judge(&rules, &event, 3).2.as_deref(), Some("words"));
    let elsewhere = json!({ "room_id": "!s:x", "sender": "@bob:x", "content": { "body": "cakes" } });
    assert_eq!(judge(&rules, &elsewhere, 3).2.as_deref(), Some("under"));
    rules.set_enabled(RuleKind::Override, ".m.rule.master", true).unwrap();
    assert_eq!(judge(&rules, &event, 3), (false, false, None));
}

#[test]
fn conditions() {
    let holds = |condition: Value, event: &Value| {
        let mut rules = ruleset();
        let rule =
            json!({ "actions": ["notify", { "set_tweak": "sound", "value": "yes" }], "conditions": [condition] });
        put(&mut rules, RuleKind::Override, "test", &rule, ANYWHERE).unwrap();
        judge(&rules, event, 10).2.as_deref() == Some("yes")
    };
    let event = json!({ "sender": "@mod:x", "content": { "body": "Tea for me myself, please", "n": 5, "yes": true,
        "none": null, "list": [1, "one", null, [2]], "text": "A.B" } });
    let of = |kind: &str, key: &str, value: Value| json!({ "kind": kind, "key": key, "value": value });
    let pattern = |key: &str, pattern: Value| json!({ "kind": "event_match", "key": key, "pattern": pattern });
    let count = |is: Value| json!({ "kind": "room_member_count", "is": is });
    for (condition, expected) in [
        (pattern("content.body", json!("TEA")), true),
        (pattern("content.body", json!("te")), false),
        (pattern("content.text", json!("a.*")), true),
        (pattern("content.text", json!("a")), false),
        (pattern("content.n", json!("*")), false),
        (pattern("content.missing", json!("*")), false),
        (pattern("room_id", json!("!ROOM:?")), true),
        (of("event_property_is", "content.n", json!(5)), true),
        (of("event_property_is", "content.n", json!("5")), false),
        (of("event_property_is", "content.yes", json!(true)), true),
        (of("event_property_is", "content.yes", json!(1)), false),
        (of("event_property_is", "content.none", json!(null)), true),
        (of("event_property_is", "content.missing", json!(null)), false),
        (of("event_property_is", "content.text", json!("a.b")), false),
        (of("event_property_is", "type", json!("m.room.message")), true),
        (of("event_property_contains", "content.list", json!(1)), true),
        (of("event_property_contains", "content.list", json!("one")), true),
        (of("event_property_contains", "content.list", json!(null)), true),
        (of("event_property_contains", "content.list", json!("two")), false),
        (of("event_property_contains", "content.text", json!("A.B")), false),
        (json!({ "kind": "contains_display_name" }), true),
        (count(json!("10")), true),
        (count(json!("==10")), true),
        (count(json!("<10")), false),
        (count(json!("<=10")), true),
        (count(json!(">9")), true),
        (count(json!(">=11")), false),
        (count(json!("")), false),
        (count(json!("+10")), false),
        (count(json!("ten")), false),
        (count(json!("<99999999999999999999999")), false),
        (json!({ "kind": "sender_notification_permission", "key": "room" }), true),
        (json!({ "kind": "sender_notification_permission", "key": "quiet" }), true),
        (json!({ "kind": "sender_notification_permission", "key": "other" }), false),
        (json!({ "kind": "org.unknown" }), false),
    ] {
        assert_eq!(holds(condition.clone(), &event), expected, "{condition}");
    }
    let shouted = json!({ "content": { "body": "me myself9" } });
    assert!(!holds(json!({ "kind": "contains_display_name" }), &shouted));
}

#[test]
fn highlights_need_a_notification_and_may_be_denied() {
    for (actions, expected) in [
        (json!(["notify", { "set_tweak": "highlight" }]), (true, true)),
        (json!(["notify", { "set_tweak": "highlight", "value": true }]), (true, true)),
        (json!(["notify", { "set_tweak": "highlight", "value": false }]), (true, false)),
        (json!([{ "set_tweak": "highlight" }]), (false, false)),
        (json!(["dont_notify"]), (false, false)),
    ] {
        let mut rules = ruleset();
        put(&mut rules, RuleKind::Override, "a", &json!({ "actions": actions }), ANYWHERE).unwrap();
        let (notify, highlight, _) = judge(&rules, &json!({ "content": { "body": "x" } }), 3);
        assert_eq!((notify, highlight), expected, "{actions}");
    }
}

#[test]
fn users_without_changes_share_their_compiled_rules() {
    let (mine, yours) = (ruleset().compile(&user(ME)), Ruleset::defaults(&user("@you:x")).compile(&user("@you:x")));
    assert!(std::sync::Arc::ptr_eq(&mine, &yours) && std::sync::Arc::ptr_eq(&mine, &CompiledRules::defaults()));
}

#[derive(Debug, Clone)]
enum Step {
    Put(RuleKind, usize, Option<usize>, Option<usize>),
    Delete(RuleKind, usize),
    Enable(RuleKind, usize, bool),
}

fn kind() -> impl Strategy<Value = RuleKind> {
    prop::sample::select(RuleKind::ALL.to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0_usize..5;
    let neighbour = prop::option::of(0_usize..5);
    prop_oneof![
        4 => (kind(), id.clone(), neighbour.clone(), neighbour).prop_map(|(k, i, b, a)| Step::Put(k, i, b, a)),
        1 => (kind(), id.clone()).prop_map(|(k, i)| Step::Delete(k, i)),
        1 => (kind(), id, any::<bool>()).prop_map(|(k, i, e)| Step::Enable(k, i, e)),
    ]
}

proptest! {
    #[test]
    fn any_changes_leave_a_ruleset_in_order(steps in prop::collection::vec(step(), 0..40)) {
        const IDS: [&str; 5] = ["a", "b", "c", ".m.rule.master", ".m.rule.message"];
        let mut rules = ruleset();
        for step in steps {
            // Some steps are refused: what matters is that neither outcome breaks the order.
            _ = match step {
                Step::Put(kind, id, before, after) => {
                    let place = (before.map(|id| IDS[id]), after.map(|id| IDS[id]));
                    put(&mut rules, kind, IDS[id], &body(kind), place)
                }
                Step::Delete(kind, id) => rules.delete(kind, IDS[id]),
                Step::Enable(kind, id, enabled) => rules.set_enabled(kind, IDS[id], enabled),
            };
            for kind in RuleKind::ALL {
                let all: Vec<&str> = rules.rules(kind).iter().map(|rule| &*rule.rule_id).collect();
                let unique: std::collections::BTreeSet<&str> = all.iter().copied().collect();
                prop_assert_eq!(all.len(), unique.len());
                let mut defaults = all.iter().skip_while(|id| **id == ".m.rule.master" || !id.starts_with('.'));
                prop_assert!(defaults.all(|id| id.starts_with('.')));
            }
            prop_assert_eq!(&*rules.rules(RuleKind::Override)[0].rule_id, ".m.rule.master");
        }
        let me = user(ME);
        let stored = rules.to_stored(&me).unwrap_or_default();
        prop_assert_eq!(Ruleset::from_stored(&me, &stored), rules);
    }
}

/// The steps of judging a message of `text` by content rules with these patterns, and whether one of them matched.
fn judged_by_patterns(patterns: impl IntoIterator<Item = String>, text: &str) -> (usize, bool) {
    let mut rules = ruleset();
    for (number, pattern) in patterns.into_iter().enumerate() {
        let rule = json!({ "actions": ["notify", { "set_tweak": "highlight" }], "pattern": pattern });
        put(&mut rules, RuleKind::Content, &number.to_string(), &rule, ANYWHERE).unwrap();
    }
    let me = user(ME);
    let create = create(V12, "@ana:x", &json!({}));
    let power = PowerLevels::of(V12, &create, None);
    let context = Context { user: &me, display_name: None, member_count: 3, power: &power };
    let event = event(V12, &json!({ "content": { "msgtype": "m.text", "body": text } }));
    let compiled = rules.compile(&me);
    let evaluation = compiled.evaluate(&FlatEvent::new(&event), &context);
    (evaluation.steps, evaluation.highlight)
}

#[test]
fn words_cost_a_message_once_however_many_there_are() {
    const LONGEST: usize = 60_000;
    let repeated = |text: &str, bytes: usize| text.repeat(bytes / text.len());
    for (unit, miss) in [("a", "b"), ("a ", "b"), (".", "!"), ("aa.", "x"), ("ab", "aa")] {
        // Words that begin alike, and words of which each is the end of the next.
        let alike = |count: usize| (0..count).map(|number| format!("{}{miss}{number}", repeated(unit, 120)));
        let nested = |count: usize| (1..=count).map(|number| repeated(unit, number * unit.len()));
        for length in [LONGEST / 8, LONGEST] {
            let text = repeated(unit, length);
            assert!(!judged_by_patterns(alike(200), &text).1);
            for (steps, _) in [
                judged_by_patterns(alike(200), &text),
                judged_by_patterns(nested(80), &text),
                judged_by_patterns(alike(100).chain(nested(80)), &text),
            ] {
                assert!(steps <= 6 * length + 1_000, "{unit:?} × {length}: {steps}");
            }
        }
    }
}

#[test]
fn patterns_with_wildcards_have_a_budget() {
    let text = "a".repeat(60_000);
    let wild = |number: usize| format!("{}*{number}?z", "a".repeat(400));
    let (steps, matched) = judged_by_patterns((0..60).map(wild), &text);
    assert!(steps <= super::MAX_STEPS && !matched, "{steps}");
    // What a budget is left for is judged, words always.
    let with = |more: &str| (0..60).map(wild).chain([more.to_owned()]).collect::<Vec<_>>();
    let text = format!("{text} cake");
    assert!(judged_by_patterns(with("cake"), &text).1);
    assert!(judged_by_patterns(["c?k*".to_owned()], &text).1);
    // A short message is judged by very many of them.
    assert!(judged_by_patterns((0..200).map(|number| format!("{number}*x?")).chain(["c?k*".into()]), "a cake").1);
}

#[test]
fn lists_and_conditions_have_a_budget() {
    let names: Vec<String> = (0..5_000).map(|number| format!("@{number}:x")).collect();
    let mention = |names: &[String]| event(V12, &json!({ "content": { "m.mentions": { "user_ids": names } } }));
    let condition = |number: usize| json!({ "kind": "event_property_contains", "key": "content.m\\.mentions.user_ids", "value": format!("@no{number}:x") });
    let mut rules = ruleset();
    for number in 0..1_000 {
        let rule = json!({ "actions": ["notify"], "conditions": [condition(number)] });
        put(&mut rules, RuleKind::Override, &number.to_string(), &rule, ANYWHERE).unwrap();
    }
    let (me, create) = (user(ME), create(V12, "@ana:x", &json!({})));
    let power = PowerLevels::of(V12, &create, None);
    let context = Context { user: &me, display_name: None, member_count: 3, power: &power };
    let compiled = rules.compile(&me);
    let event = mention(&names);
    let evaluation = compiled.evaluate(&FlatEvent::new(&event), &context);
    assert!(evaluation.steps <= super::MAX_STEPS && evaluation.notify, "{}", evaluation.steps);
}

#[test]
fn all_patterns_of_a_user_together_have_a_length() {
    let mut rules = ruleset();
    let rule = |length: usize| json!({ "actions": [], "pattern": "a".repeat(length) });
    for number in 0..31 {
        put(&mut rules, RuleKind::Content, &number.to_string(), &rule(1_024), ANYWHERE).unwrap();
    }
    let too_long = put(&mut rules, RuleKind::Content, "more", &rule(1_024), ANYWHERE).unwrap_err();
    assert_eq!(too_long.errcode(), "M_INVALID_PARAM");
    assert!(too_long.to_string().contains("32768 bytes"), "{too_long}");
    put(&mut rules, RuleKind::Content, "0", &rule(1), ANYWHERE).unwrap();
    put(&mut rules, RuleKind::Content, "more", &rule(1_024), ANYWHERE).unwrap();
}

proptest! {
    #[test]
    fn words_are_found_together_as_each_alone(
        words in prop::collection::vec("[ab_. é]{0,5}", 0..12),
        text in "[ab_. é]{0,20}",
    ) {
        use super::words::{WordsBuilder, mark};
        let alone = |word: &str| {
            let is_word = |character: Option<char>| character.is_some_and(|it| it.is_ascii_alphanumeric() || it == '_');
            let boundary = |at: usize| {
                !(is_word(text[..at].chars().next_back()) && is_word(text[at..].chars().next()))
            };
            let starts = (0..=text.len()).filter(|at| text.is_char_boundary(*at) && text[*at..].starts_with(word));
            starts.into_iter().any(|at| boundary(at) && boundary(at + word.len()))
        };
        let mut builder = WordsBuilder::default();
        let numbers: Vec<_> = words.iter().map(|word| builder.add(word)).collect();
        let found = builder.build().in_text(&mark(&text));
        for (word, number) in words.iter().zip(numbers) {
            prop_assert_eq!(found.has(number), alone(word), "{:?} in {:?}", word, text);
        }
    }
}
