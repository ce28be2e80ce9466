//! Errors of SQLite, as the store tells them.

use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_TRIGGER, SQLITE_CONSTRAINT_UNIQUE};

/// An error of the database engine.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(rusqlite::Error);

impl DatabaseError {
    /// Whether a UNIQUE or PRIMARY KEY constraint refused the row.
    pub(crate) fn is_duplicate(&self) -> bool {
        let rusqlite::Error::SqliteFailure(failure, _) = &self.0 else { return false };
        matches!(failure.extended_code, SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY)
    }
}

impl From<rusqlite::Error> for crate::Error {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            // Only what appends an event has triggers that refuse it (rooms/append.sql).
            rusqlite::Error::SqliteFailure(failure, _) if failure.extended_code == SQLITE_CONSTRAINT_TRIGGER => {
                Self::Conflict
            }
            _ => Self::Database(DatabaseError(error)),
        }
    }
}
