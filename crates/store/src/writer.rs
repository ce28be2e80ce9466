//! The one thread that writes, and its group commit.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use im2_fair::{Bounds, Load, Turn, Turns};
use im2_model::{Position, WriterId};
use rusqlite::Connection;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::{Error, Result, Transaction, connection::set_up, failure::Failure, private, transaction::Hook};

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
/// Messages that fit into the queue: all changes, and checks and checkpoints.
const QUEUE: usize = BOUNDS.running + 64;

/// Answers the caller: with the outcome of its own change, or with the failure of the commit.
type Answer = Box<dyn FnOnce(std::result::Result<(), &rusqlite::Error>) + Send>;
pub(crate) type Change = Box<dyn FnOnce(&Connection, &mut Position) -> (Vec<Hook>, Answer) + Send>;

enum Message {
    Change(WriteTurn, Change),
    Flush(oneshot::Sender<Result<bool>>),
    Check(oneshot::Sender<()>),
}

#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    turns: Turns,
    counts: Arc<Counts>,
    job_added: Arc<Notify>,
}

/// What the writer has done since it was started.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) commits: AtomicU64,
    pub(crate) changes: AtomicU64,
}

/// A change whose place in the commit order is fixed.
#[derive(Debug)]
pub struct Queued<T>(oneshot::Receiver<Result<T>>);

impl<T> Queued<T> {
    /// Waits until the change is durable and its hooks have run.
    pub async fn durable(self) -> Result<T> {
        self.0.await.map_err(|_| Error::Closed)?
    }
}

/// The right to queue one change. Take it before a lock that the change is queued under: who holds it must not wait
/// for somebody who may be waiting for one.
#[derive(Debug)]
pub struct WriteTurn(#[expect(dead_code, reason = "held, not looked at")] Turn);

impl Writer {
    pub(crate) fn start(connection: Connection, last: Position, failure: Failure) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let counting = Arc::clone(&counts);
        thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let _guard = failure.guard("store-writer");
                run(&connection, receiver, last, &counting);
            })
            .expect("a thread can be started while the program starts");
        Self { queue, turns: Turns::new(BOUNDS), counts, job_added: Arc::default() }
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Changes that wait for the writer.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Notified when a job has been committed.
    pub(crate) fn job_added(&self) -> &Arc<Notify> {
        &self.job_added
    }

    /// Callers that wait for the right to queue a change.
    pub(crate) fn turns(&self) -> Load {
        self.turns.load()
    }

    pub(crate) async fn turn(&self) -> Result<WriteTurn> {
        Ok(WriteTurn(self.turns.take().await?))
    }

    /// A change for the queue, and what waits for its outcome.
    pub(crate) fn change<T, F>(&self, operation: F) -> (Change, Queued<T>)
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job_added = Arc::clone(&self.job_added);
        let change: Change = Box::new(move |connection, last| {
            let (result, hooks) = apply(connection, last, &job_added, operation);
            let answer: Answer = Box::new(move |commit| {
                let result = commit.map_err(|error| Error::Commit(error.to_string())).and(result);
                drop(sender.send(result)); // a caller that went away needs no answer
            });
            (hooks, answer)
        });
        (change, Queued(receiver))
    }

    pub(crate) async fn enqueue(&self, turn: WriteTurn, change: Change) -> Result<()> {
        self.queue.send(Message::Change(turn, change)).await.map_err(|_| Error::Closed)
    }

    /// Waits until the writer has looked at its queue.
    pub(crate) async fn check(&self) -> Result<()> {
        let (sender, receiver) = oneshot::channel();
        self.queue.send(Message::Check(sender)).await.map_err(|_| Error::Closed)?;
        receiver.await.map_err(|_| Error::Closed)
    }

    pub(crate) async fn flush(&self) -> Result<bool> {
        let (sender, receiver) = oneshot::channel();
        self.queue.send(Message::Flush(sender)).await.map_err(|_| Error::Closed)?;
        receiver.await.map_err(|_| Error::Closed)?
    }
}

/// Opens the writing connection. WAL with `synchronous = FULL`: a commit returns after its `fsync`. What is deleted is
/// overwritten (`secure_delete`): a redacted message must not be readable in the file.
pub(crate) fn connect(path: &Path) -> Result<Connection> {
    // SQLite would make the file for everybody to read; those beside it get the same permissions as this one.
    private::file().create(true).append(true).open(path)?;
    let connection = Connection::open(path)?;
    set_up(&connection)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;
         PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;",
    )?;
    Ok(connection)
}

/// The last position `writer` committed. Kept in a table, because rows that carried it may be gone.
pub(crate) fn last_position(connection: &Connection, writer: WriterId) -> Result<Position> {
    let sql = "INSERT INTO stream_writers (writer, sequence) VALUES (?1, 0)
               ON CONFLICT (writer) DO UPDATE SET sequence = sequence RETURNING sequence";
    let sequence: i64 = connection.query_row(sql, [writer], |row| row.get(0))?;
    Ok(Position::new(writer, sequence as u64))
}

fn run(connection: &Connection, mut queue: mpsc::Receiver<Message>, mut last: Position, counts: &Counts) {
    while let Some(message) = queue.blocking_recv() {
        match message {
            Message::Change(turn, first) => {
                let changes = commit_batch(connection, &mut queue, &mut last, (turn, first));
                counts.commits.fetch_add(1, Ordering::Relaxed);
                counts.changes.fetch_add(changes as u64, Ordering::Relaxed);
            }
            Message::Flush(done) => drop(done.send(checkpoint(connection))),
            Message::Check(done) => drop(done.send(())),
        }
    }
}

/// Commits `first` and whatever else is waiting, up to [`BATCH`], as one, and returns how many changes that were.
fn commit_batch(
    connection: &Connection,
    queue: &mut mpsc::Receiver<Message>,
    last: &mut Position,
    first: (WriteTurn, Change),
) -> usize {
    let before = *last;
    let mut flushes = Vec::new();
    let mut hooks = Vec::new();
    let mut answers = Vec::new();
    let mut run_one = |(turn, change): (WriteTurn, Change), last: &mut Position| {
        let (more, answer) = change(connection, last);
        hooks.extend(more);
        answers.push((turn, answer));
    };
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    run_one(first, last);
    for _ in 1..BATCH {
        match queue.try_recv() {
            Ok(Message::Change(turn, change)) => run_one((turn, change), last),
            Ok(Message::Flush(done)) => {
                flushes.push(done);
                break;
            }
            Ok(Message::Check(done)) => drop(done.send(())),
            Err(_) => break,
        }
    }
    let committed =
        begun.and_then(|()| save_position(connection, before, *last)).and_then(|()| connection.execute_batch("COMMIT"));
    let changes = answers.len();
    match committed {
        Ok(()) => {
            for hook in hooks {
                hook();
            }
            for (turn, answer) in answers {
                drop(turn);
                answer(Ok(()));
            }
        }
        Err(error) => {
            tracing::error!(%error, changes, "commit failed");
            if !connection.is_autocommit() {
                drop(connection.execute_batch("ROLLBACK"));
            }
            *last = before;
            for (turn, answer) in answers {
                drop(turn);
                answer(Err(&error));
            }
        }
    }
    for done in flushes {
        drop(done.send(checkpoint(connection)));
    }
    changes
}

/// Runs one change in a savepoint: if it fails, only it is undone.
fn apply<T>(
    connection: &Connection,
    last: &mut Position,
    job_added: &Arc<Notify>,
    operation: impl FnOnce(&mut Transaction<'_>) -> Result<T>,
) -> (Result<T>, Vec<Hook>) {
    let before = *last;
    let statement = |sql: &str| -> Result<()> {
        connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    };
    if connection.is_autocommit() {
        return (Err(Error::Commit("no transaction could be started".into())), Vec::new());
    }
    if let Err(error) = statement("SAVEPOINT change") {
        return (Err(error), Vec::new());
    }
    let mut transaction = Transaction::new(connection, last, job_added);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| operation(&mut transaction)));
    let hooks = transaction.into_hooks();
    let result = outcome.unwrap_or_else(|_| Err(Error::Corrupt("a change panicked; it was undone".into())));
    match result.and_then(|value| statement("RELEASE change").map(|()| value)) {
        Ok(value) => (Ok(value), hooks),
        Err(error) => {
            *last = before;
            let undone = statement("ROLLBACK TO change").and_then(|()| statement("RELEASE change"));
            (Err(undone.err().unwrap_or(error)), Vec::new())
        }
    }
}

fn save_position(connection: &Connection, before: Position, last: Position) -> rusqlite::Result<()> {
    if before == last {
        return Ok(());
    }
    connection
        .prepare_cached("UPDATE stream_writers SET sequence = ?2 WHERE writer = ?1")?
        .execute((last.writer(), last.sequence() as i64))?;
    Ok(())
}

/// Folds the write-ahead log into the database file and empties it. Says whether it is empty: a reader that still reads
/// an older state keeps it.
fn checkpoint(connection: &Connection) -> Result<bool> {
    let is_busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(!is_busy)
}
