//! Errors of SQLite, as the store tells them.

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_TRIGGER, SQLITE_CONSTRAINT_UNIQUE};

use crate::writability::Unwritable;

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

    /// Why nothing can be stored, if this error says so.
    pub(crate) fn unwritable(&self) -> Option<Unwritable> {
        match self.0.sqlite_error_code()? {
            ErrorCode::DiskFull => Some(Unwritable::Full),
            ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen => Some(Unwritable::Failing),
            _ => None,
        }
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
