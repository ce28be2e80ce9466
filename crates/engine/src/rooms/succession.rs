//! Who arrives in a room that replaces another (spec: "Room Upgrades"): their settings follow them, by a job that is
//! added with their joining, or, for those who are there already, with the old room's tombstone.

use im2_model::{RoomId, RoomNid, UserId};
use im2_rooms::{
    content::{CreateContent, Membership},
    event::Pdu,
};
use serde::{Deserialize, Serialize};

use super::{View, append::Prepared};

/// The outbox job by which a user's settings follow them. Its payload is [`Arrival`].
pub(crate) const CARRY_OVER: &str = "rooms.carry_over";

/// The payload of [`CARRY_OVER`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Arrival {
    /// Who has joined; `None` for all who are there.
    pub(crate) user_id: Option<UserId>,
    /// The new room's number.
    pub(crate) room: i64,
}

/// Those whose settings follow them because of some events.
pub(super) struct Followers {
    /// Those whom the events let in to a room that replaces another.
    arrivals: Vec<Arrival>,
    /// The room that replaces the one that the events are appended to.
    successor: Option<RoomId>,
}

impl Followers {
    /// Those because of `events`, about to be appended to the room `nid`, which is still as in `view`.
    pub(super) fn of(nid: RoomNid, view: &View, events: &[Prepared]) -> Self {
        Self { arrivals: arrivals(nid, view, events), successor: successor(events) }
    }

    /// Adds their jobs.
    pub(super) fn follow_later(&self, tx: &mut im2_store::Transaction<'_>) -> im2_store::Result<()> {
        self.arrivals.iter().try_for_each(|arrival| carry_over_later(tx, arrival))?;
        self.successor.iter().try_for_each(|successor| carry_all_over_later(tx, successor))
    }
}

/// Those whom `events`, about to be appended to a room, let in, if the room replaces another.
fn arrivals(nid: RoomNid, view: &View, events: &[Prepared]) -> Vec<Arrival> {
    let events = events.iter().map(|event| &*event.pdu);
    let is_join = |event: &&Pdu| &*event.kind == "m.room.member" && event.membership == Some(Membership::Join);
    let mut joins = events.clone().filter(is_join).peekable();
    if joins.peek().is_none() {
        return Vec::new();
    }
    let made_now = events.clone().find(|event| &*event.kind == "m.room.create");
    let create = made_now.map(Pdu::content_json).or_else(|| view.content("m.room.create", ""));
    if create.map(CreateContent::parse).is_none_or(|create| create.predecessor.is_none()) {
        return Vec::new();
    }
    let is_new = |user_id: &UserId| view.membership(user_id) != Some(Membership::Join);
    let users = joins.filter_map(|event| event.state_key.as_deref()?.parse().ok()).filter(is_new);
    users.map(|user_id| Arrival { user_id: Some(user_id), room: nid.0 }).collect()
}

/// The room that one of `events` says replaces the one that it is about to be appended to.
fn successor(events: &[Prepared]) -> Option<RoomId> {
    let tombstone = events.iter().rev().find(|event| event.pdu.is("m.room.tombstone", ""))?;
    tombstone.pdu.content_map().get("replacement_room")?.as_str()?.parse().ok()
}

/// Adds the job for all who are in a room's successor already, if there is such a room.
fn carry_all_over_later(tx: &mut im2_store::Transaction<'_>, successor: &RoomId) -> im2_store::Result<()> {
    match tx.room(successor)? {
        Some(room) => carry_over_later(tx, &Arrival { user_id: None, room: room.nid.0 }),
        None => Ok(()),
    }
}

/// Adds the job for one of them.
pub(super) fn carry_over_later(tx: &mut im2_store::Transaction<'_>, arrival: &Arrival) -> im2_store::Result<()> {
    let corrupt = |error: serde_json::Error| im2_store::Error::Corrupt(error.to_string());
    tx.add_job(CARRY_OVER, &serde_json::to_string(arrival).map_err(corrupt)?, 0)
}
