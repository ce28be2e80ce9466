//! A room in memory: its view, which readers see, and its head, which the next event goes on from.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use im2_core::event::ResolvedState;
use im2_kernel::{event::Pdu, power::PowerLevels, state::StateMap, version::RoomVersion};
use im2_model::{EventId, RoomId, RoomNid};
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::Mutex;

use super::{
    Options,
    event::RoomEvent,
    members::Members,
    registry::Seat,
    view::View,
    weight::{Gauges, Weight},
};

/// A room. One handle exists for each room in memory.
#[derive(Debug)]
pub struct Room {
    /// Its number.
    pub nid: RoomNid,
    /// Its identifier.
    pub id: RoomId,
    /// Its version.
    pub version: RoomVersion,
    /// The head, on which the next event is built. Locked while an event is made and queued, not while it is committed.
    pub(super) head: Mutex<Head>,
    view: RwLock<View>,
    /// Whether it was purged while somebody still held it.
    gone: AtomicBool,
    weight: Weight,
}

/// The room as its next event will find it: what is committed and what is queued.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// Grows whenever queued events turned out not to be committed.
    pub(super) epoch: u64,
    pub(super) seq: i64,
    /// The changes of other nodes that it takes into account: see [`View::elsewhere`].
    pub(super) elsewhere: u64,
    pub(super) last: Option<EventId>,
    pub(super) depth: u64,
    /// State that is queued but perhaps not yet in the view, with its sequence.
    pub(super) pending: StateMap<(i64, Arc<Pdu>)>,
    pub(super) power: Arc<PowerLevels>,
}

impl Room {
    /// A room as it is stored; `None` without events. Only the registry may make one, which sees to it that a room has one
    /// handle.
    pub(super) fn of_view((nid, id): (RoomNid, RoomId), version: RoomVersion, view: View, _: &Seat) -> Option<Self> {
        let (head, view) = (Mutex::new(Head::of(&view, 0)?), RwLock::new(view));
        Some(Self { nid, id, version, head, view, gone: AtomicBool::new(false), weight: Weight::default() })
    }

    /// A new room with its first events; `None` without a create event.
    pub(super) fn new(
        nid: RoomNid,
        id: RoomId,
        version: RoomVersion,
        events: &[Arc<RoomEvent>],
        options: Options,
        seat: &Seat,
    ) -> Option<Self> {
        let power = Arc::new(PowerLevels::of(version, &events.first()?.pdu, None));
        let mut view = View::empty(power);
        view.members = Members::new(options.member_events);
        for event in events {
            drop(view.publish(version, Arc::clone(event), None));
        }
        Self::of_view((nid, id), version, view, seat)
    }

    /// The room as it is now. Do not hold this across an `await`.
    pub fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read()
    }

    /// Whether it was purged.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Marks it as purged. Called once it is committed.
    pub fn set_gone(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Drops events that were purged from its history, given by their numbers. Called once it is committed.
    pub fn drop_events(&self, purged: impl Iterator<Item = i64>) {
        let purged: HashSet<i64> = purged.collect();
        self.view.write().tail.remove(&purged);
    }

    /// Counts what it takes in memory from now on.
    pub(super) fn count_in(&self, gauges: &Gauges) {
        if self.weight.start(gauges) {
            let view = self.view.read();
            for event in view.events() {
                self.weight.count(event);
            }
            self.weight.update(&view);
        }
    }

    /// The memory that the room takes with those of its events that are not in `seen`, in bytes, weighed anew.
    pub(super) fn weigh_anew(&self, seen: &mut HashSet<*const RoomEvent>) -> usize {
        let view = self.view.read();
        let events = view.events().filter(|event| seen.insert(Arc::as_ptr(event)));
        super::weight::of_view(&view) + events.map(|event| event.weight()).sum::<usize>()
    }

    /// Drops all but the newest events from the tail; gives how many.
    pub(super) fn shorten_tail(&self) -> usize {
        if !self.view.read().tail.is_long() {
            return 0;
        }
        let dropped = {
            let mut view = self.view.write();
            let dropped = view.tail.shorten();
            view.forget_resolutions();
            self.weight.update(&view);
            dropped
        };
        dropped.len()
    }

    /// Keeps member events that were read, unless one has been redacted since there were `redactions`.
    pub(super) fn keep_members<'a>(&self, events: impl Iterator<Item = &'a Arc<RoomEvent>> + Clone, redactions: u64) {
        let members = &mut self.view.write().members;
        if members.redactions() == redactions {
            members.keep(events.clone());
            for event in events {
                self.weight.count(event);
            }
        }
    }

    /// Adds a committed event; with what it redacts, and what is left of that. Returns both as they are now. Called
    /// once it is committed, in the room's order.
    pub(super) fn publish(
        &self,
        event: Arc<RoomEvent>,
        redacts: Option<(Arc<RoomEvent>, Pdu)>,
    ) -> (Arc<RoomEvent>, Option<Arc<RoomEvent>>) {
        let mut view = self.view.write();
        let (event, redacted) = view.publish(self.version, event, redacts);
        self.weight.count(&event);
        if let Some(redacted) = &redacted {
            self.weight.count(redacted);
        }
        self.weight.update(&view);
        (event, redacted)
    }

    /// As [`Self::publish`], for what another node has committed: the room may have been read from the database since.
    pub(super) fn publish_elsewhere(
        &self,
        event: Arc<RoomEvent>,
        redacts: Option<(Arc<RoomEvent>, Pdu)>,
    ) -> (Arc<RoomEvent>, Option<Arc<RoomEvent>>) {
        {
            let mut view = self.view.write();
            if event.seq <= view.seq {
                // Of two redactions the first is the one that counts.
                let counts = |target: &RoomEvent| {
                    let now = view.in_tail(target.seq).and_then(|now| now.redacted_because.as_ref());
                    now.is_none_or(|because| because.event_id == *event.id())
                };
                let redacts = redacts.filter(|(target, _)| counts(target));
                let redacted = redacts.map(|(target, left)| Arc::new(target.redacted(left, &event.pdu)));
                return (event, redacted);
            }
            view.elsewhere += 1;
        }
        self.publish(event, redacts)
    }

    /// Makes the state another from a number of the room on. Called once it is committed, in the room's order.
    pub(super) fn publish_resolved(&self, resolved: &ResolvedState, is_elsewhere: bool) {
        let mut view = self.view.write();
        if is_elsewhere {
            if resolved.seq <= view.seq {
                return;
            }
            view.elsewhere += 1;
        }
        view.resolve(self.version, resolved);
        for event in resolved.entries.iter().filter_map(|entry| entry.event.as_ref()) {
            if view.in_tail(event.seq).is_none() {
                self.weight.count(event);
            }
        }
        self.weight.update(&view);
    }
}

impl Head {
    /// The head of a room in which nothing is queued.
    pub(super) fn of(view: &View, epoch: u64) -> Option<Self> {
        let last = view.tail.back()?;
        Some(Self {
            epoch,
            seq: view.seq,
            elsewhere: view.elsewhere,
            last: Some(last.id().clone()),
            depth: last.pdu.depth,
            pending: StateMap::default(),
            power: Arc::clone(&view.power),
        })
    }
}
