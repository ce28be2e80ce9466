//! Filters that users uploaded.

use im2_model::UserNid;

use crate::{Result, Snapshot, Transaction};

impl Snapshot<'_> {
    /// The definition of a user's filter.
    pub fn filter(&self, user: UserNid, number: i64) -> Result<Option<String>> {
        let sql = "SELECT definition FROM filters WHERE user_nid = ?1 AND number = ?2";
        self.row(sql, (user.0, number), |row| row.get(0))
    }

    /// The number of a user's filter with exactly this definition.
    pub fn filter_number(&self, user: UserNid, definition: &str) -> Result<Option<i64>> {
        let sql = "SELECT number FROM filters WHERE user_nid = ?1 AND definition = ?2";
        self.row(sql, (user.0, definition), |row| row.get(0))
    }

    /// The number of a user's newest filter, which is how many there are.
    pub fn last_filter_number(&self, user: UserNid) -> Result<i64> {
        let sql = "SELECT max(number) FROM filters WHERE user_nid = ?1";
        let last: Option<Option<i64>> = self.row(sql, [user.0], |row| row.get(0))?;
        Ok(last.flatten().unwrap_or(0))
    }
}

impl Transaction<'_> {
    /// Stores a filter under a number that is still free.
    pub fn add_filter(&self, user: UserNid, number: i64, definition: &str) -> Result<()> {
        let sql = "INSERT INTO filters (user_nid, number, definition) VALUES (?1, ?2, ?3)";
        self.execute(sql, (user.0, number, definition)).map(drop)
    }
}
