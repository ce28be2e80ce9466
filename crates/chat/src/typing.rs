//! Typing notifications (spec: client-server API, "Typing Notifications"). Kept in memory only.

use std::sync::Arc;

use im2_bus::Bus;
use im2_core::{
    Core, Result,
    session::Session,
    typists::{Place, Typists},
};
use im2_model::{Millis, RoomId, RoomNid, UserId, UserNid};

use crate::rooms::{Actor, Room, Rooms};

/// The default of `timeout`.
const DEFAULT_TIMEOUT: Millis = 30_000;
/// The longest `timeout`: a client that goes on typing says so again.
const MAX_TIMEOUT: Millis = 120_000;

/// The use cases of typing.
#[derive(Debug, Clone)]
pub struct Typing {
    rooms: Rooms,
    core: Core,
}

impl Typing {
    /// Builds it on the core.
    pub fn new(core: Core, rooms: Rooms) -> Self {
        Self { rooms, core }
    }

    /// Records that the session's user types in a room for `timeout` milliseconds from now on, or has stopped.
    pub async fn set(&self, session: &Session, room_id: &RoomId, typing: bool, timeout: Option<Millis>) -> Result<()> {
        let room = self.rooms.joined(&Actor::from(session), room_id).await?;
        if self.core.shadow_banned.contains(session.user) {
            return Ok(());
        }
        let timeout = timeout.unwrap_or(DEFAULT_TIMEOUT).min(MAX_TIMEOUT);
        let typists = &self.core.typists;
        if !typing || timeout == 0 {
            typists.end(room.nid, session.user);
        } else {
            Typists::start(typists, session, &(room as Arc<dyn Place>), self.core.now() + timeout);
        }
        Ok(())
    }

    /// The users who are typing in a room now.
    pub fn in_room(&self, room: &Room) -> Vec<UserId> {
        self.core.typists.in_room(room)
    }

    /// The users who are typing in a room now, if that changed after the memory-only signal `since`; else `None`.
    pub fn changed_since(&self, since: u64, room: &Room) -> Option<Vec<UserId>> {
        self.core.typists.changed_since(since, room)
    }

    /// The rooms in which that changed after the memory-only signal `since`, as far as they are remembered.
    pub fn rooms_changed_since(&self, since: u64) -> Vec<RoomNid> {
        self.core.typists.rooms_changed_since(since)
    }
}

impl Place for Room {
    fn nid(&self) -> RoomNid {
        self.nid
    }

    fn has_joined(&self, user: UserNid) -> bool {
        self.view().joined.contains_key(&user)
    }

    fn wake(&self, bus: &Bus) {
        let view = self.view();
        let joined = &view.joined;
        bus.wake_all(joined.len(), joined.keys().copied(), |user| joined.contains_key(&user));
    }
}
