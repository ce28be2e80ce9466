//! The state that a connection has been sent; its next answer is the difference to it.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use im2_kernel::{content::Membership, unread::Counts};
use im2_model::{Position, RoomNid, StreamToken};

use super::{required_state::Combined, view::View};

/// Members of one room that are remembered as sent, for lazy loading. Beyond it the memory of that room starts
/// afresh, and they are sent again.
const MEMBERS: usize = 200;

/// Estimated memory for a room without members, and for a member, in bytes.
const ROOM: usize = 256;
const MEMBER: usize = 96;

/// How far a client has been told of something in a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing yet.
    #[default]
    Never,
    /// Everything up to the connection's token.
    Live,
    /// Everything up to this token; later there was news while the room was out of sight.
    Until(Arc<StreamToken>),
}

/// A room as the client knows it.
#[derive(Debug, Clone)]
pub(super) struct SentRoom {
    /// The user's membership.
    pub(super) membership: Membership,
    /// Its last event or, for rooms the user is not in, the member event, in the stream.
    pub(super) at: Position,
    /// The number of the last event that the client has heard of.
    pub(super) seq: i64,
    /// How many of its newest events the client has without a gap.
    pub(super) shown: usize,
    /// Whether those are all that the user may see.
    pub(super) is_whole: bool,
    /// The rules that it was sent by.
    pub(super) config: Arc<Combined>,
    /// The lists that it was in.
    pub(super) lists: Arc<[Box<str>]>,
    /// Whether it was a direct chat.
    pub(super) is_dm: bool,
    /// How much of it was unread.
    pub(super) unread: Counts,
    /// The members that were sent because the timeline needed them, each with the number of the event.
    pub(super) members: Arc<HashMap<Box<str>, i64>>,
    /// How far its account data was told.
    pub(super) account_data: Told,
    /// How far its receipts were told.
    pub(super) receipts: Told,
}

impl SentRoom {
    /// The memory that it takes, in bytes.
    fn weight(&self) -> usize {
        ROOM + MEMBER * self.members.len()
    }

    /// Notes that members were sent.
    pub(super) fn add_members<'a>(&mut self, sent: impl Iterator<Item = (&'a str, i64)>) {
        let mut sent = sent.peekable();
        if sent.peek().is_none() {
            return;
        }
        let members = Arc::make_mut(&mut self.members);
        for (user_id, seq) in sent {
            if members.len() >= MEMBERS && !members.contains_key(user_id) {
                members.clear();
            }
            members.insert(user_id.into(), seq);
        }
    }
}

/// The parts of an answer that are about no single room, and how the answer was made.
#[derive(Debug, Clone, Default)]
pub(super) struct ToldOfAll {
    /// The place in the stream up to which it was told; `None` before the first answer.
    pub(super) token: Option<StreamToken>,
    /// How many rooms each list had.
    pub(super) counts: BTreeMap<String, usize>,
    /// Whether the account data that is about no room was told.
    pub(super) has_account_data: bool,
    /// Whether it was told which threads the user follows.
    pub(super) has_thread_subscriptions: bool,
    /// Whether it was told which threads have new replies.
    pub(super) has_threads: bool,
    /// The combinations of rules that rooms were sent by, so that equal ones are one.
    pub(super) configs: Vec<Arc<Combined>>,
    /// The view that the lists were made from.
    pub(super) view: Option<Arc<View>>,
}

/// The state that a connection has been sent up to one `pos`.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent {
    /// The state as of the last answer. An extension that was not asked for is told from the beginning when a request
    /// asks for it again.
    pub(super) told: ToldOfAll,
    /// Each room.
    pub(super) rooms: HashMap<RoomNid, SentRoom>,
    /// The memory that the rooms take, in bytes.
    bytes: usize,
}

/// The changes that one answer makes to [`Sent`].
#[derive(Debug, Default)]
pub(super) struct Delta {
    pub(super) told: ToldOfAll,
    pub(super) rooms: HashMap<RoomNid, SentRoom>,
    /// Rooms that are not there any more.
    pub(super) gone: Vec<RoomNid>,
}

impl Sent {
    /// The memory that it takes, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.bytes
    }

    pub(super) fn apply(&mut self, delta: Delta) {
        self.told = delta.told;
        for (nid, room) in delta.rooms {
            self.bytes += room.weight();
            self.bytes -= self.rooms.insert(nid, room).map_or(0, |before| before.weight());
        }
        for room in delta.gone {
            self.bytes -= self.rooms.remove(&room).map_or(0, |before| before.weight());
        }
    }
}

impl Delta {
    /// The memory that it takes, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.rooms.values().map(SentRoom::weight).sum()
    }

    /// A room as it will be known after this answer, to be changed; `None` if it will not be known.
    pub(super) fn room(&mut self, before: &Sent, room: RoomNid) -> Option<&mut SentRoom> {
        Some(match self.rooms.entry(room) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(before.rooms.get(&room)?.clone()),
        })
    }
}
