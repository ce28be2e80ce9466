//! The content repository: uploads, downloads, thumbnails and URL previews (spec: client-server API, "Content
//! repository").
//!
//! Content moves in pieces and is never whole in memory; pictures are decoded on blocking threads within a budget of
//! memory. Nothing here fetches from other homeservers: content of theirs is "not found".

mod download;
mod orphans;
pub mod preview;
mod removal;
pub mod thumbnail;
mod upload;

use std::{path::PathBuf, sync::Arc};

use im2_fair::Load;
use im2_model::Millis;
use im2_store::blobs::Blobs;
use tokio::sync::broadcast;

use im2_core::{
    Core,
    committed::{Apply, Committed},
};

pub use download::{Content, Reader};
pub use im2_pictures::Decoder;
pub use im2_store::{Error as ReadError, blobs::Digest};
pub use upload::{Promise, Upload, UploadInfo};

/// Options for the content repository.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder that holds the content, created at the first upload; `None` for `media` beside the database.
    pub directory: Option<PathBuf>,
    /// The largest upload, in bytes.
    pub max_upload_bytes: u64,
    /// The largest picture that is decoded, in pixels, which bounds the work. Phones make pictures of up to 200
    /// megapixels.
    pub max_image_pixels: u64,
    /// Memory for the pictures that are being decoded at a time, in bytes. One that needs more alone is refused.
    pub image_memory: u64,
    /// The decoder of AVIF; `None` for no decoder, and no thumbnails of AVIF.
    pub decoder: Option<Decoder>,
    /// Options for URL previews; `None` for no previews.
    pub url_previews: Option<preview::Options>,
    /// How long after the last event that showed it lost its content media is deleted; `None` for never.
    pub collect_after: Option<Millis>,
}

impl Default for Options {
    /// Uploads of up to 100 MiB, pictures of up to 256 megapixels in 256 MiB of memory, nothing that decodes AVIF, no
    /// URL previews; media that no event shows any more is deleted after a week.
    fn default() -> Self {
        Self {
            directory: None,
            max_upload_bytes: 100 << 20,
            max_image_pixels: 256 << 20,
            image_memory: 256 << 20,
            decoder: None,
            url_previews: None,
            collect_after: Some(7 * 24 * 60 * 60 * 1000),
        }
    }
}

/// Completed uploads that those who wait for one may be behind by before they have to look for themselves.
const UPLOADED: usize = 256;

/// Tells those who wait for promised media what has arrived.
#[derive(Debug)]
struct Uploaded(broadcast::Sender<Arc<str>>);

impl Apply for Uploaded {
    fn apply(&self, committed: &Committed) {
        if let Committed::MediaArrived(media_id) = committed {
            drop(self.0.send(media_id.as_str().into())); // nobody may be waiting
        }
    }
}

/// The use cases of the content repository.
#[derive(Debug, Clone)]
pub struct Media {
    core: Core,
    options: Arc<Options>,
    blobs: Blobs,
    /// The media IDs whose promised upload has just completed.
    uploaded: Arc<Uploaded>,
    workshop: Arc<thumbnail::Workshop>,
    previewer: Option<Arc<preview::Previewer>>,
}

impl Media {
    /// Builds it on the core.
    pub fn new(core: Core, options: Options) -> Self {
        let pictures = im2_pictures::Limits { pixels: options.max_image_pixels, memory: options.image_memory };
        let directory = options.directory.clone().unwrap_or_else(|| core.store.directory().join("media"));
        let uploaded = Arc::new(Uploaded(broadcast::Sender::new(UPLOADED)));
        let layer: Arc<dyn Apply> = Arc::clone(&uploaded) as _;
        core.layers.add(&layer);
        Self {
            blobs: Blobs::new(directory),
            uploaded,
            workshop: Arc::new(thumbnail::Workshop::new(pictures, options.decoder.clone(), &core.memory)),
            previewer: options.url_previews.clone().map(|options| Arc::new(preview::Previewer::new(options))),
            options: Arc::new(options),
            core,
        }
    }

    /// The core that it stands on.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The load of what users take turns at.
    pub fn loads(&self) -> [(&'static str, Load); 3] {
        let previews = self.previewer.as_ref().map(|previewer| previewer.load()).unwrap_or_default();
        [("files", self.blobs.load()), ("thumbnails", self.workshop.load()), ("previews", previews)]
    }

    /// The settings, which clients may ask for in part.
    pub fn options(&self) -> &Options {
        &self.options
    }
}
