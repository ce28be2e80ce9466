//! Access and refresh tokens, as digests.
//!
//! An access token and its refresh token are one row, a pair. Refreshing makes a new pair that replaces the old one;
//! the old pair goes when the new one is first used (spec: "Refreshing access tokens").

use im2_model::{DeviceId, Millis, UserId, UserNid};

use crate::{Result, Row, Snapshot, Transaction, accounts::parsed_user, devices::parsed_device};

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// A pair of tokens and whom it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// Its number.
    pub nid: i64,
    /// The user's number.
    pub user: UserNid,
    /// The user.
    pub user_id: UserId,
    /// The device it belongs to; `None` for an administrator who acts as the user.
    pub device_id: Option<DeviceId>,
    /// Whether the account administers the server.
    pub is_admin: bool,
    /// When the access token ends, if ever.
    pub expires_at: Option<Millis>,
    /// The pair that this one was made from, while neither of this one's tokens has been used.
    pub replaces: Option<i64>,
}

/// A pair to be stored.
#[derive(Debug, Clone)]
pub struct NewTokenPair {
    /// The user.
    pub user: UserNid,
    /// The device, which exists.
    pub device_id: DeviceId,
    /// The access token's digest.
    pub access: TokenHash,
    /// The refresh token's digest, for clients that refresh.
    pub refresh: Option<TokenHash>,
    /// When the access token ends, if ever.
    pub expires_at: Option<Millis>,
    /// The pair that it was refreshed from.
    pub replaces: Option<i64>,
}

const PAIR: &str = "SELECT t.nid, t.user_nid, u.user_id, t.device_id, a.is_admin, t.expires_at, t.replaces
                    FROM tokens t JOIN users u ON u.nid = t.user_nid JOIN accounts a ON a.user_nid = t.user_nid";

fn pair(row: &Row<'_>) -> Result<TokenPair> {
    Ok(TokenPair {
        nid: row.get(0)?,
        user: UserNid(row.get(1)?),
        user_id: parsed_user(row, 2)?,
        device_id: row.get::<Option<&str>>(3)?.map(|_| parsed_device(row, 3)).transpose()?,
        is_admin: row.get(4)?,
        expires_at: row.get::<Option<i64>>(5)?.map(|at| at as Millis),
        replaces: row.get(6)?,
    })
}

impl Snapshot<'_> {
    /// The pair with this access token.
    pub fn token_pair(&self, access: &TokenHash) -> Result<Option<TokenPair>> {
        self.row(&format!("{PAIR} WHERE t.access_hash = ?1"), [access], pair)
    }

    /// The pair with this refresh token.
    pub fn token_pair_by_refresh(&self, refresh: &TokenHash) -> Result<Option<TokenPair>> {
        self.row(&format!("{PAIR} WHERE t.refresh_hash = ?1"), [refresh], pair)
    }

    /// The digests of all access tokens of a user, or of one device of theirs.
    pub fn access_hashes(&self, user: UserNid, device_id: Option<&DeviceId>) -> Result<Vec<TokenHash>> {
        let sql = "SELECT access_hash FROM tokens WHERE user_nid = ?1 AND (?2 IS NULL OR device_id = ?2)";
        self.rows(sql, (user.0, device_id.map(DeviceId::as_str)), |row| row.get(0))
    }
}

impl Transaction<'_> {
    /// Stores a pair. What had been made from the same pair before, and was never used, makes room.
    pub fn add_token_pair(&self, new: &NewTokenPair) -> Result<i64> {
        let sql = "INSERT INTO tokens (user_nid, device_id, access_hash, refresh_hash, expires_at, replaces)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING nid";
        let expires_at = new.expires_at.map(|at| at as i64);
        let device_id = new.device_id.as_str();
        self.insert(sql, (new.user.0, device_id, new.access, new.refresh, expires_at, new.replaces))
    }

    /// Removes the pair that was refreshed from `origin` and not used yet. Returns its access token's digest.
    pub fn remove_unused_successor(&self, origin: i64) -> Result<Option<TokenHash>> {
        self.row("DELETE FROM tokens WHERE replaces = ?1 RETURNING access_hash", [origin], |row| row.get(0))
    }

    /// Removes a pair. Returns its access token's digest.
    pub fn remove_token_pair(&self, nid: i64) -> Result<Option<TokenHash>> {
        self.row("DELETE FROM tokens WHERE nid = ?1 RETURNING access_hash", [nid], |row| row.get(0))
    }

    /// Notes that a pair is in use, which ends the one it replaces. Returns that one's access token's digest.
    pub fn confirm_token_pair(&self, nid: i64) -> Result<Option<TokenHash>> {
        let sql = "SELECT replaces FROM tokens WHERE nid = ?1";
        let replaced: Option<i64> = self.row(sql, [nid], |row| row.get(0))?.flatten();
        let Some(replaced) = replaced else { return Ok(None) };
        self.execute("UPDATE tokens SET replaces = NULL WHERE nid = ?1", [nid])?;
        self.remove_token_pair(replaced)
    }

    /// Stores a token with which `issuer`, an administrator, acts as `user`.
    pub fn add_borrowed_token(
        &self,
        user: UserNid,
        issuer: UserNid,
        access: &TokenHash,
        expires_at: Option<Millis>,
    ) -> Result<()> {
        let sql = "INSERT INTO tokens (user_nid, access_hash, expires_at, issuer_nid) VALUES (?1, ?2, ?3, ?4)";
        self.execute(sql, (user.0, access, expires_at.map(|at| at as i64), issuer.0)).map(drop)
    }

    /// Removes the tokens with which administrators act as `user`. Returns their digests.
    pub fn remove_borrowed_tokens(&self, user: UserNid) -> Result<Vec<TokenHash>> {
        let sql = "DELETE FROM tokens WHERE user_nid = ?1 AND device_id IS NULL RETURNING access_hash";
        self.rows(sql, [user.0], |row| row.get(0))
    }

    /// Removes the tokens with which `issuer` acts as others. Returns their digests.
    pub fn remove_tokens_issued_by(&self, issuer: UserNid) -> Result<Vec<TokenHash>> {
        self.rows("DELETE FROM tokens WHERE issuer_nid = ?1 RETURNING access_hash", [issuer.0], |row| row.get(0))
    }

    /// Removes all tokens of a device.
    pub fn remove_device_tokens(&self, user: UserNid, device_id: &DeviceId) -> Result<()> {
        let sql = "DELETE FROM tokens WHERE user_nid = ?1 AND device_id = ?2";
        self.execute(sql, (user.0, device_id.as_str())).map(drop)
    }
}
