//! The schema and its history. Migrations go forward only; each runs in a transaction of its own.

use crate::{Error, Result, rooms::APPENDING, sqlite::Connection};

/// One entry a schema version, in order; each is a list of scripts. A released entry never changes.
const MIGRATIONS: &[&[&str]] = &[
    &[
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
    ],
    &[include_str!("schema/web_push.sql")],
    &[include_str!("schema/positions.sql")],
    &[include_str!("schema/followers.sql")],
    &[include_str!("schema/graph.sql")],
    &[include_str!("schema/job_claims.sql")],
    &[include_str!("schema/state_by_number.sql")],
];

/// The schema version of a database that this program can use, as it is or after migrating it.
pub(crate) fn version(connection: &Connection) -> Result<i64> {
    let found = connection.schema_version()?;
    let known = MIGRATIONS.len() as i64;
    if found > known { Err(Error::NewerDatabase { found, known }) } else { Ok(found) }
}

/// Brings the database's schema up to date, and makes what the connection needs to write.
pub(crate) fn migrate(connection: &Connection) -> Result<()> {
    migrate_until(connection, MIGRATIONS.len())?;
    connection.run(APPENDING)
}

/// Brings the schema to the version `last` and no further.
pub(crate) fn migrate_until(connection: &Connection, last: usize) -> Result<()> {
    let found = version(connection)?;
    for (version, scripts) in (1..).zip(&MIGRATIONS[..last]).skip(found as usize) {
        connection.writing(|| {
            scripts.iter().try_for_each(|script| connection.run(script))?;
            connection.set_schema_version(version)
        })?;
        tracing::info!(version, "database schema migrated");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, migrate, version};
    use crate::{Error, sqlite::Connection};

    #[test]
    fn migrating_twice_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for expected in [0, MIGRATIONS.len() as i64] {
            let connection = Connection::open_for_writing(&folder.path().join("im2.db")).unwrap();
            assert_eq!(version(&connection).unwrap(), expected);
            migrate(&connection).unwrap();
        }
    }

    #[test]
    fn a_newer_database_is_refused() {
        let connection = Connection::in_memory();
        connection.set_schema_version(999).unwrap();
        assert!(matches!(migrate(&connection), Err(Error::NewerDatabase { found: 999, .. })));
    }
}
