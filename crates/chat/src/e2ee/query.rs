//! Looking up keys (spec: `POST /keys/query`).

use std::collections::{BTreeMap, HashMap, HashSet};

use im2_core::{Code, Error, Result, session::Session};
use im2_model::{DeviceId, UserId, UserNid};
use im2_store::{
    Snapshot,
    e2ee::{DeviceKeys, KeySignature},
};
use serde_json::{Map, Value, json};

use super::{E2ee, failures};

/// The users and devices whose keys are wanted; an empty list means all devices.
pub type QueryRequest = BTreeMap<UserId, Vec<DeviceId>>;

/// Users asked about at once: a large room.
const MAX_USERS: usize = 10_000;
/// Users read at once, so that no reader of the database is held for long.
const CHUNK: usize = 100;

/// The signatures on a user's keys, by the name of the key.
type Signatures<'a> = HashMap<&'a str, Vec<&'a KeySignature>>;

/// The sections of an answer, each by user.
#[derive(Default)]
struct Found {
    devices: Map<String, Value>,
    masters: Map<String, Value>,
    self_signing: Map<String, Value>,
    user_signing: Map<String, Value>,
}

impl E2ee {
    /// The keys of users and their devices, with the signatures that the session's user may see.
    pub async fn query(&self, session: &Session, request: QueryRequest) -> Result<Value> {
        if request.len() > MAX_USERS {
            let message = format!("at most {MAX_USERS} users can be queried at once");
            return Err(Error::refused(Code::InvalidParam, message));
        }
        let failures = failures(&self.core, request.keys());
        let is_local = |user_id: &UserId| user_id.server_name() == self.core.server_name.as_str();
        let wanted: Vec<_> = request.into_iter().filter(|(user_id, _)| is_local(user_id)).collect();
        let mut found = Found::default();
        let reader = session.user;
        for chunk in wanted.chunks(CHUNK) {
            let chunk = chunk.to_vec();
            let read = move |db: &Snapshot<'_>| {
                for (user_id, devices) in &chunk {
                    match db.account(user_id)? {
                        Some(account) => found.add(db, reader, account.user, user_id, devices)?,
                        // They have no devices: a client that heard nothing of them would ask again and again.
                        None => drop(found.devices.insert(user_id.to_string(), json!({}))),
                    }
                }
                Ok(found)
            };
            found = self.core.store.read(read).await?;
        }
        Ok(json!({
            "device_keys": found.devices,
            "master_keys": found.masters,
            "self_signing_keys": found.self_signing,
            "user_signing_keys": found.user_signing,
            "failures": failures,
        }))
    }
}

impl Found {
    fn add(
        &mut self,
        db: &Snapshot<'_>,
        reader: UserNid,
        user: UserNid,
        user_id: &UserId,
        wanted: &[DeviceId],
    ) -> im2_store::Result<()> {
        let mut signatures = Signatures::new();
        let made = db.key_signatures(user, reader)?;
        for signature in &made {
            signatures.entry(&signature.target_key).or_default().push(signature);
        }
        let wanted: HashSet<&DeviceId> = wanted.iter().collect();
        let mut devices = db.device_keys(user)?;
        devices.retain(|device| wanted.is_empty() || wanted.contains(&device.device_id));
        // What somebody calls their device is for those who know them.
        let is_named = devices.iter().any(|device| device.display_name.is_some());
        let shows_names = is_named && (user == reader || db.share_room(user, reader)?);
        let mut shown = Map::new();
        for device in devices {
            let device_id = device.device_id.to_string();
            let keys = device_answer(device, &signatures, shows_names)?;
            shown.insert(device_id, Value::Object(keys));
        }
        self.devices.insert(user_id.to_string(), Value::Object(shown));
        for key in db.cross_signing_keys(user)? {
            let section = match key.usage.as_str() {
                "master" => &mut self.masters,
                "self_signing" => &mut self.self_signing,
                "user_signing" if user == reader => &mut self.user_signing,
                _ => continue,
            };
            let mut object = parse(&key.key)?;
            merge(&mut object, &key.public_key, &signatures);
            section.insert(user_id.to_string(), Value::Object(object));
        }
        Ok(())
    }
}

fn device_answer(
    device: DeviceKeys,
    signatures: &Signatures<'_>,
    shows_name: bool,
) -> im2_store::Result<Map<String, Value>> {
    let mut keys = parse(&device.keys)?;
    merge(&mut keys, device.device_id.as_str(), signatures);
    let unsigned = match device.display_name.filter(|_| shows_name) {
        Some(name) => json!({ "device_display_name": name }),
        None => json!({}),
    };
    keys.insert("unsigned".to_owned(), unsigned);
    Ok(keys)
}

fn parse(text: &str) -> im2_store::Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| im2_store::Error::Corrupt(format!("a key: {error}")))
}

/// Adds the signatures on the key that is called `target_key`.
fn merge(key: &mut Map<String, Value>, target_key: &str, signatures: &Signatures<'_>) {
    for signature in signatures.get(target_key).into_iter().flatten() {
        let all = key.entry("signatures").or_insert_with(|| json!({}));
        let Some(all) = all.as_object_mut() else { return };
        let made = all.entry(signature.signer.as_str()).or_insert_with(|| json!({}));
        if let Some(made) = made.as_object_mut() {
            made.insert(signature.key_id.clone(), Value::from(signature.signature.as_str()));
        }
    }
}
