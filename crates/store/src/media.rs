//! The content repository's rows: what was uploaded, the thumbnails made from it, and URL previews. The bytes are in
//! [`crate::blobs`].

use im2_model::{Millis, UserNid};

use crate::{Result, Row, Snapshot, Transaction, blobs::Digest};

/// Content that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The blob.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The type its uploader gave.
    pub content_type: Option<String>,
    /// The name its uploader gave.
    pub filename: Option<String>,
}

/// A media ID's owner, content and state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// The user who uploaded it or may upload it; `None` for media that the server itself fetched.
    pub owner: Option<UserNid>,
    /// The content, once there is any.
    pub content: Option<Content>,
    /// The time until which a promised upload may arrive.
    pub expires: Option<Millis>,
    /// When it was last downloaded, exact to a day.
    pub accessed: Millis,
    /// Whether an administrator has withdrawn it.
    pub quarantined: bool,
}

/// The key of a smaller version of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThumbnailKey {
    /// The picture.
    pub source: Digest,
    /// The box's width in pixels.
    pub width: u32,
    /// The box's height in pixels.
    pub height: u32,
    /// `crop` or `scale`.
    pub method: &'static str,
    /// Whether it moves if the picture does.
    pub animated: bool,
}

/// A smaller version of a picture, or the picture itself where none is of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// The blob.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Its type.
    pub content_type: String,
}

impl Snapshot<'_> {
    /// The media of this server with the ID `media_id`.
    pub fn media(&self, media_id: &str) -> Result<Option<Media>> {
        let sql = "SELECT owner_nid, sha256, size, content_type, filename, expires_ts, accessed_ts, quarantined_by IS NOT NULL
                   FROM media WHERE media_id = ?1";
        self.row(sql, [media_id], read_media)
    }

    /// How many bytes a user has uploaded in all.
    pub fn media_bytes(&self, owner: UserNid) -> Result<u64> {
        let sql = "SELECT coalesce(sum(size), 0) FROM media WHERE owner_nid = ?1";
        let sum: Option<i64> = self.row(sql, [owner.0], |row| row.get(0))?;
        Ok(sum.unwrap_or(0) as u64)
    }

    /// How many uploads a user has been promised, has not made, and may still make at `now`.
    pub fn promised_media(&self, owner: UserNid, now: Millis) -> Result<usize> {
        let sql = "SELECT count(*) FROM media WHERE owner_nid = ?1 AND expires_ts > ?2";
        let count: Option<i64> = self.row(sql, (owner.0, now as i64), |row| row.get(0))?;
        Ok(count.unwrap_or(0) as usize)
    }

    /// When the first of a user's promised uploads expires.
    pub fn first_promise_expires(&self, owner: UserNid) -> Result<Option<Millis>> {
        let sql = "SELECT min(expires_ts) FROM media WHERE owner_nid = ?1 AND expires_ts IS NOT NULL";
        let first: Option<Option<i64>> = self.row(sql, [owner.0], |row| row.get(0))?;
        Ok(first.flatten().map(|at| at as Millis))
    }

    /// A thumbnail that was made before.
    pub fn thumbnail(&self, key: &ThumbnailKey) -> Result<Option<Thumbnail>> {
        let sql = "SELECT sha256, size, content_type FROM thumbnails
                   WHERE source = ?1 AND width = ?2 AND height = ?3 AND method = ?4 AND animated = ?5";
        self.row(sql, (key.source.0, key.width, key.height, key.method, key.animated), |row| {
            Ok(Thumbnail { digest: Digest(row.get(0)?), size: row.get::<i64>(1)? as u64, content_type: row.get(2)? })
        })
    }

    /// The media ID under which the server itself keeps this content, if it does.
    pub fn unowned_media(&self, digest: &Digest) -> Result<Option<String>> {
        let sql = "SELECT media_id FROM media WHERE sha256 = ?1 AND owner_nid IS NULL";
        self.row(sql, [digest.0], |row| row.get(0))
    }

    /// Whether any row needs the blob.
    pub fn is_blob_in_use(&self, digest: &Digest) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM media WHERE sha256 = ?1)
                       OR EXISTS (SELECT 1 FROM thumbnails WHERE sha256 = ?1)";
        Ok(self.row(sql, [digest.0], |row| row.get(0))?.unwrap_or(false))
    }

    /// The preview of `url`, if there is one that has not expired at `now`.
    pub fn url_preview(&self, url: &str, now: Millis) -> Result<Option<String>> {
        let sql = "SELECT preview FROM url_previews WHERE url = ?1 AND expires_ts > ?2";
        self.row(sql, (url, now as i64), |row| row.get(0))
    }
}

impl Transaction<'_> {
    /// Records content under a new media ID. Content that has been withdrawn under another is withdrawn here too.
    pub fn add_media(&self, media_id: &str, owner: Option<UserNid>, content: &Content, now: Millis) -> Result<()> {
        let sql =
            "INSERT INTO media (media_id, owner_nid, sha256, size, content_type, filename, created_ts, accessed_ts,
                                quarantined_by)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7,
                           (SELECT quarantined_by FROM media WHERE sha256 = ?3 AND quarantined_by IS NOT NULL))";
        let Content { digest, size, content_type, filename } = content;
        let owner = owner.map(|owner| owner.0);
        self.execute(sql, (media_id, owner, digest.0, *size as i64, content_type, filename, now as i64))?;
        self.note_born_quarantined(media_id)
    }

    /// Promises `owner` that they may upload to `media_id` until `expires`.
    pub fn promise_media(&self, media_id: &str, owner: UserNid, now: Millis, expires: Millis) -> Result<()> {
        let sql = "INSERT INTO media (media_id, owner_nid, created_ts, accessed_ts, expires_ts)
                   VALUES (?1, ?2, ?3, ?3, ?4)";
        self.execute(sql, (media_id, owner.0, now as i64, expires as i64)).map(drop)
    }

    /// Gives a promised media ID its content. Says whether the promise was still open.
    pub fn fulfil_media(&self, media_id: &str, content: &Content) -> Result<bool> {
        let sql = "UPDATE media SET sha256 = ?2, size = ?3, content_type = ?4, filename = ?5, expires_ts = NULL,
                          quarantined_by = coalesce(quarantined_by, (SELECT o.quarantined_by FROM media o
                                                     WHERE o.sha256 = ?2 AND o.quarantined_by IS NOT NULL))
                   WHERE media_id = ?1 AND sha256 IS NULL";
        let Content { digest, size, content_type, filename } = content;
        let fulfilled = self.execute(sql, (media_id, digest.0, *size as i64, content_type, filename))? == 1;
        if fulfilled {
            self.note_born_quarantined(media_id)?;
        }
        Ok(fulfilled)
    }

    /// Records that media was quarantined from the start, if it was.
    fn note_born_quarantined(&self, media_id: &str) -> Result<()> {
        let sql = "INSERT INTO quarantine_changes (media_id, quarantined)
                   SELECT media_id, TRUE FROM media WHERE media_id = ?1 AND quarantined_by IS NOT NULL";
        self.execute(sql, [media_id]).map(drop)
    }

    /// Forgets a user's promises that have expired at `now`.
    pub fn forget_expired_media(&self, owner: UserNid, now: Millis) -> Result<usize> {
        self.execute("DELETE FROM media WHERE owner_nid = ?1 AND expires_ts <= ?2", (owner.0, now as i64))
    }

    /// Records that somebody downloaded it.
    pub fn media_accessed(&self, media_id: &str, now: Millis) -> Result<()> {
        self.execute("UPDATE media SET accessed_ts = ?2 WHERE media_id = ?1", (media_id, now as i64)).map(drop)
    }

    /// Forgets everything a user has uploaded, as when their account is erased; says how many there were. The blobs
    /// are deleted once nothing else needs them.
    pub fn delete_media_of(&self, owner: UserNid) -> Result<usize> {
        self.execute("DELETE FROM media WHERE owner_nid = ?1", [owner.0])
    }

    /// Records a thumbnail that was made.
    pub fn add_thumbnail(&self, key: &ThumbnailKey, thumbnail: &Thumbnail) -> Result<()> {
        let sql = "INSERT INTO thumbnails (source, width, height, method, animated, sha256, size, content_type)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                   ON CONFLICT (source, width, height, method, animated) DO UPDATE SET
                       sha256 = excluded.sha256, size = excluded.size, content_type = excluded.content_type";
        let ThumbnailKey { source, width, height, method, animated } = *key;
        let Thumbnail { digest, size, content_type } = thumbnail;
        self.execute(sql, (source.0, width, height, method, animated, digest.0, *size as i64, content_type)).map(drop)
    }

    /// Forgets thumbnails of pictures that no media has any more.
    pub fn forget_orphaned_thumbnails(&self) -> Result<usize> {
        let sql =
            "DELETE FROM thumbnails WHERE NOT EXISTS (SELECT 1 FROM media WHERE media.sha256 = thumbnails.source)";
        self.execute(sql, [])
    }

    /// Keeps the preview of `url` until `expires`, and makes room: expired previews go, and beyond `most` the ones
    /// that expire first.
    pub fn keep_url_preview(&self, url: &str, preview: &str, now: Millis, expires: Millis, most: usize) -> Result<()> {
        let sql = "INSERT INTO url_previews (url, preview, fetched_ts, expires_ts) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (url) DO UPDATE SET preview = excluded.preview, fetched_ts = excluded.fetched_ts,
                                                   expires_ts = excluded.expires_ts";
        self.execute(sql, (url, preview, now as i64, expires as i64))?;
        self.execute("DELETE FROM url_previews WHERE expires_ts <= ?1", [now as i64])?;
        let sql = "DELETE FROM url_previews WHERE url IN (
                       SELECT url FROM url_previews ORDER BY expires_ts DESC LIMIT ?1 OFFSET ?2)";
        self.execute(sql, (i64::MAX, most as i64)).map(drop)
    }
}

fn read_media(row: &Row<'_>) -> Result<Media> {
    let digest: Option<[u8; 32]> = row.get(1)?;
    let content = match digest {
        Some(digest) => Some(Content {
            digest: Digest(digest),
            size: row.get::<i64>(2)? as u64,
            content_type: row.get(3)?,
            filename: row.get(4)?,
        }),
        None => None,
    };
    Ok(Media {
        owner: row.get::<Option<i64>>(0)?.map(UserNid),
        content,
        expires: row.get::<Option<i64>>(5)?.map(|at| at as Millis),
        accessed: row.get::<i64>(6)? as Millis,
        quarantined: row.get(7)?,
    })
}
