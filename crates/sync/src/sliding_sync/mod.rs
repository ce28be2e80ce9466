//! Simplified sliding sync (MSC4186): of the user's rooms the ones that a client wants to see, sorted by activity,
//! and of each only what the client does not know yet.
//!
//! It is cheap because each user's rooms are kept in order (`order`), by summaries in memory (`rooms::summaries`), and
//! because a room is looked at only if it is in a range and has changed since the connection's last answer or came into
//! sight (`listing`). The rooms' state as sent is kept for each connection and room (`sent`), not for a place in the
//! stream, so a room that was out of sight for long is told like every other.

mod connections;
mod extensions;
mod filter;
mod invites;
mod listing;
mod object;
mod order;
mod places;
mod purged;
mod request;
mod required_state;
mod room;
mod sent;
mod state;
mod view;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use im2_chat::{
    account_data::AccountData,
    e2ee::E2ee,
    presence::Presence,
    receipts::Receipts,
    rooms::{Actor, Rooms, UserRooms},
    to_device::ToDevice,
    typing::Typing,
    unread::Unread,
};
use im2_core::{Core, Result, session::Session};
use im2_model::{RoomNid, StreamToken, UserId};

use crate::{
    Sync,
    changes::Changes,
    read_ahead::{ReadAhead, TOGETHER, Wanted},
};
use connections::{Connections, Key, Turn};
use listing::{Listing, Matched};
use object::Object;
use order::Orders;
use room::RoomAnswer;
use sent::{Delta, Sent, ToldOfAll};

pub use request::{Body, Dialect, SlidingRequest};

/// The longest that a request may wait.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// The use case.
#[derive(Debug, Clone)]
pub struct SlidingSync {
    core: Core,
    sync: Sync,
    rooms: Rooms,
    account_data: AccountData,
    receipts: Receipts,
    typing: Typing,
    presence: Presence,
    unread: Unread,
    to_device: ToDevice,
    e2ee: E2ee,
    connections: Arc<Connections>,
    orders: Arc<Orders>,
}

/// One answer in the making.
struct Answering<'a> {
    sync: &'a SlidingSync,
    session: &'a Session,
    actor: Actor,
    request: &'a SlidingRequest,
    /// The state that the client has received.
    before: &'a Sent,
    ignored: Arc<HashSet<UserId>>,
    /// The changes since then, up to `until`.
    changes: Changes,
    until: StreamToken,
    /// Rooms in which the user has read on, so that unread counts have changed.
    recounted: HashSet<RoomNid>,
    /// Bytes of the rooms that are written.
    written: AtomicUsize,
}

/// An answer without its `pos`.
struct Answer {
    body: Object,
    delta: Delta,
    until: StreamToken,
    is_empty: bool,
}

impl SlidingSync {
    /// Builds it on the core.
    pub fn new(sync: Sync) -> Self {
        let Sync { core, rooms, account_data, receipts, typing, presence, unread, to_device, e2ee, .. } = sync.clone();
        let connections = Arc::new(Connections::new(&*core.random, &core.memory));
        let orders = Arc::new(Orders::new(&core.memory));
        Self {
            core,
            sync,
            rooms,
            account_data,
            receipts,
            typing,
            presence,
            unread,
            to_device,
            e2ee,
            connections,
            orders,
        }
    }

    /// Answers with what the client does not know yet, waiting for it if there is nothing. The answer is JSON.
    pub async fn sync(&self, session: &Session, request: SlidingRequest) -> Result<Vec<u8>> {
        let deadline = tokio::time::Instant::now() + request.timeout.min(MAX_WAIT);
        let key: Key = (session.user, session.device_id.clone(), request.conn_id.clone());
        let turn = self.connections.begin(&key, request.pos.as_deref(), self.core.now())?;
        let subscription = self.core.bus.subscribe(session.user);
        let _connected = self.presence.connect(session, request.set_presence).await?;
        self.hear_of_messages(&request).await?;
        let mut looked_until = None;
        loop {
            let (woken, superseded) = (subscription.woken(), turn.superseded.notified());
            if !self.connections.is_current(&key, &turn) {
                return Ok(superseded_answer(&request));
            }
            if self.may_have_news(session, &request, looked_until.as_ref()).await? {
                // Boxed, so that a request that waits holds none of what making an answer takes.
                let answer = Box::pin(self.answer(session, &request, &turn)).await?;
                let is_over = tokio::time::Instant::now() >= deadline;
                if !answer.is_empty || request.pos.is_none() || is_over {
                    return Ok(self.finish(&key, &turn, &request, answer));
                }
                looked_until = Some(answer.until);
            }
            let is_over = tokio::select! {
                () = woken => false,
                () = superseded => false,
                () = tokio::time::sleep_until(deadline) => true,
                () = self.core.shutdown.begun() => true,
            };
            if is_over {
                let answer = Box::pin(self.answer(session, &request, &turn)).await?;
                return Ok(self.finish(&key, &turn, &request, answer));
            }
        }
    }

    /// Whether anything has happened since the last look that may concern the user.
    async fn may_have_news(
        &self,
        session: &Session,
        request: &SlidingRequest,
        looked_until: Option<&StreamToken>,
    ) -> Result<bool> {
        let Some(since) = looked_until else { return Ok(true) };
        let rooms = self.rooms.of_user(session.user).await?;
        let changes = self.sync.changes_since(session, since, &rooms).await?;
        Ok(!changes.is_empty() || self.has_messages(session, request, &changes.until).await?)
    }

    fn finish(&self, key: &Key, turn: &Turn, request: &SlidingRequest, answer: Answer) -> Vec<u8> {
        let Answer { mut body, delta, until, .. } = answer;
        body.member("pos", self.connections.finish(key, turn, &until, delta));
        if let Some(txn_id) = &request.txn_id {
            body.member("txn_id", txn_id);
        }
        body.finish()
    }

    async fn answer(&self, session: &Session, request: &SlidingRequest, turn: &Turn) -> Result<Answer> {
        let _slot = self.sync.making.turn().await?;
        let rooms = self.rooms.of_user(session.user).await?;
        let changes = self.changes(session, turn.sent.told.token.as_ref(), &rooms).await?;
        let listing = self.listing(session, request, &rooms, &turn.sent, &changes).await?;
        let own = |(room, receipts): (&RoomNid, &Vec<Arc<im2_core::stream::ReceiptChange>>)| {
            receipts.iter().any(|receipt| receipt.user == session.user).then_some(*room)
        };
        let answering = Answering {
            sync: self,
            session,
            actor: Actor::from(session),
            request,
            before: &turn.sent,
            ignored: self.account_data.ignored_users(session.user, &session.user_id).await?,
            until: changes.until.clone(),
            recounted: changes.receipts.iter().filter_map(own).collect(),
            changes,
            written: AtomicUsize::new(0),
        };
        answering.write(listing).await
    }

    async fn changes(&self, session: &Session, since: Option<&StreamToken>, rooms: &UserRooms) -> Result<Changes> {
        match since {
            Some(since) => self.sync.changes_since(session, since, rooms).await,
            None => self.sync.changes_none(rooms).await,
        }
    }
}

/// The answer to a request that a later one has superseded. Its client does not look at it.
fn superseded_answer(request: &SlidingRequest) -> Vec<u8> {
    let mut body = Object::new();
    body.member("pos", request.pos.as_deref().unwrap_or_default());
    body.finish()
}

impl Answering<'_> {
    async fn write(&self, listing: Listing) -> Result<Answer> {
        let told = ToldOfAll {
            token: Some(self.until.clone()),
            counts: listing.counts.clone(),
            configs: listing.configs,
            view: listing.view,
            ..ToldOfAll::default()
        };
        let mut delta = Delta { told, ..Delta::default() };
        let mut answers = Vec::new();
        let is_gone = |matched: &&Matched| self.changes.gone.iter().any(|gone| gone.room == matched.candidate.room);
        let stale: Vec<&Matched> =
            listing.rooms.iter().filter(|matched| !is_gone(matched) && self.is_stale(matched)).collect();
        let rooms: Vec<RoomNid> = stale.iter().map(|matched| matched.candidate.room).collect();
        let events = stale.iter().map(|matched| matched.config.timeline_limit).max().unwrap_or(0);
        let mut ahead = ReadAhead::new(&self.sync.sync, &self.actor, &rooms, Wanted { events, receipts: false });
        for stale in stale.chunks(TOGETHER) {
            ahead.next().await?;
            for matched in stale {
                if let Some(answer) = self.room(matched).await? {
                    self.written.fetch_add(answer.body.as_ref().map_or(0, Vec::len), Ordering::Relaxed);
                    delta.rooms.insert(matched.candidate.room, answer.sent.clone());
                    answers.push((*matched, answer));
                }
            }
        }
        let extensions = self.extensions(&listing.rooms, &answers, &mut delta).await?;
        let mut body = Object::new();
        let mut lists = Object::new();
        for (name, count) in &listing.counts {
            lists.member(name, serde_json::json!({ "count": count }));
        }
        body.object("lists", lists);
        let mut rooms = Object::new();
        for (matched, answer) in &answers {
            if let Some(room) = &answer.body {
                rooms.key(matched.candidate.summary.id.as_str(), |out| out.extend_from_slice(room));
            }
        }
        self.write_gone(&mut rooms, &mut delta);
        let is_empty = rooms.is_empty() && !extensions.has_news && self.before.told.counts == listing.counts;
        let (rooms, extensions) = (rooms.finish(), extensions.body.finish());
        body.key("rooms", |out| out.extend_from_slice(&rooms));
        body.key("extensions", |out| out.extend_from_slice(&extensions));
        Ok(Answer { body, delta, until: self.until.clone(), is_empty })
    }
}

/// The rooms that are told of in an answer.
type Answers<'a> = [(&'a Matched, RoomAnswer)];
