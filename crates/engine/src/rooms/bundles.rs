//! What other events add to an event: its newest edit, its thread, what refers to it (spec: "Aggregations of child
//! events"). Computed when somebody looks, from memory for what is in the tail: a child is always newer than its
//! parent, so the children of an event in the tail are in the tail too.

use std::sync::Arc;

use im2_model::{EventId, UserNid};
use im2_rooms::relations::{is_valid_edit, newest_edit, rel_type};
use im2_store::{
    Snapshot,
    rooms::{Direction, RelatedQuery},
};
use serde_json::json;

use super::{Actor, Bundles, Form, Reader, Room, RoomEvent, Rooms, Viewer, event::load_all, render::write_event};
use crate::Result;

/// Edits by the author that are looked at to find the newest valid one.
const EDITS: usize = 50;
/// References that are named; who wants all of them asks `/relations`.
const REFERENCES: usize = 100;

/// What is known of the children of one event.
#[derive(Default)]
struct Children {
    edits: Vec<Arc<RoomEvent>>,
    references: Vec<EventId>,
    thread_count: usize,
    thread_latest: Option<Arc<RoomEvent>>,
    participated: bool,
}

impl Rooms {
    /// The `m.relations` of `events`, for those that have any.
    pub async fn bundles(&self, reader: &Reader, events: &[Arc<RoomEvent>]) -> Result<Bundles> {
        self.bundles_for(&reader.room, &reader.actor, events).await
    }

    /// The same for a room at hand.
    pub(crate) async fn bundles_for(
        &self,
        room: &Arc<Room>,
        actor: &Actor,
        events: &[Arc<RoomEvent>],
    ) -> Result<Bundles> {
        let mut bundles = Bundles::new();
        let mut old = Vec::new();
        {
            let view = room.view();
            let start = view.tail_start();
            for event in events.iter().filter(|event| !event.is_redacted() && !event.is_state()) {
                if event.seq < start {
                    old.push(Arc::clone(event));
                    continue;
                }
                let children = Children::in_tail(&view.tail, event, actor.user);
                self.add(&mut bundles, actor, event, &children);
            }
        }
        if !old.is_empty() {
            let (room, user) = (Arc::clone(room), actor.user);
            let read = self.core.store.read(move |db| {
                old.into_iter()
                    .map(|event| Ok((Children::in_database(db, &room, &event, user)?, event)))
                    .collect::<im2_store::Result<Vec<_>>>()
            });
            for (children, event) in read.await? {
                self.add(&mut bundles, actor, &event, &children);
            }
        }
        Ok(bundles)
    }

    fn add(&self, bundles: &mut Bundles, actor: &Actor, event: &RoomEvent, children: &Children) {
        let mut bundle = serde_json::Map::new();
        let show = |event: &RoomEvent| {
            let viewer = Viewer { user: actor.user, device: None, now: self.core.now() };
            let mut out = Vec::new();
            write_event(&mut out, event, Form::Full, &viewer, None, &Bundles::new());
            serde_json::from_slice::<serde_json::Value>(&out).ok()
        };
        let valid = children.edits.iter().filter(|edit| is_valid_edit(&event.pdu, false, &edit.pdu));
        if let Some(newest) = newest_edit(valid.map(|edit| &*edit.pdu))
            && let Some(edit) = children.edits.iter().find(|edit| *edit.id() == newest.event_id)
        {
            bundle.extend(show(edit).map(|edit| (rel_type::REPLACE.to_owned(), edit)));
        }
        if let Some(latest) = &children.thread_latest {
            let thread = json!({
                "latest_event": show(latest),
                "count": children.thread_count,
                "current_user_participated": children.participated || event.sender == actor.user,
            });
            bundle.insert(rel_type::THREAD.to_owned(), thread);
        }
        if !children.references.is_empty() {
            let chunk: Vec<_> = children.references.iter().map(|id| json!({ "event_id": id })).collect();
            bundle.insert(rel_type::REFERENCE.to_owned(), json!({ "chunk": chunk }));
        }
        if !bundle.is_empty() {
            bundles.insert(event.id().clone(), serde_json::Value::Object(bundle).to_string().into());
        }
    }
}

impl Children {
    fn in_tail<'a>(tail: impl IntoIterator<Item = &'a Arc<RoomEvent>>, event: &RoomEvent, user: UserNid) -> Self {
        let mut children = Self::default();
        for child in tail {
            let Some(relation) = child.relation.as_ref().filter(|relation| relation.event_id == *event.id()) else {
                continue;
            };
            match &*relation.rel_type {
                rel_type::REPLACE => children.edits.push(Arc::clone(child)),
                rel_type::REFERENCE => children.references.push(child.id().clone()),
                rel_type::THREAD => {
                    children.thread_count += 1;
                    children.participated |= child.sender == user;
                    children.thread_latest = Some(Arc::clone(child));
                }
                _ => {}
            }
        }
        children.references.truncate(REFERENCES);
        children
    }

    fn in_database(db: &Snapshot<'_>, room: &Room, event: &RoomEvent, user: UserNid) -> im2_store::Result<Self> {
        let mut children = Self::default();
        let query = |rel_type: &str, limit| RelatedQuery {
            target: event.id().clone(),
            rel_type: Some(rel_type.to_owned()),
            kind: None,
            from_seq: None,
            direction: Direction::Backward,
            limit,
        };
        for summary in db.relation_summary(room.nid, event.id(), user)? {
            let related =
                |limit| load_all(db, room.version, &db.related_events(room.nid, &query(&summary.rel_type, limit))?);
            match &*summary.rel_type {
                rel_type::REPLACE => children.edits = related(EDITS)?,
                rel_type::REFERENCE => {
                    children.references = related(REFERENCES)?.iter().rev().map(|event| event.id().clone()).collect();
                }
                rel_type::THREAD => {
                    children.thread_count = summary.count;
                    children.participated = summary.by_user;
                    children.thread_latest = related(1)?.pop();
                }
                _ => {}
            }
        }
        Ok(children)
    }
}
