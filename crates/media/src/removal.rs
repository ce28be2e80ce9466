//! Deleting media: what is named, and what no event shows any more.

use std::collections::HashSet;

use im2_core::{Result, Transaction};
use im2_kernel::named_media::named_media;
use im2_model::Millis;
use im2_store::blobs::Digest;

use super::Media;

/// Media deleted in one change of the database.
const STEP: usize = 200;

impl Media {
    /// Deletes media, with thumbnails and what is stored of them unless something else needs it. Returns the media
    /// IDs that there were.
    pub async fn delete(&self, media: Vec<String>) -> Result<Vec<String>> {
        self.delete_where(media, |_, _| Ok(true)).await
    }

    async fn delete_where(
        &self,
        media: Vec<String>,
        wanted: impl Fn(&Transaction<'_>, &str) -> im2_store::Result<bool> + Clone + Send + 'static,
    ) -> Result<Vec<String>> {
        let mut deleted = Vec::new();
        for step in media.chunks(STEP).map(<[String]>::to_vec) {
            let wanted = wanted.clone();
            let change = move |tx: &mut Transaction<'_>| {
                let (mut gone, mut blobs): (Vec<String>, Vec<Digest>) = Default::default();
                for id in &step {
                    if wanted(tx, id)?
                        && let Some(more) = tx.delete_media(id)?
                    {
                        blobs.extend(more);
                        gone.push(id.clone());
                    }
                }
                Ok((gone, blobs))
            };
            let (gone, blobs) = self.core.store.write(change).await?;
            deleted.extend(gone);
            self.workshop.forget();
            for digest in blobs {
                self.delete_unless_used(digest).await?;
            }
        }
        Ok(deleted)
    }

    /// Deletes media that events have shown and no event shows any more since `grace` milliseconds; says how much.
    /// Media that a user's profile or account data names is kept.
    pub async fn collect_unreferenced(&self, grace: Millis) -> Result<usize> {
        let until = self.core.now().saturating_sub(grace);
        let prefix = format!("mxc://{}/", self.core.server_name);
        let (mut after, mut deleted, mut kept) = (String::new(), 0, None);
        loop {
            let from = after.clone();
            let page = self.core.store.read(move |db| db.unreferenced_media(until, &from, STEP)).await?;
            let Some(last) = page.last() else { return Ok(deleted) };
            after.clone_from(last);
            if kept.is_none() {
                let prefix = prefix.clone();
                let contents = self.core.store.read(move |db| db.personal_contents_with(&prefix)).await?;
                kept = Some(self.named_in(&contents));
            }
            let kept = kept.get_or_insert_default();
            let page = page.into_iter().filter(|id| !kept.contains(id)).collect();
            deleted += self.delete_where(page, move |tx, id| tx.is_unreferenced(id, until)).await?.len();
        }
    }

    /// The media IDs of this server that these texts name.
    pub fn named_in(&self, contents: &[String]) -> HashSet<String> {
        contents.iter().flat_map(|content| named_media(content, self.core.server_name.as_str(), usize::MAX)).collect()
    }
}
