//! Events that refer to others: checks before they are sent, and lists of them (spec: "Forming relationships between
//! events", "Event annotations and reactions", "Threading").

use std::sync::Arc;

use im2_core::{Code, Error, Result};
use im2_kernel::relations::{Relation, may_root_thread, rel_type};
use im2_model::EventId;
pub use im2_store::rooms::RECURSION_DEPTH;
use im2_store::rooms::{Direction, RelatedQuery};
use serde_json::Value;

use super::{Actor, Draft, Reader, Room, RoomEvent, Rooms, event::load_all};

/// Events read at a time.
const CHUNK: usize = 128;
/// Reads for one page of threads, each of which looks at all replies of the room.
const MAX_READS: usize = 8;
/// Events looked at for one page, some 100 ms: if few of them are wanted or may be seen, a page has fewer than it could.
const LOOKED_AT: usize = 10_000;

/// A request for the events that refer to an event.
#[derive(Debug, Clone)]
pub struct RelatedRequest {
    /// The event referred to.
    pub event_id: EventId,
    /// Only this `rel_type`.
    pub rel_type: Option<String>,
    /// Only this event type.
    pub kind: Option<String>,
    /// The number to start from: the events after the one with this number, or going backward this one and those before
    /// it.
    pub from: Option<i64>,
    /// The number of the event to end at.
    pub to: Option<i64>,
    /// The direction.
    pub direction: Direction,
    /// The maximum number of events.
    pub limit: usize,
    /// Whether what refers to those events is listed too.
    pub recurse: bool,
}

impl RelatedRequest {
    /// The `from` of a part that begins after the event numbered `seq`.
    fn after(&self, seq: i64) -> i64 {
        match self.direction {
            Direction::Forward => seq,
            Direction::Backward => seq - 1,
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, Default)]
pub struct RelatedPage {
    /// The events.
    pub events: Vec<Arc<RoomEvent>>,
    /// The `from` of the next part, if there is one.
    pub next: Option<i64>,
}

/// The refusal of a second reaction that says the same.
pub(super) fn duplicate_annotation() -> Error {
    Error::refused(Code::DuplicateAnnotation, "you have already reacted to this event with this key")
}

impl Rooms {
    /// Refuses what may not refer to another event in the way it does: a second reaction that says the same, and a
    /// thread that starts at an event which is itself a child. What is merely without effect is let through.
    pub(super) async fn check_relation(&self, room: &Arc<Room>, actor: &Actor, draft: &Draft) -> Result<()> {
        let relates_to = draft.content.get("m.relates_to").and_then(Value::as_object);
        let Some(relation) = relates_to.and_then(Relation::in_content) else { return Ok(()) };
        if relation.is(rel_type::THREAD) {
            let root = self.event(room, &relation.event_id).await?;
            if root.is_some_and(|root| !may_root_thread(root.relation.as_ref())) {
                return Err(Error::refused(
                    Code::Unknown,
                    "a thread cannot start at an event that itself relates to another event",
                ));
            }
        }
        if let (true, Some(key)) = (relation.is(rel_type::ANNOTATION), relation.key) {
            let (nid, target, kind, sender) = (room.nid, relation.event_id, draft.kind.clone(), actor.user);
            let check = move |db: &im2_store::Snapshot<'_>| db.is_annotated(nid, &target, &kind, &key, sender);
            if self.core.store.read(check).await? {
                return Err(duplicate_annotation());
            }
        }
        Ok(())
    }

    /// The events that refer to an event which the reader may see, as far as the reader may see them.
    pub async fn related(&self, reader: &Reader, request: &RelatedRequest) -> Result<RelatedPage> {
        self.readable_event(reader, &request.event_id).await?;
        let (nid, version) = (reader.room.nid, reader.room.version);
        let mut query = RelatedQuery {
            target: request.event_id.clone(),
            rel_type: request.rel_type.clone(),
            kind: request.kind.clone(),
            from_seq: request.from.map(|from| match request.direction {
                Direction::Forward => from,
                Direction::Backward => from.saturating_add(1),
            }),
            direction: request.direction,
            recurse: request.recurse,
            limit: CHUNK,
        };
        let mut page = RelatedPage::default();
        let mut looked_at = 0;
        loop {
            let wanted = query.clone();
            let chunk = self.core.store.read(move |db| {
                let related = db.related(nid, &wanted)?;
                let numbers = related.iter().filter(|related| related.is_wanted).map(|related| related.seq);
                let events = load_all(db, version, &db.events_with_numbers(nid, numbers)?)?;
                Ok((related.len(), related.last().map(|last| last.seq), events))
            });
            let (count, last, chunk) = chunk.await?;
            for event in chunk {
                let beyond = request.to.is_some_and(|to| match request.direction {
                    Direction::Forward => event.seq > to,
                    Direction::Backward => event.seq <= to,
                });
                if beyond {
                    return Ok(page);
                }
                if !reader.may_see(&event) {
                    continue;
                }
                if page.events.len() == request.limit {
                    page.next = page.events.last().map(|last| request.after(last.seq));
                    return Ok(page);
                }
                page.events.push(event);
            }
            looked_at += count;
            if count < CHUNK {
                return Ok(page);
            }
            if looked_at >= LOOKED_AT {
                page.next = last.map(|last| request.after(last));
                return Ok(page);
            }
            query.from_seq = last;
        }
    }

    /// The roots of a room's threads that the reader may see, the one with the latest reply first. `from` is where an
    /// earlier part ended.
    pub async fn threads(
        &self,
        reader: &Reader,
        participated: bool,
        from: Option<i64>,
        limit: usize,
    ) -> Result<RelatedPage> {
        let (nid, version) = (reader.room.nid, reader.room.version);
        let until = reader.until.unwrap_or(i64::MAX);
        let taken_part = participated.then_some(reader.actor.user);
        let mut at = from.unwrap_or(i64::MAX);
        let mut page = RelatedPage::default();
        for _ in 0..MAX_READS {
            let chunk = self.core.store.read(move |db| {
                let found = db.thread_roots(nid, until, at, taken_part, CHUNK)?;
                let (rows, latest): (Vec<_>, Vec<_>) = found.into_iter().unzip();
                Ok(load_all(db, version, &rows)?.into_iter().zip(latest).collect::<Vec<_>>())
            });
            let chunk = chunk.await?;
            let is_last = chunk.len() < CHUNK;
            for (root, latest) in chunk {
                if reader.may_see(&root) {
                    if page.events.len() == limit {
                        page.next = Some(latest);
                        return Ok(page);
                    }
                    page.events.push(root);
                }
                at = latest - 1;
            }
            if is_last {
                return Ok(page);
            }
        }
        page.next = Some(at);
        Ok(page)
    }
}
