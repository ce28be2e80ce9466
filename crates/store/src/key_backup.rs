//! Server-side backups of room keys.
//!
//! Keys are removed in steps when there can be many: [`Transaction::delete_key_backup`] and
//! [`Transaction::empty_key_backup`] only take them out of sight, [`Transaction::remove_deleted_keys`] removes some.

use im2_model::UserNid;

use crate::{Result, Row, Snapshot, Transaction};

/// A backup that its user can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyBackup {
    /// Its number in the database.
    pub nid: i64,
    /// Its number among its user's.
    pub version: i64,
    /// The algorithm by which it is encrypted.
    pub algorithm: String,
    /// The data that the algorithm needs, a JSON object.
    pub auth_data: String,
    /// How often its keys have changed.
    pub etag: i64,
    /// How many keys are in it.
    pub sessions: i64,
}

/// The key of a session as it is backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUpSession {
    /// The first message it decrypts.
    pub first_message_index: i64,
    /// How often it was passed on between devices.
    pub forwarded_count: i64,
    /// Whether it comes from a device that the uploading one had verified.
    pub is_verified: bool,
    /// The encrypted key, a JSON object.
    pub session_data: String,
}

/// A session's place in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPlace<'a> {
    /// The backup.
    pub backup: i64,
    /// The room.
    pub room_id: &'a str,
    /// The session.
    pub session_id: &'a str,
}

/// A session of a page of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// The room.
    pub room_id: String,
    /// The session.
    pub session_id: String,
    /// Its key.
    pub session: BackedUpSession,
}

const BACKUP: &str = "SELECT nid, version, algorithm, auth_data, etag, sessions FROM key_backups
                      WHERE user_nid = ?1 AND version IS NOT NULL AND NOT deleted";
const SESSION: &str = "SELECT first_message_index, forwarded_count, is_verified, session_data, room_id, session_id
                       FROM key_backup_sessions WHERE backup_nid = ?1";

fn backup(row: &Row<'_>) -> Result<KeyBackup> {
    Ok(KeyBackup {
        nid: row.get(0)?,
        version: row.get(1)?,
        algorithm: row.get(2)?,
        auth_data: row.get(3)?,
        etag: row.get(4)?,
        sessions: row.get(5)?,
    })
}

fn session(row: &Row<'_>) -> Result<BackedUpSession> {
    Ok(BackedUpSession {
        first_message_index: row.get(0)?,
        forwarded_count: row.get(1)?,
        is_verified: row.get(2)?,
        session_data: row.get(3)?,
    })
}

fn listed(row: &Row<'_>) -> Result<ListedSession> {
    Ok(ListedSession { session: session(row)?, room_id: row.get(4)?, session_id: row.get(5)? })
}

impl Snapshot<'_> {
    /// A user's newest backup.
    pub fn current_key_backup(&self, user: UserNid) -> Result<Option<KeyBackup>> {
        self.row(&format!("{BACKUP} ORDER BY version DESC LIMIT 1"), [user.0], backup)
    }

    /// One of a user's backups.
    pub fn key_backup(&self, user: UserNid, version: i64) -> Result<Option<KeyBackup>> {
        self.row(&format!("{BACKUP} AND version = ?2"), (user.0, version), backup)
    }

    /// Whether a user had a backup of this version and deleted it.
    pub fn is_deleted_key_backup(&self, user: UserNid, version: i64) -> Result<bool> {
        let sql = "SELECT 1 FROM key_backups WHERE user_nid = ?1 AND version = ?2 AND deleted";
        self.row(sql, (user.0, version), |_| Ok(())).map(|found| found.is_some())
    }

    /// How many backups a user has.
    pub fn key_backup_count(&self, user: UserNid) -> Result<usize> {
        let sql = "SELECT count(*) FROM key_backups WHERE user_nid = ?1 AND version IS NOT NULL AND NOT deleted";
        let count: Option<i64> = self.row(sql, [user.0], |row| row.get(0))?;
        Ok(count.unwrap_or(0) as usize)
    }

    /// How many bytes of keys a user has in all backups.
    pub fn key_backup_bytes(&self, user: UserNid) -> Result<i64> {
        let sql = "SELECT coalesce(sum(bytes), 0) FROM key_backups WHERE user_nid = ?1 AND NOT deleted";
        Ok(self.row(sql, [user.0], |row| row.get(0))?.unwrap_or(0))
    }

    /// How many keys are stored in all backups, those that are being removed included.
    pub fn stored_key_count(&self) -> Result<usize> {
        let count: Option<i64> = self.row("SELECT count(*) FROM key_backup_sessions", [], |row| row.get(0))?;
        Ok(count.unwrap_or(0) as usize)
    }

    /// The key of one session.
    pub fn backed_up_session(&self, place: SessionPlace<'_>) -> Result<Option<BackedUpSession>> {
        let sql = format!("{SESSION} AND room_id = ?2 AND session_id = ?3");
        self.row(&sql, (place.backup, place.room_id, place.session_id), session)
    }

    /// The first `limit` keys after a place, by room and session.
    pub fn backed_up_sessions(&self, after: SessionPlace<'_>, limit: usize) -> Result<Vec<ListedSession>> {
        let sql = format!("{SESSION} AND (room_id, session_id) > (?2, ?3) ORDER BY room_id, session_id LIMIT ?4");
        self.rows(&sql, (after.backup, after.room_id, after.session_id, limit as i64), listed)
    }

    /// The first `limit` keys of the place's room after its session.
    pub fn backed_up_sessions_of_room(&self, after: SessionPlace<'_>, limit: usize) -> Result<Vec<ListedSession>> {
        let sql = format!("{SESSION} AND room_id = ?2 AND session_id > ?3 ORDER BY session_id LIMIT ?4");
        self.rows(&sql, (after.backup, after.room_id, after.session_id, limit as i64), listed)
    }
}

impl Transaction<'_> {
    /// Makes a backup and returns its version, which the user has had for no other.
    pub fn create_key_backup(&self, user: UserNid, algorithm: &str, auth_data: &str) -> Result<i64> {
        let sql = "INSERT INTO key_backups (user_nid, version, algorithm, auth_data)
                   VALUES (?1, (SELECT coalesce(max(version), 0) + 1 FROM key_backups WHERE user_nid = ?1), ?2, ?3)
                   RETURNING version";
        let version = self.row(sql, (user.0, algorithm, auth_data), |row| row.get(0))?;
        version.ok_or_else(|| crate::Error::Corrupt("a backup was not stored".into()))
    }

    /// Replaces what a backup's algorithm needs to be known.
    pub fn set_key_backup_auth_data(&self, backup: i64, auth_data: &str) -> Result<()> {
        self.execute("UPDATE key_backups SET auth_data = ?2 WHERE nid = ?1", (backup, auth_data)).map(drop)
    }

    /// Stores the key of a session, in the place of one that is there.
    pub fn set_backed_up_session(&self, place: SessionPlace<'_>, session: &BackedUpSession) -> Result<()> {
        let sql = "INSERT INTO key_backup_sessions
                   (backup_nid, room_id, session_id, first_message_index, forwarded_count, is_verified, session_data)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT (backup_nid, room_id, session_id) DO UPDATE SET
                       first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,
                       is_verified = excluded.is_verified, session_data = excluded.session_data";
        let SessionPlace { backup, room_id, session_id } = place;
        let BackedUpSession { first_message_index, forwarded_count, is_verified, session_data } = session;
        let row = (backup, room_id, session_id, first_message_index, forwarded_count, is_verified, session_data);
        self.execute(sql, row).map(drop)
    }

    /// Removes keys: one session's, or without `session_id` a room's. Returns how many, and their bytes.
    pub fn remove_backed_up_sessions(
        &self,
        backup: i64,
        room_id: &str,
        session_id: Option<&str>,
    ) -> Result<(i64, i64)> {
        let which = "FROM key_backup_sessions
                     WHERE backup_nid = ?1 AND room_id = ?2 AND (?3 IS NULL OR session_id = ?3)";
        let sum = format!("SELECT count(*), coalesce(sum(octet_length(session_data)), 0) {which}");
        let removed = self.row(&sum, (backup, room_id, session_id), |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.execute(&format!("DELETE {which}"), (backup, room_id, session_id))?;
        Ok(removed.unwrap_or((0, 0)))
    }

    /// Notes that the keys of a backup have changed: their number by `sessions`, their bytes by `bytes`.
    pub fn note_key_backup_change(&self, backup: i64, sessions: i64, bytes: i64) -> Result<()> {
        let sql = "UPDATE key_backups SET etag = etag + 1, sessions = sessions + ?2, bytes = bytes + ?3 WHERE nid = ?1";
        self.execute(sql, (backup, sessions, bytes)).map(drop)
    }

    /// Takes a backup out of its user's sight. Its keys are then to be removed.
    pub fn delete_key_backup(&self, backup: i64) -> Result<()> {
        let sql = "UPDATE key_backups SET deleted = TRUE, auth_data = '{}' WHERE nid = ?1";
        self.execute(sql, [backup]).map(drop)
    }

    /// Takes all backups of a user out of sight; returns which.
    pub fn delete_key_backups(&self, user: UserNid) -> Result<Vec<i64>> {
        let sql = "UPDATE key_backups SET deleted = TRUE, auth_data = '{}' WHERE user_nid = ?1 AND NOT deleted
                   RETURNING nid";
        self.rows(sql, [user.0], |row| row.get(0))
    }

    /// Takes all keys of a backup out of sight: they stay behind in the row that it had, to be removed.
    pub fn empty_key_backup(&self, backup: i64) -> Result<()> {
        // The version is free for the new row before that is made, and the old one keeps it nowhere.
        let read = "SELECT user_nid, version, algorithm, auth_data, etag FROM key_backups WHERE nid = ?1";
        let row = self.row(read, [backup], |row| {
            Ok((
                row.get::<i64>(0)?,
                row.get::<i64>(1)?,
                row.get::<String>(2)?,
                row.get::<String>(3)?,
                row.get::<i64>(4)?,
            ))
        })?;
        let Some((user, version, algorithm, auth_data, etag)) = row else { return Ok(()) };
        let leave = "UPDATE key_backups SET version = NULL, deleted = TRUE, auth_data = '{}' WHERE nid = ?1";
        self.execute(leave, [backup])?;
        let insert = "INSERT INTO key_backups (user_nid, version, algorithm, auth_data, etag)
                      VALUES (?1, ?2, ?3, ?4, ?5)";
        self.execute(insert, (user, version, algorithm, auth_data, etag + 1)).map(drop)
    }

    /// Removes up to `limit` keys of a backup that was deleted or emptied; returns whether none are left. What only
    /// stood for them goes with the last.
    pub fn remove_deleted_keys(&self, backup: i64, limit: usize) -> Result<bool> {
        let keys = "DELETE FROM key_backup_sessions WHERE nid IN (
                        SELECT s.nid FROM key_backup_sessions s JOIN key_backups b ON b.nid = s.backup_nid
                        WHERE s.backup_nid = ?1 AND b.deleted LIMIT ?2)";
        let is_last = self.execute(keys, (backup, limit as i64))? < limit;
        if is_last {
            let rest = "DELETE FROM key_backups WHERE nid = ?1 AND deleted AND version IS NULL";
            self.execute(rest, [backup])?;
        }
        Ok(is_last)
    }
}
