//! Properties of the authorisation rules, for any event in any state.

use im2_model::UserId;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Room, auth_event_keys, authorize};
use crate::{
    event::Pdu,
    power::{PowerLevel, PowerLevels},
    state::StateMap,
    testing::{create, event, state_event, user},
    version::RoomVersion,
};

const USERS: [&str; 4] = ["@ana:x", "@mod:x", "@bob:x", "@other:y"];
const KINDS: [&str; 6] = [
    "m.room.member",
    "m.room.power_levels",
    "m.room.join_rules",
    "m.room.third_party_invite",
    "m.room.create",
    "m.room.message",
];
/// Every property that some rule reads.
const PROPERTIES: [&str; 22] = [
    "membership",
    "join_authorised_via_users_server",
    "third_party_invite",
    "signed",
    "token",
    "public_key",
    "public_keys",
    "join_rule",
    "allow",
    "users",
    "users_default",
    "events",
    "notifications",
    "ban",
    "kick",
    "invite",
    "state_default",
    "creator",
    "additional_creators",
    "m.federate",
    "room_version",
    "predecessor",
];

fn version() -> impl Strategy<Value = RoomVersion> {
    prop::sample::select(RoomVersion::UNDERSTOOD.to_vec())
}

fn id() -> impl Strategy<Value = &'static str> {
    prop::sample::select(USERS.to_vec())
}

fn text() -> impl Strategy<Value = &'static str> {
    let words = ["join", "invite", "knock", "ban", "restricted", "public", "50", "tok", "nobody", "@", "m.room.name"];
    prop::sample::select([&words[..], &USERS[..]].concat())
}

/// Values of any type, deep enough for every property that is read.
fn hostile() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f32>().prop_map(|float| json!(float)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop_oneof![prop::sample::select(PROPERTIES.to_vec()), text()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

fn content() -> impl Strategy<Value = Value> {
    let entry = (prop::sample::select(PROPERTIES.to_vec()), prop_oneof![hostile(), text().prop_map(Value::from)]);
    prop::collection::vec(entry, 0..8)
        .prop_map(|entries| Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
}

fn levels() -> impl Strategy<Value = Value> {
    let level = prop::sample::select(vec![-10_i64, 0, 10, 50, 60, 100]);
    let map =
        |keys: &[&'static str]| prop::collection::btree_map(prop::sample::select(keys.to_vec()), level.clone(), 0..4);
    let own = map(&["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"]);
    (own, map(&USERS[1..]), map(&["m.room.name", "m.room.power_levels"]), map(&["room"])).prop_map(
        |(own, users, events, notifications)| {
            let mut levels = json!(own);
            levels["users"] = json!(users);
            levels["events"] = json!(events);
            levels["notifications"] = json!(notifications);
            levels
        },
    )
}

proptest! {
    #[test]
    fn hostile_contents_are_judged_without_panic(
        version in version(),
        create_content in content(),
        state in prop::collection::vec((prop::sample::select(KINDS.to_vec()), text(), id(), content()), 0..8),
        kind in prop::sample::select(KINDS.to_vec()),
        state_key in prop::option::of(prop_oneof![Just(""), text()]),
        sender in id(),
        content in content(),
    ) {
        let create = create(version, "@ana:x", &create_content);
        let mut map = StateMap::<Pdu>::default();
        map.insert("m.room.create", "", create.clone());
        for member in USERS {
            map.insert("m.room.member", member, state_event(version, &create, "m.room.member", member, member,
                &json!({ "membership": "join" })));
        }
        for (kind, key, sender, content) in &state {
            let key = if *kind == "m.room.member" || *kind == "m.room.third_party_invite" { *key } else { "" };
            if *kind != "m.room.create" {
                map.insert(kind, key, state_event(version, &create, kind, key, sender, content));
            }
        }
        let mut properties = json!({ "type": kind, "sender": sender, "content": content, "room_id": create.room_id });
        if let Some(state_key) = state_key {
            properties["state_key"] = json!(state_key);
        }
        if kind == "m.room.create" && version.rules().room_id_is_create_hash {
            return Ok(());
        }
        let event = event(version, &properties);
        let first = authorize(version, &event, &map);
        prop_assert_eq!(&first, &authorize(version, &event, &map));
        if let Err(error) = first {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// Rules 9.5 to 9.9 together: whoever may not already do so cannot come to rule over those of the same rank.
    #[test]
    fn nobody_is_raised_above_the_one_who_raises(
        version in version(),
        old in levels(),
        new in levels(),
        sender in prop::sample::select(USERS[1..].to_vec()),
    ) {
        let room = Room::new(version).with("m.room.power_levels", "", "@ana:x", &old);
        let change = state_event(version, &room.create, "m.room.power_levels", "", sender, &new);
        if authorize(version, &change, &room.state).is_ok() {
            let power = |event: &Pdu| PowerLevels::of(version, &room.create, Some(event));
            let (before, after) = (power(room.state.get("m.room.power_levels", "").unwrap()), power(&change));
            let own = before.user_level(&user(sender));
            // Removing an entry lets the default rule, which the room's versions do not look at.
            let named = |levels: &Value, id: &str| levels["users"].get(id).is_some();
            for other in USERS[1..].iter().filter(|other| named(&new, other)) {
                let (was, is) = (before.user_level(&user(other)), after.user_level(&user(other)));
                prop_assert!(is <= own || (is == was && named(&old, other)), "{other} was {was}, is {is}, by {own}");
                if *other != sender && named(&old, other) && was >= own {
                    prop_assert_eq!(is, was);
                }
            }
            prop_assert_eq!(after.user_level(&user("@ana:x")) == PowerLevel::Infinite, version == RoomVersion::V12);
        }
    }

    #[test]
    fn selected_auth_events_are_distinct_and_name_the_sender(
        version in version(),
        kind in prop::sample::select(KINDS.to_vec()),
        state_key in prop::option::of(text()),
        sender in id(),
        content in content(),
    ) {
        let content: Map<String, Value> = content.as_object().unwrap().clone();
        let sender: UserId = user(sender);
        let keys = auth_event_keys(version, &sender, kind, state_key, &content);
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        prop_assert_eq!(distinct.len(), keys.len());
        prop_assert!(kind == "m.room.create" || keys.contains(&("m.room.member", sender.as_str())));
        prop_assert!(!keys.contains(&("m.room.create", "")) || !version.rules().room_id_is_create_hash);
    }
}
