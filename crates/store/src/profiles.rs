//! What users say about themselves.

use im2_model::UserId;

use crate::{Result, Snapshot};

impl Snapshot<'_> {
    /// A user's display name and avatar, as member events carry them; what is not set is left out.
    pub fn member_profile(&self, user_id: &UserId) -> Result<Vec<(String, String)>> {
        let sql = "SELECT field, json_extract(value, '$') FROM profile_fields p JOIN users u ON u.nid = p.user_nid
                   WHERE u.user_id = ?1 AND field IN ('displayname', 'avatar_url') AND json_type(value) = 'text'";
        self.rows(sql, [user_id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}
