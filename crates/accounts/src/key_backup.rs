//! Server-side backups of room keys (spec: "Server-side key backups").
//!
//! The server sees ciphertext and keeps, of two keys for one session, the better one. A backup may hold very many keys:
//! [`Export`] hands them out piece by piece, and what is deleted is removed by a job in steps, so that neither memory
//! nor the writer is taken up by one user's backup.

mod export;
mod upload;

use std::sync::Arc;

use im2_fair::{Load, Turns};
use im2_model::{Millis, UserNid};
use im2_store::{Snapshot, key_backup::KeyBackup};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

pub use export::Export;
pub use upload::{KeyData, RoomKeys, UploadedKeys};

use im2_core::{
    Code, Core, Error, Result, Transaction,
    jobs::{Failure, Handlers},
    session::Session,
};

/// The outbox job that removes the keys of a deleted backup. Its payload is [`Removal`].
const REMOVE_KEYS: &str = "key_backup.remove_keys";
/// Keys removed in one change: some milliseconds of the writer's time.
const REMOVED_AT_ONCE: usize = 500;
/// Backups a user may have at once. Clients delete the old one when they make another.
const MAX_BACKUPS: usize = 100;
/// The largest `auth_data`: a public key and the signatures of one's devices.
const MAX_AUTH_DATA_BYTES: usize = 65_536;
/// The longest name of an algorithm, and the longest ID of a room and of a session.
const MAX_NAME_BYTES: usize = 255;

/// The use cases of key backup.
#[derive(Debug, Clone)]
pub struct KeyBackups {
    core: Core,
    exports: Arc<Turns>,
}

/// A backup as its user sees it.
#[derive(Debug, Serialize)]
pub struct BackupInfo {
    algorithm: String,
    auth_data: Box<RawValue>,
    count: i64,
    etag: String,
    version: String,
}

/// The state of a backup's keys after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeysChanged {
    etag: String,
    count: i64,
}

/// A selection of a backup's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// All.
    All,
    /// Those of a room.
    Room(String),
    /// One session's of a room.
    Session(String, String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Removal {
    backup: i64,
}

impl KeyBackups {
    /// Builds it on the core.
    pub fn new(core: Core) -> Self {
        Self { core, exports: Arc::new(Turns::new(export::BOUNDS)) }
    }

    /// How many backups are being written to clients, for metrics.
    pub fn export_load(&self) -> Load {
        self.exports.load()
    }

    /// Makes a new backup, which is from now on the current one; returns its version.
    pub async fn create(&self, session: &Session, algorithm: &str, auth_data: &Map<String, Value>) -> Result<String> {
        check_name(algorithm, "algorithm")?;
        let (user, algorithm, auth_data) = (session.user, algorithm.to_owned(), checked(auth_data)?);
        let create = move |tx: &mut Transaction<'_>| {
            if tx.key_backup_count(user)? >= MAX_BACKUPS {
                return Ok(None);
            }
            tx.create_key_backup(user, &algorithm, &auth_data).map(Some)
        };
        let too_many = || {
            let message = format!("you already have {MAX_BACKUPS} key backups: delete one first");
            Error::refused(Code::TooLarge, message)
        };
        let version = self.core.store.write(create).await?.ok_or_else(too_many)?;
        Ok(version.to_string())
    }

    /// The current backup, or the one of this version.
    pub async fn info(&self, session: &Session, version: Option<&str>) -> Result<BackupInfo> {
        let backup = if let Some(version) = version {
            self.find(session, version).await?
        } else {
            let user = session.user;
            let current = self.core.store.read(move |db| db.current_key_backup(user)).await?;
            current.ok_or_else(|| Error::refused(Code::NotFound, "you have no key backup"))?
        };
        Ok(BackupInfo {
            auth_data: raw(backup.auth_data)?,
            algorithm: backup.algorithm,
            count: backup.sessions,
            etag: backup.etag.to_string(),
            version: backup.version.to_string(),
        })
    }

    /// Replaces the `auth_data` of a backup. Its algorithm stays what it is, and has to be named rightly.
    pub async fn update(
        &self,
        session: &Session,
        version: &str,
        algorithm: &str,
        auth_data: &Map<String, Value>,
    ) -> Result<()> {
        let (user, number) = (session.user, number_of(version)?);
        let (algorithm, auth_data) = (algorithm.to_owned(), checked(auth_data)?);
        let update = move |tx: &mut Transaction<'_>| {
            let Some(backup) = tx.key_backup(user, number)? else { return Ok(Err(unknown())) };
            if backup.algorithm != algorithm {
                let message = format!("the algorithm of this backup is {} and cannot be changed", backup.algorithm);
                return Ok(Err(Error::refused(Code::InvalidParam, message)));
            }
            tx.set_key_backup_auth_data(backup.nid, &auth_data).map(Ok)
        };
        self.core.store.write(update).await?
    }

    /// Deletes a backup with all its keys. To do it again changes nothing.
    pub async fn delete(&self, session: &Session, version: &str) -> Result<()> {
        let (user, number, now) = (session.user, number_of(version)?, self.core.now());
        let delete = move |tx: &mut Transaction<'_>| match tx.key_backup(user, number)? {
            Some(backup) => {
                tx.delete_key_backup(backup.nid)?;
                add_removal(tx, backup.nid, now).map(Ok)
            }
            None if tx.is_deleted_key_backup(user, number)? => Ok(Ok(())),
            None => Ok(Err(unknown())),
        };
        self.core.store.write(delete).await?
    }

    /// Deletes keys from a backup. Keys that are not there are passed over.
    pub async fn delete_keys(&self, session: &Session, version: &str, keys: Keys) -> Result<KeysChanged> {
        let (user, number, now) = (session.user, number_of(version)?, self.core.now());
        let delete = move |tx: &mut Transaction<'_>| {
            let Some(backup) = tx.key_backup(user, number)? else { return Ok(Err(unknown())) };
            let removed = match &keys {
                Keys::All if backup.sessions > 0 => {
                    tx.empty_key_backup(backup.nid)?;
                    add_removal(tx, backup.nid, now)?;
                    (0, 0)
                }
                Keys::All => (0, 0),
                Keys::Room(room_id) => tx.remove_backed_up_sessions(backup.nid, room_id, None)?,
                Keys::Session(room_id, session_id) => {
                    tx.remove_backed_up_sessions(backup.nid, room_id, Some(session_id))?
                }
            };
            let (sessions, bytes) = removed;
            if sessions > 0 {
                tx.note_key_backup_change(backup.nid, -sessions, -bytes)?;
            }
            changed(tx, user, number)
        };
        self.core.store.write(delete).await?
    }

    async fn find(&self, session: &Session, version: &str) -> Result<KeyBackup> {
        let (user, number) = (session.user, number_of(version)?);
        self.core.store.read(move |db| db.key_backup(user, number)).await?.ok_or_else(unknown)
    }
}

/// Adds the handler of this module's job.
pub fn register(handlers: Handlers, core: &Core) -> Handlers {
    let core = core.clone();
    handlers.on(REMOVE_KEYS, move |payload| {
        let core = core.clone();
        async move { remove_keys(&core, &payload).await }
    })
}

async fn remove_keys(core: &Core, payload: &str) -> std::result::Result<(), Failure> {
    let Removal { backup } = serde_json::from_str(payload).map_err(|error| format!("payload: {error}"))?;
    loop {
        let removed = core.store.write(move |tx| tx.remove_deleted_keys(backup, REMOVED_AT_ONCE)).await;
        if removed.map_err(|error| error.to_string())? {
            return Ok(());
        }
    }
}

fn add_removal(tx: &mut Transaction<'_>, backup: i64, now: Millis) -> im2_store::Result<()> {
    let payload = serde_json::json!(Removal { backup }).to_string();
    tx.add_job(REMOVE_KEYS, &payload, now)
}

/// Deletes all backups of a user whose account ends, inside that change.
pub(crate) fn delete_all(tx: &mut Transaction<'_>, user: UserNid, now: Millis) -> im2_store::Result<()> {
    for backup in tx.delete_key_backups(user)? {
        add_removal(tx, backup, now)?;
    }
    Ok(())
}

/// The answer to a change of a backup's keys.
fn changed(db: &Snapshot<'_>, user: UserNid, version: i64) -> im2_store::Result<Result<KeysChanged>> {
    let backup = db.key_backup(user, version)?.ok_or_else(unknown);
    Ok(backup.map(|backup| KeysChanged { etag: backup.etag.to_string(), count: backup.sessions }))
}

/// The number behind a version, which is written in one way only. What is none names no backup.
fn number_of(version: &str) -> Result<i64> {
    let number = version.parse().ok().filter(|number: &i64| number.to_string() == version);
    number.ok_or_else(unknown)
}

fn unknown() -> Error {
    Error::refused(Code::NotFound, "you have no key backup with this version")
}

fn checked(auth_data: &Map<String, Value>) -> Result<String> {
    let text = serde_json::to_string(auth_data).map_err(|error| Error::Internal(error.to_string()))?;
    if text.len() > MAX_AUTH_DATA_BYTES {
        let message = format!("auth_data is limited to {MAX_AUTH_DATA_BYTES} bytes");
        return Err(Error::refused(Code::TooLarge, message));
    }
    Ok(text)
}

fn check_name(name: &str, what: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Error::refused(Code::InvalidParam, format!("the {what} must have 1 to {MAX_NAME_BYTES} bytes")));
    }
    Ok(())
}

fn raw(text: String) -> Result<Box<RawValue>> {
    RawValue::from_string(text).map_err(|error| Error::Internal(format!("stored key backup: {error}")))
}
