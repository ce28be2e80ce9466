//! Whether the database can be written. That a disk is full, or fails, is found out by a commit; from then on changes are
//! refused at once, and a commit is tried again and again until one succeeds. What is stored can be read all the while.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::{Error, Result};

/// Why nothing can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwritable {
    /// There is no place left.
    Full,
    /// The disk, or the file system, does not take what is written.
    Failing,
}

impl std::fmt::Display for Unwritable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Full => "the disk is full",
            Self::Failing => "the disk cannot be written",
        })
    }
}

/// How long nothing is tried after a commit that failed. A disk that fails may take seconds to say so, and what is
/// refused in the meantime does not wait for it.
const PAUSE: Duration = Duration::from_secs(1);

/// What the writer knows of it.
#[derive(Debug, Default)]
pub(crate) struct Writability(Mutex<Option<Failing>>);

#[derive(Debug)]
struct Failing {
    why: Unwritable,
    since: Instant,
    /// Nothing is tried before.
    until: Instant,
}

impl Writability {
    /// Why nothing can be stored, if that is so.
    pub(crate) fn problem(&self) -> Option<Unwritable> {
        self.0.lock().as_ref().map(|failing| failing.why)
    }

    /// Whether a commit may be tried now; if not, why not.
    pub(crate) fn may_try(&self) -> Result<()> {
        match &*self.0.lock() {
            Some(failing) if Instant::now() < failing.until => Err(Error::Unwritable(failing.why)),
            _ => Ok(()),
        }
    }

    /// Something was stored.
    pub(crate) fn succeeded(&self) {
        if let Some(failing) = self.0.lock().take() {
            tracing::warn!(seconds = failing.since.elapsed().as_secs(), "the database can be written again");
        }
    }

    /// Something could not be stored.
    pub(crate) fn failed(&self, why: Unwritable) {
        let now = Instant::now();
        let mut state = self.0.lock();
        if state.as_ref().is_none_or(|failing| failing.why != why) {
            tracing::error!("nothing can be stored: {why}. Until it can, everything is read only");
        }
        let since = state.as_ref().map_or(now, |failing| failing.since);
        *state = Some(Failing { why, since, until: now + PAUSE });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_not_tried_at_once_and_forgotten_when_something_was_stored() {
        let writability = Writability::default();
        assert!(writability.may_try().is_ok() && writability.problem().is_none());
        writability.failed(Unwritable::Full);
        assert!(matches!(writability.may_try(), Err(Error::Unwritable(Unwritable::Full))));
        writability.0.lock().as_mut().unwrap().until = Instant::now();
        assert!(writability.may_try().is_ok(), "it is time to try");
        assert_eq!(writability.problem(), Some(Unwritable::Full), "but nothing was stored yet");
        let since = writability.0.lock().as_ref().unwrap().since;
        writability.failed(Unwritable::Failing);
        assert_eq!(writability.0.lock().as_ref().unwrap().since, since, "it is the same trouble");
        writability.succeeded();
        assert!(writability.may_try().is_ok() && writability.problem().is_none());
    }
}
