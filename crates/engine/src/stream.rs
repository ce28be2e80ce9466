//! The newest stretch of the stream, in memory.
//!
//! Whoever commits a change publishes it here from the commit's hook, so changes arrive in the order of their
//! positions. A reader whose token lies within the stretch is answered from it; an older one goes to the database.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use im2_model::{DeviceId, Position, RoomNid, StreamToken, UserNid};
use parking_lot::RwLock;
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::{
    memory::{Gauge, Memory},
    rooms::RoomEvent,
};

/// Changes kept. At a thousand changes a second it holds the last sixteen seconds; an entry is two words and an
/// `Arc`, so the bound costs about 1 MB plus the events themselves.
const STRETCH: usize = 16_384;

/// What the changes kept may weigh together, in bytes: large ones shorten the stretch. Less where the memory budget is
/// small: this part of it.
const STRETCH_BYTES: usize = 64 << 20;
const PART: usize = 8;
/// What a change takes by itself.
const ENTRY: usize = 64;

/// A committed change that some client may have to hear of.
#[derive(Debug, Clone)]
pub enum Change {
    /// An event was appended to a room.
    Event(Arc<RoomEvent>),
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
        /// Who signed.
        by: UserNid,
        /// Whose keys.
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
    /// What it keeps in memory, roughly.
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
    /// Whose receipt.
    pub user: UserNid,
    /// Whose receipt, as clients know them.
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
    /// Whose clients may still show it, each with the event by which they left it, in the form for clients.
    pub told: HashMap<UserNid, Option<Box<str>>>,
}

/// A piece of account data as it is streamed.
#[derive(Debug, Clone)]
pub struct AccountDataChange {
    /// Whose.
    pub user: UserNid,
    /// For which room; `None` for global.
    pub room: Option<RoomNid>,
    /// The event type.
    pub kind: Arc<str>,
    /// The content; `{}` stands for deleted.
    pub content: Box<RawValue>,
}

/// Where the stream stands and what was on it lately.
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
    /// Everything at or before it has been published.
    reached: StreamToken,
    /// What came after this is all in `recent`.
    floor: StreamToken,
    recent: VecDeque<(Position, Change)>,
    /// What `recent` weighs.
    bytes: usize,
}

impl Stream {
    /// A stream that stands at `reached`.
    pub fn starting_at(reached: Position, memory: &Memory) -> Self {
        let reached = StreamToken::at(reached, 0);
        Self {
            memory: memory.clone(),
            gauge: memory.gauge("stream"),
            inner: RwLock::new(Inner { floor: reached.clone(), reached, recent: VecDeque::new(), bytes: 0 }),
            grown: watch::Sender::new(()),
        }
    }

    /// What tells that something was published since it last told so: for those few who follow the whole stream,
    /// whoever it concerns. Subscribe first, then look with [`Self::since`], then wait.
    pub fn grown(&self) -> watch::Receiver<()> {
        self.grown.subscribe()
    }

    /// Publishes a committed change. Called from commit hooks only, which run in commit order.
    pub fn publish(&self, position: Position, change: Change) {
        let most = STRETCH_BYTES.min(self.memory.allowed() / PART);
        let mut inner = self.inner.write();
        inner.reached.advance(position);
        inner.bytes += change.weight();
        self.gauge.add(change.own_weight());
        inner.recent.push_back((position, change));
        while inner.recent.len() > STRETCH || inner.bytes > most {
            let Some((dropped, change)) = inner.recent.pop_front() else { break };
            inner.bytes -= change.weight();
            self.gauge.subtract(change.own_weight());
            inner.floor.advance(dropped);
        }
        drop(inner);
        self.grown.send_replace(());
    }

    /// Puts the redacted form of an event in its place, and takes its content out of the events that have a copy of
    /// it. Called from commit hooks only.
    pub(crate) fn redact(&self, redacted: &Arc<RoomEvent>) {
        let mut inner = self.inner.write();
        let Inner { recent, bytes, .. } = &mut *inner;
        let mut put = |change: &mut Change, event: Arc<RoomEvent>| {
            *bytes -= change.weight();
            *change = Change::Event(event);
            *bytes += change.weight();
        };
        if let Ok(at) = recent.binary_search_by_key(&redacted.position, |(position, _)| *position)
            && let Some((_, change @ Change::Event(_))) = recent.get_mut(at)
        {
            put(change, Arc::clone(redacted));
        }
        // Messages are copied nowhere, and they are what is mostly redacted.
        if !redacted.is_state() && redacted.kind() != "m.room.redaction" {
            return;
        }
        for (_, change) in recent {
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

    /// The changes after `since` and where they end, if the stretch still holds all of them.
    pub fn since<T>(
        &self,
        since: &StreamToken,
        mut pick: impl FnMut(Position, &Change) -> Option<T>,
    ) -> Option<(Vec<T>, StreamToken)> {
        let inner = self.inner.read();
        if inner.floor.positions().iter().any(|position| !since.includes(*position)) {
            return None;
        }
        // Walk back from the newest: a reader that follows the stream is nearly at its end.
        let start = inner.recent.iter().rposition(|(position, _)| since.includes(*position)).map_or(0, |at| at + 1);
        let picked = inner
            .recent
            .range(start..)
            .filter_map(|(position, change)| if since.includes(*position) { None } else { pick(*position, change) });
        Some((picked.collect(), inner.reached.clone()))
    }
}
