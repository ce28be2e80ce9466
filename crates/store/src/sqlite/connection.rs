//! Connections: how they are opened and set up, and what is done with them as a whole.

use std::{path::Path, time::Duration};

use im2_model::NameSearch;
use rusqlite::{
    OpenFlags, StatementStatus,
    config::DbConfig,
    functions::{Context, FunctionFlags},
};

use super::Statement;
use crate::{Result, dialect::Sql, file_modes, values::Params};

/// Statements kept prepared per connection: more than the program has.
const STATEMENT_CACHE: usize = 512;
/// How long a connection waits for a lock that another holds for a moment.
const BUSY: Duration = Duration::from_secs(5);

/// A connection to the database.
#[derive(Debug)]
pub(crate) struct Connection(rusqlite::Connection);

impl Connection {
    /// Opens the writing connection. WAL with `synchronous = FULL`: a commit returns after its `fsync`. What is deleted
    /// is overwritten (`secure_delete`): a redacted message must not be readable in the file.
    pub(crate) fn open_for_writing(path: &Path) -> Result<Self> {
        // SQLite would make the file for everybody to read; those beside it get the same permissions as this one.
        file_modes::file().create(true).append(true).open(path)?;
        let connection = Self::set_up(rusqlite::Connection::open(path)?)?;
        connection.run(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;
             PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;",
        )?;
        Ok(connection)
    }

    /// Opens a connection that only reads.
    pub(crate) fn open_for_reading(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Self::set_up(rusqlite::Connection::open_with_flags(path, flags)?)?;
        connection.run("PRAGMA query_only = ON;")?;
        Ok(connection)
    }

    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        Self::set_up(rusqlite::Connection::open_in_memory().unwrap()).unwrap()
    }

    /// Sets up a new connection.
    ///
    /// A statement has the same plan whatever is bound to it ("query planner stability guarantee"). Else SQLite parses
    /// and plans many statements again each time that other values are bound, which takes longer than most of them run.
    fn set_up(connection: rusqlite::Connection) -> Result<Self> {
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        connection.busy_timeout(BUSY)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
        connection.create_scalar_function("name_has", 2, flags, name_has)?;
        Ok(Self(connection))
    }

    /// Sets how many bytes of the database file it keeps in memory.
    pub(crate) fn keep_pages(&self, bytes: usize) -> Result<()> {
        // Negative: in KiB rather than in pages.
        Ok(self.0.pragma_update(None, "cache_size", -i64::try_from(bytes / 1024).unwrap_or(i64::MAX))?)
    }

    /// Sets how many bytes of the database file it may map into memory.
    pub(crate) fn map(&self, bytes: usize) -> Result<()> {
        Ok(self.0.pragma_update(None, "mmap_size", i64::try_from(bytes).unwrap_or(i64::MAX))?)
    }

    /// A statement, prepared once.
    pub(crate) fn prepare(&self, sql: Sql<'_>) -> Result<Statement<'_>> {
        #[cfg(debug_assertions)]
        sql.check();
        let sql = sql.text();
        let statement = self.0.prepare_cached(sql)?;
        debug_assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "prepared again for other values: {sql}");
        Ok(Statement::new(statement))
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) fn execute<'s>(&self, sql: impl Into<Sql<'s>>, params: impl Params) -> Result<usize> {
        self.prepare(sql.into())?.execute(params)
    }

    /// Runs statements that have no parameters and are not kept.
    pub(crate) fn run(&self, script: &str) -> Result<()> {
        Ok(self.0.execute_batch(script)?)
    }

    /// How many rows have been changed since it was opened, what was undone included.
    pub(crate) fn rows_changed(&self) -> u64 {
        self.0.total_changes()
    }

    /// Whether a transaction is open: SQLite ends it by itself when the disk is full, for example.
    pub(crate) fn is_in_transaction(&self) -> bool {
        !self.0.is_autocommit()
    }

    /// Has `work` read one state of the database.
    pub(crate) fn reading<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let transaction = self.0.unchecked_transaction()?;
        let result = work();
        transaction.finish()?;
        result
    }

    /// Commits what `work` writes, or nothing of it if it fails.
    pub(crate) fn writing<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let transaction = self.0.unchecked_transaction()?;
        let result = work()?;
        transaction.commit()?;
        Ok(result)
    }

    /// The version of the schema that the database has.
    pub(crate) fn schema_version(&self) -> Result<i64> {
        Ok(self.0.query_row("PRAGMA user_version", [], |row| row.get(0))?)
    }

    /// Notes which version of the schema the database has.
    pub(crate) fn set_schema_version(&self, version: i64) -> Result<()> {
        Ok(self.0.pragma_update(None, "user_version", version)?)
    }

    /// Folds the write-ahead log into the database file and empties it. Says whether it is empty: a reader that still
    /// reads an older state keeps it.
    pub(crate) fn checkpoint(&self) -> Result<bool> {
        let is_busy: bool = self.0.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(!is_busy)
    }
}

/// `name_has(name, term)`: whether a name has a term in it, as [`NameSearch`] finds it. NULL has nothing in it. SQLite's
/// own functions fold the case of ASCII letters only.
fn name_has(context: &Context<'_>) -> rusqlite::Result<bool> {
    // Read once for all rows of a statement.
    let search = context.get_or_create_aux(1, |term| term.as_str().map(NameSearch::new))?;
    Ok(context.get_raw(0).as_str_or_null()?.is_some_and(|name| search.finds(name)))
}
