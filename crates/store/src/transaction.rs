//! One caller's atomic change, inside the writer's current commit.

use std::{ops::Deref, sync::Arc};

use im2_model::Position;
use rusqlite::{Connection, Params};
use tokio::sync::Notify;

use crate::{Result, Snapshot};

/// What runs after the commit, on the writer's thread, in commit order.
pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// A change in the making. The domains' write operations are methods of this type; reading (it derefs to
/// [`Snapshot`]) sees the change itself and all before it.
pub struct Transaction<'a> {
    snapshot: Snapshot<'a>,
    last: &'a mut Position,
    job_added: &'a Arc<Notify>,
    hooks: Vec<Hook>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(connection: &'a Connection, last: &'a mut Position, job_added: &'a Arc<Notify>) -> Self {
        Self { snapshot: Snapshot { connection }, last, job_added, hooks: Vec::new() }
    }

    /// The next stream position. Taken by every change that a client may have to hear of.
    pub fn next_position(&mut self) -> Position {
        *self.last = self.last.next();
        *self.last
    }

    /// Runs `hook` once this change is durable, before the caller is answered and after the hooks of all changes
    /// committed before it. Must be quick and must not block: it runs on the writer's thread.
    pub fn on_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// What wakes whoever runs the jobs.
    pub(crate) fn job_added(&self) -> &Arc<Notify> {
        self.job_added
    }

    pub(crate) fn into_hooks(self) -> Vec<Hook> {
        self.hooks
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        Ok(self.snapshot.prepare(sql)?.execute(params)?)
    }

    /// Runs an INSERT and returns the new row's number.
    pub(crate) fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        Ok(self.snapshot.prepare(sql)?.insert(params)?)
    }
}

impl<'a> Deref for Transaction<'a> {
    type Target = Snapshot<'a>;

    fn deref(&self) -> &Snapshot<'a> {
        &self.snapshot
    }
}

impl std::fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").field("last", &self.last).field("hooks", &self.hooks.len()).finish()
    }
}
