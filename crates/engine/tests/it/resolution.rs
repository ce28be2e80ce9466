//! A room's state that is another from one of its numbers on, without an event that says so: whatever looks at the room
//! afterwards finds it so, as a model does that keeps nothing but the list of all changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use im2_chat::rooms::{Actor, Direction, Form, MemberList, NewState, Room, RoomEvent, Rooms, StoredMember};
use im2_kernel::content::Membership;
use im2_model::{EventId, RoomNid, SeededRandom};
use serde_json::Value;

use crate::{
    Fixture, sliding_sync,
    sync::{Chaos, Follower},
};

/// A type and a state key.
type Key = (String, String);
/// The events that a state is.
type State = BTreeMap<Key, String>;

/// What a room's state was when.
#[derive(Default)]
struct Model {
    /// Each change with the number from which on it holds, in order.
    changes: Vec<(i64, Key, Option<String>)>,
    /// All state events by identifier.
    events: BTreeMap<String, Value>,
    /// Up to which number it is known.
    seq: i64,
}

impl Model {
    /// The state right after a number.
    fn at(&self, seq: i64) -> State {
        let mut state = State::new();
        for (_, key, value) in self.changes.iter().filter(|(since, ..)| *since <= seq) {
            match value {
                Some(event) => drop(state.insert(key.clone(), event.clone())),
                None => drop(state.remove(key)),
            }
        }
        state
    }

    /// The last change of an entry.
    fn last(&self, key: &Key) -> Option<&(i64, Key, Option<String>)> {
        self.changes.iter().rev().find(|(_, changed, _)| changed == key)
    }

    fn text(&self, event: &str, name: &str) -> Option<&str> {
        self.events[event]["content"][name].as_str()
    }

    fn membership(&self, state: &State, user: &Actor) -> Membership {
        let event = state.get(&member(user));
        let membership = event.and_then(|event| Membership::parse(self.text(event, "membership")?));
        membership.unwrap_or(Membership::Leave)
    }

    /// Takes note of the events that have been sent since.
    async fn catch_up(&mut self, fixture: &Fixture, room: RoomNid) {
        let after = self.seq;
        let read = fixture.engine.core.store.read(move |db| db.events_from(room, after, Direction::Forward, 1_000));
        for row in read.await.unwrap() {
            self.seq = row.seq;
            let pdu: Value = serde_json::from_str(&row.pdu).unwrap();
            if let Some(key) = pdu["state_key"].as_str() {
                let key = (pdu["type"].as_str().unwrap().to_owned(), key.to_owned());
                let id = row.event_id.to_string();
                self.changes.push((row.seq, key, Some(id.clone())));
                self.events.insert(id, pdu);
            }
        }
    }

    /// Resolves the state to something that it has been before, or not, one to three entries at once.
    async fn resolve(&mut self, chaos: &Chaos<'_>, room: &Arc<Room>) {
        let keys: BTreeSet<&Key> = self.changes.iter().map(|(_, key, _)| key).collect();
        let keys: Vec<&Key> = keys.into_iter().filter(|(kind, _)| kind != "m.room.create").collect();
        let mut wanted: BTreeMap<Key, Option<String>> = BTreeMap::new();
        for _ in 0..=chaos.pick(3) {
            let key = keys[chaos.pick(keys.len())];
            let values: Vec<_> = self.changes.iter().filter(|(_, changed, _)| changed == key).collect();
            let value = values[chaos.pick(values.len())].2.clone();
            wanted.insert(key.clone(), value.filter(|_| chaos.pick(4) > 0));
        }
        let now = self.at(self.seq);
        let changes: Vec<_> = wanted.iter().filter(|(key, value)| now.get(*key) != value.as_ref()).collect();
        let new = |(key, value): (&Key, &Option<String>)| NewState {
            kind: key.0.as_str().into(),
            state_key: key.1.as_str().into(),
            event: value.as_ref().map(|id| EventId::parse(id).unwrap()),
        };
        let rooms = &chaos.fixture.engine.chat.rooms;
        let seq = rooms.resolve_state(room, self.seq, wanted.iter().map(new).collect()).await.unwrap();
        assert_eq!(seq, (!changes.is_empty()).then_some(self.seq + 1), "a number if something changes");
        if let Some(seq) = seq {
            self.seq = seq;
            self.changes.extend(changes.into_iter().map(|(key, value)| (seq, key.clone(), value.clone())));
        }
    }
}

fn member(user: &Actor) -> Key {
    ("m.room.member".to_owned(), user.user_id.to_string())
}

fn by_key(events: &[Arc<RoomEvent>]) -> State {
    let key = |event: &Arc<RoomEvent>| (event.kind().to_owned(), event.state_key().unwrap().to_owned());
    let state: State = events.iter().map(|event| (key(event), event.id().to_string())).collect();
    assert_eq!(state.len(), events.len(), "each entry once");
    state
}

async fn listed(rooms: &Rooms, room: &Arc<Room>, at: Option<i64>) -> BTreeSet<String> {
    match rooms.member_list(room, at, |_| true).await.unwrap() {
        MemberList::Here(events) => events.iter().map(|event| event.id().to_string()).collect(),
        MemberList::Stored(members) => {
            let mut out = Vec::from(*b"[");
            let write = |out: &mut Vec<u8>, member: &StoredMember<'_>| {
                member.write(out, Form::InRoom, 0, Membership::Join);
                true
            };
            members.write_all(&mut out, write).await.unwrap();
            out.push(b']');
            let written: Vec<Value> = serde_json::from_slice(&out).unwrap();
            written.iter().map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
        }
    }
}

/// Compares all that is said of a room's state at one of its numbers.
async fn check_at(rooms: &Rooms, room: &Arc<Room>, model: &Model, users: &[Actor], seq: i64) {
    let expected = model.at(seq);
    assert_eq!(by_key(&rooms.state_at(room, Some(seq)).await.unwrap()), expected, "number {seq}");
    let members: BTreeSet<String> =
        expected.iter().filter(|((kind, _), _)| kind == "m.room.member").map(|(_, event)| event.clone()).collect();
    assert_eq!(listed(rooms, room, Some(seq)).await, members, "number {seq}");
    let keys: BTreeSet<&Key> = model.changes.iter().map(|(_, key, _)| key).collect();
    for key in keys {
        let found = rooms.state_entry(room, &key.0, &key.1, Some(seq)).await.unwrap();
        assert_eq!(found.map(|event| event.id().to_string()).as_ref(), expected.get(key), "{key:?} at number {seq}");
    }
    let names: Vec<&str> = users.iter().map(|user| user.user_id.as_str()).collect();
    let found = rooms.members_of(room, &names, seq).await.unwrap();
    assert_eq!(by_key(&found).into_values().collect::<BTreeSet<_>>(), members, "number {seq}");
    for user in users {
        let then = model.membership(&expected, user);
        let all = rooms.visible_history(room, user).await.unwrap();
        assert_eq!(all.membership_at(seq), then, "{} at number {seq}", user.user_id);
        let some = rooms.visible_history_from(room, user, seq).await.unwrap();
        assert!(some.reaches(seq));
        for before in (0..=seq).filter(|before| some.reaches(*before)) {
            assert_eq!(some.membership_at(before), all.membership_at(before), "{} at {before}", user.user_id);
        }
        assert_eq!(some.membership_at(i64::MAX), all.membership_at(i64::MAX), "{} from {seq}", user.user_id);
    }
}

/// Compares all that is said of a room's state as it is now, in memory and in the database.
async fn check_now(fixture: &Fixture, room: &Arc<Room>, model: &Model, users: &[Actor]) {
    let state = model.at(model.seq);
    let since = |key: &Key| model.last(key).unwrap().0;
    let nid = room.nid;
    {
        let view = room.view();
        assert_eq!(view.seq, model.seq);
        let others = view.state.iter().map(|(kind, key, entry)| ((kind.to_owned(), key.to_owned()), entry.since));
        let members = view
            .members
            .iter()
            .map(|(user_id, member)| (("m.room.member".to_owned(), user_id.to_string()), member.since));
        let known: BTreeMap<Key, i64> = others.chain(members).collect();
        let expected: BTreeMap<Key, i64> = state.keys().map(|key| (key.clone(), since(key))).collect();
        assert_eq!(known, expected, "since when");
        let now = &state;
        let with = |membership| users.iter().filter(move |user| model.membership(now, user) == membership);
        let joined: BTreeSet<_> = with(Membership::Join).map(|user| user.user_id.clone()).collect();
        assert_eq!(view.joined.values().cloned().collect::<BTreeSet<_>>(), joined);
        assert_eq!(view.invited, with(Membership::Invite).count());
    }
    let state = model.at(model.seq);
    let rows = fixture.engine.core.store.read(move |db| db.current_state(&[nid])).await.unwrap();
    assert_eq!(rows.len(), state.len());
    for row in rows {
        let id = row.event.event_id.to_string();
        let (key, _) = state.iter().find(|(_, event)| **event == id).unwrap();
        assert_eq!(row.since, since(key), "{key:?}");
    }
    for user in users {
        let whose = user.user;
        let rows = fixture.engine.core.store.read(move |db| db.memberships_of(whose)).await.unwrap();
        let row = rows.into_iter().find(|row| row.room == nid).map(|row| (row.membership, row.seq));
        let last = model.last(&member(user));
        let expected = last.map(|(since, ..)| (model.membership(&state, user).as_str().to_owned(), *since));
        assert_eq!(row, expected, "{}", user.user_id);
        let index = fixture.engine.chat.rooms.of_user(user.user).await.unwrap().get_forgotten_too(nid);
        assert_eq!(index.map(|found| (found.membership.as_str().to_owned(), found.seq)), expected, "{}", user.user_id);
    }
    let content = |kind: &str, name: &str| {
        let event = state.get(&(kind.to_owned(), String::new()))?;
        model.text(event, name).map(str::to_owned)
    };
    let summaries = fixture.engine.core.store.read(move |db| db.summaries(&[nid])).await.unwrap();
    assert_eq!(summaries[0].name, content("m.room.name", "name"));
    let in_memory = fixture.engine.chat.rooms.summaries(&[nid]).await.unwrap();
    let summary = in_memory[0].as_ref().unwrap();
    assert_eq!(summary.about(|about| about.name.as_deref().map(str::to_owned)), content("m.room.name", "name"));
    assert_eq!((summary.last(), summary.bump()), (summaries[0].last, summaries[0].bump));
    let is_open = content("m.room.join_rules", "join_rule").as_deref() == Some("public")
        || content("m.room.history_visibility", "history_visibility").as_deref() == Some("world_readable");
    let tables = fixture.engine.core.store.read(move |db| db.rows_of_room(nid)).await.unwrap();
    assert_eq!(tables.iter().any(|(table, _)| table == "open_rooms"), is_open);
}

/// A client that follows, and one that begins now.
async fn check_sync(
    fixture: &Fixture,
    follower: &mut Follower,
    actor: &Actor,
    models: &[(Arc<Room>, Model)],
    seed: u64,
) {
    follower.follow(fixture, Duration::ZERO).await;
    for use_state_after in [false, true] {
        let mut fresh = Follower::new(actor, 1 + (seed % 5) as usize * 20, use_state_after);
        fresh.follow(fixture, Duration::ZERO).await;
        assert_eq!(follower.picture.invited, fresh.picture.invited, "seed {seed}, {}", actor.user_id);
        let rooms = |picture: &BTreeMap<String, State>| picture.keys().cloned().collect::<Vec<_>>();
        let (followed, shown) = (&follower.picture.joined, &fresh.picture.joined);
        assert_eq!(rooms(followed), rooms(shown), "seed {seed}, {}", actor.user_id);
        for (room, model) in models {
            let Some(shown) = shown.get(room.id.as_str()) else { continue };
            let state = model.at(model.seq);
            assert_eq!(*shown, state, "seed {seed}, {}: {}", actor.user_id, room.id);
            // Nothing in `/sync` can tell that an entry has lost its value.
            let mut followed = followed[room.id.as_str()].clone();
            followed.retain(|key, _| state.contains_key(key) || model.last(key).is_none_or(|last| last.2.is_some()));
            assert_eq!(followed, state, "seed {seed}, {}: {}", actor.user_id, room.id);
        }
    }
}

async fn run(seed: u64) {
    // Every other time no member event stays in memory, as in rooms with very many, and every third hardly anything.
    let member_events = if seed.is_multiple_of(2) { 1_000 } else { 0 };
    let budget = if seed.is_multiple_of(3) { 100_000 } else { 256 << 20 };
    let fixture = Fixture::with(|options| {
        options.chat.rooms.member_events = member_events;
        options.core.memory.budget = budget;
    })
    .await;
    let users = fixture.users(&["ana", "ben", "eve"]).await;
    let limits = [400, 2, 5];
    let mut followers: Vec<_> =
        users.iter().zip(limits).map(|(user, limit)| Follower::new(user, limit, seed % 4 == 3)).collect();
    // With hardly any memory no connection lasts.
    let connections = if budget > 1 << 20 { users.len() } else { 0 };
    let mut sliding: Vec<_> = users
        .iter()
        .take(connections)
        .map(|user| sliding_sync::Follower::new(user, "S", sliding_sync::body(None, 3)))
        .collect();
    let mut chaos = Chaos { fixture: &fixture, random: SeededRandom::new(seed), users, rooms: Vec::new() };
    let mut models: BTreeMap<RoomNid, Model> = BTreeMap::new();
    for number in 0..120 {
        let resolves = !chaos.rooms.is_empty() && chaos.pick(5) == 0;
        if resolves {
            let nid = chaos.rooms[chaos.pick(chaos.rooms.len())].1;
            let room = fixture.engine.chat.rooms.by_nid(nid).await.unwrap();
            models.get_mut(&nid).unwrap().resolve(&chaos, &room).await;
        } else {
            chaos.act(number).await;
            for (_, nid) in &chaos.rooms {
                models.entry(*nid).or_default().catch_up(&fixture, *nid).await;
            }
        }
        fixture.engine.keep_to_budget();
        let who = chaos.pick(followers.len() * 3);
        if let Some(follower) = followers.get_mut(who) {
            follower.follow(&fixture, Duration::ZERO).await;
        }
        let who = chaos.pick(12);
        if let Some(follower) = sliding.get_mut(who) {
            follower.follow(&fixture, Duration::ZERO).await;
        }
    }
    let users = chaos.users.clone();
    let mut found = Vec::new();
    for (nid, model) in models {
        let room = fixture.engine.chat.rooms.by_nid(nid).await.unwrap();
        check_now(&fixture, &room, &model, &users).await;
        for seq in 0..=model.seq + 1 {
            check_at(&fixture.engine.chat.rooms, &room, &model, &users, seq).await;
        }
        found.push((room, model));
    }
    for (follower, actor) in followers.iter_mut().zip(&users) {
        check_sync(&fixture, follower, actor, &found, seed).await;
    }
    for (follower, actor) in sliding.iter_mut().zip(&users) {
        sliding_sync::compare(&fixture, follower, actor, seed).await;
    }
    let models: Vec<_> = found.into_iter().map(|(room, model)| (room.nid, model)).collect();
    let fixture = fixture.reopen_with(|options| options.chat.rooms.member_events = member_events).await;
    let mut found = Vec::new();
    for (nid, model) in models {
        let room = fixture.engine.chat.rooms.by_nid(nid).await.unwrap();
        check_now(&fixture, &room, &model, &users).await;
        for seq in 0..=model.seq + 1 {
            check_at(&fixture.engine.chat.rooms, &room, &model, &users, seq).await;
        }
        found.push((room, model));
    }
    for (follower, actor) in followers.iter_mut().zip(&users) {
        check_sync(&fixture, follower, actor, &found, seed).await;
    }
}

#[tokio::test]
async fn whatever_looks_at_a_room_finds_the_state_that_it_was_resolved_to() {
    for seed in 0..30 {
        Box::pin(run(seed)).await;
    }
}
