//! The log of the nodes under test, where commits wait for each other, fail, and are told badly, as a test says. What it
//! tells, it tells in any order, and some of what it has told before once more.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Condvar, Mutex},
};

use im2_core::committed::Committed;
use im2_model::{Position, Reached, SeededRandom, WriterId};
use im2_store::{ChangeLog, Error, LogEntry, LoggedCommit, ProcessLog, Result, Seat};

use crate::builders::number;

/// Commits that a node may be told of once more.
const REMEMBERED: usize = 8;

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
    /// Of every so many commits nothing is told but their places.
    Forgotten(usize),
    /// What is told together has the places of each other.
    Backward,
    /// Every so many commits are told with what another was before.
    Again(usize),
}

#[derive(Debug)]
pub(super) struct SimulatedLog {
    log: ProcessLog<Committed>,
    seed: u64,
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
    told: HashMap<Seat, Told>,
}

/// What a node was told.
#[derive(Debug)]
struct Told {
    random: SeededRandom,
    count: usize,
    /// The last commits.
    last: VecDeque<LogEntry<Committed>>,
}

impl Told {
    /// Tells new commits badly.
    fn spoil(&mut self, fault: Fault, entries: &mut [LogEntry<Committed>]) {
        match fault {
            Fault::Backward => {
                let published: Vec<_> = entries.iter_mut().map(|entry| std::mem::take(&mut entry.published)).collect();
                entries.iter_mut().zip(published.into_iter().rev()).for_each(|(entry, other)| entry.published = other);
            }
            Fault::Forgotten(every) | Fault::Again(every) => {
                for entry in entries {
                    self.count += 1;
                    if !self.count.is_multiple_of(every) {
                        continue;
                    }
                    if matches!(fault, Fault::Forgotten(_)) {
                        entry.published.clear();
                    } else if let Some(before) = self.last.front() {
                        entry.published.extend(before.copied(Committed::elsewhere).published);
                    }
                }
            }
        }
    }

    /// Adds some of what was told before to new commits, and mixes them.
    fn mix(&mut self, entries: &mut Vec<LogEntry<Committed>>) {
        let copies: Vec<_> = entries.iter().map(|entry| entry.copied(Committed::elsewhere)).collect();
        self.last.extend(copies);
        for _ in 0..number(&self.random, 4) {
            if let Some(before) = self.last.get(number(&self.random, REMEMBERED)) {
                entries.push(before.copied(Committed::elsewhere));
            }
        }
        for last in (1..entries.len()).rev() {
            entries.swap(last, number(&self.random, last + 1));
        }
        while self.last.len() > REMEMBERED {
            self.last.pop_front();
        }
    }
}

impl SimulatedLog {
    pub(super) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let (state, changed) = Default::default();
        Self { log: ProcessLog::new(Committed::elsewhere), seed, fault, state, changed }
    }

    /// How many commits somebody has yet to hear of.
    pub(super) fn kept(&self) -> usize {
        self.log.kept()
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
    fn join(&self, writer: WriterId) -> Seat {
        let seat = self.log.join(writer);
        let told = Told { random: SeededRandom::new(self.seed * 1_000 + seat), count: 0, last: VecDeque::default() };
        self.state.lock().unwrap().told.insert(seat, told);
        seat
    }

    fn leave(&self, seat: Seat) {
        self.log.leave(seat);
        self.state.lock().unwrap().told.remove(&seat);
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

    fn since(&self, seat: Seat, applied: &Reached) -> Result<Vec<LogEntry<Committed>>> {
        let mut entries = self.log.since(seat, applied)?;
        let mut state = self.state.lock().unwrap();
        let told = state.told.get_mut(&seat).expect("it has joined");
        if let Some(fault) = self.fault {
            told.spoil(fault, &mut entries);
        }
        told.mix(&mut entries);
        Ok(entries)
    }
}

struct SimulatedCommit<'a> {
    commit: Box<dyn LoggedCommit<Committed> + 'a>,
    log: &'a SimulatedLog,
    writer: WriterId,
}

impl LoggedCommit<Committed> for SimulatedCommit<'_> {
    fn enter(&mut self, published: &[Committed], after: &Reached, reached: Position) -> Result<()> {
        if self.log.fails(Failure::AtEnd) {
            return Err(Error::Commit("on purpose".into()));
        }
        self.commit.enter(published, after, reached)
    }

    fn committed(self: Box<Self>) {
        self.log.state.lock().unwrap().committed.push(self.writer);
        self.commit.committed();
    }
}
