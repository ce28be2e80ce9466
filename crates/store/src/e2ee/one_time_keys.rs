//! One-time and fallback keys: kept until they are handed out, and remembered by their digest afterwards.

use std::collections::{BTreeSet, HashMap};

use im2_model::{DeviceId, Position, Reached, UserId, UserNid};

use crate::{AnyCommand, Command, Request, Result, Snapshot, Transaction, devices::parsed_device};

/// The digest by which a key that was handed out is remembered.
pub type KeyDigest = [u8; 16];

/// A one-time key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeKey {
    /// Its algorithm, `signed_curve25519`.
    pub algorithm: String,
    /// Its identifier without the algorithm.
    pub key_id: String,
    /// The key, JSON.
    pub key: String,
}

/// A fallback key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FallbackKey {
    /// Its identifier without the algorithm.
    pub key_id: String,
    /// The key, JSON.
    pub key: String,
    /// Whether it has been handed out.
    pub used: bool,
}

/// The command that hands out a key of each of these devices, if it has one: the first one-time key, else the fallback
/// key.
#[derive(Debug, Clone)]
pub struct ClaimKeys {
    /// The devices, each with the algorithm that is wanted.
    pub wanted: Vec<(UserId, DeviceId, String)>,
    /// Makes what a one-time key is remembered by, of the key.
    pub digest: fn(&str) -> KeyDigest,
}

/// A key that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedKey {
    /// Whose.
    pub user_id: UserId,
    /// Of which device.
    pub device_id: DeviceId,
    /// Its algorithm.
    pub algorithm: String,
    /// Its identifier without the algorithm.
    pub key_id: String,
    /// The key, JSON.
    pub key: String,
}

/// What was handed out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClaimedKeys {
    /// The keys, in the order in which they were wanted.
    pub keys: Vec<ClaimedKey>,
    /// The devices that have fewer in store now, and where that is in the stream.
    pub changed: Vec<(UserNid, DeviceId, Position)>,
}

impl Command for ClaimKeys {
    type Outcome = ClaimedKeys;

    fn carry_out(&self, tx: &mut Transaction<'_>) -> Result<ClaimedKeys> {
        let mut users: HashMap<&UserId, Option<UserNid>> = HashMap::new();
        let (mut keys, mut changed) = (Vec::new(), BTreeSet::new());
        for (user_id, device_id, algorithm) in &self.wanted {
            let user = match users.get(user_id) {
                Some(known) => *known,
                None => *users.entry(user_id).or_insert(tx.user_nid(user_id)?),
            };
            let Some(user) = user else { continue };
            let (key_id, key) = if let Some(key) = tx.take_one_time_key(user, device_id, algorithm)? {
                tx.note_spent(user, &(self.digest)(&key.key))?;
                changed.insert((user, device_id));
                (key.key_id, key.key)
            } else if let Some(fallback) = tx.fallback_key(user, device_id, algorithm)? {
                if !fallback.used {
                    tx.mark_fallback_used(user, device_id, algorithm)?;
                    changed.insert((user, device_id));
                }
                (fallback.key_id, fallback.key)
            } else {
                continue;
            };
            let (user_id, device_id, algorithm) = (user_id.clone(), device_id.clone(), algorithm.clone());
            keys.push(ClaimedKey { user_id, device_id, algorithm, key_id, key });
        }
        let mut noted = Vec::with_capacity(changed.len());
        for (user, device_id) in changed {
            let position = tx.next_position();
            tx.note_key_counts(user, device_id, position)?;
            noted.push((user, device_id.clone(), position));
        }
        Ok(ClaimedKeys { keys, changed: noted })
    }

    fn requested<C>(request: Box<Request<Self, C>>) -> AnyCommand<C> {
        AnyCommand::ClaimKeys(request)
    }
}

/// The one-time and fallback keys that a device has in store for others, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyCounts {
    /// How many one-time keys of each algorithm.
    pub one_time: Vec<(String, u64)>,
    /// The algorithms with a fallback key that has not been handed out.
    pub unused_fallback: Vec<String>,
}

impl KeyCounts {
    /// How many one-time keys of each algorithm, of the usual one even if there are none: clients look for it.
    pub fn by_algorithm(&self) -> impl Iterator<Item = (&str, u64)> {
        const USUAL: &str = "signed_curve25519";
        let is_missing = self.one_time.iter().all(|(algorithm, _)| algorithm != USUAL);
        let kept = self.one_time.iter().map(|(algorithm, count)| (algorithm.as_str(), *count));
        is_missing.then_some((USUAL, 0)).into_iter().chain(kept)
    }
}

impl Snapshot<'_> {
    /// The one-time keys of a device, in the order in which they are handed out. The engine bounds how many there are.
    pub fn one_time_keys(&self, user: UserNid, device_id: &DeviceId) -> Result<Vec<OneTimeKey>> {
        let sql = "SELECT algorithm, key_id, key FROM one_time_keys WHERE user_nid = ?1 AND device_id = ?2
                   ORDER BY algorithm, position, key_id";
        self.rows(sql, (user.0, device_id.as_str()), |row| {
            Ok(OneTimeKey { algorithm: row.get(0)?, key_id: row.get(1)?, key: row.get(2)? })
        })
    }

    /// Whether a key of a user has been handed out.
    pub fn is_spent(&self, user: UserNid, digest: &KeyDigest) -> Result<bool> {
        let sql = "SELECT 1 FROM spent_keys WHERE user_nid = ?1 AND digest = ?2";
        Ok(self.row(sql, (user.0, digest), |_| Ok(()))?.is_some())
    }

    /// A device's fallback key of one algorithm.
    pub fn fallback_key(&self, user: UserNid, device_id: &DeviceId, algorithm: &str) -> Result<Option<FallbackKey>> {
        let sql = "SELECT key_id, key, used FROM fallback_keys
                   WHERE user_nid = ?1 AND device_id = ?2 AND algorithm = ?3";
        self.row(sql, (user.0, device_id.as_str(), algorithm), |row| {
            Ok(FallbackKey { key_id: row.get(0)?, key: row.get(1)?, used: row.get(2)? })
        })
    }

    /// How many fallback keys a device has.
    pub fn fallback_key_count(&self, user: UserNid, device_id: &DeviceId) -> Result<usize> {
        let sql = "SELECT count(*) FROM fallback_keys WHERE user_nid = ?1 AND device_id = ?2";
        let count: Option<i64> = self.row(sql, (user.0, device_id.as_str()), |row| row.get(0))?;
        Ok(count.unwrap_or_default() as usize)
    }

    /// The key counts of a device.
    pub fn key_counts(&self, user: UserNid, device_id: &DeviceId) -> Result<KeyCounts> {
        let device = (user.0, device_id.as_str());
        let sql = "SELECT algorithm, count(*) FROM one_time_keys WHERE user_nid = ?1 AND device_id = ?2
                   GROUP BY algorithm";
        let one_time = self.rows(sql, device, |row| Ok((row.get(0)?, row.get::<i64>(1)? as u64)))?;
        let sql = "SELECT algorithm FROM fallback_keys WHERE user_nid = ?1 AND device_id = ?2 AND NOT used
                   ORDER BY algorithm";
        let unused_fallback = self.rows(sql, device, |row| row.get(0))?;
        Ok(KeyCounts { one_time, unused_fallback })
    }

    /// The position at which a device's key counts last changed.
    pub fn key_counts_changed(&self, user: UserNid, device_id: &DeviceId) -> Result<Option<Position>> {
        let sql = "SELECT position FROM key_counts WHERE user_nid = ?1 AND device_id = ?2";
        self.row(sql, (user.0, device_id.as_str()), |row| row.get(0).map(Position::from_i64))
    }

    /// The devices whose keys in store changed last after `since` and not after `until`, with where they did.
    pub fn key_counts_changed_between(
        &self,
        since: &Reached,
        until: &Reached,
    ) -> Result<Vec<(UserNid, DeviceId, Position)>> {
        let sql = "SELECT user_nid, device_id, position FROM key_counts WHERE position > ?1 AND position <= ?2";
        let range = self.range(since, until)?;
        self.rows_in_range(sql, (range.low, range.high), (&range, 2), usize::MAX, |row| {
            Ok((UserNid(row.get(0)?), parsed_device(row, 1)?, Position::from_i64(row.get(2)?)))
        })
    }
}

impl Transaction<'_> {
    /// Adds a one-time key to a device, behind those that it has.
    pub fn add_one_time_key(
        &self,
        user: UserNid,
        device_id: &DeviceId,
        key: &OneTimeKey,
        position: Position,
    ) -> Result<()> {
        let sql = "INSERT INTO one_time_keys (user_nid, device_id, algorithm, position, key_id, key)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let OneTimeKey { algorithm, key_id, key } = key;
        self.execute(sql, (user.0, device_id.as_str(), algorithm, position.to_i64(), key_id, key)).map(drop)
    }

    /// Takes the one-time key that is first in a device's order. Whoever takes it notes its digest as spent.
    pub fn take_one_time_key(
        &self,
        user: UserNid,
        device_id: &DeviceId,
        algorithm: &str,
    ) -> Result<Option<OneTimeKey>> {
        let sql = "DELETE FROM one_time_keys
                   WHERE (user_nid, device_id, algorithm, position, key_id) = (
                       SELECT user_nid, device_id, algorithm, position, key_id FROM one_time_keys
                       WHERE user_nid = ?1 AND device_id = ?2 AND algorithm = ?3
                       ORDER BY position, key_id LIMIT 1)
                   RETURNING key_id, key";
        self.row(sql, (user.0, device_id.as_str(), algorithm), |row| {
            Ok(OneTimeKey { algorithm: algorithm.to_owned(), key_id: row.get(0)?, key: row.get(1)? })
        })
    }

    /// Remembers that a key has been handed out.
    pub fn note_spent(&self, user: UserNid, digest: &KeyDigest) -> Result<()> {
        let sql = "INSERT INTO spent_keys (user_nid, digest) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.execute(sql, (user.0, digest)).map(drop)
    }

    /// Sets a device's fallback key of one algorithm, and whether it has been handed out.
    pub fn set_fallback_key(&self, user: UserNid, device_id: &DeviceId, key: &OneTimeKey, used: bool) -> Result<()> {
        let sql = "INSERT INTO fallback_keys (user_nid, device_id, algorithm, key_id, key, used)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (user_nid, device_id, algorithm) DO UPDATE SET key_id = excluded.key_id, key = excluded.key, used = excluded.used";
        let OneTimeKey { algorithm, key_id, key } = key;
        self.execute(sql, (user.0, device_id.as_str(), algorithm, key_id, key, used)).map(drop)
    }

    /// Notes that a fallback key has been handed out.
    pub fn mark_fallback_used(&self, user: UserNid, device_id: &DeviceId, algorithm: &str) -> Result<()> {
        let sql = "UPDATE fallback_keys SET used = TRUE WHERE user_nid = ?1 AND device_id = ?2 AND algorithm = ?3";
        self.execute(sql, (user.0, device_id.as_str(), algorithm)).map(drop)
    }

    /// Notes where a device's keys in store changed in the stream.
    pub fn note_key_counts(&self, user: UserNid, device_id: &DeviceId, position: Position) -> Result<()> {
        let sql = "INSERT INTO key_counts (user_nid, device_id, position) VALUES (?1, ?2, ?3)
                   ON CONFLICT (user_nid, device_id) DO UPDATE SET position = excluded.position";
        self.execute(sql, (user.0, device_id.as_str(), position.to_i64())).map(drop)
    }
}
