//! Places in a room's timeline, as clients carry them.

use std::{fmt, sync::Arc};

use im2_core::Result;
use im2_model::StreamToken;

use super::{Room, Rooms};

/// A place between two events of a room: everything up to event number `.0` lies before it. As text `t<number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimelineToken(pub i64);

/// No room has as many events, so that there is a number after each place.
const LAST: i64 = 1 << 53;

/// A client's `from`, `to` or `at`: a place in a room, or one in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceToken {
    /// From `prev_batch` or an `end`.
    Timeline(TimelineToken),
    /// From `next_batch`, or from the `pos` of a sliding sync.
    Stream(StreamToken),
}

impl fmt::Display for TimelineToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

impl TimelineToken {
    /// Reads a token; `None` if it is none of this kind.
    pub fn read(text: &str) -> Option<Self> {
        let number = text.strip_prefix('t').and_then(|number| number.parse().ok());
        number.filter(|number| (0..=LAST).contains(number)).map(Self)
    }
}

impl Rooms {
    /// Reads what a client gives as a place, before anything of the room is looked at: see [`im2_core::Core::token`].
    pub async fn place(&self, text: &str) -> Result<PlaceToken> {
        if let Some(token) = TimelineToken::read(text) {
            return Ok(PlaceToken::Timeline(token));
        }
        let in_pos = text.strip_prefix('p').and_then(|pos| pos.split_once('-')).map(|(_, token)| token);
        Ok(PlaceToken::Stream(self.core.token(in_pos.unwrap_or(text), "this").await?))
    }

    /// As [`Self::place`], for what may be left out.
    pub async fn place_if_given(&self, text: Option<&str>) -> Result<Option<PlaceToken>> {
        match text {
            Some(text) => self.place(text).await.map(Some),
            None => Ok(None),
        }
    }

    /// The number of the last event of `room` before a place, or of a resolution of its state.
    pub async fn seq_at(&self, room: &Arc<Room>, place: &PlaceToken) -> Result<i64> {
        match place {
            PlaceToken::Timeline(TimelineToken(seq)) => {
                // The client may have it from another node.
                self.core.catch_up(|_| *seq <= room.view().seq).await?;
                Ok(*seq)
            }
            PlaceToken::Stream(token) => self.seq_at_token(room, token).await,
        }
    }

    /// The number of the last event of `room`, or of the last resolution of its state, that `token` includes.
    pub async fn seq_at_token(&self, room: &Arc<Room>, token: &StreamToken) -> Result<i64> {
        let (oldest, first) = {
            let view = room.view();
            if let Some(seq) = view.last_behind(|position| token.includes(position)) {
                return Ok(seq);
            }
            (view.tail.front().map(|event| event.seq), view.first)
        };
        let Some(start) = oldest.filter(|start| *start > first) else { return Ok(first - 1) };
        let (nid, token) = (room.nid, token.clone());
        // Who has seen an event has seen those before it in the room, whoever wrote them.
        let found = self.core.store.read(move |db| db.seq_behind(nid, |at| token.includes(at))).await?;
        Ok(found.min(start - 1))
    }
}
