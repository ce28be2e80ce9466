//! The connections of all devices: what each has been sent, in memory only. A client whose connection is gone (the
//! server was restarted, or the connection was idle for long) is told `M_UNKNOWN_POS` and starts afresh.
//!
//! An answer counts as received once the client comes back with its `pos`. Until then the connection keeps both what
//! it was before that answer and what the answer adds, so that a request that is repeated is answered again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use im2_core::{
    Code, Error, Result,
    memory::{Gauge, Memory, Share},
};
use im2_model::{DeviceId, Millis, Random, StreamToken, UserNid};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::sent::{Delta, Sent};

/// Connections of one device. Clients have two or three: the list of rooms, encryption, notifications.
const OF_A_DEVICE: usize = 10;
/// Estimated memory for a connection without the rooms that it knows, in bytes.
const CONNECTION: usize = 1_024;
/// The part of the memory budget that all connections may take.
const SHARE: Share = Share::Sixteenth;
/// How long an idle connection is kept.
const IDLE: Millis = 7 * 24 * 3_600 * 1_000;

/// The key of a connection: its user, its device, and its name.
pub(super) type Key = (UserNid, DeviceId, String);

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    table: Mutex<Table>,
    /// Makes the tokens of this process unlike those of every other.
    nonce: String,
    numbers: AtomicU64,
    memory: Memory,
    gauge: Arc<Gauge>,
}

#[derive(Debug, Default)]
struct Table {
    devices: HashMap<(UserNid, DeviceId), HashMap<String, Connection>>,
    by_use: BTreeMap<u64, Key>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Connection {
    /// The `pos` of the last answer that the client is known to have received; `sent` is the state as of it.
    pos: String,
    sent: Arc<Sent>,
    /// The last answer, which the client may or may not have received.
    pending: Option<(String, Delta)>,
    /// The request that is being answered. A later one takes its place.
    request: u64,
    superseded: Arc<Notify>,
    used: u64,
    used_ts: Millis,
    bytes: usize,
}

/// A request's hold on its connection.
#[derive(Debug)]
pub(super) struct Turn {
    /// The state that the client has received.
    pub(super) sent: Arc<Sent>,
    /// Notified when a later request takes the place of this one.
    pub(super) superseded: Arc<Notify>,
    request: u64,
}

impl Connections {
    pub(crate) fn new(random: &dyn Random, memory: &Memory) -> Self {
        Self {
            table: Mutex::default(),
            nonce: random.alphanumeric(12),
            numbers: AtomicU64::new(1),
            memory: memory.clone(),
            gauge: memory.gauge("sliding_connections"),
        }
    }

    /// Weighs a connection anew, and drops those used longest ago if all together take too much.
    fn weigh(&self, table: &mut Table, key: &Key) {
        table.weigh(key);
        let (share, before) = (SHARE.of(self.memory.allowed()), table.by_use.len());
        while table.bytes > share && table.by_use.len() > 1 {
            table.drop_oldest();
        }
        self.gauge.note_evicted(before - table.by_use.len());
        self.gauge.set(table.bytes);
    }

    /// Starts answering a request that stands at `pos`; without one the connection begins.
    pub(super) fn begin(&self, key: &Key, pos: Option<&str>, now: Millis) -> Result<Turn> {
        let request = self.numbers.fetch_add(1, Ordering::Relaxed);
        let mut table = self.table.lock();
        table.expire(now);
        match pos {
            None => table.replace(key),
            Some(pos) => table.acknowledge(key, pos)?,
        }
        let used = table.touch(key);
        let connection = table.get(key).ok_or_else(unknown)?;
        connection.used = used;
        connection.used_ts = now;
        connection.request = request;
        let before = std::mem::take(&mut connection.superseded);
        before.notify_waiters();
        let turn = Turn { sent: Arc::clone(&connection.sent), superseded: Arc::clone(&connection.superseded), request };
        self.weigh(&mut table, key);
        Ok(turn)
    }

    /// Whether no later request has taken the place of this one.
    pub(super) fn is_current(&self, key: &Key, turn: &Turn) -> bool {
        self.table.lock().get(key).is_some_and(|connection| connection.request == turn.request)
    }

    /// Keeps what an answer adds; gives the `pos` by which the client says that it has received it.
    pub(super) fn finish(&self, key: &Key, turn: &Turn, token: &StreamToken, delta: Delta) -> String {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let pos = format!("p{}.{number}-{token}", self.nonce);
        let mut table = self.table.lock();
        if let Some(connection) = table.get(key).filter(|connection| connection.request == turn.request) {
            connection.pending = Some((pos.clone(), delta));
            self.weigh(&mut table, key);
        }
        pos
    }
}

impl Table {
    fn get(&mut self, key: &Key) -> Option<&mut Connection> {
        self.devices.get_mut(&(key.0, key.1.clone()))?.get_mut(&key.2)
    }

    fn replace(&mut self, key: &Key) {
        self.remove(key);
        let device = self.devices.entry((key.0, key.1.clone())).or_default();
        let oldest = || device.iter().min_by_key(|(_, connection)| connection.used).map(|(name, _)| name.clone());
        if device.len() >= OF_A_DEVICE
            && let Some(name) = oldest()
        {
            self.remove(&(key.0, key.1.clone(), name));
        }
        let connection = Connection {
            pos: String::new(),
            sent: Arc::default(),
            pending: None,
            request: 0,
            superseded: Arc::default(),
            used: 0,
            used_ts: 0,
            bytes: 0,
        };
        self.devices.entry((key.0, key.1.clone())).or_default().insert(key.2.clone(), connection);
    }

    /// Takes note of what the client has received.
    fn acknowledge(&mut self, key: &Key, pos: &str) -> Result<()> {
        let connection = self.get(key).ok_or_else(unknown)?;
        match connection.pending.take() {
            Some((reached, delta)) if reached == pos => {
                // Shared only with a request that nobody waits for any more.
                Arc::make_mut(&mut connection.sent).apply(delta);
                connection.pos = reached;
                Ok(())
            }
            pending if connection.pos == pos => {
                // The answer was lost, or the client wants something else: what it added is made anew.
                drop(pending);
                Ok(())
            }
            pending => {
                connection.pending = pending;
                Err(unknown())
            }
        }
    }

    fn touch(&mut self, key: &Key) -> u64 {
        self.uses += 1;
        let (now, before) = (self.uses, self.get(key).map(|connection| connection.used));
        if let Some(before) = before {
            self.by_use.remove(&before);
        }
        self.by_use.insert(now, key.clone());
        now
    }

    fn weigh(&mut self, key: &Key) {
        let Some(connection) = self.get(key) else { return };
        let pending = connection.pending.as_ref().map_or(0, |(_, delta)| delta.weight());
        let bytes = CONNECTION + connection.sent.weight() + pending;
        let before = std::mem::replace(&mut connection.bytes, bytes);
        self.bytes = self.bytes + bytes - before;
    }

    fn expire(&mut self, now: Millis) {
        loop {
            let Some(oldest) = self.by_use.first_key_value().map(|(_, key)| key.clone()) else { return };
            let is_idle = self.get(&oldest).is_none_or(|connection| connection.used_ts + IDLE < now);
            if !is_idle {
                return;
            }
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.by_use.pop_first() {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &Key) {
        let device_key = (key.0, key.1.clone());
        let Some(device) = self.devices.get_mut(&device_key) else { return };
        if let Some(connection) = device.remove(&key.2) {
            self.by_use.remove(&connection.used);
            self.bytes -= connection.bytes;
            connection.superseded.notify_waiters();
        }
        if device.is_empty() {
            self.devices.remove(&device_key);
        }
    }
}

fn unknown() -> Error {
    Error::refused(Code::UnknownPos, "this `pos` is no longer known: start again without one")
}

#[cfg(test)]
mod tests {
    use im2_model::{Position, SeededRandom, StreamToken, UserNid};

    use super::{Connections, IDLE, Key, OF_A_DEVICE};
    use crate::sliding_sync::sent::{Delta, ToldOfAll};
    use im2_core::memory::{Memory, Options};

    fn connections() -> Connections {
        Connections::new(&SeededRandom::new(1), &Memory::new(Options::default()))
    }

    fn key(name: &str) -> Key {
        (UserNid(1), "D".parse().unwrap(), name.to_owned())
    }

    fn token(sequence: u64) -> StreamToken {
        StreamToken::at(Position::new(1, sequence), 0)
    }

    fn delta(reached: u64) -> Delta {
        Delta { told: ToldOfAll { token: Some(token(reached)), ..ToldOfAll::default() }, ..Delta::default() }
    }

    /// A request and its answer; gives the `pos`, and where the client stood.
    fn step(connections: &Connections, key: &Key, pos: Option<&str>, reached: u64) -> (String, Option<StreamToken>) {
        let turn = connections.begin(key, pos, 0).unwrap();
        (connections.finish(key, &turn, &token(reached), delta(reached)), turn.sent.told.token.clone())
    }

    #[test]
    fn a_repeated_request_is_answered_again_and_an_older_one_not() {
        let (connections, key) = (connections(), key("main"));
        let (first, _) = step(&connections, &key, None, 1);
        let (lost, stood) = step(&connections, &key, Some(&first), 2);
        assert_eq!(stood, Some(token(1)));
        let (second, stood) = step(&connections, &key, Some(&first), 3);
        assert_eq!(stood, Some(token(1)), "the answer was lost: the next one is made from where the client stands");
        assert!(connections.begin(&key, Some(&lost), 0).is_err(), "another answer has taken its place");
        let (_, stood) = step(&connections, &key, Some(&second), 4);
        assert_eq!(stood, Some(token(3)));
        assert!(connections.begin(&key, Some(&first), 0).is_err());
        assert!(connections.begin(&(UserNid(2), key.1.clone(), key.2.clone()), Some(&second), 0).is_err());
    }

    #[test]
    fn a_later_request_takes_the_place_of_an_earlier_one() {
        let (connections, key) = (connections(), key("main"));
        let (pos, _) = step(&connections, &key, None, 1);
        let earlier = connections.begin(&key, Some(&pos), 0).unwrap();
        let later = connections.begin(&key, Some(&pos), 0).unwrap();
        assert!(!connections.is_current(&key, &earlier) && connections.is_current(&key, &later));
        let reached = connections.finish(&key, &later, &token(2), delta(2));
        connections.finish(&key, &earlier, &token(2), delta(2));
        assert!(connections.begin(&key, Some(&reached), 0).is_ok(), "the earlier one's answer does not count");
    }

    #[test]
    fn connections_are_bounded_and_expire() {
        let connections = connections();
        let positions: Vec<_> =
            (0..=OF_A_DEVICE).map(|number| step(&connections, &key(&number.to_string()), None, 1).0).collect();
        assert!(connections.begin(&key("0"), Some(&positions[0]), 0).is_err(), "the one used longest ago is gone");
        assert!(connections.begin(&key("1"), Some(&positions[1]), 0).is_ok());
        assert!(connections.begin(&key("2"), Some(&positions[2]), IDLE + 1).is_err());
        let table = connections.table.lock();
        assert_eq!((table.devices.len(), table.bytes, table.by_use.len()), (0, 0, 0));
    }
}
