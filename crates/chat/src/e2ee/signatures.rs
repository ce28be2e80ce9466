//! Adding signatures to keys: of a user's devices by their self-signing key, of their master key by their devices,
//! and of other users' master keys by their user-signing key (spec: `POST /keys/signatures/upload`).

use std::collections::{BTreeMap, BTreeSet};

use im2_accounts::device_lists;
use im2_core::{Code, Committed, Error, Result, Transaction, session::Session, stream::Change};
use im2_kernel::sign::verify_json;
use im2_model::{DeviceId, UserId, UserNid};
use im2_store::{
    Snapshot,
    e2ee::{CrossSigningKey, KeySignature},
};
use serde_json::{Map, Value, json};

use super::{
    E2ee,
    cross_signing::{MASTER, SELF_SIGNING, USER_SIGNING},
    keys::{decode, signed_part},
    stored,
};

/// Signed keys, by key ID by user.
pub type SignaturesUpload = BTreeMap<UserId, BTreeMap<String, Map<String, Value>>>;

/// Keys that can be signed by one request. Each costs a verification or two.
const MAX_SIGNED: usize = 1_000;

/// A signature that holds, for a key as it was when that was found.
struct Accepted {
    target: UserNid,
    /// The key that is signed, as it is stored.
    key: String,
    signature: KeySignature,
}

/// The user who signs, and the keys that signatures can be by.
struct Signer {
    user: UserNid,
    user_id: UserId,
    keys: Vec<CrossSigningKey>,
}

impl E2ee {
    /// Adds signatures to keys. The answer says what is wrong with those that were not, by key by user.
    pub async fn upload_signatures(&self, session: &Session, upload: SignaturesUpload) -> Result<Value> {
        if upload.values().map(BTreeMap::len).sum::<usize>() > MAX_SIGNED {
            let message = format!("at most {MAX_SIGNED} keys can be signed at once");
            return Err(Error::refused(Code::InvalidParam, message));
        }
        let (user, user_id) = (session.user, session.user_id.clone());
        let judge = move |db: &Snapshot<'_>| {
            let signer = Signer { user, user_id, keys: db.cross_signing_keys(user)? };
            let mut accepted = Vec::new();
            let mut failures: BTreeMap<UserId, BTreeMap<String, Value>> = BTreeMap::new();
            for (target, keys) in upload {
                for (key_id, signed) in keys {
                    match signer.judge(db, &target, &key_id, &signed)? {
                        Ok(signatures) => accepted.extend(signatures),
                        Err(refusal) => {
                            failures.entry(target.clone()).or_default().insert(key_id, refusal.into_value());
                        }
                    }
                }
            }
            Ok((accepted, failures))
        };
        let (accepted, failures) = self.core.store.read(judge).await?;
        if !accepted.is_empty() {
            let core = self.core.clone();
            self.core.store.write(move |tx| add(&core, tx, user, &accepted)).await?;
        }
        Ok(json!({ "failures": failures }))
    }
}

/// Stores signatures, and tells those who have to hear of them: of a user's own keys everybody who sees these, of
/// another user's keys only the signer.
fn add(core: &im2_core::Core, tx: &mut Transaction<'_>, user: UserNid, accepted: &[Accepted]) -> im2_store::Result<()> {
    let mut signed = BTreeSet::new();
    let position = tx.next_position();
    for Accepted { target, key, signature } in accepted {
        if current_key(tx, *target, &signature.target_key)?.as_ref() == Some(key)
            && tx.add_key_signature(*target, user, signature, position)?
        {
            signed.insert(*target);
        }
    }
    if signed.remove(&user) {
        device_lists::changed(core, tx, user)?;
    }
    if !signed.is_empty() {
        let changes = signed.into_iter().map(|whose| Change::KeySigned { by: user, whose }).collect();
        tx.publish(Committed::News { position, changes, users: vec![user] });
    }
    Ok(())
}

/// A device's keys, or a master key, by the name that signatures have for it.
fn current_key(db: &Snapshot<'_>, user: UserNid, name: &str) -> im2_store::Result<Option<String>> {
    let master = db.cross_signing_keys(user)?.into_iter().find(|key| key.usage == MASTER && key.public_key == name);
    match (master, DeviceId::parse(name)) {
        (Some(master), _) => Ok(Some(master.key)),
        (None, Ok(device_id)) => db.keys_of_device(user, &device_id),
        (None, Err(_)) => Ok(None),
    }
}

/// The error for a signature that was not taken.
struct Refusal(&'static str, String);

impl Refusal {
    fn into_value(self) -> Value {
        json!({ "errcode": self.0, "error": self.1 })
    }

    fn not_found(what: &str) -> Self {
        Self("M_NOT_FOUND", what.to_owned())
    }

    fn invalid_signature(what: impl Into<String>) -> Self {
        Self("M_INVALID_SIGNATURE", what.into())
    }
}

type Judged<T> = std::result::Result<T, Refusal>;

/// The names and public halves of keys that have to have signed.
type Signing = Vec<(String, Vec<u8>)>;

impl Signer {
    fn key(&self, usage: &str) -> Judged<&CrossSigningKey> {
        let found = self.keys.iter().find(|key| key.usage == usage);
        found.ok_or_else(|| Refusal::not_found(&format!("you have not uploaded a {usage} key")))
    }

    fn judge(
        &self,
        db: &Snapshot<'_>,
        target_id: &UserId,
        name: &str,
        signed: &Map<String, Value>,
    ) -> im2_store::Result<Judged<Vec<Accepted>>> {
        let target = db.user_nid(target_id)?;
        let stored_key = match target {
            Some(target) => current_key(db, target, name)?,
            None => None,
        };
        let (Some(target), Some(key)) = (target, stored_key) else {
            return Ok(Err(Refusal::not_found("this user has no such device or master key")));
        };
        let matches = stored(&key).is_ok_and(|key| signed_part(key) == signed_part(signed.clone()));
        if !matches {
            return Ok(Err(Refusal("M_INVALID_PARAM", "this is not the key that was uploaded".to_owned())));
        }
        let is_master = self.keys.iter().any(|key| key.usage == MASTER && key.public_key == name);
        let by = if target != self.user {
            self.one_of_mine(USER_SIGNING)
        } else if is_master {
            self.my_devices(db, signed)?
        } else {
            self.one_of_mine(SELF_SIGNING)
        };
        Ok(by.and_then(|by| self.verify(target, name, &key, signed, &by)))
    }

    /// A cross-signing key of the signer, as the key that has to have signed.
    fn one_of_mine(&self, usage: &str) -> Judged<Signing> {
        let public_key = &self.key(usage)?.public_key;
        Ok(vec![(format!("ed25519:{public_key}"), decode(public_key).unwrap_or_default())])
    }

    /// The devices of the signer that have signed.
    fn my_devices(&self, db: &Snapshot<'_>, signed: &Map<String, Value>) -> im2_store::Result<Judged<Signing>> {
        let made = signed.get("signatures").and_then(|all| all.get(self.user_id.as_str())).and_then(Value::as_object);
        let mut found = Vec::new();
        for key_id in made.into_iter().flat_map(Map::keys) {
            let device = key_id.strip_prefix("ed25519:").and_then(|name| DeviceId::parse(name).ok());
            let Some(device_id) = device else { continue };
            let Some(keys) = db.keys_of_device(self.user, &device_id)? else { continue };
            let public = stored(&keys).ok().and_then(|keys| decode(keys.get("keys")?.get(key_id)?.as_str()?));
            found.push((key_id.clone(), public.unwrap_or_default()));
        }
        if found.is_empty() {
            return Ok(Err(Refusal::invalid_signature("none of your devices has signed this key")));
        }
        Ok(Ok(found))
    }

    fn verify(
        &self,
        target: UserNid,
        name: &str,
        key: &str,
        signed: &Map<String, Value>,
        by: &[(String, Vec<u8>)],
    ) -> Judged<Vec<Accepted>> {
        let mut accepted = Vec::new();
        for (key_id, public) in by {
            verify_json(self.user_id.as_str(), key_id, public, signed)
                .map_err(|error| Refusal::invalid_signature(format!("signature by {key_id}: {error}")))?;
            let made = signed.get("signatures").and_then(|all| all.get(self.user_id.as_str()));
            let made = made.and_then(|made| made.get(key_id)).and_then(Value::as_str).unwrap_or_default();
            accepted.push(Accepted {
                target,
                key: key.to_owned(),
                signature: KeySignature {
                    target_key: name.to_owned(),
                    signer: self.user_id.clone(),
                    key_id: key_id.clone(),
                    signature: made.to_owned(),
                },
            });
        }
        Ok(accepted)
    }
}
