//! The newest stretch of the stream, in memory.
//!
//! Committed changes are published here as they are applied, so those of each writer arrive in the order of their
//! positions. Those of several writers arrive in any order: a reader's token is a vector that tells, writer by writer,
//! which changes the reader has seen. A reader whose token lies within the stretch is answered from it; an older one
//! goes to the database.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use im2_model::{DeviceId, Position, Reached, RoomNid, StreamToken, UserNid, WriterId};
use parking_lot::RwLock;
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::{
    event::{ResolvedState, RoomEvent},
    memory::{Gauge, Memory},
};

/// Changes kept. At a thousand changes a second it holds the last sixteen seconds; an entry is two words and an
/// `Arc`, so the bound costs about 1 MB plus the events themselves.
const STRETCH: usize = 16_384;

/// The most that the changes kept may weigh together, in bytes: large ones shorten the stretch. Less where the memory
/// budget is small: this part of it.
const STRETCH_BYTES: usize = 64 << 20;
const PART: usize = 8;
/// Estimated memory for a change without its own data, in bytes.
const ENTRY: usize = 64;

/// A committed change that some client may have to hear of.
#[derive(Debug, Clone)]
pub enum Change {
    /// An event was appended to a room.
    Event(Arc<RoomEvent>),
    /// A room's state was resolved. Without the events.
    State(Arc<ResolvedState>),
    /// Somebody's receipt in a room moved.
    Receipt(Arc<ReceiptChange>),
    /// A user's account data changed, globally or for a room (tags and the fully-read marker included).
    AccountData(Arc<AccountDataChange>),
    /// Messages were put into the inboxes of these devices.
    ToDevice(Arc<[(UserNid, DeviceId)]>),
    /// A user's devices or cross-signing keys changed, as others see them.
    DeviceList(UserNid),
    /// One user signed the keys of another, which only they see.
    KeySigned {
        /// The user who signed.
        by: UserNid,
        /// The user whose keys they are.
        whose: UserNid,
    },
    /// Keys that a device has in store for others were handed out.
    KeyCounts(UserNid, DeviceId),
    /// A user began or ceased to follow a thread.
    ThreadSubscription(UserNid),
    /// A room was purged.
    Gone(Arc<GoneRoom>),
}

impl Change {
    /// The memory that it takes, in bytes, roughly.
    fn weight(&self) -> usize {
        match self {
            Self::Event(event) => ENTRY + event.weight(),
            other => other.own_weight(),
        }
    }

    /// The same without what is counted with the rooms.
    fn own_weight(&self) -> usize {
        match self {
            Self::Event(_) | Self::DeviceList(_) | Self::KeySigned { .. } | Self::ThreadSubscription(_) => ENTRY,
            Self::KeyCounts(..) => 2 * ENTRY,
            Self::State(resolved) => ENTRY * (1 + 2 * resolved.entries.len()),
            Self::Receipt(_) => 6 * ENTRY,
            Self::AccountData(change) => 4 * ENTRY + change.content.get().len(),
            Self::ToDevice(devices) => 2 * ENTRY + ENTRY * devices.len(),
            Self::Gone(gone) => 8 * ENTRY * (1 + gone.told.len()),
        }
    }
}

/// A receipt as it is streamed (spec: `m.receipt`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptChange {
    /// The room.
    pub room: RoomNid,
    /// The user's number.
    pub user: UserNid,
    /// The user.
    pub user_id: im2_model::UserId,
    /// `m.read` or `m.read.private`; the latter is only for its owner.
    pub kind: Arc<str>,
    /// The thread it is for: `None` for unthreaded, else `main` or the thread root.
    pub thread_id: Option<Arc<str>>,
    /// The event read up to.
    pub event_id: im2_model::EventId,
    /// When.
    pub ts: im2_model::Millis,
}

/// A room that was purged.
#[derive(Debug)]
pub struct GoneRoom {
    /// The number it had, which no other room gets.
    pub room: RoomNid,
    /// The room that was.
    pub room_id: im2_model::RoomId,
    /// The users whose clients may still show it, each with the event by which they left it, in the form for clients.
    pub told: HashMap<UserNid, Option<Box<str>>>,
}

/// A piece of account data as it is streamed.
#[derive(Debug, Clone)]
pub struct AccountDataChange {
    /// The user.
    pub user: UserNid,
    /// The room; `None` for global account data.
    pub room: Option<RoomNid>,
    /// The event type.
    pub kind: Arc<str>,
    /// The content; `{}` stands for deleted.
    pub content: Box<RawValue>,
}

/// The end of the stream, and its latest changes.
#[derive(Debug)]
pub struct Stream {
    inner: RwLock<Inner>,
    /// Says that something was published, to those who follow the whole stream.
    grown: watch::Sender<()>,
    memory: Memory,
    gauge: Arc<Gauge>,
}

#[derive(Debug)]
struct Inner {
    /// Everything that it includes has been published.
    reached: StreamToken,
    /// All changes after this are in `recent`.
    floor: StreamToken,
    /// The changes by writer, each in the order of its positions. There is nearly always one writer.
    recent: Vec<(WriterId, VecDeque<(Position, Change)>)>,
    /// How many changes `recent` has.
    count: usize,
    /// The memory that `recent` takes, in bytes.
    bytes: usize,
}

impl Inner {
    fn add(&mut self, position: Position, change: Change) {
        self.reached.advance(position);
        self.bytes += change.weight();
        self.count += 1;
        let writer = position.writer();
        match self.recent.iter_mut().find(|(known, _)| *known == writer) {
            Some((_, changes)) => {
                let is_in_order = changes.back().is_none_or(|(last, _)| *last <= position);
                debug_assert!(is_in_order, "a change before the last one of its writer would hide what is between");
                changes.push_back((position, change));
            }
            None => self.recent.push((writer, VecDeque::from([(position, change)]))),
        }
    }

    /// Takes out the change with the lowest position.
    fn drop_oldest(&mut self) -> Option<Change> {
        let first = |changes: &VecDeque<(Position, Change)>| changes.front().map(|(position, _)| *position);
        let oldest = self.recent.iter_mut().filter(|(_, changes)| !changes.is_empty());
        let (_, changes) = oldest.min_by_key(|(_, changes)| first(changes))?;
        let (position, change) = changes.pop_front()?;
        self.bytes -= change.weight();
        self.count -= 1;
        self.floor.advance(position);
        Some(change)
    }

    /// The changes of each writer that came after `since`.
    fn after(&self, since: &StreamToken) -> impl Iterator<Item = impl Iterator<Item = &(Position, Change)>> {
        self.recent.iter().filter_map(|(_, changes)| {
            // Walk back from the newest: a reader that follows the stream is nearly at its end.
            let start = changes.iter().rposition(|(position, _)| since.includes(*position)).map_or(0, |at| at + 1);
            (start < changes.len()).then(|| changes.range(start..))
        })
    }
}

impl Stream {
    /// A stream of which everything up to `reached` was before.
    pub fn starting_at(reached: &Reached, memory: &Memory) -> Self {
        let reached = StreamToken::from(reached.clone());
        let inner = Inner { floor: reached.clone(), reached, recent: Vec::new(), count: 0, bytes: 0 };
        Self {
            memory: memory.clone(),
            gauge: memory.gauge("stream"),
            inner: RwLock::new(inner),
            grown: watch::Sender::new(()),
        }
    }

    /// A receiver that is notified when something has been published since it last was: for those few who follow the
    /// whole stream, whoever it concerns, or wait for a place in it. Subscribe first, then look, then wait.
    pub fn grown(&self) -> watch::Receiver<()> {
        self.grown.subscribe()
    }

    /// Publishes a committed change. Called for each writer in the order of its commits: for our own as they are applied,
    /// which run in that order.
    pub fn publish(&self, position: Position, change: Change) {
        let most = STRETCH_BYTES.min(self.memory.allowed() / PART);
        let mut inner = self.inner.write();
        self.gauge.add(change.own_weight());
        inner.add(position, change);
        while inner.count > STRETCH || inner.bytes > most {
            let Some(change) = inner.drop_oldest() else { break };
            self.gauge.subtract(change.own_weight());
        }
        drop(inner);
        self.grown.send_replace(());
    }

    /// Notes how far a writer has got. Everything that it has committed up to there has been published, and whoever asks
    /// another node may have been told of a place at which nothing was.
    pub fn advance(&self, position: Position) {
        self.inner.write().reached.advance(position);
        self.grown.send_replace(());
    }

    /// Puts the redacted form of an event in its place, and takes its content out of the events that have a copy of
    /// it. Called once it is committed.
    pub fn redact(&self, redacted: &Arc<RoomEvent>) {
        let mut inner = self.inner.write();
        let Inner { recent, bytes, .. } = &mut *inner;
        let mut put = |change: &mut Change, event: Arc<RoomEvent>| {
            *bytes -= change.weight();
            *change = Change::Event(event);
            *bytes += change.weight();
        };
        let writer = redacted.position.writer();
        if let Some((_, changes)) = recent.iter_mut().find(|(known, _)| *known == writer)
            && let Ok(at) = changes.binary_search_by_key(&redacted.position, |(position, _)| *position)
            && let Some((_, change @ Change::Event(_))) = changes.get_mut(at)
        {
            put(change, Arc::clone(redacted));
        }
        // Messages are copied nowhere, and they are what is mostly redacted.
        if !redacted.is_state() && redacted.kind() != "m.room.redaction" {
            return;
        }
        for (_, change) in recent.iter_mut().flat_map(|(_, changes)| changes) {
            if let Change::Event(event) = change
                && event.room == redacted.room
                && event.copies(redacted.id())
            {
                let event = Arc::new(event.with_copy_of(&redacted.pdu));
                put(change, event);
            }
        }
    }

    /// How far the stream has got.
    pub fn reached(&self) -> StreamToken {
        self.inner.read().reached.clone()
    }

    /// Waits until the stream has got to everything that `wanted` says, and returns where it stands then.
    pub async fn wait_until(&self, wanted: impl Fn(&StreamToken) -> bool) -> StreamToken {
        let reached = self.reached();
        if wanted(&reached) {
            return reached;
        }
        let mut grown = self.grown();
        loop {
            let reached = self.reached();
            if wanted(&reached) || grown.changed().await.is_err() {
                return reached;
            }
        }
    }

    /// The changes after `since` in the stream's order, and where they end, if the stretch still holds all of them.
    pub fn since<T>(
        &self,
        since: &StreamToken,
        mut pick: impl FnMut(Position, &Change) -> Option<T>,
    ) -> Option<(Vec<T>, StreamToken)> {
        let inner = self.inner.read();
        if !since.stream().includes_all(inner.floor.stream()) {
            return None;
        }
        let mut after = inner.after(since);
        let (first, second) = (after.next(), after.next());
        let picked = match (first, second) {
            (None, _) => Vec::new(),
            (Some(only), None) => only.filter_map(|(position, change)| pick(*position, change)).collect(),
            (Some(first), Some(second)) => {
                let mut changes: Vec<_> = first.chain(second).chain(after.flatten()).collect();
                changes.sort_unstable_by_key(|(position, _)| *position);
                changes.into_iter().filter_map(|(position, change)| pick(*position, change)).collect()
            }
        };
        Some((picked, inner.reached.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Context, Poll, Wake, Waker},
    };

    use im2_model::{Position, PositionClock, Random as _, Reached, SeededRandom, StreamToken, UserNid, WriterId};

    use super::{Change, Stream};
    use crate::memory::{Memory, Options};

    fn below(random: &SeededRandom, end: usize) -> usize {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % end as u64).unwrap()
    }

    /// A process with its part of the stream, and what it has yet to hear of each writer.
    struct Node {
        stream: Arc<Stream>,
        clock: PositionClock,
        published: Vec<Position>,
        coming: Vec<VecDeque<Position>>,
    }

    impl Node {
        fn new(writer: WriterId, writers: usize, budget: usize) -> Self {
            let memory = Memory::new(Options { budget, machine: None });
            let before = Reached::everything_until(Position::from_i64(77));
            Self {
                stream: Arc::new(Stream::starting_at(&before, &memory)),
                clock: PositionClock::new(writer, before.base()),
                published: Vec::new(),
                coming: vec![VecDeque::new(); writers],
            }
        }

        fn publish(&mut self, position: Position) {
            self.clock.see(position);
            self.published.push(position);
            self.stream.publish(position, Change::DeviceList(UserNid(position.to_i64())));
        }

        /// Checks the stream's answer for a token: exactly the changes that were published here and that the token does
        /// not include. Returns the token that it reaches; `None` for one that is too old.
        fn check(&self, since: &StreamToken) -> Option<StreamToken> {
            let pick = |position: Position, change: &Change| match change {
                Change::DeviceList(user) if user.0 == position.to_i64() => Some(position),
                other => panic!("{other:?} at {position:?}"),
            };
            let (news, reached) = self.stream.since(since, pick)?;
            let mut expected: Vec<_> =
                self.published.iter().copied().filter(|position| !since.includes(*position)).collect();
            expected.sort_unstable();
            assert_eq!(news, expected, "since {since}");
            assert!(self.published.iter().all(|position| reached.includes(*position)));
            Some(reached)
        }
    }

    /// Three nodes, of which writers hear in any order, and clients that ask now one and now another of them.
    fn follow(seed: u64, budget: usize) -> usize {
        let random = SeededRandom::new(seed);
        let writers = 2 + below(&random, 3);
        let mut nodes: Vec<Node> = (1..=3).map(|writer| Node::new(writer, writers, budget)).collect();
        // Beyond the three there may be one that nobody asks.
        let mut other = PositionClock::new(9, Position::from_i64(77));
        let mut tokens = vec![StreamToken::from(Reached::everything_until(Position::from_i64(77))); 4];
        let mut answered = 0;
        for _ in 0..400 {
            let node = below(&random, 3);
            match below(&random, 4) {
                0 => {
                    let writer = below(&random, writers);
                    let position = match nodes.get_mut(writer) {
                        Some(own) => {
                            let position = own.clock.next();
                            own.publish(position);
                            position
                        }
                        None => other.next(),
                    };
                    let others = nodes.iter_mut().enumerate().filter(|(number, _)| *number != writer);
                    others.for_each(|(_, node)| node.coming[writer].push_back(position));
                }
                1 => {
                    let writer = below(&random, writers);
                    if let Some(position) = nodes[node].coming[writer].pop_front() {
                        nodes[node].publish(position);
                        other.see(Position::from_i64(position.to_i64() * below(&random, 2) as i64));
                    }
                }
                _ => {
                    let client = below(&random, tokens.len());
                    if let Some(reached) = nodes[node].check(&tokens[client]) {
                        tokens[client] = reached;
                        answered += 1;
                    } else {
                        tokens[client] = nodes[node].stream.reached();
                    }
                }
            }
        }
        answered
    }

    #[test]
    fn a_token_is_told_what_it_does_not_include_whatever_the_order_of_arrival() {
        for seed in 0..300 {
            assert!(follow(seed, 1 << 20) > 100);
        }
    }

    #[test]
    fn a_short_stretch_tells_all_or_says_that_it_does_not_know() {
        // Room for some hundred changes.
        let answered: usize = (0..300).map(|seed| follow(seed, 0)).sum();
        assert!(answered > 10_000, "{answered}");
    }

    #[test]
    fn what_came_late_of_another_writer_is_news_behind_what_was_seen() {
        let mut node = Node::new(1, 2, 1 << 20);
        node.publish(Position::new(2, 5));
        node.publish(Position::new(1, 10));
        let mut since = StreamToken::from(Reached::everything_until(Position::from_i64(77)));
        since.advance(Position::new(1, 10));
        since.advance(Position::new(2, 4));
        let (news, reached) = node.stream.since(&since, |position, _| Some(position)).unwrap();
        assert_eq!(news, [Position::new(2, 5)]);
        assert!(reached.includes(Position::new(2, 5)) && reached.includes(Position::new(1, 10)));
    }

    #[test]
    fn a_place_at_which_nothing_was_is_reached_too() {
        let mut node = Node::new(1, 2, 1 << 20);
        node.publish(Position::new(2, 5));
        let since = node.stream.reached();
        node.stream.advance(Position::new(2, 9));
        node.stream.advance(Position::new(2, 8));
        let (news, reached) = node.stream.since(&since, |position, _| Some(position)).unwrap();
        assert_eq!((news, reached.reached(2)), (Vec::new(), Position::new(2, 9)));
    }

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Alarm(AtomicUsize);

    impl Wake for Alarm {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn whoever_waits_for_a_place_sleeps_until_something_is_published() {
        let mut node = Node::new(1, 1, 1 << 20);
        let (alarm, wanted) = (Arc::new(Alarm::default()), Position::new(2, 7));
        let waker = Waker::from(Arc::clone(&alarm));
        let mut context = Context::from_waker(&waker);
        let stream = Arc::clone(&node.stream);
        let mut waiting = pin!(stream.wait_until(|reached| reached.includes(wanted)));
        for woken in 0..3 {
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            assert_eq!(alarm.0.load(Ordering::SeqCst), woken, "it asks by itself");
            node.publish(Position::new(1, 8 + woken as u64));
        }
        node.publish(wanted);
        match waiting.as_mut().poll(&mut context) {
            Poll::Ready(reached) => assert!(reached.includes(wanted) && reached.includes(Position::new(1, 10))),
            Poll::Pending => panic!("it is reached"),
        }
    }
}
