//! Parts of the timeline as filters want them, and what is around an event (spec: "Retrieving events from a room",
//! "Event Context").

use std::sync::Arc;

use im2_core::{Code, Error, Result};
use im2_model::{EventId, Millis};
use im2_store::rooms::Direction;

use super::{Page, Reader, RoomEvent, Rooms, TimelineToken};
use crate::filters::{Candidate, EventFilter};

/// An event and its neighbours.
#[derive(Debug, Clone)]
pub struct Context {
    /// The event.
    pub event: Arc<RoomEvent>,
    /// The events before it, newest first.
    pub before: Vec<Arc<RoomEvent>>,
    /// The events after it, oldest first.
    pub after: Vec<Arc<RoomEvent>>,
    /// The token to go on from backward.
    pub start: TimelineToken,
    /// The token to go on from forward.
    pub end: TimelineToken,
}

impl Context {
    /// The number of the last of its events.
    pub fn last(&self) -> i64 {
        self.after.last().map_or(self.event.seq, |event| event.seq)
    }
}

impl Rooms {
    /// As [`Rooms::page`], with the events that a filter wants.
    pub async fn filtered_page(
        &self,
        reader: &Reader,
        from: i64,
        to: Option<i64>,
        direction: Direction,
        limit: usize,
        filter: &EventFilter,
    ) -> Result<Page> {
        if filter.is_closed() || !filter.includes_room(&reader.room.id) {
            return Ok(Page::default());
        }
        let wanted = |event: &RoomEvent| {
            let candidate = Candidate { kind: event.kind(), sender: Some(&event.pdu.sender), has_url: event.has_url() };
            filter.is_open() || filter.matches(candidate)
        };
        self.page(reader, from, to, direction, limit, wanted).await
    }

    /// An event with a limited number of events before and after it.
    pub async fn context(
        &self,
        reader: &Reader,
        event_id: &EventId,
        (before, after): (usize, usize),
        filter: &EventFilter,
    ) -> Result<Context> {
        let event = self.readable_event(reader, event_id).await?;
        let before = self.filtered_page(reader, event.seq, None, Direction::Backward, before, filter).await?;
        let after = self.filtered_page(reader, event.seq, None, Direction::Forward, after, filter).await?;
        let start = TimelineToken(before.next.map_or(0, |next| next - 1));
        let last = after.events.last().map_or(event.seq, |event| event.seq);
        let end = TimelineToken(after.next.unwrap_or(last));
        Ok(Context { event, before: before.events, after: after.events, start, end })
    }

    /// The event nearest to a time, looking from there in one direction, that the reader may see.
    pub async fn event_by_time(&self, reader: &Reader, ts: Millis, direction: Direction) -> Result<Arc<RoomEvent>> {
        let not_found = || Error::refused(Code::NotFound, "there is no event in that direction from this time");
        let (nid, version) = (reader.room.nid, reader.room.version);
        let nearest = self.core.store.read(move |db| match db.event_by_time(nid, ts, direction)? {
            Some(row) => RoomEvent::load(db, version, &row).map(|event| Some(Arc::new(event))),
            None => Ok(None),
        });
        let nearest = nearest.await?.ok_or_else(not_found)?;
        if reader.may_see(&nearest) {
            return Ok(nearest);
        }
        let on_that_side = |event: &RoomEvent| match direction {
            Direction::Forward => event.pdu.origin_server_ts >= ts,
            Direction::Backward => event.pdu.origin_server_ts <= ts,
        };
        let mut at = Some(nearest.seq);
        while let Some(from) = at {
            let mut page = self.page(reader, from, None, direction, 1, on_that_side).await?;
            if let Some(found) = page.events.pop() {
                return Ok(found);
            }
            at = page.next;
        }
        Err(not_found())
    }
}
