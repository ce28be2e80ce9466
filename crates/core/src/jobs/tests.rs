//! Behaviour of the runner with jobs on one node, and its cost in commits.

use super::{AT_ONCE_OF_KIND, Handlers, Runner, backoff, run};
use crate::{Core, Options};
use im2_model::{Clock as _, ManualClock, SeededRandom, ServerName};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tokio::sync::mpsc;

pub(super) struct Fixture {
    pub(super) core: Core,
    pub(super) clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

pub(super) async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(crate::Store::open(&im2_store::Options::new(folder.path())).unwrap());
    let clock = Arc::new(ManualClock::at(1_000_000));
    let options = Options::new(ServerName::parse("localhost").unwrap());
    let core = Core::open(options, store, Arc::clone(&clock) as _, Arc::new(SeededRandom::new(1))).await.unwrap();
    Fixture { core, clock, _folder: folder }
}

pub(super) async fn add(fixture: &Fixture, kind: &'static str, payload: impl Into<String>, run_at: u64) {
    let payload = payload.into();
    fixture.core.store.write(move |tx| tx.add_job(kind, &payload, run_at)).await.unwrap();
}

#[test]
fn the_time_between_attempts_doubles_up_to_a_limit() {
    assert_eq!(
        [0, 1, 2, 11, 12, 63, 64, 1000].map(backoff),
        [1_000, 2_000, 4_000, 2_048_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000]
    );
}

#[tokio::test]
async fn a_job_runs_as_soon_as_it_is_added_and_leaves() {
    let fixture = fixture().await;
    let (sender, mut ran) = mpsc::unbounded_channel();
    let handlers = Handlers::default().on("greet", move |payload| {
        let sender = sender.clone();
        async move { sender.send(payload).map_err(|error| error.to_string()) }
    });
    let core = fixture.core.clone();
    let runner = tokio::spawn(run(core.clone(), handlers));
    add(&fixture, "greet", "first", 0).await;
    assert_eq!(ran.recv().await.as_deref(), Some("first"));
    add(&fixture, "greet", "later", fixture.clock.now() + 5_000).await;
    add(&fixture, "greet", "second", 0).await;
    assert_eq!(ran.recv().await.as_deref(), Some("second"), "what is not due waits");
    fixture.clock.advance(5_000);
    core.store.wake_jobs();
    assert_eq!(ran.recv().await.as_deref(), Some("later"));
    core.shutdown.begin();
    runner.await.unwrap();
    let left = core.store.read(|db| db.due_jobs(u64::MAX >> 1, 10)).await.unwrap();
    assert!(left.iter().all(|job| job.kind != "greet"), "{left:?}");
}

#[tokio::test]
async fn many_jobs_of_one_kind_leave_places_for_others() {
    let fixture = fixture().await;
    let (sender, mut ran) = mpsc::unbounded_channel();
    let handlers = Handlers::default().on("slow", |_| std::future::pending()).on("quick", move |payload| {
        let sender = sender.clone();
        async move { sender.send(payload).map_err(|error| error.to_string()) }
    });
    for _ in 0..100 {
        add(&fixture, "slow", "", 0).await;
    }
    add(&fixture, "quick", "first", 0).await;
    let core = fixture.core.clone();
    let runner = tokio::spawn(run(core.clone(), handlers));
    assert_eq!(ran.recv().await.as_deref(), Some("first"));
    add(&fixture, "quick", "second", 0).await;
    assert_eq!(ran.recv().await.as_deref(), Some("second"));
    runner.abort();
}

#[tokio::test]
async fn a_job_that_fails_or_panics_is_tried_again() {
    let fixture = fixture().await;
    let (sender, mut ran) = mpsc::unbounded_channel();
    let attempts = Arc::new(AtomicU32::new(0));
    let handlers = Handlers::default().on("try", move |_| {
        let (sender, attempt) = (sender.clone(), attempts.fetch_add(1, Ordering::SeqCst));
        async move {
            let _ = sender.send(attempt);
            match attempt {
                0 => Err("not yet".into()),
                1 => panic!("on purpose"),
                _ => Ok(()),
            }
        }
    });
    let core = fixture.core.clone();
    let runner = tokio::spawn(run(core.clone(), handlers));
    add(&fixture, "try", "", 0).await;
    assert_eq!(ran.recv().await, Some(0));
    for (wait, attempt) in [(1_000, 1), (2_000, 2)] {
        // The failure is recorded after the handler has spoken; until then the job's time has not been set.
        let now = fixture.clock.now();
        while !core.store.read(move |db| db.due_jobs(now, 1)).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        fixture.clock.advance(wait);
        core.store.wake_jobs();
        assert_eq!(ran.recv().await, Some(attempt));
    }
    core.shutdown.begin();
    runner.await.unwrap();
}

/// Jobs that are done at once, with the commits that it takes.
struct Counted {
    fixture: Fixture,
    runner: Runner,
}

impl Counted {
    async fn new() -> Self {
        let fixture = fixture().await;
        let handlers = Handlers::default().on("quick", |_| async { Ok(()) });
        let runner = Runner::new(fixture.core.clone(), handlers, 1);
        Self { fixture, runner }
    }

    /// Does `jobs` of them, looking again whenever one has ended. Returns the commits.
    async fn do_jobs(&mut self, jobs: usize) -> u64 {
        for _ in 0..jobs {
            add(&self.fixture, "quick", "", 0).await;
        }
        let before = self.commits().await;
        self.runner.look().await;
        while let Some(ended) = self.runner.running.join_next().await {
            self.runner.note(ended);
            self.runner.look().await;
        }
        self.commits().await - before
    }

    /// Commits so far. A commit is counted after whoever waits for it has been answered, before the writer goes on.
    async fn commits(&self) -> u64 {
        self.fixture.core.store.answers().await.unwrap();
        self.fixture.core.store.load().commits
    }
}

#[tokio::test]
async fn a_job_takes_two_commits_and_an_idle_runner_none() {
    let mut counted = Counted::new().await;
    assert_eq!(counted.do_jobs(0).await, 0);
    assert_eq!(counted.do_jobs(1).await, 2, "its claim and its outcome");
    assert_eq!(counted.do_jobs(0).await, 0);
    add(&counted.fixture, "quick", "", counted.fixture.clock.now() + 1_000).await;
    assert_eq!(counted.do_jobs(0).await, 0, "it is not due");
}

#[tokio::test]
async fn the_outcome_of_one_job_and_the_claim_of_the_next_are_one_commit() {
    let mut counted = Counted::new().await;
    let jobs = 5 * AT_ONCE_OF_KIND;
    let commits = counted.do_jobs(jobs).await;
    assert!(commits <= jobs as u64 + 1, "{commits} commits for {jobs} jobs");
    let left = counted.fixture.core.store.read(|db| db.due_jobs(u64::MAX >> 1, 10)).await.unwrap();
    assert_eq!(left, []);
}

#[tokio::test]
async fn what_runs_at_a_shutdown_is_left_to_others_at_once() {
    let fixture = fixture().await;
    let (sender, mut ran) = mpsc::unbounded_channel();
    let handlers = Handlers::default().on("slow", move |_| {
        let _ = sender.send(());
        std::future::pending()
    });
    add(&fixture, "slow", "", 0).await;
    let runner = tokio::spawn(run(fixture.core.clone(), handlers));
    assert_eq!(ran.recv().await, Some(()));
    let now = fixture.clock.now();
    let unclaimed = || fixture.core.store.read(move |db| db.unclaimed_jobs(now, 9));
    assert_eq!(unclaimed().await.unwrap(), []);
    fixture.core.shutdown.begin();
    runner.await.unwrap();
    assert_eq!(unclaimed().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_start_gives_up_claims_from_before_a_crash() {
    let fixture = fixture().await;
    add(&fixture, "greet", "", 0).await;
    let now = fixture.clock.now();
    let node = fixture.core.store.number();
    let crash = fixture.core.store.write(move |tx| {
        let jobs: Vec<i64> = tx.unclaimed_jobs(now, 9)?.into_iter().map(|(id, _)| id).collect();
        tx.claim_jobs(&jobs, node, now, now + 3_600_000)
    });
    assert_eq!(crash.await.unwrap().len(), 1);
    let (sender, mut ran) = mpsc::unbounded_channel();
    let handlers = Handlers::default().on("greet", move |_| {
        let sender = sender.clone();
        async move { sender.send(()).map_err(|error| error.to_string()) }
    });
    let runner = tokio::spawn(run(fixture.core.clone(), handlers));
    assert_eq!(ran.recv().await, Some(()));
    runner.abort();
}
