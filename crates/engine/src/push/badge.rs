//! How much a user has not read over all their rooms: the number that a device shows on the application's icon.
//!
//! Counted once, when it is first needed, and then kept true room by room as events and receipts pass.

use std::collections::HashMap;

use im2_model::RoomNid;
use tokio::sync::Mutex;

use crate::{
    Core, Result,
    rooms::{Actor, Rooms},
    unread::Unread,
};

/// Rooms that are counted, those with the newest activity: whoever has more unread rooms does not miss the rest in the
/// number, and each has to be brought into memory once.
const ROOMS: usize = 500;

/// The unread notifications of each of a user's rooms that has any; `None` as long as nobody has asked.
#[derive(Debug, Default)]
pub(super) struct Badge(Mutex<Option<HashMap<RoomNid, u64>>>);

impl Badge {
    /// Notes what is unread in one room now.
    pub(super) async fn set(&self, room: RoomNid, unread: u64) {
        if let Some(rooms) = self.0.lock().await.as_mut() {
            if unread == 0 {
                rooms.remove(&room);
            } else {
                rooms.insert(room, unread);
            }
        }
    }

    /// Forgets all numbers: what they depend on has changed.
    pub(super) async fn reset(&self) {
        *self.0.lock().await = None;
    }

    /// The number over all rooms.
    pub(super) async fn total(&self, core: &Core, rooms: &Rooms, unread: &Unread, actor: &Actor) -> Result<u64> {
        let mut kept = self.0.lock().await;
        if let Some(rooms) = kept.as_ref() {
            return Ok(rooms.values().sum());
        }
        let user = actor.user;
        let mut counted = HashMap::new();
        for nid in core.store.read(move |db| db.unread_rooms(user, ROOMS)).await? {
            let room = rooms.by_nid(nid).await?;
            let count = unread.in_room(actor, &room).await?.counts.total().notification_count;
            if count > 0 {
                counted.insert(nid, count);
            }
        }
        let total = counted.values().sum();
        *kept = Some(counted);
        Ok(total)
    }
}
