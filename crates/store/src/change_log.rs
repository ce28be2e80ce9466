//! The log by which nodes that write to one database tell each other their commits.
//!
//! A commit enters what its changes publish into a log. The others take it from there, in the order of the commits, and
//! apply it to their memory as they apply their own. A store that is alone has no log.

use std::{collections::HashMap, fmt, mem};

use im2_model::{Position, WriterId};
use parking_lot::{Mutex, MutexGuard};

use crate::Result;

/// A commit as another node is told of it.
#[derive(Debug)]
pub struct LogEntry<C> {
    /// The values that its changes published, in order.
    pub published: Vec<C>,
    /// How far the writer has got: it has committed nothing else up to here, and will not. [`Position::NONE`] if no further
    /// than before.
    pub reached: Position,
}

/// The log of one database.
pub trait ChangeLog<C>: fmt::Debug + Send + Sync {
    /// Has a node told what is committed from now on. Called between two commits.
    fn join(&self, node: WriterId);

    /// Begins a commit. Until what is returned is dropped, all other nodes wait here.
    fn begin(&self, writer: WriterId) -> Result<Box<dyn LoggedCommit<C> + '_>>;

    /// Takes the entries of commits by other nodes that `node` has not taken yet, in the order of the commits.
    fn take(&self, node: WriterId) -> Vec<LogEntry<C>>;
}

/// A commit under way. Dropped, it has not happened.
pub trait LoggedCommit<C> {
    /// Enters what is published, and how far the writer gets. The commit fails if this does.
    fn enter(&mut self, published: &[C], reached: Position) -> Result<()>;

    /// The commit is durable.
    fn committed(self: Box<Self>);
}

/// The log of nodes that are one process. What a node has not taken is kept until it does.
pub struct ProcessLog<C> {
    copy: fn(&C) -> Option<C>,
    committing: Mutex<()>,
    waiting: Mutex<HashMap<WriterId, Vec<LogEntry<C>>>>,
}

impl<C> ProcessLog<C> {
    /// An empty log. `copy` makes what another node is told of a value; `None` if it means nothing there.
    pub fn new(copy: fn(&C) -> Option<C>) -> Self {
        Self { copy, committing: Mutex::default(), waiting: Mutex::default() }
    }
}

impl<C: Send> ChangeLog<C> for ProcessLog<C> {
    fn join(&self, node: WriterId) {
        self.waiting.lock().insert(node, Vec::new());
    }

    fn begin(&self, writer: WriterId) -> Result<Box<dyn LoggedCommit<C> + '_>> {
        Ok(Box::new(ProcessCommit { log: self, writer, entries: Vec::new(), _alone: self.committing.lock() }))
    }

    fn take(&self, node: WriterId) -> Vec<LogEntry<C>> {
        self.waiting.lock().get_mut(&node).map(mem::take).unwrap_or_default()
    }
}

impl<C> fmt::Debug for ProcessLog<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessLog").finish_non_exhaustive()
    }
}

struct ProcessCommit<'a, C> {
    log: &'a ProcessLog<C>,
    writer: WriterId,
    entries: Vec<(WriterId, LogEntry<C>)>,
    _alone: MutexGuard<'a, ()>,
}

impl<C> LoggedCommit<C> for ProcessCommit<'_, C> {
    fn enter(&mut self, published: &[C], reached: Position) -> Result<()> {
        for node in self.log.waiting.lock().keys().filter(|node| **node != self.writer) {
            let published = published.iter().filter_map(self.log.copy).collect();
            self.entries.push((*node, LogEntry { published, reached }));
        }
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let mut waiting = self.log.waiting.lock();
        for (node, entry) in self.entries {
            waiting.entry(node).or_default().push(entry);
        }
    }
}
