//! Profiles of users: named JSON values.

use im2_model::{UserId, UserNid};

use crate::{Result, Snapshot, Transaction, dialect::Sql};

/// A field of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileField {
    /// Its name.
    pub name: String,
    /// Its value, JSON.
    pub value: String,
}

impl Snapshot<'_> {
    /// A user's display name and avatar, as member events carry them; what is not set is left out.
    pub fn member_profile(&self, user_id: &UserId) -> Result<Vec<(String, String)>> {
        let sql = "SELECT field, json_extract(value, '$') FROM profile_fields p JOIN users u ON u.nid = p.user_nid
                   WHERE u.user_id = ?1 AND field IN ('displayname', 'avatar_url') AND json_type(value) = 'text'";
        self.rows(Sql::SqliteOnly(sql), [user_id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// All fields of a user's profile, by name. Bounded by the size that a profile may have.
    pub fn profile(&self, user: UserNid) -> Result<Vec<ProfileField>> {
        let sql = "SELECT field, value FROM profile_fields WHERE user_nid = ?1 ORDER BY field";
        self.rows(sql, [user.0], |row| Ok(ProfileField { name: row.get(0)?, value: row.get(1)? }))
    }

    /// One field's value, JSON.
    pub fn profile_field(&self, user: UserNid, name: &str) -> Result<Option<String>> {
        let sql = "SELECT value FROM profile_fields WHERE user_nid = ?1 AND field = ?2";
        self.row(sql, (user.0, name), |row| row.get(0))
    }
}

impl Transaction<'_> {
    /// Sets a field to a JSON value.
    pub fn set_profile_field(&self, user: UserNid, name: &str, value: &str) -> Result<()> {
        let sql = "INSERT INTO profile_fields (user_nid, field, value) VALUES (?1, ?2, ?3)
                   ON CONFLICT (user_nid, field) DO UPDATE SET value = excluded.value";
        self.execute(sql, (user.0, name, value)).map(drop)
    }

    /// Removes a field; returns whether it was there.
    pub fn remove_profile_field(&self, user: UserNid, name: &str) -> Result<bool> {
        let sql = "DELETE FROM profile_fields WHERE user_nid = ?1 AND field = ?2";
        Ok(self.execute(sql, (user.0, name))? == 1)
    }

    /// Removes all fields.
    pub fn remove_profile(&self, user: UserNid) -> Result<()> {
        self.execute("DELETE FROM profile_fields WHERE user_nid = ?1", [user.0]).map(drop)
    }
}
