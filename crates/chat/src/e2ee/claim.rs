//! Handing out one-time keys (spec: `POST /keys/claim`).

use std::collections::BTreeMap;

use im2_core::{Code, Committed, Error, Result};
use im2_model::{DeviceId, UserId};
use im2_store::e2ee::{ClaimKeys, ClaimedKey, ClaimedKeys};
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
            let command = ClaimKeys { wanted: chunk.to_vec(), digest: keys::key_digest };
            let claimed = self.core.store.carry_out(command, |_, claimed| Ok(news_of(claimed))).await?;
            for ClaimedKey { user_id, device_id, algorithm, key_id, key } in claimed.keys {
                let key =
                    serde_json::from_str(&key).map_err(|error| Error::Internal(format!("a stored key: {error}")))?;
                let of_device = found.entry(user_id).or_default().entry(device_id).or_default();
                of_device.insert(format!("{algorithm}:{key_id}"), key);
            }
        }
        Ok(json!({ "one_time_keys": found, "failures": failures }))
    }
}

/// What is told of keys that were handed out.
fn news_of(claimed: &ClaimedKeys) -> Vec<Committed> {
    let changed = claimed.changed.iter();
    changed.map(|(user, device_id, position)| key_counts::news(*user, device_id, *position)).collect()
}
