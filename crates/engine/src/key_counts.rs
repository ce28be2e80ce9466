//! What a device has in store for others: its one-time and fallback keys, counted.
//!
//! Every answer of `/sync` says it, so it is kept in memory. Whoever changes it says so with [`changed`] or
//! [`KeyCountCache::forget`] from the commit's hook.

use std::sync::Arc;

use im2_model::{DeviceId, UserNid};
use im2_store::Transaction;
pub use im2_store::e2ee::KeyCounts;

use crate::{
    Core, Result,
    memory::{Cache, Memory, Share},
    stream::Change,
};

/// The counts of devices that have asked lately.
#[derive(Debug)]
pub struct KeyCountCache(Cache<(UserNid, DeviceId), Arc<KeyCounts>>);

impl KeyCountCache {
    pub(crate) fn new(memory: &Memory) -> Self {
        Self(Cache::new(memory, "key_counts", Share::HundredAndTwentyEighth, |(_, device_id), counts| {
            device_id.as_str().len() + 64 * (1 + counts.one_time.len() + counts.unused_fallback.len())
        }))
    }

    /// Forgets a device's counts. Called from commit hooks.
    pub(crate) fn forget(&self, user: UserNid, device_id: &DeviceId) {
        self.0.remove(&(user, device_id.clone()));
    }
}

/// What a device has in store.
pub(crate) async fn of_device(core: &Core, user: UserNid, device_id: &DeviceId) -> Result<Arc<KeyCounts>> {
    let key = (user, device_id.clone());
    if let Some(found) = core.key_counts.0.get(&key) {
        return Ok(found);
    }
    let wanted = device_id.clone();
    let load = async move { Ok(Arc::new(core.store.read(move |db| db.key_counts(user, &wanted)).await?)) };
    // A commit hook that removes the entry while it loads also drops what was loaded.
    core.key_counts.0.get_or_insert_async(&key, load).await
}

/// Records that what a device has in store has changed in a way that it has to hear of: its waiting sync is answered.
pub(crate) fn changed(
    core: &Core,
    tx: &mut Transaction<'_>,
    user: UserNid,
    device_id: &DeviceId,
) -> im2_store::Result<()> {
    let position = tx.next_position();
    tx.note_key_counts(user, device_id, position)?;
    let (core, device_id) = (core.clone(), device_id.clone());
    tx.on_commit(move || {
        core.key_counts.forget(user, &device_id);
        core.stream.publish(position, Change::KeyCounts(user, device_id));
        core.bus.wake(user);
    });
    Ok(())
}
