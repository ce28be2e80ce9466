//! Records that a user's devices or cross-signing keys have changed, as others see them.
//!
//! The users who have to hear of it depend on rooms, which the modules that remove devices do not know. The next sync
//! of each of them finds the change in the stream, and syncs that wait are woken by a job.

use im2_model::{DeviceId, UserNid};
use im2_store::Snapshot;

use im2_core::{Code, Committed, Core, Error, Transaction, stream::Change};

/// The outbox job that wakes those who have to hear of a change. Its payload is the user's number.
pub const WAKE: &str = "e2ee.wake";

/// Refuses to let somebody sign in on a device of a name that is taken: signatures name devices and cross-signing keys
/// alike, and a dehydrated device is nobody's. The inner error is the refusal.
pub(crate) fn check_device_id(
    db: &Snapshot<'_>,
    user: UserNid,
    device_id: &DeviceId,
) -> im2_store::Result<im2_core::Result<()>> {
    let is_dehydrated = db.dehydrated_device(user)?.is_some_and(|(kept, _)| kept == *device_id);
    if is_dehydrated || db.is_cross_signing_key(user, device_id.as_str())? {
        let message = "this device ID is already used by one of your keys or by a dehydrated device";
        return Ok(Err(Error::refused(Code::InvalidParam, message)));
    }
    Ok(Ok(()))
}

/// Records a change of a user's devices or cross-signing keys.
pub fn changed(core: &Core, tx: &mut Transaction<'_>, user: UserNid) -> im2_store::Result<()> {
    let position = tx.next_position();
    tx.note_device_list_change(user, position)?;
    tx.publish(Committed::News { position, changes: vec![Change::DeviceList(user)], users: vec![user] });
    tx.add_job(WAKE, &user.0.to_string(), core.now())
}

/// Removes devices with all that hangs on them, and records the change if others knew any of them by its keys.
pub fn remove_devices<'a>(
    core: &Core,
    tx: &mut Transaction<'_>,
    user: UserNid,
    devices: impl IntoIterator<Item = &'a DeviceId>,
) -> im2_store::Result<()> {
    let mut were_known = false;
    tx.publish(Committed::IdentityChanged(user));
    for device_id in devices {
        were_known |= tx.keys_of_device(user, device_id)?.is_some();
        tx.remove_device(user, device_id)?;
        tx.publish(Committed::DeviceRemoved(user, device_id.clone()));
    }
    if were_known { changed(core, tx, user) } else { Ok(()) }
}
