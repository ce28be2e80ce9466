//! A fixed number of reading connections.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use crate::{Error, Result, Snapshot, connection::set_up};

#[derive(Debug)]
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn open(path: &Path, count: usize) -> Result<Self> {
        let idle = (0..count).map(|_| connect(path)).collect::<Result<Vec<_>>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), permits: Arc::new(Semaphore::new(count)) })
    }

    pub(crate) async fn run<T, F>(&self, operation: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot<'_>) -> Result<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Closed)?;
        let idle = Arc::clone(&self.idle);
        let work = move || {
            let _permit = permit;
            let mut connection = idle.lock().pop().ok_or(Error::Closed)?;
            // A panic fails its own request; the connection goes back to the pool for the others.
            let outcome = catch_unwind(AssertUnwindSafe(|| read(&mut connection, operation)));
            idle.lock().push(connection);
            outcome.unwrap_or_else(|_| Err(Error::Corrupt("a read panicked".into())))
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
    }
}

fn read<T>(connection: &mut Connection, operation: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
    let transaction = connection.transaction()?;
    let result = operation(&Snapshot { connection: &transaction });
    transaction.finish()?;
    result
}

pub(crate) fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA mmap_size = 268435456; PRAGMA cache_size = -8192;")?;
    Ok(connection)
}
