//! Devices of the server's users.

use im2_model::{DeviceId, Millis, UserNid, shown_name};

use crate::{AnyCommand, Command, Request, Result, Row, Snapshot, Transaction};

/// A device: one sign-in of a user, with the tokens that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its identifier, unique for the user.
    pub device_id: DeviceId,
    /// The name its user gave it.
    pub display_name: Option<String>,
    /// When it was last heard of, in milliseconds since the epoch. Written in batches, so some minutes old.
    pub last_seen_ts: Option<Millis>,
    /// The address that it was last heard of from.
    pub last_seen_ip: Option<String>,
    /// The client's name for itself (`User-Agent`) at that time.
    pub last_seen_user_agent: Option<String>,
}

/// The last use of a device: when, and from which address and client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The device's user.
    pub user: UserNid,
    /// The device.
    pub device_id: DeviceId,
    /// The time, in milliseconds since the epoch.
    pub ts: Millis,
    /// The address, if it is known.
    pub ip: Option<String>,
    /// The client's name for itself, if it said one.
    pub user_agent: Option<Box<str>>,
}

/// The command that notes where and when devices were last heard of. Those that are gone are passed over.
#[derive(Debug, Clone)]
pub struct NoteSeen(pub Vec<Seen>);

impl Command for NoteSeen {
    type Outcome = ();

    fn carry_out(&self, tx: &mut Transaction<'_>) -> Result<()> {
        tx.note_seen(&self.0)
    }

    fn requested<C>(request: Box<Request<Self, C>>) -> AnyCommand<C> {
        AnyCommand::NoteSeen(request)
    }
}

const DEVICE: &str = "SELECT device_id, display_name, last_seen_ts, last_seen_ip, last_seen_user_agent FROM devices";

fn device(row: &Row<'_>) -> Result<Device> {
    Ok(Device {
        device_id: parsed_device(row, 0)?,
        display_name: row.get(1)?,
        last_seen_ts: row.get::<Option<i64>>(2)?.map(|ts| ts as Millis),
        last_seen_ip: row.get(3)?,
        last_seen_user_agent: row.get(4)?,
    })
}

/// Reads a device ID that the program wrote.
pub(crate) fn parsed_device(row: &Row<'_>, column: usize) -> Result<DeviceId> {
    row.parsed(column, DeviceId::parse)
}

impl Snapshot<'_> {
    /// A user's devices, by identifier.
    pub fn devices(&self, user: UserNid) -> Result<Vec<Device>> {
        self.rows(&format!("{DEVICE} WHERE user_nid = ?1 ORDER BY device_id"), [user.0], device)
    }

    /// The identifiers of a user's devices.
    pub fn device_ids(&self, user: UserNid) -> Result<Vec<DeviceId>> {
        self.rows("SELECT device_id FROM devices WHERE user_nid = ?1", [user.0], |row| parsed_device(row, 0))
    }

    /// One device of a user.
    pub fn device(&self, user: UserNid, device_id: &DeviceId) -> Result<Option<Device>> {
        self.row(&format!("{DEVICE} WHERE user_nid = ?1 AND device_id = ?2"), (user.0, device_id.as_str()), device)
    }
}

impl Snapshot<'_> {
    /// How many devices a user has.
    pub fn device_count(&self, user: UserNid) -> Result<u64> {
        let count: Option<i64> =
            self.row("SELECT count(*) FROM devices WHERE user_nid = ?1", [user.0], |row| row.get(0))?;
        Ok(count.unwrap_or(0) as u64)
    }

    /// The device of a user that has not been heard of for the longest time, if that is since before `before`.
    pub fn oldest_device(&self, user: UserNid, before: Millis) -> Result<Option<DeviceId>> {
        let sql = "SELECT device_id FROM devices WHERE user_nid = ?1 AND coalesce(last_seen_ts, created_ts) < ?2
                   ORDER BY coalesce(last_seen_ts, created_ts) LIMIT 1";
        self.row(sql, (user.0, before as i64), |row| parsed_device(row, 0))
    }
}

impl Transaction<'_> {
    /// Adds a device, or leaves the one that is there as it is. Returns whether it is new.
    pub fn ensure_device(
        &self,
        user: UserNid,
        device_id: &DeviceId,
        display_name: Option<&str>,
        now: Millis,
    ) -> Result<bool> {
        let sql = "INSERT INTO devices (user_nid, device_id, display_name, created_ts) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO NOTHING";
        let made = self.execute(sql, (user.0, device_id.as_str(), display_name.map(shown_name), now as i64))?;
        Ok(made == 1)
    }

    /// Renames a device; returns whether there is such a device.
    pub fn rename_device(&self, user: UserNid, device_id: &DeviceId, name: Option<&str>) -> Result<bool> {
        let sql = "UPDATE devices SET display_name = ?3 WHERE user_nid = ?1 AND device_id = ?2";
        Ok(self.execute(sql, (user.0, device_id.as_str(), name.map(shown_name)))? == 1)
    }

    /// Removes a device and, with it, its tokens and whatever else hangs on it; returns whether it was there.
    pub fn remove_device(&self, user: UserNid, device_id: &DeviceId) -> Result<bool> {
        // They hang on no row of a device, because not everybody who sends has one.
        let transactions = "DELETE FROM to_device_transactions WHERE user_nid = ?1 AND device_id = ?2";
        self.execute(transactions, (user.0, device_id.as_str()))?;
        self.remove_device_signatures(user, device_id)?;
        let sql = "DELETE FROM devices WHERE user_nid = ?1 AND device_id = ?2";
        Ok(self.execute(sql, (user.0, device_id.as_str()))? == 1)
    }

    /// Notes where and when devices were last heard of. Devices that are gone are passed over.
    pub fn note_seen(&self, seen: &[Seen]) -> Result<()> {
        let sql = "UPDATE devices SET last_seen_ts = ?3, last_seen_ip = coalesce(?4, last_seen_ip),
                          last_seen_user_agent = coalesce(?5, last_seen_user_agent)
                   WHERE user_nid = ?1 AND device_id = ?2";
        for one in seen {
            self.execute(sql, (one.user.0, one.device_id.as_str(), one.ts as i64, &one.ip, &one.user_agent))?;
        }
        Ok(())
    }
}
