//! Uploads: content that comes with its request, and content that was promised a place before it came (spec:
//! `POST /media/v3/upload`, `POST /media/v1/create`, `PUT /media/v3/upload/{serverName}/{mediaId}`).

use im2_core::{Code, Committed, Error, Result, rate_limits::Quota};
use im2_fair::caller::inherit;
use im2_model::{Millis, MxcUri, UserNid};
use im2_store::{
    blobs::{Digest, Incoming},
    media,
};

use super::Media;

/// How long a promised upload may take to come: the specification's recommendation.
const PROMISE: Millis = 24 * 60 * 60 * 1000;
/// Promised uploads a user may have open. A client sends a handful of files at a time; it is also what bounds the
/// rows that never get content.
const OPEN_PROMISES: usize = 64;
/// Letters of a media ID: 143 bits, not to be guessed.
const MEDIA_ID_LENGTH: usize = 24;
/// Bytes of a filename. File systems end at 255 characters, which are at most 1,020 bytes.
const MAX_FILENAME: usize = 1_024;
/// Bytes of a content type: twice the longest one registered, with room for parameters.
const MAX_CONTENT_TYPE: usize = 255;

/// The uploader's description of the content.
#[derive(Debug, Clone, Default)]
pub struct UploadInfo {
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `filename` parameter.
    pub filename: Option<String>,
    /// The length announced, if it was.
    pub length: Option<u64>,
}

/// A place for content that is still to come.
#[derive(Debug, Clone)]
pub struct Promise {
    /// The URI under which the content will be.
    pub uri: MxcUri,
    /// The time until which it may be uploaded.
    pub expires: Millis,
}

/// An upload under way. Dropping it before [`Upload::finish`] leaves nothing behind.
#[derive(Debug)]
pub struct Upload {
    media: Media,
    owner: UserNid,
    /// The media ID promised before, if it was.
    promised: Option<String>,
    info: UploadInfo,
    incoming: Incoming,
}

/// The outcome of a transaction that was to record content.
enum Recorded {
    Done,
    Refused(Error),
}

impl Media {
    /// Promises a place for content (spec: `POST /media/v1/create`).
    pub async fn create(&self, user: UserNid) -> Result<Promise> {
        let now = self.core.now();
        let expires = now + PROMISE;
        let media_id = self.new_media_id();
        let uri = self.uri(&media_id)?;
        let earliest = self.core.store.write(move |tx| {
            tx.forget_expired_media(user, now)?;
            if tx.promised_media(user, now)? >= OPEN_PROMISES {
                return tx.first_promise_expires(user);
            }
            tx.promise_media(&media_id, user, now, expires)?;
            Ok(None)
        });
        match earliest.await? {
            None => Ok(Promise { uri, expires }),
            Some(earliest) => Err(Error::refused(
                Code::LimitExceeded,
                format!("you have {OPEN_PROMISES} media IDs without content; upload to them, or let them expire"),
            )
            .with("retry_after_ms", earliest.saturating_sub(now))),
        }
    }

    /// Begins an upload that gets its media ID at the end.
    pub async fn upload(&self, user: UserNid, info: UploadInfo) -> Result<Upload> {
        self.begin(user, None, info).await
    }

    /// Begins the upload of promised content.
    pub async fn upload_to(
        &self,
        user: UserNid,
        server_name: &str,
        media_id: &str,
        info: UploadInfo,
    ) -> Result<Upload> {
        if server_name != self.core.server_name.as_str() {
            return Err(Error::refused(Code::NotFound, "that media ID belongs to another server"));
        }
        let (id, now) = (media_id.to_owned(), self.core.now());
        let found = self.core.store.read(move |db| db.media(&id)).await?;
        check_promise(found.as_ref(), user, now)?;
        self.begin(user, Some(media_id.to_owned()), info).await
    }

    async fn begin(&self, user: UserNid, promised: Option<String>, mut info: UploadInfo) -> Result<Upload> {
        if info.filename.as_ref().is_some_and(|name| name.len() > MAX_FILENAME) {
            let message = format!("the filename is longer than {MAX_FILENAME} bytes");
            return Err(Error::refused(Code::InvalidParam, message));
        }
        info.filename = info.filename.filter(|name| !name.is_empty());
        info.content_type = info.content_type.filter(|kind| !kind.is_empty() && kind.len() <= MAX_CONTENT_TYPE);
        self.check_size(info.length.unwrap_or(0))?;
        let used = self.core.store.read(move |db| db.media_bytes(user)).await?;
        self.core.limits.check_quota(Quota::MediaBytes, used.saturating_add(info.length.unwrap_or(1)))?;
        let incoming = self.blobs.begin().await?;
        Ok(Upload { media: self.clone(), owner: user, promised, info, incoming })
    }

    fn check_size(&self, size: u64) -> Result<()> {
        let most = self.options.max_upload_bytes;
        if size <= most {
            return Ok(());
        }
        Err(Error::refused(Code::TooLarge, format!("uploads may have up to {most} bytes")))
    }

    pub(super) fn new_media_id(&self) -> String {
        self.core.random.alphanumeric(MEDIA_ID_LENGTH)
    }

    pub(super) fn uri(&self, media_id: &str) -> Result<MxcUri> {
        MxcUri::new(self.core.server_name.as_str(), media_id).map_err(|error| Error::Internal(error.to_string()))
    }

    /// Deletes a blob unless some row needs it.
    pub(super) async fn delete_unless_used(&self, digest: Digest) -> Result<bool> {
        let exclusion = self.blobs.exclude().await;
        if self.core.store.read(move |db| db.is_blob_in_use(&digest)).await? {
            return Ok(false);
        }
        exclusion.delete(digest).await?;
        Ok(true)
    }
}

impl Upload {
    /// Adds bytes at the end.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.media.check_size(self.incoming.size() + bytes.len() as u64)?;
        Ok(self.incoming.write(bytes).await?)
    }

    /// Completes the upload: the content is durable and can be downloaded when this returns.
    ///
    /// A caller that goes away meanwhile changes nothing: it runs to its end, so that no blob is left without a row.
    pub async fn finish(self) -> Result<MxcUri> {
        if self.info.length.is_some_and(|length| length != self.incoming.size()) {
            return Err(Error::refused(Code::Unknown, "the upload ended before the length that was announced"));
        }
        tokio::spawn(inherit(self.place_and_record()))
            .await
            .map_err(|error| Error::Internal(format!("an upload failed: {error}")))?
    }

    async fn place_and_record(self) -> Result<MxcUri> {
        let Self { media, owner, promised, info, incoming } = self;
        let placed = incoming.finish().await?;
        let content = media::Content {
            digest: placed.digest,
            size: placed.size,
            content_type: info.content_type,
            filename: info.filename,
        };
        let is_promised = promised.is_some();
        let media_id = promised.unwrap_or_else(|| media.new_media_id());
        let uri = media.uri(&media_id)?;
        let (now, core) = (media.core.now(), media.core.clone());
        let write = media.core.store.write(move |tx| {
            let would_be = tx.media_bytes(owner)?.saturating_add(content.size);
            if let Err(refusal) = core.limits.check_quota(Quota::MediaBytes, would_be) {
                return Ok(Recorded::Refused(refusal));
            }
            if !is_promised {
                tx.add_media(&media_id, Some(owner), &content, now)?;
                return Ok(Recorded::Done);
            }
            if let Err(refusal) = check_promise(tx.media(&media_id)?.as_ref(), owner, now) {
                return Ok(Recorded::Refused(refusal));
            }
            tx.fulfil_media(&media_id, &content)?;
            tx.publish(Committed::MediaArrived(media_id.clone()));
            Ok(Recorded::Done)
        });
        let recorded = write.await;
        let digest = placed.digest;
        drop(placed);
        let refusal = match recorded {
            Ok(Recorded::Done) => return Ok(uri),
            Ok(Recorded::Refused(refusal)) => refusal,
            Err(error) => error.into(),
        };
        media.delete_unless_used(digest).await?;
        Err(refusal)
    }
}

/// Whether `user` may upload to a media ID now.
fn check_promise(found: Option<&media::Media>, user: UserNid, now: Millis) -> Result<()> {
    let unknown = || Error::refused(Code::NotFound, "there is no such media ID, or it has expired");
    let found = found.ok_or_else(unknown)?;
    if found.owner != Some(user) {
        return Err(Error::refused(Code::Forbidden, "only the user who created a media ID may upload to it"));
    }
    if found.content.is_some() {
        return Err(Error::refused(Code::CannotOverwriteMedia, "this media ID has its content already"));
    }
    if found.expires.is_some_and(|expires| expires <= now) { Err(unknown()) } else { Ok(()) }
}
