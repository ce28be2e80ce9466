//! The changes of one commit, in the making.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use im2_model::PositionClock;

use super::{Requested, WriteTurn};
use crate::{
    Error, Result, Transaction,
    commands::AnyCommand,
    sqlite::{self, Connection},
    transaction::Change,
};

/// Commands in one set. If one fails, those before it in its set have been carried out for nothing: this bounds how many.
const SET: usize = 64;

/// A change that was asked for, with the turn that is given back when it is answered.
type Asked<C> = (WriteTurn, Box<dyn Requested<C>>);

/// The changes of one commit. Each, or each set of commands, is in a savepoint of its own: if it fails, only it is undone.
pub(super) struct Batch<'a, C> {
    connection: &'a Connection,
    clock: &'a mut PositionClock,
    /// Whether everything is made twice.
    repeats: bool,
    /// Commands that are carried out together, which is not done yet.
    set: Vec<Asked<C>>,
    /// Whether a set has failed: the commands after it are carried out one by one, so that whoever makes sets fail makes
    /// the writer do one of them for nothing in a commit, and no more.
    has_failed: bool,
    /// What the changes publish, in order.
    pub(super) published: Vec<C>,
    pub(super) has_added_job: bool,
    pub(super) made: Vec<Made<C>>,
}

/// A change that was made.
pub(super) struct Made<C> {
    pub(super) turn: WriteTurn,
    pub(super) change: Box<dyn Requested<C>>,
    /// Whether it is there, or why not.
    pub(super) outcome: Result<()>,
}

/// What changes have done in a savepoint.
struct Outcome<C> {
    published: Vec<C>,
    has_added_job: bool,
}

/// What changes have done, as far as it can be compared.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    statements: usize,
    rows: u64,
    clock: PositionClock,
    /// How much was published and whether a job was added, or why it failed.
    outcome: std::result::Result<(usize, bool), String>,
}

impl<'a, C: 'static> Batch<'a, C> {
    pub(super) fn new(connection: &'a Connection, clock: &'a mut PositionClock, repeats: bool) -> Self {
        let (set, published, made) = Default::default();
        Self { connection, clock, repeats, set, has_failed: false, published, has_added_job: false, made }
    }

    /// Makes a change that is a function, after all before it.
    pub(super) fn make(&mut self, turn: WriteTurn, function: Box<dyn Requested<C>>) {
        self.finish();
        self.make_alone((turn, function));
    }

    /// Adds a command to the set, and carries that out if it is full.
    pub(super) fn carry_out(&mut self, turn: WriteTurn, command: AnyCommand<C>) {
        self.set.push((turn, command.into_requested()));
        if self.set.len() == SET || self.has_failed {
            self.finish();
        }
    }

    /// Carries out the set. Says whether there was one.
    pub(super) fn finish(&mut self) -> bool {
        let mut set = mem::take(&mut self.set);
        let there_was = !set.is_empty();
        if set.len() > 1 && self.attempt(&mut set).is_ok() {
            self.made.extend(set.into_iter().map(|(turn, change)| Made { turn, change, outcome: Ok(()) }));
            return true;
        }
        self.has_failed |= set.len() > 1;
        for one in set {
            self.make_alone(one);
        }
        there_was
    }

    fn make_alone(&mut self, mut one: Asked<C>) {
        let outcome = self.attempt(std::slice::from_mut(&mut one));
        self.made.push(Made { turn: one.0, change: one.1, outcome });
    }

    /// Makes changes in a savepoint: all of them, or none if one fails.
    fn attempt(&mut self, changes: &mut [Asked<C>]) -> Result<()> {
        let before = *self.clock;
        if !self.connection.is_in_transaction() {
            return Err(Error::Commit("no transaction could be started".into()));
        }
        self.statement("SAVEPOINT change")?;
        let outcome = if self.repeats { self.make_twice(before, changes) } else { self.make_all(changes) };
        match outcome.and_then(|outcome| self.statement("RELEASE change").map(|()| outcome)) {
            Ok(Outcome { published, has_added_job }) => {
                self.published.extend(published);
                self.has_added_job |= has_added_job;
                Ok(())
            }
            Err(error) => {
                *self.clock = before;
                let undone = self.statement("ROLLBACK TO change").and_then(|()| self.statement("RELEASE change"));
                // A full disk may have undone the whole commit already.
                Err(undone.err().filter(|_| error.unwritable().is_none()).unwrap_or(error))
            }
        }
    }

    fn make_all(&mut self, changes: &mut [Asked<C>]) -> Result<Outcome<C>> {
        let mut change = Change::new(Transaction::new(self.connection, self.clock));
        let make = || changes.iter_mut().try_for_each(|(_, one)| one.make(&mut change));
        let result = catch_unwind(AssertUnwindSafe(make));
        let result = result.unwrap_or_else(|_| Err(Error::Corrupt("a change panicked; it was undone".into())));
        let (transaction, published) = change.into_parts();
        result.map(|()| Outcome { published, has_added_job: transaction.has_added_job() })
    }

    /// Makes changes, undoes them and makes them once more, which has to leave the same traces.
    fn make_twice(&mut self, before: PositionClock, changes: &mut [Asked<C>]) -> Result<Outcome<C>> {
        let (first, traces) = self.make_traced(changes);
        if !self.connection.is_in_transaction() {
            return first; // SQLite has undone the whole commit, as it does when the disk is full
        }
        drop(first);
        *self.clock = before;
        self.statement("ROLLBACK TO change")?;
        let (second, again) = self.make_traced(changes);
        assert_eq!(traces, again, "a change that is made again does something else");
        second
    }

    fn make_traced(&mut self, changes: &mut [Asked<C>]) -> (Result<Outcome<C>>, Traces) {
        let (statements, rows) = (sqlite::statements(), self.connection.rows_changed());
        let result = self.make_all(changes);
        let traces = Traces {
            statements: sqlite::statements() - statements,
            rows: self.connection.rows_changed() - rows,
            clock: *self.clock,
            outcome: match &result {
                Ok(outcome) => Ok((outcome.published.len(), outcome.has_added_job)),
                Err(error) => Err(error.to_string()),
            },
        };
        (result, traces)
    }

    fn statement(&self, sql: &'static str) -> Result<()> {
        self.connection.execute(sql, []).map(drop)
    }
}

#[cfg(test)]
mod tests;
