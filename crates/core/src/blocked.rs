//! Rooms that administrators have blocked: local users may not join, invite to, or send anything to them.

use std::collections::HashSet;

use im2_model::RoomId;
use parking_lot::RwLock;

use crate::{Code, Error, Result};

/// The blocked rooms. All of them are in memory: some hundred bytes each, and administrators block them by hand.
#[derive(Debug, Default)]
pub struct BlockedRooms(RwLock<HashSet<String>>);

impl BlockedRooms {
    /// Those blocked before the start.
    pub(crate) fn new(rooms: impl IntoIterator<Item = String>) -> Self {
        Self(RwLock::new(rooms.into_iter().collect()))
    }

    /// Whether a room is blocked.
    pub fn contains(&self, room_id: &RoomId) -> bool {
        let rooms = self.0.read();
        !rooms.is_empty() && rooms.contains(room_id.as_str())
    }

    /// Refuses what cannot be done in a blocked room.
    pub fn refuse(&self, room_id: &RoomId) -> Result<()> {
        if self.contains(room_id) {
            let message = "this room has been blocked by an administrator of this server";
            return Err(Error::refused(Code::Forbidden, message));
        }
        Ok(())
    }

    /// Blocks one, or no longer. Called once it is committed.
    pub fn set(&self, room_id: &RoomId, blocked: bool) {
        if blocked {
            self.0.write().insert(room_id.as_str().to_owned());
        } else {
            self.0.write().remove(room_id.as_str());
        }
    }
}
