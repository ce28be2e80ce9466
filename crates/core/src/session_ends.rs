//! Tells requests that wait when a session may have ended, so that they end with it.
//!
//! Users share so many channels, so who is told looks again whether their own session is still good. Once the end
//! of sessions is committed, [`SessionEnds::of`] is called, after what is cached of them is forgotten.

use std::sync::atomic::{AtomicU64, Ordering};

use im2_model::UserNid;
use tokio::sync::watch;

/// Channels. A session that ends makes the waiting requests of one in so many users look again.
const SHARDS: usize = 256;

/// The channels.
#[derive(Debug)]
pub struct SessionEnds {
    shards: Vec<watch::Sender<()>>,
    count: AtomicU64,
}

impl Default for SessionEnds {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| watch::Sender::new(())).collect(), count: AtomicU64::new(0) }
    }
}

impl SessionEnds {
    /// Is told of what ends from now on, of this user and some others.
    pub fn watch(&self, user: UserNid) -> watch::Receiver<()> {
        self.shard(user).subscribe()
    }

    /// How often sessions have ended. If it was the same before a session was looked up and is after it is watched,
    /// nothing was missed between.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Sessions of a user have ended, or may be used no more.
    pub fn of(&self, user: UserNid) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.shard(user).send_replace(());
    }

    /// Sessions of users who are not known here have ended.
    pub fn of_anybody(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            shard.send_replace(());
        }
    }

    fn shard(&self, user: UserNid) -> &watch::Sender<()> {
        &self.shards[user.0.unsigned_abs() as usize % SHARDS]
    }
}
