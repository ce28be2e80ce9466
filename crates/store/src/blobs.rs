//! Storage of content: write-once objects named by the SHA-256 of their bytes, so that the same content is kept once.
//!
//! The interface asks for no more than an object store offers (put a whole object, read a range, delete), which is
//! what another implementation beside the folder will rest on. In the folder an object is a file
//! `<first two digits>/<digest>`; it is written under `incoming/`, synced and renamed, so that a name never shows
//! half an object, not even after a power cut. What a failed upload leaves in `incoming/` is removed.
//!
//! Files are touched on the runtime's blocking threads only, in turns: callers who move much, or a disk that is slow
//! to sync it, do not take these threads from others.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use im2_fair::{Bounds, Caller, Load, Turn, Turns, caller};
use ring::digest::{Context, SHA256};
use tokio::{
    sync::{OnceCell, OwnedRwLockReadGuard, RwLock},
    task::spawn_blocking,
};

use crate::{Error, Result, file_modes};

/// Bytes that a reader fetches at once and an upload gathers before it goes to the disk. Large enough that a change
/// of threads is rare, small enough that a thousand transfers at the same time stay within 256 MB.
const CHUNK: usize = 256 * 1024;
/// Work on files at the same time: half of the runtime's blocking threads, so that other work finds one.
const BOUNDS: Bounds = Bounds {
    running: 16,
    // A sync of an upload can take seconds on a slow disk.
    running_per_key: 4,
    running_per_target: usize::MAX,
    // Transfers wait for their next chunk; there are not more of them than connections.
    waiting: 65_536,
    waiting_per_key: 1_024,
};

/// The name of a blob: the SHA-256 of its content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Digest {
    /// The digest that is written as 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        if text.len() != 64 || text.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (at, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(digest))
    }
}

/// A folder of blobs. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: Arc<Folder>,
}

#[derive(Debug)]
struct Folder {
    turns: Turns,
    root: PathBuf,
    ready: OnceCell<()>,
    next_incoming: AtomicU64,
    /// Held shared from before a blob is placed until the row that needs it is committed, and alone while blobs that
    /// nothing needs are deleted: otherwise a deletion could take what an upload has just found to be there.
    placing: Arc<RwLock<()>>,
}

impl Blobs {
    /// The blobs under `root`, which is created at the first use.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let folder = Folder {
            turns: Turns::new(BOUNDS),
            root: root.into(),
            ready: OnceCell::new(),
            next_incoming: AtomicU64::new(0),
            placing: Arc::default(),
        };
        Self { folder: Arc::new(folder) }
    }

    /// Begins to store content whose digest is known only at its end.
    pub async fn begin(&self) -> Result<Incoming> {
        let root = self.folder.root.clone();
        let caller = caller::current();
        self.folder.ready.get_or_try_init(|| self.folder.blocking(caller, move || make_ready(&root))).await?;
        let number = self.folder.next_incoming.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.root.join("incoming").join(number.to_string());
        let hash = Context::new(&SHA256);
        let sink = Sink { file: None, path, hash };
        Ok(Incoming { blobs: self.clone(), sink: Some(sink), gathered: Vec::new(), size: 0 })
    }

    /// Stores content that is in memory.
    pub async fn put(&self, content: Bytes) -> Result<Placed> {
        let mut incoming = self.begin().await?;
        incoming.write(&content).await?;
        incoming.finish().await
    }

    /// Opens a blob to read the bytes of `range`, which must lie within it. `None` if there is no such blob.
    pub async fn read(&self, digest: Digest, range: Range<u64>) -> Result<Option<Reader>> {
        let path = self.folder.path(&digest);
        let (folder, caller) = (Arc::clone(&self.folder), caller::current());
        let open = move || {
            let Some(mut file) = absent(File::open(path))? else { return Ok(None) };
            file.seek(SeekFrom::Start(range.start))?;
            let left = range.end.saturating_sub(range.start);
            let mut reader = Reader { folder, caller, file: Some(file), left, ahead: None };
            reader.ahead = reader.read_chunk()?;
            Ok(Some(reader))
        };
        self.folder.blocking(caller, open).await
    }

    /// A blob as a file, for those who must seek in it. `None` if there is no such blob.
    pub async fn file(&self, digest: Digest) -> Result<Option<File>> {
        let path = self.folder.path(&digest);
        self.folder.blocking(caller::current(), move || Ok(absent(File::open(path))?)).await
    }

    /// Keeps everybody from placing blobs while it lives. Take it, find that a blob is not needed, delete it.
    pub async fn exclude(&self) -> Exclusion {
        Exclusion { blobs: self.clone(), _guard: Arc::clone(&self.folder.placing).write_owned().await }
    }

    /// Work on files that runs and waits.
    pub fn load(&self) -> Load {
        self.folder.turns.load()
    }

    /// The blobs whose digest begins with `first`.
    pub async fn list(&self, first: u8) -> Result<Vec<Digest>> {
        let shard = self.folder.root.join(format!("{first:02x}"));
        let list = move || {
            let Some(entries) = absent(std::fs::read_dir(shard))? else { return Ok(Vec::new()) };
            let mut digests = Vec::new();
            for entry in entries {
                digests.extend(entry?.file_name().to_str().and_then(Digest::parse));
            }
            Ok(digests)
        };
        self.folder.blocking(caller::current(), list).await
    }
}

/// The right to delete blobs: see [`Blobs::exclude`].
#[derive(Debug)]
pub struct Exclusion {
    blobs: Blobs,
    _guard: tokio::sync::OwnedRwLockWriteGuard<()>,
}

impl Exclusion {
    /// Deletes a blob; that it is not there is fine.
    pub async fn delete(&self, digest: Digest) -> Result<()> {
        let path = self.blobs.folder.path(&digest);
        // Without a turn: who waits to place a blob has one, and waits for this.
        let remove = move || Ok(absent(std::fs::remove_file(path)).map(drop)?);
        spawn_blocking(remove).await.map_err(|_| Error::Closed)?
    }
}

impl Folder {
    fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(&name[..2]).join(name)
    }
}

/// Creates the folder and clears away what a crash has left of uploads. The data directory's lock makes this process
/// the only one that has any.
fn make_ready(root: &Path) -> Result<()> {
    let incoming = root.join("incoming");
    absent(std::fs::remove_dir_all(&incoming))?;
    Ok(file_modes::make_folder(&incoming)?)
}

/// Content on its way in. Dropping it before [`Incoming::finish`] leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    blobs: Blobs,
    /// Taken while a blocking thread works on it; gone for good after a failure.
    sink: Option<Sink>,
    gathered: Vec<u8>,
    size: u64,
}

/// The file under `incoming/`, created once there is more than one chunk or at the end.
struct Sink {
    file: Option<File>,
    path: PathBuf,
    hash: Context,
}

/// A blob that is in its place and may not be deleted while this lives: keep it until the row that names the blob is
/// committed.
#[derive(Debug)]
pub struct Placed {
    /// Its name.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    _guard: OwnedRwLockReadGuard<()>,
}

impl Incoming {
    /// How many bytes have come.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds bytes at the end.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        while self.gathered.len() + bytes.len() >= CHUNK {
            let (now, later) = bytes.split_at(CHUNK - self.gathered.len());
            self.gathered.extend_from_slice(now);
            bytes = later;
            self.spill().await?;
        }
        self.gathered.extend_from_slice(bytes);
        Ok(())
    }

    async fn spill(&mut self) -> Result<()> {
        let mut sink = self.sink.take().ok_or(Error::Closed)?;
        let chunk = std::mem::take(&mut self.gathered);
        let append = move || {
            sink.append(&chunk)?;
            Ok((sink, chunk))
        };
        let (sink, mut chunk) = self.blobs.folder.blocking(caller::current(), append).await?;
        self.sink = Some(sink);
        chunk.clear();
        self.gathered = chunk;
        Ok(())
    }

    /// Makes the content a blob. It is durable when this returns.
    pub async fn finish(mut self) -> Result<Placed> {
        let mut sink = self.sink.take().ok_or(Error::Closed)?;
        let gathered = std::mem::take(&mut self.gathered);
        // The turn comes first: a deletion, for which all others wait, must not wait for one caller's backlog.
        let turn = self.blobs.folder.turns.take().await?;
        let guard = Arc::clone(&self.blobs.folder.placing).read_owned().await;
        let folder = Arc::clone(&self.blobs.folder);
        let size = self.size;
        let place = move || {
            sink.append(&gathered)?;
            sink.place(&folder)
        };
        let digest = blocking(turn, place).await?;
        Ok(Placed { digest, size, _guard: guard })
    }
}

impl Sink {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        if self.file.is_none() {
            self.file = Some(file_modes::file().write(true).create_new(true).open(&self.path)?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
        }
        Ok(())
    }

    fn place(self, folder: &Folder) -> Result<Digest> {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.hash.clone().finish().as_ref());
        let digest = Digest(digest);
        let path = folder.path(&digest);
        if path.try_exists()? {
            return Ok(digest);
        }
        let shard = path.parent().unwrap_or(&folder.root);
        if !shard.try_exists()? {
            file_modes::make_folder(shard)?;
            sync_directory(&folder.root)?;
        }
        if let Some(file) = &self.file {
            file.sync_all()?;
        }
        std::fs::rename(&self.path, &path)?;
        sync_directory(shard)?;
        Ok(digest)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Absent if the content has become a blob; what cannot be removed now goes at the next start.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A blob, or a range of it, being read.
#[derive(Debug)]
pub struct Reader {
    folder: Arc<Folder>,
    /// The caller that opened it: a body is read outside of the request's task.
    caller: Caller,
    /// Taken while a blocking thread works on it; gone for good after a failure.
    file: Option<File>,
    left: u64,
    ahead: Option<Bytes>,
}

impl Reader {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        if self.left == 0 {
            return Ok(None);
        }
        let folder = Arc::clone(&self.folder);
        let (file, left, caller) = (self.file.take(), self.left, self.caller);
        let mut reader = Self { folder: Arc::clone(&folder), caller, file, left, ahead: None };
        let read = move || {
            let chunk = reader.read_chunk()?;
            Ok((reader, chunk))
        };
        let (reader, chunk) = folder.blocking(caller, read).await?;
        *self = reader;
        Ok(chunk)
    }

    fn read_chunk(&mut self) -> Result<Option<Bytes>> {
        let length = self.left.min(CHUNK as u64) as usize;
        let file = self.file.as_mut().ok_or(Error::Closed)?;
        if length == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; length];
        file.read_exact(&mut chunk)?;
        self.left -= length as u64;
        Ok(Some(chunk.into()))
    }
}

impl Folder {
    /// Runs work on files on a thread where it may block, in the caller's turn.
    async fn blocking<T: Send + 'static>(
        &self,
        caller: Caller,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        blocking(self.turns.take_for(caller, None).await?, work).await
    }
}

async fn blocking<T: Send + 'static>(turn: Turn, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let work = move || {
        let _turn = turn; // kept when the caller goes away: the work goes on
        work()
    };
    spawn_blocking(work).await.map_err(|_| Error::Closed)?
}

fn absent<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes new names in a directory durable.
fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Blobs, CHUNK, Digest};
    use tokio::runtime::Builder;

    fn with_blobs<F: Future<Output = ()>>(test: impl FnOnce(Blobs, std::path::PathBuf) -> F) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("media");
        Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(test(Blobs::new(&root), root));
    }

    fn files(root: &std::path::Path) -> Vec<String> {
        let mut found = Vec::new();
        for shard in std::fs::read_dir(root).unwrap() {
            for file in std::fs::read_dir(shard.unwrap().path()).unwrap() {
                found.push(file.unwrap().file_name().into_string().unwrap());
            }
        }
        found
    }

    async fn all(blobs: &Blobs, digest: Digest, range: std::ops::Range<u64>) -> Vec<u8> {
        let mut reader = blobs.read(digest, range).await.unwrap().unwrap();
        let mut out = Vec::new();
        while let Some(chunk) = reader.next().await.unwrap() {
            out.extend_from_slice(&chunk);
        }
        out
    }

    #[test]
    fn content_comes_back_and_is_kept_once() {
        with_blobs(|blobs, root| async move {
            let content: Vec<u8> = (0..3 * CHUNK + 17).map(|at| (at % 251) as u8).collect();
            let mut incoming = blobs.begin().await.unwrap();
            for piece in content.chunks(100_001) {
                incoming.write(piece).await.unwrap();
            }
            let first = incoming.finish().await.unwrap();
            let second = blobs.put(content.clone().into()).await.unwrap();
            assert_eq!((first.digest, first.size), (second.digest, content.len() as u64));
            assert_eq!(files(&root), [first.digest.to_string()]);
            assert_eq!(all(&blobs, first.digest, 0..first.size).await, content);
            let middle = CHUNK as u64 - 3..2 * CHUNK as u64 + 5;
            assert_eq!(
                all(&blobs, first.digest, middle.clone()).await,
                content[middle.start as usize..middle.end as usize]
            );
            assert_eq!(all(&blobs, first.digest, 5..5).await, b"");
        });
    }

    #[test]
    fn the_name_is_the_digest() {
        with_blobs(|blobs, _| async move {
            let empty = blobs.put(bytes::Bytes::new()).await.unwrap();
            let name = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
            assert_eq!(empty.digest.to_string(), name);
            assert_eq!(Digest::parse(name), Some(empty.digest));
            assert_eq!(blobs.list(0xe3).await.unwrap(), [empty.digest]);
            assert!(blobs.list(0xe4).await.unwrap().is_empty());
            for bad in ["", "e3", &name.to_uppercase(), &format!("{name}0"), &name.replace('e', "é")] {
                assert_eq!(Digest::parse(bad), None, "{bad}");
            }
        });
    }

    #[test]
    fn what_is_dropped_or_left_by_a_crash_is_removed() {
        with_blobs(|blobs, root| async move {
            let mut incoming = blobs.begin().await.unwrap();
            incoming.write(&vec![7; 2 * CHUNK]).await.unwrap();
            assert_eq!(files(&root).len(), 1);
            drop(incoming);
            assert!(files(&root).is_empty());
            std::fs::write(root.join("incoming/0"), "half").unwrap();
            drop(Blobs::new(&root).begin().await.unwrap());
            assert!(files(&root).is_empty());
        });
    }

    #[test]
    fn a_deletion_waits_for_those_who_place() {
        with_blobs(|blobs, _| async move {
            let placed = blobs.put("x".into()).await.unwrap();
            let digest = placed.digest;
            let other = blobs.clone();
            let deletion = tokio::spawn(async move { other.exclude().await.delete(digest).await });
            tokio::task::yield_now().await;
            assert!(!deletion.is_finished());
            drop(placed);
            deletion.await.unwrap().unwrap();
            assert!(blobs.read(digest, 0..1).await.unwrap().is_none());
            assert!(blobs.file(digest).await.unwrap().is_none());
        });
    }
}
