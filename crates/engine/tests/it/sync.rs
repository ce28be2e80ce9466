//! Following `/sync` leads to the same place as asking afresh, and yields every event exactly once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use im2_chat::rooms::{Act, Actor, CreateRoom, Draft, Preset};
use im2_core::session::Session;
use im2_model::{RoomId, RoomNid, SeededRandom};
use im2_sync::{StateForm, SyncRequest};
use serde_json::{Map, Value, json};

use crate::{
    Fixture,
    builders::{Writers, first_sync, number, session},
};

/// What a client knows after applying answers by the specification's rules.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) joined: BTreeMap<String, BTreeMap<(String, String), String>>,
    pub(crate) invited: BTreeSet<String>,
}

/// A client that follows.
pub(crate) struct Follower {
    session: Session,
    filter: Value,
    use_state_after: bool,
    pub(crate) since: Option<String>,
    pub(crate) picture: Picture,
    /// Each room's timeline as received, over all stays in the room.
    pub(crate) received: BTreeMap<String, Vec<String>>,
}

impl Follower {
    pub(crate) fn new(actor: &Actor, limit: usize, use_state_after: bool) -> Self {
        let filter = json!({ "room": { "timeline": { "limit": limit } } });
        let (picture, received) = (Picture::default(), BTreeMap::new());
        Self { session: session(actor, "D"), filter, use_state_after, since: None, picture, received }
    }

    async fn request(&self, fixture: &Fixture, timeout: Duration) -> SyncRequest {
        let since = match &self.since {
            Some(since) => Some(fixture.engine.core.token(since, "it").await.unwrap()),
            None => None,
        };
        SyncRequest {
            since,
            state: if self.use_state_after { StateForm::After } else { StateForm::Before },
            timeout,
            ..first_sync(&self.filter)
        }
    }

    /// Asks without taking note of the answer.
    pub(crate) async fn ask(&self, fixture: &Fixture, timeout: Duration) -> Value {
        let request = self.request(fixture, timeout).await;
        let answer = fixture.engine.sync.classic.sync(&self.session, request).await.unwrap();
        serde_json::from_slice(&answer.whole().await.unwrap()).unwrap()
    }

    /// Asks, takes note of the answer and gives it.
    pub(crate) async fn follow(&mut self, fixture: &Fixture, timeout: Duration) -> Value {
        let answer = self.ask(fixture, timeout).await;
        self.apply(&answer);
        answer
    }

    fn apply(&mut self, answer: &Value) {
        self.since = Some(answer["next_batch"].as_str().unwrap().to_owned());
        let section = |name: &str| answer["rooms"][name].as_object().cloned().unwrap_or_default();
        for (room, body) in section("join") {
            self.picture.invited.remove(&room);
            let state = self.picture.joined.entry(room.clone()).or_default();
            let key = if self.use_state_after { "state_after" } else { "state" };
            apply_state(state, &body[key]["events"]);
            if !self.use_state_after {
                apply_state(state, &body["timeline"]["events"]);
            }
            self.receive(&room, &body);
        }
        for (room, body) in section("leave") {
            self.picture.invited.remove(&room);
            self.picture.joined.remove(&room);
            self.receive(&room, &body);
        }
        for (room, _) in section("invite") {
            self.picture.joined.remove(&room);
            self.picture.invited.insert(room);
        }
    }

    fn receive(&mut self, room: &str, body: &Value) {
        let events = body["timeline"]["events"].as_array().cloned().unwrap_or_default();
        let ids = events.iter().map(|event| event["event_id"].as_str().unwrap().to_owned());
        self.received.entry(room.to_owned()).or_default().extend(ids);
    }
}

fn apply_state(state: &mut BTreeMap<(String, String), String>, events: &Value) {
    for event in events.as_array().into_iter().flatten() {
        if let Some(key) = event["state_key"].as_str() {
            let kind = event["type"].as_str().unwrap().to_owned();
            state.insert((kind, key.to_owned()), event["event_id"].as_str().unwrap().to_owned());
        }
    }
}

/// Random room operations of several users. What the rules refuse is refused; the test does not care.
pub(crate) struct Chaos<'a> {
    pub(crate) fixture: &'a Fixture,
    pub(crate) random: SeededRandom,
    pub(crate) users: Vec<Actor>,
    /// By name: whoever holds a room keeps it in memory.
    pub(crate) rooms: Vec<(RoomId, RoomNid)>,
}

impl Chaos<'_> {
    pub(crate) fn pick(&self, below: usize) -> usize {
        number(&self.random, below)
    }

    pub(crate) async fn act(&mut self, number: usize) {
        if let Err(error) = self.try_to_act(number).await {
            assert!(error.code().is_some(), "{error}");
        }
    }

    pub(crate) async fn try_to_act(&mut self, number: usize) -> im2_core::Result<()> {
        let rooms = &self.fixture.engine.chat.rooms;
        let user = self.users[self.pick(self.users.len())].clone();
        let other = self.users[self.pick(self.users.len())].clone();
        if self.rooms.is_empty() || (self.rooms.len() < 4 && self.pick(12) == 0) {
            let preset = [Preset::PublicChat, Preset::PrivateChat][self.pick(2)];
            let request = CreateRoom { preset: Some(preset), ..CreateRoom::default() };
            let room = rooms.create(&user, request).await?;
            self.rooms.push((room.id.clone(), room.nid));
            return Ok(());
        }
        let room = self.rooms[self.pick(self.rooms.len())].0.clone();
        let named = |name: String| Map::from_iter([("name".to_owned(), Value::from(name))]);
        match self.pick(14) {
            0 | 8 | 9 => rooms.join(&user, &room, None).await.map(drop),
            1 => rooms.leave(&user, &room, None).await,
            2 => rooms.act(&user, &room, Act::Invite, &other.user_id, None).await,
            3 => rooms.act(&user, &room, Act::Kick, &other.user_id, None).await,
            4 => rooms.act(&user, &room, Act::Ban, &other.user_id, None).await,
            5 => rooms.act(&user, &room, Act::Unban, &other.user_id, None).await,
            6 => {
                let draft = Draft::state("m.room.name", "", named(format!("name {number}")));
                rooms.send_state(&user, &room, draft).await.map(drop)
            }
            7 => rooms.forget(&user, &room).await,
            _ => {
                let draft = Draft::message("m.room.message", named(format!("message {number}")));
                rooms.send(&user, &room, draft, None).await.map(drop)
            }
        }
    }
}

async fn run(seed: u64, limit: usize, use_state_after: bool) {
    run_within(256 << 20, seed, limit, use_state_after).await;
}

/// The same with so many bytes for all caches; gives how many rooms and events were given up.
async fn run_within(budget: usize, seed: u64, limit: usize, use_state_after: bool) -> u64 {
    // Every other time no member event stays in memory, as in rooms with very many.
    let member_events = if seed.is_multiple_of(2) { 1_000 } else { 0 };
    let fixture = Fixture::with(|options| {
        options.chat.rooms.member_events = member_events;
        options.core.memory.budget = budget;
    })
    .await;
    let users = fixture.users(&["ana", "ben", "eve"]).await;
    let mut followers: Vec<_> = users.iter().map(|user| Follower::new(user, limit, use_state_after)).collect();
    let mut chaos = Chaos { fixture: &fixture, random: SeededRandom::new(seed), users, rooms: Vec::new() };
    for number in 0..120 {
        chaos.act(number).await;
        fixture.engine.keep_to_budget();
        let who = chaos.pick(followers.len() * 3);
        if let Some(follower) = followers.get_mut(who) {
            follower.follow(&fixture, Duration::ZERO).await;
        }
    }
    for (follower, actor) in followers.iter_mut().zip(&chaos.users) {
        follower.follow(&fixture, Duration::ZERO).await;
        let mut fresh = Follower::new(actor, 400, use_state_after);
        fresh.follow(&fixture, Duration::ZERO).await;
        assert_eq!(follower.picture, fresh.picture, "seed {seed}, {}", actor.user_id);
        for (room, received) in &follower.received {
            let distinct: BTreeSet<_> = received.iter().collect();
            // Coming back to a room shows its newest events again, so repeats are only wrong within one stay; with a
            // room that was never left, none may repeat and none may be missing.
            let never_left = fresh.received.contains_key(room) && stayed(&chaos, room, actor).await;
            if never_left {
                assert_eq!(distinct.len(), received.len(), "seed {seed}: {room} repeated an event");
            }
        }
    }
    let usage = fixture.engine.core.memory.usage();
    usage.iter().filter(|one| ["rooms", "events"].contains(&one.name)).map(|one| one.evicted).sum()
}

/// Whether a user's first membership of a room is the one they still have.
async fn stayed(chaos: &Chaos<'_>, room: &str, actor: &Actor) -> bool {
    let (_, nid) = *chaos.rooms.iter().find(|(id, _)| id.as_str() == room).unwrap();
    let user_id = actor.user_id.clone();
    let store = &chaos.fixture.engine.core.store;
    let history = store.read(move |db| db.state_entry_history(nid, "m.room.member", user_id.as_str()));
    history.await.unwrap().len() == 1
}

#[tokio::test]
async fn following_leads_to_what_a_fresh_sync_shows() {
    for seed in 0..40 {
        Box::pin(run(seed, 400, false)).await;
    }
}

#[tokio::test]
async fn following_with_gaps_leads_to_what_a_fresh_sync_shows() {
    for seed in 100..140 {
        Box::pin(run(seed, 2, false)).await;
    }
}

#[tokio::test]
async fn following_state_after_leads_to_what_a_fresh_sync_shows() {
    for seed in 200..240 {
        Box::pin(run(seed, 3, true)).await;
    }
}

/// With next to no memory, rooms come and go all the time, and nobody notices.
#[tokio::test]
async fn following_leads_to_the_same_with_hardly_any_memory() {
    let mut given_up = 0;
    for seed in 300_u64..340 {
        let limit = if seed.is_multiple_of(3) { 2 } else { 400 };
        given_up += Box::pin(run_within(100_000, seed, limit, seed.is_multiple_of(5))).await;
    }
    assert!(given_up > 500, "only {given_up} rooms and events were given up");
}

/// Many writers at once, one reader that follows all the while: each event once, in the room's order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_never_skips_under_concurrent_writers() {
    const ROOMS: usize = 8;
    const SENDS: usize = 60;
    let fixture = Arc::new(Fixture::new().await);
    let ana = fixture.user("ana").await;
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        rooms.push(fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap());
    }
    let mut follower = Follower::new(&ana, 500, false);
    follower.follow(&fixture, Duration::ZERO).await;
    follower.received.clear();
    let writers = Writers::start(&fixture, &ana, &rooms, (ROOMS * 4, SENDS / 4));
    let total = ROOMS * 4 * (SENDS / 4);
    let received = |follower: &Follower| follower.received.values().map(Vec::len).sum::<usize>();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while received(&follower) < total && tokio::time::Instant::now() < deadline {
        follower.follow(&fixture, Duration::from_secs(5)).await;
    }
    let sent = writers.sent().await;
    let all: Vec<_> = follower.received.values().flatten().cloned().collect();
    assert_eq!(all.len(), total, "an event was missed or repeated");
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), sent);
    for room in &rooms {
        let order: Vec<_> = room.view().tail.iter().map(|event| event.id().to_string()).collect();
        let followed = &follower.received[room.id.as_str()];
        let tail: Vec<_> = followed.iter().filter(|id| order.contains(id)).cloned().collect();
        let expected: Vec<_> = order.into_iter().filter(|id| followed.contains(id)).collect();
        assert_eq!(tail, expected, "the order of the room");
    }
}
