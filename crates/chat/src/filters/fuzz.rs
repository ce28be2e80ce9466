//! Filters of any shape, against a reading of them that is simple and slow.

use im2_fuzz::{json, text};
use im2_model::{RoomId, UserId};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{Candidate, EventFields, EventFilter, Filter, parse};

const WORDS: &[&str] = &[
    "event_fields",
    "event_format",
    "client",
    "federation",
    "presence",
    "account_data",
    "room",
    "rooms",
    "not_rooms",
    "ephemeral",
    "include_leave",
    "state",
    "timeline",
    "limit",
    "senders",
    "not_senders",
    "types",
    "not_types",
    "contains_url",
    "lazy_load_members",
    "include_redundant_members",
    "unread_thread_notifications",
    "m.room.*",
    "*",
    "m.*.message",
    "m.room.message",
    "@ana:x",
    "@ben:x",
    "!a:x",
    "!b:x",
    "content.body",
    "content",
    r"content.m\.x",
    "type",
];

fn valid() -> Vec<Value> {
    let events = json!({ "limit": 10, "senders": ["@ana:x"], "not_senders": ["@ben:x"], "types": ["m.room.*", "m.*"],
        "not_types": ["*.member", "m.reaction"], "rooms": ["!a:x"], "not_rooms": ["!b:x"], "contains_url": false,
        "lazy_load_members": true, "include_redundant_members": true, "unread_thread_notifications": true });
    vec![
        json!({ "event_fields": ["type", "content.body"], "event_format": "client", "presence": events,
            "account_data": events, "room": { "rooms": ["!a:x"], "not_rooms": [], "ephemeral": events,
                "include_leave": true, "state": events, "timeline": events, "account_data": events } }),
        json!({ "room": { "timeline": events } }),
        json!({}),
    ]
}

/// A filter of events with lists of these, any of which may be absent.
fn event_filter() -> impl Strategy<Value = Value> {
    let types = || {
        let kind = prop_oneof![
            select(vec!["m.room.message", "m.room.*", "*", "", "*.member", "m.*.m*e", "a*a"]).prop_map(str::to_owned),
            text::with_words(&["m.", "room", "*", "a", "."])
        ];
        prop::option::of(prop::collection::vec(kind, 0..4))
    };
    let ids = |ids: [&'static str; 2]| prop::option::of(prop::collection::vec(select(ids.to_vec()), 0..3));
    let users = || ids(["@ana:x", "@ben:x"]);
    let rooms = || ids(["!a:x", "!b:x"]);
    (types(), types(), users(), users(), rooms(), rooms(), prop::option::of(any::<bool>())).prop_map(
        |(types, not_types, senders, not_senders, rooms, not_rooms, contains_url)| {
            let all = json!({ "types": types, "not_types": not_types, "senders": senders, "not_senders": not_senders,
                "rooms": rooms, "not_rooms": not_rooms, "contains_url": contains_url });
            let given: Map<String, Value> =
                all.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
            Value::Object(given)
        },
    )
}

fn star(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((&'*', rest)) => (0..=text.len()).any(|skip| star(rest, &text[skip..])),
        Some((literal, rest)) => text.first() == Some(literal) && star(rest, &text[1..]),
    }
}

/// Whether a list of the filter, if it is there, has an entry that matches.
fn lists(filter: &Value, name: &str, matches: impl Fn(&str) -> bool) -> Option<bool> {
    Some(filter.get(name)?.as_array()?.iter().filter_map(Value::as_str).any(matches))
}

fn reference(filter: &Value, kind: &str, sender: Option<&str>, has_url: bool) -> bool {
    let of_type = |pattern: &str| {
        let (pattern, kind): (Vec<char>, Vec<char>) = (pattern.chars().collect(), kind.chars().collect());
        star(&pattern, &kind)
    };
    let is_sender = |wanted: &str| sender == Some(wanted);
    lists(filter, "types", of_type) != Some(false)
        && lists(filter, "not_types", of_type) != Some(true)
        && lists(filter, "senders", is_sender) != Some(false)
        && lists(filter, "not_senders", is_sender) != Some(true)
        && filter.get("contains_url").is_none_or(|wanted| *wanted == has_url)
}

/// The event with the properties at these paths only.
fn projected(event: &Value, fields: &[Vec<String>]) -> Value {
    let mut kept = json!({});
    for path in fields {
        let Some(found) = path.iter().try_fold(event, |value, name| value.as_object()?.get(name)) else { continue };
        let mut place = &mut kept;
        for name in path {
            if !place.is_object() {
                *place = json!({});
            }
            place = place.as_object_mut().unwrap().entry(name.clone()).or_insert(Value::Null);
        }
        *place = found.clone();
    }
    kept
}

proptest! {
    #[test]
    fn any_filter_is_refused_or_applied(filter in json::mutated(valid(), WORDS), kind in text::with_words(WORDS)) {
        let read = parse::<Filter>(&filter.to_string());
        prop_assert!(read.is_err() || filter.is_object());
        let Ok(read) = read else { return Ok(()) };
        let room = RoomId::parse("!a:x").unwrap();
        let ana = UserId::parse("@ana:x").unwrap();
        for events in [&read.presence, &read.account_data, &read.room.ephemeral, &read.room.state, &read.room.timeline] {
            let candidate = Candidate { kind: &kind, sender: Some(&ana), has_url: false };
            prop_assert!(!events.is_open() || events.matches(candidate) && events.includes_room(&room));
            prop_assert!(!(events.is_closed() && events.matches(candidate) && events.includes_room(&room)));
            prop_assert!((1..=100).contains(&events.limit_or(10, 100)));
            prop_assert!(events.limit_or_none(10, 100) <= 100);
        }
        _ = read.room.includes(&room);
    }

    #[test]
    fn text_that_is_nearly_a_filter_is_refused_or_read(
        text in text::mutated(valid().iter().map(Value::to_string).collect()),
    ) {
        _ = parse::<Filter>(&text);
        _ = super::parse_event_filter(&text);
    }

    #[test]
    fn an_event_passes_as_the_filter_says(
        filter in event_filter(),
        kind in prop_oneof![select(vec!["m.room.message", "m.room.member", ""]).prop_map(str::to_owned),
            text::with_words(&["m.", "room", "a", "."])],
        sender in prop::option::of(select(vec!["@ana:x", "@ben:x", "@eve:x"])),
        room in select(vec!["!a:x", "!b:x", "!c:x"]),
        has_url in any::<bool>(),
    ) {
        let read: EventFilter = parse(&filter.to_string()).unwrap();
        let id = sender.map(|sender| UserId::parse(sender).unwrap());
        let passes = read.matches(Candidate { kind: &kind, sender: id.as_ref(), has_url });
        prop_assert_eq!(passes, reference(&filter, &kind, sender, has_url), "{}", filter);
        let is_room = |wanted: &str| wanted == room;
        let expected = lists(&filter, "rooms", is_room) != Some(false) && lists(&filter, "not_rooms", is_room) != Some(true);
        let included = read.includes_room(&RoomId::parse(room).unwrap());
        prop_assert_eq!(included, expected);
        prop_assert!(!read.is_open() || (passes && included));
        prop_assert!(!(read.is_closed() && passes && included));
    }

    #[test]
    fn event_fields_keep_what_they_name(
        event in json::any_object(&["content", "body", "a.b", "type", "m.x", ""]),
        fields in prop::collection::vec(
            prop::collection::vec(select(vec!["content", "body", "a.b", "type", "m.x", "", r"\"]), 1..4), 0..5),
    ) {
        let escaped = |name: &str| name.replace('\\', r"\\").replace('.', r"\.");
        let written: Vec<String> =
            fields.iter().map(|path| path.iter().map(|name| escaped(name)).collect::<Vec<_>>().join(".")).collect();
        let read: EventFields = serde_json::from_value(json!(written)).unwrap();
        // The shortest path counts: what it names is kept whole.
        let mut paths: Vec<Vec<String>> =
            fields.iter().map(|path| path.iter().map(|name| (*name).to_owned()).collect()).collect();
        paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
        let kept = Value::Object(read.project(event.clone()));
        let expected = projected(&Value::Object(event), &paths);
        prop_assert_eq!(without_empty(kept), without_empty(expected), "{:?}", written);
    }
}

/// Whether an object of which nothing is kept stays as an empty one, the specification leaves open.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.into_iter().map(|(key, value)| (key, without_empty(value)));
            Value::Object(kept.filter(|(_, value)| *value != json!({})).collect())
        }
        other => other,
    }
}
