//! Hashes and signatures (spec: appendices, "Signing JSON"; server-server API, "Signing Events").

use std::fmt;

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::{
    digest,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use serde_json::{Map, Value};

use im2_model::Millis;

use crate::{
    canonical::{CanonicalError, event_to_canonical, object_to_canonical},
    version::RoomVersion,
};

/// Reads padding where other servers wrote it, never writes it (spec: appendices, "Unpadded Base64"). Trailing bits
/// are ignored, as most decoders do: the specification's own test seed has some.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// The key with which a server signs its events.
pub struct SigningKey {
    key_id: Box<str>,
    pair: Ed25519KeyPair,
}

/// The seed or the key id cannot make a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing key needs an id `ed25519:<letters, digits, _>` and a seed of 32 bytes")]
pub struct SigningKeyError;

impl SigningKey {
    /// The Ed25519 key that `seed` decides, known as `key_id` (`ed25519:…`).
    pub fn from_seed(key_id: &str, seed: &[u8; 32]) -> Result<Self, SigningKeyError> {
        let version = key_id.strip_prefix("ed25519:").ok_or(SigningKeyError)?;
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(SigningKeyError);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SigningKeyError)?;
        Ok(Self { key_id: key_id.into(), pair })
    }

    /// The key's id, `ed25519:…`.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public half, 32 bytes.
    pub fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The signature of `bytes`, in unpadded base64.
    pub fn sign(&self, bytes: &[u8]) -> String {
        BASE64.encode(self.pair.sign(bytes))
    }

    /// Signs `object` as the entity `name`, adding to its `signatures`; `unsigned` is not covered.
    pub fn sign_json(&self, name: &str, object: &mut Map<String, Value>) -> Result<(), CanonicalError> {
        let signature = self.sign(&signed_bytes(object)?);
        self.insert_signature(name, object, signature);
        Ok(())
    }

    pub(crate) fn insert_signature(&self, name: &str, object: &mut Map<String, Value>, signature: String) {
        let signatures = object_entry(object, "signatures");
        object_entry(signatures, name).insert(self.key_id.to_string(), Value::String(signature));
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The object at `key`, made or put in place of something that is no object.
fn object_entry<'a>(object: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let entry = object.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    entry.as_object_mut().expect("made an object above")
}

/// The bytes that a signature of `object` covers: everything except `signatures` and `unsigned`.
pub(crate) fn signed_bytes(object: &Map<String, Value>) -> Result<Vec<u8>, CanonicalError> {
    object_to_canonical(&without(object, &["signatures", "unsigned"]))
}

/// As [`signed_bytes`], for an event of `version`, which may hold numbers that other objects may not.
pub(crate) fn signed_event_bytes(version: RoomVersion, event: &Map<String, Value>) -> Result<Vec<u8>, CanonicalError> {
    event_to_canonical(version, &without(event, &["signatures", "unsigned"]))
}

/// A copy of `object` without `keys`.
pub(crate) fn without(object: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    object
        .iter()
        .filter(|(key, _)| !keys.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Errors of verifying a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The entity has not signed with this key.
    #[error("there is no signature by this entity with this key")]
    Missing,
    /// The signature is not base64 of the right length, or was not made by this key over this object.
    #[error("the signature does not match")]
    Mismatch,
    /// The object has no canonical form.
    #[error(transparent)]
    NotCanonical(#[from] CanonicalError),
}

/// Checks that `name` signed `object` with the key `key_id`, whose public half is `public_key` (spec: appendices,
/// "Checking for a Signature"). For events there is [`crate::build::verify_event`].
pub fn verify_json(
    name: &str,
    key_id: &str,
    public_key: &[u8],
    object: &Map<String, Value>,
) -> Result<(), VerifyError> {
    verify(name, key_id, public_key, object, signed_bytes)
}

/// As [`verify_json`], for a redacted event of `version`.
pub(crate) fn verify_redacted(
    version: RoomVersion,
    name: &str,
    key_id: &str,
    public_key: &[u8],
    event: &Map<String, Value>,
) -> Result<(), VerifyError> {
    verify(name, key_id, public_key, event, |event| signed_event_bytes(version, event))
}

fn verify(
    name: &str,
    key_id: &str,
    public_key: &[u8],
    object: &Map<String, Value>,
    signed: impl FnOnce(&Map<String, Value>) -> Result<Vec<u8>, CanonicalError>,
) -> Result<(), VerifyError> {
    let signature = object
        .get("signatures")
        .and_then(|signatures| signatures.get(name)?.get(key_id)?.as_str())
        .filter(|_| key_id.starts_with("ed25519:"))
        .ok_or(VerifyError::Missing)?;
    let signature = BASE64.decode(signature).map_err(|_| VerifyError::Mismatch)?;
    let bytes = signed(object)?;
    UnparsedPublicKey::new(&ED25519, public_key).verify(&bytes, &signature).map_err(|_| VerifyError::Mismatch)
}

/// How long a key is taken for valid at most, counted from now, whatever its server says: otherwise a stolen key could
/// not be revoked (spec: room version 5, "Signing key validity period").
const MAX_KEY_VALIDITY: Millis = 7 * 24 * 60 * 60 * 1000;

/// Whether a key whose server says that it is valid until `valid_until_ts` may have signed an event of
/// `origin_server_ts`. For a key that is no longer in use, pass when it expired.
///
/// Until version 4 nothing is asked of a key in use, so that `is_old` says whether it is one.
pub fn is_key_valid(
    version: RoomVersion,
    origin_server_ts: Millis,
    valid_until_ts: Millis,
    is_old: bool,
    now: Millis,
) -> bool {
    if !version.rules().signing_keys_expire && !is_old {
        return true;
    }
    valid_until_ts.min(now.saturating_add(MAX_KEY_VALIDITY)) >= origin_server_ts
}

/// Whether any signature in `object`, whoever made it, was made by `public_key` (unpadded base64). This is what
/// third-party invites ask (room versions, authorisation rule "any signature in `signed`").
pub(crate) fn signed_by_any(object: &Map<String, Value>, public_key: &str) -> bool {
    // Identity servers have published their keys in both alphabets.
    let Ok(public_key) = BASE64.decode(public_key).or_else(|_| BASE64_URL.decode(public_key)) else {
        return false;
    };
    let Some(signatures) = object.get("signatures").and_then(Value::as_object) else {
        return false;
    };
    signatures.iter().any(|(name, keys)| {
        keys.as_object()
            .is_some_and(|keys| keys.keys().any(|key_id| verify_json(name, key_id, &public_key, object).is_ok()))
    })
}

/// SHA-256 in the base64 of content hashes.
pub(crate) fn sha256_base64(bytes: &[u8]) -> String {
    BASE64.encode(digest::digest(&digest::SHA256, bytes))
}

/// SHA-256 in the URL-safe base64 of event ids.
pub(crate) fn sha256_base64_url(bytes: &[u8]) -> String {
    BASE64_URL.encode(digest::digest(&digest::SHA256, bytes))
}

/// SHA-1, by which room version 1 puts events in an order that nobody relies on to be safe.
pub(crate) fn sha1(bytes: &[u8]) -> Box<[u8]> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().into()
}

/// Bytes from base64, padded or not.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Bytes in unpadded base64, as keys are published.
pub fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::Engine as _;
    use serde_json::{Map, Value, json};

    use super::{BASE64, SigningKey, VerifyError, is_key_valid, verify_json};
    use crate::version::RoomVersion;

    /// The key of the specification's test vectors.
    pub(crate) fn spec_key() -> SigningKey {
        let seed = BASE64.decode("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1").unwrap();
        SigningKey::from_seed("ed25519:1", seed.as_slice().try_into().unwrap()).unwrap()
    }

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { panic!("not an object") };
        object
    }

    #[test]
    fn test_vectors_of_the_specification_for_json() {
        for (given, signature) in [
            (json!({}), "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"),
            (
                json!({ "one": 1, "two": "Two" }),
                "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw",
            ),
        ] {
            let key = spec_key();
            let mut signed = object(given);
            key.sign_json("domain", &mut signed).unwrap();
            assert_eq!(signed["signatures"], json!({ "domain": { "ed25519:1": signature } }));
            assert_eq!(verify_json("domain", "ed25519:1", key.public_key(), &signed), Ok(()));
            signed.insert("unsigned".to_owned(), json!({ "age": 3 }));
            assert_eq!(verify_json("domain", "ed25519:1", key.public_key(), &signed), Ok(()));
            signed.insert("three".to_owned(), json!(3));
            assert_eq!(verify_json("domain", "ed25519:1", key.public_key(), &signed), Err(VerifyError::Mismatch));
        }
    }

    #[test]
    fn signatures_of_wrong_types_are_errors() {
        let key = spec_key();
        for signatures in [json!(1), json!({ "domain": [] }), json!({ "domain": { "ed25519:1": 5 } }), json!({})] {
            let signed = object(json!({ "signatures": signatures }));
            assert_eq!(verify_json("domain", "ed25519:1", key.public_key(), &signed), Err(VerifyError::Missing));
        }
        let signed = object(json!({ "signatures": { "domain": { "ed25519:1": "!" } } }));
        assert_eq!(verify_json("domain", "ed25519:1", key.public_key(), &signed), Err(VerifyError::Mismatch));
        assert_eq!(verify_json("domain", "ed25519:1", &[1, 2], &signed), Err(VerifyError::Mismatch));
    }

    #[test]
    fn signing_keeps_the_signatures_of_others_and_replaces_nonsense() {
        let key = spec_key();
        let mut signed = object(json!({ "signatures": { "other": { "ed25519:9": "x" }, "domain": "nonsense" } }));
        key.sign_json("domain", &mut signed).unwrap();
        assert_eq!(signed["signatures"]["other"], json!({ "ed25519:9": "x" }));
        assert_eq!(verify_json("domain", "ed25519:1", key.public_key(), &signed), Ok(()));
    }

    #[test]
    fn keys_are_valid_for_events_until_they_expire_and_for_a_week() {
        const WEEK: u64 = 604_800_000;
        let now = 10 * WEEK;
        for version in RoomVersion::UNDERSTOOD {
            let valid = |ts, until, is_old| is_key_valid(version, ts, until, is_old, now);
            assert!(valid(now, now, false) && valid(now, now, true) && valid(now + WEEK, u64::MAX, false));
            // A key in use counts for whatever it signs until version 4.
            let always = version < RoomVersion::V5;
            assert_eq!(valid(now, now - 1, false), always);
            assert_eq!(valid(now + WEEK + 1, u64::MAX, false), always);
            assert!(!valid(now, now - 1, true));
            assert!(is_key_valid(version, u64::MAX, u64::MAX, false, u64::MAX));
        }
    }

    #[test]
    fn key_ids_are_checked_and_keys_are_not_shown() {
        for bad in ["", "1", "ed25519:", "rsa:1", "ed25519:a b"] {
            assert!(SigningKey::from_seed(bad, &[0; 32]).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", spec_key()), r#"SigningKey { key_id: "ed25519:1", .. }"#);
    }
}
