//! Waiting for what happens by itself: never for a time, always for a condition, and not for ever.

use std::time::{Duration, Instant};

use crate::Server;

/// The longest that a test waits for anything. Only one that fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The pause between two looks: often enough not to hold a test up, and not so often that it takes the time of what it
/// waits for.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until it has happened. Panics with `what` did not happen when [`PATIENCE`] is at its end.
pub async fn until(what: &str, mut happened: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !happened().await {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

impl Server {
    /// Waits until every job that is due by now has been done.
    pub async fn until_jobs_are_done(&self) {
        let core = &self.engine().core;
        let now = core.now();
        let are_done = async || {
            let due = core.store.read(move |db| db.due_jobs(now, 1)).await;
            due.unwrap_or_else(|error| panic!("the outbox could not be read: {error}")).is_empty()
        };
        until("the jobs that are due are done", are_done).await;
    }

    /// Waits until somebody waits for news.
    pub async fn until_somebody_waits(&self) {
        until("somebody waits for news", async || self.engine().core.bus.waiting_users() > 0).await;
    }
}
