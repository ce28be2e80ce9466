//! A room as readers see it, in memory: everything that is committed and published.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Deref,
    sync::Arc,
};

use im2_core::event::ResolvedState;
use im2_kernel::{
    content::{HistoryVisibility, JoinRulesContent, Membership},
    event::Pdu,
    power::PowerLevels,
    state::StateMap,
    version::RoomVersion,
};
use im2_model::{EventId, Position, UserId, UserNid};

use super::{RoomEvent, members::Members, recent_events::RecentEvents};

/// An entry of a room's state: the event that it is, and since when it is that.
#[derive(Debug, Clone)]
pub struct StateEntry {
    /// The number of the room from which on it is this event: the event's own, unless a resolution made it the state.
    pub since: i64,
    /// The event.
    pub event: Arc<RoomEvent>,
}

impl Deref for StateEntry {
    type Target = Arc<RoomEvent>;

    fn deref(&self) -> &Arc<RoomEvent> {
        &self.event
    }
}

/// A history visibility that a room has had.
#[derive(Debug, Clone, Copy)]
pub struct VisibilityThen {
    /// The number of the room from which on it had it.
    pub since: i64,
    /// The number of the event that says so; 0 for the one that rooms have without.
    pub event: i64,
    /// The visibility.
    pub value: HistoryVisibility,
}

impl VisibilityThen {
    /// The visibility that an event sets from a number of the room on; the default without an event.
    pub(super) fn of(since: i64, event: Option<&RoomEvent>) -> Self {
        let value = event.map(|event| HistoryVisibility::parse(event.pdu.content_json())).unwrap_or_default();
        Self { since, event: event.map_or(0, |event| event.seq), value }
    }
}

/// The numbers at which a room's state was resolved, as far as its tail goes back, and the last of all.
#[derive(Debug, Default)]
pub(super) struct Resolutions {
    /// The number of the last one; 0 if there was none.
    pub(super) last: i64,
    /// Those after the first event of the tail, oldest first.
    pub(super) recent: Vec<(i64, Position)>,
}

/// The room as readers see it: everything that is committed and published.
#[derive(Debug)]
pub struct View {
    /// The number of the first event that is here.
    pub first: i64,
    /// The number of the last event, or of the last resolution of the state.
    pub seq: i64,
    /// How many changes of other nodes were published since it is in memory: what had been built on the room before one
    /// of them is not built on the room as it is.
    pub(super) elsewhere: u64,
    /// The current state without the members.
    pub state: StateMap<StateEntry>,
    /// The entries that had a value and have none now, members too, each with the number from which on.
    pub(super) vanished: StateMap<i64>,
    pub(super) resolutions: Resolutions,
    /// The size of the current state without the members, in bytes of JSON.
    pub(super) state_bytes: usize,
    /// The members of the room, former ones included.
    pub members: Members,
    /// The joined users.
    pub joined: HashMap<UserNid, UserId>,
    /// How many users are invited.
    pub invited: usize,
    /// The current power levels.
    pub power: Arc<PowerLevels>,
    /// Every history visibility that the room has had, oldest first. Usually one.
    pub visibility: Vec<VisibilityThen>,
    /// The newest events, oldest first, without a gap.
    pub tail: RecentEvents,
}

impl View {
    /// A room without events.
    pub(super) fn empty(power: Arc<PowerLevels>) -> Self {
        Self {
            first: 1,
            seq: 0,
            elsewhere: 0,
            state: StateMap::default(),
            vanished: StateMap::default(),
            resolutions: Resolutions::default(),
            state_bytes: 0,
            members: Members::default(),
            joined: HashMap::new(),
            invited: 0,
            power,
            visibility: Vec::new(),
            tail: RecentEvents::default(),
        }
    }

    /// Every event that it holds, some of them twice.
    pub(super) fn events(&self) -> impl Iterator<Item = &Arc<RoomEvent>> {
        let state = self.state.iter().map(|(_, _, entry)| &entry.event);
        self.tail.iter().chain(state).chain(self.members.in_memory())
    }

    pub(super) fn publish(
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
        self.forget_resolutions();
        self.publish_state(version, &event);
        (event, redacted)
    }

    /// A state event with what it replaces as that is now: between its making and its commit it may have been redacted.
    fn with_replaced(&self, event: Arc<RoomEvent>) -> Arc<RoomEvent> {
        let Some((key, replaced)) = event.state_key().zip(event.replaced.as_ref()) else { return event };
        let current = match event.kind() {
            "m.room.member" => self.members.event(key),
            kind => self.state.get(kind, key).map(|entry| &entry.event),
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
            let state = self.state.iter().map(|(_, _, entry)| &entry.event);
            current.extend(state.filter(|event| event.copies(id)).cloned());
            current.extend(self.members.in_memory().filter(|event| event.copies(id)).cloned());
        } else if let Some(key) = redacted.state_key() {
            let now = match redacted.kind() {
                "m.room.member" => self.members.event(key),
                kind => self.state.get(kind, key).map(|entry| &entry.event),
            };
            current.extend(now.filter(|event| event.copies(id)).cloned());
        }
        for event in current {
            let replaced = Arc::new(event.with_copy_of(&redacted.pdu));
            match (event.kind(), event.state_key()) {
                ("m.room.member", _) => self.members.redact(&replaced),
                (_, Some(key)) => self.change_state(key, &replaced),
                _ => {}
            }
        }
    }

    fn publish_state(&mut self, version: RoomVersion, event: &Arc<RoomEvent>) {
        let Some(state_key) = event.state_key() else { return };
        if !self.vanished.is_empty() {
            self.vanished.remove(event.kind(), state_key);
        }
        if event.kind() == "m.room.member" {
            return self.publish_member(state_key, event.member, event.seq, Some(event));
        }
        self.set_state(state_key, event, event.seq);
        match event.kind() {
            "m.room.power_levels" | "m.room.create" => self.refresh_power(version),
            // The history visibilities of other state keys say nothing.
            "m.room.history_visibility" if state_key.is_empty() => {
                self.visibility.push(VisibilityThen::of(event.seq, Some(event)));
            }
            _ => {}
        }
    }

    /// Makes `event`, or none, what a user is to the room from a number of it on.
    fn publish_member(&mut self, state_key: &str, member: Option<UserNid>, since: i64, event: Option<&Arc<RoomEvent>>) {
        // The rules let no other state key pass.
        let Ok(user_id) = UserId::parse(state_key) else { return };
        let was = self.members.publish(&user_id, since, event);
        let is = event.and_then(|event| event.pdu.membership);
        let invited = |membership: Option<Membership>| usize::from(membership == Some(Membership::Invite));
        self.invited = (self.invited + invited(is)).saturating_sub(invited(was));
        let Some(member) = member else { return };
        if is == Some(Membership::Join) {
            self.joined.insert(member, user_id);
        } else {
            self.joined.remove(&member);
        }
    }

    /// Makes the state another from a number of the room on. Of the events that it is then, those in the tail are taken
    /// from there.
    pub(super) fn resolve(&mut self, version: RoomVersion, resolved: &ResolvedState) {
        let since = resolved.seq;
        self.seq = since;
        self.resolutions.last = since;
        self.resolutions.recent.push((since, resolved.position));
        for entry in &resolved.entries {
            let (kind, state_key) = (&*entry.kind, &*entry.state_key);
            let event = entry.event.as_ref().map(|event| Arc::clone(self.in_tail(event.seq).unwrap_or(event)));
            match &event {
                Some(_) => drop(self.vanished.remove(kind, state_key)),
                None => drop(self.vanished.insert(kind, state_key, since)),
            }
            if kind == "m.room.member" {
                self.publish_member(state_key, entry.member, since, event.as_ref());
                continue;
            }
            if let Some(event) = &event {
                self.set_state(state_key, event, since);
            } else {
                let before = self.state.remove(kind, state_key);
                self.state_bytes -= before.map_or(0, |before| before.pdu.json().len());
            }
            if kind == "m.room.history_visibility" && state_key.is_empty() {
                self.visibility.push(VisibilityThen::of(since, event.as_deref()));
            }
        }
        self.refresh_power(version);
    }

    /// Puts the redacted form of an event in its place.
    fn replace(&mut self, version: RoomVersion, redacted: &Arc<RoomEvent>) {
        self.tail.replace(redacted);
        let Some(state_key) = redacted.state_key() else { return };
        if redacted.kind() == "m.room.member" {
            return self.members.redact(redacted);
        }
        if self.state.get(redacted.kind(), state_key).is_some_and(|current| current.seq == redacted.seq) {
            self.change_state(state_key, redacted);
            self.refresh_power(version);
        }
        for entry in self.visibility.iter_mut().filter(|entry| entry.event == redacted.seq) {
            entry.value = HistoryVisibility::parse(redacted.pdu.content_json());
        }
    }

    /// Puts another form of the event that is a state entry in its place.
    fn change_state(&mut self, state_key: &str, event: &Arc<RoomEvent>) {
        let since = self.state.get(event.kind(), state_key).map_or(event.seq, |entry| entry.since);
        self.set_state(state_key, event, since);
    }

    fn set_state(&mut self, state_key: &str, event: &Arc<RoomEvent>, since: i64) {
        let entry = StateEntry { since, event: Arc::clone(event) };
        let before = self.state.insert(event.kind(), state_key, entry);
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

    /// Whether the state was resolved after number `after`, which the tail goes back to, and up to `until`.
    pub(super) fn is_resolved_between(&self, after: i64, until: i64) -> bool {
        self.resolutions.recent.iter().any(|(seq, _)| *seq > after && *seq <= until)
    }

    /// Forgets the resolutions before the tail.
    pub(super) fn forget_resolutions(&mut self) {
        if !self.resolutions.recent.is_empty() {
            let start = self.tail_start();
            self.resolutions.recent.retain(|(seq, _)| *seq > start);
        }
    }

    /// The number of the last event or resolution that lies behind, as `is_behind` says; `None` if that lies before the
    /// tail.
    pub(super) fn last_behind(&self, is_behind: impl Fn(Position) -> bool) -> Option<i64> {
        let event = self.tail.iter().rev().find(|event| is_behind(event.position))?.seq;
        let resolution = self.resolutions.recent.iter().rev().find(|(_, position)| is_behind(*position));
        Some(resolution.map_or(event, |(seq, _)| event.max(*seq)))
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

    /// The state entries of some types that changed after number `seq` and had a value before, by name; `None` if the
    /// tail does not reach back that far, or does not tell because the state was resolved.
    pub(super) fn changed_after(&self, seq: i64, wanted: impl Fn(&str) -> bool) -> Option<Vec<(Box<str>, Box<str>)>> {
        if seq + 1 < self.tail_start() || self.is_resolved_between(seq, self.seq) {
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

    /// Tells how a state entry stood right after number `seq`, as far as memory knows.
    pub(super) fn entry_then(&self, kind: &str, state_key: &str, seq: i64) -> EntryThen {
        let since = match kind {
            "m.room.member" => self.members.get(state_key).map(|member| member.since),
            _ => self.state.get(kind, state_key).map(|entry| entry.since),
        };
        let Some(since) = since else {
            let vanished = self.vanished.get(kind, state_key);
            return if vanished.is_none_or(|since| *since <= seq) { EntryThen::Nothing } else { EntryThen::Unknown };
        };
        if since <= seq {
            return EntryThen::Current;
        }
        if seq + 1 < self.tail_start() || self.is_resolved_between(seq, self.seq) {
            return EntryThen::Unknown;
        }
        match self.changes(kind, state_key, seq).next() {
            Some(first) if first.replaced.is_none() => EntryThen::Nothing,
            _ => EntryThen::Unknown,
        }
    }

    /// The events of the tail that changed a state entry after number `seq`, oldest first.
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

/// The value of a state entry at an earlier number of the room, as far as memory knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryThen {
    /// It has not changed since.
    Current,
    /// It had no value.
    Nothing,
    /// It had another value, or that is not known.
    Unknown,
}

pub(super) fn power_of(version: RoomVersion, state: &StateMap<StateEntry>) -> Option<PowerLevels> {
    let create = state.get("m.room.create", "")?;
    let levels = state.get("m.room.power_levels", "").map(|entry| &*entry.pdu);
    Some(PowerLevels::of(version, &create.pdu, levels))
}
