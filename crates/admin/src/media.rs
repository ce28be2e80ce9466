//! Media as administrators see, withdraw and delete it.

use std::collections::HashSet;

use im2_model::{Millis, RoomId, UserId};
use im2_store::media_admin::{MediaInfo, QuarantineChange};

use im2_chat::rooms::Rooms;
use im2_core::{Code, Core, Error, Result, Transaction, session::Session};
use im2_media::Media;

/// Media changed in one change of the database, and looked at at a time.
const STEP: usize = 500;
/// Changes of quarantine in one answer.
const CHANGES: usize = 100;
/// Media of one room that is listed or withdrawn.
const MAX_IN_ROOM: usize = 100_000;

/// The use cases.
#[derive(Debug, Clone)]
pub struct MediaAdmin {
    core: Core,
    rooms: Rooms,
    media: Media,
}

impl MediaAdmin {
    pub(crate) fn new(core: Core, rooms: Rooms, media: Media) -> Self {
        Self { core, rooms, media }
    }

    /// The record of a piece of media. Media of other servers is not kept here, so it is not found.
    pub async fn info(&self, server_name: &str, media_id: &str) -> Result<MediaInfo> {
        let id = media_id.to_owned();
        if !self.is_ours(server_name) {
            return Err(no_media());
        }
        self.core.store.read(move |db| db.media_info(&id)).await?.ok_or_else(no_media)
    }

    /// Deletes a piece of media.
    pub async fn delete(&self, server_name: &str, media_id: &str) -> Result<Vec<String>> {
        if !self.is_ours(server_name) {
            return Err(Error::refused(Code::Unknown, "only media of this server can be deleted"));
        }
        let deleted = self.media.delete(vec![media_id.to_owned()]).await?;
        if deleted.is_empty() { Err(no_media()) } else { Ok(deleted) }
    }

    /// Deletes media that was last used before a time and is larger than a number of bytes. With `keep_profiles` what
    /// people and rooms show as their pictures stays.
    pub async fn delete_old(&self, before: Millis, larger_than: u64, keep_profiles: bool) -> Result<Vec<String>> {
        let (before, larger_than) = (before.min(1 << 53), larger_than.min(1 << 53));
        let kept = if keep_profiles { self.pictures().await? } else { HashSet::new() };
        let (mut after, mut deleted) = (String::new(), Vec::new());
        loop {
            let from = after.clone();
            let page = self.core.store.read(move |db| db.old_media(before, larger_than, &from, STEP)).await?;
            let Some(last) = page.last() else { return Ok(deleted) };
            after.clone_from(last);
            deleted.extend(self.media.delete(page.into_iter().filter(|id| !kept.contains(id)).collect()).await?);
        }
    }

    /// The media that is shown as somebody's or some room's picture.
    async fn pictures(&self) -> Result<HashSet<String>> {
        let prefix = format!("mxc://{}/", self.core.server_name);
        let contents = self.core.store.read(move |db| db.pictures_with(&prefix)).await?;
        Ok(self.media.named_in(&contents))
    }

    /// Withdraws a piece of media and whatever has the same content, or gives it back.
    pub async fn quarantine(
        &self,
        admin: &Session,
        server_name: &str,
        media_id: &str,
        quarantine: bool,
    ) -> Result<usize> {
        if !self.is_ours(server_name) {
            return Ok(0);
        }
        self.quarantine_all(admin, vec![media_id.to_owned()], quarantine).await
    }

    /// Withdraws all media that readable events of a room show.
    pub async fn quarantine_room(&self, admin: &Session, room_id: &RoomId) -> Result<usize> {
        let (local, _) = self.in_room(room_id).await?;
        self.quarantine_all(admin, local, true).await
    }

    /// Withdraws everything a user has uploaded.
    pub async fn quarantine_user(&self, admin: &Session, user_id: &UserId) -> Result<usize> {
        if user_id.server_name() != self.core.server_name.as_str() {
            return Err(Error::refused(Code::InvalidParam, "only media of this server's users can be withdrawn"));
        }
        let (wanted, mut after, mut count) = (user_id.clone(), String::new(), 0);
        let Some(user) = self.core.store.read(move |db| db.user_nid(&wanted)).await? else { return Ok(0) };
        loop {
            let from = after.clone();
            let page = self.core.store.read(move |db| db.media_ids_of(user, &from, STEP)).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after.clone_from(last);
            count += self.quarantine_all(admin, page, true).await?;
        }
    }

    async fn quarantine_all(&self, admin: &Session, media: Vec<String>, quarantine: bool) -> Result<usize> {
        let by = quarantine.then_some(admin.user);
        let mut count = 0;
        for step in media.chunks(STEP).map(<[String]>::to_vec) {
            let change =
                move |tx: &mut Transaction<'_>| step.iter().try_fold(0, |count, id| Ok(count + tx.quarantine(id, by)?));
            count += self.core.store.write(change).await?;
        }
        Ok(count)
    }

    /// The media that was quarantined or released after the change numbered `after`, oldest first, and the number to go
    /// on from.
    pub async fn quarantine_changes(&self, after: i64) -> Result<(Vec<QuarantineChange>, i64)> {
        let (changes, last) = self.core.store.read(move |db| db.quarantine_changes(after, CHANGES)).await?;
        if after < 0 || after > last {
            return Err(Error::refused(Code::InvalidParam, "`from` is not a token of this list"));
        }
        let next = changes.last().map_or(last, |change| change.id);
        Ok((changes, next))
    }

    /// Keeps a piece of media from being withdrawn, or no longer.
    pub async fn protect(&self, media_id: &str, protect: bool) -> Result<()> {
        let id = media_id.to_owned();
        let found = self.core.store.write(move |tx| tx.protect_media(&id, protect)).await?;
        if found { Ok(()) } else { Err(no_media()) }
    }

    /// The media that readable events of a room show: media IDs of this server, and names of media of other servers.
    pub async fn in_room(&self, room_id: &RoomId) -> Result<(Vec<String>, Vec<String>)> {
        let room = self.rooms.find(room_id).await?;
        let room = room.ok_or_else(|| Error::refused(Code::NotFound, "there is no such room on this server"))?;
        let nid = room.nid;
        let media = self.core.store.read(move |db| db.media_in_room(nid, MAX_IN_ROOM)).await?;
        Ok(media.into_iter().partition(|name| !name.contains('/')))
    }

    fn is_ours(&self, server_name: &str) -> bool {
        server_name == self.core.server_name.as_str()
    }
}

fn no_media() -> Error {
    Error::refused(Code::NotFound, "there is no such media on this server")
}
