//! Users and accounts.

use im2_model::{UserId, UserNid};

use crate::{Error, Result, Snapshot, Transaction};

impl Snapshot<'_> {
    /// The number of a user, if this server has heard of them.
    pub fn user_nid(&self, user_id: &UserId) -> Result<Option<UserNid>> {
        self.row("SELECT nid FROM users WHERE user_id = ?1", [user_id.as_str()], |row| row.get(0).map(UserNid))
    }

    /// The identifier behind a user's number.
    pub fn user_id(&self, user: UserNid) -> Result<Option<UserId>> {
        let text: Option<String> = self.row("SELECT user_id FROM users WHERE nid = ?1", [user.0], |row| row.get(0))?;
        text.map(|text| UserId::parse(&text).map_err(|_| Error::Corrupt(format!("user {}", user.0)))).transpose()
    }
}

impl Transaction<'_> {
    /// The number of a user, given one if they are new.
    pub fn ensure_user(&self, user_id: &UserId) -> Result<UserNid> {
        if let Some(found) = self.user_nid(user_id)? {
            return Ok(found);
        }
        self.insert("INSERT INTO users (user_id) VALUES (?1)", [user_id.as_str()]).map(UserNid)
    }
}
