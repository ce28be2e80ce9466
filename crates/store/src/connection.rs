//! What all connections to the database have in common.

use std::time::Duration;

use rusqlite::{Connection, config::DbConfig};

use crate::Result;

/// Statements kept prepared per connection: more than the program has.
const STATEMENT_CACHE: usize = 512;
/// How long a connection waits for a lock that another holds for a moment.
const BUSY: Duration = Duration::from_secs(5);

/// Sets up a new connection.
///
/// A statement has the same plan whatever is bound to it ("query planner stability guarantee"). Else SQLite parses and
/// plans many statements again each time that other values are bound, which takes longer than most of them run.
pub(crate) fn set_up(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}
