//! Several nodes over one database, in one process: whatever becomes of the hints between them and of their commits,
//! clients that ask now this one and now that one are told everything, and every event once; and what is to be done once,
//! is.
//!
//! One seed decides what happens: who does what at which node, which hints are lost, late or told twice, which commits
//! fail, and in which order those are made that want to be made at the same time.

mod beside;
mod between;
mod bus;
mod checks;
mod jobs;
mod log;
mod purges;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use im2_chat::{
    receipts::{Marker, MarkerKind},
    rooms::{Actor, Draft},
};
use im2_core::{Code, Store, committed::Committed};
use im2_engine::Options;
use im2_model::{EventId, ManualClock, RoomId, RoomNid, SeededRandom, WriterId};
use im2_store::ChangeLog;
use serde_json::{Map, json};
use tokio::task::{LocalSet, spawn_local, yield_now};

use self::{
    beside::{Done, Told},
    bus::SimulatedBus,
    checks::{Checked, client_is_whole, node_agrees, room_is_a_line},
    jobs::Jobs,
    log::{Failure, Fault, SimulatedLog},
    purges::Purged,
};
use crate::{
    Fixture,
    builders::{number, object, text},
    sliding_sync, sync,
};

const NODES: usize = 3;
const STEPS: usize = 150;
/// The environment variable that names the one seed to run.
const SEED: &str = "IM2_SIMULATION_SEED";

/// A user with two clients, which turn to one node for a while and then to another.
struct Person {
    actor: Actor,
    node: usize,
    classic: sync::Follower,
    limit: usize,
    sliding: sliding_sync::Follower,
    /// What the first client was told beside the events of rooms.
    told: Told,
}

struct World {
    seed: u64,
    random: SeededRandom,
    clock: Arc<ManualClock>,
    log: Arc<SimulatedLog>,
    bus: SimulatedBus,
    nodes: Vec<Fixture>,
    /// How many engines there have been.
    engines: u64,
    people: Vec<Person>,
    rooms: Vec<(RoomId, RoomNid)>,
    done: Done,
    purged: Purged,
    jobs: Jobs,
}

/// The writer that a node is.
fn writer(node: usize) -> WriterId {
    WriterId::try_from(node + 1).unwrap()
}

impl Person {
    /// Follows with the first client.
    async fn follow(&mut self, node: &Fixture, done: &Done) {
        let is_first = self.classic.since.is_none();
        let answer = self.classic.follow(node, Duration::ZERO).await;
        self.told.note(&answer, is_first, done);
    }
}

impl World {
    async fn new(seed: u64, fault: Option<Fault>) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let log = Arc::new(SimulatedLog::new(seed, fault));
        let shared: Arc<dyn ChangeLog<Committed>> = Arc::clone(&log) as _;
        let store = Store::open_with(&im2_store::Options::new(folder.path()), &shared).unwrap();
        let clock = Arc::new(ManualClock::at(1_700_000_000_000));
        let first =
            Fixture::over(store, folder, Arc::clone(&clock), seed * 1_000, |options| adjust(options, seed)).await;
        let users = beside::people(&first, &["ana", "ben", "eve"]).await;
        let person = |(number, actor): (usize, Actor)| {
            let limit = if seed.is_multiple_of(4) { 2 } else { 1_000 };
            let classic = sync::Follower::new(&actor, limit, false);
            let sliding = sliding_sync::Follower::new(&actor, "SLIDING", sliding_sync::body(Some([0, 3]), 5));
            Person { node: number % NODES, classic, limit, sliding, told: Told::default(), actor }
        };
        let mut world = Self {
            seed,
            random: SeededRandom::new(seed),
            clock,
            log,
            bus: SimulatedBus::default(),
            nodes: vec![first],
            engines: 1,
            people: users.into_iter().enumerate().map(person).collect(),
            rooms: Vec::new(),
            done: Done::default(),
            purged: Purged::default(),
            jobs: Jobs::default(),
        };
        for node in 1..NODES {
            let opened = world.open(node).await;
            world.nodes.push(opened);
        }
        world
    }

    /// Opens a node beside another.
    async fn open(&mut self, node: usize) -> Fixture {
        let beside = usize::from(node == 0);
        let other = &self.nodes[beside];
        let options = im2_store::Options { writer: writer(node), ..im2_store::Options::new(other.folder.path()) };
        let store = other.engine.core.store.open_beside(&options).unwrap();
        let (seed, random) = (self.seed, self.seed * 1_000 + self.engines);
        self.engines += 1;
        let (folder, clock) = (Arc::clone(&other.folder), Arc::clone(&self.clock));
        Fixture::over(store, folder, clock, random, |options| adjust(options, seed)).await
    }

    fn pick(&self, below: usize) -> usize {
        number(&self.random, below)
    }

    async fn step(&mut self, step: usize) -> Checked {
        self.clock.advance(1);
        match self.pick(32) {
            0..8 => self.act(step).await?,
            8 | 9 => self.act_at_once(step).await?,
            10 | 11 => self.read().await?,
            12 => self.redact().await?,
            13 => self.publish().await?,
            14 if self.pick(3) == 0 => self.restart().await,
            15 | 16 => self.turn_to_another_node().await?,
            20 | 21 => self.send_to_devices().await?,
            22 | 23 => self.set_account_data().await?,
            24 | 25 => self.publish_keys().await?,
            26 | 27 => self.claim_keys().await?,
            30 | 31 => self.work_on_jobs().await?,
            28 if self.pick(3) == 0 => self.purge_history().await?,
            29 if self.pick(4) == 0 => self.purge_room().await?,
            _ => self.follow().await,
        }
        for committed in self.log.committed() {
            for node in (0..NODES).filter(|node| writer(*node) != committed) {
                self.bus.send(node, &self.random);
            }
        }
        for node in self.bus.step(&self.random) {
            self.catch_up(node).await?;
        }
        self.nodes[self.pick(NODES)].engine.keep_to_budget();
        Ok(())
    }

    async fn catch_up(&self, node: usize) -> Checked {
        self.nodes[node].engine.core.store.catch_up().await.map_err(|error| error.to_string())
    }

    /// Somebody does something at some node, which may fail because the commit does.
    async fn act(&mut self, step: usize) -> Checked {
        let random = SeededRandom::new(self.pick(1 << 30) as u64);
        let users = self.people.iter().map(|person| person.actor.clone()).collect();
        let fixture = &self.nodes[self.pick(NODES)];
        let fails = self.fail_perhaps();
        let mut chaos = sync::Chaos { fixture, random, users, rooms: std::mem::take(&mut self.rooms) };
        let outcome = chaos.try_to_act(step).await;
        self.rooms = chaos.rooms;
        self.log.fail(None);
        refused_at_most(outcome, fails)
    }

    /// Where the next commit is to fail, if it is.
    fn some_failure(&self) -> Option<Failure> {
        [Failure::AtBeginning, Failure::AtEnd].get(self.pick(10)).copied()
    }

    /// Several send to one room at the same time, at several nodes.
    async fn act_at_once(&mut self, step: usize) -> Checked {
        let Some((room, _)) = self.rooms.get(self.pick(4)).cloned() else { return Ok(()) };
        let doing = |count: usize| {
            let (node, what) = (self.pick(NODES), self.pick(8));
            let (room, user) = (room.clone(), self.people[self.pick(self.people.len())].actor.clone());
            let rooms = self.nodes[node].engine.chat.rooms.clone();
            let done = async move {
                let name = || object(json!({ "name": format!("{step}/{count}") }));
                match what {
                    0 => rooms.leave(&user, &room, None).await,
                    1 => rooms.join(&user, &room, None).await.map(drop),
                    2 => rooms.send_state(&user, &room, Draft::state("m.room.name", "", name())).await.map(drop),
                    _ => rooms.send(&user, &room, text(&format!("{step}/{count}")), None).await.map(drop),
                }
            };
            (node, done)
        };
        let doings: Vec<_> = (0..3 + self.pick(6)).map(doing).collect();
        for outcome in self.at_once(doings).await {
            refused_at_most(outcome, false)?;
        }
        Ok(())
    }

    /// Does several things at the same time, each at a node and with one change. The seed decides in which order the nodes
    /// commit.
    async fn at_once<T: 'static>(&self, doings: Vec<(usize, impl Future<Output = T> + 'static)>) -> Vec<T> {
        self.log.close(true);
        let unfinished: Vec<Arc<AtomicUsize>> = (0..NODES).map(|_| Arc::default()).collect();
        let mut tasks = Vec::new();
        for (node, doing) in doings {
            let mine = Arc::clone(&unfinished[node]);
            mine.fetch_add(1, Ordering::SeqCst);
            tasks.push(spawn_local(async move {
                let done = doing.await;
                mine.fetch_sub(1, Ordering::SeqCst);
                done
            }));
        }
        let unfinished = |node: usize| unfinished[node].load(Ordering::SeqCst);
        while (0..NODES).any(|node| unfinished(node) > 0) {
            let waiting = self.log.waiting();
            // Everybody has a change in the queue of their node, of which the first is about to be committed.
            let is_ready = |node: usize| {
                let queued = self.nodes[node].engine.core.store.load().waiting;
                unfinished(node) == 0 || (waiting.contains(&writer(node)) && queued + 1 == unfinished(node))
            };
            if !waiting.is_empty() && (0..NODES).all(is_ready) {
                let next = self.pick(waiting.len());
                self.log.let_pass(*waiting.iter().nth(next).unwrap());
            }
            yield_now().await;
        }
        self.log.close(false);
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(task.await.unwrap());
        }
        outcomes
    }

    /// An event that some node has in memory.
    async fn some_event(&self) -> Option<(usize, Actor, RoomId, EventId)> {
        let (node, person) = (self.pick(NODES), &self.people[self.pick(self.people.len())]);
        let (room_id, nid) = self.rooms.get(self.pick(4)).cloned()?;
        let room = self.nodes[node].engine.chat.rooms.by_nid(nid).await.unwrap();
        let view = room.view();
        let event = view.tail[self.pick(view.tail.len())].id().clone();
        Some((node, person.actor.clone(), room_id, event))
    }

    async fn read(&self) -> Checked {
        let Some((node, actor, room, event_id)) = self.some_event().await else { return Ok(()) };
        let kind = [MarkerKind::Read, MarkerKind::ReadPrivate, MarkerKind::FullyRead][self.pick(3)];
        let marker = Marker { kind, event_id, thread: None };
        refused_at_most(self.nodes[node].engine.chat.receipts.mark(&actor, &room, vec![marker]).await, false)
    }

    async fn redact(&self) -> Checked {
        let Some((node, actor, room, event_id)) = self.some_event().await else { return Ok(()) };
        let redaction = Draft {
            content: object(json!({ "redacts": event_id })),
            redacts: Some(event_id),
            ..Draft::message("m.room.redaction", Map::new())
        };
        refused_at_most(self.nodes[node].engine.chat.rooms.send(&actor, &room, redaction, None).await, false)
    }

    async fn publish(&self) -> Checked {
        let Some((node, actor, room, _)) = self.some_event().await else { return Ok(()) };
        let published = self.pick(3) > 0;
        refused_at_most(self.nodes[node].engine.chat.rooms.set_published(&actor, true, &room, published).await, false)
    }

    async fn restart(&mut self) {
        let node = self.pick(NODES);
        let opened = self.open(node).await;
        self.nodes[node] = opened;
        self.people.iter_mut().filter(|person| person.node == node).for_each(|person| person.sliding.begin_anew());
    }

    async fn turn_to_another_node(&mut self) -> Checked {
        let (who, by) = (self.pick(self.people.len()), 1 + self.pick(NODES - 1));
        let person = &mut self.people[who];
        person.node = (person.node + by) % NODES;
        if person.sliding.pos.is_some() {
            let refused = person.sliding.try_to_ask(&self.nodes[person.node], Duration::ZERO).await;
            let code = refused.err().and_then(|error| error.code());
            checks::same("a `pos` of another node", &code, &Some(Code::UnknownPos))?;
            person.sliding.begin_anew();
        }
        Ok(())
    }

    async fn follow(&mut self) {
        let (who, what) = (self.pick(self.people.len()), self.pick(8));
        let person = &mut self.people[who];
        let node = &self.nodes[person.node];
        match what {
            0 => drop(person.classic.ask(node, Duration::ZERO).await), // the answer is lost
            1 => drop(person.sliding.ask(node, Duration::ZERO).await),
            2 | 3 => person.sliding.follow(node, Duration::ZERO).await,
            _ => person.follow(node, &self.done).await,
        }
    }

    /// Compares everything, once no hint is under way.
    async fn compare(mut self) -> Checked {
        self.jobs_are_done().await?;
        let truth = self.open(NODES).await;
        for node in 0..NODES {
            self.catch_up(node).await?;
        }
        let actors: Vec<_> = self.people.iter().map(|person| person.actor.clone()).collect();
        let rooms: Vec<_> = self.rooms.iter().map(|(_, nid)| *nid).collect();
        for room in &rooms {
            room_is_a_line(&truth, *room, self.purged.numbers.get(room)).await?;
        }
        for (number, node) in self.nodes.iter().enumerate() {
            let agrees = node_agrees(node, &truth, &actors, &rooms).await;
            agrees.map_err(|differs| format!("node {number}: {differs}"))?;
        }
        for person in &mut self.people {
            let node = &self.nodes[person.node];
            person.follow(node, &self.done).await;
            let about = (&person.actor, person.limit);
            let there = (&truth, &self.rooms[..], &self.purged);
            let is_whole = client_is_whole(&person.classic, about, &self.nodes, there).await;
            is_whole.map_err(|differs| format!("{}: {differs}", person.actor.user_id))?;
            let purged = |(_, nid): &&(RoomId, RoomNid)| self.purged.numbers.contains_key(nid);
            person.sliding.purged = self.rooms.iter().filter(purged).map(|(room, _)| room.to_string()).collect();
            sliding_sync::compare(node, &mut person.sliding, &person.actor, self.seed).await;
        }
        self.told_what_was_done(&truth).await?;
        self.nothing_is_kept(&truth).await
    }

    /// Once everybody has heard of everything, the log keeps nothing for those who have been closed.
    async fn nothing_is_kept(&self, truth: &Fixture) -> Checked {
        // The thread of a store ends a moment after the store.
        for _ in 0..1_000 {
            for node in self.nodes.iter().chain([truth]) {
                node.engine.core.store.catch_up().await.map_err(|error| error.to_string())?;
            }
            if self.log.kept() == 0 {
                return Ok(());
            }
            yield_now().await;
        }
        Err(format!("{} commits are kept", self.log.kept()))
    }
}

fn adjust(options: &mut Options, seed: u64) {
    if seed.is_multiple_of(3) {
        // Rooms come and go.
        options.core.memory.budget = 100_000;
    }
    // No member event stays in memory, as in rooms with very many.
    options.chat.rooms.member_events = if seed.is_multiple_of(2) { 1_000 } else { 0 };
}

/// Whether it was done, or refused by a rule, or could not be done because a commit failed that was to.
fn refused_at_most<T>(outcome: im2_core::Result<T>, commit_fails: bool) -> Checked {
    match outcome {
        Err(error) if error.code().is_none() && !commit_fails => Err(format!("refused for no reason: {error}")),
        _ => Ok(()),
    }
}

async fn run(seed: u64, fault: Option<Fault>) -> Checked {
    let mut world = World::new(seed, fault).await;
    for step in 0..STEPS {
        world.step(step).await.map_err(|differs| format!("step {step}: {differs}"))?;
    }
    world.compare().await
}

/// The same, where a panic is an error.
async fn simulate(seed: u64, fault: Option<Fault>) -> Checked {
    let run = async || spawn_local(run(seed, fault)).await.unwrap_or_else(|panic| Err(panic.to_string()));
    LocalSet::new().run_until(run()).await
}

#[tokio::test]
async fn clients_are_told_everything_once_whatever_becomes_of_hints_and_commits() {
    let only = std::env::var(SEED).ok().map(|seed| seed.parse::<u64>().unwrap());
    for seed in only.map_or(0..24, |seed| seed..seed + 1) {
        let outcome = simulate(seed, None).await;
        assert!(outcome.is_ok(), "run it again with {SEED}={seed}: {}", outcome.unwrap_err());
    }
}

#[tokio::test]
async fn it_is_noticed_when_nodes_are_told_badly() {
    for fault in [Fault::Forgotten(7), Fault::Backward, Fault::Again(3)] {
        let mut seeds = 0..12;
        let mut is_noticed = false;
        while let (false, Some(seed)) = (is_noticed, seeds.next()) {
            is_noticed = simulate(seed, Some(fault)).await.is_err();
        }
        assert!(is_noticed, "{fault:?}");
    }
}
