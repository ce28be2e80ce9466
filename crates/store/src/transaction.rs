//! One caller's atomic change, inside the writer's current commit.

use std::ops::{Deref, DerefMut};

use im2_model::{Position, PositionClock};

use crate::{Error, Result, Snapshot, dialect::Sql, sqlite::Connection, values::Params};

/// A change in the making. The domains' write operations are methods of this type; reading (it derefs to
/// [`Snapshot`]) sees the change itself and all before it.
pub struct Transaction<'a> {
    snapshot: Snapshot<'a>,
    clock: &'a mut PositionClock,
    has_added_job: bool,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(connection: &'a Connection, clock: &'a mut PositionClock) -> Self {
        Self { snapshot: Snapshot { connection }, clock, has_added_job: false }
    }

    /// The next stream position. Taken by every change that a client may have to hear of.
    pub fn next_position(&mut self) -> Position {
        self.clock.next()
    }

    /// The next position off the stream: of what is stored and is no news to anybody.
    pub(crate) fn next_off_stream(&mut self) -> Position {
        self.clock.next().off_stream()
    }

    /// Notes that whoever runs the jobs has to look once this is durable.
    pub(crate) fn note_added_job(&mut self) {
        self.has_added_job = true;
    }

    pub(crate) fn has_added_job(&self) -> bool {
        self.has_added_job
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) fn execute<'s>(&self, sql: impl Into<Sql<'s>>, params: impl Params) -> Result<usize> {
        self.snapshot.connection.execute(sql.into(), params)
    }

    /// Runs an INSERT that returns the new row's number.
    pub(crate) fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        self.row(sql, params, |row| row.get(0))?.ok_or_else(|| Error::Corrupt(format!("nothing was returned by {sql}")))
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
        f.debug_struct("Transaction").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// A [`Transaction`], and what memory has to know of it once it is durable, as values of a type `C` of the caller's.
#[derive(Debug)]
pub struct Change<'a, C> {
    transaction: Transaction<'a>,
    outcomes: Vec<C>,
}

impl<'a, C> Change<'a, C> {
    pub(crate) fn new(transaction: Transaction<'a>) -> Self {
        Self { transaction, outcomes: Vec::new() }
    }

    /// Publishes `outcome` once this change is durable, before the caller is answered and after the outcomes of all
    /// changes committed before it. If the change fails, it is dropped.
    pub fn publish(&mut self, outcome: C) {
        self.outcomes.push(outcome);
    }

    pub(crate) fn into_parts(self) -> (Transaction<'a>, Vec<C>) {
        (self.transaction, self.outcomes)
    }
}

impl<'a, C> Deref for Change<'a, C> {
    type Target = Transaction<'a>;

    fn deref(&self) -> &Transaction<'a> {
        &self.transaction
    }
}

impl<C> DerefMut for Change<'_, C> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.transaction
    }
}
