//! Counting what a user has not read (spec: client-server API, "Receiving notifications", "Marking notifications as
//! read", "Threaded read receipts").

use std::collections::BTreeMap;

use im2_model::{EventId, UserId};

use crate::relations::Thread;

/// How far a user has read a room: the receipts of one user, `m.read` and `m.read.private` taken together.
///
/// `P` is whatever orders the events of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadUpTo<P> {
    unthreaded: Option<P>,
    main: Option<P>,
    threads: BTreeMap<EventId, P>,
}

impl<P> Default for ReadUpTo<P> {
    fn default() -> Self {
        Self { unthreaded: None, main: None, threads: BTreeMap::new() }
    }
}

impl<P: Ord + Copy> ReadUpTo<P> {
    /// Takes a receipt into account: unthreaded (`None`) or of a thread. The one that is more ahead counts, so that
    /// receipts of both types go in here.
    pub fn record(&mut self, thread: Option<&Thread>, at: P) {
        match thread {
            None => self.unthreaded = self.unthreaded.max(Some(at)),
            Some(Thread::Main) => self.main = self.main.max(Some(at)),
            Some(Thread::Root(root)) => {
                let marker = self.threads.entry(root.clone()).or_insert(at);
                *marker = at.max(*marker);
            }
        }
    }

    /// Whether the event at `at` in `thread` is read.
    pub fn includes(&self, thread: &Thread, at: P) -> bool {
        self.up_to(thread) >= Some(at)
    }

    /// The place up to which everything is read in every thread, if there is one: nothing at or before it needs to
    /// be counted.
    pub fn everywhere(&self) -> Option<P> {
        self.unthreaded
    }

    /// How far `thread` is read.
    pub fn up_to(&self, thread: &Thread) -> Option<P> {
        let threaded = match thread {
            Thread::Main => self.main,
            Thread::Root(root) => self.threads.get(root).copied(),
        };
        self.unthreaded.max(threaded)
    }

    /// All marks, unthreaded (`None`) and of threads: recording them elsewhere makes an equal value.
    pub fn marks(&self) -> impl Iterator<Item = (Option<Thread>, P)> {
        let unthreaded = self.unthreaded.map(|at| (None, at));
        let main = self.main.map(|at| (Some(Thread::Main), at));
        let threads = self.threads.iter().map(|(root, at)| (Some(Thread::Root(root.clone())), *at));
        unthreaded.into_iter().chain(main).chain(threads)
    }

    /// The marks that are not in `before` or were less far ahead there.
    pub fn moved_since(&self, before: &Self) -> Vec<(Option<Thread>, P)> {
        let was = |thread: &Option<Thread>| match thread {
            None => before.unthreaded,
            Some(Thread::Main) => before.main,
            Some(Thread::Root(root)) => before.threads.get(root).copied(),
        };
        self.marks().filter(|(thread, at)| was(thread) < Some(*at)).collect()
    }
}

/// An event that may count.
#[derive(Debug, Clone)]
pub struct Candidate<'a, P> {
    /// Its place in the room.
    pub at: P,
    /// The sender.
    pub sender: &'a UserId,
    /// Its thread.
    pub thread: Thread,
    /// Whether the user's push rules notify of it.
    pub notify: bool,
    /// Whether they highlight it.
    pub highlight: bool,
}

/// Unread notifications.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many events notify.
    pub notification_count: u64,
    /// How many of those are highlighted.
    pub highlight_count: u64,
}

impl Counts {
    /// Whether there is nothing unread.
    pub fn is_zero(self) -> bool {
        self.notification_count == 0
    }

    fn extend(&mut self, others: Self) {
        self.notification_count += others.notification_count;
        self.highlight_count += others.highlight_count;
    }
}

/// The unread notifications of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnreadCounts {
    /// Those in the main timeline.
    pub main: Counts,
    /// Those in each thread that has any.
    pub threads: BTreeMap<EventId, Counts>,
}

impl UnreadCounts {
    /// Those of the whole room, for clients that do not ask for threads.
    pub fn total(&self) -> Counts {
        self.threads.values().fold(self.main, |sum, counts| Counts {
            notification_count: sum.notification_count + counts.notification_count,
            highlight_count: sum.highlight_count + counts.highlight_count,
        })
    }

    /// Those of one thread.
    pub fn of(&self, thread: &Thread) -> Counts {
        match thread {
            Thread::Main => self.main,
            Thread::Root(root) => self.threads.get(root).copied().unwrap_or_default(),
        }
    }

    /// The threads that have any, the main timeline among them.
    pub fn unread_threads(&self) -> impl Iterator<Item = Thread> {
        let main = (!self.main.is_zero()).then_some(Thread::Main);
        main.into_iter().chain(self.threads.keys().cloned().map(Thread::Root))
    }

    /// Whether nothing is unread.
    pub fn is_zero(&self) -> bool {
        self.main.is_zero() && self.threads.is_empty()
    }

    /// Takes those of one thread away.
    pub fn remove(&mut self, thread: &Thread) {
        match thread {
            Thread::Main => self.main = Counts::default(),
            Thread::Root(root) => drop(self.threads.remove(root)),
        }
    }

    /// Adds those of other events.
    pub fn extend(&mut self, others: &Self) {
        self.main.extend(others.main);
        for (root, counts) in &others.threads {
            self.threads.entry(root.clone()).or_default().extend(*counts);
        }
    }

    /// Counts one event more, if it counts for `user`: it is not the user's own, not read and notifies.
    pub fn add<P: Ord + Copy>(&mut self, user: &UserId, read: &ReadUpTo<P>, event: &Candidate<'_, P>) {
        if !event.notify || event.sender == user || read.includes(&event.thread, event.at) {
            return;
        }
        let counts = match &event.thread {
            Thread::Main => &mut self.main,
            Thread::Root(root) => self.threads.entry(root.clone()).or_default(),
        };
        counts.notification_count += 1;
        counts.highlight_count += u64::from(event.highlight);
    }
}

/// Counts what `user`, who has read as far as `read`, has not read of `events`: those since the user joined, in any
/// order. Events that [`ReadUpTo::everywhere`] covers may be left out.
pub fn count<'a, P: Ord + Copy>(
    user: &UserId,
    read: &ReadUpTo<P>,
    events: impl IntoIterator<Item = Candidate<'a, P>>,
) -> UnreadCounts {
    let mut counts = UnreadCounts::default();
    for event in events {
        counts.add(user, read, &event);
    }
    counts
}

#[cfg(test)]
mod tests {
    use im2_model::{EventId, UserId};
    use proptest::prelude::*;

    use super::{Candidate, Counts, ReadUpTo, UnreadCounts, count};
    use crate::{relations::Thread, testing::user};

    fn root(id: &str) -> Thread {
        Thread::Root(EventId::parse(id).unwrap())
    }

    fn loud(sender: &UserId, at: u32, thread: Thread) -> Candidate<'_, u32> {
        Candidate { at, sender, thread, notify: true, highlight: at.is_multiple_of(2) }
    }

    /// The room of the specification's example: A to I, where A and B are roots of threads.
    fn example(read: &ReadUpTo<u32>) -> UnreadCounts {
        let sender = user("@you:x");
        let events = [
            (1, Thread::Main), // A
            (2, Thread::Main), // B
            (3, root("$A")),   // C
            (4, root("$B")),   // D
            (5, root("$A")),   // E
            (6, root("$B")),   // F
            (7, root("$A")),   // G
            (8, root("$A")),   // H
            (9, Thread::Main), // I
        ];
        count(&user("@me:x"), read, events.map(|(at, thread)| loud(&sender, at, thread)))
    }

    fn unread(counts: &UnreadCounts) -> (u64, u64, u64, u64) {
        let of = |thread: &str| counts.threads.get(thread).copied().unwrap_or_default().notification_count;
        (counts.main.notification_count, of("$A"), of("$B"), counts.total().notification_count)
    }

    #[test]
    fn receipts_of_the_specifications_example() {
        let mut read = ReadUpTo::default();
        assert_eq!(unread(&example(&read)), (3, 4, 2, 9));
        read.record(Some(&Thread::Main), 9);
        assert_eq!(unread(&example(&read)), (0, 4, 2, 6));
        read.record(Some(&root("$A")), 5);
        assert_eq!(unread(&example(&read)), (0, 2, 2, 4));
        let mut unthreaded = ReadUpTo::default();
        unthreaded.record(None, 4);
        assert_eq!(unread(&example(&unthreaded)), (1, 3, 1, 5));
        unthreaded.record(None, 9);
        assert_eq!(example(&unthreaded), UnreadCounts::default());
        assert!(example(&unthreaded).total().is_zero());
    }

    #[test]
    fn the_receipt_that_is_ahead_counts() {
        let mut read = ReadUpTo::default();
        for at in [3, 1, 2] {
            read.record(Some(&root("$A")), at);
            read.record(Some(&Thread::Main), at);
            read.record(None, at - 1);
        }
        assert!(read.includes(&Thread::Main, 3) && read.includes(&root("$A"), 3) && !read.includes(&root("$B"), 3));
        assert_eq!(read.everywhere(), Some(2));
    }

    #[test]
    fn own_and_quiet_events_do_not_count_and_highlights_do() {
        let (me, you) = (user("@me:x"), user("@you:x"));
        let quiet = Candidate { notify: false, ..loud(&you, 2, Thread::Main) };
        let events = [loud(&me, 2, Thread::Main), quiet, loud(&you, 3, Thread::Main), loud(&you, 4, Thread::Main)];
        let counts = count(&me, &ReadUpTo::default(), events);
        assert_eq!(counts.main, Counts { notification_count: 2, highlight_count: 1 });
    }

    fn thread() -> impl Strategy<Value = Thread> {
        prop_oneof![Just(Thread::Main), Just(root("$A")), Just(root("$B"))]
    }

    proptest! {
        #[test]
        fn a_receipt_never_raises_a_count_and_an_unthreaded_one_clears_all_before_it(
            events in prop::collection::vec((0_u32..50, thread()), 0..40),
            receipts in prop::collection::vec((prop::option::of(thread()), 0_u32..50), 0..10),
            unthreaded in 0_u32..50,
        ) {
            let (me, you) = (user("@me:x"), user("@you:x"));
            let counted = |read: &ReadUpTo<u32>| {
                count(&me, read, events.iter().map(|(at, thread)| loud(&you, *at, thread.clone())))
            };
            let mut read = ReadUpTo::default();
            let mut before = counted(&read).total();
            for (thread, at) in receipts {
                read.record(thread.as_ref(), at);
                let after = counted(&read).total();
                prop_assert!(after.notification_count <= before.notification_count);
                prop_assert!(after.highlight_count <= after.notification_count);
                before = after;
            }
            read.record(None, unthreaded);
            let later = events.iter().filter(|(at, _)| *at > unthreaded).count() as u64;
            prop_assert!(counted(&read).total().notification_count <= later);
        }
    }
}
