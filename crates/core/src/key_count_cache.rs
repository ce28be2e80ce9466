//! The counts of the keys that devices have in store for others, in memory: the module `key_counts` of `im2-chat` fills
//! it, and says when it is forgotten.

use std::sync::Arc;

use im2_model::{DeviceId, UserNid};
use im2_store::e2ee::KeyCounts;

use crate::memory::{Cache, Memory, Share};

/// The counts of devices that have asked lately.
#[derive(Debug)]
pub struct KeyCountCache(pub Cache<(UserNid, DeviceId), Arc<KeyCounts>>);

impl KeyCountCache {
    pub(crate) fn new(memory: &Memory) -> Self {
        Self(Cache::new(memory, "key_counts", Share::HundredAndTwentyEighth, |(_, device_id), counts| {
            device_id.as_str().len() + 64 * (1 + counts.one_time.len() + counts.unused_fallback.len())
        }))
    }

    /// Forgets a device's counts. Called once it is committed.
    pub fn forget(&self, user: UserNid, device_id: &DeviceId) {
        self.0.remove(&(user, device_id.clone()));
    }
}
