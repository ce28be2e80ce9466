//! Following a sliding sync leads to what a new connection shows, whatever was in sight when, and whatever answers
//! were lost; and it yields every event once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use im2_chat::rooms::{Actor, CreateRoom};
use im2_core::session::Session;
use im2_model::SeededRandom;
use im2_sync::sliding_sync::{Body, Dialect, SlidingRequest};
use serde_json::{Value, json};

use crate::{
    Fixture,
    builders::{Writers, session},
    sync::Chaos,
};

/// A room as a client knows it after applying answers by the proposal's rules.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Known {
    membership: String,
    name: Value,
    heroes: Value,
    joined: Value,
    bump: Value,
    state: BTreeMap<(String, String), String>,
    timeline: Vec<String>,
}

pub(crate) struct Follower {
    session: Session,
    pub(crate) body: Value,
    pub(crate) pos: Option<String>,
    rooms: BTreeMap<String, Known>,
    /// Every event received as one that was not known before, in order.
    received: Vec<String>,
    /// Rooms of which events were deleted, which a client goes on to show.
    pub(crate) purged: BTreeSet<String>,
}

pub(crate) fn body(range: Option<[usize; 2]>, limit: usize) -> Value {
    let mut list = json!({ "timeline_limit": limit, "required_state": { "include": [{}] } });
    if let Some(range) = range {
        list["range"] = json!(range);
    }
    json!({ "lists": { "all": list }, "set_presence": "offline" })
}

impl Follower {
    pub(crate) fn new(actor: &Actor, name: &str, body: Value) -> Self {
        let (rooms, received, purged) = Default::default();
        Self { session: session(actor, name), body, pos: None, rooms, received, purged }
    }

    pub(crate) async fn try_to_ask(&self, fixture: &Fixture, timeout: Duration) -> im2_core::Result<Value> {
        let body: Body = serde_json::from_value(self.body.clone()).unwrap();
        let (pos, timeout) = (self.pos.clone(), u64::try_from(timeout.as_millis()).unwrap());
        let request = SlidingRequest::new(Dialect::Stable, Body { pos, timeout: Some(timeout), ..body }).unwrap();
        let answer = Box::pin(fixture.engine.sync.sliding.sync(&self.session, request)).await?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    pub(crate) async fn ask(&self, fixture: &Fixture, timeout: Duration) -> Value {
        self.try_to_ask(fixture, timeout).await.unwrap()
    }

    /// Forgets everything, as a client does whose `pos` is not known any more.
    pub(crate) fn begin_anew(&mut self) {
        self.pos = None;
        self.rooms.clear();
    }

    pub(crate) async fn follow(&mut self, fixture: &Fixture, timeout: Duration) {
        let answer = self.ask(fixture, timeout).await;
        self.pos = Some(answer["pos"].as_str().unwrap().to_owned());
        for (room, told) in answer["rooms"].as_object().unwrap() {
            let known = self.rooms.entry(room.clone()).or_default();
            if told["initial"] == true {
                *known = Known::default();
            }
            known.apply(told, &mut self.received);
        }
    }
}

impl Known {
    fn apply(&mut self, told: &Value, received: &mut Vec<String>) {
        for (field, key) in [
            (&mut self.name, "name"),
            (&mut self.heroes, "heroes"),
            (&mut self.joined, "joined_count"),
            (&mut self.bump, "bump_stamp"),
        ] {
            if let Some(value) = told.get(key) {
                field.clone_from(value);
            }
        }
        if let Some(membership) = told["membership"].as_str() {
            membership.clone_into(&mut self.membership);
        }
        for event in told["required_state"].as_array().into_iter().flatten() {
            let key = |name: &str| event[name].as_str().unwrap().to_owned();
            self.state.insert((key("type"), key("state_key")), key("event_id"));
        }
        let events = told["timeline"].as_array().cloned().unwrap_or_default();
        let events: Vec<_> = events.iter().map(|event| event["event_id"].as_str().unwrap().to_owned()).collect();
        received.extend(events.iter().filter(|event| !self.timeline.contains(event)).cloned());
        if told["limited"] == true || told["expanded_timeline"] == true {
            self.timeline.clear();
        }
        self.timeline.extend(events);
    }

    /// What has to be the same however one came to know the room.
    fn essence(&self) -> Self {
        let mut essence = self.clone();
        essence.timeline.clear();
        if self.membership != "join" {
            // Told as of the time when it ended.
            essence.heroes = Value::Null;
            essence.joined = Value::Null;
        }
        if self.name.is_string() {
            essence.heroes = Value::Null; // not told of rooms with a name, so an older value may be there
        }
        essence
    }
}

/// One of two timelines ends with the other.
fn agree(one: &[String], other: &[String]) -> bool {
    one.iter().rev().zip(other.iter().rev()).all(|(one, other)| one == other)
}

async fn run(seed: u64) {
    // Every other time no member event stays in memory, as in rooms with very many.
    let member_events = if seed.is_multiple_of(2) { 1_000 } else { 0 };
    let fixture = Fixture::with(|options| options.chat.rooms.member_events = member_events).await;
    let users = fixture.users(&["ana", "ben", "eve"]).await;
    let mut followers: Vec<_> = users.iter().map(|user| Follower::new(user, "D", body(Some([0, 1]), 2))).collect();
    let mut chaos = Chaos { fixture: &fixture, random: SeededRandom::new(seed), users, rooms: Vec::new() };
    for number in 0..120 {
        chaos.act(number).await;
        let (who, what) = (chaos.pick(followers.len() * 2), chaos.pick(24));
        let (end, limit) = (chaos.pick(4), chaos.pick(6));
        let Some(follower) = followers.get_mut(who) else { continue };
        match what {
            0 => follower.begin_anew(),
            1..4 => follower.body = body(Some([0, end]), limit),
            4..8 => drop(follower.ask(&fixture, Duration::ZERO).await), // the answer is lost
            _ => follower.follow(&fixture, Duration::ZERO).await,
        }
    }
    for (follower, actor) in followers.iter_mut().zip(&chaos.users) {
        compare(&fixture, follower, actor, seed).await;
    }
}

/// Follows once more, and compares with what a new connection shows.
pub(crate) async fn compare(fixture: &Fixture, follower: &mut Follower, actor: &Actor, seed: u64) {
    follower.body = body(None, 5);
    follower.follow(fixture, Duration::ZERO).await;
    let mut fresh = Follower::new(actor, "FRESH", body(None, 5));
    fresh.follow(fixture, Duration::ZERO).await;
    for (room, known) in &follower.rooms {
        let Some(fresh) = fresh.rooms.get(room) else {
            assert!(["leave", "ban"].contains(&&*known.membership), "seed {seed}, {}: {room}", actor.user_id);
            continue;
        };
        if fresh.state.len() <= 1 {
            // Turned away without having come back: the client may know of the room from an earlier stay. There is no
            // event about it if a resolution has left none.
            let is_known = fresh.state.iter().all(|(key, event)| known.state.get(key) == Some(event));
            assert_eq!((is_known, &known.membership), (true, &fresh.membership), "seed {seed}: {room}");
            continue;
        }
        assert_eq!(known.essence(), fresh.essence(), "seed {seed}, {}: {room}", actor.user_id);
        if follower.purged.contains(room) {
            continue;
        }
        let (followed, shown) = (&known.timeline, &fresh.timeline);
        assert!(agree(followed, shown), "seed {seed}, {}: {room}: {followed:?} {shown:?}", actor.user_id);
        assert!(followed.len() >= shown.len(), "seed {seed}, {}: {room} shows too little", actor.user_id);
        let distinct: BTreeSet<_> = followed.iter().collect();
        assert_eq!(distinct.len(), followed.len(), "seed {seed}: {room} repeats an event");
    }
    let missing: Vec<_> = fresh.rooms.keys().filter(|room| !follower.rooms.contains_key(*room)).collect();
    assert!(missing.is_empty(), "seed {seed}, {}: not told of {missing:?}", actor.user_id);
}

#[tokio::test]
async fn following_leads_to_what_a_new_connection_shows() {
    for seed in 0..60 {
        Box::pin(run(seed)).await;
    }
}

/// Many writers at once, one reader that follows all the while: each event once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_event_is_skipped_under_concurrent_writers() {
    const ROOMS: usize = 8;
    const SENDS: usize = 60;
    let fixture = Arc::new(Fixture::new().await);
    let ana = fixture.user("ana").await;
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        rooms.push(fixture.engine.chat.rooms.create(&ana, CreateRoom::default()).await.unwrap());
    }
    let mut follower = Follower::new(&ana, "D", body(None, 500));
    follower.follow(&fixture, Duration::ZERO).await;
    follower.received.clear();
    let writers = Writers::start(&fixture, &ana, &rooms, (ROOMS, SENDS));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while follower.received.len() < ROOMS * SENDS && tokio::time::Instant::now() < deadline {
        follower.follow(&fixture, Duration::from_secs(5)).await;
    }
    let sent = writers.sent().await;
    assert_eq!(follower.received.len(), ROOMS * SENDS, "an event was missed or repeated");
    assert_eq!(follower.received.into_iter().collect::<BTreeSet<_>>(), sent);
}
