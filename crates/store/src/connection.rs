//! What all connections to the database have in common.

use std::time::Duration;

use im2_model::NameSearch;
use rusqlite::{
    Connection,
    config::DbConfig,
    functions::{Context, FunctionFlags},
};

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
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("name_has", 2, flags, name_has)?;
    Ok(())
}

/// `name_has(name, term)`: whether a name has a term in it, as [`NameSearch`] finds it. NULL has nothing in it. SQLite's
/// own functions fold the case of ASCII letters only.
fn name_has(context: &Context<'_>) -> rusqlite::Result<bool> {
    // Read once for all rows of a statement.
    let search = context.get_or_create_aux(1, |term| term.as_str().map(NameSearch::new))?;
    Ok(context.get_raw(0).as_str_or_null()?.is_some_and(|name| search.finds(name)))
}
