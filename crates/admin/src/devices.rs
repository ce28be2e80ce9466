//! The devices of users, for administrators.

use im2_accounts::devices::Device;
use im2_core::Result;
use im2_model::{DeviceId, UserId};

use super::users::Users;

impl Users {
    /// One device of a user.
    pub async fn device(&self, user_id: &UserId, device_id: DeviceId) -> Result<Device> {
        self.devices.one_of(self.account(user_id).await?.user, device_id).await
    }

    /// Adds a device to a user, if there is none of this name. It has no session.
    pub async fn create_device(&self, user_id: &UserId, device_id: DeviceId, name: Option<String>) -> Result<()> {
        im2_accounts::check_device_name(name.as_deref())?;
        let (user, now) = (self.account(user_id).await?.user, self.core.now());
        let create = move |tx: &mut im2_core::Transaction<'_>| tx.ensure_device(user, &device_id, name.as_deref(), now);
        Ok(self.core.store.write(create).await.map(drop)?)
    }

    /// Renames a device of a user; without a name it keeps the one it has.
    pub async fn rename_device(&self, user_id: &UserId, device_id: DeviceId, name: Option<String>) -> Result<()> {
        self.devices.rename_of(self.account(user_id).await?.user, device_id, name).await
    }

    /// Removes devices of a user, with their sessions. Those that are gone already are passed over.
    pub async fn remove_devices(&self, user_id: &UserId, devices: Vec<DeviceId>) -> Result<()> {
        im2_accounts::devices::check_count(&devices)?;
        self.accounts.remove_devices(self.account(user_id).await?.user, devices).await
    }
}
