//! Which rooms are in memory: one handle a room, the least recently used ones dropped when there are too many.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use im2_model::{RoomId, RoomNid};
use im2_store::Snapshot;
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::sync::OnceCell;

use super::{Options, room::Room};
use crate::{Code, Core, Error, Result};

/// Rooms kept in memory. A small room takes some 100 KB with its tail, so this bounds it near 1 GB, and some 150 bytes
/// for each member of a large one; an idle room that is dropped costs a read when it is used again.
const CAPACITY: usize = 10_000;
/// Dropped at once when there are too many, so that the search for the oldest is rare.
const SWEEP: usize = CAPACITY / 10;
/// Rooms read with one look into the database.
const TOGETHER: usize = 64;
/// Room identifiers whose number is remembered.
const IDENTIFIERS: usize = 100_000;

#[derive(Debug)]
struct Entry {
    room: OnceCell<Arc<Room>>,
    used: AtomicU64,
}

pub(super) struct Registry {
    core: Core,
    options: Options,
    rooms: Mutex<HashMap<RoomNid, Arc<Entry>>>,
    numbers: Cache<RoomId, RoomNid>,
    /// Counts uses; the least recently used room has the smallest stamp.
    tick: AtomicU64,
}

impl Registry {
    pub(super) fn new(core: Core, options: Options) -> Self {
        let numbers = Cache::new(IDENTIFIERS);
        Self { core, options, rooms: Mutex::default(), numbers, tick: AtomicU64::new(0) }
    }

    pub(super) fn len(&self) -> usize {
        self.rooms.lock().len()
    }

    pub(super) async fn by_id(&self, room_id: &RoomId) -> Result<Option<Arc<Room>>> {
        if let Some(nid) = self.numbers.get(room_id) {
            return self.unless_gone(nid).await;
        }
        let wanted = room_id.clone();
        let Some(row) = self.core.store.read(move |db| db.room(&wanted)).await? else { return Ok(None) };
        self.numbers.insert(room_id.clone(), row.nid);
        self.unless_gone(row.nid).await
    }

    /// The numbers of rooms, in the order of their identifiers, with at most one look into the database.
    pub(super) async fn numbers(&self, wanted: Vec<RoomId>) -> Result<Vec<Option<RoomNid>>> {
        let mut found: Vec<_> = wanted.iter().map(|room_id| self.numbers.get(room_id)).collect();
        if found.iter().all(Option::is_some) {
            return Ok(found);
        }
        let unknown: Vec<usize> = (0..found.len()).filter(|index| found[*index].is_none()).collect();
        let looked_up: Vec<RoomId> = unknown.iter().map(|index| wanted[*index].clone()).collect();
        let rows = self.core.store.read(move |db| looked_up.iter().map(|room_id| db.room(room_id)).collect()).await;
        let rows: Vec<_> = rows?;
        for (index, row) in unknown.into_iter().zip(rows) {
            if let Some(row) = row {
                self.numbers.insert(wanted[index].clone(), row.nid);
                found[index] = Some(row.nid);
            }
        }
        Ok(found)
    }

    /// The room of a number that was good a moment ago: it may have been purged since.
    async fn unless_gone(&self, nid: RoomNid) -> Result<Option<Arc<Room>>> {
        match self.by_nid(nid).await {
            Err(Error::Refused { code: Code::NotFound, .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    pub(super) async fn by_nid(&self, nid: RoomNid) -> Result<Arc<Room>> {
        let (entry, options) = (self.entry(nid), self.options);
        let load = || async {
            let loaded = self.core.store.read(move |db| load(db, nid, options));
            loaded.await?.map(Arc::new).ok_or_else(|| Error::refused(Code::NotFound, "there is no such room"))
        };
        entry.room.get_or_try_init(load).await.cloned()
    }

    /// Brings those of `wanted` into memory that are not there, many with one look into the database. What cannot be
    /// read is left to whoever asks for it.
    pub(super) async fn preload(&self, wanted: &[RoomNid]) -> Result<()> {
        for wanted in self.missing(wanted).chunks(TOGETHER) {
            // Held while they are read: a room that somebody else has loaded meanwhile, and perhaps changed, is then
            // still there, and takes no second handle.
            let entries: Vec<Arc<Entry>> = wanted.iter().map(|nid| self.entry(*nid)).collect();
            let (wanted, options) = (wanted.to_vec(), self.options);
            let read =
                move |db: &Snapshot<'_>| Ok(wanted.iter().map(|nid| load(db, *nid, options).ok()?).collect::<Vec<_>>());
            for (entry, room) in entries.iter().zip(self.core.store.read(read).await?) {
                drop(room.map(|room| entry.room.set(Arc::new(room))));
            }
        }
        Ok(())
    }

    fn missing(&self, wanted: &[RoomNid]) -> Vec<RoomNid> {
        let rooms = self.rooms.lock();
        let is_there = |nid: &RoomNid| rooms.get(nid).is_some_and(|entry| entry.room.initialized());
        wanted.iter().filter(|nid| !is_there(nid)).copied().collect()
    }

    /// Adds a room that has just been made.
    pub(super) fn insert(&self, room: &Arc<Room>) {
        self.numbers.insert(room.id.clone(), room.nid);
        let entry = self.entry(room.nid);
        drop(entry.room.set(Arc::clone(room))); // only its maker knows the room, so nobody can have set it
    }

    /// Drops a room that was purged. Called from the commit's hook.
    pub(super) fn remove(&self, room: &Room) {
        self.numbers.remove(&room.id);
        self.rooms.lock().remove(&room.nid);
    }

    fn entry(&self, nid: RoomNid) -> Arc<Entry> {
        let now = self.tick.fetch_add(1, Ordering::Relaxed);
        let mut rooms = self.rooms.lock();
        if rooms.len() >= CAPACITY && !rooms.contains_key(&nid) {
            sweep(&mut rooms);
        }
        let fresh = || Arc::new(Entry { room: OnceCell::new(), used: AtomicU64::new(now) });
        let entry = rooms.entry(nid).or_insert_with(fresh);
        entry.used.store(now, Ordering::Relaxed);
        Arc::clone(entry)
    }
}

/// Reads a room from the database; `None` if there is no such room.
fn load(db: &Snapshot<'_>, nid: RoomNid, options: Options) -> im2_store::Result<Option<Room>> {
    match db.room_by_nid(nid)? {
        Some(row) => Room::load(db, row, options).map(Some),
        None => Ok(None),
    }
}

/// Drops the least recently used rooms that nobody holds. One that is held stays, so that a room never has two
/// handles.
fn sweep(rooms: &mut HashMap<RoomNid, Arc<Entry>>) {
    let idle = |entry: &Arc<Entry>| {
        Arc::strong_count(entry) == 1 && entry.room.get().is_none_or(|room| Arc::strong_count(room) == 1)
    };
    let mut candidates: Vec<(u64, RoomNid)> = rooms
        .iter()
        .filter(|(_, entry)| idle(entry))
        .map(|(nid, entry)| (entry.used.load(Ordering::Relaxed), *nid))
        .collect();
    candidates.sort_unstable();
    for (_, nid) in candidates.into_iter().take(SWEEP) {
        rooms.remove(&nid);
    }
}
