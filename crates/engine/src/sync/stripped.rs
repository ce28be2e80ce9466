//! Rooms that the user is invited to or knocks at: what a stranger is shown of them (spec: "Stripped state").

use im2_rooms::client::stripped_state;

use super::Answering;
use crate::{
    Result,
    rooms::{Room, View, write_array},
};

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

impl Answering<'_> {
    /// The section of a room that the user is invited to; `None` if by somebody they ignore, or if they want no invites.
    pub(super) async fn invited_room(&self, room: &Room) -> Result<Option<Vec<u8>>> {
        if self.sync.rooms.blocks_invites(self.session.user).await? {
            return Ok(None);
        }
        Ok(self.wanted_invite(room))
    }

    fn wanted_invite(&self, room: &Room) -> Option<Vec<u8>> {
        let view = room.view();
        let invite = view.state.get("m.room.member", self.session.user_id.as_str())?;
        let sender = &invite.pdu.sender;
        if self.ignored.contains(sender) {
            return None;
        }
        Some(write_stripped(&view, "invite_state", &[sender.as_str(), self.session.user_id.as_str()]))
    }

    /// The section of a room that the user knocks at.
    pub(super) fn knocked_room(&self, room: &Room) -> Option<Vec<u8>> {
        let view = room.view();
        view.state.get("m.room.member", self.session.user_id.as_str())?;
        Some(write_stripped(&view, "knock_state", &[self.session.user_id.as_str()]))
    }
}

fn write_stripped(view: &View, name: &str, members: &[&str]) -> Vec<u8> {
    let about_room = INTRODUCTION.iter().filter_map(|kind| view.state.get(kind, ""));
    let about_members = members.iter().filter_map(|user| view.state.get("m.room.member", user));
    let events = about_room.chain(about_members).filter_map(|event| stripped_state(&event.pdu));
    let mut out = format!("{{\"{name}\":{{\"events\":").into_bytes();
    write_array(&mut out, events, |out, event| out.extend_from_slice(event.as_bytes()));
    out.extend_from_slice(b"}}");
    out
}
