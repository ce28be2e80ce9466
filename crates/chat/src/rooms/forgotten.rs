//! Rooms that nobody has to do with any more: purged after a grace, in case somebody comes back.

use im2_core::{Result, Transaction};
use im2_kernel::content::Membership;
use im2_model::{Millis, RoomId, RoomNid, UserNid};
use serde::{Deserialize, Serialize};

use super::Rooms;

/// The outbox job that purges a room if it is still forgotten. Its payload is [`Forgotten`].
pub const PURGE_FORGOTTEN: &str = "rooms.purge_forgotten";

/// The payload of [`PURGE_FORGOTTEN`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forgotten {
    /// The room.
    pub room_id: RoomId,
}

/// Writes the job for rooms that are forgotten.
pub(super) struct Schedule {
    at: Millis,
}

impl Schedule {
    pub(super) fn schedule(&self, tx: &mut Transaction<'_>, room: RoomNid) -> im2_store::Result<()> {
        if !tx.is_forgotten_room(room)? {
            return Ok(());
        }
        let Some(row) = tx.room_by_nid(room)? else { return Ok(()) };
        let payload = serde_json::to_string(&Forgotten { room_id: row.room_id });
        let payload = payload.map_err(|error| im2_store::Error::Corrupt(error.to_string()))?;
        tx.add_job(PURGE_FORGOTTEN, &payload, self.at)
    }
}

impl Rooms {
    pub(super) fn purging_forgotten(&self) -> Schedule {
        Schedule { at: self.core.now().saturating_add(self.options.forget_grace) }
    }

    /// Looks at the rooms that somebody without an account has left: nobody may have to do with them any more.
    pub async fn let_go(&self, user: UserNid) -> Result<()> {
        let rooms = self.of_user(user).await?;
        let mut left = rooms.with(Membership::Leave);
        left.extend(rooms.with(Membership::Ban));
        for room in left {
            let schedule = self.purging_forgotten();
            self.core.store.write(move |tx| schedule.schedule(tx, room)).await?;
        }
        Ok(())
    }

    /// Purges a room if nobody has to do with it and nothing in it has been reported to the administrators, who have
    /// to be able to look at it.
    pub async fn purge_if_forgotten(&self, room_id: &RoomId) -> Result<()> {
        if let Some(room) = self.find(room_id).await? {
            let nid = room.nid;
            let read = self.core.store.read(move |db| Ok(db.is_forgotten_room(nid)? && !db.is_reported_room(nid)?));
            if !read.await? {
                return Ok(());
            }
            self.begin_purge(room_id).await?;
        }
        self.finish_purge(room_id).await
    }
}
