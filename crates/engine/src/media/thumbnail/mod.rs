//! Thumbnails: smaller versions of pictures, made when first asked for and kept as blobs (spec: "Thumbnails").
//!
//! A request is answered from a fixed list of sizes ([`sizes`]), so that a picture has a bounded number of them. What
//! makes them is [`picture`] and, where they move, [`animation`]; both are functions over a file, run on blocking
//! threads within the [`Workshop`]'s bounds.

mod animation;
mod picture;
mod sizes;

use std::{sync::Arc, time::Duration};

use im2_fair::{Bounds, Load, Turn, Turns};
use im2_model::UserNid;
use im2_store::{blobs::Digest, media::ThumbnailKey};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::Media;
use crate::{
    Code, Error, Result,
    memory::{Cache, Memory, Share},
    rate_limits::Class,
};

pub use im2_store::media::Thumbnail;
pub(super) use picture::Measured;
pub use sizes::Method;

/// What the row of a thumbnail takes in memory, in bytes. Kept are those of the pictures of the rooms in use.
const ROW: usize = 192;
/// The largest file a thumbnail is made of: decoders hold all of it in memory.
const MAX_SOURCE_BYTES: u64 = 64 << 20;
/// Pictures worked on at a time, on machines with at least as many processors; the others work on as many as those.
const MAX_SLOTS: usize = 4;
/// What it costs to have a thumbnail made, in those that are there: up to a second of a processor's time.
const MAKING_COST: u64 = 10;
/// Requests that may wait: one may take a second.
const WAITING: usize = 1_024;
/// Requests of one caller that may wait: a screen of a gallery that has never been opened before.
const WAITING_PER_CALLER: usize = 128;
/// The unit in which the budget of pixels is shared out.
const PIXELS_A_PERMIT: u64 = 1 << 12;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The least width in pixels that will do, from 1.
    pub width: u32,
    /// The least height in pixels that will do, from 1.
    pub height: u32,
    /// How to fit the picture to them.
    pub method: Method,
    /// Whether a moving picture should move.
    pub animated: bool,
}

/// Where thumbnails are made: bounds on how many at a time and of how many pixels, and the memory of those made.
#[derive(Debug)]
pub struct Workshop {
    slots: Turns,
    pixels: Arc<Semaphore>,
    max_pixels: u64,
    made: Cache<ThumbnailKey, Arc<Thumbnail>>,
}

impl Workshop {
    pub(super) fn new(max_pixels: u64, memory: &Memory) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let running = processors.min(MAX_SLOTS);
        let bounds = Bounds {
            running,
            running_per_key: running.div_ceil(2),
            running_per_target: usize::MAX,
            waiting: WAITING,
            waiting_per_key: WAITING_PER_CALLER,
        };
        Self {
            slots: Turns::new(bounds),
            pixels: Arc::new(Semaphore::new(permits(max_pixels) as usize)),
            max_pixels,
            made: Cache::new(memory, "thumbnails", Share::HundredAndTwentyEighth, |_, _| ROW),
        }
    }

    /// Pictures worked on and waiting.
    pub(super) fn load(&self) -> Load {
        self.slots.load()
    }

    /// Forgets which thumbnails there are.
    pub(super) fn forget(&self) {
        self.made.clear();
    }
}

fn permits(pixels: u64) -> u32 {
    u32::try_from(pixels.div_ceil(PIXELS_A_PERMIT)).unwrap_or(u32::MAX).max(1)
}

impl Media {
    /// A thumbnail of a picture, made now unless it has been made before: then it counts for `payer`, if anybody is
    /// limited. Waits for promised content like [`Media::content`].
    pub async fn thumbnail(
        &self,
        payer: Option<UserNid>,
        server_name: &str,
        media_id: &str,
        request: Request,
        wait: Duration,
    ) -> Result<Arc<Thumbnail>> {
        if request.width == 0 || request.height == 0 {
            return Err(Error::refused(Code::InvalidParam, "width and height must be at least 1"));
        }
        let content = self.content(server_name, media_id, wait).await?;
        let size = sizes::choose(request.width, request.height, request.method);
        let key = ThumbnailKey {
            source: content.digest,
            width: size.width,
            height: size.height,
            method: size.method.as_str(),
            animated: request.animated,
        };
        if let Some(made) = self.workshop.made.get(&key) {
            return Ok(made);
        }
        if let Some(found) = self.find(key).await? {
            self.workshop.made.insert(key, Arc::clone(&found));
            return Ok(found);
        }
        // The turn comes first: who asks for the same as somebody with a backlog does not wait for that backlog.
        let turn = self.workshop.slots.take().await?;
        // Those who ask for the same at the same time wait for one of them to make it.
        self.workshop.made.get_or_insert_async(&key, self.find_or_make(turn, payer, key, size, content.size)).await
    }

    async fn find(&self, key: ThumbnailKey) -> Result<Option<Arc<Thumbnail>>> {
        Ok(self.core.store.read(move |db| db.thumbnail(&key)).await?.map(Arc::new))
    }

    async fn find_or_make(
        &self,
        turn: Turn,
        payer: Option<UserNid>,
        key: ThumbnailKey,
        size: sizes::Size,
        source_bytes: u64,
    ) -> Result<Arc<Thumbnail>> {
        if let Some(found) = self.find(key).await? {
            return Ok(found);
        }
        if let Some(user) = payer {
            self.core.limits.spend_of(Class::Thumbnail, user, MAKING_COST)?;
        }
        let made = self.make(turn, key.source, source_bytes, size, key.animated).await?;
        let (thumbnail, placed) = match made {
            picture::Made::Source(content_type) => {
                (Thumbnail { digest: key.source, size: source_bytes, content_type: content_type.into() }, None)
            }
            picture::Made::New(content_type, bytes) => {
                let placed = self.blobs.put(bytes.into()).await?;
                let (digest, size) = (placed.digest, placed.size);
                (Thumbnail { digest, size, content_type: content_type.into() }, Some(placed))
            }
        };
        let row = thumbnail.clone();
        self.core.store.write(move |tx| tx.add_thumbnail(&key, &row)).await?;
        drop(placed);
        Ok(Arc::new(thumbnail))
    }

    /// What a picture is by its header; `None` if thumbnails are not made of such.
    pub(super) async fn measure(&self, source: Digest, bytes: u64) -> Result<Option<Measured>> {
        let turn = self.workshop.slots.take().await?;
        let Some(file) = self.blobs.file(source).await? else { return Ok(None) };
        let limit = self.workshop.max_pixels;
        let probed = working(move || {
            let _turn = turn;
            picture::Picture::probe(file, bytes, limit)
        });
        let probed = probed.await;
        Ok(probed.ok().map(|picture| picture.measured()))
    }

    async fn make(
        &self,
        turn: Turn,
        source: Digest,
        bytes: u64,
        size: sizes::Size,
        animated: bool,
    ) -> Result<picture::Made> {
        if bytes > MAX_SOURCE_BYTES {
            return Err(picture::Refusal::TooLarge.into());
        }
        let closed = |_| Error::Internal("the workshop is closed".into());
        let missing = || Error::Internal(format!("the blob {source} is missing"));
        let file = self.blobs.file(source).await?.ok_or_else(missing)?;
        let limit = self.workshop.max_pixels;
        let probe = move || Ok((picture::Picture::probe(file, bytes, limit)?, turn));
        let (probed, turn) = working(probe).await?;
        let pixels = Arc::clone(&self.workshop.pixels).acquire_many_owned(permits(probed.pixels())).await;
        let held = (turn, pixels.map_err(closed)?);
        working(move || {
            let _held = held; // kept when the caller goes away: the work goes on
            probed.make(size, animated)
        })
        .await
    }
}

/// Runs a decoder on a blocking thread. A decoder that panics has met a picture that it cannot read.
async fn working<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, picture::Refusal> + Send + 'static,
) -> Result<T> {
    Ok(spawn_blocking(work).await.unwrap_or(Err(picture::Refusal::Unreadable))?)
}

impl From<picture::Refusal> for Error {
    fn from(refusal: picture::Refusal) -> Self {
        match refusal {
            picture::Refusal::NotAPicture => {
                Self::refused(Code::Unknown, "thumbnails are made of JPEG, PNG, GIF and WebP pictures only")
            }
            picture::Refusal::Unreadable => Self::refused(Code::Unknown, "this picture is damaged"),
            picture::Refusal::TooLarge => {
                Self::refused(Code::TooLarge, "this picture is too large to make a thumbnail of")
            }
        }
    }
}
