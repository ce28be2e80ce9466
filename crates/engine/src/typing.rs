//! Who is typing where (spec: client-server API, "Typing Notifications"). Kept in memory only.

use std::{
    collections::HashMap,
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
/// Rooms remembered in which nobody types any more, so that clients hear of it. Beyond it the oldest are forgotten,
/// and who has not heard by then is told that nobody types.
const QUIET_ROOMS: usize = 10_000;

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
    /// How many of them are quiet.
    quiet: usize,
    /// Changes up to this one may have been forgotten.
    forgotten: u64,
    /// The last change.
    last: u64,
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
        let state = State { forgotten, last: forgotten, ..State::default() };
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
        if state.last <= since {
            return Vec::new();
        }
        state.rooms.iter().filter(|(_, entry)| entry.changed > since).map(|(room, _)| *room).collect()
    }

    /// Whether anything changed in any room after the memory-only signal `since`.
    pub fn any_changed_since(&self, since: u64) -> bool {
        self.shared.state.lock().last > since
    }
}

impl Shared {
    /// Records that a user types. If nobody watches the room yet, returns what tells the one who shall.
    fn start(&self, actor: &Actor, room: &Arc<Room>, until: Millis) -> Option<Arc<Notify>> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let is_new = !state.rooms.contains_key(&room.nid);
        let entry = state.rooms.entry(room.nid).or_default();
        if let Some(typist) = entry.typists.iter_mut().find(|typist| typist.user == actor.user) {
            typist.until = until;
        } else {
            if entry.typists.is_empty() && !is_new {
                state.quiet -= 1;
            }
            entry.typists.push(Typist { user: actor.user, user_id: actor.user_id.clone(), until });
            entry.room = Some(Arc::clone(room));
            self.core.ephemeral.signal(|number| {
                entry.changed = number;
                state.last = number;
            });
            self.wake(room);
        }
        if let Some(watch) = &entry.watch {
            watch.notify_one();
            return None;
        }
        Some(Arc::clone(entry.watch.insert(Arc::default())))
    }

    /// Forgets the typists of a room that are `over`.
    fn stop(&self, nid: RoomNid, over: impl Fn(&Typist) -> bool) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(entry) = state.rooms.get_mut(&nid) else { return };
        let before = entry.typists.len();
        entry.typists.retain(|typist| !over(typist));
        if entry.typists.len() == before {
            return;
        }
        self.core.ephemeral.signal(|number| {
            entry.changed = number;
            state.last = number;
        });
        if let Some(room) = &entry.room {
            self.wake(room);
        }
        if entry.typists.is_empty() {
            entry.watch.iter().for_each(|watch| watch.notify_one());
            entry.room = None;
            state.quiet += 1;
            if state.quiet > QUIET_ROOMS {
                state.forget_oldest();
            }
        }
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

    /// Forgets the older half of the quiet rooms.
    fn forget_oldest(&mut self) {
        let quiet = self.rooms.values().filter(|entry| entry.typists.is_empty());
        let mut changes: Vec<u64> = quiet.map(|entry| entry.changed).collect();
        changes.sort_unstable();
        let Some(newest_forgotten) = changes.get(changes.len() / 2).copied() else { return };
        self.rooms.retain(|_, entry| !entry.typists.is_empty() || entry.changed > newest_forgotten);
        self.quiet = self.rooms.values().filter(|entry| entry.typists.is_empty()).count();
        self.forgotten = newest_forgotten;
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
