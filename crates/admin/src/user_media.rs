//! Uploads of users, for administrators.

use im2_core::Result;
use im2_model::UserId;
use im2_store::Snapshot;

pub use im2_store::{
    media_admin::MediaInfo,
    user_content::{MediaOrder, MediaPage},
};

use super::{media::MediaAdmin, users::Users};

impl Users {
    /// A page of what a user has uploaded, and how much there is in all.
    pub async fn media(&self, user_id: &UserId, page: MediaPage) -> Result<(Vec<MediaInfo>, usize)> {
        let user = self.account(user_id).await?.user;
        let read = move |db: &Snapshot<'_>| {
            let (ids, total) = db.media_page(user, page)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(db.media_info(&id)?);
            }
            Ok((found, total))
        };
        Ok(self.core.store.read(read).await?)
    }

    /// Deletes a page of what a user has uploaded; returns the media IDs.
    pub async fn delete_media(&self, media: &MediaAdmin, user_id: &UserId, page: MediaPage) -> Result<Vec<String>> {
        let (found, _) = self.media(user_id, page).await?;
        let mut deleted = Vec::with_capacity(found.len());
        for info in found {
            deleted.extend(media.delete(self.core.server_name.as_str(), &info.media_id).await?);
        }
        Ok(deleted)
    }
}
