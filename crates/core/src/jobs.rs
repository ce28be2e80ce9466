//! Runs the outbox: side effects that were written in the transaction that causes them.
//!
//! At least once: a job leaves the outbox only after its handler has succeeded, so a handler may see a job again that
//! it had done when the process was killed. Handlers are idempotent. A job that fails is tried again after a time
//! that doubles from [`FIRST_RETRY`] to [`LAST_RETRY`], for ever: what can never succeed is for its handler to
//! recognise and let go.
//!
//! With several nodes on one database, one runs a job at a time. A node claims a job for a [`TERM`] before it runs it,
//! and renews the claims of all that it runs after half of that. A handler whose claim is lost, or about to run out, is
//! dropped, and only the claimant records the outcome of a job. The claims of a node that ends without giving them up
//! run out; its own from before a crash it gives up when it starts.
//!
//! A job alone takes two commits: its claim, and its outcome. While one follows another, the outcomes of those that have
//! ended and the claims of those that come next are one change. Renewing takes one change in half a term, while any run.
//! Nothing is written while nothing is due and nothing runs.

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, panic::resume_unwind, pin::Pin, sync::Arc, time::Duration};

use im2_model::{Millis, WriterId};
use im2_store::{Snapshot, Transaction, jobs::Job};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::{
    Core,
    lease::{MARGIN, TERM},
    panics::catch_panic,
};

/// Jobs that run at the same time: most wait for somebody else's server or for a disk.
const AT_ONCE: usize = 16;
/// Jobs of one kind that run at the same time: some places are left when somebody causes thousands of one kind.
const AT_ONCE_OF_KIND: usize = 8;
const FIRST_RETRY: Millis = 1_000;
const LAST_RETRY: Millis = 3_600_000;
/// The longest time between two looks, in case the wall clock is set forward meanwhile, or another node's claims run
/// out.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// The time between two looks after the outbox could not be read or written.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How long a shutdown waits for running jobs. They run again after the next start.
const GRACE: Duration = Duration::from_secs(3);

/// The reason why a job failed, as a sentence for the log and the outbox's row.
pub type Failure = String;

type Running = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;
type Handler = Arc<dyn Fn(String) -> Running + Send + Sync>;

/// The handlers, one for each kind of job.
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
    let node = core.store.number();
    let mut runner = Runner::new(core, handlers, node);
    runner.give_up_claims().await;
    loop {
        let wake_at = runner.look().await;
        tokio::select! {
            () = runner.core.shutdown.begun() => break,
            () = runner.core.store.job_added() => {}
            () = sleep_until(wake_at) => {}
            Some(ended) = runner.running.join_next() => runner.note(ended),
        }
    }
    runner.end().await;
}

struct Runner {
    core: Core,
    handlers: Handlers,
    node: WriterId,
    running: JoinSet<Ended>,
    /// The jobs that this node has claimed and neither recorded nor lost, by their numbers.
    claims: HashMap<i64, Claim>,
    /// The jobs that ended and are not recorded yet.
    ended: Vec<Ended>,
    /// When the claims have to be renewed, while there are any.
    renew_at: Option<Instant>,
}

/// A job that this node has claimed.
struct Claim {
    kind: String,
    /// The time until which its handler may run. Without it the handler is dropped.
    until: Option<watch::Sender<Instant>>,
}

/// A job that does not run any more.
#[derive(Debug, Clone)]
struct Ended {
    id: i64,
    kind: String,
    attempts: u32,
    /// `None` if its handler was dropped because the claim was lost.
    outcome: Option<Result<(), Failure>>,
}

/// The outcomes and claims that are written with one change.
struct Writing {
    node: WriterId,
    now: Millis,
    ended: Vec<Ended>,
    /// Jobs whose claims are renewed.
    renewed: Vec<i64>,
    /// Jobs to claim.
    wanted: Vec<i64>,
}

impl Runner {
    fn new(core: Core, handlers: Handlers, node: WriterId) -> Self {
        let (running, claims, ended) = Default::default();
        Self { core, handlers, node, running, claims, ended, renew_at: None }
    }

    /// Records what has ended, renews claims and starts due jobs up to the limit. Returns when to look again unless
    /// something happens before.
    async fn look(&mut self) -> Instant {
        self.note_all();
        match self.record_and_start().await {
            Ok(again) => again,
            Err(error) => {
                tracing::error!(%error, "the outbox could not be read or written; it will be tried again");
                Instant::now() + AFTER_ERROR
            }
        }
    }

    async fn record_and_start(&mut self) -> crate::Result<Instant> {
        let (now, asked) = (self.core.now(), Instant::now());
        let kinds: Vec<&'static str> = self.handlers.0.keys().copied().collect();
        let look = move |db: &Snapshot<'_>| Ok((unclaimed_jobs(db, &kinds, now)?, db.next_job_after(now)?));
        let (due, next) = self.core.store.read(look).await?;
        let wanted = self.choose(due);
        let retries = self.ended.iter().filter_map(|ended| ended.again(now));
        let next = next.into_iter().chain(retries).min();
        if !self.write((now, asked), &wanted).await? {
            return Ok(Instant::now()); // another node was quicker, so this one has places left
        }
        let wait = next.map(|at| Duration::from_millis(at.saturating_sub(now)));
        let again = Instant::now() + wait.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
        Ok(self.renew_at.map_or(again, |renew_at| again.min(renew_at)))
    }

    /// Those of `due` for which there is a place.
    fn choose(&self, due: Vec<(i64, String)>) -> Vec<i64> {
        let has_ended = |id: &i64| self.ended.iter().any(|ended| ended.id == *id);
        let running = self.claims.iter().filter(|(id, _)| !has_ended(id)).map(|(_, claim)| &claim.kind);
        let mut kinds: Vec<String> = running.cloned().collect();
        let mut wanted = Vec::new();
        for (id, kind) in due {
            let of_kind = kinds.iter().filter(|other| **other == kind).count();
            if kinds.len() < AT_ONCE && of_kind < AT_ONCE_OF_KIND && !self.claims.contains_key(&id) {
                wanted.push(id);
                kinds.push(kind);
            }
        }
        wanted
    }

    /// Records what has ended, renews claims if it is time, claims and starts those of `wanted` that no other node has
    /// claimed: says whether that is all of them. Writes nothing if there is nothing to write.
    async fn write(&mut self, (now, asked): (Millis, Instant), wanted: &[i64]) -> crate::Result<bool> {
        let renews = self.renew_at.is_some_and(|at| at <= asked);
        if wanted.is_empty() && self.ended.is_empty() && !renews {
            return Ok(true);
        }
        let is_running = |id: &&i64| !self.ended.iter().any(|ended| ended.id == **id);
        let running: Vec<i64> = self.claims.keys().filter(is_running).copied().collect();
        let renewed = if renews { running } else { Vec::new() };
        let writing = Writing {
            node: self.node,
            now,
            ended: self.ended.clone(),
            renewed: renewed.clone(),
            wanted: wanted.into(),
        };
        let (kept, claimed) = self.core.store.write(move |tx| writing.write(tx)).await?;
        for ended in self.ended.drain(..) {
            self.claims.remove(&ended.id);
        }
        if renews {
            self.renew_at = None;
        }
        for id in renewed {
            let Some(claim) = self.claims.get_mut(&id) else { continue };
            match &claim.until {
                Some(until) if kept.contains(&id) => drop(until.send(asked + TERM - MARGIN)),
                _ => claim.until = None,
            }
        }
        let is_all = claimed.len() == wanted.len();
        for job in claimed {
            self.start(job, asked + TERM - MARGIN);
        }
        if self.renew_at.is_none() && !self.claims.is_empty() {
            self.renew_at = Some(asked + TERM / 2);
        }
        if self.claims.is_empty() {
            self.renew_at = None;
        }
        Ok(is_all)
    }

    fn start(&mut self, job: Job, until: Instant) {
        let (sender, receiver) = watch::channel(until);
        self.claims.insert(job.id, Claim { kind: job.kind.clone(), until: Some(sender) });
        self.running.spawn(attempt(self.handlers.0.get(job.kind.as_str()).cloned(), job, receiver));
    }

    /// Takes note of all that have ended.
    fn note_all(&mut self) {
        while let Some(ended) = self.running.try_join_next() {
            self.note(ended);
        }
    }

    fn note(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok(Ended { id, kind, outcome: None, .. }) => {
                tracing::warn!(kind, id, "the claim of a job is lost; another node may run it");
                self.claims.remove(&id);
            }
            Ok(ended) => {
                if let Some(Err(failure)) = &ended.outcome {
                    let Ended { id, kind, attempts, .. } = &ended;
                    tracing::warn!(kind, id, attempts = attempts + 1, %failure, "a job failed; it will be tried again");
                }
                self.ended.push(ended);
            }
            // Handlers cannot panic through to here, so the runner itself is broken.
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(error) => tracing::error!(%error, "a job ended in a way it should not be able to"),
        }
    }

    /// Waits a moment for what still runs, and leaves the rest to the next start or to another node.
    async fn end(mut self) {
        let end = Instant::now() + GRACE;
        loop {
            self.note_all();
            if let Err(error) = self.write((self.core.now(), Instant::now()), &[]).await {
                tracing::error!(%error, "outcomes of jobs could not be recorded; they run again after the next start");
                return;
            }
            match timeout_at(end, self.running.join_next()).await {
                Ok(Some(ended)) => self.note(ended),
                Ok(None) => return,
                Err(_) => break,
            }
        }
        tracing::info!("jobs still running at the end will run again after the next start");
        if timeout(GRACE, self.running.shutdown()).await.is_ok() {
            self.give_up_claims().await;
        }
    }

    async fn give_up_claims(&self) {
        let node = self.node;
        if let Err(error) = self.core.store.write(move |tx| tx.give_up_claims(node)).await {
            tracing::error!(%error, "claims of jobs could not be given up; they run out by themselves");
        }
    }
}

impl Ended {
    /// When it is to be tried again, if it is.
    fn again(&self, now: Millis) -> Option<Millis> {
        self.outcome.as_ref()?.as_ref().err().map(|_| now.saturating_add(backoff(self.attempts)))
    }
}

impl Writing {
    /// Returns those whose claims were renewed, and what was claimed.
    fn write(&self, tx: &Transaction<'_>) -> im2_store::Result<(Vec<i64>, Vec<Job>)> {
        let (node, now) = (self.node, self.now);
        let until = now.saturating_add(TERM.as_millis() as Millis);
        for ended in &self.ended {
            let is_own = match (&ended.outcome, ended.again(now)) {
                (Some(Err(failure)), Some(again)) => tx.retry_job(ended.id, node, failure, again)?,
                _ => tx.finish_job(ended.id, node)?,
            };
            if !is_own {
                tracing::debug!(kind = %ended.kind, id = ended.id, "a job that has ended was removed or claimed by another");
            }
        }
        Ok((tx.renew_claims(&self.renewed, node, until)?, tx.claim_jobs(&self.wanted, node, now, until)?))
    }
}

/// Due jobs that no node has claimed, the kinds in turns: of each, the first that may be running and as many that may
/// not.
fn unclaimed_jobs(db: &Snapshot<'_>, kinds: &[&str], now: Millis) -> im2_store::Result<Vec<(i64, String)>> {
    let mut due = Vec::new();
    for kind in kinds {
        let found = db.unclaimed_jobs_of(kind, now, 2 * AT_ONCE_OF_KIND)?;
        due.extend(found.into_iter().map(|id| (id, (*kind).to_owned())).enumerate());
    }
    // Those that nothing handles fail, so that the log tells of them.
    let unknown = db.unclaimed_jobs(now, AT_ONCE)?.into_iter().filter(|(_, kind)| !kinds.contains(&&**kind));
    due.extend(unknown.enumerate());
    due.sort_by_key(|(turn, _)| *turn);
    Ok(due.into_iter().map(|(_, job)| job).collect())
}

/// Runs one job for as long as its claim holds.
async fn attempt(handler: Option<Handler>, job: Job, until: watch::Receiver<Instant>) -> Ended {
    let Job { id, kind, payload, attempts } = job;
    let run = async {
        match handler {
            Some(handler) => {
                let run = async { handler(payload).await };
                catch_panic(run).await.unwrap_or_else(|_| Err("its handler panicked".into()))
            }
            None => Err(format!("nothing here handles jobs of the kind {kind}")),
        }
    };
    let outcome = tokio::select! {
        biased;
        () = lost(until) => None,
        outcome = run => Some(outcome),
    };
    Ended { id, kind, attempts, outcome }
}

/// Completes when a claim is lost or has not been renewed in time.
async fn lost(mut until: watch::Receiver<Instant>) {
    loop {
        let end = *until.borrow_and_update();
        tokio::select! {
            () = sleep_until(end) => return,
            changed = until.changed() => if changed.is_err() { return },
        }
    }
}

fn backoff(attempts: u32) -> Millis {
    FIRST_RETRY.saturating_mul(1_u64.checked_shl(attempts).unwrap_or(u64::MAX)).min(LAST_RETRY)
}
