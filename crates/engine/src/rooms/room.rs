//! A room in memory.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use im2_model::{EventId, RoomId, RoomNid, UserId, UserNid};
use im2_rooms::{
    content::{HistoryVisibility, JoinRulesContent, Membership},
    event::Pdu,
    power::PowerLevels,
    state::StateMap,
    version::RoomVersion,
};
use im2_store::Snapshot;
use im2_store::rooms::{Direction, EventRow, RoomRow};
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::Mutex;

use super::{
    Options,
    event::{RoomEvent, load_timeline},
    members::Members,
    registry::Seat,
    tail::Tail,
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
    pub(super) last: Option<EventId>,
    pub(super) depth: u64,
    /// State that is queued but perhaps not yet in the view, with its sequence.
    pub(super) pending: StateMap<(i64, Arc<Pdu>)>,
    pub(super) power: Arc<PowerLevels>,
}

/// The room as readers see it: everything that is committed and published.
#[derive(Debug)]
pub struct View {
    /// The number of the last event.
    pub seq: i64,
    /// The current state, but for the members.
    pub state: StateMap<Arc<RoomEvent>>,
    /// What the current state takes without the members, in bytes of JSON.
    pub(super) state_bytes: usize,
    /// What everybody is to the room.
    pub members: Members,
    /// The joined users.
    pub joined: HashMap<UserNid, UserId>,
    /// How many users are invited.
    pub invited: usize,
    /// The current power levels.
    pub power: Arc<PowerLevels>,
    /// Every history visibility that the room has had, with the number of the event that set it. Usually one.
    pub visibility: Vec<(i64, HistoryVisibility)>,
    /// The newest events, oldest first, without a gap.
    pub tail: Tail,
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
        let version: RoomVersion = row.version.parse().map_err(|_| corrupt("unknown version"))?;
        let (nid, head_seq) = (row.nid, row.head_seq);
        let timeline = load_timeline(db, (nid, version), i64::MAX, Direction::Backward, events)?;
        let tail: Tail = timeline.into_iter().rev().collect();
        let is_whole = tail.len() as i64 == head_seq;
        let (mut members, joined, invited) = load_members(db, nid, options)?;
        let many = members.are_many();
        let current = if is_whole { whole_state(&tail) } else { load_state(db, (nid, version), &tail, many)? };
        let (member_events, others): (Vec<_>, Vec<_>) =
            current.into_iter().partition(|event| event.kind() == "m.room.member");
        if !many {
            members.keep(&member_events);
        }
        let mut state = StateMap::default();
        for event in others {
            let pdu = Arc::clone(&event.pdu);
            state.insert(&pdu.kind, pdu.state_key.as_deref().unwrap_or_default(), event);
        }
        let visibility = if is_whole { whole_visibility(&tail) } else { load_visibility(db, (nid, version))? };
        let power = Arc::new(power_of(version, &state).ok_or_else(|| corrupt("no create event"))?);
        let state_bytes = state.iter().map(|(_, _, event)| event.pdu.json().len()).sum();
        let view = View { seq: row.head_seq, state, state_bytes, members, joined, invited, power, visibility, tail };
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

    /// Marks it as purged. Called from the commit's hook.
    pub(super) fn set_gone(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Drops events that were purged from its history, given by their numbers. Called from commit hooks.
    pub(super) fn drop_events(&self, purged: impl Iterator<Item = i64>) {
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
            self.weight.update(&view);
            dropped
        };
        dropped.len()
    }

    /// Keeps member events that were read, unless one has been redacted since there were `redactions`.
    pub(super) fn keep_members(&self, events: &[Arc<RoomEvent>], redactions: u64) {
        let members = &mut self.view.write().members;
        if members.redactions() == redactions {
            members.keep(events);
            for event in events {
                self.weight.count(event);
            }
        }
    }

    /// Adds a committed event; with what it redacts, and what is left of that. Returns both as they are now. Called
    /// from commit hooks, in the room's order.
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
}

impl Head {
    /// The head of a room in which nothing is queued.
    pub(super) fn of(view: &View, epoch: u64) -> Option<Self> {
        let last = view.tail.back()?;
        Some(Self {
            epoch,
            seq: view.seq,
            last: Some(last.id().clone()),
            depth: last.pdu.depth,
            pending: StateMap::default(),
            power: Arc::clone(&view.power),
        })
    }
}

impl View {
    /// A room without events.
    pub(super) fn empty(power: Arc<PowerLevels>) -> Self {
        Self {
            seq: 0,
            state: StateMap::default(),
            state_bytes: 0,
            members: Members::default(),
            joined: HashMap::new(),
            invited: 0,
            power,
            visibility: Vec::new(),
            tail: Tail::default(),
        }
    }

    /// Every event that it holds, some of them twice.
    fn events(&self) -> impl Iterator<Item = &Arc<RoomEvent>> {
        let state = self.state.iter().map(|(_, _, event)| event);
        self.tail.iter().chain(state).chain(self.members.in_memory())
    }

    fn publish(
        &mut self,
        version: RoomVersion,
        event: Arc<RoomEvent>,
        redacts: Option<(Arc<RoomEvent>, Pdu)>,
    ) -> (Arc<RoomEvent>, Option<Arc<RoomEvent>>) {
        self.seq = event.seq;
        let event = self.with_replaced(event);
        let redacted = redacts.and_then(|(target, left)| {
            let target = self.in_tail(target.seq).unwrap_or(&target);
            // Of two redactions at the same moment the first is the one that counts.
            (!target.is_redacted()).then(|| Arc::new(target.redacted(left, &event.pdu)))
        });
        if let Some(redacted) = &redacted {
            self.replace(version, redacted);
            self.replace_copies(redacted);
        }
        self.tail.push(&event);
        self.publish_state(version, &event);
        (event, redacted)
    }

    /// A state event with what it replaces as that is now: between its making and its commit it may have been redacted.
    fn with_replaced(&self, event: Arc<RoomEvent>) -> Arc<RoomEvent> {
        let Some((key, replaced)) = event.state_key().zip(event.replaced.as_ref()) else { return event };
        let current = match event.kind() {
            "m.room.member" => self.members.event(key),
            kind => self.state.get(kind, key),
        };
        match current.filter(|current| *current.id() == replaced.event_id) {
            Some(current) if *replaced.content != *current.pdu.content_json() => {
                Arc::new(event.with_copy_of(&current.pdu))
            }
            _ => event,
        }
    }

    /// Takes the content of a redacted event out of the events that have a copy of it: the state event that replaced
    /// it, or what it had redacted.
    fn replace_copies(&mut self, redacted: &RoomEvent) {
        let id = redacted.id();
        self.tail.change(|event| event.copies(id).then(|| Arc::new(event.with_copy_of(&redacted.pdu))));
        let mut current: Vec<Arc<RoomEvent>> = Vec::new();
        if redacted.kind() == "m.room.redaction" {
            current.extend(self.state.iter().map(|(_, _, event)| event).filter(|event| event.copies(id)).cloned());
            current.extend(self.members.in_memory().filter(|event| event.copies(id)).cloned());
        } else if let Some(key) = redacted.state_key() {
            let now = match redacted.kind() {
                "m.room.member" => self.members.event(key),
                kind => self.state.get(kind, key),
            };
            current.extend(now.filter(|event| event.copies(id)).cloned());
        }
        for event in current {
            let replaced = Arc::new(event.with_copy_of(&redacted.pdu));
            match (event.kind(), event.state_key()) {
                ("m.room.member", _) => self.members.redact(&replaced),
                (_, Some(key)) => self.set_state(key, &replaced),
                _ => {}
            }
        }
    }

    fn publish_state(&mut self, version: RoomVersion, event: &Arc<RoomEvent>) {
        let Some(state_key) = event.state_key() else { return };
        if event.kind() == "m.room.member" {
            return self.publish_member(state_key, event);
        }
        self.set_state(state_key, event);
        match event.kind() {
            "m.room.power_levels" | "m.room.create" => self.refresh_power(version),
            "m.room.history_visibility" => {
                self.visibility.push((event.seq, HistoryVisibility::parse(event.pdu.content_json())));
            }
            _ => {}
        }
    }

    fn publish_member(&mut self, state_key: &str, event: &Arc<RoomEvent>) {
        // The rules let no other state key pass.
        let Ok(user_id) = UserId::parse(state_key) else { return };
        let (was, is) = (self.members.publish(user_id.clone(), event), event.pdu.membership);
        let invited = |membership: Option<Membership>| usize::from(membership == Some(Membership::Invite));
        self.invited = (self.invited + invited(is)).saturating_sub(invited(was));
        let Some(member) = event.member else { return };
        if is == Some(Membership::Join) {
            self.joined.insert(member, user_id);
        } else {
            self.joined.remove(&member);
        }
    }

    /// Puts the redacted form of an event in its place.
    fn replace(&mut self, version: RoomVersion, redacted: &Arc<RoomEvent>) {
        self.tail.replace(redacted);
        let Some(state_key) = redacted.state_key() else { return };
        if redacted.kind() == "m.room.member" {
            return self.members.redact(redacted);
        }
        if self.state.get(redacted.kind(), state_key).is_some_and(|current| current.seq == redacted.seq) {
            self.set_state(state_key, redacted);
            self.refresh_power(version);
        }
        if let Some(entry) = self.visibility.iter_mut().find(|(seq, _)| *seq == redacted.seq) {
            entry.1 = HistoryVisibility::parse(redacted.pdu.content_json());
        }
    }

    fn set_state(&mut self, state_key: &str, event: &Arc<RoomEvent>) {
        let before = self.state.insert(event.kind(), state_key, Arc::clone(event));
        self.state_bytes += event.pdu.json().len();
        self.state_bytes -= before.map_or(0, |before| before.pdu.json().len());
    }

    fn refresh_power(&mut self, version: RoomVersion) {
        if let Some(power) = power_of(version, &self.state) {
            self.power = Arc::new(power);
        }
    }

    /// The content of a state event as text, JSON. Not of a member event: those need not be in memory.
    pub fn content(&self, kind: &str, state_key: &str) -> Option<&str> {
        self.state.get(kind, state_key).map(|event| event.pdu.content_json())
    }

    /// The join rules as a room of `version` knows them.
    pub fn join_rules(&self, version: RoomVersion) -> JoinRulesContent {
        let content = self.content("m.room.join_rules", "");
        content.map(|content| JoinRulesContent::parse(version, content)).unwrap_or_default()
    }

    /// The current membership of a user.
    pub fn membership(&self, user_id: &UserId) -> Option<Membership> {
        self.members.get(user_id.as_str()).map(|member| member.membership)
    }

    /// The sequence from which on the tail holds every event.
    pub fn tail_start(&self) -> i64 {
        self.tail.front().map_or(self.seq + 1, |event| event.seq)
    }

    /// Every event after number `seq`, oldest first, if the tail goes back that far.
    pub fn after(&self, seq: i64) -> Option<Vec<Arc<RoomEvent>>> {
        let start = self.tail.partition_point(|event| event.seq <= seq);
        (seq + 1 >= self.tail_start()).then(|| self.tail.range(start..).cloned().collect())
    }

    /// The state entries of some types that changed after event number `seq` and had a value before, by name; `None`
    /// if the tail does not reach back that far.
    pub(super) fn changed_after(&self, seq: i64, wanted: impl Fn(&str) -> bool) -> Option<Vec<(Box<str>, Box<str>)>> {
        if seq + 1 < self.tail_start() {
            return None;
        }
        // The first change of an entry after `seq` knows whether there was a value before.
        let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
        let mut before = Vec::new();
        let first = self.tail.partition_point(|event| event.seq <= seq);
        for event in self.tail.range(first..).filter(|event| wanted(event.kind())) {
            if let Some(key) = event.state_key()
                && seen.insert((event.kind(), key))
                && event.replaced.is_some()
            {
                before.push((event.kind().into(), key.into()));
            }
        }
        Some(before)
    }

    /// What memory knows of a state entry right after event number `seq`.
    pub(super) fn entry_then(&self, kind: &str, state_key: &str, seq: i64) -> EntryThen {
        let current = match kind {
            "m.room.member" => self.members.get(state_key).map(|member| member.seq),
            _ => self.state.get(kind, state_key).map(|event| event.seq),
        };
        let Some(current) = current else { return EntryThen::Nothing };
        if current <= seq {
            return EntryThen::Current;
        }
        if seq + 1 < self.tail_start() {
            return EntryThen::Unknown;
        }
        match self.changes(kind, state_key, seq).next() {
            Some(first) if first.replaced.is_none() => EntryThen::Nothing,
            _ => EntryThen::Unknown,
        }
    }

    /// The events of the tail that changed a state entry after event number `seq`, oldest first.
    pub(super) fn changes<'a>(
        &'a self,
        kind: &'a str,
        state_key: &'a str,
        seq: i64,
    ) -> impl Iterator<Item = &'a Arc<RoomEvent>> {
        let first = self.tail.partition_point(|event| event.seq <= seq);
        self.tail.range(first..).filter(move |event| event.pdu.is(kind, state_key))
    }

    /// The event numbered `seq`, if it is in the tail.
    pub fn in_tail(&self, seq: i64) -> Option<&Arc<RoomEvent>> {
        self.tail.binary_search_by_key(&seq, |event| event.seq).ok().map(|index| &self.tail[index])
    }

    /// The event called `event_id`, if it is in the tail.
    pub fn find_in_tail(&self, event_id: &EventId) -> Option<&Arc<RoomEvent>> {
        self.tail.iter().rev().find(|event| event.id() == event_id)
    }
}

/// What memory knows of a state entry as it was at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryThen {
    /// It has not changed since.
    Current,
    /// It had no value.
    Nothing,
    /// It had another value, or that is not known.
    Unknown,
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
        members.add(row.user_id, membership, row.seq);
    })?;
    Ok((members, joined, invited))
}

/// Every history visibility that a room has had, each with the number of the event that set it.
type Visibility = Vec<(i64, HistoryVisibility)>;

/// The current state of a room whose tail is all of it.
fn whole_state(tail: &Tail) -> Vec<Arc<RoomEvent>> {
    let (mut seen, mut current) = (HashSet::new(), Vec::new());
    for event in tail.iter().rev() {
        if event.state_key().is_some_and(|key| seen.insert((event.kind(), key))) {
            current.push(Arc::clone(event));
        }
    }
    current
}

/// The history visibilities that such a room had.
fn whole_visibility(tail: &Tail) -> Visibility {
    let set = tail.iter().filter(|event| event.pdu.is("m.room.history_visibility", ""));
    set.map(|event| (event.seq, HistoryVisibility::parse(event.pdu.content_json()))).collect()
}

/// The current state from the database, where events of the tail are shared with it; without members if they are
/// `many`.
fn load_state(
    db: &Snapshot<'_>,
    (room, version): (RoomNid, RoomVersion),
    tail: &Tail,
    many: bool,
) -> im2_store::Result<Vec<Arc<RoomEvent>>> {
    let rows = if many { db.current_state_without_members(room)? } else { db.current_state(room)? };
    let event = |row: &EventRow| match tail.binary_search_by_key(&row.seq, |event| event.seq) {
        Ok(index) => Ok(Arc::clone(&tail[index])),
        Err(_) => RoomEvent::load_state(version, row).map(Arc::new),
    };
    rows.iter().map(event).collect()
}

/// Every history visibility that a room has had, from the database.
fn load_visibility(db: &Snapshot<'_>, (room, version): (RoomNid, RoomVersion)) -> im2_store::Result<Visibility> {
    let visibility = |entry: &EventRow| {
        let event = RoomEvent::load_state(version, entry)?;
        Ok((entry.seq, HistoryVisibility::parse(event.pdu.content_json())))
    };
    db.state_entry_history(room, "m.room.history_visibility", "")?.iter().map(visibility).collect()
}

fn power_of(version: RoomVersion, state: &StateMap<Arc<RoomEvent>>) -> Option<PowerLevels> {
    let create = state.get("m.room.create", "")?;
    let levels = state.get("m.room.power_levels", "").map(|event| &*event.pdu);
    Some(PowerLevels::of(version, &create.pdu, levels))
}
