//! A room in memory: its view, which readers see, and its head, which the next event goes on from.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use im2_core::event::ResolvedState;
use im2_kernel::{content::Membership, event::Pdu, power::PowerLevels, state::StateMap, version::RoomVersion};
use im2_model::{EventId, RoomId, RoomNid, UserId, UserNid};
use im2_store::Snapshot;
use im2_store::rooms::{Direction, EventRow, RoomRow, StateRow};
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::Mutex;

use super::{
    Options,
    event::{RoomEvent, load_timeline},
    members::Members,
    recent_events::RecentEvents,
    registry::Seat,
    view::{Resolutions, StateEntry, View, VisibilityThen, power_of},
    weight::{Gauges, Weight},
};

/// Events read for a room that comes into memory, where nobody says how many are wanted.
pub(super) const TAIL_AT_LOAD: usize = 32;

/// A room. One handle exists for each room in memory.
#[derive(Debug)]
pub struct Room {
    /// Its number.
    pub nid: RoomNid,
    /// Its identifier.
    pub id: RoomId,
    /// Its version.
    pub version: RoomVersion,
    /// Where the next event goes. Held while an event is made and queued, not while it is committed.
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
    /// Reads a room from the database, with so many of its newest events. Only the registry may, which sees to it that a
    /// room has one handle.
    pub(super) fn load(
        db: &Snapshot<'_>,
        row: RoomRow,
        options: Options,
        events: usize,
        _: &Seat,
    ) -> im2_store::Result<Self> {
        let corrupt = |what: &str| im2_store::Error::Corrupt(format!("room {}: {what}", row.room_id));
        let version = RoomVersion::understood(&row.version).ok_or_else(|| corrupt("unknown version"))?;
        let (nid, head_seq) = (row.nid, row.head_seq);
        let timeline = load_timeline(db, (nid, version), i64::MAX, Direction::Backward, events)?;
        let tail: RecentEvents = timeline.into_iter().rev().collect();
        // Of a room whose state was resolved it is not: the resolution has a number and no event.
        let is_whole = tail.len() as i64 == head_seq - row.first_seq + 1;
        let (mut members, joined, invited) = load_members(db, nid, options)?;
        let many = members.are_many();
        let current = if is_whole { whole_state(&tail) } else { load_state(db, (nid, version), &tail, many)? };
        let (member_events, others): (Vec<_>, Vec<_>) =
            current.into_iter().partition(|entry| entry.kind() == "m.room.member");
        if !many {
            members.keep(member_events.iter().map(|entry| &entry.event));
        }
        let mut state = StateMap::default();
        for entry in others {
            let pdu = Arc::clone(&entry.pdu);
            state.insert(&pdu.kind, pdu.state_key.as_deref().unwrap_or_default(), entry);
        }
        let (mut resolutions, mut vanished) = <(Resolutions, StateMap<i64>)>::default();
        if !is_whole {
            resolutions.last = db.last_resolution(nid)?;
            let start = tail.front().map_or(head_seq, |event| event.seq);
            if resolutions.last > start {
                resolutions.recent = db.resolutions(nid, start, i64::MAX)?;
            }
        }
        if resolutions.last > 0 {
            for entry in db.vanished_state(nid)? {
                vanished.insert(&entry.kind, &entry.state_key, entry.since);
            }
        }
        let visibility = if is_whole { whole_visibility(&tail) } else { load_visibility(db, (nid, version))? };
        let power = Arc::new(power_of(version, &state).ok_or_else(|| corrupt("no create event"))?);
        let state_bytes = state.iter().map(|(_, _, entry)| entry.pdu.json().len()).sum();
        let view = View {
            first: row.first_seq,
            seq: head_seq,
            elsewhere: 0,
            state,
            vanished,
            resolutions,
            state_bytes,
            members,
            joined,
            invited,
            power,
            visibility,
            tail,
        };
        let head = Head::of(&view, 0).ok_or_else(|| corrupt("no events"))?;
        let (head, view) = (Mutex::new(head), RwLock::new(view));
        Ok(Self {
            nid: row.nid,
            id: row.room_id,
            version,
            head,
            view,
            gone: AtomicBool::new(false),
            weight: Weight::default(),
        })
    }

    /// A new room with its first events; `None` without a create event. Only the registry may, as with [`Self::load`].
    pub(super) fn new(
        nid: RoomNid,
        id: RoomId,
        version: RoomVersion,
        events: &[Arc<RoomEvent>],
        options: Options,
        _: &Seat,
    ) -> Option<Self> {
        let power = Arc::new(PowerLevels::of(version, &events.first()?.pdu, None));
        let mut view = View::empty(power);
        view.members = Members::new(options.member_events);
        for event in events {
            drop(view.publish(version, Arc::clone(event), None));
        }
        let (head, view) = (Mutex::new(Head::of(&view, 0)?), RwLock::new(view));
        Some(Self { nid, id, version, head, view, gone: AtomicBool::new(false), weight: Weight::default() })
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

    /// What it takes in memory with those events that are not in `seen`, weighed anew.
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

/// What everybody is to a room, who is joined, and how many are invited.
fn load_members(
    db: &Snapshot<'_>,
    room: RoomNid,
    options: Options,
) -> im2_store::Result<(Members, HashMap<UserNid, UserId>, usize)> {
    let (mut joined, mut invited) = (HashMap::new(), 0);
    let mut members = Members::new(options.member_events);
    db.members_in_short(room, |row| {
        let Some(membership) = Membership::parse(row.membership) else { return };
        match membership {
            Membership::Join => drop(joined.insert(row.user, row.user_id.clone())),
            Membership::Invite => invited += 1,
            _ => {}
        }
        members.add(row.user_id, membership, (row.since, row.seq));
    })?;
    Ok((members, joined, invited))
}

/// The current state of a room whose tail is all of it.
fn whole_state(tail: &RecentEvents) -> Vec<StateEntry> {
    let (mut seen, mut current) = (HashSet::new(), Vec::new());
    for event in tail.iter().rev() {
        if event.state_key().is_some_and(|key| seen.insert((event.kind(), key))) {
            current.push(StateEntry { since: event.seq, event: Arc::clone(event) });
        }
    }
    current
}

/// The history visibilities that such a room had.
fn whole_visibility(tail: &RecentEvents) -> Vec<VisibilityThen> {
    let set = tail.iter().filter(|event| event.pdu.is("m.room.history_visibility", ""));
    set.map(|event| VisibilityThen::of(event.seq, Some(event))).collect()
}

/// The current state from the database, where events of the tail are shared with it; without members if they are
/// `many`.
fn load_state(
    db: &Snapshot<'_>,
    (room, version): (RoomNid, RoomVersion),
    tail: &RecentEvents,
    many: bool,
) -> im2_store::Result<Vec<StateEntry>> {
    let rows = if many { db.current_state_without_members(room)? } else { db.current_state(room)? };
    let entry = |StateRow { since, event }: &StateRow| {
        let event = match tail.binary_search_by_key(&event.seq, |event| event.seq) {
            Ok(index) => Arc::clone(&tail[index]),
            Err(_) => RoomEvent::load_state(version, event).map(Arc::new)?,
        };
        Ok(StateEntry { since: *since, event })
    };
    rows.iter().map(entry).collect()
}

/// Every history visibility that a room has had, from the database.
pub(super) fn load_visibility(
    db: &Snapshot<'_>,
    (room, version): (RoomNid, RoomVersion),
) -> im2_store::Result<Vec<VisibilityThen>> {
    let visibility = |(since, row): &(i64, Option<EventRow>)| {
        let event = row.as_ref().map(|row| RoomEvent::load_state(version, row)).transpose()?;
        Ok(VisibilityThen::of(*since, event.as_ref()))
    };
    db.state_entry_history(room, "m.room.history_visibility", "")?.iter().map(visibility).collect()
}
