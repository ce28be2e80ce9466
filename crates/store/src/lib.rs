//! Persistence in the words of the domain, on SQLite.
//!
//! [`Store::read`] gives a consistent [`Snapshot`]; [`Store::write`] gives a [`Transaction`]. Both carry the domain's
//! operations as methods, one file a domain (`accounts`, `rooms`, `media` …), so that a use case composes what it
//! needs into one atomic step. No other crate writes SQL, and nothing here knows a rule of the protocol.
//!
//! One thread writes. It runs many callers' transactions inside one SQLite commit (group commit), each in a
//! savepoint of its own, and answers a caller only after that commit is durable. Stream positions are handed out in
//! commit order, and [`Transaction::on_commit`] hooks run in that order too: what they publish never skips.

mod activity;
mod connection;
mod error;
mod failure;
mod lock;
mod migrations;
mod private;
mod readers;
mod snapshot;
mod transaction;
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
pub mod invites;
pub mod jobs;
pub mod key_backup;
pub mod media;
pub mod media_admin;
pub mod media_references;
pub mod passes;
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
    sync::atomic::Ordering,
};

pub use error::{Error, Result};
pub use snapshot::Snapshot;
pub use transaction::Transaction;

use crate::{failure::Failure, lock::DirectoryLock, readers::Readers, writer::Writer};
use im2_model::{Position, WriterId};

/// How to open a store.
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
}

impl Options {
    /// The defaults for a database in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), writer: 1, readers: 5, mapped: 1 << 30 }
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

/// An open database.
#[derive(Debug)]
pub struct Store {
    readers: Readers,
    writer: Writer,
    failure: Failure,
    opened_at: Position,
    directory: PathBuf,
    _lock: DirectoryLock,
}

impl Store {
    /// Opens the database, creating or migrating it as needed.
    ///
    /// Fails with [`Error::Locked`] while another process has it open, and with [`Error::NewerDatabase`] if a later
    /// release of the program has written it.
    pub fn open(options: &Options) -> Result<Self> {
        private::make_folder(&options.directory)?;
        private::tighten(&options.directory)?;
        let lock = DirectoryLock::take(&options.directory)?;
        let path = options.directory.join("im2.db");
        let mut connection = writer::connect(&path)?;
        migrations::migrate(&mut connection)?;
        let opened_at = writer::last_position(&connection, options.writer)?;
        let failure = Failure::default();
        let readers = Readers::start(&path, options.readers, options.mapped, &failure)?;
        let writer = Writer::start(connection, opened_at, failure.clone());
        Ok(Self { readers, writer, failure, opened_at, directory: options.directory.clone(), _lock: lock })
    }

    /// The folder that holds the database.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The data directory and what is directly in it, as far as others than its owner have access. Opening the store
    /// takes that from them, if it can.
    pub fn exposed(directory: &Path) -> Result<Vec<PathBuf>> {
        Ok(private::exposed(directory)?)
    }

    /// Whether [`Store::open`] would succeed, without creating or migrating anything.
    pub fn check(options: &Options) -> Result<()> {
        let path = options.directory.join("im2.db");
        if !path.exists() {
            return Ok(());
        }
        let _lock = DirectoryLock::take(&options.directory)?;
        migrations::version(&readers::connect(&path)?).map(drop)
    }

    /// The last position that had been committed when the store was opened.
    pub fn opened_at(&self) -> Position {
        self.opened_at
    }

    /// Runs `operation` on a consistent view of everything committed so far.
    ///
    /// Callers ([`im2_fair::caller`]) take turns; [`Error::Busy`] refuses one that has too much waiting already. The
    /// read is queued by the call, not when its future is first polled, so that the future is small: it is part of
    /// those of nearly all requests.
    pub fn read<T, F>(&self, operation: F) -> impl Future<Output = Result<T>> + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot<'_>) -> Result<T> + Send + 'static,
    {
        self.readers.run(operation)
    }

    /// Runs `operation` atomically and returns once its effects are durable. If it fails, nothing of it remains.
    pub fn write<T, F>(&self, operation: F) -> impl Future<Output = Result<T>> + use<'_, T, F>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    {
        let (change, queued) = self.writer.change(operation);
        async move {
            let turn = self.write_turn().await?;
            self.writer.enqueue(turn, change).await?;
            queued.durable().await
        }
    }

    /// Waits for the right to queue a change. Callers take turns; [`Error::Busy`] refuses one that has too much
    /// waiting already.
    pub async fn write_turn(&self) -> Result<WriteTurn> {
        self.writer.turn().await
    }

    /// Queues `operation` for the writer and returns as soon as its place in the order is fixed. Operations that
    /// one task queues run in the order in which it queued them.
    pub fn enqueue<T, F>(
        &self,
        turn: WriteTurn,
        operation: F,
    ) -> impl Future<Output = Result<Queued<T>>> + use<'_, T, F>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    {
        let (change, queued) = self.writer.change(operation);
        async move {
            self.writer.enqueue(turn, change).await?;
            Ok(queued)
        }
    }

    /// Completes with the name of a thread that has panicked. What is in memory may then differ from the database,
    /// and nothing can be written any more: the process has to end.
    pub async fn failed(&self) -> &'static str {
        self.failure.happened().await
    }

    /// Waits for a sign of life from the writer and from a reader.
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

    /// What the writer has done and has to do.
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

pub use writer::{Queued, WriteTurn};
