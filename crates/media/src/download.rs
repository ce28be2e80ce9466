//! Downloads: finding content by its URI, waiting for it where it has been promised, reading it.

use std::{ops::Range, time::Duration};

use im2_core::{Code, Error, Result};
use im2_model::{Millis, MxcUri};
use tokio::time::{Instant, timeout_at};

use super::Media;

pub use im2_store::{blobs::Reader, media::Content};

/// The longest wait for content that has been promised but has not come.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// How often somebody who waits looks for themselves, in case the upload went through another node.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The resolution of the time of the last access, in milliseconds, so that media which is read all the time costs one
/// write a day.
const ACCESS_ACCURACY: Millis = 24 * 60 * 60 * 1000;

impl Media {
    /// Finds content. If it has been promised and has not come, waits for it for up to `wait`.
    pub async fn content(&self, server_name: &str, media_id: &str, wait: Duration) -> Result<Content> {
        if MxcUri::new(server_name, media_id).is_err() {
            return Err(Error::refused(Code::NotFound, "there cannot be content under such a name"));
        }
        if server_name != self.core.server_name.as_str() {
            let message = "that content is on another server, and this server does not fetch from other servers";
            return Err(Error::refused(Code::NotFound, message));
        }
        let give_up = Instant::now() + wait.min(MAX_WAIT);
        let mut uploaded = self.uploaded.0.subscribe();
        loop {
            if let Some(content) = self.look_for(media_id).await? {
                return Ok(content);
            }
            let look_again = give_up.min(Instant::now() + LOOK_AGAIN);
            let news = async {
                // Having fallen behind, the news may have been among what was missed: look.
                while matches!(uploaded.recv().await, Ok(id) if *id != *media_id) {}
            };
            if timeout_at(look_again, news).await.is_err() && Instant::now() >= give_up {
                return Err(Error::refused(Code::NotYetUploaded, "this content has not been uploaded yet"));
            }
        }
    }

    /// The content, or `None` while it is only promised.
    async fn look_for(&self, media_id: &str) -> Result<Option<Content>> {
        let id = media_id.to_owned();
        let missing = || Error::refused(Code::NotFound, "there is no such content");
        let found = self.core.store.read(move |db| db.media(&id)).await?.ok_or_else(missing)?;
        let now = self.core.now();
        if found.quarantined || found.expires.is_some_and(|expires| expires <= now) {
            return Err(missing());
        }
        if found.content.is_some() && found.accessed + ACCESS_ACCURACY <= now {
            let id = media_id.to_owned();
            // Queued, not waited for: a download does not depend on it.
            let turn = self.core.store.write_turn().await?;
            drop(self.core.store.enqueue(turn, move |tx| tx.media_accessed(&id, now)).await?);
        }
        Ok(found.content)
    }

    /// Reads bytes of content, which [`Media::content`] or a thumbnail named and whose length it said.
    pub async fn read(&self, digest: im2_store::blobs::Digest, range: Range<u64>) -> Result<Reader> {
        let found = self.blobs.read(digest, range).await?;
        found.ok_or_else(|| Error::Internal(format!("the blob {digest} is missing")))
    }
}
