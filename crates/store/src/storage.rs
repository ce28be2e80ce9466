//! Disk space of the database, table by table: for budgets and for whoever wonders where the space goes.

use crate::{Result, Row, Snapshot, dialect::Sql};

/// The bytes of one table or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its name in the schema.
    pub name: String,
    /// The bytes of the pages that it owns.
    pub bytes: u64,
    /// The bytes of those pages that hold something.
    pub used: u64,
}

impl Snapshot<'_> {
    /// How much each table and index takes, the largest first. Reads every page: not for the running business.
    pub fn storage(&self) -> Result<Vec<Share>> {
        let sql = "SELECT name, sum(pgsize), sum(pgsize - unused) FROM dbstat GROUP BY name ORDER BY 2 DESC";
        let bytes = |row: &Row<'_>, column| row.get::<i64>(column).map(|bytes| bytes as u64);
        self.rows(Sql::SqliteOnly(sql), [], |row| {
            Ok(Share { name: row.get(0)?, bytes: bytes(row, 1)?, used: bytes(row, 2)? })
        })
    }
}
