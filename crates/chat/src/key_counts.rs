//! The number of one-time keys that a device has in store for others, and its unused fallback keys.
//!
//! Every answer of `/sync` says it, so it is kept in memory. Whoever changes it says so with [`changed`] or
//! publishes [`Committed::KeyCounts`].

use std::sync::Arc;

use im2_model::{DeviceId, UserNid};
pub use im2_store::e2ee::KeyCounts;

use im2_core::{Committed, Core, Result, Transaction, stream::Change};

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

/// Records that what a device has in store has changed in a way that it has to hear of: its waiting sync is answered.
pub(crate) fn changed(tx: &mut Transaction<'_>, user: UserNid, device_id: &DeviceId) -> im2_store::Result<()> {
    let position = tx.next_position();
    tx.note_key_counts(user, device_id, position)?;
    let changes = vec![Change::KeyCounts(user, device_id.clone())];
    tx.publish(Committed::News { position, changes, users: vec![user] });
    Ok(())
}
