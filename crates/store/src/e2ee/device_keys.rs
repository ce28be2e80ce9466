//! The identity keys of devices.

use im2_model::{DeviceId, UserNid};

use crate::{Result, Snapshot, Transaction, devices::parsed_device};

/// A device's identity keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceKeys {
    /// The device.
    pub device_id: DeviceId,
    /// The device's display name.
    pub display_name: Option<String>,
    /// The keys, JSON.
    pub keys: String,
}

impl Snapshot<'_> {
    /// The keys of all devices of a user that have any, by device.
    pub fn device_keys(&self, user: UserNid) -> Result<Vec<DeviceKeys>> {
        let sql =
            "SELECT k.device_id, d.display_name, k.keys FROM device_keys k JOIN devices d USING (user_nid, device_id)
                   WHERE k.user_nid = ?1 ORDER BY k.device_id";
        self.rows(sql, [user.0], |row| {
            Ok(DeviceKeys { device_id: parsed_device(row, 0)?, display_name: row.get(1)?, keys: row.get(2)? })
        })
    }

    /// The keys of one device.
    pub fn keys_of_device(&self, user: UserNid, device_id: &DeviceId) -> Result<Option<String>> {
        let sql = "SELECT keys FROM device_keys WHERE user_nid = ?1 AND device_id = ?2";
        self.row(sql, (user.0, device_id.as_str()), |row| row.get(0))
    }
}

impl Transaction<'_> {
    /// Sets the keys of a device that exists.
    pub fn set_device_keys(&self, user: UserNid, device_id: &DeviceId, keys: &str) -> Result<()> {
        let sql = "INSERT INTO device_keys (user_nid, device_id, keys) VALUES (?1, ?2, ?3)
                   ON CONFLICT (user_nid, device_id) DO UPDATE SET keys = excluded.keys";
        self.execute(sql, (user.0, device_id.as_str(), keys)).map(drop)
    }

    /// Removes what belonged to the identity that a device had until now: its one-time and fallback keys, and the
    /// signatures on it and by it.
    pub fn remove_device_identity(&self, user: UserNid, device_id: &DeviceId) -> Result<()> {
        let device = (user.0, device_id.as_str());
        self.execute("DELETE FROM one_time_keys WHERE user_nid = ?1 AND device_id = ?2", device)?;
        self.execute("DELETE FROM fallback_keys WHERE user_nid = ?1 AND device_id = ?2", device)?;
        self.remove_device_signatures(user, device_id)
    }

    /// Removes the signatures on a device and those that it made.
    pub(crate) fn remove_device_signatures(&self, user: UserNid, device_id: &DeviceId) -> Result<()> {
        let device = (user.0, device_id.as_str());
        self.execute("DELETE FROM key_signatures WHERE target_nid = ?1 AND target_key = ?2", device)?;
        let made = "DELETE FROM key_signatures WHERE user_nid = ?1 AND key_id = 'ed25519:' || ?2";
        self.execute(made, device).map(drop)
    }
}
