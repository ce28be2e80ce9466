//! The tasks that run beside a follower: attempts to tell destinations, and pauses.

use std::time::Duration;

use im2_core::shutdown::Shutdown;
use tokio::{task::JoinSet, time::sleep};

/// Tasks that end with an `E`. They are ended with it when it is dropped.
#[derive(Debug)]
pub(crate) struct Running<E> {
    tasks: JoinSet<E>,
    shutdown: Shutdown,
}

impl<E: Send + 'static> Running<E> {
    pub(super) fn new(shutdown: Shutdown) -> Self {
        Self { tasks: JoinSet::new(), shutdown }
    }

    /// Runs a task. A shutdown waits for it for a moment.
    pub(crate) fn spawn(&mut self, task: impl Future<Output = E> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Ends with `ended` after a wait, or as soon as a shutdown begins.
    pub(crate) fn after(&mut self, wait: impl Future<Output = ()> + Send + 'static, ended: E) {
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = wait => {}
                () = shutdown.begun() => {}
            }
            ended
        });
    }

    /// Ends with `ended` after a pause, or as soon as a shutdown begins.
    pub(crate) fn after_pause(&mut self, pause: Duration, ended: E) {
        self.after(sleep(pause), ended);
    }

    /// Waits for the next of them to end, and returns its outcome; `None` if there is none.
    pub(super) async fn next(&mut self) -> Option<E> {
        loop {
            match self.tasks.join_next().await? {
                Ok(ended) => return Some(ended),
                Err(error) => {
                    tracing::error!(%error, "a task of a follower ended in a way it should not be able to");
                }
            }
        }
    }
}
