//! The invites that a user wants to see: none at all (`m.invite_permission_config`), or not those by people whom they
//! ignore (`m.ignored_user_list`).

use std::collections::HashSet;

use im2_core::{Result, session::Session};
use im2_model::{RoomNid, UserId};

use super::SlidingSync;

/// The invites that are shown.
#[derive(Debug)]
pub(super) enum WantedInvites {
    /// None.
    None,
    /// All but those to these rooms.
    AllBut(HashSet<RoomNid>),
}

impl WantedInvites {
    pub(super) fn include(&self, room: RoomNid) -> bool {
        matches!(self, Self::AllBut(rooms) if !rooms.contains(&room))
    }
}

impl SlidingSync {
    pub(super) async fn wanted_invites(&self, session: &Session, ignored: &HashSet<UserId>) -> Result<WantedInvites> {
        if self.rooms.blocks_invites(session.user).await? {
            return Ok(WantedInvites::None);
        }
        if ignored.is_empty() {
            return Ok(WantedInvites::AllBut(HashSet::new()));
        }
        let user = session.user;
        let inviters = self.core.store.read(move |db| db.inviters_of(user)).await?;
        let unwanted = inviters.into_iter().filter(|(_, inviter)| ignored.contains(inviter)).map(|(room, _)| room);
        Ok(WantedInvites::AllBut(unwanted.collect()))
    }
}
