//! Dehydrated devices.

use im2_model::{DeviceId, UserNid};

use crate::{Result, Snapshot, Transaction, devices::parsed_device};

impl Snapshot<'_> {
    /// A user's dehydrated device, and what a client keeps with it.
    pub fn dehydrated_device(&self, user: UserNid) -> Result<Option<(DeviceId, String)>> {
        let sql = "SELECT device_id, data FROM dehydrated_devices WHERE user_nid = ?1";
        self.row(sql, [user.0], |row| Ok((parsed_device(row, 0)?, row.get(1)?)))
    }
}

impl Transaction<'_> {
    /// Makes a device that exists a user's dehydrated one. The one before it has been removed.
    pub fn set_dehydrated_device(&self, user: UserNid, device_id: &DeviceId, data: &str) -> Result<()> {
        let sql = "INSERT INTO dehydrated_devices (user_nid, device_id, data) VALUES (?1, ?2, ?3)";
        self.execute(sql, (user.0, device_id.as_str(), data)).map(drop)
    }
}
