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
        let mut statement = self.prepare(sql)?;
        let row = statement.query_row(params, read).optional();
        #[cfg(test)]
        steps::add(&statement);
        Ok(row?)
    }

    /// All rows. The query must carry a limit or a bound that the caller states.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map(params, read)?.collect::<rusqlite::Result<_>>();
        #[cfg(test)]
        steps::add(&statement);
        Ok(rows?)
    }
}

/// The work of queries, in steps of SQLite's virtual machine: the same however busy the machine is.
#[cfg(test)]
pub(crate) mod steps {
    use std::cell::Cell;

    use rusqlite::{Statement, StatementStatus};

    thread_local! {
        static STEPS: Cell<i64> = const { Cell::new(0) };
    }

    pub(super) fn add(statement: &Statement<'_>) {
        STEPS.set(STEPS.get() + i64::from(statement.reset_status(StatementStatus::VmStep)));
    }

    /// The outcome of `work`, and the steps of all queries that it ran on this thread.
    pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (T, i64) {
        STEPS.set(0);
        (work(), STEPS.get())
    }
}
