//! Guests in rooms (spec: "Guest Access"): they join only where `m.room.guest_access` lets them, and leave when it no
//! longer does.

use std::sync::Arc;

use im2_core::{Code, Error, Result, UserSet, jobs::Handlers};
use im2_kernel::{
    content::{GuestAccess, Membership},
    event::Pdu,
};
use im2_model::RoomNid;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Actor, Draft, Room, Rooms};

/// The outbox job that takes guests out of a room. Its payload is [`Closed`].
const REMOVE_GUESTS: &str = "rooms.remove_guests";

/// The payload of [`REMOVE_GUESTS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Closed {
    room: i64,
}

/// Whether an event closes a room to guests, where there are any.
pub(super) fn closes(guests: &UserSet, event: &Pdu) -> bool {
    event.is("m.room.guest_access", "")
        && !guests.is_empty()
        && GuestAccess::parse(event.content_json()) != GuestAccess::CanJoin
}

/// Adds the job that takes the guests out of a room.
pub(super) fn remove_later(tx: &mut im2_core::Transaction<'_>, room: RoomNid) -> im2_store::Result<()> {
    tx.add_job(REMOVE_GUESTS, &serde_json::json!({ "room": room.0 }).to_string(), 0)
}

/// Adds the handler of this module's job.
pub fn register(handlers: Handlers, rooms: &Rooms) -> Handlers {
    let rooms = rooms.clone();
    handlers.on(REMOVE_GUESTS, move |payload| {
        let rooms = rooms.clone();
        async move {
            let Closed { room } = serde_json::from_str(&payload).map_err(|error| format!("payload: {error}"))?;
            rooms.remove_guests(RoomNid(room)).await.map_err(|error| error.to_string())
        }
    })
}

impl Rooms {
    /// Refuses a guest's joining of a room that does not let guests in.
    pub(super) fn check_guest(&self, room: &Room, actor: &Actor, draft: &Draft) -> Result<()> {
        if !self.core.guests.contains(actor.user) {
            return Ok(());
        }
        let joins = &*draft.kind == "m.room.member"
            && draft.state_key.as_deref() == Some(actor.user_id.as_str())
            && draft.content.get("membership").and_then(Value::as_str) == Some(Membership::Join.as_str());
        let view = room.view();
        if joins && !view.joined.contains_key(&actor.user) && !lets_guests_in(&view) {
            return Err(Error::refused(Code::GuestAccessForbidden, "guests may not join this room"));
        }
        Ok(())
    }

    /// Takes the guests out of a room, unless it lets them in again.
    async fn remove_guests(&self, nid: RoomNid) -> Result<()> {
        let room: Arc<Room> = match self.by_nid(nid).await {
            Err(error) if error.code().is_some() => return Ok(()), // purged
            room => room?,
        };
        let stored =
            self.core.store.read(move |db| db.state_entry_at(nid, "m.room.guest_access", "", i64::MAX)).await?;
        let guests: Vec<Actor> = {
            let view = room.view();
            if stored.is_some_and(|event| event.seq > view.seq) {
                return Err(Error::Internal("the room is about to show what closes it".into()));
            }
            if lets_guests_in(&view) {
                return Ok(());
            }
            let guests = view.joined.iter().filter(|(user, _)| self.core.guests.contains(**user));
            guests.map(|(user, user_id)| Actor { user: *user, user_id: user_id.clone() }).collect()
        };
        for guest in guests {
            match self.leave(&guest, &room.id, Some("this room no longer lets guests in")).await {
                Err(error) if error.code().is_some() => {} // left meanwhile
                outcome => outcome?,
            }
        }
        Ok(())
    }
}

fn lets_guests_in(view: &super::View) -> bool {
    view.content("m.room.guest_access", "").map(GuestAccess::parse) == Some(GuestAccess::CanJoin)
}
