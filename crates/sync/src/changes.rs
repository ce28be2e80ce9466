//! The rooms with news for a user, and the other changes that concern them, between two places in the stream.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use im2_chat::{e2ee::KeyNews, presence::PresenceEvent, rooms::UserRooms};
use im2_core::{
    Result,
    session::Session,
    stream::{AccountDataChange, Change, GoneRoom, ReceiptChange},
};
use im2_kernel::content::Membership;
use im2_model::{RoomId, RoomNid, StreamToken, UserNid};
use im2_store::to_device::ToDeviceMessage;

use super::Sync;

/// The changes since a client's token that concern one user.
pub(crate) struct Changes {
    /// The end of the changes: the answer's `next_batch`.
    pub(crate) until: StreamToken,
    /// The rooms with news. For an initial sync they are not listed: it wants all.
    pub(crate) rooms: BTreeSet<RoomNid>,
    /// The user's account data, global and of rooms.
    pub(crate) account_data: Vec<Arc<AccountDataChange>>,
    /// Receipts that the user may see, by room. For an initial sync they are read with each room.
    pub(crate) receipts: HashMap<RoomNid, Vec<Arc<ReceiptChange>>>,
    /// Rooms that have been purged.
    pub(crate) gone: Vec<GoneNews>,
    /// Whether the user began or ceased to follow threads.
    pub(crate) has_thread_subscriptions: bool,
    /// The presence of others.
    pub(super) presence: Vec<PresenceEvent>,
    /// Messages for the asking device.
    pub(super) to_device: Vec<ToDeviceMessage>,
    /// Changes of keys: device lists and the device's own keys in store.
    pub(crate) keys: KeyNews,
    is_initial: bool,
}

/// A room that has been purged, as one user is told of it.
pub(crate) struct GoneNews {
    /// The number it had.
    pub(crate) room: RoomNid,
    /// The room that was.
    pub(crate) room_id: RoomId,
    /// The event by which the user left it.
    pub(crate) event: Option<Box<str>>,
}

/// A change in the ring that concerns a user.
enum News {
    Room(RoomNid),
    AccountData(Arc<AccountDataChange>),
    Receipt(Arc<ReceiptChange>),
    ThreadSubscription,
    Gone(Arc<GoneRoom>),
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_initial
            && self.presence.is_empty()
            && self.to_device.is_empty()
            && self.keys.is_empty()
            && self.rooms.is_empty()
            && self.account_data.is_empty()
            && self.receipts.is_empty()
            && self.gone.is_empty()
            && !self.has_thread_subscriptions
    }

    /// The account data of rooms among the changes, by room.
    pub(super) fn account_data_of_rooms(&self) -> HashMap<RoomNid, Vec<Arc<AccountDataChange>>> {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for change in &self.account_data {
            if let Some(room) = change.room {
                found.entry(room).or_default().push(Arc::clone(change));
            }
        }
        found
    }

    fn new(until: StreamToken, is_initial: bool) -> Self {
        Self {
            until,
            rooms: BTreeSet::new(),
            account_data: Vec::new(),
            receipts: HashMap::new(),
            gone: Vec::new(),
            has_thread_subscriptions: false,
            presence: Vec::new(),
            to_device: Vec::new(),
            keys: KeyNews::default(),
            is_initial,
        }
    }

    fn add(&mut self, user: UserNid, news: News) {
        match news {
            News::Gone(gone) => {
                let event = gone.told.get(&user).cloned().flatten();
                self.gone.push(GoneNews { room: gone.room, room_id: gone.room_id.clone(), event });
            }
            News::ThreadSubscription => self.has_thread_subscriptions = true,
            News::Room(room) => drop(self.rooms.insert(room)),
            News::AccountData(change) => {
                self.rooms.extend(change.room);
                self.account_data.retain(|older| older.room != change.room || older.kind != change.kind);
                self.account_data.push(change);
            }
            News::Receipt(receipt) => {
                self.rooms.insert(receipt.room);
                self.receipts.entry(receipt.room).or_default().push(receipt);
            }
        }
    }
}

impl Sync {
    /// Collects the changes for the user of `session` after `since`; everything if there is no token.
    pub(super) async fn changes(
        &self,
        session: &Session,
        since: Option<&StreamToken>,
        rooms: &UserRooms,
    ) -> Result<Changes> {
        let Some(since) = since else {
            let mut changes = self.changes_none(rooms).await?;
            changes.presence = self.presence.news(session.user, None, changes.until.ephemeral).await?;
            let data = self.account_data.all(session.user, &session.user_id).await?;
            changes.account_data = data.into_iter().map(Arc::new).collect();
            return Ok(changes);
        };
        let mut changes = self.changes_since(session, since, rooms).await?;
        changes.presence = self.presence.news(session.user, Some(since.ephemeral), changes.until.ephemeral).await?;
        Ok(changes)
    }

    /// The same without presence.
    pub(crate) async fn changes_since(
        &self,
        session: &Session,
        since: &StreamToken,
        rooms: &UserRooms,
    ) -> Result<Changes> {
        // Read before what it numbers: what comes meanwhile is told again, never skipped.
        let ephemeral = self.core.ephemeral.reached();
        let mut changes = self.stored_changes(session, since, rooms).await?;
        changes.keys = self.e2ee.news(session, rooms, since, &changes.until).await?;
        changes.until.ephemeral = ephemeral;
        let typing = self.typing.rooms_changed_since(since.ephemeral);
        changes.rooms.extend(typing.into_iter().filter(|room| rooms.is_joined(*room)));
        Ok(changes)
    }

    /// No changes, with the present end of the stream, for a first answer.
    pub(crate) async fn changes_none(&self, rooms: &UserRooms) -> Result<Changes> {
        let ephemeral = self.core.ephemeral.reached();
        let mut changes = Changes::new(self.settled(rooms).await?, true);
        changes.until.ephemeral = ephemeral;
        Ok(changes)
    }

    async fn stored_changes(&self, session: &Session, since: &StreamToken, rooms: &UserRooms) -> Result<Changes> {
        loop {
            let settled = self.settled(rooms).await?;
            let pick = |_, change: &Change| news_for(session.user, rooms, since, change);
            match self.core.stream.since(since, pick) {
                // What came meanwhile may have brought a membership that `settled` has not waited for.
                Some((_, until)) if until != settled => {}
                Some((news, until)) => {
                    let mut changes = Changes::new(until, false);
                    for news in news {
                        changes.add(session.user, news);
                    }
                    return Ok(changes);
                }
                None => return self.changes_in_database(session, since, settled, rooms).await,
            }
        }
    }

    /// The present end of the stream, not before every membership in `rooms`: a commit sets a membership a moment
    /// before they publish its event.
    async fn settled(&self, rooms: &UserRooms) -> Result<StreamToken> {
        // What another node has committed may be known from the database before it is heard of.
        self.core.catch_up(|reached| rooms.are_within(reached)).await?;
        Ok(self.core.stream.wait_until(|reached| rooms.are_within(reached)).await)
    }

    /// The same from the database, for a client that was away for long.
    async fn changes_in_database(
        &self,
        session: &Session,
        since: &StreamToken,
        until: StreamToken,
        rooms: &UserRooms,
    ) -> Result<Changes> {
        let mut changes = Changes::new(until, false);
        for change in self.account_data.since(session.user, &session.user_id, since).await? {
            changes.add(session.user, News::AccountData(Arc::new(change)));
        }
        changes.rooms.extend(rooms.changed_since(since));
        for receipt in self.receipts.since_in_all(session.user, since).await? {
            changes.add(session.user, News::Receipt(Arc::new(receipt)));
        }
        let (since, user) = (since.clone(), session.user);
        let read = self.core.store.read(move |db| {
            let active = db.rooms_active_since(user, &since)?;
            let gone = db.purged_rooms(user)?.into_iter().filter(|gone| !since.includes(gone.position));
            let news = |gone: im2_store::rooms::PurgedRoomRow| {
                let event = gone.event.map(String::into_boxed_str);
                GoneNews { room: gone.room, room_id: gone.room_id, event }
            };
            let gone: Vec<_> = gone.map(news).collect();
            Ok((active, gone, !db.thread_subscriptions(user, Some(&since), None, 1)?.is_empty()))
        });
        let (active, gone, has_thread_subscriptions) = read.await?;
        changes.has_thread_subscriptions = has_thread_subscriptions;
        changes.rooms.extend(active);
        changes.gone.extend(gone);
        Ok(changes)
    }
}

/// Whether what has the number `seq` in a room is news for a user.
fn news_of_room(rooms: &UserRooms, since: &StreamToken, room: RoomNid, seq: i64) -> Option<News> {
    let membership = rooms.get_forgotten_too(room)?;
    let is_member = membership.membership == Membership::Join;
    // A former member's news end with what made them one.
    let until_leaving = !since.includes(membership.position) && seq <= membership.seq;
    (is_member || until_leaving).then_some(News::Room(room))
}

/// Whether a change is news for a user, and as what.
fn news_for(user: UserNid, rooms: &UserRooms, since: &StreamToken, change: &Change) -> Option<News> {
    match change {
        Change::Event(event) => news_of_room(rooms, since, event.room, event.seq),
        Change::State(resolved) => news_of_room(rooms, since, resolved.room, resolved.seq),
        Change::Receipt(receipt) => {
            let is_private = &*receipt.kind != "m.read";
            let may_see = rooms.is_joined(receipt.room) && (!is_private || receipt.user == user);
            may_see.then(|| News::Receipt(Arc::clone(receipt)))
        }
        Change::Gone(gone) => gone.told.contains_key(&user).then(|| News::Gone(Arc::clone(gone))),
        Change::ThreadSubscription(whose) => (*whose == user).then_some(News::ThreadSubscription),
        Change::AccountData(change) => (change.user == user).then(|| News::AccountData(Arc::clone(change))),
        // A device looks into its inbox by itself, and after keys.
        Change::ToDevice(_) | Change::DeviceList(_) | Change::KeySigned { .. } | Change::KeyCounts(..) => None,
    }
}
