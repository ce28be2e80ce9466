//! Going through a room's events to count them: those in memory at once, others from the database, some at a time.

use std::sync::Arc;

use im2_kernel::{
    event::Pdu,
    relations::{MAX_THREAD_HOPS, Relation, Thread, rel_type},
};
use im2_model::EventId;
use im2_store::{
    Snapshot,
    rooms::{Direction, EventRow, Referring},
};

use super::{
    RoomUnread, Sizes,
    segments::{Event, Recount, Recounts, Segment},
};
use crate::{
    rooms::{Actor, Room, RoomEvent},
    threads,
};

/// Events read from the database at a time.
const CHUNK: usize = 128;
/// Events whose thread a redaction may have changed that are looked at one by one. With more it is simpler to count
/// anew.
const MAX_CHANGED: usize = 500;

/// A count of a user's unread events in a room: up to which event, and in segments of which sizes.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    pub(super) actor: Actor,
    pub(super) room: Arc<Room>,
    /// The number of the last event to count.
    pub(super) head: i64,
    pub(super) sizes: Sizes,
}

/// The work that may be done in memory in one go, on the thread of a request: that of this many ordinary events beyond
/// one for each event, some 5 ms. Large messages and push rules with many patterns take more; a reader's thread then
/// does it, a segment at a time.
const MAX_WORK_IN_MEMORY: usize = 256;

/// Events by which older ones were redacted.
pub(super) type Redactions = Vec<EventId>;

fn of_memory(event: &RoomEvent) -> Event<'_> {
    Event { seq: event.seq, pdu: &event.pdu, is_redacted: event.is_redacted() }
}

impl Walk {
    /// Goes on with the events in memory, if all that matters is there. What they redact is returned.
    pub(super) fn go_on_in_memory(&self, unread: &mut RoomUnread) -> Option<Redactions> {
        let news = self.in_memory(unread.until)?;
        let mut redactions = Redactions::new();
        let mut further = unread.clone();
        let mut left = MAX_WORK_IN_MEMORY;
        for event in news.iter().filter(|event| event.seq <= self.head) {
            let thread_of = |pdu: &Pdu| self.thread_in_memory(pdu);
            let work = further.take(&self.actor.user_id, of_memory(event), thread_of, self.sizes.segment).ok()?;
            left = left.checked_sub(work - 1)?;
            note_redaction(&further, event.seq, &event.pdu, &mut redactions);
        }
        further.went_on_to(self.head, self.sizes.segment);
        *unread = further;
        Some(redactions)
    }

    /// Goes on with the next events in the database, about as many as a segment has.
    pub(super) fn go_on(&self, db: &Snapshot<'_>, unread: &mut RoomUnread) -> im2_store::Result<Redactions> {
        let mut redactions = Redactions::new();
        let mut looked_at = 0;
        while unread.until < self.head && looked_at < self.sizes.segment {
            // What the main timeline's receipt covers can be skipped as far as nothing in it redacts anything.
            let quiet = unread.inputs.receipts.main.min(unread.redacted_until);
            let (rows, end) = self.rows(db, unread.until, self.head, quiet)?;
            for row in rows {
                if looked_at >= self.sizes.segment {
                    return Ok(redactions);
                }
                let event = RoomEvent::load_state(self.room.version, &row)?;
                let one = Event { seq: row.seq, pdu: &event.pdu, is_redacted: row.redacted_by.is_some() };
                let thread_of = |pdu: &Pdu| threads::in_database(db, &self.room, pdu);
                looked_at += unread.take(&self.actor.user_id, one, thread_of, self.sizes.segment)?;
                note_redaction(unread, row.seq, &event.pdu, &mut redactions);
            }
            unread.went_on_to(end, self.sizes.segment);
        }
        Ok(redactions)
    }

    /// Counts again from memory; returns what could not be.
    pub(super) fn recount_in_memory(&self, unread: &mut RoomUnread, recounts: Recounts) -> Recounts {
        let mut left = Recounts::new();
        for (index, recount) in recounts {
            match self.fresh_in_memory(unread, index, &recount) {
                Some(fresh) => unread.put_again((index, &recount), &fresh),
                None => drop(left.insert(index, recount)),
            }
        }
        left
    }

    fn fresh_in_memory(&self, unread: &RoomUnread, index: usize, recount: &Recount) -> Option<Segment> {
        let (events, end) = (self.in_memory(recount.after)?, unread.end_of(index));
        let mut fresh = Segment::default();
        let mut left = MAX_WORK_IN_MEMORY;
        for event in events.iter().filter(|event| event.seq <= end) {
            let (one, thread_of) = (of_memory(event), |pdu: &Pdu| self.thread_in_memory(pdu));
            let work = unread.take_again(&self.actor.user_id, recount, one, thread_of, &mut fresh).ok()?;
            left = left.checked_sub(work - 1)?;
        }
        Some(fresh)
    }

    /// Counts a segment again from the database.
    pub(super) fn recount(
        &self,
        db: &Snapshot<'_>,
        unread: &mut RoomUnread,
        index: usize,
        recount: &Recount,
    ) -> im2_store::Result<()> {
        let (mut at, end) = (recount.after, unread.end_of(index));
        let mut fresh = Segment::default();
        while at < end {
            let (rows, next) = self.rows(db, at, end, unread.inputs.receipts.main)?;
            at = next;
            for row in rows {
                let event = RoomEvent::load_state(self.room.version, &row)?;
                let one = Event { seq: row.seq, pdu: &event.pdu, is_redacted: row.redacted_by.is_some() };
                let thread_of = |pdu: &Pdu| threads::in_database(db, &self.room, pdu);
                unread.take_again(&self.actor.user_id, recount, one, thread_of, &mut fresh)?;
            }
        }
        unread.put_again((index, recount), &fresh);
        Ok(())
    }

    /// The events that redactions may have made count otherwise, and whether each is the redacted one; nothing if the
    /// user may have read less than was thought, or if there are too many.
    pub(super) fn changed_by(
        &self,
        db: &Snapshot<'_>,
        redacted: &Redactions,
    ) -> im2_store::Result<Option<Vec<(i64, bool)>>> {
        let mut changed = Vec::new();
        for event_id in redacted {
            let target = db.event(self.room.nid, event_id)?.filter(|row| row.redacted_by.is_some());
            let Some(target) = target else { continue };
            if target.sender == self.actor.user {
                return Ok(None);
            }
            changed.push((target.seq, true));
            let mut near = vec![target.event_id];
            for _ in 0..MAX_THREAD_HOPS {
                let mut next = Vec::new();
                for event_id in near {
                    for Referring { seq, event_id, sender, rel_type } in
                        db.referring_events(self.room.nid, &event_id, MAX_CHANGED)?
                    {
                        let reads = rel_type != rel_type::ANNOTATION && rel_type != rel_type::REPLACE;
                        if (reads && sender == self.actor.user) || changed.len() >= MAX_CHANGED {
                            return Ok(None);
                        }
                        changed.push((seq, false));
                        next.push(event_id);
                    }
                }
                near = next;
            }
        }
        Ok(Some(changed))
    }

    /// The next events after `at` and up to `end` that matter, and up to where they go. Up to `quiet` only those that
    /// may belong to a thread do.
    fn rows(&self, db: &Snapshot<'_>, at: i64, end: i64, quiet: i64) -> im2_store::Result<(Vec<EventRow>, i64)> {
        let quiet = quiet.min(end);
        let (mut rows, end) = if at < quiet {
            (db.conversation_events(self.room.nid, at, quiet, CHUNK)?, quiet)
        } else {
            (db.events_from(self.room.nid, at, Direction::Forward, CHUNK)?, end)
        };
        let reached = if rows.len() < CHUNK { end } else { rows.last().map_or(end, |last| last.seq.min(end)) };
        rows.retain(|row| row.seq <= reached);
        Ok((rows, reached))
    }

    /// The events after number `seq`, if they are in memory.
    fn in_memory(&self, seq: i64) -> Option<Vec<Arc<RoomEvent>>> {
        self.room.view().after(seq).filter(|events| events.len() <= self.sizes.in_memory)
    }

    fn thread_in_memory(&self, pdu: &Pdu) -> Result<Thread, ()> {
        match Relation::of(pdu) {
            None => Ok(Thread::Main),
            Some(_) => threads::in_memory(&self.room.view(), pdu).ok_or(()),
        }
    }
}

fn note_redaction(unread: &RoomUnread, seq: i64, pdu: &Pdu, redactions: &mut Redactions) {
    if &*pdu.kind == "m.room.redaction" && seq > unread.redacted_until {
        redactions.extend(pdu.redacts.clone());
    }
}
