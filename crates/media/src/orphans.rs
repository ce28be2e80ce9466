//! Clearing away blobs that no row needs: what is left when media is deleted, and what a crash between the blob and
//! its row leaves.

use im2_core::Result;

use super::Media;

impl Media {
    /// Deletes the thumbnails of pictures that are gone and all blobs that nothing needs; says how many blobs. Meant
    /// for a job that runs now and then: it lists every blob.
    pub async fn delete_orphans(&self) -> Result<usize> {
        self.core.store.write(|tx| tx.forget_orphaned_thumbnails()).await?;
        self.workshop.forget();
        let mut deleted = 0;
        for first in 0..=u8::MAX {
            let digests = self.blobs.list(first).await?;
            let unused = self.core.store.read(move |db| {
                let mut unused = Vec::new();
                for digest in digests {
                    if !db.is_blob_in_use(&digest)? {
                        unused.push(digest);
                    }
                }
                Ok(unused)
            });
            for digest in unused.await? {
                deleted += usize::from(self.delete_unless_used(digest).await?);
            }
        }
        Ok(deleted)
    }
}
