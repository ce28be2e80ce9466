//! The users who are typing, by room. Their typing ends with the time that the client gave, by the client itself, or,
//! called from commits, with the loss of the membership, of the device or of the room.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
    sync::{Arc, Weak},
    time::Duration,
};

use im2_bus::Bus;
use im2_model::{Clock, DeviceId, Millis, RoomNid, UserId, UserNid};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{ephemeral::Ephemeral, session::Session};

/// Rooms remembered, so that clients hear that nobody types there any more. Beyond it those that changed longest ago
/// are forgotten, and who has not heard by then is told that nobody types.
const REMEMBERED_ROOMS: usize = 10_000;

/// A room that somebody types in.
pub trait Place: Send + Sync + std::fmt::Debug {
    /// Its number.
    fn nid(&self) -> RoomNid;
    /// Whether somebody is in it.
    fn has_joined(&self, user: UserNid) -> bool;
    /// Wakes all who are in it.
    fn wake(&self, bus: &Bus);
}

/// The users who are typing, by room.
pub struct Typists {
    clock: Arc<dyn Clock>,
    ephemeral: Arc<Ephemeral>,
    bus: Bus,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<RoomNid, TypingRoom>,
    /// The same rooms by the number of their last change.
    by_change: BTreeMap<u64, RoomNid>,
    /// The rooms in which each user types.
    rooms_of: HashMap<UserNid, HashSet<RoomNid>>,
    /// Changes up to this one may have been forgotten.
    forgotten: u64,
}

#[derive(Debug, Default)]
struct TypingRoom {
    /// The number of the last change.
    changed: u64,
    typists: Vec<Typist>,
    /// Held while somebody types, to wake its members at the end.
    room: Option<Arc<dyn Place>>,
    /// Tells the task that watches the room, while there is one, to look again.
    watch: Option<Arc<Notify>>,
}

#[derive(Debug)]
struct Typist {
    user: UserNid,
    user_id: UserId,
    /// The device that said so.
    device_id: DeviceId,
    until: Millis,
}

impl Typists {
    /// Nobody types after a start, and whoever followed before it has to hear so.
    pub(crate) fn new(clock: Arc<dyn Clock>, ephemeral: Arc<Ephemeral>, bus: Bus) -> Self {
        let state = State { forgotten: ephemeral.reached(), ..State::default() };
        Self { clock, ephemeral, bus, state: Mutex::new(state) }
    }

    /// The users who are typing in a room now.
    pub fn in_room(&self, room: &dyn Place) -> Vec<UserId> {
        self.expire(room.nid());
        self.state.lock().typists(room)
    }

    /// The users who are typing in a room now, if that changed after the signal `since`; else `None`.
    pub fn changed_since(&self, since: u64, room: &dyn Place) -> Option<Vec<UserId>> {
        self.expire(room.nid());
        let state = self.state.lock();
        let changed = state.rooms.get(&room.nid()).map_or(state.forgotten, |entry| entry.changed);
        (changed > since).then(|| state.typists(room))
    }

    /// The rooms in which that changed after the signal `since`, as far as they are remembered.
    pub fn rooms_changed_since(&self, since: u64) -> Vec<RoomNid> {
        let state = self.state.lock();
        state.by_change.range((Bound::Excluded(since), Bound::Unbounded)).map(|(_, room)| *room).collect()
    }

    /// Records that a session's user types until `until`, and has somebody watch the room if nobody does.
    pub fn start(this: &Arc<Self>, session: &Session, room: &Arc<dyn Place>, until: Millis) {
        if let Some(again) = this.add(session, room, until) {
            tokio::spawn(watch(Arc::downgrade(this), room.nid(), again));
        }
    }

    /// Ends the typing of a user in a room.
    pub fn end(&self, room: RoomNid, user: UserNid) {
        self.stop(room, |typist| typist.user == user);
    }

    /// Ends all typing in a room.
    pub fn end_room(&self, room: RoomNid) {
        self.stop(room, |_| true);
    }

    /// Ends the typing of a user on a device, or on all of them.
    pub fn end_user(&self, user: UserNid, device_id: Option<&DeviceId>) {
        let rooms = self.state.lock().rooms_of.get(&user).cloned().unwrap_or_default();
        let over =
            |typist: &Typist| typist.user == user && device_id.is_none_or(|device_id| typist.device_id == *device_id);
        for room in rooms {
            self.stop(room, over);
        }
    }

    /// Records that a user types. If nobody watches the room yet, returns what tells the one who shall.
    fn add(&self, session: &Session, room: &Arc<dyn Place>, until: Millis) -> Option<Arc<Notify>> {
        let mut state = self.state.lock();
        // Whoever leaves is first missing in the view and then ended here, so that nobody types on who has left.
        if !room.has_joined(session.user) {
            return None;
        }
        let Session { user, user_id, device_id, .. } = session.clone();
        let entry = state.rooms.entry(room.nid()).or_default();
        if let Some(typist) = entry.typists.iter_mut().find(|typist| typist.user == user) {
            (typist.until, typist.device_id) = (until, device_id);
        } else {
            entry.typists.push(Typist { user, user_id, device_id, until });
            entry.room = Some(Arc::clone(room));
            state.rooms_of.entry(user).or_default().insert(room.nid());
            self.ephemeral.signal(|number| state.note_change(room.nid(), number));
            room.wake(&self.bus);
        }
        let entry = state.rooms.entry(room.nid()).or_default();
        if let Some(watch) = &entry.watch {
            watch.notify_one();
            return None;
        }
        Some(Arc::clone(entry.watch.insert(Arc::default())))
    }
    /// Forgets the typists of a room that are `over`.
    fn stop(&self, nid: RoomNid, over: impl Fn(&Typist) -> bool) {
        let mut state = self.state.lock();
        let Some(entry) = state.rooms.get_mut(&nid) else { return };
        let ended: Vec<UserNid> =
            entry.typists.extract_if(.., |typist| over(typist)).map(|typist| typist.user).collect();
        if ended.is_empty() {
            return;
        }
        let room = if entry.typists.is_empty() { entry.room.take() } else { entry.room.clone() };
        entry.watch.iter().for_each(|watch| watch.notify_one());
        for user in ended {
            state.note_end(user, nid);
        }
        self.ephemeral.signal(|number| state.note_change(nid, number));
        if let Some(room) = room {
            room.wake(&self.bus);
        }
        state.forget_oldest();
    }

    fn expire(&self, nid: RoomNid) {
        let now = self.clock.now();
        self.stop(nid, |typist| typist.until <= now);
    }

    /// When the next typist of a room is over. If nobody types there, the room is not watched from now on.
    fn next_end(&self, nid: RoomNid) -> Option<Millis> {
        let mut state = self.state.lock();
        let entry = state.rooms.get_mut(&nid)?;
        let end = entry.typists.iter().map(|typist| typist.until).min();
        if end.is_none() {
            entry.watch = None;
        }
        end
    }
}

impl State {
    fn typists(&self, room: &dyn Place) -> Vec<UserId> {
        let Some(entry) = self.rooms.get(&room.nid()) else { return Vec::new() };
        let members = entry.typists.iter().filter(|typist| room.has_joined(typist.user));
        members.map(|typist| typist.user_id.clone()).collect()
    }

    fn note_end(&mut self, user: UserNid, room: RoomNid) {
        if let Some(rooms) = self.rooms_of.get_mut(&user) {
            rooms.remove(&room);
            if rooms.is_empty() {
                self.rooms_of.remove(&user);
            }
        }
    }

    fn note_change(&mut self, room: RoomNid, number: u64) {
        let entry = self.rooms.entry(room).or_default();
        self.by_change.remove(&std::mem::replace(&mut entry.changed, number));
        self.by_change.insert(number, room);
    }

    /// Forgets rooms in which nobody types any more, those that changed longest ago, if there are too many rooms.
    fn forget_oldest(&mut self) {
        let excess = self.rooms.len().saturating_sub(REMEMBERED_ROOMS);
        let is_quiet = |room: &RoomNid| self.rooms.get(room).is_none_or(|entry| entry.typists.is_empty());
        let quiet = self.by_change.iter().filter(|(_, room)| is_quiet(room)).take(excess);
        let oldest: Vec<(u64, RoomNid)> = quiet.map(|(number, room)| (*number, *room)).collect();
        for (number, room) in oldest {
            self.by_change.remove(&number);
            self.rooms.remove(&room);
            self.forgotten = self.forgotten.max(number);
        }
    }
}

/// Ends the typing in a room when its time is over, and itself when nobody types there any more. Holds nothing while
/// it waits, so that it keeps no engine alive.
async fn watch(typists: Weak<Typists>, nid: RoomNid, again: Arc<Notify>) {
    loop {
        let wait = {
            let Some(typists) = typists.upgrade() else { return };
            typists.expire(nid);
            let Some(end) = typists.next_end(nid) else { return };
            end.saturating_sub(typists.clock.now()).max(1)
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            () = again.notified() => {}
        }
    }
}

impl std::fmt::Debug for Typists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Typists").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use im2_model::{DeviceId, RoomNid, UserId, UserNid};

    use super::{REMEMBERED_ROOMS, State, Typist};

    #[test]
    fn beyond_the_limit_the_oldest_quiet_rooms_are_forgotten() {
        let mut state = State::default();
        for number in 1..=REMEMBERED_ROOMS + 3 {
            state.note_change(RoomNid(number as i64), number as u64);
        }
        let (user_id, device_id) = (UserId::parse("@ana:x").unwrap(), DeviceId::parse("A").unwrap());
        let typist = Typist { user: UserNid(1), user_id, device_id, until: 1 };
        state.rooms.get_mut(&RoomNid(1)).unwrap().typists.push(typist);
        state.forget_oldest();
        assert_eq!((state.rooms.len(), state.by_change.len()), (REMEMBERED_ROOMS, REMEMBERED_ROOMS));
        assert!(state.rooms.contains_key(&RoomNid(1)), "where somebody types is remembered");
        assert!(state.rooms.contains_key(&RoomNid(5)) && !state.rooms.contains_key(&RoomNid(4)));
        assert_eq!(state.forgotten, 4);
    }
}
