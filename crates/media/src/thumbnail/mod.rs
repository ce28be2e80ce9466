//! Thumbnails: smaller versions of pictures, made when first asked for and kept as blobs (spec: "Thumbnails").
//!
//! A request is answered from a fixed list of sizes, so that a picture has a bounded number of them. They are made by
//! `im2_pictures`, on blocking threads within the [`Workshop`]'s bounds.

use std::{sync::Arc, time::Duration};

use im2_core::{
    Code, Error, Result,
    memory::{Cache, Memory, Share},
    rate_limits::Class,
};
use im2_fair::{Bounds, Load, Turn, Turns};
use im2_model::UserNid;
use im2_pictures::{Decoder, Limits, Made, Measured, Picture, Refusal, Size, choose};
use im2_store::{blobs::Digest, media::ThumbnailKey};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::Media;

pub use im2_pictures::Method;
pub use im2_store::media::Thumbnail;

/// Estimated memory for the row of a thumbnail, in bytes. Kept are those of the pictures of the rooms in use.
const ROW: usize = 192;
/// Pictures worked on at a time, on machines with at least as many processors; the others work on as many as those.
const MAX_SLOTS: usize = 4;
/// Cost of making a thumbnail, as a multiple of one that is there: up to a second of a processor's time. A picture of
/// more than [`ORDINARY_PIXELS`] costs that for each part of it of that size.
const MAKING_COST: u64 = 10;
/// Pixels of a large photo that is not out of the ordinary.
const ORDINARY_PIXELS: u64 = 32 << 20;
/// Requests that may wait: one may take a second.
const WAITING: usize = 1_024;
/// Requests of one caller that may wait: a screen of a gallery that has never been opened before.
const WAITING_PER_CALLER: usize = 128;
/// The unit in which the memory is shared out, in bytes.
const BYTES_A_PERMIT: u64 = 32 << 10;

/// The thumbnail that a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The least width in pixels that will do, from 1.
    pub width: u32,
    /// The least height in pixels that will do, from 1.
    pub height: u32,
    /// The way to fit the picture to them.
    pub method: Method,
    /// Whether a moving picture should move.
    pub animated: bool,
}

/// Makes thumbnails: bounds on how many at a time and in how much memory, and the rows of those that were made.
#[derive(Debug)]
pub struct Workshop {
    slots: Turns,
    memory: Arc<Semaphore>,
    limits: Limits,
    decoder: Option<Decoder>,
    made: Cache<ThumbnailKey, Arc<Thumbnail>>,
}

impl Workshop {
    /// Builds it on the core.
    pub fn new(limits: Limits, decoder: Option<Decoder>, memory: &Memory) -> Self {
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
            memory: Arc::new(Semaphore::new(permits(limits.memory) as usize)),
            limits,
            decoder,
            made: Cache::new(memory, "thumbnails", Share::HundredAndTwentyEighth, |_, _| ROW),
        }
    }

    /// Pictures worked on and waiting.
    pub fn load(&self) -> Load {
        self.slots.load()
    }

    /// Forgets which thumbnails there are.
    pub(super) fn forget(&self) {
        self.made.clear();
    }
}

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(BYTES_A_PERMIT)).unwrap_or(u32::MAX).max(1)
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
        let size = choose(request.width, request.height, request.method);
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
        size: Size,
        source_bytes: u64,
    ) -> Result<Arc<Thumbnail>> {
        if let Some(found) = self.find(key).await? {
            return Ok(found);
        }
        if let Some(user) = payer {
            self.core.limits.spend_of(Class::Thumbnail, user, MAKING_COST)?;
        }
        let made = self.make(turn, payer, key, size, source_bytes).await?;
        let (thumbnail, placed) = match made {
            Made::Source(content_type) => {
                (Thumbnail { digest: key.source, size: source_bytes, content_type: content_type.into() }, None)
            }
            Made::New(content_type, bytes) => {
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

    /// Type and size of a picture by its header; `None` if thumbnails are not made of such pictures.
    pub(super) async fn measure(&self, source: Digest, bytes: u64) -> Result<Option<Measured>> {
        let turn = self.workshop.slots.take().await?;
        let Some(file) = self.blobs.file(source).await? else { return Ok(None) };
        let limits = self.workshop.limits;
        let probed = working(move || {
            let _turn = turn;
            Picture::probe(file, bytes, limits)
        });
        let probed = probed.await;
        Ok(probed.ok().map(|picture| picture.measured()))
    }

    async fn make(
        &self,
        turn: Turn,
        payer: Option<UserNid>,
        key: ThumbnailKey,
        size: Size,
        bytes: u64,
    ) -> Result<Made> {
        let closed = |_| Error::Internal("the workshop is closed".into());
        let missing = || Error::Internal(format!("the blob {} is missing", key.source));
        let file = self.blobs.file(key.source).await?.ok_or_else(missing)?;
        let limits = self.workshop.limits;
        let probe = move || {
            let picture = Picture::probe(file, bytes, limits)?;
            let memory = picture.memory(size, key.animated)?;
            Ok((picture, memory, turn))
        };
        let (picture, memory, turn) = working(probe).await?;
        let further_parts = picture.pixels().saturating_sub(1) / ORDINARY_PIXELS;
        if let Some(user) = payer
            && further_parts > 0
        {
            self.core.limits.spend_of(Class::Thumbnail, user, MAKING_COST * further_parts)?;
        }
        let memory = Arc::clone(&self.workshop.memory).acquire_many_owned(permits(memory)).await;
        let held = (turn, memory.map_err(closed)?);
        let decoder = self.workshop.decoder.clone();
        working(move || {
            let _held = held; // kept when the caller goes away: the work goes on
            let made = picture.make(size, key.animated, decoder.as_ref());
            if decoder.is_some() && matches!(made, Err(Refusal::NoDecoder)) {
                tracing::warn!("the program that decodes AVIF does not run: `im2 doctor` says more");
            }
            made
        })
        .await
    }
}

/// Runs a decoder on a blocking thread. A decoder that panics has met a picture that it cannot read.
async fn working<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, Refusal> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work).await.unwrap_or(Err(Refusal::Unreadable)).map_err(refused)
}

fn refused(refusal: Refusal) -> Error {
    let (code, message) = match refusal {
        Refusal::NotAPicture => {
            (Code::Unknown, "thumbnails are made of JPEG, PNG, GIF, WebP, AVIF, BMP and TIFF pictures only")
        }
        Refusal::Heic => (
            Code::Unknown,
            "thumbnails are not made of HEIC pictures; set the camera to JPEG (\"most compatible\"), or send the \
             picture with a thumbnail",
        ),
        Refusal::NoDecoder => {
            (Code::Unknown, "this server cannot make thumbnails of AVIF pictures; download the picture itself")
        }
        Refusal::Unreadable => (Code::Unknown, "this picture is damaged, or of a kind that is not read"),
        Refusal::TooLarge => (Code::TooLarge, "this picture is too large to make a thumbnail of"),
    };
    Error::refused(code, message)
}
