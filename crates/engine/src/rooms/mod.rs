//! Rooms: their events, state and members.

use im2_model::RoomNid;

/// An event as the engine keeps it in memory: parsed once, serialised once.
#[derive(Debug)]
pub struct RoomEvent {
    /// The room.
    pub room: RoomNid,
}
