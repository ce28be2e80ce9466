//! Who is typing where (spec: client-server API, "Typing Notifications"). Kept in memory only.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Arc, Weak},
    time::Duration,
};

use im2_model::{Millis, RoomId, RoomNid, UserId, UserNid};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{
    Core, Result,
    rooms::{Actor, Room, Rooms},
};

/// How long somebody types who does not say.
const DEFAULT_TIMEOUT: Millis = 30_000;
/// The longest that somebody types without saying so again.
const MAX_TIMEOUT: Millis = 120_000;
/// Rooms remembered, so that clients hear that nobody types there any more. Beyond it those that changed longest ago
/// are forgotten, and who has not heard by then is told that nobody types.
const REMEMBERED_ROOMS: usize = 10_000;

/// The use cases of typing.
#[derive(Debug, Clone)]
pub struct Typing {
    rooms: Rooms,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    core: Core,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<RoomNid, TypingRoom>,
    /// The same rooms by the number of their last change.
    by_change: BTreeMap<u64, RoomNid>,
    /// Changes up to this one may have been forgotten.
    forgotten: u64,
}

#[derive(Debug, Default)]
struct TypingRoom {
    /// The number of the last change.
    changed: u64,
    typists: Vec<Typist>,
    /// Held while somebody types, to wake its members at the end.
    room: Option<Arc<Room>>,
    /// Tells the task that watches the room, while there is one, to look again.
    watch: Option<Arc<Notify>>,
}

#[derive(Debug)]
struct Typist {
    user: UserNid,
    user_id: UserId,
    until: Millis,
}

impl Typing {
    pub(crate) fn new(core: Core, rooms: Rooms) -> Self {
        // Nobody types after a restart, and whoever followed before it has to hear so.
        let forgotten = core.ephemeral.reached();
        let state = State { forgotten, ..State::default() };
        Self { rooms, shared: Arc::new(Shared { core, state: Mutex::new(state) }) }
    }

    /// Records that `actor` types in a room for `timeout` milliseconds from now on, or has stopped.
    pub async fn set(&self, actor: &Actor, room_id: &RoomId, typing: bool, timeout: Option<Millis>) -> Result<()> {
        let room = self.rooms.joined(actor, room_id).await?;
        let timeout = timeout.unwrap_or(DEFAULT_TIMEOUT).min(MAX_TIMEOUT);
        if !typing || timeout == 0 {
            self.shared.stop(room.nid, |typist| typist.user == actor.user);
        } else if let Some(again) = self.shared.start(actor, &room, self.shared.core.now() + timeout) {
            tokio::spawn(watch(Arc::downgrade(&self.shared), room.nid, again));
        }
        Ok(())
    }

    /// Who types in a room now.
    pub fn in_room(&self, room: &Room) -> Vec<UserId> {
        self.shared.expire(room.nid);
        self.shared.state.lock().typists(room)
    }

    /// Who types in a room now, if that changed after the memory-only signal `since`.
    pub fn changed_since(&self, since: u64, room: &Room) -> Option<Vec<UserId>> {
        self.shared.expire(room.nid);
        let state = self.shared.state.lock();
        let changed = state.rooms.get(&room.nid).map_or(state.forgotten, |entry| entry.changed);
        (changed > since).then(|| state.typists(room))
    }

    /// The rooms in which that changed after the memory-only signal `since`, as far as they are remembered.
    pub fn rooms_changed_since(&self, since: u64) -> Vec<RoomNid> {
        let state = self.shared.state.lock();
        state.by_change.range((Bound::Excluded(since), Bound::Unbounded)).map(|(_, room)| *room).collect()
    }
}

impl Shared {
    /// Records that a user types. If nobody watches the room yet, returns what tells the one who shall.
    fn start(&self, actor: &Actor, room: &Arc<Room>, until: Millis) -> Option<Arc<Notify>> {
        let mut state = self.state.lock();
        let entry = state.rooms.entry(room.nid).or_default();
        if let Some(typist) = entry.typists.iter_mut().find(|typist| typist.user == actor.user) {
            typist.until = until;
        } else {
            entry.typists.push(Typist { user: actor.user, user_id: actor.user_id.clone(), until });
            entry.room = Some(Arc::clone(room));
            self.core.ephemeral.signal(|number| state.note_change(room.nid, number));
            self.wake(room);
        }
        let entry = state.rooms.entry(room.nid).or_default();
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
        let before = entry.typists.len();
        entry.typists.retain(|typist| !over(typist));
        if entry.typists.len() == before {
            return;
        }
        let room = if entry.typists.is_empty() { entry.room.take() } else { entry.room.clone() };
        entry.watch.iter().for_each(|watch| watch.notify_one());
        self.core.ephemeral.signal(|number| state.note_change(nid, number));
        if let Some(room) = room {
            self.wake(&room);
        }
        state.forget_oldest();
    }

    fn expire(&self, nid: RoomNid) {
        let now = self.core.now();
        self.stop(nid, |typist| typist.until <= now);
    }

    fn wake(&self, room: &Room) {
        let view = room.view();
        let joined = &view.joined;
        self.core.bus.wake_all(joined.len(), joined.keys().copied(), |user| joined.contains_key(&user));
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
    fn typists(&self, room: &Room) -> Vec<UserId> {
        let Some(entry) = self.rooms.get(&room.nid) else { return Vec::new() };
        let view = room.view();
        let members = entry.typists.iter().filter(|typist| view.joined.contains_key(&typist.user));
        members.map(|typist| typist.user_id.clone()).collect()
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
async fn watch(shared: Weak<Shared>, nid: RoomNid, again: Arc<Notify>) {
    loop {
        let wait = {
            let Some(shared) = shared.upgrade() else { return };
            shared.expire(nid);
            let Some(end) = shared.next_end(nid) else { return };
            end.saturating_sub(shared.core.now()).max(1)
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            () = again.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use im2_model::{RoomNid, UserId, UserNid};

    use super::{REMEMBERED_ROOMS, State, Typist};

    #[test]
    fn beyond_the_limit_the_oldest_quiet_rooms_are_forgotten() {
        let mut state = State::default();
        for number in 1..=REMEMBERED_ROOMS + 3 {
            state.note_change(RoomNid(number as i64), number as u64);
        }
        let typist = Typist { user: UserNid(1), user_id: UserId::parse("@ana:x").unwrap(), until: 1 };
        state.rooms.get_mut(&RoomNid(1)).unwrap().typists.push(typist);
        state.forget_oldest();
        assert_eq!((state.rooms.len(), state.by_change.len()), (REMEMBERED_ROOMS, REMEMBERED_ROOMS));
        assert!(state.rooms.contains_key(&RoomNid(1)), "where somebody types is remembered");
        assert!(state.rooms.contains_key(&RoomNid(5)) && !state.rooms.contains_key(&RoomNid(4)));
        assert_eq!(state.forgotten, 4);
    }
}
