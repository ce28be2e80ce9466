//! Tokens that are good for one thing and for a short time, as digests.

use im2_model::{Millis, UserNid};

use crate::{Result, Snapshot, Transaction, tokens::TokenHash};

/// Passes that one user may have for one purpose at a time. Who asks for more loses the ones that end first.
const MOST: i64 = 100;

/// The purpose of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing in, once.
    Login,
    /// Showing others who the user is.
    OpenId,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::OpenId => "openid",
        }
    }
}

impl Snapshot<'_> {
    /// The user of a pass, if it is good at `now`.
    pub fn short_lived_token(&self, purpose: Purpose, hash: &TokenHash, now: Millis) -> Result<Option<UserNid>> {
        let sql = "SELECT user_nid FROM passes WHERE purpose = ?1 AND hash = ?2 AND expires_at > ?3";
        self.row(sql, (purpose.as_str(), hash, now as i64), |row| row.get(0).map(UserNid))
    }
}

impl Transaction<'_> {
    /// Stores a pass, and forgets those of everybody that have ended.
    pub fn add_pass(
        &self,
        purpose: Purpose,
        hash: &TokenHash,
        user: UserNid,
        now: Millis,
        expires_at: Millis,
    ) -> Result<()> {
        self.execute("DELETE FROM passes WHERE expires_at <= ?1", [now as i64])?;
        let sql = "DELETE FROM passes WHERE (purpose, hash) IN (
                       SELECT purpose, hash FROM passes WHERE user_nid = ?1 AND purpose = ?2
                       ORDER BY expires_at DESC LIMIT ?3 OFFSET ?4)";
        self.execute(sql, (user.0, purpose.as_str(), i64::MAX, MOST - 1))?;
        let sql = "INSERT INTO passes (purpose, hash, user_nid, expires_at) VALUES (?1, ?2, ?3, ?4)";
        self.execute(sql, (purpose.as_str(), hash, user.0, expires_at as i64)).map(drop)
    }

    /// Uses a pass up; says whether there was one.
    pub fn use_pass(&self, purpose: Purpose, hash: &TokenHash) -> Result<bool> {
        let sql = "DELETE FROM passes WHERE purpose = ?1 AND hash = ?2";
        Ok(self.execute(sql, (purpose.as_str(), hash))? == 1)
    }

    /// Forgets all passes of a user.
    pub fn remove_short_lived_tokens(&self, user: UserNid) -> Result<()> {
        self.execute("DELETE FROM passes WHERE user_nid = ?1", [user.0]).map(drop)
    }
}
