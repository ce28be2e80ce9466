//! The memberships of each user, in memory.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use im2_kernel::content::Membership;
use im2_model::{Position, Reached, RoomNid, StreamToken, UserNid};
use im2_store::rooms::MembershipRow;
use parking_lot::{Mutex, RwLock};

use im2_core::{
    Core, Result,
    memory::{Cache, Share},
};

/// Estimated memory for a user without rooms, and for each room, in bytes.
const USER: usize = 256;
const ROOM: usize = 64;

/// A user's membership in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomMembership {
    /// The membership.
    pub membership: Membership,
    /// The member event's place in the stream.
    pub position: Position,
    /// The member event's place in the room.
    pub seq: i64,
    /// Whether the user has forgotten the room since they left it.
    pub forgotten: bool,
    /// Whether the user sent the member event.
    pub by_self: bool,
    /// Whether the user is or ever was joined.
    pub was_joined: bool,
}

/// The rooms of one user.
#[derive(Debug, Default)]
pub struct UserRooms {
    rooms: RwLock<HashMap<RoomNid, RoomMembership>>,
    /// Includes the member events of all of them.
    latest: RwLock<Reached>,
    /// How many of them the user has forgotten since they are in memory.
    forgets: AtomicU64,
}

impl UserRooms {
    /// Whether `reached` includes the member events of all of them.
    pub fn are_within(&self, reached: &StreamToken) -> bool {
        reached.stream().includes_all(&self.latest.read())
    }

    /// The memory that the list takes, in bytes.
    fn weight(&self) -> usize {
        USER + ROOM * self.rooms.read().capacity()
    }

    /// How many there are, forgotten ones too.
    pub fn count(&self) -> usize {
        self.rooms.read().len()
    }

    /// A number that rises whenever the user forgets a room, of which the stream does not tell.
    pub fn forgets(&self) -> u64 {
        self.forgets.load(Ordering::SeqCst)
    }

    /// The user's membership in `room`; `None` for a room that the user has forgotten.
    pub fn get(&self, room: RoomNid) -> Option<RoomMembership> {
        self.get_forgotten_too(room).filter(|found| !found.forgotten)
    }

    /// The same for forgotten rooms too: a device that has not heard of the leaving yet must still be told.
    pub fn get_forgotten_too(&self, room: RoomNid) -> Option<RoomMembership> {
        self.rooms.read().get(&room).copied()
    }

    /// Whether the user is joined to `room`.
    pub fn is_joined(&self, room: RoomNid) -> bool {
        self.get(room).is_some_and(|found| found.membership == Membership::Join)
    }

    /// Whether the user is joined to one of `rooms`.
    pub fn is_joined_to_one_of(&self, rooms: &HashSet<RoomNid>) -> bool {
        let mine = self.rooms.read();
        if mine.len() <= rooms.len() {
            return mine.iter().any(|(room, found)| found.membership == Membership::Join && rooms.contains(room));
        }
        rooms.iter().any(|room| mine.get(room).is_some_and(|found| found.membership == Membership::Join))
    }

    /// Whether there is a room that both users are joined to.
    pub fn shares_room_with(&self, other: &Self) -> bool {
        if std::ptr::eq(self, other) {
            return true;
        }
        let (ours, theirs) = (self.with(Membership::Join), other.rooms.read());
        ours.iter().any(|room| theirs.get(room).is_some_and(|found| found.membership == Membership::Join))
    }

    /// All but forgotten ones, in no order.
    pub fn all(&self) -> Vec<(RoomNid, RoomMembership)> {
        let rooms = self.rooms.read();
        rooms.iter().filter(|(_, found)| !found.forgotten).map(|(room, found)| (*room, *found)).collect()
    }

    /// All whose membership changed after `since`, forgotten ones too.
    pub fn changed_since(&self, since: &StreamToken) -> Vec<RoomNid> {
        let rooms = self.rooms.read();
        rooms.iter().filter(|(_, found)| !since.includes(found.position)).map(|(room, _)| *room).collect()
    }

    /// The rooms with one membership.
    pub fn with(&self, membership: Membership) -> Vec<RoomNid> {
        let rooms = self.rooms.read();
        rooms.iter().filter(|(_, found)| found.membership == membership).map(|(room, _)| *room).collect()
    }
}

/// The index. Filled from the database when a user is asked for, kept true by commits.
pub(super) struct MemberIndex {
    core: Core,
    /// Each with what it was weighed at.
    users: Cache<UserNid, (Arc<UserRooms>, usize)>,
    /// Counts changes, so that a read from the database that ran beside one is not kept.
    changes: AtomicU64,
    /// Held while an entry is added or changed, so that neither falls between the steps of the other.
    order: Mutex<()>,
}

impl MemberIndex {
    pub(crate) fn new(core: Core) -> Self {
        let users = Cache::new(&core.memory, "memberships", Share::Sixteenth, |_, (_, weight)| *weight);
        Self { core, users, changes: AtomicU64::new(0), order: Mutex::new(()) }
    }

    pub(super) async fn rooms_of(&self, user: UserNid) -> Result<Arc<UserRooms>> {
        if let Some((found, _)) = self.users.get(&user) {
            return Ok(found);
        }
        let before = self.changes.load(Ordering::SeqCst);
        let rows = self.core.store.read(move |db| db.memberships_of(user)).await?;
        let rooms = rows.into_iter().filter_map(|row| {
            let MembershipRow { room, position, seq, forgotten, by_self, was_joined, .. } = row;
            let membership = Membership::parse(&row.membership)?;
            Some((room, RoomMembership { membership, position, seq, forgotten, by_self, was_joined }))
        });
        let rooms: HashMap<_, _> = rooms.collect();
        let mut latest = self.core.store.opened_at().only_base();
        for membership in rooms.values() {
            latest.advance(membership.position);
        }
        let (rooms, latest) = (RwLock::new(rooms), RwLock::new(latest));
        let loaded = Arc::new(UserRooms { rooms, latest, ..UserRooms::default() });
        let _order = self.order.lock();
        if let Some((found, _)) = self.users.get(&user) {
            return Ok(found);
        }
        // What was read is true as of the read; it is kept only if nothing has changed since it began.
        if self.changes.load(Ordering::SeqCst) == before {
            self.users.insert(user, (Arc::clone(&loaded), loaded.weight()));
        }
        Ok(loaded)
    }

    /// As [`Self::rooms_of`], if it takes no look into the database.
    pub(super) fn in_memory(&self, user: UserNid) -> Option<Arc<UserRooms>> {
        self.users.get(&user).map(|(found, _)| found)
    }

    /// Records a membership. Called once it is committed.
    pub(super) fn set(&self, user: UserNid, room: RoomNid, mut membership: RoomMembership) {
        self.change(user, |rooms| {
            let mut known = rooms.rooms.write();
            let before = known.get(&room);
            membership.was_joined |= before.is_some_and(|before| before.was_joined);
            // What another node has committed may have been read here before it is heard of.
            if before.is_none_or(|before| before.seq <= membership.seq) {
                known.insert(room, membership);
            }
            drop(known);
            rooms.latest.write().advance(membership.position);
        });
    }

    /// Records that a user has forgotten a room. Called once it is committed.
    pub(super) fn forget(&self, user: UserNid, room: RoomNid) {
        self.change(user, |rooms| {
            if let Some(found) = rooms.rooms.write().get_mut(&room) {
                found.forgotten = true;
            }
            rooms.forgets.fetch_add(1, Ordering::SeqCst);
        });
    }

    /// Drops a room that was purged. Called once it is committed.
    pub(crate) fn remove_room(&self, room: RoomNid, users: &[UserNid]) {
        for user in users {
            self.change(*user, |rooms| {
                rooms.rooms.write().remove(&room);
            });
        }
    }

    fn change(&self, user: UserNid, apply: impl FnOnce(&UserRooms)) {
        let _order = self.order.lock();
        self.changes.fetch_add(1, Ordering::SeqCst);
        if let Some((found, weighed)) = self.users.get(&user) {
            apply(&found);
            let weight = found.weight();
            // Weighed anew by quarters, so that a user who joins a thousand rooms is put back a few dozen times.
            if weight > weighed + weighed / 4 {
                self.users.insert(user, (found, weight));
            }
        }
    }
}
