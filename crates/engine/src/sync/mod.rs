//! `/sync`: what has happened since a token (spec: client-server API, "Syncing").
//!
//! A wait costs nothing while nothing happens: it holds a subscription, and the first thing it does when woken is to
//! ask the stream's stretch in memory whether any of the news is for its user. What an answer says is fixed by two
//! tokens, the client's and the one it is given: everything after the first and not after the second, once.

pub(crate) mod ahead;
pub(crate) mod changes;
pub(crate) mod encryption;
mod ephemeral;
mod members;
mod presence;
mod room;
mod state;
pub(crate) mod stripped;
pub(crate) mod summary;
pub(crate) mod timeline;
mod to_device;
mod unread;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use im2_model::{RoomNid, StreamToken, UserId, UserNid};
use im2_rooms::content::Membership;
use parking_lot::Mutex;

use crate::{
    Core, Result,
    account_data::AccountData,
    e2ee::E2ee,
    filters::Filter,
    presence::{Availability, Presence},
    receipts::Receipts,
    rooms::{Actor, RoomMembership, Rooms, UserRooms, write_array},
    session::Session,
    stream::{AccountDataChange, ReceiptChange},
    thread_subscriptions::ThreadSubscriptions,
    thread_updates::ThreadUpdates,
    to_device::ToDevice,
    typing::Typing,
    unread::Unread,
};
use ahead::{ReadAhead, TOGETHER, Wanted};
use changes::{Changes, GoneNews};
pub(crate) use members::SentMembers;

/// The longest that a request may wait.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// The most bytes that are set aside for an answer before they are needed: what 5,000 ordinary rooms take.
const MOST_RESERVED: usize = 64 << 20;

/// As of when a client is told the state of rooms, and under which name.
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
    /// Where the client stands; `None` for an initial sync.
    pub since: Option<StreamToken>,
    /// What the client wants to see.
    pub filter: Arc<Filter>,
    /// Whether all state is wanted, not only what has changed.
    pub full_state: bool,
    /// Which state of rooms is wanted.
    pub state: StateForm,
    /// How long to wait for news.
    pub timeout: Duration,
    /// What asking says of the user's presence.
    pub set_presence: Availability,
}

/// The use case: whom it asks for what it tells.
#[derive(Debug, Clone)]
pub struct Sync {
    pub(crate) core: Core,
    pub(crate) rooms: Rooms,
    pub(crate) account_data: AccountData,
    pub(crate) receipts: Receipts,
    pub(crate) thread_subscriptions: ThreadSubscriptions,
    pub(crate) thread_updates: ThreadUpdates,
    pub(crate) typing: Typing,
    pub(crate) presence: Presence,
    pub(crate) unread: Unread,
    pub(crate) to_device: ToDevice,
    pub(crate) e2ee: E2ee,
    pub(crate) sent_members: SentMembers,
}

/// One answer in the making: who asks for what, and between which places in the stream.
struct Answering<'a> {
    sync: &'a Sync,
    session: &'a Session,
    actor: Actor,
    request: &'a SyncRequest,
    ignored: Arc<HashSet<UserId>>,
    rooms: Arc<UserRooms>,
    changes: Changes,
    /// Of the changes, the account data of rooms.
    room_data: HashMap<RoomNid, Vec<Arc<AccountDataChange>>>,
    /// Where the answer ends.
    until: Arc<StreamToken>,
    /// Users whose presence the client has to learn.
    company: Mutex<BTreeSet<UserNid>>,
}

/// The sections of `rooms`, each a list of members of a JSON object.
struct Sections {
    /// It follows what is before it in the answer, because it can be large: it is written in place.
    join: Section,
    invite: Section,
    knock: Section,
    leave: Section,
}

#[derive(Default)]
struct Section {
    bytes: Vec<u8>,
    has_rooms: bool,
}

impl Section {
    /// A section that follows `bytes`.
    fn after(bytes: Vec<u8>) -> Self {
        Self { bytes, has_rooms: false }
    }

    /// Adds a room.
    fn add(&mut self, room_id: &im2_model::RoomId, body: &[u8]) {
        if self.has_rooms {
            self.bytes.push(b',');
        }
        self.has_rooms = true;
        // A room identifier has no character that JSON escapes.
        self.bytes.extend_from_slice(format!("\"{room_id}\":").as_bytes());
        self.bytes.extend_from_slice(body);
    }

    /// Makes place for the rest of `total` rooms after the first `done`: a large answer that grows is copied again
    /// and again, and the more memory it touches, the more has to be cleared for it.
    fn reserve(&mut self, done: usize, total: usize) {
        let each = self.bytes.len() / done.max(1);
        let rest = (each + each / 8).saturating_mul(total.saturating_sub(done));
        self.bytes.reserve(rest.min(MOST_RESERVED));
    }
}

impl Sync {
    /// Answers with what has happened, waiting for it if nothing has. The answer is JSON.
    pub async fn sync(&self, session: &Session, request: SyncRequest) -> Result<Vec<u8>> {
        let deadline = tokio::time::Instant::now() + request.timeout.min(MAX_WAIT);
        let subscription = self.core.bus.subscribe(session.user);
        let _connected = self.presence.connect(session, request.set_presence).await?;
        loop {
            let woken = subscription.woken();
            // Boxed, so that a request that waits holds none of what making an answer takes.
            let (answer, is_empty) = Box::pin(self.answer(session, &request)).await?;
            let waits = is_empty && request.since.is_some() && !request.full_state;
            if !waits {
                return Ok(answer);
            }
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep_until(deadline) => return Ok(answer),
                () = self.core.shutdown.begun() => return Ok(answer),
            }
        }
    }

    async fn answer(&self, session: &Session, request: &SyncRequest) -> Result<(Vec<u8>, bool)> {
        let rooms = self.rooms.of_user(session.user).await?;
        let mut changes = self.changes(session, request.since.as_ref(), &rooms).await?;
        self.add_to_device(session, request.since.as_ref(), &mut changes).await?;
        let head = self.head(session, &changes.until).await?;
        if changes.is_empty() && !request.full_state {
            return Ok((head, true));
        }
        let answering = Answering {
            sync: self,
            session,
            actor: Actor::from(session),
            request,
            ignored: self.account_data.ignored_users(session.user, &session.user_id).await?,
            rooms,
            until: Arc::new(changes.until.clone()),
            room_data: changes.account_data_of_rooms(),
            changes,
            company: Mutex::default(),
        };
        answering.write(head).await
    }
}

impl Answering<'_> {
    /// Writes the answer, whose beginning is `out`. It is empty if there is nothing else in it.
    async fn write(self, mut out: Vec<u8>) -> Result<(Vec<u8>, bool)> {
        let empty_length = out.len();
        out.pop();
        let head_length = out.len();
        out.extend_from_slice(b",\"rooms\":{\"join\":{");
        let (invite, knock, leave) = Default::default();
        let mut sections = Sections { join: Section::after(out), invite, knock, leave };
        self.add_rooms(&mut sections).await?;
        self.add_gone_rooms(&mut sections);
        let Sections { join, invite, knock, leave } = sections;
        let mut out = join.bytes;
        if join.has_rooms {
            out.push(b'}');
        } else {
            out.truncate(head_length);
        }
        let mut has_rooms = join.has_rooms;
        for (name, section) in [("invite", invite), ("knock", knock), ("leave", leave)] {
            if section.has_rooms {
                let before = if has_rooms { "," } else { ",\"rooms\":{" };
                out.extend_from_slice(format!("{before}\"{name}\":{{").as_bytes());
                out.extend_from_slice(&section.bytes);
                out.push(b'}');
                has_rooms = true;
            }
        }
        if has_rooms {
            out.push(b'}');
        }
        let global = self.changes.account_data.iter().filter(|change| change.room.is_none());
        let filter = &self.request.filter.account_data;
        write_account_data(&mut out, global.filter(|change| filter.matches_type(&change.kind)), ",\"account_data\":");
        self.write_presence(&mut out);
        self.write_to_device(&mut out);
        self.write_device_lists(&mut out);
        out.push(b'}');
        let is_empty = out.len() == empty_length && self.changes.keys.is_empty();
        Ok((out, is_empty))
    }

    async fn add_rooms(&self, sections: &mut Sections) -> Result<()> {
        let wanted = self.wanted_rooms();
        let rooms: Vec<RoomNid> = wanted.iter().map(|(room, _)| *room).collect();
        let events = self.request.filter.room.timeline.limit_or_none(room::DEFAULT_LIMIT, room::MAX_LIMIT);
        let needed = Wanted { events, receipts: self.request.since.is_none() };
        let mut ahead = ReadAhead::new(self.sync, &self.actor, &rooms, needed);
        for (stretch, rooms) in wanted.chunks(TOGETHER).enumerate() {
            let receipts = ahead.next().await?;
            for (room, membership) in rooms {
                self.add_room(sections, *room, *membership, receipts.get(room)).await?;
            }
            if stretch == 0 {
                sections.join.reserve(rooms.len(), wanted.len());
            }
        }
        Ok(())
    }

    /// Rooms that have been purged: to the client they are rooms that were left.
    fn add_gone_rooms(&self, sections: &mut Sections) {
        for GoneNews { room_id, event, .. } in &self.changes.gone {
            if self.request.filter.room.includes(room_id) {
                let event = event.as_deref().unwrap_or_default();
                let timeline = format!("{{\"limited\":false,\"prev_batch\":\"t0\",\"events\":[{event}]}}");
                let body = format!("{{\"timeline\":{timeline},\"state\":{{\"events\":[]}}}}");
                sections.leave.add(room_id, body.as_bytes());
            }
        }
    }

    /// The rooms that may have something to say, with what the user is to them.
    fn wanted_rooms(&self) -> Vec<(RoomNid, RoomMembership)> {
        let changed = self.changes.rooms.iter().filter_map(|room| Some((*room, self.rooms.get_forgotten_too(*room)?)));
        let mut wanted: BTreeMap<_, _> = changed.collect();
        if self.request.full_state || self.request.since.is_none() {
            wanted.extend(self.rooms.all());
        }
        if self.request.since.is_none() && !self.request.filter.room.include_leave {
            wanted.retain(|_, found| !matches!(found.membership, Membership::Leave | Membership::Ban));
        }
        wanted.into_iter().collect()
    }

    async fn add_room(
        &self,
        sections: &mut Sections,
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
        match membership.membership {
            Membership::Join => {
                if let Some(body) = self.joined_room(&room, membership, receipts).await? {
                    sections.join.add(&room.id, &body);
                }
            }
            Membership::Invite if is_new => {
                if let Some(body) = self.invited_room(&room).await? {
                    sections.invite.add(&room.id, &body);
                }
            }
            Membership::Knock if is_new => {
                if let Some(body) = self.knocked_room(&room).await? {
                    sections.knock.add(&room.id, &body);
                }
            }
            Membership::Leave | Membership::Ban => {
                // Of an initial sync those that are wanted are chosen before.
                let wanted = self.request.since.is_none() || is_new;
                if wanted && let Some(body) = self.left_room(&room, membership).await? {
                    sections.leave.add(&room.id, &body);
                }
            }
            Membership::Invite | Membership::Knock => {}
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
