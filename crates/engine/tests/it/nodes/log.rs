//! The log of the nodes under test, where commits wait for each other, fail, and are told badly, as a test says.

use std::{
    collections::BTreeSet,
    sync::{Condvar, Mutex},
};

use im2_core::committed::Committed;
use im2_model::{Position, WriterId};
use im2_store::{ChangeLog, Error, LogEntry, LoggedCommit, ProcessLog, Result};

/// Where the next commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Before it has begun.
    AtBeginning,
    /// After all its changes were made.
    AtEnd,
}

/// What is wrong with what nodes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Every so many commits are not told.
    Forgotten(usize),
    /// What is told together is told in the wrong order.
    Backward,
}

#[derive(Debug)]
pub(super) struct SimulatedLog {
    log: ProcessLog<Committed>,
    fault: Option<Fault>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whether commits wait for [`SimulatedLog::let_pass`].
    is_closed: bool,
    /// Who may commit once, although it is closed.
    passes: Option<WriterId>,
    /// Who waits to commit.
    waiting: BTreeSet<WriterId>,
    failure: Option<Failure>,
    /// Who has committed since somebody asked.
    committed: Vec<WriterId>,
    told: usize,
}

impl SimulatedLog {
    pub(super) fn new(fault: Option<Fault>) -> Self {
        let (state, changed) = Default::default();
        Self { log: ProcessLog::new(Committed::elsewhere), fault, state, changed }
    }

    /// Has the next commit fail, or no one.
    pub(super) fn fail(&self, failure: Option<Failure>) {
        self.state.lock().unwrap().failure = failure;
    }

    /// Has commits wait from now on, or no longer.
    pub(super) fn close(&self, is_closed: bool) {
        self.state.lock().unwrap().is_closed = is_closed;
        self.changed.notify_all();
    }

    /// Who waits to commit.
    pub(super) fn waiting(&self) -> BTreeSet<WriterId> {
        self.state.lock().unwrap().waiting.clone()
    }

    /// Lets one of those who wait commit once.
    pub(super) fn let_pass(&self, writer: WriterId) {
        let mut state = self.state.lock().unwrap();
        assert!(state.waiting.remove(&writer) && state.passes.is_none());
        state.passes = Some(writer);
        self.changed.notify_all();
    }

    /// Who has committed since the last call, in order.
    pub(super) fn committed(&self) -> Vec<WriterId> {
        std::mem::take(&mut self.state.lock().unwrap().committed)
    }

    fn fails(&self, failure: Failure) -> bool {
        let mut state = self.state.lock().unwrap();
        let fails = state.failure == Some(failure);
        if fails {
            state.failure = None;
        }
        fails
    }
}

impl ChangeLog<Committed> for SimulatedLog {
    fn join(&self, node: WriterId) {
        self.log.join(node);
    }

    fn begin(&self, writer: WriterId) -> Result<Box<dyn LoggedCommit<Committed> + '_>> {
        let mut state = self.state.lock().unwrap();
        if state.is_closed {
            state.waiting.insert(writer);
            while state.is_closed && state.passes != Some(writer) {
                state = self.changed.wait(state).unwrap();
            }
            state.waiting.remove(&writer);
            state.passes = None;
        }
        drop(state);
        if self.fails(Failure::AtBeginning) {
            return Err(Error::Commit("on purpose".into()));
        }
        Ok(Box::new(SimulatedCommit { commit: self.log.begin(writer)?, log: self, writer }))
    }

    fn take(&self, node: WriterId) -> Vec<LogEntry<Committed>> {
        let mut entries = self.log.take(node);
        match self.fault {
            Some(Fault::Forgotten(every)) => {
                let mut state = self.state.lock().unwrap();
                for entry in &mut entries {
                    state.told += 1;
                    if state.told.is_multiple_of(every) {
                        entry.published.clear();
                    }
                }
            }
            Some(Fault::Backward) => entries.reverse(),
            None => {}
        }
        entries
    }
}

struct SimulatedCommit<'a> {
    commit: Box<dyn LoggedCommit<Committed> + 'a>,
    log: &'a SimulatedLog,
    writer: WriterId,
}

impl LoggedCommit<Committed> for SimulatedCommit<'_> {
    fn enter(&mut self, published: &[Committed], reached: Position) -> Result<()> {
        if self.log.fails(Failure::AtEnd) {
            return Err(Error::Commit("on purpose".into()));
        }
        self.commit.enter(published, reached)
    }

    fn committed(self: Box<Self>) {
        self.log.state.lock().unwrap().committed.push(self.writer);
        self.commit.committed();
    }
}
