//! Limits on requests that administrators set for single users.

use im2_model::UserNid;

use crate::{Result, Snapshot, Transaction};

/// A rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// So many in a second; 0 for as many as the user likes.
    pub per_second: u32,
    /// So many at once.
    pub burst: u32,
}

impl Snapshot<'_> {
    /// All users with a limit of their own: set by hand, so there are few.
    pub fn rate_limits(&self) -> Result<Vec<(UserNid, RateLimit)>> {
        self.rows("SELECT user_nid, per_second, burst FROM rate_limits", [], |row| {
            Ok((UserNid(row.get(0)?), RateLimit { per_second: row.get(1)?, burst: row.get(2)? }))
        })
    }
}

impl Transaction<'_> {
    /// Gives a user a limit of their own, or takes it away.
    pub fn set_rate_limit(&self, user: UserNid, limit: Option<RateLimit>) -> Result<()> {
        self.execute("DELETE FROM rate_limits WHERE user_nid = ?1", [user.0])?;
        if let Some(RateLimit { per_second, burst }) = limit {
            let sql = "INSERT INTO rate_limits (user_nid, per_second, burst) VALUES (?1, ?2, ?3)";
            self.execute(sql, (user.0, per_second, burst))?;
        }
        Ok(())
    }
}
