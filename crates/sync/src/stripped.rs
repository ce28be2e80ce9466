//! Rooms that the user is invited to or knocks at: what a stranger is shown of them (spec: "Stripped state").

use std::{io::Write as _, sync::Arc};

use im2_chat::rooms::{Room, introduction};
use im2_core::Result;

use super::Answering;

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
        let since = room.view().members.get(self.session.user_id.as_str()).map_or(invite.seq, |member| member.since);
        self.stripped(out, room, "invite_state", &members, since).await
    }

    /// Writes the section of a room that the user knocks at.
    pub(super) async fn knocked_room(&self, out: &mut Vec<u8>, room: &Arc<Room>) -> Result<bool> {
        let knock = room.view().members.get(self.session.user_id.as_str()).map(|knock| knock.since);
        let Some(knock) = knock else { return Ok(false) };
        self.stripped(out, room, "knock_state", &[self.session.user_id.as_str()], knock).await
    }

    /// Writes what a stranger was shown of a room at number `seq` of it: what has happened since is not for them.
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
