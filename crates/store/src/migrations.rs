//! The schema and its history. Migrations go forward only; each runs in a transaction of its own.

use rusqlite::Connection;

use crate::{Error, Result};

/// One entry a schema version, in order; each is a list of scripts. A released entry never changes.
const MIGRATIONS: &[&[&str]] = &[&[
    include_str!("schema/accounts.sql"),
    include_str!("schema/profiles.sql"),
    include_str!("schema/rooms.sql"),
    include_str!("schema/jobs.sql"),
    include_str!("schema/delayed_events.sql"),
    include_str!("schema/account_data.sql"),
    include_str!("schema/receipts.sql"),
    include_str!("schema/unread.sql"),
    include_str!("schema/thread_subscriptions.sql"),
    include_str!("schema/media.sql"),
    include_str!("schema/presence.sql"),
    include_str!("schema/user_directory.sql"),
    include_str!("schema/to_device.sql"),
    include_str!("schema/key_backup.sql"),
    include_str!("schema/pushers.sql"),
    include_str!("schema/search.sql"),
    include_str!("schema/e2ee.sql"),
    include_str!("schema/admin.sql"),
    include_str!("schema/reports.sql"),
    include_str!("schema/appservices.sql"),
]];

/// The schema version of a database that this program can use, as it is or after migrating it.
pub(crate) fn version(connection: &Connection) -> Result<i64> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if found > known { Err(Error::NewerDatabase { found, known }) } else { Ok(found) }
}

pub(crate) fn migrate(connection: &mut Connection) -> Result<()> {
    let found = version(connection)?;
    for (version, scripts) in (1..).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction()?;
        for script in *scripts {
            transaction.execute_batch(script)?;
        }
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
        tracing::info!(version, "database schema migrated");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::migrate;
    use crate::Error;
    use rusqlite::Connection;

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 999).unwrap();
        assert!(matches!(migrate(&mut connection), Err(Error::NewerDatabase { found: 999, .. })));
    }
}
