//! Bundled aggregations: the newest edit of an event, its thread, and the events that refer to it (spec: "Aggregations
//! of child events"). A redaction of the parent takes its edits only: threads and references stay, and a redaction of a
//! child takes the child out of them. Computed when somebody looks, from memory for events in the tail: a child is
//! always newer than its parent, so the children of an event in the tail are in the tail too.

use std::{collections::HashSet, sync::Arc};

use im2_core::Result;
use im2_kernel::relations::{is_valid_edit, newest_edit, rel_type};
use im2_model::{EventId, UserId, UserNid};
use im2_store::Snapshot;
use serde_json::json;

use super::{
    Actor, Bundles, Form, Reader, Room, RoomEvent, Rooms, Viewer, event::load_all, history::VisibleHistory,
    render::write_event,
};

/// Edits by the author that are looked at to find the newest valid one.
const EDITS: usize = 50;
/// References that are named; who wants all of them asks `/relations`.
const REFERENCES: usize = 100;

/// Children of one event that are looked at for a reader who may not see all of them.
const LOOKED_AT: usize = 1_000;

/// The children that count for a reader: those that the reader may see, except those of ignored users.
#[derive(Clone)]
struct Seen {
    visible: Arc<VisibleHistory>,
    reader: UserId,
    ignored: Arc<HashSet<UserId>>,
}

impl Seen {
    fn sees(&self, event: &RoomEvent) -> bool {
        !self.ignored.contains(&event.pdu.sender) && self.visible.may_see(event, &self.reader)
    }

    fn sees_all_after(&self, seq: i64) -> bool {
        self.ignored.is_empty() && self.visible.sees_all_after(seq)
    }
}

/// The children of one event, as far as its bundle is made of them.
#[derive(Default)]
struct Children {
    edits: Vec<Arc<RoomEvent>>,
    references: Vec<EventId>,
    thread_count: usize,
    thread_latest: Option<Arc<RoomEvent>>,
    participated: bool,
}

impl Rooms {
    /// The `m.relations` of `events`, for those that have any, as far as the reader may see what they are made of.
    pub async fn bundles(&self, reader: &Reader, events: &[Arc<RoomEvent>]) -> Result<Bundles> {
        self.bundles_for(&reader.room, &reader.actor, &reader.visible, events).await
    }

    /// The same for a room at hand and what `actor` may see of it.
    pub async fn bundles_for(
        &self,
        room: &Arc<Room>,
        actor: &Actor,
        visible: &Arc<VisibleHistory>,
        events: &[Arc<RoomEvent>],
    ) -> Result<Bundles> {
        if events.is_empty() {
            return Ok(Bundles::new());
        }
        let ignored = self.account_data.ignored_users(actor.user, &actor.user_id).await?;
        let seen = Seen { visible: Arc::clone(visible), reader: actor.user_id.clone(), ignored };
        self.bundles_with_latest(room, actor, seen, events).await
    }

    /// Bundles in which the latest event of each thread has its own.
    async fn bundles_with_latest(
        &self,
        room: &Arc<Room>,
        actor: &Actor,
        seen: Seen,
        events: &[Arc<RoomEvent>],
    ) -> Result<Bundles> {
        let visible = Arc::clone(&seen.visible);
        let found = self.children(room, actor, seen.clone(), events).await?;
        let latest: Vec<_> = found.iter().filter_map(|(_, children)| children.thread_latest.clone()).collect();
        let mut inner = Bundles::new();
        for (event, children) in self.children(room, actor, seen, &latest).await? {
            self.add(&mut inner, (actor, &visible), &event, &children, &Bundles::new());
        }
        let mut bundles = Bundles::new();
        for (event, children) in found {
            self.add(&mut bundles, (actor, &visible), &event, &children, &inner);
        }
        Ok(bundles)
    }

    /// The children of each event that can have any.
    async fn children(
        &self,
        room: &Arc<Room>,
        actor: &Actor,
        seen: Seen,
        events: &[Arc<RoomEvent>],
    ) -> Result<Vec<(Arc<RoomEvent>, Children)>> {
        let mut found = Vec::with_capacity(events.len());
        let mut old = Vec::new();
        {
            let view = room.view();
            let start = view.tail_start();
            for event in events.iter().filter(|event| !event.is_state()) {
                if event.seq < start {
                    old.push(Arc::clone(event));
                } else {
                    let children = Children::in_tail(view.tail.iter(), event, actor.user, &seen);
                    found.push((Arc::clone(event), children));
                }
            }
        }
        if !old.is_empty() {
            let (room, user) = (Arc::clone(room), actor.user);
            let read = self.core.store.read(move |db| {
                old.into_iter()
                    .map(|event| Ok((Arc::clone(&event), Children::in_database(db, &room, &event, user, &seen)?)))
                    .collect::<im2_store::Result<Vec<_>>>()
            });
            found.extend(read.await?);
        }
        Ok(found)
    }

    fn add(
        &self,
        bundles: &mut Bundles,
        (actor, visible): (&Actor, &VisibleHistory),
        event: &RoomEvent,
        children: &Children,
        inner: &Bundles,
    ) {
        let mut bundle = serde_json::Map::new();
        let show = |event: &RoomEvent| {
            let Actor { user, user_id } = actor;
            let (now, erased) = (self.core.now(), &self.core.erased);
            let viewer = Viewer { user: *user, user_id, device: None, now, erased };
            let mut out = Vec::new();
            write_event(&mut out, event, Form::Full, &viewer, visible.membership_at(event.seq), inner);
            serde_json::from_slice::<serde_json::Value>(&out).ok()
        };
        let valid = children.edits.iter().filter(|edit| is_valid_edit(&event.pdu, event.is_redacted(), &edit.pdu));
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
    fn in_tail<'a>(
        tail: impl IntoIterator<Item = &'a Arc<RoomEvent>>,
        event: &RoomEvent,
        user: UserNid,
        seen: &Seen,
    ) -> Self {
        let mut children = Self::default();
        let is_child = |child: &&Arc<RoomEvent>| {
            child.relation.as_ref().is_some_and(|relation| relation.event_id == *event.id()) && seen.sees(child)
        };
        for child in tail.into_iter().filter(is_child) {
            let Some(relation) = &child.relation else { continue };
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

    fn in_database(
        db: &Snapshot<'_>,
        room: &Room,
        event: &RoomEvent,
        user: UserNid,
        seen: &Seen,
    ) -> im2_store::Result<Self> {
        let sees_all = seen.sees_all_after(event.seq);
        // Newest first, and enough of them for a reader who may not see the newest.
        let newest = |rel_type: &str, limit| {
            let limit = if sees_all { limit } else { LOOKED_AT };
            let rows = db.newest_children(room.nid, event.id(), rel_type, limit)?;
            let mut events = load_all(db, room.version, &rows)?;
            events.retain(|event| seen.sees(event));
            Ok::<_, im2_store::Error>(events)
        };
        let edits = newest(rel_type::REPLACE, EDITS)?;
        let references = newest(rel_type::REFERENCE, REFERENCES)?;
        let references = references.iter().take(REFERENCES).rev().map(|event| event.id().clone()).collect();
        let replies = newest(rel_type::THREAD, 1)?;
        let (thread_count, participated) = if !sees_all {
            (replies.len(), replies.iter().any(|reply| reply.sender == user))
        } else if replies.is_empty() {
            (0, false)
        } else {
            let summary = db.thread_summary(room.nid, event.id(), user)?;
            (summary.count, summary.by_user)
        };
        let thread_latest = replies.into_iter().next();
        Ok(Self { edits, references, thread_count, thread_latest, participated })
    }
}
