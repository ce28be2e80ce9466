//! Checks uploaded keys and brings them into the form in which they are stored.

use base64::Engine as _;
use im2_kernel::canonical::object_to_canonical;
use im2_model::UserId;
use im2_store::e2ee::{CrossSigningKey, KeyDigest, OneTimeKey};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use im2_core::{Code, Error, Result, session::Session};

/// The largest identity keys of a device, in bytes. Today's take less than one; it leaves room for larger algorithms.
const MAX_DEVICE_KEYS_BYTES: usize = 64 * 1024;
/// The largest one-time, fallback or cross-signing key, in bytes. Today's take some 300.
const MAX_KEY_BYTES: usize = 16 * 1024;
/// The longest algorithm and key identifier, in bytes.
const MAX_NAME_BYTES: usize = 255;

fn malformed(what: &str) -> Error {
    Error::refused(Code::BadJson, what.to_owned())
}

/// The identity keys of the session's device, as they are kept.
pub(super) fn device_keys(session: &Session, mut keys: Map<String, Value>) -> Result<String> {
    let text = |member: &str| keys.get(member).and_then(Value::as_str).map(str::to_owned);
    let user_id = text("user_id").ok_or_else(|| malformed("device_keys.user_id is missing"))?;
    let device_id = text("device_id").ok_or_else(|| malformed("device_keys.device_id is missing"))?;
    if user_id != session.user_id.as_str() || device_id != session.device_id.as_str() {
        let message = "device_keys must belong to the signed-in user and device";
        return Err(Error::refused(Code::InvalidParam, message));
    }
    let algorithms = keys.get("algorithms").and_then(Value::as_array);
    if !algorithms.is_some_and(|all| all.iter().all(Value::is_string)) {
        return Err(malformed("device_keys.algorithms must be a list of strings"));
    }
    let public = keys.get("keys").and_then(Value::as_object);
    if !public.is_some_and(|all| all.values().all(Value::is_string)) {
        return Err(malformed("device_keys.keys must be an object of strings"));
    }
    if !keys.contains_key("signatures") {
        return Err(malformed("device_keys.signatures is missing"));
    }
    keep_own_signatures(&session.user_id, &mut keys)?;
    canonical(&keys, MAX_DEVICE_KEYS_BYTES)
}

/// One-time or fallback keys, as they are kept.
pub(super) fn one_time_keys(keys: Map<String, Value>) -> Result<Vec<OneTimeKey>> {
    keys.into_iter().map(|(name, key)| one_time_key(&name, key)).collect()
}

fn one_time_key(name: &str, key: Value) -> Result<OneTimeKey> {
    let fits = |part: &str| !part.is_empty() && part.len() <= MAX_NAME_BYTES;
    let (algorithm, key_id) = name
        .split_once(':')
        .filter(|(algorithm, key_id)| fits(algorithm) && fits(key_id))
        .ok_or_else(|| Error::refused(Code::InvalidParam, "keys must be named <algorithm>:<key ID>"))?;
    let key = match key {
        Value::String(_) => key.to_string(),
        Value::Object(mut object) => {
            if !object.get("key").is_some_and(Value::is_string) {
                return Err(malformed("a key that is an object must have a string `key`"));
            }
            if object.get("signatures").is_some_and(|signatures| !signatures.is_object()) {
                return Err(malformed("a key's signatures must be an object"));
            }
            object.remove("unsigned");
            canonical(&object, MAX_KEY_BYTES)?
        }
        _ => return Err(malformed("a key must be a string or an object")),
    };
    check_size(key.len(), MAX_KEY_BYTES)?;
    Ok(OneTimeKey { algorithm: algorithm.to_owned(), key_id: key_id.to_owned(), key })
}

/// The digest by which a one-time key is remembered: of its public part, regardless of its ID and its signatures.
pub(super) fn key_digest(key: &str) -> KeyDigest {
    let parsed: Value = serde_json::from_str(key).unwrap_or_default();
    let public = parsed.get("key").unwrap_or(&parsed).as_str().unwrap_or(key);
    let whole = digest(&SHA256, public.trim_end_matches('=').as_bytes());
    let mut short = KeyDigest::default();
    short.copy_from_slice(&whole.as_ref()[..size_of::<KeyDigest>()]);
    short
}

/// A cross-signing key of the session's user, as it is kept.
pub(super) fn cross_signing_key(user_id: &UserId, usage: &str, mut key: Map<String, Value>) -> Result<CrossSigningKey> {
    let wrong = |what: &str| Error::refused(Code::InvalidParam, format!("{usage}_key: {what}"));
    if key.get("user_id").and_then(Value::as_str) != Some(user_id.as_str()) {
        return Err(wrong("it must belong to the signed-in user"));
    }
    let usages = key.get("usage").and_then(Value::as_array);
    if !usages.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(usage))) {
        return Err(wrong("its usage does not match"));
    }
    let public_key = public_key_of(&key)
        .filter(|public| decode(public).is_some())
        .ok_or_else(|| wrong("it must have exactly one Ed25519 key, whose ID is the key itself"))?;
    keep_own_signatures(user_id, &mut key)?;
    let key = canonical(&key, MAX_KEY_BYTES)?;
    Ok(CrossSigningKey { usage: usage.to_owned(), public_key, key })
}

/// The public key in a cross-signing key: `keys` is `{"ed25519:KEY": "KEY"}`.
fn public_key_of(key: &Map<String, Value>) -> Option<String> {
    let keys = key.get("keys")?.as_object().filter(|keys| keys.len() == 1)?;
    let (name, public) = keys.iter().next()?;
    let public = public.as_str()?;
    (name.strip_prefix("ed25519:") == Some(public)).then(|| public.to_owned())
}

/// The 32 bytes of an Ed25519 public key in unpadded base64.
pub(super) fn decode(public_key: &str) -> Option<Vec<u8>> {
    let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(public_key).ok()?;
    (bytes.len() == 32).then_some(bytes)
}

/// The part of a key object that its signatures cover: without `signatures` and `unsigned`.
pub(super) fn signed_part(mut key: Map<String, Value>) -> Map<String, Value> {
    key.remove("signatures");
    key.remove("unsigned");
    key
}

/// Drops what others have to say, and what servers add.
fn keep_own_signatures(user_id: &UserId, key: &mut Map<String, Value>) -> Result<()> {
    key.remove("unsigned");
    let Some(signatures) = key.get_mut("signatures") else { return Ok(()) };
    let signatures = signatures.as_object_mut().ok_or_else(|| malformed("signatures must be an object"))?;
    signatures.retain(|signer, _| signer == user_id.as_str());
    let is_text = |made: &Value| made.as_object().is_some_and(|made| made.values().all(Value::is_string));
    if signatures.values().all(is_text) { Ok(()) } else { Err(malformed("signatures must be strings by key ID")) }
}

fn canonical(object: &Map<String, Value>, limit: usize) -> Result<String> {
    let bytes = object_to_canonical(object).map_err(|error| malformed(&error.to_string()))?;
    check_size(bytes.len(), limit)?;
    String::from_utf8(bytes).map_err(|error| Error::Internal(error.to_string()))
}

fn check_size(bytes: usize, limit: usize) -> Result<()> {
    if bytes > limit {
        return Err(Error::refused(Code::TooLarge, format!("a key is limited to {limit} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::key_digest;

    #[test]
    fn a_key_is_remembered_by_its_public_part_alone() {
        let plain = key_digest(r#""AAAA""#);
        assert_eq!(plain, key_digest(r#"{"key":"AAAA","signatures":{"@a:b":{}}}"#));
        assert_eq!(plain, key_digest(r#"{"key":"AAAA="}"#));
        assert_ne!(plain, key_digest(r#""AAAB""#));
    }
}
