//! Dehydrated devices (MSC3814): a device that is kept here, encrypted, while nobody uses it, so that a user who is
//! signed in nowhere still gets the keys of messages. It is listed, looked up and written to like others. Its messages
//! stay until it is removed: whoever brings it to life may be interrupted, and another client begins anew.

use im2_accounts::{check_device_name, device_lists};
use im2_core::{Code, Error, Result, Transaction, session::Session};
use im2_model::{DeviceId, Reached};
use im2_store::to_device::ToDeviceMessage;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    E2ee,
    upload::{Checked, Upload, apply},
};

/// The largest data of a dehydrated device, in bytes. A client's account with 100 keys takes some ten thousand.
const MAX_DATA_BYTES: usize = 256 * 1024;

/// A device to be kept.
#[derive(Debug, Clone, Deserialize)]
pub struct Dehydration {
    /// The device's ID, chosen by the client.
    pub device_id: DeviceId,
    /// The encrypted device, as the client needs it to rehydrate.
    pub device_data: Map<String, Value>,
    /// The display name of the device.
    pub initial_device_display_name: Option<String>,
    /// Its keys, without which nobody can write to it.
    #[serde(flatten)]
    pub keys: Upload,
}

/// Messages to a dehydrated device.
#[derive(Debug, Clone)]
pub struct DehydratedEvents {
    /// The messages.
    pub messages: Vec<ToDeviceMessage>,
    /// The place from which the next ones begin.
    pub reached: Reached,
    /// Whether there are no more for now.
    pub is_complete: bool,
}

fn none() -> Error {
    Error::refused(Code::NotFound, "you have no dehydrated device")
}

impl E2ee {
    /// Keeps a device for the session's user, in place of the one that was kept before.
    pub async fn dehydrate(&self, session: &Session, device: Dehydration) -> Result<()> {
        let Dehydration { device_id, device_data, initial_device_display_name: name, keys } = device;
        check_device_name(name.as_deref())?;
        if !device_data.get("algorithm").is_some_and(Value::is_string) {
            return Err(Error::refused(Code::BadJson, "device_data.algorithm is missing"));
        }
        if keys.device_keys.as_ref().is_none_or(Map::is_empty) {
            return Err(Error::refused(Code::MissingParam, "a dehydrated device needs device_keys"));
        }
        let data = serde_json::to_string(&device_data).map_err(|error| Error::Internal(error.to_string()))?;
        if data.len() > MAX_DATA_BYTES {
            return Err(Error::refused(Code::TooLarge, format!("device_data is limited to {MAX_DATA_BYTES} bytes")));
        }
        let device = Session { device_id, has_device: true, ..session.clone() };
        let checked = Checked::new(&device, keys)?;
        let (core, now) = (self.core.clone(), self.core.now());
        let change = move |tx: &mut Transaction<'_>| {
            let (user, device_id) = (device.user, &device.device_id);
            let old = tx.dehydrated_device(user)?.map(|(device_id, _)| device_id);
            let is_taken = old.as_ref() != Some(device_id) && tx.device(user, device_id)?.is_some();
            if is_taken || tx.is_cross_signing_key(user, device_id.as_str())? {
                let message = "this ID is already used by one of your devices or keys";
                return Ok(Err(Error::refused(Code::InvalidParam, message)));
            }
            device_lists::remove_devices(&core, tx, user, &old)?;
            tx.ensure_device(user, device_id, name.as_deref(), now)?;
            tx.set_dehydrated_device(user, device_id, &data)?;
            // A device that is new has nothing that its keys could be at odds with.
            Ok(apply(&core, tx, &device, &checked)?.map(drop))
        };
        self.core.store.write(change).await?
    }

    /// The device that is kept for the session's user, and what a client needs to bring it to life.
    pub async fn dehydrated(&self, session: &Session) -> Result<(DeviceId, Value)> {
        let user = session.user;
        let (device_id, data) = self.core.store.read(move |db| db.dehydrated_device(user)).await?.ok_or_else(none)?;
        let data = serde_json::from_str(&data).map_err(|error| Error::Internal(format!("stored data: {error}")))?;
        Ok((device_id, data))
    }

    /// Removes the device that is kept for the session's user; returns what it was called.
    pub async fn remove_dehydrated(&self, session: &Session) -> Result<DeviceId> {
        let (core, user) = (self.core.clone(), session.user);
        let change = move |tx: &mut Transaction<'_>| {
            let old = tx.dehydrated_device(user)?.map(|(device_id, _)| device_id);
            device_lists::remove_devices(&core, tx, user, &old)?;
            Ok(old)
        };
        self.core.store.write(change).await?.ok_or_else(none)
    }

    /// The messages to the device that is kept for the session's user: those after `from`, as many as fit an answer.
    pub async fn dehydrated_events(
        &self,
        session: &Session,
        device_id: &DeviceId,
        from: Option<&str>,
    ) -> Result<DehydratedEvents> {
        let user = session.user;
        let kept = self.core.store.read(move |db| db.dehydrated_device(user)).await?;
        if kept.is_none_or(|(kept, _)| kept != *device_id) {
            return Err(Error::refused(Code::Forbidden, "this is not your dehydrated device"));
        }
        let from = from.unwrap_or_default().parse::<Reached>();
        let from = from.map_err(|_| Error::refused(Code::InvalidParam, "this is not a token of this server"))?;
        self.core.hear_of(&from).await?;
        let until = self.core.stream.reached();
        let inbox = self.to_device.pending(user, device_id, &from, until.stream()).await?;
        Ok(DehydratedEvents { messages: inbox.messages, reached: inbox.reached, is_complete: inbox.is_complete })
    }
}
