//! Events that are sent some time after they were asked for: what is checked of them when, and how they are sent.

use std::sync::Arc;

use im2_core::Result;
use im2_model::{EventId, RoomId};

use super::{Actor, Draft, Room, Rooms, Transaction, validate};

/// Beginning of the names of the transactions in which delayed events are sent; their delay IDs follow.
pub(crate) const DELAYED_PREFIX: &str = "org.matrix.msc4140.delay_id:";

impl Rooms {
    /// Checks of an event that is to be sent later what cannot be right later: its form. Its sender has to be in the
    /// room already; whether they may send it is asked when it is sent.
    pub(crate) async fn check_scheduled(&self, actor: &Actor, room_id: &RoomId, mut draft: Draft) -> Result<Arc<Room>> {
        validate::check(&mut draft)?;
        let room = self.joined(actor, room_id).await?;
        self.check_suspension(&room, actor, &draft).await?;
        Ok(room)
    }

    /// Sends a message or state whose time has come. Sent again in the same transaction, it is the same event.
    pub(crate) async fn send_scheduled(
        &self,
        actor: &Actor,
        room_id: &RoomId,
        draft: Draft,
        transaction: Transaction,
    ) -> Result<EventId> {
        if draft.state_key.is_some() {
            self.send_state_in(actor, room_id, draft, Some(transaction)).await
        } else {
            self.send(actor, room_id, draft, Some(transaction)).await
        }
    }
}
