//! Situations with an outcome that can be told beforehand.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use im2_model::{EventId, UserId};
use serde_json::{Value, json};

use super::world::{Branch, World, entries};
use crate::{
    event::Pdu,
    resolve::{MAX_STATES, ResolveError, RoomEvents, resolve},
    state::StateMap,
    version::{
        RoomVersion::{self, V2, V3, V11, V12},
        StateResolution,
    },
};

const ANA: &str = "@ana:x";
const BEN: &str = "@ben:x";
const DIA: &str = "@dia:y";
const EVE: &str = "@eve:y";
const FAY: &str = "@fay:z";

/// A public room of `@ana:x` (creator), `@ben:x` (50), `@dia:y` and `@eve:y`.
fn room(version: RoomVersion) -> (World, Branch) {
    let (mut world, mut branch) = World::new(version, 7);
    world.has_good_clocks = true;
    send(&mut world, &mut branch, ANA, ("m.room.join_rules", ""), json!({ "join_rule": "public" }));
    for user in [BEN, DIA, EVE] {
        if !branch.state.get("m.room.member", user).is_some_and(|id| world.events[id].content_json().contains("join")) {
            member(&mut world, &mut branch, user, user, "join");
        }
    }
    levels(&mut world, &mut branch, ANA, &json!({ BEN: 50 }));
    (world, branch)
}

#[track_caller]
fn send(world: &mut World, branch: &mut Branch, sender: &str, (kind, key): (&str, &str), content: Value) -> EventId {
    world.send(branch, sender, kind, key, content).expect("the event is allowed")
}

#[track_caller]
fn member(world: &mut World, branch: &mut Branch, sender: &str, target: &str, membership: &str) -> EventId {
    send(world, branch, sender, ("m.room.member", target), json!({ "membership": membership }))
}

#[track_caller]
fn levels(world: &mut World, branch: &mut Branch, sender: &str, users: &Value) -> EventId {
    let mut users = users.clone();
    if !world.version.rules().privileged_creators {
        users[ANA] = json!(100);
    }
    send(world, branch, sender, ("m.room.power_levels", ""), json!({ "users": users }))
}

fn is_current(state: &StateMap<EventId>, world: &World, event_id: &EventId) -> bool {
    let event = &world.events[event_id];
    state.get(&event.kind, event.state_key.as_deref().unwrap()) == Some(event_id)
}

fn since_v2() -> impl Iterator<Item = RoomVersion> {
    RoomVersion::UNDERSTOOD.into_iter().filter(|version| version.rules().state_resolution != StateResolution::V1)
}

#[test]
fn a_ban_comes_before_what_the_banned_did_at_the_same_time() {
    for version in since_v2() {
        let (mut world, trunk) = room(version);
        let (mut left, mut right) = (trunk.clone(), trunk);
        let ban = member(&mut world, &mut left, ANA, BEN, "ban");
        let topic = send(&mut world, &mut right, BEN, ("m.room.topic", ""), json!({ "topic": "mine" }));
        let kick = member(&mut world, &mut right, BEN, EVE, "leave");
        let resolved = resolve(version, &[&left.state, &right.state], &world).unwrap();
        assert!(is_current(&resolved, &world, &ban), "{version}");
        assert!(!is_current(&resolved, &world, &topic) && !is_current(&resolved, &world, &kick), "{version}");
    }
}

#[test]
fn of_two_who_demote_each_other_the_more_powerful_wins() {
    for version in since_v2() {
        let (mut world, mut trunk) = room(version);
        levels(&mut world, &mut trunk, ANA, &json!({ BEN: 90, DIA: 50 }));
        let (mut left, mut right) = (trunk.clone(), trunk);
        let by_ben = levels(&mut world, &mut left, BEN, &json!({ BEN: 90 }));
        let by_ana = levels(&mut world, &mut right, ANA, &json!({ BEN: 0, DIA: 50 }));
        let resolved = resolve(version, &[&left.state, &right.state], &world).unwrap();
        assert!(is_current(&resolved, &world, &by_ana) && !is_current(&resolved, &world, &by_ben), "{version}");
        assert_eq!(world.level_in(&resolved, BEN), "0");
    }
}

#[test]
fn topics_follow_the_power_levels_they_rest_on() {
    for version in since_v2() {
        let (mut world, trunk) = room(version);
        let (mut left, mut right) = (trunk.clone(), trunk);
        // The clock of the newer one is far behind.
        levels(&mut world, &mut left, ANA, &json!({ BEN: 60 }));
        let newer = send(&mut world, &mut left, BEN, ("m.room.topic", ""), json!({ "topic": "newer" }));
        let mut older = newer.clone();
        for number in 0..50 {
            older = send(&mut world, &mut right, BEN, ("m.room.topic", ""), json!({ "topic": number }));
        }
        assert!(world.events[&older].origin_server_ts > world.events[&newer].origin_server_ts);
        let resolved = resolve(version, &[&left.state, &right.state], &world).unwrap();
        assert!(is_current(&resolved, &world, &newer), "{version}");
    }
}

/// MSC4297, problem A: a server believes in an old join rule, and who set the rules has left.
#[test]
fn since_version_12_join_rules_survive_that_who_set_them_left() {
    for version in [V11, V12] {
        let (mut world, mut branch) = room(version);
        levels(&mut world, &mut branch, ANA, &json!({ BEN: 50 }));
        let old = send(&mut world, &mut branch, BEN, ("m.room.join_rules", ""), json!({ "join_rule": "public" }));
        let new = send(&mut world, &mut branch, BEN, ("m.room.join_rules", ""), json!({ "join_rule": "invite" }));
        member(&mut world, &mut branch, BEN, BEN, "leave");
        let mut outdated = branch.state.clone();
        outdated.insert("m.room.join_rules", "", old);
        let resolved = resolve(version, &[&branch.state, &outdated], &world).unwrap();
        if version == V12 {
            assert!(is_current(&resolved, &world, &new));
        } else {
            assert_eq!(resolved.get("m.room.join_rules", ""), None);
        }
    }
}

/// MSC4297, problem B: a server believes in old power levels, and the promotion that the newest rest on is in the auth
/// chains of all.
#[test]
fn since_version_12_promotions_in_between_are_not_forgotten() {
    for version in [V11, V12] {
        let (mut world, mut branch) = room(version);
        let old = levels(&mut world, &mut branch, ANA, &json!({}));
        levels(&mut world, &mut branch, ANA, &json!({ BEN: 60 }));
        let new = levels(&mut world, &mut branch, BEN, &json!({ BEN: 60, DIA: 50 }));
        // Something that all states have rests on the newest power levels.
        send(&mut world, &mut branch, DIA, ("m.room.topic", ""), json!({ "topic": "t" }));
        let mut outdated = branch.state.clone();
        outdated.insert("m.room.power_levels", "", old.clone());
        let resolved = resolve(version, &[&branch.state, &outdated], &world).unwrap();
        assert_eq!(resolved.get("m.room.power_levels", ""), Some(if version == V12 { &new } else { &old }));
    }
}

#[test]
fn rejected_events_take_part_and_authorise_nothing() {
    for version in since_v2() {
        let (mut world, trunk) = room(version);
        let (mut left, mut right) = (trunk.clone(), trunk);
        let topic = send(&mut world, &mut left, ANA, ("m.room.topic", ""), json!({ "topic": "t" }));
        member(&mut world, &mut right, EVE, EVE, "leave");
        world.rejected.insert(topic.clone());
        let resolved = resolve(version, &[&left.state, &right.state], &world).unwrap();
        assert!(is_current(&resolved, &world, &topic), "{version}");
    }
    // No state has the member @fay:z, on whom all of them rest. Her topic has to do with its own auth event.
    for (is_rejected, is_kept) in [(false, true), (true, false)] {
        let (mut world, mut trunk) = room(V11);
        let here = json!({ "membership": "join", "reason": "again" });
        let member = send(&mut world, &mut trunk, FAY, ("m.room.member", FAY), here);
        world.rejected.extend(is_rejected.then_some(member));
        let everything = json!({ "users": { ANA: 100 }, "state_default": 0 });
        send(&mut world, &mut trunk, ANA, ("m.room.power_levels", ""), everything);
        send(&mut world, &mut trunk, FAY, ("org.custom", FAY), json!({}));
        let before = without(&trunk.state, "m.room.member", FAY);
        let topic = send(&mut world, &mut trunk, FAY, ("m.room.topic", ""), json!({ "topic": "t" }));
        let after = without(&trunk.state, "m.room.member", FAY);
        let resolved = resolve(V11, &[&before, &after], &world).unwrap();
        assert_eq!(is_current(&resolved, &world, &topic), is_kept);
    }
}

fn without(state: &StateMap<EventId>, kind: &str, key: &str) -> StateMap<EventId> {
    let mut left = StateMap::default();
    for (other_kind, other_key, event_id) in state.iter().filter(|entry| (entry.0, entry.1) != (kind, key)) {
        left.insert(other_kind, other_key, event_id.clone());
    }
    left
}

#[test]
fn what_is_missing_is_named() {
    for version in since_v2() {
        let (mut world, trunk) = room(version);
        let (mut left, mut right) = (trunk.clone(), trunk);
        let before = levels(&mut world, &mut left, ANA, &json!({ BEN: 60 }));
        levels(&mut world, &mut left, ANA, &json!({ BEN: 70 }));
        let topic = send(&mut world, &mut right, ANA, ("m.room.topic", ""), json!({ "topic": "t" }));
        let states = [&left.state, &right.state];
        for missing in [before, topic] {
            let event = world.events.remove(&missing).unwrap();
            let found = resolve(version, &states, &world).map(|state| entries(&state));
            assert_eq!(found, Err(ResolveError::Missing(missing.clone())), "{version}");
            world.events.insert(missing, event);
        }
        assert!(resolve(version, &states, &world).is_ok());

        let without_create = |branch: &Branch| without(&branch.state, "m.room.create", "");
        let states = [without_create(&left), without_create(&right)];
        assert_eq!(resolve(version, &states, &world).map(|_| ()), Err(ResolveError::NoCreate));
    }
    let (world, branch) = room(V12);
    let too_many = vec![&branch.state; MAX_STATES + 1];
    assert_eq!(resolve(V12, &too_many, &world).map(|_| ()), Err(ResolveError::TooManyStates(65)));
    assert!(resolve(V12, &too_many[1..], &world).is_ok());
}

#[test]
fn events_that_rest_on_each_other_end_in_an_error() {
    let (mut world, trunk) = room(V2);
    let ana = UserId::parse(ANA).unwrap();
    let content = json!({ "users": { ANA: 100 } });
    let content = content.as_object().unwrap();
    let auth: Vec<EventId> = [("m.room.create", ""), ("m.room.member", ANA)]
        .iter()
        .map(|(kind, key)| trunk.state.get(kind, key).unwrap().clone())
        .collect();
    let ids = ["$one:x", "$two:x"].map(|id| EventId::parse(id).unwrap());
    for (at, other) in [(0, 1), (1, 0)] {
        let rests_on = [&auth[..], &[ids[other].clone()]].concat();
        let made = world.make_with(&trunk, &ana, ("m.room.power_levels", ""), content, &rests_on);
        let json = made.json().replace(made.event_id.as_str(), ids[at].as_str());
        let event = Pdu::from_stored(V2, None, &json).unwrap();
        world.events.insert(ids[at].clone(), Arc::new(event));
    }
    let mut other = trunk.state.clone();
    other.insert("m.room.power_levels", "", ids[0].clone());
    assert_eq!(resolve(V2, &[&trunk.state, &other], &world).map(|_| ()), Err(ResolveError::Circle));
}

/// Counts what is read.
struct Counting<'a> {
    world: &'a World,
    read: RefCell<HashMap<EventId, usize>>,
}

impl RoomEvents for Counting<'_> {
    fn get(&self, event_id: &EventId) -> Option<Arc<Pdu>> {
        *self.read.borrow_mut().entry(event_id.clone()).or_default() += 1;
        self.world.get(event_id)
    }

    fn is_rejected(&self, event_id: &EventId) -> bool {
        self.world.is_rejected(event_id)
    }

    fn rank(&self, event_id: &EventId) -> Option<u64> {
        self.world.rank(event_id)
    }
}

#[test]
fn long_chains_are_walked_without_recursion_and_with_ranks_not_at_all() {
    const LENGTH: u64 = 20_000;
    for version in [V3, V12] {
        let (mut world, mut trunk) = room(version);
        let ana = UserId::parse(ANA).unwrap();
        let first = u64::try_from(world.events.len()).unwrap();
        world.rank_all();
        for number in 0..LENGTH {
            // What `send` does, without looking at the rules.
            let content =
                json!({ "users": if version == V12 { json!({}) } else { json!({ ANA: 100 }) }, "ban": number % 90 });
            let auth: Vec<EventId> = [("m.room.create", ""), ("m.room.member", ANA), ("m.room.power_levels", "")]
                .iter()
                .filter(|(kind, _)| version != V12 || *kind != "m.room.create")
                .map(|(kind, key)| trunk.state.get(kind, key).unwrap().clone())
                .collect();
            let event = world.make_with(&trunk, &ana, ("m.room.power_levels", ""), content.as_object().unwrap(), &auth);
            let event_id = world.append(&mut trunk, event);
            world.ranks.as_mut().unwrap().insert(event_id, first + number);
        }
        let (mut left, mut right) = (trunk.clone(), trunk.clone());
        let topic = send(&mut world, &mut left, ANA, ("m.room.topic", ""), json!({ "topic": "t" }));
        let newest = levels(&mut world, &mut right, ANA, &json!({}));
        for (at, event_id) in [&topic, &newest].into_iter().enumerate() {
            world.ranks.as_mut().unwrap().insert(event_id.clone(), first + LENGTH + at as u64);
        }
        let count = |world: &World| {
            let counting = Counting { world, read: RefCell::default() };
            let resolved = resolve(version, &[&left.state, &right.state], &counting).unwrap();
            assert!(is_current(&resolved, world, &topic) && is_current(&resolved, world, &newest));
            let read = counting.read.into_inner();
            (read.len(), read.values().copied().max().unwrap_or_default())
        };
        let (read, _) = count(&world);
        assert!(read < 30, "{read} events");
        world.ranks = None;
        let (read, times) = count(&world);
        assert!(read > LENGTH as usize && times <= 4, "{read} events, up to {times} times");
    }
}
