//! State resolution of room version 1, in rooms made by hand.

use std::{collections::HashMap, sync::Arc};

use im2_model::EventId;
use serde_json::{Value, json};

use crate::{
    event::Pdu,
    resolve::{RoomEvents, resolve},
    state::StateMap,
    testing::read,
    version::RoomVersion::{V1, V2},
};

#[derive(Default)]
struct Room(HashMap<EventId, Arc<Pdu>>);

impl RoomEvents for Room {
    fn get(&self, event_id: &EventId) -> Option<Arc<Pdu>> {
        self.0.get(event_id).cloned()
    }

    fn is_rejected(&self, _: &EventId) -> bool {
        false
    }
}

impl Room {
    /// A state event of `@ana:x`, in version 1 or, the same, in version 2.
    fn event(&mut self, name: &str, depth: u64, kind: &str, key: &str, content: Value) -> EventId {
        self.event_of("@ana:x", name, depth, (kind, key), content)
    }

    fn event_of(&mut self, sender: &str, name: &str, depth: u64, of: (&str, &str), content: Value) -> EventId {
        let event_id = EventId::parse(&format!("${name}:x")).unwrap();
        let prev = if of.0 == "m.room.create" { json!([]) } else { json!(["$p:x"]) };
        let mut event = json!({ "type": of.0, "state_key": of.1, "sender": sender, "depth": depth, "room_id": "!r:x",
            "origin_server_ts": 1, "prev_events": prev, "auth_events": [] });
        event["content"] = content;
        self.0.insert(event_id.clone(), Arc::new(read(V1, event_id.clone(), &event)));
        event_id
    }

    /// The state that all tests here begin with: `@ana:x` (100) and `@ben:x` are in the room.
    fn base(&mut self) -> StateMap<EventId> {
        let mut state = StateMap::default();
        let create = self.event("create", 1, "m.room.create", "", json!({ "creator": "@ana:x" }));
        state.insert("m.room.create", "", create);
        for user in ["@ana:x", "@ben:x"] {
            let member = self.event_of(user, &user[1..4], 2, ("m.room.member", user), json!({ "membership": "join" }));
            state.insert("m.room.member", user, member);
        }
        state
    }

    fn resolve(&self, states: &[&StateMap<EventId>]) -> StateMap<EventId> {
        resolve(V1, states, self).unwrap()
    }
}

fn with(state: &StateMap<EventId>, kind: &str, key: &str, event_id: &EventId) -> StateMap<EventId> {
    let mut state = state.clone();
    state.insert(kind, key, event_id.clone());
    state
}

fn levels(ben: i64) -> Value {
    json!({ "users": { "@ana:x": 100, "@ben:x": ben } })
}

#[test]
fn an_entry_that_a_state_lacks_is_no_conflict() {
    let mut room = Room::default();
    let base = room.base();
    // Nobody would allow it, and nobody is asked.
    let topic = room.event_of("@nobody:x", "t", 9, ("m.room.topic", ""), json!({}));
    let resolved = room.resolve(&[&base, &with(&base, "m.room.topic", "", &topic)]);
    assert_eq!(resolved.get("m.room.topic", ""), Some(&topic));
}

#[test]
fn the_deepest_topic_that_is_allowed_wins() {
    let mut room = Room::default();
    let base = room.base();
    let low = room.event("low", 5, "m.room.topic", "", json!({}));
    let high = room.event("high", 7, "m.room.topic", "", json!({}));
    let forbidden = room.event_of("@ben:x", "forbidden", 9, ("m.room.topic", ""), json!({}));
    let states = [&low, &high, &forbidden].map(|topic| with(&base, "m.room.topic", "", topic));
    let resolved = room.resolve(&[&states[0], &states[1], &states[2]]);
    assert_eq!(resolved.get("m.room.topic", ""), Some(&high));
}

#[test]
fn if_no_topic_is_allowed_the_oldest_stays() {
    let mut room = Room::default();
    let base = room.base();
    let one = room.event_of("@ben:x", "one", 5, ("m.room.topic", ""), json!({}));
    let two = room.event_of("@ben:x", "two", 6, ("m.room.topic", ""), json!({}));
    let states = [&one, &two].map(|topic| with(&base, "m.room.topic", "", topic));
    assert_eq!(room.resolve(&[&states[0], &states[1]]).get("m.room.topic", ""), Some(&one));
}

#[test]
fn among_topics_of_one_depth_the_lowest_sha1_wins() {
    // `printf '$c:x' | sha1sum` begins with e45e, the other with c41a.
    let mut room = Room::default();
    let base = room.base();
    let topics = ["c", "d"].map(|name| room.event(name, 5, "m.room.topic", "", json!({})));
    let states = topics.clone().map(|topic| with(&base, "m.room.topic", "", &topic));
    assert_eq!(room.resolve(&[&states[0], &states[1]]).get("m.room.topic", ""), Some(&topics[1]));
}

#[test]
fn power_levels_are_applied_from_the_oldest_until_one_is_refused() {
    let mut room = Room::default();
    let base = room.base();
    let first = room.event("first", 3, "m.room.power_levels", "", levels(50));
    let second = room.event_of("@ben:x", "second", 4, ("m.room.power_levels", ""), levels(40));
    // Refused, because by now @ben:x has 40.
    let third = room.event_of("@ben:x", "third", 5, ("m.room.power_levels", ""), levels(30));
    let fourth = room.event("fourth", 6, "m.room.power_levels", "", levels(20));
    let power = |state: &StateMap<EventId>| state.get("m.room.power_levels", "").cloned();
    let states: Vec<_> = [&first, &second, &third, &fourth]
        .iter()
        .map(|levels| with(&base, "m.room.power_levels", "", levels))
        .collect();
    assert_eq!(power(&room.resolve(&[&states[0], &states[1]])), Some(second.clone()));
    // @ben:x may not send power levels any more, and what comes after is not looked at.
    assert_eq!(power(&room.resolve(&[&states[0], &states[1], &states[2], &states[3]])), Some(second));
    assert_eq!(power(&room.resolve(&[&states[0], &states[3]])), Some(fourth));
}

#[test]
fn power_levels_come_before_join_rules_and_those_before_members() {
    let mut room = Room::default();
    let base = room.base();
    let powerful = room.event("powerful", 3, "m.room.power_levels", "", levels(50));
    let powerless = room.event("powerless", 4, "m.room.power_levels", "", levels(0));
    let closed = room.event("closed", 3, "m.room.join_rules", "", json!({ "join_rule": "invite" }));
    let open = room.event_of("@ben:x", "open", 9, ("m.room.join_rules", ""), json!({ "join_rule": "public" }));
    let away = room.event_of("@cem:x", "away", 3, ("m.room.member", "@cem:x"), json!({ "membership": "leave" }));
    let here = room.event_of("@cem:x", "here", 9, ("m.room.member", "@cem:x"), json!({ "membership": "join" }));
    let make = |levels: &EventId, rule: &EventId, cem: &EventId| {
        let state = with(&base, "m.room.power_levels", "", levels);
        let state = with(&state, "m.room.join_rules", "", rule);
        with(&state, "m.room.member", "@cem:x", cem)
    };
    // The newer levels take from @ben:x what opening the room takes, and so nobody may join.
    let resolved = room.resolve(&[&make(&powerful, &open, &here), &make(&powerless, &closed, &away)]);
    assert_eq!(resolved.get("m.room.power_levels", ""), Some(&powerless));
    assert_eq!(resolved.get("m.room.join_rules", ""), Some(&closed));
    assert_eq!(resolved.get("m.room.member", "@cem:x"), Some(&away));
    // With the same levels on both sides the room is open.
    let resolved = room.resolve(&[&make(&powerful, &open, &here), &make(&powerful, &closed, &away)]);
    assert_eq!(resolved.get("m.room.join_rules", ""), Some(&open));
    assert_eq!(resolved.get("m.room.member", "@cem:x"), Some(&here));
}

#[test]
fn members_do_not_see_how_the_conflicts_of_other_members_end() {
    let mut room = Room::default();
    let base = room.base();
    let invite = |membership: &str| json!({ "membership": membership });
    let ben = room.event("ben-again", 5, "m.room.member", "@ben:x", json!({ "membership": "join", "reason": "r" }));
    let old = room.event("cem-old", 5, "m.room.member", "@cem:x", invite("leave"));
    let new = room.event_of("@ben:x", "cem-new", 6, ("m.room.member", "@cem:x"), invite("invite"));
    let one = with(&base, "m.room.member", "@cem:x", &old);
    let other = with(&with(&base, "m.room.member", "@cem:x", &new), "m.room.member", "@ben:x", &ben);
    // @ben:x is a member in both states, by different events; while that is open nobody is invited by him.
    let resolved = room.resolve(&[&one, &other]);
    assert_eq!(resolved.get("m.room.member", "@cem:x"), Some(&old));
    let both = with(&base, "m.room.member", "@cem:x", &new);
    assert_eq!(room.resolve(&[&one, &both]).get("m.room.member", "@cem:x"), Some(&new));
}

#[test]
fn versions_1_and_2_resolve_differently() {
    let mut room = Room::default();
    let base = room.base();
    let topics = ["t1", "t2"].map(|name| room.event(name, name.len() as u64, "m.room.topic", "", json!({})));
    let states = topics.clone().map(|topic| with(&base, "m.room.topic", "", &topic));
    let first = |version| resolve(version, &states, &room).unwrap().get("m.room.topic", "").cloned();
    // Version 2 applies them by time and then id. `printf '$t1:x' | sha1sum` begins with 880c, the other with b102.
    assert_eq!(first(V2), Some(topics[1].clone()));
    assert_eq!(first(V1), Some(topics[0].clone()));
}
