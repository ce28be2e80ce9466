//! One process a data directory.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use crate::{Error, Result, file_modes};

/// Held while the store is open; the operating system releases it even after `kill -9`.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    pub(crate) fn take(directory: &Path) -> Result<Self> {
        let path = directory.join("im2.lock");
        let file = file_modes::file().create(true).write(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked(directory.display().to_string())),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}
