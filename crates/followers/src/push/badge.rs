//! The unread count of a user over all their rooms: the number that a device shows on the application's icon.
//!
//! Counted once, when it is first needed, and then kept true room by room as events and receipts pass.

use std::collections::HashMap;

use im2_model::RoomNid;
use parking_lot::Mutex;

use im2_chat::{
    rooms::{Actor, Rooms},
    unread::Unread,
};
use im2_core::{Core, Result};

/// Rooms that are counted, those with the newest activity: whoever has more unread rooms does not miss the rest in the
/// number, and each has to be brought into memory once.
const ROOMS: usize = 500;

/// The unread notifications of each of a user's rooms that has any.
///
/// Noting a change never waits for a count that is under way: one task does so for all users.
#[derive(Debug, Default)]
pub(super) struct Badge {
    state: Mutex<State>,
    /// Held while the rooms are counted, so that they are counted once.
    counting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// `None` as long as nobody has asked.
    rooms: Option<HashMap<RoomNid, u64>>,
    /// Changes noted during a count, which may or may not have seen them.
    noted: HashMap<RoomNid, u64>,
    /// How often all numbers were forgotten.
    resets: u64,
}

impl State {
    fn total(&self) -> Option<u64> {
        self.rooms.as_ref().map(|rooms| rooms.values().sum())
    }
}

impl Badge {
    /// Notes what is unread in one room now.
    pub(super) fn set(&self, room: RoomNid, unread: u64) {
        let State { rooms, noted, .. } = &mut *self.state.lock();
        match rooms {
            Some(rooms) if unread == 0 => drop(rooms.remove(&room)),
            Some(rooms) => drop(rooms.insert(room, unread)),
            None if self.counting.try_lock().is_err() => drop(noted.insert(room, unread)),
            None => {}
        }
    }

    /// Forgets all numbers: what they depend on has changed.
    pub(super) fn reset(&self) {
        let mut state = self.state.lock();
        state.rooms = None;
        state.resets += 1;
    }

    /// The number over all rooms.
    pub(super) async fn total(&self, core: &Core, rooms: &Rooms, unread: &Unread, actor: &Actor) -> Result<u64> {
        if let Some(total) = self.state.lock().total() {
            return Ok(total);
        }
        let _counting = self.counting.lock().await;
        let resets = {
            let mut state = self.state.lock();
            if let Some(total) = state.total() {
                return Ok(total);
            }
            state.noted.clear();
            state.resets
        };
        let user = actor.user;
        let mut counted = HashMap::new();
        for nid in core.store.read(move |db| db.unread_rooms(user, ROOMS)).await? {
            let room = rooms.by_nid(nid).await?;
            let count = unread.in_room(actor, &room).await?.counts.total().notification_count;
            counted.insert(nid, count);
        }
        let mut state = self.state.lock();
        counted.extend(std::mem::take(&mut state.noted));
        counted.retain(|_, count| *count > 0);
        let total = counted.values().sum();
        if state.resets == resets {
            state.rooms = Some(counted);
        }
        Ok(total)
    }
}
