//! Persistence in the words of the domain, on SQLite.
//!
//! [`Store::read`] gives a consistent [`Snapshot`]; [`Store::write`] gives a [`Transaction`]. Both carry the domain's
//! operations as methods, one file a domain (`accounts`, `rooms`, `media` …), so that a use case composes what it
//! needs into one atomic step. No other crate writes SQL, and nothing here knows a rule of the protocol.
//!
//! What happens with every message or request is not a function but a value, a [`Command`] ([`Store::carry_out`]).
//!
//! One thread writes. It runs many callers' transactions inside one SQLite commit (group commit), each, or each set of
//! commands, in a savepoint of its own, and answers a caller only after that commit is durable. Stream positions are handed out in
//! commit order, and what a change publishes ([`Change::publish`]) is applied to memory in that order too, by the one
//! function that [`Store::apply_with`] was given: nobody sees a later change before an earlier one.

mod activity;
mod change_log;
mod commands;
mod dialect;
mod error;
mod failure;
mod file_modes;
mod lock;
mod migrations;
mod readers;
mod sets;
mod snapshot;
mod sqlite;
mod stream_range;
mod transaction;
mod values;
mod writability;
mod writer;

pub mod account_data;
pub mod account_list;
pub mod accounts;
pub mod appservices;
pub mod blobs;
pub mod blocked_rooms;
pub mod delayed_events;
pub mod devices;
pub mod e2ee;
pub mod filters;
pub mod followers;
pub mod invites;
pub mod jobs;
pub mod key_backup;
pub mod media;
pub mod media_admin;
pub mod media_references;
pub mod presence;
pub mod profiles;
pub mod pushers;
pub mod rate_limits;
pub mod receipts;
pub mod registration_tokens;
pub mod reports;
pub mod rooms;
pub mod search;
pub mod server_notices;
pub mod short_lived_tokens;
pub mod statistics;
pub mod storage;
pub mod tasks;
pub mod thread_subscriptions;
pub mod to_device;
pub mod tokens;
pub mod unread;
pub mod user_content;
pub mod user_directory;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

pub use change_log::{ChangeLog, LogEntry, LoggedCommit, ProcessLog, Seat};
pub use commands::{AnyCommand, Command, Request};
pub use error::{Error, Result};
pub use snapshot::Snapshot;
pub use sqlite::DatabaseError;
pub use transaction::{Change, Transaction};

use im2_model::{Position, Reached, WriterId};

use crate::{
    change_log::NodeLog,
    failure::Failure,
    lock::DirectoryLock,
    readers::Readers,
    sqlite::{Connection, Row},
    writer::Writer,
};

/// Options for opening a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder that holds the database; created when absent.
    pub directory: PathBuf,
    /// This node's number in stream positions, from 1.
    pub writer: WriterId,
    /// Threads that read, each with a connection.
    pub readers: usize,
    /// Bytes of the database file that the readers may map into memory, together. They save copies; the operating
    /// system can take them back at any time, but counts them as the process's.
    pub mapped: usize,
    /// Bytes that SQLite may keep of the database file, for all connections together: half of it for the writer.
    pub page_cache: usize,
    /// Whether every change is made, undone and made once more, which has to do the same again; else the process ends.
    /// For tests: an engine with several writers makes changes again that came into each other's way. The environment
    /// variable `IM2_REPEAT_CHANGES` sets it in development builds.
    pub repeat_changes: bool,
}

impl Options {
    /// The defaults for a database in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let repeat_changes = cfg!(debug_assertions) && std::env::var_os("IM2_REPEAT_CHANGES").is_some();
        Self {
            directory: directory.into(),
            writer: 1,
            readers: 5,
            mapped: 1 << 30,
            page_cache: 72 << 20,
            repeat_changes,
        }
    }
}

/// The writer's load, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Commits since the store was opened.
    pub commits: u64,
    /// Changes in those commits.
    pub changes: u64,
    /// Changes that wait for their commit.
    pub waiting: usize,
}

/// An open database. What its changes publish once they are durable is of the type `C`.
pub struct Store<C> {
    readers: Readers,
    writer: Writer<C>,
    number: WriterId,
    failure: Failure,
    opened_at: Reached,
    directory: PathBuf,
    lock: Arc<DirectoryLock>,
}

impl Store<()> {
    /// The data directory and what is directly in it, as far as others than its owner have access. Opening the store
    /// takes that from them, if it can.
    pub fn exposed(directory: &Path) -> Result<Vec<PathBuf>> {
        Ok(file_modes::exposed(directory)?)
    }

    /// Makes the database in `directory` of a dump of one, which is SQL: so that tests can open what an earlier release
    /// has written.
    pub fn restore(directory: &Path, dump: &str) -> Result<()> {
        Connection::open_for_writing(&directory.join("im2.db"))?.run(dump)
    }

    /// Whether [`Store::open`] would succeed, without creating or migrating anything.
    pub fn check(options: &Options) -> Result<()> {
        let path = options.directory.join("im2.db");
        if !path.exists() {
            return Ok(());
        }
        let _lock = DirectoryLock::take(&options.directory)?;
        migrations::version(&Connection::open_for_reading(&path)?).map(drop)
    }
}

impl<C: Send + 'static> Store<C> {
    /// Opens the database, creating or migrating it as needed.
    ///
    /// Fails with [`Error::Locked`] while another process has it open, and with [`Error::NewerDatabase`] if a later
    /// release of the program has written it.
    pub fn open(options: &Options) -> Result<Self> {
        Self::open_new(options, None)
    }

    /// Does as [`Self::open`], for one of several nodes, which tell each other their commits by `log`. The others are
    /// opened with [`Self::open_beside`].
    pub fn open_with(options: &Options, log: &Arc<dyn ChangeLog<C>>) -> Result<Self> {
        Self::open_new(options, Some(log))
    }

    /// Opens the database once more for another node, whose number ([`Options::writer`]) nobody else may have.
    ///
    /// Fails with [`Error::Locked`] if this one was opened without a log.
    pub fn open_beside(&self, options: &Options) -> Result<Self> {
        let log = self.writer.log().ok_or_else(|| Error::Locked(self.directory.display().to_string()))?;
        let options = Options { directory: self.directory.clone(), ..options.clone() };
        Self::open_locked(&options, Some(log), Arc::clone(&self.lock))
    }

    fn open_new(options: &Options, log: Option<&Arc<dyn ChangeLog<C>>>) -> Result<Self> {
        file_modes::make_folder(&options.directory)?;
        file_modes::tighten(&options.directory)?;
        let lock = DirectoryLock::take(&options.directory)?;
        Self::open_locked(options, log, Arc::new(lock))
    }

    fn open_locked(options: &Options, log: Option<&Arc<dyn ChangeLog<C>>>, lock: Arc<DirectoryLock>) -> Result<Self> {
        // What is committed from here on is heard of, so that nothing falls between it and what is read now.
        let alone = log.map(|log| log.begin(options.writer)).transpose()?;
        let path = options.directory.join("im2.db");
        let connection = Connection::open_for_writing(&path)?;
        connection.keep_pages(options.page_cache / 2)?;
        migrations::migrate(&connection)?;
        let clock = stream_range::open_clock(&connection, options.writer)?;
        let opened_at = Snapshot { connection: &connection }.reached()?;
        let node = log.map(|log| NodeLog::join(Arc::clone(log), options.writer, opened_at.clone()));
        drop(alone);
        let failure = Failure::default();
        let readers = Readers::start(&path, options, &failure)?;
        let writer = Writer::start(connection, clock, node, options.repeat_changes, failure.clone());
        let (number, directory) = (options.writer, options.directory.clone());
        Ok(Self { readers, writer, number, failure, opened_at, directory, lock })
    }

    /// Sets what is done with what changes publish: on the writer's thread, in commit order, before the caller is
    /// answered. It must be quick and must not block; if it panics, the process has to end ([`Self::failed`]). What is
    /// published before is not kept for it: it is in the database for whatever is read from there later.
    ///
    /// # Panics
    /// If it was set before.
    pub fn apply_with(&self, apply: impl Fn(C) + Send + Sync + 'static) {
        assert!(self.writer.apply_with(Box::new(apply)), "a store is told once what to do with its changes");
    }

    /// Sets what is done when a writer, this one or another, has got to a place: as [`Self::apply_with`], and before it.
    /// Only where there are other nodes.
    ///
    /// # Panics
    /// If it was set before.
    pub fn advance_with(&self, advance: impl Fn(Position) + Send + Sync + 'static) {
        assert!(self.writer.advance_with(Box::new(advance)), "a store is told once what to do with places");
    }

    /// Whether there may be other nodes.
    pub fn is_shared(&self) -> bool {
        self.writer.log().is_some()
    }

    /// Waits until what other nodes have committed up to now is applied.
    pub async fn catch_up(&self) -> Result<()> {
        self.writer.catch_up().await
    }

    /// The folder that holds the database.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// This node's number in stream positions.
    pub fn number(&self) -> WriterId {
        self.number
    }

    /// The vector of the commits that were there when the store was opened, by all who write.
    pub fn opened_at(&self) -> &Reached {
        &self.opened_at
    }

    /// Runs `operation` on a consistent view of everything committed so far.
    ///
    /// Callers ([`im2_fair::caller`]) take turns; [`Error::Busy`] refuses one that has too much waiting already. The
    /// read is queued by the call, not when its future is first polled, so that the future is small: it is part of
    /// those of nearly all requests.
    pub fn read<T, F>(&self, operation: F) -> impl Future<Output = Result<T>> + use<T, F, C>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot<'_>) -> Result<T> + Send + 'static,
    {
        self.readers.run(operation)
    }

    /// Runs `operation` atomically and returns once its effects are durable. If it fails, nothing of it remains.
    ///
    /// It may be run again after what it did was undone, so it has no effect but through the [`Change`]: what memory is
    /// to know of it is published.
    pub fn write<T, F>(&self, operation: F) -> impl Future<Output = Result<T>> + use<'_, T, F, C>
    where
        T: Send + 'static,
        F: Fn(&mut Change<'_, C>) -> Result<T> + Send + 'static,
    {
        let (change, queued) = Writer::function(operation);
        async move {
            let turn = self.write_turn().await?;
            self.writer.enqueue(turn, change).await?;
            queued.durable().await
        }
    }

    /// Carries out `command` atomically and returns once its effects are durable. If it fails, nothing of it remains.
    ///
    /// What `tell` makes of it and its outcome is published, as by [`Change::publish`]. If `tell` fails, the command has
    /// failed. It may be called again, as an operation of [`Self::write`].
    pub fn carry_out<W, F>(&self, command: W, tell: F) -> impl Future<Output = Result<W::Outcome>> + use<'_, W, F, C>
    where
        W: Command,
        F: Fn(&W, &W::Outcome) -> Result<Vec<C>> + Send + 'static,
    {
        let (command, queued) = Request::prepare(command, tell);
        async move {
            let turn = self.write_turn().await?;
            self.writer.enqueue_command(turn, command).await?;
            queued.durable().await
        }
    }

    /// Waits for the right to queue a change. Callers take turns; [`Error::Busy`] refuses one that has too much
    /// waiting already.
    pub async fn write_turn(&self) -> Result<WriteTurn> {
        self.writer.turn().await
    }

    /// Waits for the right to make long changes, or very many in a row: those whose number of rows a client chooses.
    /// A caller that has it splits the work into changes of about a millisecond and makes one after the other, so that
    /// the changes of others come between them.
    pub async fn long_write_turn(&self) -> Result<LongWriteTurn> {
        self.writer.long_turn().await
    }

    /// Queues `operation` for the writer and returns as soon as its place in the order is fixed. Operations that
    /// one task queues run in the order in which it queued them.
    pub fn enqueue<T, F>(
        &self,
        turn: WriteTurn,
        operation: F,
    ) -> impl Future<Output = Result<Queued<T>>> + use<'_, T, F, C>
    where
        T: Send + 'static,
        F: Fn(&mut Change<'_, C>) -> Result<T> + Send + 'static,
    {
        let (change, queued) = Writer::function(operation);
        async move {
            self.writer.enqueue(turn, change).await?;
            Ok(queued)
        }
    }

    /// Queues `command` as [`Self::enqueue`] does an operation; `tell` is that of [`Self::carry_out`].
    pub fn enqueue_command<W, F>(
        &self,
        turn: WriteTurn,
        command: W,
        tell: F,
    ) -> impl Future<Output = Result<Queued<W::Outcome>>> + use<'_, W, F, C>
    where
        W: Command,
        F: Fn(&W, &W::Outcome) -> Result<Vec<C>> + Send + 'static,
    {
        let (command, queued) = Request::prepare(command, tell);
        async move {
            self.writer.enqueue_command(turn, command).await?;
            Ok(queued)
        }
    }

    /// Completes with the name of a thread that has panicked. What is in memory may then differ from the database,
    /// and nothing can be written any more: the process has to end.
    pub async fn failed(&self) -> &'static str {
        self.failure.happened().await
    }

    /// Why nothing can be stored at the moment, if that is so.
    pub fn unwritable(&self) -> Option<Unwritable> {
        self.writer.unwritable()
    }

    /// Waits for a sign of life from the writer and from a reader. While nothing can be stored the writer tries whether
    /// it can again.
    pub async fn answers(&self) -> Result<()> {
        self.writer.check().await?;
        self.read(|_| Ok(())).await
    }

    /// Reads that run and wait.
    pub fn reader_load(&self) -> im2_fair::Load {
        self.readers.load()
    }

    /// Changes that are queued, and callers that wait to queue one.
    pub fn writer_load(&self) -> im2_fair::Load {
        self.writer.turns()
    }

    /// Callers that make long changes, and those that wait for the right to.
    pub fn long_writer_load(&self) -> im2_fair::Load {
        self.writer.long_turns()
    }

    /// The commits and changes that the writer has made, and the changes that wait.
    pub fn load(&self) -> Load {
        let counts = self.writer.counts();
        Load {
            commits: counts.commits.load(Ordering::Relaxed),
            changes: counts.changes.load(Ordering::Relaxed),
            waiting: self.writer.waiting(),
        }
    }

    /// Completes when a job has been committed since the last call completed, or when somebody wakes it.
    pub async fn job_added(&self) {
        self.writer.job_added().notified().await;
    }

    /// Makes whoever runs the jobs look for due ones now: for a test that has moved the clock.
    pub fn wake_jobs(&self) {
        self.writer.job_added().notify_one();
    }

    /// Waits for everything queued to be committed, then folds the write-ahead log into the database file and empties
    /// it, unless a reader needs it: says whether it is empty.
    pub async fn flush(&self) -> Result<bool> {
        self.writer.flush().await
    }
}

impl<C> std::fmt::Debug for Store<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("directory", &self.directory).finish_non_exhaustive()
    }
}

pub use writability::Unwritable;
pub use writer::{LongWriteTurn, Queued, WriteTurn};
