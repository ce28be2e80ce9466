//! Counts the memory that rooms take.
//!
//! An event counts once, from when the first room keeps it until nothing holds it any more: the state and the tail of
//! the room and the stream share it. All else of a room is estimated from how much of what it has.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use im2_core::memory::{Gauge, Memory};

use super::{RoomEvent, View};

/// Estimated memory for a room without members, state and events, in bytes.
const ROOM: usize = 1_536;
/// A member: identifier, membership, and their places in tables.
const MEMBER: usize = 160;
/// A joined user, by number.
const JOINED: usize = 48;
/// A state entry without its event: type, state key, and their places in tables.
const STATE: usize = 160;

/// The gauges that count the memory that rooms take.
#[derive(Debug, Clone)]
pub(super) struct Gauges {
    events: Arc<Gauge>,
    rooms: Arc<Gauge>,
}

impl Gauges {
    pub(crate) fn new(memory: &Memory) -> Self {
        Self { events: memory.rooms_gauge("events"), rooms: memory.rooms_gauge("rooms") }
    }

    /// The memory that all rooms take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.events.bytes() + self.rooms.bytes()
    }

    pub(super) fn note_evicted(&self, rooms: usize, events: usize) {
        self.rooms.note_evicted(rooms);
        self.events.note_evicted(events);
    }
}

/// The memory that one room takes without its events, in bytes, as it was counted last.
#[derive(Debug, Default)]
pub(super) struct Weight {
    gauges: OnceLock<Gauges>,
    counted: AtomicUsize,
}

impl Weight {
    /// Counts from now on. Whether nobody did before.
    pub(super) fn start(&self, gauges: &Gauges) -> bool {
        self.gauges.set(gauges.clone()).is_ok()
    }

    /// Counts an event that the room keeps.
    pub(super) fn count(&self, event: &RoomEvent) {
        if let Some(gauges) = self.gauges.get() {
            event.counted.count(&gauges.events, || event.weight());
        }
    }

    /// Counts the rest anew.
    pub(super) fn update(&self, view: &View) {
        self.set(of_view(view));
    }

    fn set(&self, weight: usize) {
        let Some(gauges) = self.gauges.get() else { return };
        // Called with the room's view locked, or when nobody else has the room.
        let before = self.counted.swap(weight, Ordering::Relaxed);
        gauges.rooms.add(weight);
        gauges.rooms.subtract(before);
    }
}

/// Estimates the memory that a room takes without its events, in bytes.
pub(super) fn of_view(view: &View) -> usize {
    ROOM + view.tail.capacity() * 8
        + view.members.len() * MEMBER
        + view.joined.len() * JOINED
        + view.state.len() * STATE
        + view.visibility.len() * 24
        + view.vanished.len() * STATE
        + view.resolutions.recent.len() * 16
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.set(0);
    }
}
