//! `/sync`: what has happened since a token (spec: client-server API, "Syncing").
//!
//! A wait costs nothing while nothing happens: it holds a subscription, and the first thing it does when woken is to
//! ask the stream's stretch in memory whether any of the news is for its user. What an answer says is fixed by two
//! tokens, the client's and the one it is given: everything after the first and not after the second, once.

pub(crate) mod changes;
mod concurrency;
pub(crate) mod encryption;
mod ephemeral;
pub mod event_stream;
mod members;
mod presence;
pub(crate) mod read_ahead;
mod room;
pub mod sliding_sync;
mod state;
mod streamed;
mod stripped;
pub(crate) mod summary;
pub(crate) mod timeline;
mod to_device;
mod unread;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io::Write as _,
    sync::Arc,
    time::Duration,
};

use im2_kernel::content::Membership;
use im2_model::{RoomNid, StreamToken, UserId, UserNid};
use parking_lot::Mutex;

use changes::{Changes, GoneNews};
pub use concurrency::ConcurrentSyncs;
use im2_chat::{
    Chat,
    account_data::AccountData,
    e2ee::E2ee,
    filters::Filter,
    presence::{Availability, Presence},
    receipts::Receipts,
    rooms::{Actor, RoomMembership, Rooms, UserRooms, write_array},
    thread_subscriptions::ThreadSubscriptions,
    thread_updates::ThreadUpdates,
    to_device::ToDevice,
    typing::Typing,
    unread::Unread,
};
use im2_core::{
    Core, Result,
    session::Session,
    stream::{AccountDataChange, ReceiptChange},
};
use im2_fair::Load;
pub use members::SentMembers;
use read_ahead::{ReadAhead, TOGETHER, Wanted};
pub use streamed::Making;
use streamed::Out;
pub use streamed::{Answer, Pieces};

/// The longest that a request may wait.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// Rooms from which on an answer may be large, so that it is made in pieces.
const MANY: usize = 32;

/// The place as of which a client is told the state of rooms, and the name under which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateForm {
    /// At the start of the timeline.
    #[default]
    Before,
    /// At its end.
    After,
    /// At its end, under the name that MSC4222 had for it as a draft.
    AfterAsDrafted,
}

impl StateForm {
    fn is_after(self) -> bool {
        self != Self::Before
    }

    fn key(self) -> &'static str {
        match self {
            Self::Before => "state",
            Self::After => "state_after",
            Self::AfterAsDrafted => "org.matrix.msc4222.state_after",
        }
    }
}

/// A `/sync` request.
#[derive(Debug, Clone)]
pub struct SyncRequest {
    /// The token of the client's last answer; `None` for an initial sync.
    pub since: Option<StreamToken>,
    /// The filter: rooms, events and fields that the client wants.
    pub filter: Arc<Filter>,
    /// Whether all state is wanted, not only what has changed.
    pub full_state: bool,
    /// The form of the state of rooms.
    pub state: StateForm,
    /// How long to wait for news.
    pub timeout: Duration,
    /// The presence that the request sets for the user.
    pub set_presence: Availability,
}

/// The ways to follow what happens.
#[derive(Debug)]
pub struct Syncing {
    /// `/sync`.
    pub classic: Sync,
    /// Sliding sync: what a client does not know yet of the rooms it wants to see.
    pub sliding: sliding_sync::SlidingSync,
    /// `/events`: listening for events one after the other.
    pub events: event_stream::EventStream,
}

impl Syncing {
    /// Over the core, with those whose news is told.
    pub fn new(core: &Core, chat: &Chat) -> Self {
        let classic = Sync::new(core.clone(), chat);
        Self {
            sliding: sliding_sync::SlidingSync::new(classic.clone()),
            events: event_stream::EventStream::new(core.clone(), chat.rooms.clone()),
            classic,
        }
    }

    /// How many answers are being made, and how many wait for it.
    pub fn load(&self) -> Load {
        self.classic.making.load()
    }
}

/// The use case: whom it asks for what it tells.
#[derive(Debug, Clone)]
pub struct Sync {
    core: Core,
    rooms: Rooms,
    account_data: AccountData,
    receipts: Receipts,
    thread_subscriptions: ThreadSubscriptions,
    thread_updates: ThreadUpdates,
    typing: Typing,
    presence: Presence,
    unread: Unread,
    to_device: ToDevice,
    e2ee: E2ee,
    sent_members: SentMembers,
    concurrent: ConcurrentSyncs,
    making: Making,
}

impl Sync {
    /// Over the core, with those whose news it tells.
    pub fn new(core: Core, chat: &Chat) -> Self {
        Self {
            rooms: chat.rooms.clone(),
            account_data: chat.account_data.clone(),
            receipts: chat.receipts.clone(),
            thread_subscriptions: chat.thread_subscriptions.clone(),
            thread_updates: chat.thread_updates.clone(),
            typing: chat.typing.clone(),
            presence: chat.presence.clone(),
            unread: chat.unread.clone(),
            to_device: chat.to_device.clone(),
            e2ee: chat.e2ee.clone(),
            sent_members: SentMembers::new(&core.memory),
            concurrent: ConcurrentSyncs::default(),
            making: Making::default(),
            core,
        }
    }
}

/// One answer in the making: who asks for what, and between which places in the stream.
struct Answering<'a> {
    sync: &'a Sync,
    session: &'a Session,
    actor: Actor,
    request: &'a SyncRequest,
    ignored: Arc<HashSet<UserId>>,
    changes: Changes,
    /// The account data of rooms among the changes, by room.
    room_data: HashMap<RoomNid, Vec<Arc<AccountDataChange>>>,
    /// The token where the answer ends.
    until: Arc<StreamToken>,
    /// Users whose presence the client has to learn.
    company: Mutex<BTreeSet<UserNid>>,
}

/// The place in `rooms` of an answer that is reached.
#[derive(Debug, Default, Clone, Copy)]
struct RoomsObject {
    /// The section that is open.
    section: Option<&'static str>,
}

impl RoomsObject {
    /// Begins a room of a section. Each section is written in one go.
    fn begin(&mut self, out: &mut Vec<u8>, section: &'static str, room_id: &im2_model::RoomId) {
        match self.section {
            None => drop(write!(out, ",\"rooms\":{{\"{section}\":{{")),
            Some(open) if open == section => out.push(b','),
            Some(_) => drop(write!(out, "}},\"{section}\":{{")),
        }
        self.section = Some(section);
        // A room identifier has no character that JSON escapes. Writing to a vector cannot fail.
        drop(write!(out, "\"{room_id}\":"));
    }

    fn end(self, out: &mut Vec<u8>) {
        if self.section.is_some() {
            out.extend_from_slice(b"}}");
        }
    }
}

/// The sections, in the order in which they are written.
const SECTIONS: [&str; 4] = ["join", "invite", "knock", "leave"];

/// The section in which a room is told of, by what the user is to it.
fn section_of(membership: Membership) -> &'static str {
    match membership {
        Membership::Join => "join",
        Membership::Invite => "invite",
        Membership::Knock => "knock",
        Membership::Leave | Membership::Ban => "leave",
    }
}

impl Sync {
    /// Answers with what has happened, waiting for it if nothing has.
    pub async fn sync(&self, session: &Session, request: SyncRequest) -> Result<Answer> {
        let deadline = tokio::time::Instant::now() + request.timeout.min(MAX_WAIT);
        let subscription = self.core.bus.subscribe(session.user);
        let turn = self.concurrent.begin(session.user, &session.device_id);
        let _connected = self.presence.connect(session, request.set_presence).await?;
        loop {
            let woken = subscription.woken();
            // Boxed, so that a request that waits holds none of what making an answer takes.
            let (answer, is_empty) = Box::pin(self.answer(session, &request)).await?;
            let waits = is_empty && request.since.is_some() && !request.full_state;
            if !waits {
                return Ok(answer.within(turn));
            }
            tokio::select! {
                () = woken => {}
                () = turn.superseded() => return Ok(answer),
                () = tokio::time::sleep_until(deadline) => return Ok(answer),
                () = self.core.shutdown.begun() => return Ok(answer),
            }
        }
    }

    async fn answer(&self, session: &Session, request: &SyncRequest) -> Result<(Answer, bool)> {
        let slot = self.making.turn().await?;
        let rooms = self.rooms.of_user(session.user).await?;
        let mut changes = self.changes(session, request.since.as_ref(), &rooms).await?;
        self.add_to_device(session, request.since.as_ref(), &mut changes).await?;
        let head = self.head(session, &changes.until).await?;
        if changes.is_empty() && !request.full_state {
            return Ok((Answer::Whole(head), true));
        }
        let ignored = self.account_data.ignored_users(session.user, &session.user_id).await?;
        let parts = Parts { ignored, rooms, changes };
        let wanted = parts.wanted_rooms(request);
        let is_new = |found: &RoomMembership| {
            request.since.as_ref().is_none_or(|since| !since.includes(found.position)) || request.full_state
        };
        if wanted.len() < MANY && !wanted.iter().any(|(_, found)| is_new(found)) {
            let (whole, is_empty) = Answering::new(self, session, request, parts)
                .write(head, &wanted, Out::whole(&self.making, slot))
                .await?;
            return Ok((Answer::Whole(whole), is_empty));
        }
        let (sync, session, request) = (self.clone(), session.clone(), request.clone());
        let make =
            |out| async move { Answering::new(&sync, &session, &request, parts).write(head, &wanted, out).await };
        streamed::in_pieces(&self.making, slot, make).await
    }
}

/// The data that an answer is made from, beside the request.
struct Parts {
    ignored: Arc<HashSet<UserId>>,
    rooms: Arc<UserRooms>,
    changes: Changes,
}

impl Parts {
    /// The rooms that may have something to say, with what the user is to them, by section.
    fn wanted_rooms(&self, request: &SyncRequest) -> Vec<(RoomNid, RoomMembership)> {
        let changed = self.changes.rooms.iter().filter_map(|room| Some((*room, self.rooms.get_forgotten_too(*room)?)));
        let mut wanted: BTreeMap<_, _> = changed.collect();
        if request.full_state || request.since.is_none() {
            wanted.extend(self.rooms.all());
        }
        if request.since.is_none() && !request.filter.room.include_leave {
            wanted.retain(|_, found| !matches!(found.membership, Membership::Leave | Membership::Ban));
        }
        let mut wanted: Vec<_> = wanted.into_iter().collect();
        let place = |found: &RoomMembership| SECTIONS.iter().position(|name| *name == section_of(found.membership));
        wanted.sort_by_key(|(_, found)| place(found));
        wanted
    }
}

impl<'a> Answering<'a> {
    fn new(sync: &'a Sync, session: &'a Session, request: &'a SyncRequest, parts: Parts) -> Self {
        let Parts { ignored, changes, .. } = parts;
        Self {
            sync,
            session,
            actor: Actor::from(session),
            request,
            ignored,
            until: Arc::new(changes.until.clone()),
            room_data: changes.account_data_of_rooms(),
            changes,
            company: Mutex::default(),
        }
    }
}

impl Answering<'_> {
    /// Writes the answer, whose beginning is `head`. Gives what has not gone to the reader by then, and whether the
    /// answer says nothing.
    async fn write(self, head: Vec<u8>, wanted: &[(RoomNid, RoomMembership)], mut out: Out) -> Result<(Vec<u8>, bool)> {
        out.bytes = head;
        out.bytes.pop();
        let head_length = out.bytes.len();
        let mut object = RoomsObject::default();
        self.add_rooms(&mut out, &mut object, wanted).await?;
        self.add_gone_rooms(&mut out.bytes, &mut object);
        object.end(&mut out.bytes);
        let has_rooms = object.section.is_some();
        let mut out = out.bytes;
        let before = out.len();
        let global = self.changes.account_data.iter().filter(|change| change.room.is_none());
        let filter = &self.request.filter.account_data;
        write_account_data(&mut out, global.filter(|change| filter.matches_type(&change.kind)), ",\"account_data\":");
        self.write_presence(&mut out);
        self.write_to_device(&mut out);
        self.write_device_lists(&mut out);
        let says_something = has_rooms || out.len() > before;
        out.push(b'}');
        debug_assert!(says_something || out.len() == head_length + 1, "nothing was written");
        Ok((out, !says_something && self.changes.keys.is_empty()))
    }

    async fn add_rooms(
        &self,
        out: &mut Out,
        object: &mut RoomsObject,
        wanted: &[(RoomNid, RoomMembership)],
    ) -> Result<()> {
        let rooms: Vec<RoomNid> = wanted.iter().map(|(room, _)| *room).collect();
        let events = self.request.filter.room.timeline.limit_or_none(room::DEFAULT_LIMIT, room::MAX_LIMIT);
        let needed = Wanted { events, receipts: self.request.since.is_none() };
        let mut ahead = ReadAhead::new(self.sync, &self.actor, &rooms, needed);
        for rooms in wanted.chunks(TOGETHER) {
            let receipts = ahead.next().await?;
            for (room, membership) in rooms {
                self.add_room(out, object, *room, *membership, receipts.get(room)).await?;
                out.pass_on().await?;
            }
        }
        Ok(())
    }

    /// Rooms that have been purged: to the client they are rooms that were left.
    fn add_gone_rooms(&self, out: &mut Vec<u8>, object: &mut RoomsObject) {
        for GoneNews { room_id, event, .. } in &self.changes.gone {
            if self.request.filter.room.includes(room_id) {
                let event = event.as_deref().unwrap_or_default();
                let timeline = format!("{{\"limited\":false,\"prev_batch\":\"t0\",\"events\":[{event}]}}");
                object.begin(out, "leave", room_id);
                out.extend_from_slice(format!("{{\"timeline\":{timeline},\"state\":{{\"events\":[]}}}}").as_bytes());
            }
        }
    }

    async fn add_room(
        &self,
        out: &mut Out,
        object: &mut RoomsObject,
        nid: RoomNid,
        membership: RoomMembership,
        receipts: Option<&Vec<ReceiptChange>>,
    ) -> Result<()> {
        let is_new = !self.has_seen(membership.position);
        // A room may have been purged meanwhile; the answer after this one says so.
        let Some(room) = self.sync.rooms.if_there(nid).await? else { return Ok(()) };
        if !self.request.filter.room.includes(&room.id) {
            return Ok(());
        }
        let (before, length) = (*object, out.bytes.len());
        object.begin(&mut out.bytes, section_of(membership.membership), &room.id);
        let says_something = match membership.membership {
            Membership::Join => self.joined_room(out, &room, membership, receipts).await?,
            Membership::Invite => is_new && self.invited_room(&mut out.bytes, &room).await?,
            Membership::Knock => is_new && self.knocked_room(&mut out.bytes, &room).await?,
            // Of an initial sync those that are wanted are chosen before.
            Membership::Leave | Membership::Ban if self.request.since.is_some() && !is_new => false,
            Membership::Leave | Membership::Ban => self.left_room(out, &room, membership).await?,
        };
        if !says_something {
            // Nothing of it has gone to the reader.
            out.bytes.truncate(length);
            *object = before;
        }
        Ok(())
    }

    /// Whether the client's token includes a position.
    fn has_seen(&self, position: im2_model::Position) -> bool {
        self.request.since.as_ref().is_some_and(|since| since.includes(position))
    }
}

/// Writes `{"events": […]}` under `key`, unless there are none.
fn write_account_data<'a>(
    out: &mut Vec<u8>,
    changes: impl Iterator<Item = &'a Arc<AccountDataChange>>,
    key: &str,
) -> bool {
    let mut changes = changes.peekable();
    if changes.peek().is_none() {
        return false;
    }
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"{\"events\":");
    write_array(out, changes, |out, change| write_account_data_event(out, change));
    out.push(b'}');
    true
}

/// Writes one piece of account data as an event.
pub(crate) fn write_account_data_event(out: &mut Vec<u8>, change: &AccountDataChange) {
    out.extend_from_slice(b"{\"type\":");
    drop(serde_json::to_writer(&mut *out, &change.kind)); // writing to a vector cannot fail
    out.extend_from_slice(b",\"content\":");
    out.extend_from_slice(change.content.get().as_bytes());
    out.push(b'}');
}
