//! The state that introduces a room to a user who is not in it (spec: "Stripped state").

use std::sync::Arc;

use im2_core::Result;
use im2_kernel::client::stripped_state;

use super::{Room, Rooms, write_array};

/// The state that introduces a room to a stranger.
const INTRODUCTION: [&str; 7] = [
    "m.room.create",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.encryption",
];

/// The state that introduces a room to a stranger as of event number `seq`, and these members of it, as a JSON list.
pub async fn introduction(rooms: &Rooms, room: &Arc<Room>, members: &[&str], seq: i64) -> Result<Vec<u8>> {
    let about_room = INTRODUCTION.iter().map(|kind| (*kind, ""));
    let about_members = members.iter().map(|user| ("m.room.member", *user));
    let mut events = Vec::new();
    for (kind, state_key) in about_room.chain(about_members) {
        let event = rooms.state_entry(room, kind, state_key, Some(seq)).await?;
        events.extend(event.and_then(|event| stripped_state(&event.pdu)));
    }
    let mut out = Vec::new();
    write_array(&mut out, events, |out, event| out.extend_from_slice(event.as_bytes()));
    Ok(out)
}
