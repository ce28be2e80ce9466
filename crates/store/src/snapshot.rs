//! A consistent view of the database for reading.

use crate::{
    Result, Row,
    dialect::Sql,
    sqlite::{self, Connection, Statement},
    values::Params,
};

/// Everything committed at one moment. The domains' read operations are methods of this type.
#[derive(Debug)]
pub struct Snapshot<'a> {
    pub(crate) connection: &'a Connection,
}

impl Snapshot<'_> {
    /// How many statements the calling thread has run: what a test of costs compares, for it is the same however busy the
    /// machine is.
    pub fn statements(&self) -> usize {
        sqlite::statements()
    }

    /// A statement, prepared once for each connection.
    pub(crate) fn prepare<'s>(&self, sql: impl Into<Sql<'s>>) -> Result<Statement<'_>> {
        self.connection.prepare(sql.into())
    }

    /// The first row, if there is one.
    pub(crate) fn row<'s, T>(
        &self,
        sql: impl Into<Sql<'s>>,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.prepare(sql)?.row(params, read)
    }

    /// All rows. The query must carry a limit or a bound that the caller states.
    pub(crate) fn rows<'s, T>(
        &self,
        sql: impl Into<Sql<'s>>,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.prepare(sql)?.rows(params, read)
    }
}
