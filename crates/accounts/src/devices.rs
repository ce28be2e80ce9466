//! Devices of the signed-in user (spec: "Device Management").

use im2_core::{Code, Core, Error, Result, session::Session};
use im2_model::{DeviceId, UserNid};

pub use im2_store::devices::Device;

use crate::{
    Accounts, check_device_name, device_lists,
    uia::{Auth, Proof, Purpose},
};

/// Devices removed by one request.
const MAX_REMOVED: usize = 1_000;

/// The use cases of devices.
#[derive(Debug, Clone)]
pub struct Devices {
    core: Core,
    accounts: Accounts,
}

impl Devices {
    /// Builds it on the core.
    pub fn new(core: Core, accounts: Accounts) -> Self {
        Self { core, accounts }
    }

    /// The user's devices, by identifier.
    pub async fn list(&self, session: &Session) -> Result<Vec<Device>> {
        self.of(session.user).await
    }

    /// Somebody's devices, by identifier.
    pub async fn of(&self, user: UserNid) -> Result<Vec<Device>> {
        let mut devices = self.core.store.read(move |db| db.devices(user)).await?;
        for device in &mut devices {
            self.add_noted(user, device);
        }
        Ok(devices)
    }

    /// One of the user's devices.
    pub async fn get(&self, session: &Session, device_id: DeviceId) -> Result<Device> {
        self.one_of(session.user, device_id).await
    }

    /// One of somebody's devices.
    pub async fn one_of(&self, user: UserNid, device_id: DeviceId) -> Result<Device> {
        let mut device =
            self.core.store.read(move |db| db.device(user, &device_id)).await?.ok_or_else(no_such_device)?;
        self.add_noted(user, &mut device);
        Ok(device)
    }

    /// Renames one of the user's devices.
    pub async fn rename(&self, session: &Session, device_id: DeviceId, name: Option<String>) -> Result<()> {
        self.rename_of(session.user, device_id, name).await
    }

    /// Renames one of somebody's devices.
    pub async fn rename_of(&self, user: UserNid, device_id: DeviceId, name: Option<String>) -> Result<()> {
        check_device_name(name.as_deref())?;
        let core = self.core.clone();
        let rename = move |tx: &mut im2_core::Transaction<'_>| {
            let Some(device) = tx.device(user, &device_id)? else { return Ok(false) };
            rename(&core, tx, user, &device, name.as_deref()).map(|()| true)
        };
        if self.core.store.write(rename).await? { Ok(()) } else { Err(no_such_device()) }
    }

    /// Renames a device of the user, or makes it: for application services, whose users need not sign in (spec:
    /// application service API, "Device management"). Returns whether it is new.
    pub async fn rename_or_create(&self, session: &Session, device_id: DeviceId, name: Option<String>) -> Result<bool> {
        check_device_name(name.as_deref())?;
        let (user, core, now, accounts) = (session.user, self.core.clone(), self.core.now(), self.accounts.clone());
        let write = move |tx: &mut im2_core::Transaction<'_>| {
            if let Some(device) = tx.device(user, &device_id)? {
                return rename(&core, tx, user, &device, name.as_deref()).map(|()| Ok(false));
            }
            if let Err(refusal) = device_lists::check_device_id(tx, user, &device_id)? {
                return Ok(Err(refusal));
            }
            if let Err(refusal) = accounts.make_room_for_device(tx, user, &device_id)? {
                return Ok(Err(refusal));
            }
            tx.ensure_device(user, &device_id, name.as_deref(), now).map(Ok)
        };
        self.core.store.write(write).await?
    }

    /// Removes devices of the user, with their tokens. Those that are gone already are passed over.
    pub async fn remove(&self, session: &Session, devices: Vec<DeviceId>, auth: Option<Auth>) -> Result<()> {
        check_count(&devices)?;
        let proof: Proof = self.accounts.confirm(Purpose::remove_devices(&devices), session, auth).await?;
        self.accounts.remove_proven_devices(proof, session.user, devices).await
    }

    /// Fills in the last use of a device that is noted in memory, which is newer than the one that is stored.
    fn add_noted(&self, user: UserNid, device: &mut Device) {
        if let Some(seen) = self.accounts.noted(user, &device.device_id) {
            device.last_seen_ts = Some(seen.ts);
            if let Some(ip) = seen.ip {
                device.last_seen_ip = Some(ip.to_string());
            }
            if let Some(user_agent) = seen.user_agent {
                device.last_seen_user_agent = Some(user_agent.into());
            }
        }
    }
}

/// Refuses to remove too many devices at once.
pub fn check_count(devices: &[DeviceId]) -> Result<()> {
    if devices.len() > MAX_REMOVED {
        return Err(Error::refused(Code::InvalidParam, "at most 1000 devices can be removed at once"));
    }
    Ok(())
}

/// Gives a device another name. The name goes with the device's keys to those who may see it, so it is news for them.
fn rename(
    core: &Core,
    tx: &mut im2_core::Transaction<'_>,
    user: UserNid,
    device: &Device,
    name: Option<&str>,
) -> im2_store::Result<()> {
    if name.is_some() && name != device.display_name.as_deref() {
        tx.rename_device(user, &device.device_id, name)?;
        if tx.keys_of_device(user, &device.device_id)?.is_some() {
            device_lists::changed(core, tx, user)?;
        }
    }
    Ok(())
}

fn no_such_device() -> Error {
    Error::refused(Code::NotFound, "there is no device with this ID")
}
