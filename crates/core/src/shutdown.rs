//! The end of the process, announced ahead.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether the process is about to end. Clones share.
#[derive(Debug, Clone)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// Announces the end.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether the end has been announced.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when the end is announced: at once if it has been.
    pub async fn begun(&self) {
        // `self` keeps the sender, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

#[cfg(test)]
mod tests {
    use super::Shutdown;

    #[tokio::test]
    async fn all_clones_learn_of_it() {
        let shutdown = Shutdown::default();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.begun().await }
        });
        assert!(!shutdown.has_begun());
        shutdown.begin();
        waiting.await.unwrap();
        shutdown.begun().await;
        assert!(shutdown.has_begun());
    }
}
