//! A consistent view of the database for reading.

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row, StatementStatus};

use crate::Result;

/// Everything committed at one moment. The domains' read operations are methods of this type.
#[derive(Debug)]
pub struct Snapshot<'a> {
    pub(crate) connection: &'a Connection,
}

impl Snapshot<'_> {
    /// A statement, prepared once for each connection.
    pub(crate) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        let statement = self.connection.prepare_cached(sql)?;
        debug_assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "prepared again for other values: {sql}");
        Ok(statement)
    }

    /// The first row, if there is one.
    pub(crate) fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.prepare(sql)?.query_row(params, read).optional()?)
    }

    /// All rows. The query must carry a limit or a bound that the caller states.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
