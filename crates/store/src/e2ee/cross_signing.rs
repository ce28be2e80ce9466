//! Cross-signing keys, and signatures that were added to keys.

use im2_model::{Position, UserId, UserNid};

use crate::{Result, Snapshot, Transaction, accounts::parsed_user};

/// A user's cross-signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossSigningKey {
    /// `master`, `self_signing` or `user_signing`.
    pub usage: String,
    /// The public key, unpadded base64.
    pub public_key: String,
    /// The whole key, JSON.
    pub key: String,
}

/// A signature on a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySignature {
    /// The signed key: a device ID, or the public key of a master key.
    pub target_key: String,
    /// The user who signed.
    pub signer: UserId,
    /// The ID of the key that signed: `ed25519:…`.
    pub key_id: String,
    /// The signature, unpadded base64.
    pub signature: String,
}

impl Snapshot<'_> {
    /// The cross-signing keys of a user: three at most.
    pub fn cross_signing_keys(&self, user: UserNid) -> Result<Vec<CrossSigningKey>> {
        let sql = "SELECT usage, public_key, key FROM cross_signing_keys WHERE user_nid = ?1";
        self.rows(sql, [user.0], |row| {
            Ok(CrossSigningKey { usage: row.get(0)?, public_key: row.get(1)?, key: row.get(2)? })
        })
    }

    /// Whether this is the public key of one of a user's cross-signing keys: devices cannot be called so.
    pub fn is_cross_signing_key(&self, user: UserNid, public_key: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM cross_signing_keys WHERE user_nid = ?1 AND public_key = ?2";
        Ok(self.row(sql, (user.0, public_key), |_| Ok(()))?.is_some())
    }

    /// The signatures on the keys of `target` that were made by them or by `reader`: those that `reader` may see.
    pub fn key_signatures(&self, target: UserNid, reader: UserNid) -> Result<Vec<KeySignature>> {
        let sql = "SELECT s.target_key, u.user_id, s.key_id, s.signature
                   FROM key_signatures s JOIN users u ON u.nid = s.user_nid
                   WHERE s.target_nid = ?1 AND s.user_nid IN (?1, ?2)";
        self.rows(sql, (target.0, reader.0), |row| {
            Ok(KeySignature {
                target_key: row.get(0)?,
                signer: parsed_user(row, 1)?,
                key_id: row.get(2)?,
                signature: row.get(3)?,
            })
        })
    }
}

impl Transaction<'_> {
    /// Sets one of a user's cross-signing keys. Signatures on the key that it replaces, and by it, go.
    pub fn set_cross_signing_key(&self, user: UserNid, key: &CrossSigningKey) -> Result<()> {
        let old = self.cross_signing_keys(user)?.into_iter().find(|old| old.usage == key.usage);
        if let Some(old) = old.filter(|old| old.public_key != key.public_key) {
            self.remove_cross_signing_key(user, &old)?;
        }
        let sql = "INSERT INTO cross_signing_keys (user_nid, usage, public_key, key) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (user_nid, usage) DO UPDATE SET public_key = excluded.public_key, key = excluded.key";
        self.execute(sql, (user.0, &key.usage, &key.public_key, &key.key)).map(drop)
    }

    /// Removes one of a user's cross-signing keys, with the signatures on it and by it.
    pub fn remove_cross_signing_key(&self, user: UserNid, key: &CrossSigningKey) -> Result<()> {
        let public_key = (user.0, &key.public_key);
        self.execute("DELETE FROM key_signatures WHERE target_nid = ?1 AND target_key = ?2", public_key)?;
        let made = "DELETE FROM key_signatures WHERE user_nid = ?1 AND key_id = 'ed25519:' || ?2";
        self.execute(made, public_key)?;
        let sql = "DELETE FROM cross_signing_keys WHERE user_nid = ?1 AND usage = ?2";
        self.execute(sql, (user.0, &key.usage)).map(drop)
    }

    /// Adds a signature to a key of `target`; returns whether that changes anything.
    pub fn add_key_signature(
        &self,
        target: UserNid,
        signer: UserNid,
        signature: &KeySignature,
        position: Position,
    ) -> Result<bool> {
        let sql = "INSERT INTO key_signatures (target_nid, target_key, user_nid, key_id, signature, position)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (target_nid, target_key, user_nid, key_id) DO UPDATE SET signature = excluded.signature, position = excluded.position
                   WHERE key_signatures.signature <> excluded.signature";
        let KeySignature { target_key, key_id, signature, .. } = signature;
        let row = (target.0, target_key, signer.0, key_id, signature, position.to_i64());
        Ok(self.execute(sql, row)? == 1)
    }

    /// Removes everything that a user whose account ends has published for encryption and that does not go with their
    /// devices.
    pub fn remove_cross_signing(&self, user: UserNid) -> Result<()> {
        self.execute("DELETE FROM key_signatures WHERE target_nid = ?1 OR user_nid = ?1", [user.0])?;
        self.execute("DELETE FROM cross_signing_keys WHERE user_nid = ?1", [user.0])?;
        self.execute("DELETE FROM spent_keys WHERE user_nid = ?1", [user.0]).map(drop)
    }
}
