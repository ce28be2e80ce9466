//! Threads that read, each with a connection of its own.
//!
//! Nothing else runs on them, so that neither a slow disk nor somebody else's server can hold up reads. Callers take
//! turns, and none of them has all threads: a slow read of one user delays that user's next.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use im2_fair::{Bounds, Caller, FairQueue, Load, caller};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::{Error, Options, Result, Snapshot, failure::Failure, sqlite::Connection};

/// Reads that may wait: some seconds of work, each a closure of a few hundred bytes.
const WAITING: usize = 16_384;
/// Reads of one caller that may wait. A client has a dozen requests under way; a proxy whose address is everybody's
/// has a token to look up for each of its clients when the server has been started.
const WAITING_PER_CALLER: usize = 2_048;

#[derive(Debug)]
pub(crate) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    queue: FairQueue<Caller, (), Waiting>,
    /// Threads that have nothing to do.
    idle: usize,
    waited: Duration,
    closed: bool,
}

struct Waiting {
    work: Box<dyn Work>,
    /// When it began to wait, if no thread was idle.
    since: Option<Instant>,
}

trait Work: Send {
    /// Whether nobody waits for the outcome any more.
    fn is_abandoned(&self) -> bool;
    fn run(self: Box<Self>, connection: &Connection);
}

struct Read<T, F> {
    operation: F,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, F> Work for Read<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Snapshot<'_>) -> Result<T> + Send + 'static,
{
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>, connection: &Connection) {
        let Self { operation, answer } = *self;
        // A panic fails its own request; the thread goes on for the others.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let snapshot = Snapshot { connection };
            connection.reading(|| operation(&snapshot))
        }));
        let outcome = outcome.unwrap_or_else(|_| Err(Error::Corrupt("a read panicked".into())));
        drop(answer.send(outcome)); // a caller that went away needs no answer
    }
}

impl Readers {
    pub(crate) fn start(path: &Path, options: &Options, failure: &Failure) -> Result<Self> {
        let count = options.readers;
        let bounds = Bounds {
            running: count,
            // A user may have reads of two kinds under way: their own, and those that others may come to wait for.
            running_per_key: (count / 2).max(1),
            running_per_target: count,
            waiting: WAITING,
            waiting_per_key: WAITING_PER_CALLER,
        };
        let state = State { queue: FairQueue::new(bounds), idle: 0, waited: Duration::ZERO, closed: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), work: Condvar::new() });
        let readers = Self(Arc::clone(&shared));
        for _ in 0..count {
            let (connection, shared, failure) =
                (Connection::open_for_reading(path)?, Arc::clone(&shared), failure.clone());
            connection.map(options.mapped / count)?;
            connection.keep_pages(options.page_cache / 2 / count)?;
            thread::Builder::new().name("store-reader".into()).spawn(move || {
                let _guard = failure.guard("store-reader");
                shared.serve(&connection);
            })?;
        }
        Ok(readers)
    }

    /// Queues a read; the future waits for its outcome.
    pub(crate) fn run<T, F>(&self, operation: F) -> impl Future<Output = Result<T>> + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, outcome) = oneshot::channel();
        let submitted = self.submit(caller::current(), Box::new(Read { operation, answer }));
        async move {
            submitted?;
            outcome.await.map_err(|_| Error::Closed)?
        }
    }

    fn submit(&self, caller: Caller, work: Box<dyn Work>) -> Result<()> {
        let mut state = self.0.state.lock();
        let since = (state.idle == 0).then(Instant::now);
        state.add(caller, Waiting { work, since })?;
        let wake = state.idle > 0;
        drop(state);
        if wake {
            self.0.work.notify_one();
        }
        Ok(())
    }

    pub(crate) fn load(&self) -> Load {
        let state = self.0.state.lock();
        Load { waited: state.waited, ..state.queue.load() }
    }
}

impl State {
    fn add(&mut self, caller: Caller, waiting: Waiting) -> Result<()> {
        // The server's own reads are bounded by what makes them, and nobody could be told to come back.
        if caller == Caller::Server {
            self.queue.push_always(caller, None, waiting);
            return Ok(());
        }
        let Err(waiting) = self.queue.push(caller, None, waiting) else { return Ok(()) };
        self.queue.discard(&caller, |waiting| waiting.work.is_abandoned());
        self.queue.push(caller, None, waiting).map_err(|_| im2_fair::Busy.into())
    }
}

impl Shared {
    fn serve(&self, connection: &Connection) {
        let mut state = self.state.lock();
        while !state.closed {
            if let Some(taken) = state.queue.take() {
                let Waiting { work, since } = taken.work;
                state.waited += since.map_or(Duration::ZERO, |since| since.elapsed());
                drop(state);
                if !work.is_abandoned() {
                    work.run(connection);
                }
                state = self.state.lock();
                state.queue.done(&taken.key, None);
            } else {
                state.idle += 1;
                self.work.wait(&mut state);
                state.idle -= 1;
            }
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.work.notify_all();
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("load", &self.queue.load()).finish_non_exhaustive()
    }
}
