//! Tokens with which somebody may register (spec: "Token-authenticated registration").

use im2_model::Millis;

use crate::{Result, Row, Snapshot, Transaction};

/// A registration token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationToken {
    /// The token.
    pub token: String,
    /// How many accounts may be made with it; `None` for any number.
    pub uses_allowed: Option<u32>,
    /// How many have been.
    pub uses: u32,
    /// When it ends, if ever.
    pub expires_at: Option<Millis>,
    /// Whether an account made with it administers the server.
    pub grants_admin: bool,
}

impl RegistrationToken {
    /// Whether an account can be made with it at `now`.
    pub fn is_valid(&self, now: Millis) -> bool {
        self.uses_allowed.is_none_or(|allowed| self.uses < allowed) && self.expires_at.is_none_or(|at| now < at)
    }
}

const TOKEN: &str = "SELECT token, uses_allowed, uses, expires_at, grants_admin FROM registration_tokens";

fn token(row: &Row<'_>) -> Result<RegistrationToken> {
    Ok(RegistrationToken {
        token: row.get(0)?,
        uses_allowed: row.get(1)?,
        uses: row.get(2)?,
        expires_at: row.get::<Option<i64>>(3)?.map(|at| at as Millis),
        grants_admin: row.get(4)?,
    })
}

impl Snapshot<'_> {
    /// A registration token, valid or not.
    pub fn registration_token(&self, text: &str) -> Result<Option<RegistrationToken>> {
        self.row(&format!("{TOKEN} WHERE token = ?1"), [text], token)
    }

    /// Up to `limit` registration tokens after `after`, in the order of their text.
    pub fn registration_tokens(&self, after: &str, limit: usize) -> Result<Vec<RegistrationToken>> {
        self.rows(&format!("{TOKEN} WHERE token > ?1 ORDER BY token LIMIT ?2"), (after, limit as i64), token)
    }

    /// A token that is valid at `now` and makes administrators.
    pub fn admin_registration_token(&self, now: Millis) -> Result<Option<RegistrationToken>> {
        let sql = format!(
            "{TOKEN} WHERE grants_admin AND (uses_allowed IS NULL OR uses < uses_allowed)
                       AND (expires_at IS NULL OR expires_at > ?1) LIMIT 1"
        );
        self.row(&sql, [now as i64], token)
    }
}

impl Transaction<'_> {
    /// Stores a token; `false` if there is one of that text.
    pub fn add_registration_token(&self, new: &RegistrationToken, now: Millis) -> Result<bool> {
        let sql = "INSERT INTO registration_tokens (token, uses_allowed, uses, expires_at, grants_admin, created_ts)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
        let expires_at = new.expires_at.map(|at| at as i64);
        let values = (&new.token, new.uses_allowed, new.uses, expires_at, new.grants_admin, now as i64);
        Ok(self.execute(sql, values)? == 1)
    }

    /// Counts a use of a token; `false`, and nothing counted, if it is not valid any more.
    pub fn use_registration_token(&self, text: &str, now: Millis) -> Result<bool> {
        let sql = "UPDATE registration_tokens SET uses = uses + 1
                   WHERE token = ?1 AND (uses_allowed IS NULL OR uses < uses_allowed)
                     AND (expires_at IS NULL OR expires_at > ?2)";
        Ok(self.execute(sql, (text, now as i64))? == 1)
    }

    /// Changes how often and until when a token can be used; `false` if there is no such token.
    pub fn update_registration_token(
        &self,
        text: &str,
        uses_allowed: Option<u32>,
        expires_at: Option<Millis>,
    ) -> Result<bool> {
        let sql = "UPDATE registration_tokens SET uses_allowed = ?2, expires_at = ?3 WHERE token = ?1";
        Ok(self.execute(sql, (text, uses_allowed, expires_at.map(|at| at as i64)))? == 1)
    }

    /// Removes a token; `false` if there was none.
    pub fn remove_registration_token(&self, text: &str) -> Result<bool> {
        Ok(self.execute("DELETE FROM registration_tokens WHERE token = ?1", [text])? == 1)
    }
}
