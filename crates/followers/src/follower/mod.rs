//! The one mechanism by which others are told what happens on the stream: durable, in order, at least once.
//!
//! A *follower* reads the stream at its own pace and tells *destinations*: push gateways, application services, later
//! other servers and webhooks. This module knows when it reads, tells, tries again and writes down how far it has got;
//! what is told, and how, is the business of whoever implements [`Follow`].
//!
//! - **Its place is a row.** A follower writes down how far it has got with [`HeldLease::save`], in one transaction with
//!   whatever else it has to remember. What it has read and not confirmed is either behind its place ([`Outbox::behind`])
//!   or written down with it. After a crash it goes on from there, so everything is told at least once.
//! - **Destinations have an order each.** An [`Outbox`] gives out one thing at a time. The next comes after the
//!   destination has confirmed the last, or said that it never will. A destination holds up no other.
//! - **Failures are tried again** for as long as the destination exists, after a pause that grows up to a limit, or as
//!   long as the destination asks for ([`Backoff`]).
//! - **Memory is bounded.** An outbox has a limit. A follower whose destinations must not miss anything reads on only
//!   while there is room; one whose destinations want the newest drops the oldest.
//! - **One node runs it.** A node leads a follower while it holds the lease of the follower's name ([`Lease`]), which it
//!   renews. When the lease is lost, all that is under way is dropped before it runs out, and nothing that the node still
//!   wants to write down is written: each [`HeldLease::save`] asks whether the lease is still the node's. Whoever takes
//!   the lease starts from the rows. At a shutdown the lease is let go, so that another node can take it at once.
//!
//! It must not know what an event is, nor who is told.

mod backoff;
mod lease;
mod outbox;
mod running;
#[cfg(test)]
mod tests;

use std::{ops::ControlFlow, time::Duration};

use im2_core::{Error, Result, panics::catch_panic, shutdown::Shutdown};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

pub(crate) use backoff::{Backoff, retry_after};
pub(crate) use lease::{HeldLease, Lease};
pub(crate) use outbox::{Due, Outbox, Placed, Start};
pub(crate) use running::Running;

/// The pauses between attempts to tell a destination.
pub(crate) const RETRIES: Backoff = Backoff {
    first: Duration::from_secs(1),
    last: Duration::from_secs(300),
    // A destination that asks for more is tried again sooner than it asks.
    longest_asked: Duration::from_secs(3_600),
};
/// The pauses before the stream or the rows are read again after an error, which is this server's.
const READING: Backoff =
    Backoff { first: Duration::from_secs(1), last: Duration::from_secs(10), longest_asked: Duration::ZERO };
/// How often progress is stored: so much is told again after a crash.
const SAVE_EVERY: Duration = Duration::from_secs(2);
/// How long a shutdown waits for destinations that are being told. What they have not confirmed is told again.
const GRACE: Duration = Duration::from_secs(2);

/// A follower's own part: how it reads the stream, and whom it tells.
///
/// All methods are called one after the other. What takes long and need not hold up the rest runs beside them
/// ([`Running`]). Each method may be dropped half-way when the lease is lost; [`Follow::let_go`] is called then.
pub(crate) trait Follow: Send {
    /// The outcome of something that ran beside.
    type Ended: Send + 'static;

    /// Takes up where the rows say that whoever held the lease before had got.
    fn take_up(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Reads on in the stream, if there is room for what is found. Breaks off when there is nothing to read or no room;
    /// else it is called again as soon as possible.
    fn read_on(&mut self, running: &mut Running<Self::Ended>) -> impl Future<Output = Result<ControlFlow<()>>> + Send;

    /// Starts telling those for whom there is a place. Returns when it has to be called again, if not before.
    fn start(&mut self, running: &mut Running<Self::Ended>) -> Option<Instant>;

    /// Takes note of how something that ran beside has ended.
    fn ended(&mut self, ended: Self::Ended, running: &mut Running<Self::Ended>);

    /// Completes when there may be something to read or to start. Nothing is lost if it is dropped before.
    fn woken(&mut self) -> impl Future<Output = ()> + Send;

    /// Writes down how far the follower has got, if that has changed.
    fn save(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Forgets everything that another node may have changed by the time [`Follow::take_up`] is called again.
    fn let_go(&mut self);
}

/// Runs a follower whenever this node holds its lease, until a shutdown begins.
pub(crate) async fn run(mut follower: impl Follow, lease: impl Lease, shutdown: Shutdown) {
    let name = lease.name().to_owned();
    while let Some(until) = lease::take(&lease, &shutdown).await {
        tokio::select! {
            biased;
            () = lease::keep(&lease, until) => {
                tracing::warn!(%name, "the lease of a follower is lost; another node may run it");
            }
            () = lead(&mut follower, &name, &shutdown) => {
                lease::release(&lease).await;
                return;
            }
        }
        follower.let_go();
    }
}

/// Runs a follower until a shutdown begins.
async fn lead<F: Follow>(follower: &mut F, name: &str, shutdown: &Shutdown) {
    let mut failures = 0;
    while let Err(error) = follower.take_up().await {
        failures += 1;
        tracing::error!(%name, %error, "a follower could not take up its work; it will be tried again");
        tokio::select! {
            () = shutdown.begun() => return,
            () = tokio::time::sleep(READING.pause(failures, None)) => {}
        }
    }
    let mut running = Running::new(shutdown.clone());
    let mut ticks = interval(SAVE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = 0;
    let mut read_at = Some(Instant::now());
    loop {
        if read_at.is_none_or(|at| at <= Instant::now()) {
            // A panic over what happened in one place must not end the telling of everything else.
            let read = catch_panic(follower.read_on(&mut running)).await;
            let read = read.unwrap_or_else(|_| Err(Error::Internal("reading on has panicked".into())));
            if let Err(error) = &read {
                tracing::error!(%name, %error, "a follower could not read on; it will be tried again");
                failures += 1;
            } else {
                failures = 0;
            }
            read_at = match read {
                Ok(ControlFlow::Continue(())) => Some(Instant::now()),
                Ok(ControlFlow::Break(())) => None,
                Err(_) => Some(Instant::now() + READING.pause(failures, None)),
            };
        }
        let next = follower.start(&mut running).into_iter().chain(read_at).min();
        tokio::select! {
            () = shutdown.begun() => break,
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            () = follower.woken() => {}
            Some(ended) = running.next() => follower.ended(ended, &mut running),
            _ = ticks.tick() => save(follower, name).await,
        }
    }
    let finish = async {
        while let Some(ended) = running.next().await {
            follower.ended(ended, &mut running);
        }
    };
    if timeout(GRACE, finish).await.is_err() {
        tracing::info!(%name, "destinations that have not answered are told again after the next start");
    }
    save(follower, name).await;
}

async fn save(follower: &mut impl Follow, name: &str) {
    if let Err(error) = follower.save().await {
        tracing::error!(%name, %error, "how far a follower has got could not be stored; it will be tried again");
    }
}
