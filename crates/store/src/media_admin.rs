//! Media as administrators see and remove it.

use im2_model::{Millis, UserNid};

use crate::{Result, Row, Snapshot, Transaction, blobs::Digest, dialect::Sql};

/// A piece of media with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaInfo {
    /// Its media ID.
    pub media_id: String,
    /// The user who uploaded it; `None` for media that the server itself fetched.
    pub owner: Option<String>,
    /// Its content, once there is any.
    pub digest: Option<Digest>,
    /// The size in bytes.
    pub size: u64,
    /// The content type that the uploader gave.
    pub content_type: Option<String>,
    /// The file name that the uploader gave.
    pub filename: Option<String>,
    /// When it was uploaded or promised.
    pub created_ts: Millis,
    /// When it was last downloaded, exact to a day.
    pub accessed_ts: Millis,
    /// The administrator who has withdrawn it.
    pub quarantined_by: Option<String>,
    /// Whether it is kept from being quarantined.
    pub protected: bool,
}

/// A piece of media that was quarantined, or is no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineChange {
    /// The place among all changes, from 1.
    pub id: i64,
    /// The media ID.
    pub media_id: String,
    /// Whether it was quarantined.
    pub quarantined: bool,
}

const INFO: &str = "SELECT m.media_id, o.user_id, m.sha256, m.size, m.content_type, m.filename, m.created_ts,
                           m.accessed_ts, q.user_id, m.protected
                    FROM media m LEFT JOIN users o ON o.nid = m.owner_nid LEFT JOIN users q ON q.nid = m.quarantined_by";

fn read_info(row: &Row<'_>) -> Result<MediaInfo> {
    Ok(MediaInfo {
        media_id: row.get(0)?,
        owner: row.get(1)?,
        digest: row.get::<Option<[u8; 32]>>(2)?.map(Digest),
        size: row.get::<i64>(3)? as u64,
        content_type: row.get(4)?,
        filename: row.get(5)?,
        created_ts: row.get::<i64>(6)? as Millis,
        accessed_ts: row.get::<i64>(7)? as Millis,
        quarantined_by: row.get(8)?,
        protected: row.get(9)?,
    })
}

impl Snapshot<'_> {
    /// The record of `media_id`.
    pub fn media_info(&self, media_id: &str) -> Result<Option<MediaInfo>> {
        self.row(&format!("{INFO} WHERE m.media_id = ?1"), [media_id], read_info)
    }

    /// Up to `limit` media IDs of a user beyond `after`, in their order.
    pub fn media_ids_of(&self, owner: UserNid, after: &str, limit: usize) -> Result<Vec<String>> {
        let sql = "SELECT media_id FROM media WHERE owner_nid = ?1 AND media_id > ?2 ORDER BY media_id LIMIT ?3";
        self.rows(sql, (owner.0, after, limit as i64), |row| row.get(0))
    }

    /// Up to `limit` media IDs beyond `after` of content that was last used before `before` and is larger than
    /// `larger_than` bytes, in their order. Protected media is left out.
    pub fn old_media(&self, before: Millis, larger_than: u64, after: &str, limit: usize) -> Result<Vec<String>> {
        let sql = "SELECT media_id FROM media WHERE sha256 IS NOT NULL AND accessed_ts < ?1 AND size > ?2
                     AND media_id > ?3 AND NOT protected ORDER BY media_id LIMIT ?4";
        self.rows(sql, (before as i64, larger_than as i64, after, limit as i64), |row| row.get(0))
    }

    /// Up to `limit` changes of quarantine after the one numbered `after`, in order, and the number of the last there is.
    pub fn quarantine_changes(&self, after: i64, limit: usize) -> Result<(Vec<QuarantineChange>, i64)> {
        let sql = "SELECT id, media_id, quarantined FROM quarantine_changes WHERE id > ?1 ORDER BY id LIMIT ?2";
        let changes = self.rows(sql, (after, limit as i64), |row| {
            Ok(QuarantineChange { id: row.get(0)?, media_id: row.get(1)?, quarantined: row.get(2)? })
        })?;
        let last: Option<i64> =
            self.row("SELECT coalesce(max(id), 0) FROM quarantine_changes", [], |row| row.get(0))?;
        Ok((changes, last.unwrap_or(0)))
    }

    /// The contents of current state in which rooms and members show `text`: their pictures.
    pub fn pictures_with(&self, text: &str) -> Result<Vec<String>> {
        let sql = "SELECT e.pdu FROM current_state s JOIN events e ON e.position = s.position
                   WHERE s.kind IN ('m.room.avatar', 'm.room.member') AND instr(e.pdu, ?1)
                   UNION ALL SELECT value FROM profile_fields WHERE field = 'avatar_url' AND instr(value, ?1)";
        self.rows(Sql::SqliteOnly(sql), [text], |row| row.get(0))
    }
}

impl Transaction<'_> {
    /// Withdraws media and everything with the same content; with `by` gone, gives it back. What is protected stays.
    /// Returns how many media IDs changed.
    pub fn quarantine(&self, media_id: &str, by: Option<UserNid>) -> Result<usize> {
        let sql = "UPDATE media SET quarantined_by = ?2
                   WHERE (media_id = ?1 OR sha256 = (SELECT sha256 FROM media WHERE media_id = ?1))
                     AND NOT protected AND (quarantined_by IS NULL) = (?2 IS NOT NULL)
                   RETURNING media_id";
        let changed: Vec<String> = self.rows(sql, (media_id, by.map(|by| by.0)), |row| row.get(0))?;
        for media_id in &changed {
            let sql = "INSERT INTO quarantine_changes (media_id, quarantined) VALUES (?1, ?2)";
            self.execute(sql, (media_id, by.is_some()))?;
        }
        Ok(changed.len())
    }

    /// Keeps media from being quarantined, or no longer. Says whether there is such media.
    pub fn protect_media(&self, media_id: &str, protected: bool) -> Result<bool> {
        Ok(self.execute("UPDATE media SET protected = ?2 WHERE media_id = ?1", (media_id, protected))? == 1)
    }

    /// Forgets media. Returns the blobs of it and of its thumbnails, which may be needed by others still; nothing if
    /// there is no such media.
    pub fn delete_media(&self, media_id: &str) -> Result<Option<Vec<Digest>>> {
        let sql = "DELETE FROM media WHERE media_id = ?1 RETURNING sha256";
        let Some(digest) = self.row(sql, [media_id], |row| row.get::<Option<[u8; 32]>>(0))? else {
            return Ok(None);
        };
        let Some(source) = digest else { return Ok(Some(Vec::new())) };
        let mut blobs = vec![Digest(source)];
        if self.row("SELECT 1 FROM media WHERE sha256 = ?1 LIMIT 1", [source], |_| Ok(()))?.is_none() {
            let sql = "DELETE FROM thumbnails WHERE source = ?1 RETURNING sha256";
            blobs.extend(self.rows(sql, [source], |row| row.get(0).map(Digest))?);
        }
        Ok(Some(blobs))
    }
}
