//! The rooms that two users share (spec: "Mutual Rooms").

use std::{fmt, str::FromStr};

use im2_core::{Code, Error, Result};
use im2_kernel::content::Membership;
use im2_model::{RoomId, RoomNid, UserId};

use super::{Actor, Rooms};

/// Rooms on a page.
const PAGE: usize = 100;

/// The place where the next page of a list of mutual rooms begins: after a room. As text, `m<number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MutualToken(RoomNid);

impl fmt::Display for MutualToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.0.0)
    }
}

impl FromStr for MutualToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.strip_prefix('m').and_then(|number| number.parse().ok()).filter(|number| *number > 0_i64);
        let number = number.ok_or_else(|| Error::refused(Code::InvalidParam, "`from` is not a token of this list"))?;
        Ok(Self(RoomNid(number)))
    }
}

/// A page of the rooms that two users share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutualRooms {
    /// Their identifiers.
    pub joined: Vec<RoomId>,
    /// How many there are over all pages.
    pub count: usize,
    /// The token of the next page, if there is one.
    pub next: Option<MutualToken>,
}

impl Rooms {
    /// The rooms that both `actor` and `other` are joined to. Of somebody who does not exist there are none.
    pub async fn mutual(&self, actor: &Actor, other: &UserId, from: Option<MutualToken>) -> Result<MutualRooms> {
        if *other == actor.user_id {
            return Err(Error::refused(Code::InvalidParam, "`user_id` must not be your own"));
        }
        let wanted = other.clone();
        let Some(other) = self.core.store.read(move |db| db.user_nid(&wanted)).await? else {
            return Ok(MutualRooms { joined: Vec::new(), count: 0, next: None });
        };
        let theirs = self.of_user(other).await?;
        let mut shared = self.of_user(actor.user).await?.with(Membership::Join);
        shared.retain(|room| theirs.is_joined(*room));
        shared.sort_unstable();
        let count = shared.len();
        if let Some(MutualToken(after)) = from {
            shared.retain(|room| *room > after);
        }
        let has_more = shared.len() > PAGE;
        shared.truncate(PAGE);
        let next = shared.last().copied().filter(|_| has_more).map(MutualToken);
        let joined = self.core.store.read(move |db| db.room_ids(&shared)).await?;
        Ok(MutualRooms { joined, count, next })
    }
}
