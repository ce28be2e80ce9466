//! The number of one-time keys that a device has in store for others, and its unused fallback keys.
//!
//! Every answer of `/sync` says it, so it is kept in memory. Whoever changes it publishes [`news`] or
//! [`Committed::KeyCounts`].

use std::sync::Arc;

use im2_model::{DeviceId, Position, UserNid};
pub use im2_store::e2ee::KeyCounts;

use im2_core::{Committed, Core, Result, stream::Change};

/// The key counts of a device, from memory or from the database.
pub async fn of_device(core: &Core, user: UserNid, device_id: &DeviceId) -> Result<Arc<KeyCounts>> {
    let key = (user, device_id.clone());
    if let Some(found) = core.key_counts.0.get(&key) {
        return Ok(found);
    }
    let wanted = device_id.clone();
    let load = async move { Ok(Arc::new(core.store.read(move |db| db.key_counts(user, &wanted)).await?)) };
    // A commit that removes the entry while it loads also drops what was loaded.
    core.key_counts.0.get_or_insert_async(&key, load).await
}

/// What is told of a change that a device has to hear of: its waiting sync is answered.
pub(crate) fn news(user: UserNid, device_id: &DeviceId, position: Position) -> Committed {
    let changes = vec![Change::KeyCounts(user, device_id.clone())];
    Committed::News { position, changes, users: vec![user] }
}
