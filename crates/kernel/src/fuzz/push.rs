//! Push rules, against an evaluator that follows the specification sentence by sentence.

use im2_fuzz::{json, text};
use im2_model::UserId;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::{
    canonical::to_canonical,
    event::Pdu,
    power::PowerLevels,
    push::{CompiledRules, Context, FlatEvent, MAX_STEPS, RuleBody, RuleKind, Ruleset},
    testing::{create, state_event, user},
    version::RoomVersion::V12,
};

const ME: &str = "@me:x";
const USERS: [&str; 4] = [ME, "@ana:x", "@mod:x", "@ME:x"];
const WORDS: &[&str] = &[
    "cake",
    "CAKE",
    "ca",
    "c*e",
    "ca?e",
    "*",
    "?",
    "e*",
    " ",
    "!",
    "_",
    "m.text",
    "body",
    "ΟΔΟΣ",
    "οδος",
    "οδοσα",
    "Σ*",
    "İ",
    "ß",
    "K",
    "日",
    "m.mentions",
    "user_ids",
    "room",
    "@me:x",
    "a.b",
    "n",
    "50",
];
const KEYS: &[&str] = &[
    "content.body",
    "content.msgtype",
    "content.m\\.mentions.user_ids",
    "content.m\\.mentions.room",
    "content.a\\.b",
    "content.n",
    "content",
    "content.",
    "content.room.n",
    "type",
    "sender",
    "room_id",
    "state_key",
    "event_id",
    "redacts",
    "origin_server_ts",
    "depth",
    "unsigned.age",
    "",
    ".",
    "content.body.n",
    "content\\.body",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(WORDS).prop_map(str::to_owned), 2 => text::with_words(WORDS)]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![6 => select(KEYS).prop_map(str::to_owned), 1 => text::with_words(&["content", ".", "\\", "body", "n"])]
}

fn condition() -> impl Strategy<Value = Value> {
    let count = (select(vec!["", "==", "<", ">", "<=", ">=", "=", "~"]), select(vec!["2", "10", "0", "", "-1", "x"]));
    let value = prop_oneof![
        word().prop_map(Value::from),
        json::number(),
        any::<bool>().prop_map(Value::from),
        Just(json!(null))
    ];
    prop_oneof![
        4 => (key(), word()).prop_map(|(key, pattern)| json!({ "kind": "event_match", "key": key, "pattern": pattern })),
        2 => (key(), value.clone()).prop_map(|(key, value)| json!({ "kind": "event_property_is", "key": key, "value": value })),
        2 => (key(), value).prop_map(|(key, value)| json!({ "kind": "event_property_contains", "key": key, "value": value })),
        1 => Just(json!({ "kind": "contains_display_name" })),
        1 => count.prop_map(|(comparison, number)| json!({ "kind": "room_member_count", "is": format!("{comparison}{number}") })),
        1 => select(vec!["room", "other", ""]).prop_map(|key| json!({ "kind": "sender_notification_permission", "key": key })),
        1 => json::any_json(&["kind", "key", "event_match", "pattern"]),
    ]
}

fn actions() -> impl Strategy<Value = Value> {
    let action = prop_oneof![
        4 => Just(json!("notify")),
        1 => Just(json!("dont_notify")),
        2 => word().prop_map(|sound| json!({ "set_tweak": "sound", "value": sound })),
        2 => select(vec![json!({ "set_tweak": "highlight" }), json!({ "set_tweak": "highlight", "value": false }),
            json!({ "set_tweak": "highlight", "value": true }), json!({ "set_tweak": "highlight", "value": "true" })]),
        1 => json::any_json(&["set_tweak", "value", "sound"]),
    ];
    vec(action, 0..4).prop_map(Value::from)
}

/// A rule as a client puts it: kind, name, body, and whether it is then turned off.
fn rule() -> impl Strategy<Value = (RuleKind, String, Value, bool)> {
    let id = prop_oneof![select(vec!["a", "b", "!room:x", "@ana:x", "@mod:x"]).prop_map(str::to_owned), word()];
    let conditions = prop_oneof![6 => vec(condition(), 0..3).prop_map(Value::from), 1 => json::any_json(WORDS)];
    (select(RuleKind::ALL.to_vec()), id, actions(), conditions, word(), prop::bool::weighted(0.1)).prop_map(
        |(kind, id, actions, conditions, pattern, disabled)| {
            let body = json!({ "actions": actions, "conditions": conditions, "pattern": pattern });
            (kind, id, body, disabled)
        },
    )
}

fn event() -> impl Strategy<Value = Value> {
    let body = vec(word(), 0..6).prop_map(|words| words.concat());
    let content =
        (body, json::any_object(WORDS), prop::bool::weighted(0.8)).prop_map(|(body, mut content, has_body)| {
            if has_body {
                content.insert("body".to_owned(), body.into());
            }
            content
        });
    let mentions = json!({ "m.mentions": { "user_ids": [ME, 5], "room": true }, "a.b": "cake", "n": 50 });
    let kind = prop_oneof![4 => Just("m.room.message".to_owned()), 1 => Just("m.room.member".to_owned()), 1 => word()];
    (kind, prop::option::weighted(0.3, word()), select(USERS.to_vec()), content, any::<bool>()).prop_map(
        move |(kind, state_key, sender, mut content, with_mentions)| {
            if with_mentions {
                content.extend(mentions.as_object().cloned().unwrap());
            }
            let mut event = json!({ "type": kind, "sender": sender, "room_id": "!room:x", "content": content, "depth": 1,
                "origin_server_ts": 50, "prev_events": [], "auth_events": [], "unsigned": { "age": 1 } });
            if let Some(key) = state_key {
                event["state_key"] = key.into();
            }
            event
        },
    )
}

/// A character without its case, so that no text changes its length.
fn fold(character: char) -> char {
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some('ς'), None) => 'σ',
        (Some(lower), None) => lower,
        _ => character,
    }
}

fn folded(text: &str) -> Vec<char> {
    text.chars().map(fold).collect()
}

fn glob(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((&'*', rest)) => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
        Some((&'?', rest)) => !text.is_empty() && glob(rest, &text[1..]),
        Some((literal, rest)) => text.first() == Some(literal) && glob(rest, &text[1..]),
    }
}

/// The places where words may begin and end: everywhere except between two word characters.
fn boundaries(text: &[char]) -> Vec<usize> {
    let is_word = |at: usize| text.get(at).is_some_and(|char| char.is_ascii_alphanumeric() || *char == '_');
    (0..=text.len()).filter(|at| *at == 0 || !is_word(*at) || !is_word(*at - 1)).collect()
}

/// Whether some part of the text matches that begins and ends at a word boundary.
fn has_word(pattern: &[char], text: &[char]) -> bool {
    let boundaries = boundaries(text);
    let ends = |start: usize| boundaries.iter().filter(move |end| **end >= start);
    boundaries.iter().any(|start| ends(*start).any(|end| glob(pattern, &text[*start..*end])))
}

fn property(event: &Value, path: &str) -> Option<Value> {
    let mut names = vec![String::new()];
    let mut rest = path.chars().peekable();
    while let Some(character) = rest.next() {
        let last = names.last_mut().unwrap();
        match character {
            '.' => names.push(String::new()),
            '\\' if rest.peek().is_some_and(|next| ".\\".contains(*next)) => last.push(rest.next().unwrap()),
            other => last.push(other),
        }
    }
    // What clients are shown of an event; all but the content are no objects.
    let top = ["type", "state_key", "sender", "room_id", "event_id", "redacts", "origin_server_ts"];
    let known = if names.len() == 1 { top.contains(&&*names[0]) } else { names[0] == "content" };
    let found = names.iter().try_fold(event, |value, name| value.as_object()?.get(name));
    found.filter(|_| known).cloned()
}

fn holds(condition: &Value, event: &Value, context: &Context<'_>) -> bool {
    let text = |key: &str| condition.get(key).and_then(Value::as_str);
    let property = || property(event, text("key")?);
    let body = || Some(folded(event["content"].get("body")?.as_str()?));
    let plain = || condition.get("value").filter(|value| !value.is_array() && !value.is_object() && !value.is_f64());
    match text("kind") {
        Some("event_match") if text("key") == Some("content.body") => {
            body().zip(text("pattern")).is_some_and(|(body, pattern)| has_word(&folded(pattern), &body))
        }
        Some("event_match") => match (property(), text("pattern")) {
            // A user's own name is meant literally: who writes it into a rule means nobody else.
            (Some(Value::String(text)), Some(ME)) => text == ME,
            (Some(Value::String(text)), Some(pattern)) => glob(&folded(pattern), &folded(&text)),
            _ => false,
        },
        Some("event_property_is") => property().zip(plain()).is_some_and(|(property, value)| property == *value),
        Some("event_property_contains") => match property() {
            Some(Value::Array(list)) => plain().is_some_and(|value| list.contains(value)),
            _ => false,
        },
        Some("contains_display_name") => match (context.display_name, body()) {
            (Some(name), Some(body)) if !name.is_empty() => {
                // A name has no wildcards.
                let name = folded(name);
                let boundaries = boundaries(&body);
                boundaries
                    .iter()
                    .any(|start| body[*start..].starts_with(&name) && boundaries.contains(&(start + name.len())))
            }
            _ => false,
        },
        Some("room_member_count") => text("is").is_some_and(|is| {
            let digits = is.trim_start_matches(['=', '<', '>']);
            let (comparison, count) = (&is[..is.len() - digits.len()], context.member_count);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let Some(than) = is_number.then(|| digits.parse::<u64>().ok()).flatten() else { return false };
            match comparison {
                "" | "==" => count == than,
                "<" => count < than,
                ">" => count > than,
                "<=" => count <= than,
                ">=" => count >= than,
                _ => false,
            }
        }),
        Some("sender_notification_permission") => text("key").is_some_and(|key| {
            let sender = UserId::parse(event["sender"].as_str().unwrap()).unwrap();
            context.power.user_level(&sender).reaches(context.power.notification_level(key))
        }),
        _ => false,
    }
}

/// The actions of the first enabled rule that matches.
fn reference(rules: &Value, event: &Value, context: &Context<'_>) -> Value {
    if event["sender"] == context.user.as_str() {
        return json!([]);
    }
    for kind in ["override", "content", "room", "sender", "underride"] {
        for rule in rules["global"][kind].as_array().unwrap().iter().filter(|rule| rule["enabled"] == true) {
            let matches = match kind {
                "content" => {
                    let condition = json!({ "kind": "event_match", "key": "content.body", "pattern": rule["pattern"] });
                    holds(&condition, event, context)
                }
                "room" => rule["rule_id"] == event["room_id"],
                "sender" => rule["rule_id"] == event["sender"],
                _ => rule["conditions"].as_array().unwrap().iter().all(|condition| holds(condition, event, context)),
            };
            if matches {
                return rule["actions"].clone();
            }
        }
    }
    json!([])
}

fn tweak<'a>(actions: &'a Value, name: &str) -> Option<&'a Map<String, Value>> {
    let tweaks = actions.as_array().unwrap().iter().filter_map(Value::as_object);
    tweaks.rev().find(|action| action["set_tweak"] == name)
}

proptest! {
    #[test]
    fn any_rules_judge_any_event_as_the_specification_says(
        rules in vec(rule(), 0..8),
        events in vec(event(), 1..4),
        display_name in prop::option::of(word()),
        member_count in select(vec![0_u64, 1, 2, 3, 10]),
    ) {
        let me = user(ME);
        let mut ruleset = Ruleset::defaults(&me);
        for (kind, id, body, disabled) in &rules {
            // What is refused is no rule.
            let Ok(body) = RuleBody::parse(*kind, body.as_object().unwrap()) else { continue };
            if ruleset.put(*kind, id, body, None, None).is_ok() && *disabled {
                ruleset.set_enabled(*kind, id, false).unwrap();
            }
        }
        let stored = ruleset.to_stored(&me).unwrap_or_default();
        prop_assert_eq!(&Ruleset::from_stored(&me, &stored), &ruleset);
        let create = create(V12, "@boss:x", &json!({}));
        let levels = json!({ "users": { "@mod:x": 50 }, "notifications": { "room": 50, "other": 100 } });
        let levels = state_event(V12, &create, "m.room.power_levels", "", "@boss:x", &levels);
        let power = PowerLevels::of(V12, &create, Some(&levels));
        let context = Context { user: &me, display_name: display_name.as_deref(), member_count, power: &power };
        let compiled: std::sync::Arc<CompiledRules> = ruleset.compile(&me);
        let written = serde_json::to_value(ruleset.to_content()).unwrap();
        for mut event in events {
            let Ok(canonical) = to_canonical(&event) else { continue };
            let Ok(pdu) = Pdu::from_stored(V12, None, std::str::from_utf8(&canonical).unwrap()) else { continue };
            event = serde_json::from_slice(&canonical).unwrap();
            event["event_id"] = json!(pdu.event_id);
            let flat = FlatEvent::new(&pdu);
            let evaluation = compiled.evaluate(&flat, &context);
            let expected = reference(&written, &event, &context);
            prop_assert_eq!(json!(evaluation.actions), expected.clone(), "{} by {}", event, written);
            prop_assert!(evaluation.steps <= MAX_STEPS);
            let notify = expected.as_array().unwrap().contains(&json!("notify"));
            let highlight = tweak(&expected, "highlight")
                .is_some_and(|action| action.get("value").is_none_or(|value| *value == true));
            prop_assert_eq!((evaluation.notify, evaluation.highlight), (notify, notify && highlight));
            let sound = tweak(&expected, "sound").and_then(|action| action.get("value")?.as_str());
            prop_assert_eq!(evaluation.sound, sound);
        }
    }

    #[test]
    fn patterns_match_texts_of_any_script(pattern in word(), text in vec(word(), 0..4)) {
        let text = text.concat();
        let me = user(ME);
        let power = PowerLevels::of(V12, &create(V12, "@boss:x", &json!({})), None);
        let context = Context { user: &me, display_name: None, member_count: 3, power: &power };
        let event = json!({ "type": "t", "content": { "body": text, "n": text } });
        let pdu = crate::testing::event(V12, &event);
        for key in ["content.body", "content.n"] {
            let condition = json!({ "kind": "event_match", "key": key, "pattern": pattern });
            let mut ruleset = Ruleset::defaults(&me);
            let body = json!({ "actions": ["notify"], "conditions": [condition] });
            let body = RuleBody::parse(RuleKind::Override, body.as_object().unwrap()).unwrap();
            ruleset.put(RuleKind::Override, "a", body, None, None).unwrap();
            let notify = ruleset.compile(&me).evaluate(&FlatEvent::new(&pdu), &context).notify;
            prop_assert_eq!(notify, holds(&condition, &event, &context), "{}", condition);
        }
    }
}
