//! The presence of those whom the user shares rooms with.

use std::sync::Arc;

use im2_chat::{
    presence::PresenceEvent,
    rooms::{Room, RoomEvent},
};
use im2_kernel::content::Membership;
use im2_model::UserNid;
use serde_json::{Value, json};

use super::Answering;

/// The most members of a room that is new to a client whose presence it is told.
const MEMBERS: usize = 500;

impl Answering<'_> {
    /// Notes whose presence a client has to learn because of what happened in a room: all members of a room that is
    /// new to it, and who has come into one that it knows.
    pub(super) fn note_company(&self, room: &Room, is_new: bool, timeline: &[Arc<RoomEvent>]) {
        if self.request.since.is_none() {
            return; // an initial sync is told of everybody
        }
        let mut company = self.company.lock();
        if is_new {
            company.extend(room.view().joined.keys().take(MEMBERS));
        }
        let joins = timeline.iter().filter(|event| event.pdu.membership == Some(Membership::Join));
        company.extend(joins.filter_map(|event| event.member));
    }

    /// Writes `presence`, unless there is nothing in it.
    pub(super) fn write_presence(&self, out: &mut Vec<u8>) {
        let filter = &self.request.filter.presence;
        if filter.is_closed() || !filter.matches_type("m.presence") {
            return;
        }
        let mut events: Vec<PresenceEvent> = self.changes.presence.clone();
        let company: Vec<UserNid> = self.company.lock().iter().copied().collect();
        for event in self.sync.presence.current(company) {
            if events.iter().all(|known| known.sender != event.sender) {
                events.push(event);
            }
        }
        let shown: Vec<Value> = events
            .iter()
            .filter(|event| !self.ignored.contains(&event.sender))
            .map(|event| json!({ "type": "m.presence", "sender": event.sender, "content": event.content }))
            .collect();
        if !shown.is_empty() {
            out.extend_from_slice(b",\"presence\":{\"events\":");
            drop(serde_json::to_writer(&mut *out, &shown)); // writing to a vector cannot fail
            out.push(b'}');
        }
    }
}
