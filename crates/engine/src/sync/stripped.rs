//! Rooms that the user is invited to or knocks at: what a stranger is shown of them (spec: "Stripped state").

use std::{io::Write as _, sync::Arc};

use im2_rooms::client::stripped_state;

use super::Answering;
use crate::{
    Result,
    rooms::{Room, Rooms, write_array},
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
    /// Writes the section of a room that the user is invited to; does not if by somebody they ignore, or if they want no
    /// invites.
    pub(super) async fn invited_room(&self, out: &mut Vec<u8>, room: &Arc<Room>) -> Result<bool> {
        if self.sync.rooms.blocks_invites(self.session.user).await? {
            return Ok(false);
        }
        let invite = room.member(&self.sync.core, self.session.user_id.as_str()).await?;
        let Some(invite) = invite.filter(|invite| !self.ignored.contains(&invite.pdu.sender)) else { return Ok(false) };
        let members = [invite.pdu.sender.as_str(), self.session.user_id.as_str()];
        self.stripped(out, room, "invite_state", &members, invite.seq).await
    }

    /// Writes the section of a room that the user knocks at.
    pub(super) async fn knocked_room(&self, out: &mut Vec<u8>, room: &Arc<Room>) -> Result<bool> {
        let knock = room.view().members.get(self.session.user_id.as_str()).map(|knock| knock.seq);
        let Some(knock) = knock else { return Ok(false) };
        self.stripped(out, room, "knock_state", &[self.session.user_id.as_str()], knock).await
    }

    /// Writes what a stranger was shown of a room with event number `seq`: what has happened since is not for them.
    async fn stripped(
        &self,
        out: &mut Vec<u8>,
        room: &Arc<Room>,
        name: &str,
        members: &[&str],
        seq: i64,
    ) -> Result<bool> {
        drop(write!(out, "{{\"{name}\":{{\"events\":")); // writing to a vector cannot fail
        out.extend_from_slice(&introduction(&self.sync.rooms, room, members, seq).await?);
        out.extend_from_slice(b"}}");
        Ok(true)
    }
}

/// The state that introduces a room to a stranger as of event number `seq`, and these members of it, as a JSON list.
pub(crate) async fn introduction(rooms: &Rooms, room: &Arc<Room>, members: &[&str], seq: i64) -> Result<Vec<u8>> {
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
