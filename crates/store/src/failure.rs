//! The end of a thread that the store does not work without.

use std::{sync::Arc, thread};

use tokio::sync::watch;

/// The signal by which the store's threads leave word if they panic. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Failure(Arc<watch::Sender<Option<&'static str>>>);

/// Held by a thread as long as it runs.
#[derive(Debug)]
pub(crate) struct Guard {
    failure: Failure,
    thread: &'static str,
}

impl Failure {
    /// The guard of the thread of this name, which has just begun.
    pub(crate) fn guard(&self, thread: &'static str) -> Guard {
        Guard { failure: self.clone(), thread }
    }

    /// Completes with the name of the first thread that panics.
    pub(crate) async fn happened(&self) -> &'static str {
        let mut receiver = self.0.subscribe();
        // `self` keeps the sender, and `wait_for` has seen that there is a name.
        let failed = receiver.wait_for(Option::is_some).await.ok().and_then(|name| *name);
        failed.unwrap_or_default()
    }
}

impl Default for Failure {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            self.failure.0.send_replace(Some(self.thread));
        }
    }
}
