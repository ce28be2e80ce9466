//! Tasks without which the server is not whole. If one ends before the shutdown, the process has to end too, so that its
//! supervisor starts it anew: a server that goes on without its push notifications, say, looks well to everybody.

use std::{collections::HashMap, fmt};

use tokio::task::{Id, JoinError, JoinSet};

/// Tasks that run until the shutdown begins.
#[derive(Debug, Default)]
pub(crate) struct Essential {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

/// The end of a part of the server that should have gone on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartEnded {
    /// Its name.
    pub part: &'static str,
    /// Whether memory may differ from the database, so that nothing more may be answered from it.
    pub is_unsafe: bool,
}

impl fmt::Display for PartEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has ended, which the server does not work without", self.part)
    }
}

impl std::error::Error for PartEnded {}

impl Essential {
    /// Starts a task that ends only when the shutdown begins.
    pub(crate) fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Completes when one of the tasks has ended.
    pub(crate) async fn ended(&mut self) -> PartEnded {
        match self.next().await {
            Some((part, _)) => PartEnded { part, is_unsafe: false },
            None => std::future::pending().await,
        }
    }

    /// Waits until all have ended, and fails if one of them does so by a panic.
    pub(crate) async fn join(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while let Some((name, ended)) = self.next().await {
            outcome = outcome.and(ended.map_err(|error| anyhow::anyhow!("{name} failed: {error}")));
        }
        outcome
    }

    async fn next(&mut self) -> Option<(&'static str, Result<(), JoinError>)> {
        let (id, outcome) = match self.tasks.join_next_with_id().await? {
            Ok((id, ())) => (id, Ok(())),
            Err(error) => (error.id(), Err(error)),
        };
        Some((self.names.remove(&id).unwrap_or("a task"), outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::Essential;

    #[tokio::test]
    async fn the_first_task_that_ends_is_named_however_it_ends() {
        for panics in [false, true] {
            let mut essential = Essential::default();
            let (end, ended) = tokio::sync::oneshot::channel::<()>();
            essential.spawn("goes on", async { drop(ended.await) });
            essential.spawn("ends", async move { assert!(!panics, "on purpose") });
            assert_eq!(essential.ended().await.part, "ends");
            drop(end);
            essential.join().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_panic_during_the_shutdown_is_told() {
        let mut essential = Essential::default();
        essential.spawn("fails", async { panic!("on purpose") });
        essential.spawn("does not", async {});
        let error = essential.join().await.unwrap_err().to_string();
        assert!(error.contains("fails failed"), "{error}");
    }
}
