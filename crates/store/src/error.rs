//! Errors of the database.

use std::io::ErrorKind;

use crate::{sqlite::DatabaseError, writability::Unwritable};

/// The error of every operation of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database engine refused or failed.
    #[error("database: {0}")]
    Database(#[source] DatabaseError),
    /// The folder or a file in it could not be used.
    #[error("data directory: {0}")]
    Io(#[from] std::io::Error),
    /// Another process has the data directory open.
    #[error("the data directory {0} is in use by another running server")]
    Locked(String),
    /// A later release has written this database.
    #[error("the database has schema version {found}, this program knows up to {known}: run the newer release")]
    NewerDatabase {
        /// The version found in the file.
        found: i64,
        /// The newest version that this program can use.
        known: i64,
    },
    /// A room was written to from another place since the caller computed its change; load it anew and retry.
    #[error("the room has moved on")]
    Conflict,
    /// A thing that may be there once only is there already.
    #[error("it is there already")]
    AlreadyThere,
    /// Nothing can be stored at the moment, and nothing of this operation is.
    #[error("nothing can be stored: {0}")]
    Unwritable(Unwritable),
    /// The commit that this operation shared with others failed, and so did the operation.
    #[error("commit failed: {0}")]
    Commit(String),
    /// Too much of the caller's work waits already, or of everybody's.
    #[error(transparent)]
    Busy(#[from] im2_fair::Busy),
    /// The store has been shut down.
    #[error("the store is closed")]
    Closed,
    /// A stored value is not what this program writes.
    #[error("corrupt row: {0}")]
    Corrupt(String),
}

impl Error {
    /// Whether a UNIQUE or PRIMARY KEY constraint refused the row.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_duplicate())
    }

    /// Why nothing can be stored, if this error says so.
    pub fn unwritable(&self) -> Option<Unwritable> {
        match self {
            Self::Unwritable(why) => Some(*why),
            Self::Database(error) => error.unwritable(),
            Self::Io(error) => match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(Unwritable::Full),
                ErrorKind::ReadOnlyFilesystem | ErrorKind::FileTooLarge => Some(Unwritable::Failing),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
