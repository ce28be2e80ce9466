//! Handing out one-time keys (spec: `POST /keys/claim`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use im2_core::{Code, Error, Result, Transaction};
use im2_model::{DeviceId, UserId, UserNid};
use serde_json::{Value, json};

use super::{E2ee, failures, keys};
use crate::key_counts;

/// The keys that are wanted: the algorithm by device by user.
pub type ClaimRequest = BTreeMap<UserId, BTreeMap<DeviceId, String>>;

/// Keys handed out by one request: all devices of a room of a thousand people.
const MAX_CLAIMED: usize = 5_000;
/// Keys handed out by one change of the database, so that nobody else waits for long.
const CHUNK: usize = 500;

type Wanted = (UserId, DeviceId, String);
type Found = BTreeMap<UserId, BTreeMap<DeviceId, BTreeMap<String, Value>>>;

impl E2ee {
    /// Hands out a key of each device, if it has one: the oldest one-time key, else the fallback key. No one-time key
    /// is ever handed out again, for it is gone from the database when this answers.
    pub async fn claim(&self, request: ClaimRequest) -> Result<Value> {
        if request.values().map(BTreeMap::len).sum::<usize>() > MAX_CLAIMED {
            let message = format!("at most {MAX_CLAIMED} keys can be claimed at once");
            return Err(Error::refused(Code::InvalidParam, message));
        }
        let failures = failures(&self.core, request.keys());
        let is_local = |user_id: &UserId| user_id.server_name() == self.core.server_name.as_str();
        let mut wanted: Vec<Wanted> = Vec::new();
        for (user_id, devices) in request.into_iter().filter(|(user_id, _)| is_local(user_id)) {
            wanted.extend(devices.into_iter().map(|(device_id, algorithm)| (user_id.clone(), device_id, algorithm)));
        }
        let mut found = Found::new();
        for chunk in wanted.chunks(CHUNK) {
            let chunk = chunk.to_vec();
            for (user_id, device_id, name, key) in self.core.store.write(move |tx| take(tx, chunk)).await? {
                let key =
                    serde_json::from_str(&key).map_err(|error| Error::Internal(format!("a stored key: {error}")))?;
                found.entry(user_id).or_default().entry(device_id).or_default().insert(name, key);
            }
        }
        Ok(json!({ "one_time_keys": found, "failures": failures }))
    }
}

fn take(tx: &mut Transaction<'_>, wanted: Vec<Wanted>) -> im2_store::Result<Vec<(UserId, DeviceId, String, String)>> {
    let mut users: HashMap<UserId, Option<UserNid>> = HashMap::new();
    let mut changed = BTreeSet::new();
    let mut taken = Vec::new();
    for (user_id, device_id, algorithm) in wanted {
        let user = match users.get(&user_id) {
            Some(known) => *known,
            None => *users.entry(user_id.clone()).or_insert(tx.user_nid(&user_id)?),
        };
        let Some(user) = user else { continue };
        let (key_id, key) = if let Some(key) = tx.take_one_time_key(user, &device_id, &algorithm)? {
            tx.note_spent(user, &keys::key_digest(&key.key))?;
            changed.insert((user, device_id.clone()));
            (key.key_id, key.key)
        } else if let Some(fallback) = tx.fallback_key(user, &device_id, &algorithm)? {
            if !fallback.used {
                tx.mark_fallback_used(user, &device_id, &algorithm)?;
                changed.insert((user, device_id.clone()));
            }
            (fallback.key_id, fallback.key)
        } else {
            continue;
        };
        taken.push((user_id, device_id, format!("{algorithm}:{key_id}"), key));
    }
    for (user, device_id) in &changed {
        key_counts::changed(tx, *user, device_id)?;
    }
    Ok(taken)
}
