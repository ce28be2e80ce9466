//! Upkeep while the server runs: presence ages, what is noted in memory is stored, delayed events follow the clock, and
//! caches are kept to the memory budget.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use im2_accounts::Accounts;
use im2_chat::{delayed_events::DelayedEvents, presence::Presence, rooms::Rooms};
use im2_core::{Core, Result};

/// How often presence is looked at: others learn that somebody is idle or gone at most this late.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two writes of what is noted in memory: at most so much of it is lost in a crash.
const TICKS_PER_FLUSH: u32 = 60;
/// Ticks between two looks at how much memory the machine has left.
const TICKS_PER_LOOK: u32 = 5;
/// Ticks between two times at which the write-ahead log is folded into the database and emptied, so that what was
/// redacted does not stay readable in it while nothing else is written.
const TICKS_PER_CHECKPOINT: u32 = 3_600;

/// The recurring work, and the use cases that it looks after.
#[derive(Debug, Clone)]
pub struct Upkeep {
    pub(crate) core: Core,
    pub(crate) accounts: Accounts,
    pub(crate) presence: Presence,
    pub(crate) delayed_events: DelayedEvents,
    pub(crate) rooms: Rooms,
}

impl Upkeep {
    /// Runs until a shutdown begins. What comes in after that is stored by a last [`Self::flush`].
    pub async fn run(self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut count, mut until_checkpoint): (u32, u32) = (0, TICKS_PER_CHECKPOINT);
        loop {
            tokio::select! {
                () = self.core.shutdown.begun() => break,
                _ = ticks.tick() => {}
            }
            if self.core.store.unwritable().is_some() {
                drop(self.core.store.answers().await); // has the store try whether it can write again
            }
            self.presence.tick();
            self.accounts.expire_parameters();
            count = count.wrapping_add(1);
            if count.is_multiple_of(TICKS_PER_LOOK) {
                self.core.memory.look_at_machine();
            }
            self.core.memory.balance();
            self.rooms.make_place();
            if count.is_multiple_of(TICKS_PER_FLUSH)
                && let Err(error) = self.flush().await
            {
                tracing::error!(%error, "what is noted in memory could not be stored; it will be tried again");
            }
            if count.is_multiple_of(TICKS_PER_FLUSH)
                && let Err(error) = self.delayed_events.follow_clock().await
            {
                tracing::error!(%error, "delayed events could not be moved after a change of the clock");
            }
            until_checkpoint = until_checkpoint.saturating_sub(1);
            if until_checkpoint == 0 {
                until_checkpoint = self.checkpoint().await;
            }
        }
    }

    /// Empties the write-ahead log. Returns the ticks until it is done again: soon, if it could not be emptied.
    async fn checkpoint(&self) -> u32 {
        match self.core.store.flush().await {
            Ok(true) => TICKS_PER_CHECKPOINT,
            Ok(false) => TICKS_PER_FLUSH,
            Err(error) => {
                tracing::error!(%error, "the write-ahead log could not be emptied; it will be tried again");
                TICKS_PER_FLUSH
            }
        }
    }

    /// Stores what is noted in memory.
    pub async fn flush(&self) -> Result<()> {
        self.accounts.flush_last_seen().await?;
        self.presence.flush().await
    }
}
