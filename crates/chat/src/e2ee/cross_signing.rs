//! Publishing the keys with which a user signs their devices and other users (spec: "Cross-signing",
//! `POST /keys/device_signing/upload`).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use im2_accounts::{
    device_lists,
    uia::{Auth, Proof, Purpose},
};
use im2_core::{Code, Error, Result, Transaction, session::Session};
use im2_kernel::sign::verify_json;
use im2_model::{DeviceId, UserId, UserNid};
use im2_store::{Snapshot, e2ee::CrossSigningKey};
use serde_json::{Map, Value};

use super::{
    E2ee,
    keys::{cross_signing_key, decode, signed_part},
    stored,
};

/// The usage of the key that signs the others.
pub const MASTER: &str = "master";
pub(super) const SELF_SIGNING: &str = "self_signing";
pub(super) const USER_SIGNING: &str = "user_signing";

/// The cross-signing keys that a user publishes in one request; each key may be left out.
#[derive(Debug, Clone, Default)]
pub struct CrossSigningUpload {
    /// The master signing key.
    pub master_key: Option<Map<String, Value>>,
    /// The self-signing key.
    pub self_signing_key: Option<Map<String, Value>>,
    /// The user-signing key.
    pub user_signing_key: Option<Map<String, Value>>,
}

/// The keys that are stored already, and those of an upload that differ from them.
struct Difference {
    current: Vec<CrossSigningKey>,
    new: Vec<CrossSigningKey>,
}

impl E2ee {
    /// Publishes cross-signing keys. A user's first need no password, and neither does a repetition; to put others in
    /// their place does.
    pub async fn upload_cross_signing(
        &self,
        session: &Session,
        upload: CrossSigningUpload,
        auth: Option<Auth>,
    ) -> Result<()> {
        let CrossSigningUpload { master_key, self_signing_key, user_signing_key } = upload;
        let given = [(MASTER, master_key), (SELF_SIGNING, self_signing_key), (USER_SIGNING, user_signing_key)];
        let given = given.into_iter().filter_map(|(usage, key)| Some((usage, key?)));
        let given: Vec<_> =
            given.map(|(usage, key)| cross_signing_key(&session.user_id, usage, key)).collect::<Result<_>>()?;
        let user = session.user;
        let (keys, user_id) = (given.clone(), session.user_id.clone());
        let difference = self.core.store.read(move |db| differ(db, user, &user_id, &keys)).await??;
        if difference.new.is_empty() {
            return Ok(());
        }
        let now = self.core.now();
        let allowed = self.core.store.read(move |db| db.cross_signing_replaceable_until(user)).await?;
        let is_allowed = allowed.is_some_and(|until| now < until);
        let replaces = !is_allowed && difference.current.iter().any(|key| key.usage == MASTER);
        if replaces {
            let purpose = purpose(&difference.new);
            let Proof { .. } = self.accounts.confirm(purpose, session, auth).await?;
        }
        let (core, user_id) = (self.core.clone(), session.user_id.clone());
        let change = move |tx: &mut Transaction<'_>| {
            let now = match differ(tx, user, &user_id, &given)? {
                Ok(now) => now,
                Err(refusal) => return Ok(Err(refusal)),
            };
            if now.new.is_empty() {
                return Ok(Ok(())); // the same request, twice at once
            }
            if now.current != difference.current {
                let message = "other cross-signing keys were published at the same time: fetch them and try again";
                return Ok(Err(Error::refused(Code::Forbidden, message)));
            }
            if now.new.iter().any(|key| key.usage == MASTER) {
                // Nothing vouches any more for what the old master key vouched for.
                for old in now.current.iter().filter(|old| now.new.iter().all(|key| key.usage != old.usage)) {
                    tx.remove_cross_signing_key(user, old)?;
                }
            }
            for key in &now.new {
                tx.set_cross_signing_key(user, key)?;
            }
            device_lists::changed(&core, tx, user).map(Ok)
        };
        self.core.store.write(change).await?
    }
}

/// Consent to one set of keys is none to another.
fn purpose(keys: &[CrossSigningKey]) -> Purpose {
    let mut hasher = DefaultHasher::new();
    for key in keys {
        (&key.usage, &key.public_key).hash(&mut hasher);
    }
    Purpose::ReplaceCrossSigning(hasher.finish())
}

/// Judges the keys, and tells which are new. The inner error is what is wrong with them.
fn differ(
    db: &Snapshot<'_>,
    user: UserNid,
    user_id: &UserId,
    given: &[CrossSigningKey],
) -> im2_store::Result<Result<Difference>> {
    let mut current = db.cross_signing_keys(user)?;
    current.sort_unstable_by(|one, other| one.usage.cmp(&other.usage));
    let find = |keys: &[CrossSigningKey], usage: &str| keys.iter().find(|key| key.usage == usage).cloned();
    let Some(master) = find(given, MASTER).or_else(|| find(&current, MASTER)) else {
        return Ok(Err(Error::refused(Code::MissingParam, "there is no master key yet: upload it first")));
    };
    let mut new = Vec::new();
    for key in given {
        if key.usage != MASTER
            && let Err(refusal) = check_signed_by(user_id, &master, key)
        {
            return Ok(Err(refusal));
        }
        let is_device = match DeviceId::parse(&key.public_key) {
            Ok(device_id) => db.device(user, &device_id)?.is_some(),
            Err(_) => false,
        };
        if is_device {
            return Ok(Err(Error::refused(Code::Forbidden, "this key's ID is already used by one of your devices")));
        }
        // The master key may be signed by more devices since; that makes it no other key.
        let same = |old: &CrossSigningKey| same_key(&old.key, &key.key);
        if !find(&current, &key.usage).is_some_and(|old| same(&old)) {
            new.push(key.clone());
        }
    }
    // A new master key vouches for what comes with it, though that be as before.
    if new.iter().any(|key| key.usage == MASTER) {
        new = given.to_vec();
    }
    Ok(Ok(Difference { current, new }))
}

fn check_signed_by(user_id: &UserId, master: &CrossSigningKey, key: &CrossSigningKey) -> Result<()> {
    let key_id = format!("ed25519:{}", master.public_key);
    let public = decode(&master.public_key).unwrap_or_default();
    verify_json(user_id.as_str(), &key_id, &public, &stored(&key.key)?).map_err(|error| {
        let message = format!("the {} key must be signed by the master key: {error}", key.usage);
        Error::refused(Code::InvalidSignature, message)
    })
}

fn same_key(one: &str, other: &str) -> bool {
    match (stored(one), stored(other)) {
        (Ok(one), Ok(other)) => signed_part(one) == signed_part(other),
        _ => false,
    }
}
