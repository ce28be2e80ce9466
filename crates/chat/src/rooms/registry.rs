//! The rooms in memory: one handle a room. When they take more than the memory budget leaves to them, those that were
//! used least recently give up first the older part of their tails, and then all.
//!
//! Handles are made here and nowhere else ([`Seat`]), in the room's entry, so that no room ever has two: two would each
//! believe that nobody else appends. A room that is read from the database is read once, however many ask for it. The
//! handle of a new room is in its entry before the room is committed ([`Registry::reserve`]): nobody can find the room
//! earlier, and whoever finds it gets this handle. An entry that anybody holds is not dropped.
//!
//! Whoever changes a room here holds its handle. Another node does not, so a room may be changed while it is read: then
//! it is read again ([`Registry::changed_elsewhere`]).

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use im2_core::{
    Code, Core, Error, Result,
    memory::{Cache, Share},
};
use im2_fair::caller;
use im2_kernel::version::RoomVersion;
use im2_model::{RoomId, RoomNid};
use im2_store::Snapshot;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::{
    Options, RoomEvent,
    load::{self, TAIL_AT_LOAD},
    room::Room,
    weight::Gauges,
};

/// When rooms take too much, they give up so much more than they have to, as a part of what they may take, so that the
/// search for the least recently used is rare.
const SLACK: usize = 8;
/// Rooms read with one look into the database.
const TOGETHER: usize = 64;

/// The right to make a handle, which only the registry has.
#[derive(Debug)]
pub(super) struct Seat(());

/// An entry of the registry.
#[derive(Debug)]
struct Entry {
    room: OnceCell<Arc<Room>>,
    reading: Mutex<Reading>,
    used: AtomicU64,
}

/// A look into the database for a room.
#[derive(Debug, Default)]
struct Reading {
    /// How many changes by other nodes came while there was no room that they could be published to.
    missed: u64,
    /// The room that was read; it is the room's handle from then on.
    read: Weak<Room>,
}

impl Entry {
    /// How many changes by other nodes were missed: to be asked before a room is read.
    fn missed(&self) -> u64 {
        self.reading.lock().missed
    }

    /// Makes what was read the room, unless it lacks what has been missed since.
    fn found(&self, room: &Arc<Room>, missed: u64) -> bool {
        let mut reading = self.reading.lock();
        let is_whole = reading.missed == missed;
        if is_whole {
            reading.read = Arc::downgrade(room);
        }
        is_whole
    }

    /// The same at once, unless somebody else has read it or is about to.
    fn fill(&self, room: Arc<Room>, missed: u64) {
        let mut reading = self.reading.lock();
        let read = Arc::downgrade(&room);
        if reading.missed == missed && self.room.set(room).is_ok() {
            reading.read = read;
        }
    }
}

pub(super) struct Registry {
    core: Core,
    options: Options,
    rooms: Mutex<HashMap<RoomNid, Arc<Entry>>>,
    numbers: Cache<RoomId, RoomNid>,
    gauges: Gauges,
    /// Held by who makes place, so that it is done once.
    making_place: Mutex<()>,
    /// Counts uses; the least recently used room has the smallest stamp.
    tick: AtomicU64,
}

impl Registry {
    pub(crate) fn new(core: Core, options: Options) -> Self {
        let numbers =
            Cache::new(&core.memory, "room_ids", Share::ThirtySecond, |room_id: &RoomId, _| room_id.as_str().len());
        let gauges = Gauges::new(&core.memory);
        let (rooms, making_place, tick) = Default::default();
        Self { core, options, rooms, numbers, gauges, making_place, tick }
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
    pub(crate) async fn numbers(&self, wanted: Vec<RoomId>) -> Result<Vec<Option<RoomNid>>> {
        let mut found: Vec<_> = wanted.iter().map(|room_id| self.numbers.get(room_id)).collect();
        if found.iter().all(Option::is_some) {
            return Ok(found);
        }
        let unknown: Vec<usize> = (0..found.len()).filter(|index| found[*index].is_none()).collect();
        let looked_up: Vec<RoomId> = unknown.iter().map(|index| wanted[*index].clone()).collect();
        let rows = self.core.store.read(move |db| db.rooms_by_id(&looked_up)).await?;
        let rows: HashMap<RoomId, RoomNid> = rows.into_iter().map(|row| (row.room_id, row.nid)).collect();
        for index in unknown {
            if let Some(nid) = rows.get(&wanted[index]) {
                self.numbers.insert(wanted[index].clone(), *nid);
                found[index] = Some(*nid);
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
        if let Some(room) = entry.room.get() {
            return Ok(Arc::clone(room));
        }
        let load = || async {
            loop {
                let missed = entry.missed();
                let read = move |db: &Snapshot<'_>| load::load(db, &[nid], options, TAIL_AT_LOAD, &Seat(()));
                let loaded = self.core.store.read(read).await?.pop();
                let room = loaded.ok_or_else(|| Error::refused(Code::NotFound, "there is no such room"))?;
                let room = Arc::new(room);
                if entry.found(&room, missed) {
                    room.count_in(&self.gauges);
                    self.make_place();
                    return Ok(room);
                }
            }
        };
        caller::scope(caller::for_others(), entry.room.get_or_try_init(load)).await.cloned()
    }

    /// A room, if it is in memory.
    pub(super) fn in_memory(&self, nid: RoomNid) -> Option<Arc<Room>> {
        self.rooms.lock().get(&nid)?.room.get().cloned()
    }

    /// A room that another node has changed, if it is in memory. If it is being read, it is read again.
    pub(super) fn changed_elsewhere(&self, nid: RoomNid) -> Option<Arc<Room>> {
        let entry = Arc::clone(self.rooms.lock().get(&nid)?);
        let mut reading = entry.reading.lock();
        let room = entry.room.get().cloned().or_else(|| reading.read.upgrade());
        if room.is_none() {
            reading.missed += 1;
        }
        room
    }

    /// Brings those of `wanted` into memory that are not there, each with `events` of its newest ones, many with one look
    /// into the database. What cannot be read is left to whoever asks for it.
    pub(crate) async fn preload(&self, wanted: &[RoomNid], events: usize) -> Result<()> {
        for nids in self.missing(wanted).chunks(TOGETHER) {
            // Held while they are read: a room that somebody else has loaded meanwhile, and perhaps changed, is then
            // still there, and takes no second handle.
            let entries: Vec<Arc<Entry>> = nids.iter().map(|nid| self.entry(*nid)).collect();
            let missed: Vec<u64> = entries.iter().map(|entry| entry.missed()).collect();
            let (wanted, options) = (nids.to_vec(), self.options);
            let read = move |db: &Snapshot<'_>| Ok(load_all(db, &wanted, options, events));
            let loaded = self.core.store.read(read).await?.into_iter().map(|room| (room.nid, room));
            let mut loaded: HashMap<RoomNid, Room> = loaded.collect();
            for ((nid, entry), missed) in nids.iter().zip(&entries).zip(missed) {
                let Some(room) = loaded.remove(nid) else { continue };
                room.count_in(&self.gauges);
                entry.fill(Arc::new(room), missed);
            }
            self.make_place();
        }
        Ok(())
    }

    fn missing(&self, wanted: &[RoomNid]) -> Vec<RoomNid> {
        let rooms = self.rooms.lock();
        let is_there = |nid: &RoomNid| rooms.get(nid).is_some_and(|entry| entry.room.initialized());
        wanted.iter().filter(|nid| !is_there(nid)).copied().collect()
    }

    /// Makes the handle of a new room with its first events, to be called in the transaction that stores them. The
    /// handle is in its place before the commit; if that does not come about, it is taken away again.
    pub(super) fn reserve(
        self: &Arc<Self>,
        nid: RoomNid,
        (id, version): (RoomId, RoomVersion),
        events: &[Arc<RoomEvent>],
    ) -> im2_store::Result<Reservation> {
        let corrupt = |what: &str| im2_store::Error::Corrupt(format!("new room {id}: {what}"));
        let room = Room::new(nid, id.clone(), version, events, self.options, &Seat(()));
        let room = Arc::new(room.ok_or_else(|| corrupt("no create event"))?);
        room.count_in(&self.gauges);
        let entry = self.entry(nid);
        // The database gives no number out twice, so nobody else can have been about to read this one.
        entry.room.set(Arc::clone(&room)).map_err(|_| corrupt("its number is in use"))?;
        Ok(Reservation { registry: Arc::clone(self), room, kept: AtomicBool::new(false) })
    }

    /// Drops a room that was purged. Called once it is committed.
    pub(crate) fn remove(&self, nid: RoomNid, room_id: &RoomId) {
        self.numbers.remove(room_id);
        self.rooms.lock().remove(&nid);
    }

    /// Gives up what rooms take beyond what the memory budget leaves to them: the tails of the less recently used half,
    /// then whole rooms that nobody holds, then the tails of all others.
    pub(super) fn make_place(&self) {
        let may_take = self.core.memory.for_rooms();
        if self.gauges.bytes() <= may_take {
            return;
        }
        let Some(_mine) = self.making_place.try_lock() else { return };
        let enough = || self.gauges.bytes() <= may_take - may_take / SLACK;
        let by_use = self.by_use();
        let shorten = |rooms: &[RoomNid]| {
            let rooms = rooms.iter().take_while(|_| !enough());
            rooms.filter_map(|nid| self.in_memory(*nid)).map(|room| room.shorten_tail()).sum::<usize>()
        };
        let mut events = shorten(&by_use[..by_use.len() / 2]);
        let rooms = by_use.iter().take_while(|_| !enough()).filter_map(|nid| self.take_idle(*nid)).count();
        events += shorten(&by_use);
        self.gauges.note_evicted(rooms, events);
    }

    /// The memory that the rooms take, in bytes, weighed anew.
    pub(super) fn weigh_anew(&self) -> usize {
        let mut seen = HashSet::new();
        self.by_use().into_iter().filter_map(|nid| self.in_memory(nid)).map(|room| room.weigh_anew(&mut seen)).sum()
    }

    /// The rooms in memory, the least recently used first.
    fn by_use(&self) -> Vec<RoomNid> {
        let rooms = self.rooms.lock();
        let mut found: Vec<_> = rooms.iter().map(|(nid, entry)| (entry.used.load(Ordering::Relaxed), *nid)).collect();
        drop(rooms);
        found.sort_unstable();
        found.into_iter().map(|(_, nid)| nid).collect()
    }

    /// Takes a room out of memory, unless somebody holds it.
    fn take_idle(&self, nid: RoomNid) -> Option<Arc<Entry>> {
        let mut rooms = self.rooms.lock();
        if !is_idle(rooms.get(&nid)?) {
            return None;
        }
        rooms.remove(&nid)
    }

    fn entry(&self, nid: RoomNid) -> Arc<Entry> {
        let now = self.tick.fetch_add(1, Ordering::Relaxed);
        let mut rooms = self.rooms.lock();
        let fresh = || Arc::new(Entry { room: OnceCell::new(), reading: Mutex::default(), used: AtomicU64::new(now) });
        let entry = rooms.entry(nid).or_insert_with(fresh);
        entry.used.store(now, Ordering::Relaxed);
        Arc::clone(entry)
    }
}

/// The handle of a room that is being stored. Dropping it without [`Self::keep`] undoes the reservation.
#[derive(Debug)]
pub(super) struct Reservation {
    registry: Arc<Registry>,
    room: Arc<Room>,
    kept: AtomicBool,
}

impl Reservation {
    /// The handle.
    pub(super) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Keeps the handle: the room is committed.
    pub(super) fn keep(&self) -> Arc<Room> {
        self.kept.store(true, Ordering::Relaxed);
        self.registry.numbers.insert(self.room.id.clone(), self.room.nid);
        Arc::clone(&self.room)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.kept.load(Ordering::Relaxed) {
            self.registry.rooms.lock().remove(&self.room.nid);
        }
    }
}

/// Reads those of `rooms` from the database that can be read: if one of them cannot, one after the other.
fn load_all(db: &Snapshot<'_>, rooms: &[RoomNid], options: Options, events: usize) -> Vec<Room> {
    let load = |rooms: &[RoomNid]| load::load(db, rooms, options, events, &Seat(()));
    load(rooms).unwrap_or_else(|_| rooms.iter().filter_map(|nid| load(&[*nid]).ok()?.pop()).collect())
}

/// Whether nobody holds a room. One that is held stays, so that a room never has two handles.
fn is_idle(entry: &Arc<Entry>) -> bool {
    Arc::strong_count(entry) == 1 && entry.room.get().is_none_or(|room| Arc::strong_count(room) == 1)
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("rooms", &self.len()).finish_non_exhaustive()
    }
}
