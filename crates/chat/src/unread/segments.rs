//! A user's unread counts in a room, kept so that counting can go on from them: the events that were looked at are
//! taken in segments, each with its own counts. A receipt or a redaction then changes a segment or two, however long
//! the room is.
//!
//! A segment holds what of it is unread by all that is known of the user's reading, also from later events. Reading
//! goes forward only; whatever would take it back (an own message that is redacted, leaving and coming back, other push
//! rules) begins a new record.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use im2_kernel::{
    event::Pdu,
    push::Evaluation,
    relations::{Relation, Thread, rel_type},
    unread::{Candidate, ReadUpTo, UnreadCounts},
};
use im2_model::UserId;

use super::Inputs;

/// Segments of one record. Beyond it two neighbours become one, so that very long rooms have longer segments.
const MAX_STRETCHES: usize = 256;

/// Bytes of content, and steps of judging, that take as long as an ordinary event does in all: some 20 µs.
const BYTES_OF_WORK: usize = 4_096;
const STEPS_OF_WORK: usize = 8_192;

/// The unread counts of a user in a room.
#[derive(Debug, Clone)]
pub struct RoomUnread {
    /// How much.
    pub counts: UnreadCounts,
    /// How far the user has read, by receipts and by messages of their own.
    pub(super) read: ReadUpTo<i64>,
    /// The number of the event with which the user joined; 0 if that does not matter, because later events are read.
    pub(super) joined: i64,
    /// The number of the last event counted.
    pub(super) until: i64,
    /// Redactions up to this event are in what was counted, whatever they redact.
    pub(super) redacted_until: i64,
    /// Those that are full, oldest first, without gaps.
    pub(super) older: Arc<Vec<Segment>>,
    /// The one that grows.
    pub(super) newest: Segment,
    pub(super) inputs: Arc<Inputs>,
}

/// Consecutive events that were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Segment {
    /// The number of the event before the first.
    pub(super) from: i64,
    /// The number of the last.
    pub(super) until: i64,
    /// How much work it was to look at them, in ordinary events.
    pub(super) looked_at: usize,
    /// The unread counts of its events.
    pub(super) counts: UnreadCounts,
    /// Whether reactions or edits are counted.
    pub(super) has_comments: bool,
}

/// An event that may count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) seq: i64,
    pub(super) pdu: &'a Pdu,
    pub(super) is_redacted: bool,
}

/// The work of looking at an event and judging it by push rules in a number of steps ([`Evaluation::steps`]), in
/// ordinary events.
pub(crate) fn work(pdu: &Pdu, steps: usize) -> usize {
    1 + pdu.content_json().len() / BYTES_OF_WORK + steps / STEPS_OF_WORK
}

/// The effect of an event on the user's counts.
enum Verdict {
    Nothing,
    /// A message of the user's own: it reads its thread.
    Own(Thread),
    Notifies {
        thread: Thread,
        highlight: bool,
        is_comment: bool,
    },
}

/// The part of one segment that has to be counted again, and is not in its counts meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recount {
    /// Events up to this one are read, or were never in the segment.
    pub(super) after: i64,
    /// The threads; `None` for all.
    pub(super) threads: Option<BTreeSet<Thread>>,
}

/// Recounts by the number of the segment; the newest comes after the others.
pub(super) type Recounts = BTreeMap<usize, Recount>;

impl Segment {
    fn beginning_after(from: i64) -> Self {
        Self { from, until: from, ..Self::default() }
    }

    fn has_any(&self, threads: Option<&BTreeSet<Thread>>) -> bool {
        match threads {
            Some(threads) => threads.iter().any(|thread| !self.counts.of(thread).is_zero()),
            None => !self.counts.is_zero(),
        }
    }

    fn remove(&mut self, threads: Option<&BTreeSet<Thread>>) {
        match threads {
            Some(threads) => {
                for thread in threads {
                    self.counts.remove(thread);
                }
            }
            None => self.counts = UnreadCounts::default(),
        }
        self.has_comments &= !self.counts.is_zero();
    }
}

impl Recount {
    fn widen(&mut self, other: Self) {
        match (&mut self.threads, other.threads) {
            (None, Some(_)) => {}
            (mine @ Some(_), None) => (*mine, self.after) = (None, other.after),
            (None, None) => self.after = self.after.min(other.after),
            (Some(mine), Some(theirs)) => {
                mine.extend(theirs);
                self.after = self.after.min(other.after);
            }
        }
    }
}

impl RoomUnread {
    /// Whether the user has read the event numbered `seq`, which belongs to `thread`.
    pub fn is_read(&self, thread: &Thread, seq: i64) -> bool {
        self.read.includes(thread, seq)
    }

    /// Evaluates the user's push rules for an event in the room as it is now. The result is empty for an event that
    /// notifies nobody: a redacted one, or one of an ignored user.
    pub fn evaluate<'a>(&'a self, user: &UserId, pdu: &Pdu, is_redacted: bool) -> Evaluation<'a> {
        self.inputs.evaluate(user, pdu, is_redacted)
    }

    /// A record before any event is looked at: those up to `from` do not count, and redactions up to `head` are there
    /// to see.
    pub(super) fn nothing(inputs: Arc<Inputs>, joined: i64, from: i64, head: i64) -> Self {
        Self {
            counts: UnreadCounts::default(),
            read: inputs.receipts.read.clone(),
            joined,
            until: from,
            redacted_until: head,
            older: Arc::default(),
            newest: Segment::beginning_after(from),
            inputs,
        }
    }

    /// How much memory it takes, in what the smallest takes.
    pub(super) fn weight(&self) -> u64 {
        let threads: usize = self.older.iter().map(|segment| segment.counts.threads.len()).sum();
        1 + (self.older.len() / 4 + threads / 2 + self.counts.threads.len()) as u64
    }

    /// Counts one event more, which is newer than all before it. `thread_of` tells an event's thread, if it can. Returns
    /// how much work it was, in ordinary events.
    pub(super) fn take<E>(
        &mut self,
        user: &UserId,
        event: Event<'_>,
        thread_of: impl FnOnce(&Pdu) -> Result<Thread, E>,
        segment: usize,
    ) -> Result<usize, E> {
        let (verdict, work) = self.judge(user, event, thread_of)?;
        match verdict {
            Verdict::Nothing => {}
            Verdict::Own(thread) => self.own_message(&thread, event.seq),
            Verdict::Notifies { thread, highlight, is_comment } => {
                let one = Candidate { at: event.seq, sender: &event.pdu.sender, thread, notify: true, highlight };
                self.counts.add(user, &self.read, &one);
                self.newest.counts.add(user, &self.read, &one);
                self.newest.has_comments |= is_comment;
            }
        }
        self.newest.looked_at += work;
        self.went_on_to(event.seq, segment);
        Ok(work)
    }

    /// Notes that nothing up to event `seq` is left to look at. `segment` is the work of a full one, in ordinary
    /// events.
    pub(super) fn went_on_to(&mut self, seq: i64, segment: usize) {
        (self.until, self.newest.until) = (seq, seq);
        if self.newest.looked_at < segment {
            return;
        }
        let full = std::mem::replace(&mut self.newest, Segment::beginning_after(seq));
        let older = Arc::make_mut(&mut self.older);
        older.push(full);
        if older.len() > MAX_STRETCHES {
            *older = merge_neighbours(std::mem::take(older));
        }
    }

    /// The effect of an event on the user's counts, and how much work it was to tell.
    fn judge<E>(
        &self,
        user: &UserId,
        event: Event<'_>,
        thread_of: impl FnOnce(&Pdu) -> Result<Thread, E>,
    ) -> Result<(Verdict, usize), E> {
        let Event { seq, pdu, is_redacted } = event;
        let relation = Relation::of(pdu);
        let is_comment = |relation: &Relation| relation.is(rel_type::ANNOTATION) || relation.is(rel_type::REPLACE);
        let is_comment = relation.as_ref().is_some_and(is_comment);
        let unjudged = work(pdu, 0);
        if pdu.sender == *user {
            let is_message = !is_redacted && !pdu.is_state() && &*pdu.kind != "m.room.redaction";
            let verdict = if is_message && !is_comment { Verdict::Own(thread_of(pdu)?) } else { Verdict::Nothing };
            return Ok((verdict, unjudged));
        }
        // Most events that are read can be told without asking the rules.
        let is_passed = is_comment && seq <= self.inputs.receipts.main;
        if is_passed || (relation.is_none() && self.read.includes(&Thread::Main, seq)) {
            return Ok((Verdict::Nothing, unjudged));
        }
        let Evaluation { notify, highlight, steps, .. } = self.inputs.evaluate(user, pdu, is_redacted);
        let work = work(pdu, steps);
        if !notify {
            return Ok((Verdict::Nothing, work));
        }
        Ok((Verdict::Notifies { thread: thread_of(pdu)?, highlight, is_comment }, work))
    }

    /// A message of the user's own, after all that was looked at, marks its thread as read up to it.
    fn own_message(&mut self, thread: &Thread, seq: i64) {
        self.read.record(Some(thread), seq);
        if self.counts.of(thread).is_zero() {
            return;
        }
        self.counts.remove(thread);
        let only = BTreeSet::from([thread.clone()]);
        self.newest.remove(Some(&only));
        if self.older.iter().any(|segment| !segment.counts.of(thread).is_zero()) {
            for segment in Arc::make_mut(&mut self.older) {
                segment.remove(Some(&only));
            }
        }
    }

    /// Takes the user's receipts as they are now, which cannot have gone back. Says what has to be counted again.
    pub(super) fn read_on(&mut self, inputs: Arc<Inputs>) -> Recounts {
        let before = std::mem::replace(&mut self.inputs, inputs);
        let now = Arc::clone(&self.inputs.receipts);
        let mut recounts = Recounts::new();
        let moved = now.read.moved_since(&before.receipts.read);
        for (thread, seq) in &moved {
            self.read.record(thread.as_ref(), *seq);
        }
        for (thread, seq) in moved {
            let threads = thread.map(|thread| BTreeSet::from([thread]));
            self.forget(&mut recounts, |segment| {
                let has_any = segment.from < seq && segment.has_any(threads.as_ref());
                has_any.then(|| Recount { after: seq, threads: threads.clone() })
            });
        }
        if now.main > before.receipts.main {
            // A reaction or an edit that came before what was read of the timeline is about what was read.
            self.forget(&mut recounts, |segment| {
                let has_passed = segment.has_comments && segment.from < now.main;
                has_passed.then_some(Recount { after: segment.from, threads: None })
            });
        }
        recounts
    }

    /// Returns the parts that have to be counted again after a redaction changed these events. `is_target` marks the
    /// one that is redacted, which can only count no more; the others may now belong to another thread.
    pub(super) fn recounts_of(&mut self, changed: impl IntoIterator<Item = (i64, bool)>) -> Recounts {
        let mut recounts = Recounts::new();
        let read = self.read.clone();
        for (seq, is_target) in changed {
            let may_rise = !is_target && !read.includes(&Thread::Main, seq);
            self.forget(&mut recounts, |segment| {
                let is_in = segment.from < seq && seq <= segment.until;
                if !is_in || (segment.counts.is_zero() && !may_rise) {
                    return None;
                }
                let threads: BTreeSet<Thread> = segment.counts.unread_threads().chain([Thread::Main]).collect();
                let read_in_all = threads.iter().map(|thread| read.up_to(thread).unwrap_or(0)).min();
                Some(Recount { after: read_in_all.unwrap_or(0).max(segment.from), threads: Some(threads) })
            });
        }
        recounts
    }

    /// Takes out of segments what `wanted` says, and adds it to `recounts` as far as there may be something left.
    fn forget(&mut self, recounts: &mut Recounts, wanted: impl Fn(&Segment) -> Option<Recount>) {
        let count = self.older.len();
        for index in 0..=count {
            let segment = if index == count { &self.newest } else { &self.older[index] };
            let Some(recount) = wanted(segment) else { continue };
            let is_left = recount.after < segment.until;
            if segment.has_any(recount.threads.as_ref()) {
                self.segment_mut(index).remove(recount.threads.as_ref());
            }
            if is_left {
                recounts.entry(index).and_modify(|known| known.widen(recount.clone())).or_insert(recount);
            }
        }
        self.sum();
    }

    /// Counts one of the events that `recount` is about into `fresh`. Returns how much work it was.
    pub(super) fn take_again<E>(
        &self,
        user: &UserId,
        recount: &Recount,
        event: Event<'_>,
        thread_of: impl FnOnce(&Pdu) -> Result<Thread, E>,
        fresh: &mut Segment,
    ) -> Result<usize, E> {
        let (verdict, work) = self.judge(user, event, thread_of)?;
        if let Verdict::Notifies { thread, highlight, is_comment } = verdict
            && recount.threads.as_ref().is_none_or(|threads| threads.contains(&thread))
        {
            let one = Candidate { at: event.seq, sender: &event.pdu.sender, thread, notify: true, highlight };
            fresh.counts.add(user, &self.read, &one);
            fresh.has_comments |= is_comment;
        }
        Ok(work)
    }

    /// Puts what was counted again in its place.
    pub(super) fn put_again(&mut self, (index, recount): (usize, &Recount), fresh: &Segment) {
        let segment = self.segment_mut(index);
        segment.remove(recount.threads.as_ref());
        segment.counts.extend(&fresh.counts);
        segment.has_comments |= fresh.has_comments;
        self.sum();
    }

    fn segment_mut(&mut self, index: usize) -> &mut Segment {
        if index < self.older.len() { &mut Arc::make_mut(&mut self.older)[index] } else { &mut self.newest }
    }

    /// The number of the last event of a segment.
    pub(super) fn end_of(&self, index: usize) -> i64 {
        self.older.get(index).unwrap_or(&self.newest).until
    }

    pub(super) fn sum(&mut self) {
        let mut counts = self.newest.counts.clone();
        for segment in self.older.iter() {
            counts.extend(&segment.counts);
        }
        self.counts = counts;
    }
}

/// Half as many segments, each as long as two.
fn merge_neighbours(segments: Vec<Segment>) -> Vec<Segment> {
    let mut merged: Vec<Segment> = Vec::with_capacity(segments.len().div_ceil(2));
    for (number, segment) in segments.into_iter().enumerate() {
        match merged.last_mut().filter(|_| number % 2 == 1) {
            Some(last) => {
                last.until = segment.until;
                last.looked_at += segment.looked_at;
                last.counts.extend(&segment.counts);
                last.has_comments |= segment.has_comments;
            }
            None => merged.push(segment),
        }
    }
    merged
}
