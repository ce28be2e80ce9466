//! Runs the outbox: side effects that were written in the transaction that causes them.
//!
//! At least once: a job leaves the outbox only after its handler has succeeded, so a handler may see a job again that
//! it had done when the process was killed. Handlers are idempotent. A job that fails is tried again after a time
//! that doubles from [`FIRST_RETRY`] to [`LAST_RETRY`], for ever: what can never succeed is for its handler to
//! recognise and let go.

use std::{collections::HashMap, panic::resume_unwind, pin::Pin, sync::Arc, time::Duration};

use im2_model::Millis;
use im2_store::{Snapshot, jobs::Job};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::{Core, panics::catch_panic};

/// Jobs that run at the same time: most wait for somebody else's server or for a disk.
const AT_ONCE: usize = 16;
/// Jobs of one kind that run at the same time: some places are left when somebody causes thousands of one kind.
const AT_ONCE_OF_KIND: usize = 8;
const FIRST_RETRY: Millis = 1_000;
const LAST_RETRY: Millis = 3_600_000;
/// The longest sleep between two looks, in case the wall clock is set forward meanwhile.
const LONGEST_SLEEP: Millis = 60_000;
/// How long a shutdown waits for running jobs. They run again after the next start.
const GRACE: Duration = Duration::from_secs(3);

/// Why a job failed, as a sentence for the log and the outbox's row.
pub type Failure = String;

type Running = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;
type Handler = Arc<dyn Fn(String) -> Running + Send + Sync>;

/// What to do for each kind of job.
#[derive(Clone, Default)]
pub struct Handlers(HashMap<&'static str, Handler>);

impl Handlers {
    /// Runs `handler` with the payload of each job of this kind.
    #[must_use]
    pub fn on<F, R>(mut self, kind: &'static str, handler: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.0.insert(kind, Arc::new(move |payload| Box::pin(handler(payload))));
        self
    }
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Runs jobs as they become due until a shutdown begins.
pub async fn run(core: Core, handlers: Handlers) {
    let mut runner = Runner { core, handlers, running: JoinSet::new(), ids: HashMap::new() };
    loop {
        let wake_at = runner.start_due().await;
        tokio::select! {
            () = runner.core.shutdown.begun() => break,
            () = runner.core.store.job_added() => {}
            () = sleep_until(wake_at) => {}
            Some(ended) = runner.running.join_next() => runner.forget(ended),
        }
    }
    let finish = async { while runner.running.join_next().await.is_some() {} };
    if timeout(GRACE, finish).await.is_err() {
        tracing::info!("jobs still running at the end will run again after the next start");
    }
}

struct Runner {
    core: Core,
    handlers: Handlers,
    running: JoinSet<i64>,
    /// Jobs that run, with their kinds: their rows are still in the outbox.
    ids: HashMap<i64, String>,
}

impl Runner {
    /// Starts due jobs, up to the limit, and returns when to look again unless something happens before.
    async fn start_due(&mut self) -> Instant {
        let now = self.core.now();
        let kinds: Vec<&'static str> = self.handlers.0.keys().copied().collect();
        let look = self.core.store.read(move |db| Ok((due_jobs(db, &kinds, now)?, db.next_job_after(now)?))).await;
        let (due, next) = match look {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "the outbox could not be read");
                (Vec::new(), Some(now + FIRST_RETRY))
            }
        };
        for job in due {
            let of_kind = self.ids.values().filter(|kind| **kind == job.kind).count();
            if self.ids.len() < AT_ONCE && of_kind < AT_ONCE_OF_KIND && !self.ids.contains_key(&job.id) {
                self.ids.insert(job.id, job.kind.clone());
                self.running.spawn(attempt(self.core.clone(), self.handlers.clone(), job));
            }
        }
        let wait = next.map_or(LONGEST_SLEEP, |at| at.saturating_sub(now).min(LONGEST_SLEEP));
        Instant::now() + Duration::from_millis(wait)
    }

    fn forget(&mut self, ended: Result<i64, tokio::task::JoinError>) {
        match ended {
            Ok(id) => drop(self.ids.remove(&id)),
            // Handlers cannot panic through to here, so the runner itself is broken.
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(error) => tracing::error!(%error, "a job ended in a way it should not be able to"),
        }
    }
}

/// Due jobs, the kinds in turns: of each, the first that may be running and as many that may not.
fn due_jobs(db: &Snapshot<'_>, kinds: &[&str], now: Millis) -> im2_store::Result<Vec<Job>> {
    let mut due = Vec::new();
    for kind in kinds {
        due.extend(db.due_jobs_of(kind, now, 2 * AT_ONCE_OF_KIND)?.into_iter().enumerate());
    }
    // Those that nothing handles fail, so that the log tells of them.
    let unknown = db.due_jobs(now, AT_ONCE)?.into_iter().filter(|job| !kinds.contains(&&*job.kind));
    due.extend(unknown.enumerate());
    due.sort_by_key(|(turn, _)| *turn);
    Ok(due.into_iter().map(|(_, job)| job).collect())
}

/// Runs one job and records what became of it.
async fn attempt(core: Core, handlers: Handlers, job: Job) -> i64 {
    let id = job.id;
    let outcome = match handlers.0.get(job.kind.as_str()) {
        Some(handler) => {
            let run = async { handler(job.payload).await };
            catch_panic(run).await.unwrap_or_else(|_| Err("its handler panicked".into()))
        }
        None => Err(format!("nothing here handles jobs of the kind {}", job.kind)),
    };
    let written = match outcome {
        Ok(()) => core.store.write(move |tx| tx.finish_job(id)).await,
        Err(failure) => {
            tracing::warn!(kind = %job.kind, id, attempts = job.attempts + 1, %failure, "a job failed; it will be tried again");
            let again = core.now() + backoff(job.attempts);
            core.store.write(move |tx| tx.retry_job(id, &failure, again)).await
        }
    };
    if let Err(error) = written {
        // The row is unchanged, so the job is still due. Waiting here keeps it from being tried in a circle.
        tracing::error!(%error, id, "the outcome of a job could not be recorded");
        tokio::time::sleep(Duration::from_millis(backoff(job.attempts))).await;
    }
    id
}

fn backoff(attempts: u32) -> Millis {
    FIRST_RETRY.saturating_mul(1_u64.checked_shl(attempts).unwrap_or(u64::MAX)).min(LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::{Handlers, backoff, run};
    use crate::{Core, Options};
    use im2_model::{Clock as _, ManualClock, SeededRandom, ServerName};
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };
    use tokio::sync::mpsc;

    struct Fixture {
        core: Core,
        clock: Arc<ManualClock>,
        _folder: tempfile::TempDir,
    }

    async fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(crate::Store::open(&im2_store::Options::new(folder.path())).unwrap());
        let clock = Arc::new(ManualClock::at(1_000_000));
        let options = Options::new(ServerName::parse("localhost").unwrap());
        let core = Core::open(options, store, Arc::clone(&clock) as _, Arc::new(SeededRandom::new(1))).await.unwrap();
        Fixture { core, clock, _folder: folder }
    }

    async fn add(fixture: &Fixture, kind: &'static str, payload: &'static str, run_at: u64) {
        fixture.core.store.write(move |tx| tx.add_job(kind, payload, run_at)).await.unwrap();
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
}
