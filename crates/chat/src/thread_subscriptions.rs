//! Subscriptions of users to threads, and their changes (MSC4306, MSC4308).
//!
//! Kept for clients: nobody is notified differently because of it, for the proposal's push rules would silence every
//! thread for all those whose clients do not know of them.

use std::{fmt, str::FromStr};

use im2_core::{Code, Committed, Core, Error, Result, Transaction, stream::Change};
use im2_kernel::relations::{may_root_thread, rel_type};
use im2_model::{EventId, Position, RoomId, StreamToken, UserNid};
use im2_store::thread_subscriptions::{ThreadSubscription, ThreadSubscriptionChange};
use serde_json::{Map, Value, json};

use crate::rooms::{Actor, PlaceToken, Reader, Rooms};

/// Changes in one answer if the client names no number (MSC4308).
pub const DEFAULT_LIMIT: usize = 100;
/// The most of them: some 100 bytes each.
const MAX_LIMIT: usize = 512;

/// The use cases of following threads.
#[derive(Debug, Clone)]
pub struct ThreadSubscriptions {
    core: Core,
    rooms: Rooms,
}

/// A request for a list of changes.
#[derive(Debug, Clone, Default)]
pub struct ChangesRequest {
    /// Only those after this place.
    pub since: Option<StreamToken>,
    /// Only those before this place.
    pub before: Option<ChangesToken>,
    /// The maximum number of changes.
    pub limit: usize,
}

/// The place from which a list of changes goes on, backward. As text `f<number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangesToken(Position);

impl fmt::Display for ChangesToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}", self.0.to_i64())
    }
}

impl FromStr for ChangesToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.strip_prefix('f').and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        let invalid =
            || Error::refused(Code::InvalidParam, "this is not a token of this server for thread subscriptions");
        number.map(|number| Self(Position::from_i64(number))).ok_or_else(invalid)
    }
}

/// The latest changes, each thread once.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The latest first.
    pub changes: Vec<ThreadSubscriptionChange>,
    /// The token of the rest, if there is more.
    pub next: Option<ChangesToken>,
}

impl Changes {
    /// The threads that are followed, and those that are not any more, both by room and root.
    pub fn by_room(&self) -> (Value, Value) {
        let (mut subscribed, mut unsubscribed) = (Map::new(), Map::new());
        for change in &self.changes {
            let bump = change.position.to_i64();
            let (threads, about) = if change.subscribed {
                (&mut subscribed, json!({ "automatic": change.automatic, "bump_stamp": bump }))
            } else {
                (&mut unsubscribed, json!({ "bump_stamp": bump }))
            };
            let threads = threads.entry(change.room_id.as_str()).or_insert_with(|| json!({}));
            threads[change.root.as_str()] = about;
        }
        (subscribed.into(), unsubscribed.into())
    }
}

impl ThreadSubscriptions {
    /// Builds it on the core.
    pub fn new(core: Core, rooms: Rooms) -> Self {
        Self { core, rooms }
    }

    /// Whether the user follows a thread because a client decided so.
    pub async fn is_automatic(&self, actor: &Actor, room_id: &RoomId, root: &EventId) -> Result<bool> {
        let reader = self.thread(actor, room_id, root).await?;
        let (user, room, root) = (actor.user, reader.room.nid, root.clone());
        let found = self.core.store.read(move |db| db.thread_subscription(user, room, &root)).await?;
        let found = found.filter(|found| found.subscribed);
        found
            .map(|found| found.automatic)
            .ok_or_else(|| Error::refused(Code::NotFound, "you are not subscribed to this thread"))
    }

    /// Makes the user follow a thread. A client that decides so by itself names the event that made it; what was
    /// there when the user ceased to follow the thread does not make it again.
    pub async fn subscribe(
        &self,
        actor: &Actor,
        room_id: &RoomId,
        root: &EventId,
        cause: Option<&EventId>,
    ) -> Result<()> {
        let reader = self.thread(actor, room_id, root).await?;
        let cause = match cause {
            Some(cause) => Some(self.cause(&reader, root, cause).await?),
            None => None,
        };
        let wanted = ThreadSubscription { subscribed: true, automatic: cause.is_some(), until_seq: 0 };
        let (user, room, root) = (actor.user, reader.room.nid, root.clone());
        let change = move |tx: &mut Transaction<'_>| {
            match tx.thread_subscription(user, room, &root)? {
                // What the user wanted stands above what a client found.
                Some(now) if now.subscribed && (wanted.automatic || !now.automatic) => return Ok(true),
                Some(now) if !now.subscribed && cause.is_some_and(|cause| cause <= now.until_seq) => return Ok(false),
                _ => {}
            }
            let position = tx.next_position();
            tx.set_thread_subscription(user, room, &root, wanted, position)?;
            publish(tx, user, position);
            Ok(true)
        };
        if self.core.store.write(change).await? {
            return Ok(());
        }
        Err(Error::refused(
            Code::ConflictingUnsubscription,
            "the user has unsubscribed from the thread after this event",
        ))
    }

    /// Makes the user cease to follow a thread, if they do.
    pub async fn unsubscribe(&self, actor: &Actor, room_id: &RoomId, root: &EventId) -> Result<()> {
        let reader = self.thread(actor, room_id, root).await?;
        let (user, room, root) = (actor.user, reader.room.nid, root.clone());
        let until_seq = reader.room.view().seq;
        let change = move |tx: &mut Transaction<'_>| {
            let now = tx.thread_subscription(user, room, &root)?;
            let Some(now) = now.filter(|now| now.subscribed) else { return Ok(()) };
            let position = tx.next_position();
            let ended = ThreadSubscription { subscribed: false, until_seq, ..now };
            tx.set_thread_subscription(user, room, &root, ended, position)?;
            publish(tx, user, position);
            Ok(())
        };
        Ok(self.core.store.write(change).await?)
    }

    /// Reads the `to` of a list of changes: the `pos` of a sliding sync. Anything else is `M_INVALID_PARAM`.
    pub async fn end(&self, text: Option<&str>) -> Result<Option<StreamToken>> {
        match self.rooms.place_if_given(text).await? {
            None => Ok(None),
            Some(PlaceToken::Stream(token)) => Ok(Some(token)),
            Some(PlaceToken::Timeline(_)) => {
                Err(Error::refused(Code::InvalidParam, "`to` must be the `pos` of a sliding sync"))
            }
        }
    }

    /// The changes of the threads that a user follows, the latest first.
    pub async fn changes(&self, user: UserNid, request: ChangesRequest) -> Result<Changes> {
        let limit = request.limit.clamp(1, MAX_LIMIT);
        let ChangesRequest { since, before, .. } = request;
        let read = move |db: &im2_store::Snapshot<'_>| {
            db.thread_subscriptions(user, since.as_ref(), before.map(|token| token.0), limit + 1)
        };
        let mut changes = self.core.store.read(read).await?;
        let has_more = changes.len() > limit;
        changes.truncate(limit);
        let next = changes.last().filter(|_| has_more).map(|last| ChangesToken(last.position));
        Ok(Changes { changes, next })
    }

    /// The right to read a thread that is there.
    async fn thread(&self, actor: &Actor, room_id: &RoomId, root: &EventId) -> Result<Reader> {
        let reader = self.rooms.reader_or_not_found(actor, room_id).await?;
        let root = self.rooms.readable_event(&reader, root).await?;
        if !may_root_thread(root.relation.as_ref()) {
            return Err(Error::refused(
                Code::NotFound,
                "a thread cannot start at an event that itself relates to another event",
            ));
        }
        Ok(reader)
    }

    /// The number of an event that made a client subscribe.
    async fn cause(&self, reader: &Reader, root: &EventId, cause: &EventId) -> Result<i64> {
        let cause = self.rooms.readable_event(reader, cause).await?;
        let is_reply =
            cause.relation.as_ref().is_some_and(|relation| relation.is(rel_type::THREAD) && relation.event_id == *root);
        if is_reply { Ok(cause.seq) } else { Err(Error::refused(Code::NotInThread, "this event is not in the thread")) }
    }
}

fn publish(tx: &mut Transaction<'_>, user: UserNid, position: Position) {
    tx.publish(Committed::News { position, changes: vec![Change::ThreadSubscription(user)], users: vec![user] });
}
