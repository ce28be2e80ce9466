//! A room in memory.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use im2_model::{EventId, RoomId, RoomNid, UserId, UserNid};
use im2_rooms::{
    content::{HistoryVisibility, Membership},
    event::Pdu,
    power::PowerLevels,
    state::StateMap,
    version::RoomVersion,
};
use im2_store::Snapshot;
use im2_store::rooms::{Direction, RoomRow};
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::Mutex;

use super::event::{RoomEvent, load_all};

/// Events of the timeline kept in memory: enough for the first screen of every client and for readers that follow.
const TAIL: usize = 128;
/// Events read for a room that comes into memory.
const TAIL_AT_LOAD: usize = 32;

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
    /// The current state.
    pub state: StateMap<Arc<RoomEvent>>,
    /// The joined users.
    pub joined: HashMap<UserNid, UserId>,
    /// How many users are invited.
    pub invited: usize,
    /// The current power levels.
    pub power: Arc<PowerLevels>,
    /// Every history visibility that the room has had, with the number of the event that set it. Usually one.
    pub visibility: Vec<(i64, HistoryVisibility)>,
    /// The newest events, oldest first, without a gap.
    pub tail: VecDeque<Arc<RoomEvent>>,
}

impl Room {
    /// Reads a room from the database.
    pub(super) fn load(db: &Snapshot<'_>, row: RoomRow) -> im2_store::Result<Self> {
        let corrupt = |what: &str| im2_store::Error::Corrupt(format!("room {}: {what}", row.room_id));
        let version: RoomVersion = row.version.parse().map_err(|_| corrupt("unknown version"))?;
        let newest = db.events_from(row.nid, i64::MAX, Direction::Backward, TAIL_AT_LOAD)?;
        let tail: VecDeque<_> = load_all(db, version, &newest)?.into_iter().rev().collect();
        let mut state = StateMap::default();
        for row in db.current_state(row.nid)? {
            let in_tail = tail.binary_search_by_key(&row.seq, |event| event.seq).ok();
            let event = match in_tail {
                Some(index) => Arc::clone(&tail[index]),
                None => Arc::new(RoomEvent::load_state(version, &row)?),
            };
            let pdu = Arc::clone(&event.pdu);
            state.insert(&pdu.kind, pdu.state_key.as_deref().unwrap_or_default(), event);
        }
        let history = db.state_entry_history(row.nid, "m.room.history_visibility", "")?;
        let mut visibility = Vec::with_capacity(history.len());
        for entry in history {
            let event = RoomEvent::load_state(version, &entry)?;
            visibility.push((entry.seq, HistoryVisibility::parse(event.pdu.content_json())));
        }
        let joined = db.joined_users(row.nid)?.into_iter().collect();
        let invited = count(&state, Membership::Invite);
        let power = Arc::new(power_of(version, &state).ok_or_else(|| corrupt("no create event"))?);
        let view = View { seq: row.head_seq, state, joined, invited, power, visibility, tail };
        let head = Head::of(&view, 0).ok_or_else(|| corrupt("no events"))?;
        let (head, view) = (Mutex::new(head), RwLock::new(view));
        Ok(Self { nid: row.nid, id: row.room_id, version, head, view, gone: AtomicBool::new(false) })
    }

    /// A room whose create event is about to be appended.
    pub(super) fn new(nid: RoomNid, id: RoomId, version: RoomVersion, create: &Pdu) -> Self {
        let power = Arc::new(PowerLevels::of(version, create, None));
        let view = View::empty(Arc::clone(&power));
        let head = Head { epoch: 0, seq: 0, last: None, depth: 0, pending: StateMap::default(), power };
        let (head, view) = (Mutex::new(head), RwLock::new(view));
        Self { nid, id, version, head, view, gone: AtomicBool::new(false) }
    }

    /// The room as it is now. Do not hold this across an `await`.
    pub fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read()
    }

    /// Ends the making of a new room: the next event goes on its last one.
    pub(super) fn settle(&self) {
        if let (Ok(mut head), Some(fresh)) = (self.head.try_lock(), Head::of(&self.view(), 0)) {
            *head = fresh;
        }
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
        self.view.write().tail.retain(|event| !purged.contains(&event.seq));
    }

    /// Adds a committed event. Called from commit hooks, in the room's order.
    pub(super) fn publish(&self, event: &Arc<RoomEvent>, redacted: Option<RoomEvent>) {
        self.view.write().publish(self.version, event, redacted);
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
            joined: HashMap::new(),
            invited: 0,
            power,
            visibility: Vec::new(),
            tail: VecDeque::new(),
        }
    }

    fn publish(&mut self, version: RoomVersion, event: &Arc<RoomEvent>, redacted: Option<RoomEvent>) {
        self.seq = event.seq;
        if let Some(redacted) = redacted {
            self.replace(version, &Arc::new(redacted));
        }
        self.tail.push_back(Arc::clone(event));
        if self.tail.len() > TAIL {
            self.tail.pop_front();
        }
        let Some(state_key) = event.state_key() else { return };
        let before = self.state.insert(event.kind(), state_key, Arc::clone(event));
        match event.kind() {
            "m.room.member" => self.publish_member(before.as_deref(), event),
            "m.room.power_levels" | "m.room.create" => self.refresh_power(version),
            "m.room.history_visibility" => {
                self.visibility.push((event.seq, HistoryVisibility::parse(event.pdu.content_json())));
            }
            _ => {}
        }
    }

    fn publish_member(&mut self, before: Option<&RoomEvent>, event: &RoomEvent) {
        let (was, is) = (before.and_then(|event| event.pdu.membership), event.pdu.membership);
        let invited = |membership: Option<Membership>| usize::from(membership == Some(Membership::Invite));
        self.invited = (self.invited + invited(is)).saturating_sub(invited(was));
        let Some(member) = event.member else { return };
        if is == Some(Membership::Join) {
            if let Some(user_id) = event.state_key().and_then(|key| UserId::parse(key).ok()) {
                self.joined.insert(member, user_id);
            }
        } else {
            self.joined.remove(&member);
        }
    }

    /// Puts the redacted form of an event in its place.
    fn replace(&mut self, version: RoomVersion, redacted: &Arc<RoomEvent>) {
        if let Ok(index) = self.tail.binary_search_by_key(&redacted.seq, |event| event.seq) {
            self.tail[index] = Arc::clone(redacted);
        }
        let Some(state_key) = redacted.state_key() else { return };
        if self.state.get(redacted.kind(), state_key).is_some_and(|current| current.seq == redacted.seq) {
            self.state.insert(redacted.kind(), state_key, Arc::clone(redacted));
            self.refresh_power(version);
        }
        if let Some(entry) = self.visibility.iter_mut().find(|(seq, _)| *seq == redacted.seq) {
            entry.1 = HistoryVisibility::parse(redacted.pdu.content_json());
        }
    }

    fn refresh_power(&mut self, version: RoomVersion) {
        if let Some(power) = power_of(version, &self.state) {
            self.power = Arc::new(power);
        }
    }

    /// The content of a state event as text, JSON.
    pub fn content(&self, kind: &str, state_key: &str) -> Option<&str> {
        self.state.get(kind, state_key).map(|event| event.pdu.content_json())
    }

    /// The current membership of a user.
    pub fn membership(&self, user_id: &UserId) -> Option<Membership> {
        self.state.get("m.room.member", user_id.as_str()).and_then(|event| event.pdu.membership)
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

    /// The event numbered `seq`, if it is in the tail.
    pub fn in_tail(&self, seq: i64) -> Option<&Arc<RoomEvent>> {
        self.tail.binary_search_by_key(&seq, |event| event.seq).ok().map(|index| &self.tail[index])
    }

    /// The event called `event_id`, if it is in the tail.
    pub fn find_in_tail(&self, event_id: &EventId) -> Option<&Arc<RoomEvent>> {
        self.tail.iter().rev().find(|event| event.id() == event_id)
    }
}

fn count(state: &StateMap<Arc<RoomEvent>>, membership: Membership) -> usize {
    state.of_kind("m.room.member").filter(|(_, event)| event.pdu.membership == Some(membership)).count()
}

fn power_of(version: RoomVersion, state: &StateMap<Arc<RoomEvent>>) -> Option<PowerLevels> {
    let create = state.get("m.room.create", "")?;
    let levels = state.get("m.room.power_levels", "").map(|event| &*event.pdu);
    Some(PowerLevels::of(version, &create.pdu, levels))
}
