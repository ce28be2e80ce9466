//! Finding the thread that an event belongs to (spec: client-server API, "Threaded read receipts").

use std::cell::{Cell, RefCell};

use im2_kernel::{
    event::Pdu,
    relations::{MAX_THREAD_HOPS, Relation, Thread, thread_of},
};
use im2_model::EventId;
use im2_store::Snapshot;

use crate::rooms::{Room, RoomEvent, View};

/// The thread of an event, if the events it hangs on are in memory.
pub(crate) fn in_memory(view: &View, event: &Pdu) -> Option<Thread> {
    let missing = Cell::new(false);
    let thread = thread_of(Relation::of(event).as_ref(), |event_id| {
        let found = view.find_in_tail(event_id);
        missing.set(missing.get() || found.is_none());
        Relation::of(&found?.pdu)
    });
    (!missing.get()).then_some(thread)
}

/// The thread of an event.
pub fn in_database(db: &Snapshot<'_>, room: &Room, event: &Pdu) -> im2_store::Result<Thread> {
    let failure = RefCell::new(None);
    let thread = thread_of(Relation::of(event).as_ref(), |event_id| {
        relation(db, room, event_id).unwrap_or_else(|error| {
            failure.replace(Some(error));
            None
        })
    });
    failure.into_inner().map_or(Ok(thread), Err)
}

/// Whether a receipt for `event` may be one for `thread`: the event belongs to it, or is its root, or refers to its
/// root.
pub(crate) fn accepts(db: &Snapshot<'_>, room: &Room, thread: &Thread, event: &Pdu) -> im2_store::Result<bool> {
    if in_database(db, room, event)? == *thread {
        return Ok(true);
    }
    let Thread::Root(root) = thread else { return Ok(false) };
    let (mut event_id, mut next) = (event.event_id.clone(), Relation::of(event));
    for _ in 0..=MAX_THREAD_HOPS {
        if event_id == *root {
            return Ok(true);
        }
        let Some(relation_here) = next else { return Ok(false) };
        event_id = relation_here.event_id;
        next = relation(db, room, &event_id)?;
    }
    Ok(false)
}

fn relation(db: &Snapshot<'_>, room: &Room, event_id: &EventId) -> im2_store::Result<Option<Relation>> {
    let Some(row) = db.event(room.nid, event_id)? else { return Ok(None) };
    Ok(Relation::of(&RoomEvent::load_state(room.version, &row)?.pdu))
}
