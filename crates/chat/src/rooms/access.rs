//! The funnels through which everybody looks at a room.

use std::sync::Arc;

use im2_core::{Code, Error, Result};
use im2_kernel::content::Membership;
use im2_model::{EventId, RoomId};

use super::{
    Actor, Room, RoomEvent, Rooms,
    history::{StateReach, VisibleHistory},
};

/// Somebody's right to read a room: all of it up to now for members, up to the end of their last stay for former
/// members, and what is open to everybody for others.
#[derive(Debug, Clone)]
pub struct Reader {
    /// The room.
    pub room: Arc<Room>,
    /// The user who reads.
    pub actor: Actor,
    /// The reader's membership in the room; `None` for a user who never had one.
    pub membership: Option<Membership>,
    /// The number of the last event whose state the reader may see; `None` for everything up to now.
    pub until: Option<i64>,
    pub(super) visible: Arc<VisibleHistory>,
}

impl Reader {
    /// Whether the reader may see an event.
    pub fn may_see(&self, event: &RoomEvent) -> bool {
        self.visible.may_see(event, &self.actor.user_id)
    }

    /// The reader's membership when an event was sent (`unsigned.membership`).
    pub fn membership_at(&self, event: &RoomEvent) -> Membership {
        self.membership_then(event.seq)
    }

    /// The reader's membership when the event numbered `seq` was sent.
    pub fn membership_then(&self, seq: i64) -> Membership {
        self.visible.membership_at(seq)
    }
}

impl Rooms {
    /// The room, for one of its members.
    pub async fn joined(&self, actor: &Actor, room_id: &RoomId) -> Result<Arc<Room>> {
        let room = self.find(room_id).await?;
        let room = room.filter(|room| room.view().joined.contains_key(&actor.user));
        room.ok_or_else(|| Error::refused(Code::Forbidden, "you are not a member of this room"))
    }

    /// The right to read a room: for members, former members who have not forgotten it, and for everybody where the
    /// history is world readable.
    pub async fn reader(&self, actor: &Actor, room_id: &RoomId) -> Result<Reader> {
        let refused =
            || Error::refused(Code::Forbidden, "you are not a member of this room, and its history is not public");
        let room = self.find(room_id).await?.ok_or_else(refused)?;
        self.reader_of(actor, room).await?.ok_or_else(refused)
    }

    /// As [`Rooms::reader`], with `M_NOT_FOUND` where there is no such right.
    pub async fn reader_or_not_found(&self, actor: &Actor, room_id: &RoomId) -> Result<Reader> {
        self.reader(actor, room_id).await.map_err(|error| match error.code() {
            Some(_) => Error::refused(Code::NotFound, "there is no such event, or you may not see it"),
            None => error,
        })
    }

    /// As [`Rooms::reader`], for a room at hand; `None` if there is no such right.
    pub async fn reader_of(&self, actor: &Actor, room: Arc<Room>) -> Result<Option<Reader>> {
        let now = self.of_user(actor.user).await?.get(room.nid);
        let visible = Arc::new(self.visible_history(&room, actor).await?);
        let membership = now.map(|now| now.membership);
        let until = match visible.state_reach() {
            StateReach::Now => None,
            // Whoever has forgotten the room is a stranger to it.
            StateReach::Until(end_of_stay) if now.is_some() => Some(end_of_stay),
            StateReach::Until(_) | StateReach::Nothing => return Ok(None),
        };
        Ok(Some(Reader { room, actor: actor.clone(), membership, until, visible }))
    }

    /// The right to read all of a room, for an administrator of the server.
    pub async fn reader_for_admin(&self, admin: &Actor, room_id: &RoomId) -> Result<Reader> {
        let room = self.existing(room_id).await?;
        Ok(Reader {
            room,
            actor: admin.clone(),
            membership: None,
            until: None,
            visible: Arc::new(VisibleHistory::unlimited()),
        })
    }

    /// An event that the reader may see; else `M_NOT_FOUND`, so that nobody learns what exists.
    pub async fn readable_event(&self, reader: &Reader, event_id: &EventId) -> Result<Arc<RoomEvent>> {
        let event = self.event(&reader.room, event_id).await?;
        let event = event.filter(|event| reader.may_see(event));
        event.ok_or_else(|| Error::refused(Code::NotFound, "there is no such event, or you may not see it"))
    }
}
