//! The log by which nodes that write to one database tell each other their commits.
//!
//! A commit enters what its changes publish into a log, with its place in the stream and what had been committed before
//! it. The others take it from there and apply it to their memory as they apply their own. A log may say something twice
//! and in any order: each node knows how far it has got ([`NodeLog`]), applies every commit once, and none before those
//! that it was built on. A store that is alone has no log.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
};

use im2_model::{Position, Reached, WriterId};
use parking_lot::{Mutex, MutexGuard};

use crate::{Error, Result};

/// Commits that a [`ProcessLog`] keeps for a node that does not take them. They are some kilobytes each; a node that is
/// that far behind has to be opened anew, which reads less than it would have to apply.
const MOST_KEPT: usize = 16_384;

/// A commit as another node is told of it.
#[derive(Debug)]
pub struct LogEntry<C> {
    /// The position up to which all writers had committed before.
    pub after: Reached,
    /// Where the commit ends in the stream. It ends after every commit before it, whoever made them.
    pub reached: Position,
    /// The values that its changes published, in order.
    pub published: Vec<C>,
}

impl<C> LogEntry<C> {
    /// The same for one more node. `copy` makes what it is told of a value; `None` if it means nothing there.
    #[must_use]
    pub fn copied(&self, copy: fn(&C) -> Option<C>) -> Self {
        let published = self.published.iter().filter_map(copy).collect();
        Self { after: self.after.clone(), reached: self.reached, published }
    }
}

/// The number of a node among those that have joined a log. A node that is opened anew has another.
pub type Seat = u64;

/// The log of one database.
pub trait ChangeLog<C>: fmt::Debug + Send + Sync {
    /// Has the node of a writer told what is committed from now on, until it leaves. Called between two commits.
    fn join(&self, writer: WriterId) -> Seat;

    /// Tells a node nothing more.
    fn leave(&self, seat: Seat);

    /// Begins a commit. Until what is returned is dropped, all other nodes wait here.
    fn begin(&self, writer: WriterId) -> Result<Box<dyn LoggedCommit<C> + '_>>;

    /// Everything that has been committed since the node joined and that `applied` does not include. There may be more,
    /// commits may be there twice, and their order means nothing.
    fn since(&self, seat: Seat, applied: &Reached) -> Result<Vec<LogEntry<C>>>;
}

/// A commit under way. Dropped, it has not happened.
pub trait LoggedCommit<C> {
    /// Enters what is published, what had been committed before, and where the commit ends in the stream:
    /// [`Position::NONE`] if it takes no place there, and then others need not know of it. The commit fails if this does.
    fn enter(&mut self, published: &[C], after: &Reached, reached: Position) -> Result<()>;

    /// The commit is durable.
    fn committed(self: Box<Self>);
}

/// A node's part in a log, from when it is opened until it is dropped: how far it has got.
pub(crate) struct NodeLog<C> {
    log: Arc<dyn ChangeLog<C>>,
    writer: WriterId,
    seat: Seat,
    applied: Mutex<Reached>,
}

impl<C> NodeLog<C> {
    /// Joins a log between two commits, when everything up to `reached` had been committed.
    pub(crate) fn join(log: Arc<dyn ChangeLog<C>>, writer: WriterId, reached: Reached) -> Self {
        let seat = log.join(writer);
        Self { log, writer, seat, applied: Mutex::new(reached) }
    }

    /// The log.
    pub(crate) fn log(&self) -> &Arc<dyn ChangeLog<C>> {
        &self.log
    }

    /// Begins a commit of this node.
    pub(crate) fn begin(&self) -> Result<Box<dyn LoggedCommit<C> + '_>> {
        self.log.begin(self.writer)
    }

    /// Applies what others have committed and is not applied yet, in the order of the commits; after each it says where it
    /// ends. What is known is dropped, and what was built on something that is not there is left for later.
    pub(crate) fn catch_up(&self, apply: impl Fn(C), advance: impl Fn(Position)) -> Result<()> {
        let mut applied = self.applied.lock();
        let mut entries = self.log.since(self.seat, &applied)?;
        entries.sort_by_key(|entry| entry.reached);
        for LogEntry { after, reached, published } in entries {
            if applied.includes(reached) || !applied.includes_all(&after) {
                continue;
            }
            published.into_iter().for_each(&apply);
            applied.advance(reached);
            advance(reached);
        }
        Ok(())
    }

    /// Fails if something that has been committed up to `before` is not applied.
    pub(crate) fn check_whole(&self, before: &Reached) -> Result<()> {
        if self.applied.lock().includes_all(before) {
            return Ok(());
        }
        Err(Error::Commit("what another node has committed is not in the log".into()))
    }

    /// Notes a commit of this node's own that is applied.
    pub(crate) fn note(&self, reached: Position) {
        self.applied.lock().advance(reached);
    }
}

impl<C> Drop for NodeLog<C> {
    fn drop(&mut self) {
        self.log.leave(self.seat);
    }
}

/// The log of nodes that are one process. A commit is kept until every node that is open has applied it.
pub struct ProcessLog<C> {
    copy: fn(&C) -> Option<C>,
    committing: Mutex<()>,
    kept: Mutex<Kept<C>>,
}

/// What somebody has yet to take.
struct Kept<C> {
    /// In the order of the commits.
    entries: VecDeque<LogEntry<C>>,
    /// The number of commits that are not kept any more.
    dropped: u64,
    /// By node, the number of commits that it has applied, all before the next.
    applied: HashMap<Seat, u64>,
    joined: Seat,
}

impl<C> ProcessLog<C> {
    /// An empty log. `copy` makes what another node is told of a value; `None` if it means nothing there.
    pub fn new(copy: fn(&C) -> Option<C>) -> Self {
        let kept = Kept { entries: VecDeque::new(), dropped: 0, applied: HashMap::new(), joined: 0 };
        Self { copy, committing: Mutex::default(), kept: Mutex::new(kept) }
    }

    /// The number of commits that are kept.
    pub fn kept(&self) -> usize {
        self.kept.lock().entries.len()
    }
}

impl<C> Kept<C> {
    fn end(&self) -> u64 {
        self.dropped + self.entries.len() as u64
    }

    /// Drops what everybody has applied.
    fn drop_applied(&mut self) {
        let wanted = self.applied.values().copied().min().unwrap_or_else(|| self.end());
        while self.dropped < wanted && self.entries.pop_front().is_some() {
            self.dropped += 1;
        }
    }

    fn add(&mut self, entry: LogEntry<C>) {
        self.entries.push_back(entry);
        if self.entries.len() > MOST_KEPT {
            let oldest = self.dropped;
            self.applied.retain(|seat, applied| {
                let stays = *applied > oldest;
                if !stays {
                    tracing::error!(seat, "a node does not take what others commit, and is told nothing more");
                }
                stays
            });
            self.drop_applied();
        }
    }
}

impl<C: Send> ChangeLog<C> for ProcessLog<C> {
    fn join(&self, _: WriterId) -> Seat {
        let mut kept = self.kept.lock();
        kept.joined += 1;
        let (seat, end) = (kept.joined, kept.end());
        kept.applied.insert(seat, end);
        seat
    }

    fn leave(&self, seat: Seat) {
        let mut kept = self.kept.lock();
        kept.applied.remove(&seat);
        kept.drop_applied();
    }

    fn begin(&self, _: WriterId) -> Result<Box<dyn LoggedCommit<C> + '_>> {
        Ok(Box::new(ProcessCommit { log: self, entry: None, _alone: self.committing.lock() }))
    }

    fn since(&self, seat: Seat, applied: &Reached) -> Result<Vec<LogEntry<C>>> {
        let mut kept = self.kept.lock();
        let Some(before) = kept.applied.get(&seat).copied() else { return Err(Error::Closed) };
        let skipped = usize::try_from(before - kept.dropped).unwrap_or(usize::MAX);
        let known = kept.entries.iter().skip(skipped).take_while(|entry| applied.includes(entry.reached)).count();
        let found = kept.entries.iter().skip(skipped + known).filter(|entry| !applied.includes(entry.reached));
        let found = found.map(|entry| entry.copied(self.copy)).collect();
        kept.applied.insert(seat, before + known as u64);
        kept.drop_applied();
        Ok(found)
    }
}

impl<C> fmt::Debug for ProcessLog<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessLog").finish_non_exhaustive()
    }
}

struct ProcessCommit<'a, C> {
    log: &'a ProcessLog<C>,
    entry: Option<LogEntry<C>>,
    _alone: MutexGuard<'a, ()>,
}

impl<C> LoggedCommit<C> for ProcessCommit<'_, C> {
    fn enter(&mut self, published: &[C], after: &Reached, reached: Position) -> Result<()> {
        if reached == Position::NONE {
            return Ok(());
        }
        let published = published.iter().filter_map(self.log.copy).collect();
        self.entry = Some(LogEntry { after: after.clone(), reached, published });
        Ok(())
    }

    fn committed(self: Box<Self>) {
        if let Some(entry) = self.entry {
            self.log.kept.lock().add(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use im2_model::{Position, Reached};

    use super::{ChangeLog as _, MOST_KEPT, ProcessLog};

    #[test]
    fn a_node_that_takes_nothing_for_too_long_is_told_nothing_more() {
        let log = ProcessLog::<u32>::new(|value| Some(*value));
        let (mut reached, nothing) = (Reached::default(), Reached::default());
        let (slow, quick) = (log.join(1), log.join(2));
        for number in 0..=MOST_KEPT {
            if number == MOST_KEPT {
                assert_eq!(log.since(slow, &nothing).unwrap().len(), MOST_KEPT);
            }
            let mut commit = log.begin(3).unwrap();
            let position = Position::new(3, number as u64 + 1);
            commit.enter(&[1], &reached, position).unwrap();
            commit.committed();
            reached.advance(position);
            if number % 1_000 == 0 {
                assert!(log.since(quick, &reached).unwrap().is_empty());
            }
        }
        log.since(slow, &nothing).unwrap_err();
        assert!(log.kept() < 1_000, "{} are kept", log.kept());
        assert!(log.since(quick, &reached).unwrap().is_empty());
    }
}
