//! Keys that come in: which of them are stored.

use std::collections::BTreeMap;

use im2_core::{Code, Core, Error, Result, Transaction, rate_limits::Quota, session::Session};
use im2_model::UserNid;
use im2_store::key_backup::{BackedUpSession, KeyBackup, SessionPlace};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{KeyBackups, KeysChanged, changed, check_name, number_of, unknown};

/// The largest key: what clients upload has some hundred bytes.
const MAX_SESSION_DATA_BYTES: usize = 65_536;
/// Keys in one backup: a session for each hundred messages of a lifetime.
const MAX_SESSIONS: i64 = 1_000_000;
/// Keys stored in one change, and their bytes: a millisecond of the writer's time.
const KEYS_AT_ONCE: usize = 64;
const BYTES_AT_ONCE: usize = 131_072;
/// The largest number that JSON carries everywhere.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// A session's key as clients send it.
#[derive(Debug, Deserialize)]
pub struct KeyData {
    first_message_index: u64,
    forwarded_count: u64,
    is_verified: bool,
    session_data: Map<String, Value>,
}

/// The keys of a room as clients send them, by session.
#[derive(Debug, Deserialize)]
pub struct RoomKeys {
    /// The keys, by session ID.
    pub sessions: BTreeMap<String, KeyData>,
}

/// Keys of several rooms, by room.
#[derive(Debug, Deserialize)]
pub struct UploadedKeys {
    /// The keys of rooms, by room ID.
    pub rooms: BTreeMap<String, RoomKeys>,
}

/// A key that passed the checks.
struct Checked {
    room_id: String,
    session_id: String,
    session: BackedUpSession,
}

impl KeyBackups {
    /// Stores keys in the current backup, whose version the client has to know. A key that is there is replaced by a
    /// better one only.
    ///
    /// Many keys are stored in several changes, between which others have the writer. If one fails, because there is a
    /// new backup meanwhile or this one is full, the keys before it stay, and sending them again changes nothing.
    pub async fn upload(&self, session: &Session, version: &str, keys: UploadedKeys) -> Result<KeysChanged> {
        let (user, number) = (session.user, number_of(version)?);
        let mut keys = checked(keys)?.into_iter();
        let mut portion = next_portion(&mut keys);
        let is_all = keys.as_slice().is_empty();
        let _turn = if is_all { None } else { Some(self.core.store.long_write_turn().await?) };
        loop {
            let core = self.core.clone();
            let store = move |tx: &mut Transaction<'_>| store(tx, &core, (user, number), &portion);
            let stored = self.core.store.write(store).await??;
            portion = next_portion(&mut keys);
            if portion.is_empty() {
                return Ok(stored);
            }
        }
    }
}

/// The keys that one change stores: at most [`KEYS_AT_ONCE`], and at most [`BYTES_AT_ONCE`] unless one key is larger.
fn next_portion(keys: &mut std::vec::IntoIter<Checked>) -> Vec<Checked> {
    let mut bytes = 0;
    let fits = |(number, key): (usize, &Checked)| {
        bytes += key.session.session_data.len();
        number < KEYS_AT_ONCE && (number == 0 || bytes <= BYTES_AT_ONCE)
    };
    let count = keys.as_slice().iter().enumerate().map(fits).take_while(|fits| *fits).count();
    keys.take(count).collect()
}

/// Stores the better ones of `keys` in a user's backup if it is the current one.
fn store(
    tx: &mut Transaction<'_>,
    core: &Core,
    (user, number): (UserNid, i64),
    keys: &[Checked],
) -> im2_store::Result<Result<KeysChanged>> {
    let Some(current) = tx.current_key_backup(user)? else { return Ok(Err(unknown())) };
    if current.version != number {
        let is_old = tx.key_backup(user, number)?.is_some();
        return Ok(Err(if is_old { outdated(&current) } else { unknown() }));
    }
    let (mut better, mut added, mut bytes) = (Vec::new(), 0, 0);
    for Checked { room_id, session_id, session } in keys {
        let place = SessionPlace { backup: current.nid, room_id, session_id };
        match tx.backed_up_session(place)? {
            Some(stored) if !is_better(session, &stored) => continue,
            Some(stored) => bytes -= stored.session_data.len() as i64,
            None => added += 1,
        }
        bytes += session.session_data.len() as i64;
        better.push((place, session));
    }
    if current.sessions + added > MAX_SESSIONS {
        let message = format!("a backup holds at most {MAX_SESSIONS} keys");
        return Ok(Err(Error::refused(Code::TooLarge, message)));
    }
    let would_be = (tx.key_backup_bytes(user)? + bytes).max(0).unsigned_abs();
    if bytes > 0
        && let Err(refusal) = core.limits.check_quota(Quota::KeyBackupBytes, would_be)
    {
        return Ok(Err(refusal));
    }
    for (place, session) in &better {
        tx.set_backed_up_session(*place, session)?;
    }
    if !better.is_empty() {
        tx.note_key_backup_change(current.nid, added, bytes)?;
    }
    changed(tx, user, number)
}

/// Whether a key takes the place of another for the same session: a verified one before others, then the one that
/// decrypts more, then the one that was passed on less often.
fn is_better(new: &BackedUpSession, stored: &BackedUpSession) -> bool {
    let rank = |session: &BackedUpSession| (!session.is_verified, session.first_message_index, session.forwarded_count);
    rank(new) < rank(stored)
}

fn outdated(current: &KeyBackup) -> Error {
    let message = "this is not the current key backup: another device has made a new one";
    Error::refused(Code::WrongRoomKeysVersion, message).with("current_version", current.version.to_string())
}

fn checked(keys: UploadedKeys) -> Result<Vec<Checked>> {
    let mut checked = Vec::new();
    for (room_id, RoomKeys { sessions }) in keys.rooms {
        check_name(&room_id, "room ID")?;
        if !room_id.starts_with('!') {
            return Err(Error::refused(Code::InvalidParam, "a room ID must begin with `!`"));
        }
        for (session_id, data) in sessions {
            check_name(&session_id, "session ID")?;
            checked.push(Checked { room_id: room_id.clone(), session_id, session: check_key(&data)? });
        }
    }
    Ok(checked)
}

fn check_key(data: &KeyData) -> Result<BackedUpSession> {
    let session_data = serde_json::to_string(&data.session_data).map_err(|error| Error::Internal(error.to_string()))?;
    if session_data.len() > MAX_SESSION_DATA_BYTES {
        let message = format!("session_data is limited to {MAX_SESSION_DATA_BYTES} bytes");
        return Err(Error::refused(Code::TooLarge, message));
    }
    if data.first_message_index.max(data.forwarded_count) > MAX_NUMBER {
        return Err(Error::refused(Code::BadJson, "first_message_index and forwarded_count must be below 2^53"));
    }
    Ok(BackedUpSession {
        first_message_index: data.first_message_index as i64,
        forwarded_count: data.forwarded_count as i64,
        is_verified: data.is_verified,
        session_data,
    })
}

#[cfg(test)]
mod tests {
    use super::{BackedUpSession, is_better};

    fn key(is_verified: bool, first_message_index: i64, forwarded_count: i64) -> BackedUpSession {
        BackedUpSession { first_message_index, forwarded_count, is_verified, session_data: String::new() }
    }

    #[test]
    fn the_better_key_is_kept() {
        // Each is better than all after it.
        let ranked = [
            key(true, 0, 0),
            key(true, 0, 9),
            key(true, 5, 1),
            key(false, 0, 0),
            key(false, 0, 1),
            key(false, 1, 0),
            key(false, 7, 7),
        ];
        for (place, one) in ranked.iter().enumerate() {
            for (other_place, other) in ranked.iter().enumerate() {
                assert_eq!(is_better(one, other), place < other_place, "{one:?} {other:?}");
            }
        }
    }
}
