//! The lease of a follower: one node at a time may run it.

use std::{sync::Arc, time::Duration};

use im2_core::{
    Core, Error, Result, Transaction,
    lease::{MARGIN, TERM},
    shutdown::Shutdown,
};
use im2_model::{Millis, Reached};
use im2_store::Snapshot;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until, timeout_at},
};

/// How often it is renewed.
pub(super) const RENEW_EVERY: Duration = Duration::from_secs(20);
/// How often a node tries to take a lease that another has, or to renew one after an error.
pub(super) const TRY_EVERY: Duration = Duration::from_secs(5);

/// The right to run a follower.
pub(crate) trait Lease: Send + Sync {
    /// The follower's name.
    fn name(&self) -> &str;
    /// Takes the lease for a [`TERM`], unless another node has it.
    fn take(&self) -> impl Future<Output = Result<bool>> + Send;
    /// Extends it, unless another node has taken it.
    fn renew(&self) -> impl Future<Output = Result<bool>> + Send;
    /// Lets it go.
    fn release(&self) -> impl Future<Output = Result<()>> + Send;
    /// Completes when it has turned out that the lease is lost.
    fn lost(&self) -> impl Future<Output = ()> + Send;
}

/// Waits until the lease is this node's. Returns until when; `None` when a shutdown begins before.
pub(super) async fn take(lease: &impl Lease, shutdown: &Shutdown) -> Option<Instant> {
    let mut tries = 0_u32;
    loop {
        let asked = Instant::now();
        match lease.take().await {
            Ok(true) => return Some(asked + TERM),
            Ok(false) if tries == 0 => tracing::info!(name = lease.name(), "another node runs this follower"),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(name = lease.name(), %error, "a lease could not be taken; it will be tried again");
            }
        }
        tries = tries.saturating_add(1);
        tokio::select! {
            () = shutdown.begun() => return None,
            () = sleep(TRY_EVERY) => {}
        }
    }
}

/// Renews a lease that is this node's until `until`. Completes when it is lost, or about to run out.
pub(super) async fn keep(lease: &impl Lease, until: Instant) {
    let mut end = until - MARGIN;
    let mut pause = RENEW_EVERY;
    loop {
        tokio::select! {
            () = lease.lost() => return,
            () = sleep_until(end) => return,
            () = sleep(pause) => {}
        }
        let asked = Instant::now();
        match timeout_at(end, lease.renew()).await {
            Ok(Ok(true)) => (end, pause) = (asked + TERM - MARGIN, RENEW_EVERY),
            Ok(Ok(false)) | Err(_) => return,
            Ok(Err(error)) => {
                tracing::error!(name = lease.name(), %error, "a lease could not be renewed; it will be tried again");
                pause = TRY_EVERY;
            }
        }
    }
}

/// Lets a lease go.
pub(super) async fn release(lease: &impl Lease) {
    if let Err(error) = lease.release().await {
        tracing::warn!(name = lease.name(), %error, "a lease could not be let go; it runs out by itself");
    }
}

/// A lease that is a row. What is written in its name is written only while it is this node's. Clones share.
#[derive(Debug, Clone)]
pub(crate) struct HeldLease {
    core: Core,
    name: Arc<str>,
    lost: Arc<Notify>,
}

impl HeldLease {
    /// The lease of the follower with this name.
    pub(crate) fn new(core: Core, name: &str) -> Self {
        Self { core, name: name.into(), lost: Arc::default() }
    }

    /// The follower's place in the stream, and what `read` reads with it.
    pub(crate) async fn place<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> im2_store::Result<T> + Send + 'static,
    ) -> Result<(Option<Reached>, T)> {
        let name = Arc::clone(&self.name);
        let read = move |db: &Snapshot<'_>| Ok((db.follower_reached(&name)?, read(db)?));
        Ok(self.core.store.read(read).await?)
    }

    /// Writes down how far the follower has got, and what else `write` does, as one. Nothing is written and an error
    /// returned if another node has taken the lease.
    pub(crate) async fn save(
        &self,
        reached: Reached,
        write: impl Fn(&mut Transaction<'_>) -> im2_store::Result<()> + Send + 'static,
    ) -> Result<()> {
        let (name, holder, until) = (Arc::clone(&self.name), self.core.store.number(), self.end());
        let save = move |tx: &mut Transaction<'_>| {
            if !tx.renew_lease(&name, holder, until)? {
                return Ok(false);
            }
            tx.save_follower(&name, &reached)?;
            write(tx)?;
            Ok(true)
        };
        if self.core.store.write(save).await? {
            return Ok(());
        }
        self.lost.notify_one();
        Err(Error::Internal(format!("another node has taken the lease of {}", self.name)))
    }

    fn end(&self) -> Millis {
        self.core.now().saturating_add(TERM.as_millis() as Millis)
    }
}

impl Lease for HeldLease {
    fn name(&self) -> &str {
        &self.name
    }

    async fn take(&self) -> Result<bool> {
        let (name, holder) = (Arc::clone(&self.name), self.core.store.number());
        let (now, until) = (self.core.now(), self.end());
        Ok(self.core.store.write(move |tx| tx.take_lease(&name, holder, now, until)).await?)
    }

    async fn renew(&self) -> Result<bool> {
        let (name, holder, until) = (Arc::clone(&self.name), self.core.store.number(), self.end());
        Ok(self.core.store.write(move |tx| tx.renew_lease(&name, holder, until)).await?)
    }

    async fn release(&self) -> Result<()> {
        let (name, holder) = (Arc::clone(&self.name), self.core.store.number());
        Ok(self.core.store.write(move |tx| tx.release_lease(&name, holder)).await?)
    }

    async fn lost(&self) {
        self.lost.notified().await;
    }
}
