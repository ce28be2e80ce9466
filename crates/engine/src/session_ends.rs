//! Tells requests that wait when a session may have ended, so that they end with it.
//!
//! Users share so many channels, so who is told looks again whether their own session is still good. What ends sessions
//! calls [`SessionEnds::of`] from the commit's hook, after what is cached of them is forgotten.

use im2_model::UserNid;
use tokio::sync::watch;

/// Channels. A session that ends makes the waiting requests of one in so many users look again.
const SHARDS: usize = 256;

/// The channels.
#[derive(Debug)]
pub struct SessionEnds {
    shards: Vec<watch::Sender<()>>,
}

impl Default for SessionEnds {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| watch::Sender::new(())).collect() }
    }
}

impl SessionEnds {
    /// Is told of what ends from now on, of this user and some others.
    pub fn watch(&self, user: UserNid) -> watch::Receiver<()> {
        self.shard(user).subscribe()
    }

    /// Sessions of a user have ended, or may be used no more.
    pub(crate) fn of(&self, user: UserNid) {
        self.shard(user).send_replace(());
    }

    /// Sessions of users who are not known here have ended.
    pub(crate) fn of_anybody(&self) {
        for shard in &self.shards {
            shard.send_replace(());
        }
    }

    fn shard(&self, user: UserNid) -> &watch::Sender<()> {
        &self.shards[user.0.unsigned_abs() as usize % SHARDS]
    }
}
