//! Publishing a device's keys (spec: `POST /keys/upload`).

use std::collections::{HashMap, HashSet};

use im2_accounts::device_lists;
use im2_core::{Code, Committed, Core, Error, Result, Transaction, session::Session};
use im2_store::e2ee::{KeyCounts, KeyDigest, OneTimeKey};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{E2ee, keys, stored};

/// One-time keys kept for a device. Clients keep some 50 to 100 there.
const MAX_ONE_TIME_KEYS: usize = 1_000;
/// Fallback keys kept for a device: one an algorithm, of which there is one today.
const MAX_FALLBACK_KEYS: usize = 10;

/// The keys that a device publishes in one request; each part may be left out.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Upload {
    /// Its identity keys.
    pub device_keys: Option<Map<String, Value>>,
    /// One-time keys, by `<algorithm>:<key ID>`.
    pub one_time_keys: Option<Map<String, Value>>,
    /// Fallback keys, likewise.
    pub fallback_keys: Option<Map<String, Value>>,
}

/// The same, judged and ready to be kept.
pub(super) struct Checked {
    identity: Option<String>,
    one_time: Vec<OneTimeKey>,
    fallback: Vec<OneTimeKey>,
}

impl Checked {
    /// Judges keys of the session's device.
    pub(super) fn new(session: &Session, upload: Upload) -> Result<Self> {
        let Upload { device_keys, one_time_keys, fallback_keys } = upload;
        let checked = Self {
            // There are clients that send an empty object where they have nothing new.
            identity: device_keys
                .filter(|keys| !keys.is_empty())
                .map(|keys| keys::device_keys(session, keys))
                .transpose()?,
            one_time: keys::one_time_keys(one_time_keys.unwrap_or_default())?,
            fallback: keys::one_time_keys(fallback_keys.unwrap_or_default())?,
        };
        let algorithms: HashSet<&str> = checked.fallback.iter().map(|key| key.algorithm.as_str()).collect();
        if algorithms.len() < checked.fallback.len() {
            return Err(Error::refused(Code::InvalidParam, "there can be only one fallback key per algorithm"));
        }
        check_counts(checked.one_time.len(), checked.fallback.len())?;
        Ok(checked)
    }
}

/// The changes that an upload makes to what is stored.
#[derive(Default)]
struct Plan {
    sets_identity: bool,
    /// Whether the device becomes another one: what belonged to the old keys goes.
    replaces_identity: bool,
    one_time: Vec<OneTimeKey>,
    fallback: Vec<NewFallback>,
}

/// A fallback key to be kept.
struct NewFallback {
    key: OneTimeKey,
    /// Whether it has been handed out before.
    used: bool,
    /// The digest of the used key that it replaces.
    replaces_used: Option<KeyDigest>,
}

impl E2ee {
    /// Publishes keys of the session's device; the answer is what it then has in store.
    ///
    /// Keys that are there already are passed over, and so are one-time keys that have been handed out: a client that
    /// did not get its answer repeats itself.
    pub async fn upload(&self, session: &Session, upload: Upload) -> Result<KeyCounts> {
        session.device()?;
        let checked = Checked::new(session, upload)?;
        let (core, session) = (self.core.clone(), session.clone());
        self.core.store.write(move |tx| apply(&core, tx, &session, &checked)).await?
    }
}

/// Publishes keys inside a larger change. The inner error is why they are not, and then nothing has changed.
pub(super) fn apply(
    core: &Core,
    tx: &mut Transaction<'_>,
    session: &Session,
    checked: &Checked,
) -> im2_store::Result<Result<KeyCounts>> {
    let plan = match plan(tx, session, checked)? {
        Ok(plan) => plan,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (user, device_id) = (session.user, &session.device_id);
    if plan.replaces_identity {
        tx.remove_device_identity(user, device_id)?;
    }
    if let Some(identity) = checked.identity.as_ref().filter(|_| plan.sets_identity) {
        tx.set_device_keys(user, device_id, identity)?;
        device_lists::changed(core, tx, user)?;
    }
    if !plan.one_time.is_empty() {
        let position = tx.next_position();
        for key in &plan.one_time {
            tx.add_one_time_key(user, device_id, key, position)?;
        }
    }
    for fallback in &plan.fallback {
        if let Some(digest) = &fallback.replaces_used {
            tx.note_spent(user, digest)?;
        }
        tx.set_fallback_key(user, device_id, &fallback.key, fallback.used)?;
    }
    let counts = tx.key_counts(user, device_id)?;
    tx.publish(Committed::KeyCounts(user, device_id.clone()));
    Ok(Ok(counts))
}

fn check_counts(one_time: usize, fallback: usize) -> Result<()> {
    if one_time > MAX_ONE_TIME_KEYS || fallback > MAX_FALLBACK_KEYS {
        let message = format!(
            "a device can store at most {MAX_ONE_TIME_KEYS} one-time keys and {MAX_FALLBACK_KEYS} fallback keys"
        );
        return Err(Error::refused(Code::InvalidParam, message));
    }
    Ok(())
}

fn plan(tx: &Transaction<'_>, session: &Session, checked: &Checked) -> im2_store::Result<Result<Plan>> {
    let (user, device_id) = (session.user, &session.device_id);
    if tx.device(user, device_id)?.is_none() {
        return Ok(Err(Error::refused(Code::UnknownToken, "this device has been signed out")));
    }
    let mut plan = Plan::default();
    if let Some(identity) = &checked.identity {
        let old = tx.keys_of_device(user, device_id)?;
        plan.sets_identity = old.as_ref() != Some(identity);
        plan.replaces_identity = match old.as_ref().filter(|_| plan.sets_identity) {
            Some(old) => public_keys(old) != public_keys(identity),
            None => false,
        };
    }
    let existing = if plan.replaces_identity { Vec::new() } else { tx.one_time_keys(user, device_id)? };
    let by_name: HashMap<(&str, &str), &str> =
        existing.iter().map(|key| ((key.algorithm.as_str(), key.key_id.as_str()), key.key.as_str())).collect();
    let mut digests: HashSet<KeyDigest> = existing.iter().map(|key| keys::key_digest(&key.key)).collect();
    for key in &checked.one_time {
        let digest = keys::key_digest(&key.key);
        match by_name.get(&(key.algorithm.as_str(), key.key_id.as_str())) {
            // The same key stays as it is, whoever has signed it anew.
            Some(old) if keys::key_digest(old) == digest => {}
            Some(_) if tx.is_spent(user, &digest)? => {}
            Some(old) => return Ok(Err(clash(key, old))),
            None if tx.is_spent(user, &digest)? || !digests.insert(digest) => {}
            None => plan.one_time.push(key.clone()),
        }
    }
    let mut new_fallbacks = 0;
    for key in &checked.fallback {
        let old = if plan.replaces_identity { None } else { tx.fallback_key(user, device_id, &key.algorithm)? };
        new_fallbacks += usize::from(old.is_none());
        if old.as_ref().is_some_and(|old| old.key_id == key.key_id && old.key == key.key) {
            continue;
        }
        let digest = keys::key_digest(&key.key);
        let replaced = old.map(|old| (keys::key_digest(&old.key), old.used));
        // A key that has been handed out stays used, whatever it is called and whoever has signed it anew.
        let used = match replaced {
            Some((old, used)) if old == digest => used,
            _ => tx.is_spent(user, &digest)?,
        };
        let replaces_used = replaced.filter(|(old, used)| *used && *old != digest).map(|(old, _)| old);
        plan.fallback.push(NewFallback { key: key.clone(), used, replaces_used });
    }
    let kept = if plan.replaces_identity { 0 } else { tx.fallback_key_count(user, device_id)? };
    let counted = check_counts(existing.len() + plan.one_time.len(), kept + new_fallbacks);
    Ok(counted.map(|()| plan))
}

/// The refusal of a key where there is another of the same name, in the words by which clients recognise it: they
/// have lost their store then, and the keys that others get are of no use to them.
fn clash(key: &OneTimeKey, old: &str) -> Error {
    let OneTimeKey { algorithm, key_id, key: new } = key;
    let message = format!("One time key {algorithm}:{key_id} already exists. Old key: {old}; new key: {new}");
    Error::refused(Code::Unknown, message)
}

/// The public keys in a device's identity keys.
fn public_keys(identity: &str) -> Option<Value> {
    stored(identity).ok()?.remove("keys")
}
