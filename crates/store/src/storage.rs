//! What the database takes on disk, table by table: for budgets and for whoever wonders where the space goes.

use crate::{Result, Snapshot};

/// The bytes of one table or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its name in the schema.
    pub name: String,
    /// The pages that it fills, in bytes.
    pub bytes: u64,
}

impl Snapshot<'_> {
    /// How much each table and index takes, the largest first. Reads every page: not for the running business.
    pub fn storage(&self) -> Result<Vec<Share>> {
        let sql = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC";
        self.rows(sql, [], |row| Ok(Share { name: row.get(0)?, bytes: row.get::<_, i64>(1)? as u64 }))
    }
}
