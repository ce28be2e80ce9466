//! Jobs on two nodes over one database, in simulated time: nodes that crash and start again, nodes that stand still while
//! their claims run out, jobs that fail and jobs that take longer than a claim.
//!
//! Whatever happens, no job runs twice at the same time, and each is done; exactly once where no node crashes or stands
//! still.

use std::{collections::HashSet, sync::Arc, time::Duration};

use im2_model::{Clock as _, Millis, Random as _, SeededRandom};
use parking_lot::Mutex;
use tokio::time::{advance, sleep};

use super::{
    Handlers, Runner,
    tests::{Fixture, add, fixture},
};
use crate::lease::{MARGIN, TERM};

const JOBS: usize = 12;
/// The simulated time of a step.
const STEP: Duration = Duration::from_secs(2);
/// Steps after which nothing goes wrong any more, and after which everything is done.
const TROUBLE: usize = 200;
const STEPS: usize = 2_000;

/// The state that the jobs share: which of them are running, were run twice at once, and are done.
struct World {
    random: SeededRandom,
    running: HashSet<usize>,
    /// Jobs that were begun while they ran.
    doubled: Vec<usize>,
    done: [usize; JOBS],
}

impl World {
    fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }
}

/// A job that runs, until it is dropped.
struct Inside(Arc<Mutex<World>>, usize);

impl Inside {
    fn enter(world: &Arc<Mutex<World>>, job: usize) -> Self {
        let mut now = world.lock();
        if !now.running.insert(job) {
            now.doubled.push(job);
        }
        Self(Arc::clone(world), job)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.lock().running.remove(&self.1);
    }
}

fn handlers(world: &Arc<Mutex<World>>) -> Handlers {
    let world = Arc::clone(world);
    Handlers::default().on("work", move |payload| {
        let world = Arc::clone(&world);
        async move {
            let job: usize = payload.parse().map_err(|_| payload)?;
            let inside = Inside::enter(&world, job);
            let fails = world.lock().below(4) == 0;
            // From a moment to three terms, always the same: many are not done without renewing their claims.
            sleep(job as u32 * TERM / 4).await;
            drop(inside);
            if fails {
                return Err("on purpose".into());
            }
            world.lock().done[job] += 1;
            Ok(())
        }
    })
}

enum Node {
    /// It runs jobs; until a time it stands still.
    Up(Runner, Millis),
    /// It has crashed and starts again at a time.
    Down(Millis),
}

impl Node {
    async fn start(fixture: &Fixture, world: &Arc<Mutex<World>>, number: u8) -> Self {
        let runner = Runner::new(fixture.core.clone(), handlers(world), number);
        runner.give_up_claims().await;
        Self::Up(runner, 0)
    }

    async fn look(&mut self, now: Millis) {
        if let Self::Up(runner, until) = self
            && *until <= now
        {
            runner.look().await;
        }
    }

    /// Lets something go wrong with a node, at random: it goes down, or stands still for a while.
    fn suffer(self, world: &World, now: Millis) -> Self {
        let soon = now + world.below(3 * TERM.as_millis() as u64);
        match (self, world.below(40)) {
            (Self::Up(..), 0) => Self::Down(soon),
            (Self::Up(runner, until), 1) if until <= now => Self::Up(runner, soon),
            (node, _) => node,
        }
    }
}

/// Runs all jobs on two nodes, and returns how often each was done.
async fn simulate(seed: u64, is_troubled: bool) -> [usize; JOBS] {
    // While a blocking task runs, tokio's clock stands still if nobody moves it: the database answers in real time.
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let holding = tokio::task::spawn_blocking(move || held.recv());
    let fixture = fixture().await;
    let world =
        World { random: SeededRandom::new(seed), running: HashSet::new(), doubled: Vec::new(), done: [0; JOBS] };
    let world = Arc::new(Mutex::new(world));
    for job in 0..JOBS {
        let run_at = fixture.clock.now() + world.lock().below(200_000);
        add(&fixture, "work", job.to_string(), run_at).await;
    }
    let mut nodes = [Node::start(&fixture, &world, 1).await, Node::start(&fixture, &world, 2).await];
    for step in 0.. {
        assert!(step < STEPS, "seed {seed}: not everything is done: {:?}", world.lock().done);
        fixture.clock.advance(STEP.as_millis() as Millis);
        advance(STEP).await;
        // Whoever waits for this time goes on before anybody looks.
        for _ in 0..4 * JOBS {
            tokio::task::yield_now().await;
        }
        let now = fixture.clock.now();
        for (number, node) in (1..).zip(&mut nodes) {
            if is_troubled && step < TROUBLE {
                *node = std::mem::replace(node, Node::Down(0)).suffer(&world.lock(), now);
            }
            if matches!(node, Node::Down(until) if *until <= now) {
                *node = Node::start(&fixture, &world, number).await;
            }
        }
        // At the same time, so that both find the same jobs.
        let [first, second] = &mut nodes;
        tokio::join!(first.look(now), second.look(now));
        assert_eq!(world.lock().doubled, [0; 0], "seed {seed}, step {step}: these ran twice at the same time");
        if fixture.core.store.read(|db| db.due_jobs(Millis::MAX >> 1, 1)).await.unwrap().is_empty() {
            break;
        }
    }
    drop(hold);
    drop(holding.await);
    world.lock().done
}

#[tokio::test(start_paused = true)]
async fn every_job_is_done_once_while_all_goes_well() {
    for seed in 0..4 {
        assert_eq!(simulate(seed, false).await, [1; JOBS], "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_job_is_done_whatever_happens_to_the_nodes() {
    let mut repeated = 0;
    for seed in 0..12 {
        let done = simulate(seed, true).await;
        assert!(done.iter().all(|times| *times > 0), "seed {seed}: {done:?}");
        repeated += done.iter().filter(|times| **times > 1).count();
    }
    assert!(repeated > 0, "no node was ever in trouble at the wrong moment: then this shows nothing");
}

#[test]
fn a_step_is_shorter_than_what_the_nodes_need() {
    assert!(STEP < MARGIN && STEP < TERM / 4);
}
