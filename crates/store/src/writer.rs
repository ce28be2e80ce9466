//! The one thread that writes, and its group commit.
//!
//! Where other nodes write to the same database, one commits at a time, and first applies to its memory what the others
//! have committed: in a change, memory is never behind the database but by the commit that the change is part of.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use im2_fair::{Bounds, Load, Turn, Turns};
use im2_model::{Position, PositionClock, Reached};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::{
    Error, Result,
    change_log::{ChangeLog, LoggedCommit, NodeLog},
    commands::AnyCommand,
    failure::Failure,
    sqlite::Connection,
    stream_range,
    transaction::Change,
    writability::{Unwritable, Writability},
};

use batch::{Batch, Made};

mod batch;

/// Changes in one commit. Bounds how long the first of them waits for its answer.
const BATCH: usize = 256;
/// Changes that may be queued. The queue itself is first in, first out, because the changes of a room build on each
/// other; so callers take turns before it, and it is no longer than two commits.
const BOUNDS: Bounds = Bounds {
    running: 2 * BATCH,
    // Enough for full use of a commit by a few callers, and some milliseconds of waiting for the others.
    running_per_key: BATCH / 4,
    running_per_target: usize::MAX,
    // Beyond these callers are told to come back.
    waiting: 16_384,
    waiting_per_key: 1_024,
};
/// Long changes: each caller makes one after the other, and few callers do so at the same time, because what others
/// queue waits for those that are queued before it.
const LONG: Bounds =
    Bounds { running: 8, running_per_key: 1, running_per_target: usize::MAX, waiting: 4_096, waiting_per_key: 64 };
/// Messages that fit into the queue: all changes, and checks and checkpoints.
const QUEUE: usize = BOUNDS.running + 64;

/// A change that was asked for. It can be made several times, each time from the start, and is answered once.
pub(crate) trait Requested<C>: Send {
    /// Makes the change, and keeps its outcome for the answer.
    fn make(&mut self, change: &mut Change<'_, C>) -> Result<()>;

    /// Answers whoever asked: with the outcome, or with why there is none.
    fn answer(self: Box<Self>, done: Result<()>);
}

/// A change that is a function.
struct Function<T, F> {
    operation: F,
    outcome: Option<T>,
    sender: oneshot::Sender<Result<T>>,
}

impl<C, T, F> Requested<C> for Function<T, F>
where
    T: Send,
    F: Fn(&mut Change<'_, C>) -> Result<T> + Send,
{
    fn make(&mut self, change: &mut Change<'_, C>) -> Result<()> {
        self.outcome = Some((self.operation)(change)?);
        Ok(())
    }

    fn answer(self: Box<Self>, done: Result<()>) {
        let Self { operation, outcome, sender } = *self;
        drop(operation); // what it holds is free before the caller goes on
        drop(sender.send(done.and_then(|()| outcome.ok_or(Error::Closed)))); // a caller that went away needs no answer
    }
}

/// The function that is called with each published outcome.
pub(crate) type Apply<C> = Box<dyn Fn(C) + Send + Sync>;
/// The function that is called when a writer is known to have got to a place.
pub(crate) type Advance = Box<dyn Fn(Position) + Send + Sync>;

enum Message<C> {
    Function(WriteTurn, Box<dyn Requested<C>>),
    Command(WriteTurn, AnyCommand<C>),
    Flush(oneshot::Sender<Result<bool>>),
    CatchUp(oneshot::Sender<Result<()>>),
    Check(oneshot::Sender<Result<()>>),
}

pub(crate) struct Writer<C> {
    queue: mpsc::Sender<Message<C>>,
    turns: Turns,
    long_turns: Turns,
    shared: Arc<Shared<C>>,
}

/// The state that the thread shares with those who queue changes.
struct Shared<C> {
    counts: Counts,
    job_added: Notify,
    apply: OnceLock<Apply<C>>,
    /// The log of other nodes' commits, where there are other nodes.
    log: Option<NodeLog<C>>,
    advance: OnceLock<Advance>,
    /// See [`crate::Options::repeat_changes`].
    repeats: bool,
    writability: Writability,
}

impl<C> Shared<C> {
    /// Applies what other nodes have committed, if it is known yet what is done with it.
    fn catch_up(&self) -> Result<()> {
        let (Some(log), Some(apply)) = (&self.log, self.apply.get()) else { return Ok(()) };
        log.catch_up(apply, |reached| self.advance(reached))
    }

    /// The same for somebody who waits for it.
    fn catch_up_for(&self, waiting: oneshot::Sender<Result<()>>) {
        drop(waiting.send(self.catch_up())); // whoever went away needs no answer
    }

    /// The same before a commit: fails if something that was committed before is not to be had.
    fn catch_up_with(&self, before: &Reached) -> Result<()> {
        let is_applied = self.apply.get().is_some();
        self.catch_up()?;
        match &self.log {
            Some(log) if is_applied => log.check_whole(before),
            _ => Ok(()),
        }
    }

    fn advance(&self, reached: Position) {
        if let Some(advance) = self.advance.get() {
            advance(reached);
        }
    }
}

/// The commits and changes that the writer has made since it was started.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) commits: AtomicU64,
    pub(crate) changes: AtomicU64,
}

/// A change whose place in the commit order is fixed.
#[derive(Debug)]
pub struct Queued<T>(oneshot::Receiver<Result<T>>);

impl<T> Queued<T> {
    /// What waits for an answer.
    pub(crate) fn new() -> (oneshot::Sender<Result<T>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// Waits until the change is durable and what it published is applied.
    pub async fn durable(self) -> Result<T> {
        self.0.await.map_err(|_| Error::Closed)?
    }
}

/// The right to queue one change. Take it before a lock that the change is queued under: who holds it must not wait
/// for somebody who may be waiting for one.
#[derive(Debug)]
pub struct WriteTurn(#[expect(dead_code, reason = "held, not looked at")] Turn);

/// The right to make long changes, one after the other. Take it before a [`WriteTurn`] and before any lock.
#[derive(Debug)]
pub struct LongWriteTurn(#[expect(dead_code, reason = "held, not looked at")] Turn);

impl<C: Send + 'static> Writer<C> {
    pub(crate) fn start(
        connection: Connection,
        clock: PositionClock,
        log: Option<NodeLog<C>>,
        repeats: bool,
        failure: Failure,
    ) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let (counts, job_added, apply, advance, writability) = Default::default();
        let shared = Arc::new(Shared { counts, job_added, apply, log, advance, repeats, writability });
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let _guard = failure.guard("store-writer");
                run(&connection, receiver, clock, &of_thread);
            })
            .expect("a thread can be started while the program starts");
        let (turns, long_turns) = (Turns::new(BOUNDS), Turns::new(LONG));
        Self { queue, turns, long_turns, shared }
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Why nothing can be stored, if that is so.
    pub(crate) fn unwritable(&self) -> Option<Unwritable> {
        self.shared.writability.problem()
    }

    /// Changes that wait for the writer.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Notified when a job has been committed.
    pub(crate) fn job_added(&self) -> &Notify {
        &self.shared.job_added
    }

    /// Sets what is done with published outcomes; says whether nothing was set before.
    pub(crate) fn apply_with(&self, apply: Apply<C>) -> bool {
        self.shared.apply.set(apply).is_ok()
    }

    /// Sets what is done with the places that writers have got to; says whether nothing was set before.
    pub(crate) fn advance_with(&self, advance: Advance) -> bool {
        self.shared.advance.set(advance).is_ok()
    }

    /// The log that is shared with other nodes.
    pub(crate) fn log(&self) -> Option<&Arc<dyn ChangeLog<C>>> {
        self.shared.log.as_ref().map(NodeLog::log)
    }

    /// Waits until what other nodes have committed is applied.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        if self.shared.log.is_none() {
            return Ok(());
        }
        let (sender, receiver) = oneshot::channel();
        self.queue.send(Message::CatchUp(sender)).await.map_err(|_| Error::Closed)?;
        receiver.await.map_err(|_| Error::Closed)?
    }

    /// Callers that wait for the right to queue a change.
    pub(crate) fn turns(&self) -> Load {
        self.turns.load()
    }

    /// Callers that make long changes or wait for the right to.
    pub(crate) fn long_turns(&self) -> Load {
        self.long_turns.load()
    }

    pub(crate) async fn turn(&self) -> Result<WriteTurn> {
        Ok(WriteTurn(self.turns.take().await?))
    }

    pub(crate) async fn long_turn(&self) -> Result<LongWriteTurn> {
        Ok(LongWriteTurn(self.long_turns.take().await?))
    }

    /// A change for the queue, and what waits for its outcome.
    pub(crate) fn function<T, F>(operation: F) -> (Box<dyn Requested<C>>, Queued<T>)
    where
        T: Send + 'static,
        F: Fn(&mut Change<'_, C>) -> Result<T> + Send + 'static,
    {
        let (sender, queued) = Queued::new();
        (Box::new(Function { operation, outcome: None, sender }), queued)
    }

    pub(crate) async fn enqueue(&self, turn: WriteTurn, function: Box<dyn Requested<C>>) -> Result<()> {
        self.queue.send(Message::Function(turn, function)).await.map_err(|_| Error::Closed)
    }

    pub(crate) async fn enqueue_command(&self, turn: WriteTurn, command: AnyCommand<C>) -> Result<()> {
        self.queue.send(Message::Command(turn, command)).await.map_err(|_| Error::Closed)
    }

    /// Waits until the writer has looked at its queue. It fails while nothing can be stored.
    pub(crate) async fn check(&self) -> Result<()> {
        let (sender, receiver) = oneshot::channel();
        self.queue.send(Message::Check(sender)).await.map_err(|_| Error::Closed)?;
        receiver.await.map_err(|_| Error::Closed)?
    }

    pub(crate) async fn flush(&self) -> Result<bool> {
        let (sender, receiver) = oneshot::channel();
        self.queue.send(Message::Flush(sender)).await.map_err(|_| Error::Closed)?;
        receiver.await.map_err(|_| Error::Closed)?
    }
}

fn run<C: 'static>(
    connection: &Connection,
    mut queue: mpsc::Receiver<Message<C>>,
    mut clock: PositionClock,
    shared: &Shared<C>,
) {
    while let Some(message) = queue.blocking_recv() {
        match message {
            Message::Function(turn, change) if let Err(error) = shared.writability.may_try() => {
                refuse(turn, change, error);
            }
            Message::Command(turn, command) if let Err(error) = shared.writability.may_try() => {
                refuse(turn, command.into_requested(), error);
            }
            first @ (Message::Function(..) | Message::Command(..)) => {
                let changes = commit_batch(connection, &mut queue, &mut clock, first, shared);
                shared.counts.commits.fetch_add(1, Ordering::Relaxed);
                shared.counts.changes.fetch_add(changes as u64, Ordering::Relaxed);
            }
            Message::Flush(done) => drop(done.send(connection.checkpoint())),
            Message::CatchUp(waiting) => shared.catch_up_for(waiting),
            Message::Check(done) => drop(done.send(probe(connection, shared))),
        }
    }
}

fn refuse<C>(turn: WriteTurn, change: Box<dyn Requested<C>>, error: Error) {
    drop(turn);
    change.answer(Err(error));
}

/// Tries to store something, if that was not possible and it is time for it.
fn probe<C>(connection: &Connection, shared: &Shared<C>) -> Result<()> {
    let Some(why) = shared.writability.problem() else { return Ok(()) };
    shared.writability.may_try()?;
    // Written though it is the same: the page goes to the disk.
    let written = connection.writing(|| connection.set_schema_version(connection.schema_version()?));
    match written {
        Ok(()) => {
            shared.writability.succeeded();
            Ok(())
        }
        Err(error) => {
            shared.writability.failed(error.unwritable().unwrap_or(why));
            Err(error)
        }
    }
}

/// A commit that other nodes are told of, and what had been committed before.
type Logged<'a, C> = (Box<dyn LoggedCommit<C> + 'a>, Reached);

/// Begins a commit: where there are other nodes, alone, and after everything that they have committed.
fn begin<'a, C>(
    connection: &Connection,
    clock: &mut PositionClock,
    shared: &'a Shared<C>,
) -> Result<Option<Logged<'a, C>>> {
    let Some(log) = &shared.log else {
        connection.run("BEGIN IMMEDIATE")?;
        return Ok(None);
    };
    let logged = log.begin()?;
    connection.run("BEGIN IMMEDIATE")?;
    let seen = stream_range::see_others(connection, clock);
    let heard = seen.and_then(|before| shared.catch_up_with(&before).map(|()| before));
    if heard.is_err() {
        drop(connection.run("ROLLBACK")); // before the others may go on
    }
    Ok(Some((logged, heard?)))
}

/// Notes whether a commit could be written; if not, says why.
fn note_writability<C>(
    writability: &Writability,
    made: &[Made<C>],
    failed: Option<&Error>,
    has_written: bool,
) -> Option<Unwritable> {
    let mut errors = made.iter().filter_map(|made| made.outcome.as_ref().err()).chain(failed);
    let unwritable = errors.find_map(Error::unwritable);
    match unwritable {
        Some(why) => writability.failed(why),
        None if failed.is_none() && has_written => writability.succeeded(),
        None => {}
    }
    unwritable
}

/// Commits `first` and whatever else is waiting, up to [`BATCH`], as one, and returns how many changes that were.
fn commit_batch<C: 'static>(
    connection: &Connection,
    queue: &mut mpsc::Receiver<Message<C>>,
    clock: &mut PositionClock,
    first: Message<C>,
    shared: &Shared<C>,
) -> usize {
    let (begun, mut logged) = match begin(connection, clock, shared) {
        Ok(logged) => (Ok(()), logged),
        Err(error) => (Err(error), None),
    };
    let (before, rows) = (*clock, connection.rows_changed());
    let mut batch = Batch::new(connection, clock, shared.repeats);
    let flush = take_waiting(&mut batch, queue, first, shared);
    let Batch { published, has_added_job, made, .. } = batch;
    if logged.is_some() && !published.is_empty() && before == *clock {
        clock.next(); // by its place others tell it from what they know
    }
    let committed = begun
        .and_then(|()| save_position(connection, before, *clock))
        .and_then(|()| enter(logged.as_mut(), &published, reached(before, *clock)))
        .and_then(|()| connection.run("COMMIT"));
    let changes = made.len();
    let has_written = connection.rows_changed() > rows;
    let unwritable = note_writability(&shared.writability, &made, committed.as_ref().err(), has_written);
    match committed {
        Ok(()) => {
            if let Some((logged, _)) = logged {
                logged.committed();
            }
            if let Some(apply) = shared.apply.get() {
                published.into_iter().for_each(apply);
            }
            if let Some(log) = &shared.log {
                log.note(reached(before, *clock));
                shared.advance(reached(before, *clock));
            }
            if has_added_job {
                shared.job_added.notify_one();
            }
            for Made { turn, change, outcome } in made {
                drop(turn);
                change.answer(outcome);
            }
        }
        Err(error) => {
            if unwritable.is_none() {
                tracing::error!(%error, changes, "commit failed");
            }
            if connection.is_in_transaction() {
                drop(connection.run("ROLLBACK"));
            }
            drop(logged); // the others may go on
            *clock = before;
            for Made { turn, change, .. } in made {
                drop(turn);
                change.answer(Err(match unwritable {
                    Some(why) => Error::Unwritable(why),
                    None => Error::Commit(error.to_string()),
                }));
            }
        }
    }
    if let Some(done) = flush {
        drop(done.send(connection.checkpoint()));
    }
    changes
}

/// Makes `first` and whatever else is waiting, up to [`BATCH`]. A flush ends it and is returned. Commands that follow
/// each other are carried out together.
fn take_waiting<C: 'static>(
    batch: &mut Batch<'_, C>,
    queue: &mut mpsc::Receiver<Message<C>>,
    first: Message<C>,
    shared: &Shared<C>,
) -> Option<oneshot::Sender<Result<bool>>> {
    let mut next = Some(first);
    let mut taken = 0;
    loop {
        let message = next.take().or_else(|| (taken < BATCH).then(|| queue.try_recv().ok()).flatten());
        taken += 1;
        match message {
            Some(Message::Command(turn, command)) => batch.carry_out(turn, command),
            Some(Message::Function(turn, function)) => batch.make(turn, function),
            Some(Message::CatchUp(waiting)) => shared.catch_up_for(waiting),
            Some(Message::Check(done)) => drop(done.send(Ok(()))),
            Some(Message::Flush(done)) => {
                batch.finish();
                return Some(done);
            }
            // While commands are carried out, more may come.
            None if batch.finish() => {}
            None => return None,
        }
    }
}

/// Enters a commit into the log, if there is one.
fn enter<C>(logged: Option<&mut Logged<'_, C>>, published: &[C], reached: Position) -> Result<()> {
    logged.map_or(Ok(()), |(logged, before)| logged.enter(published, before, reached))
}

/// How far a writer has got with a commit; nowhere if that took no position.
fn reached(before: PositionClock, clock: PositionClock) -> Position {
    if before == clock { Position::NONE } else { clock.latest() }
}

fn save_position(connection: &Connection, before: PositionClock, clock: PositionClock) -> Result<()> {
    if before == clock { Ok(()) } else { stream_range::save(connection, &clock) }
}
