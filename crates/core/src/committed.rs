//! The effects of a change on memory once it is durable, as values: caches are corrected by these and by nothing else.
//!
//! A transaction publishes values of [`Committed`]; the writer applies them in commit order, one after the other, before
//! the caller is answered. Each goes through the [`Layers`] from the highest to the lowest, and last to the core: caches
//! are corrected first, then the stream has the news, then those who wait for it are woken. So whoever is woken finds
//! everything as it is.
//!
//! A value says what was changed and not how a cache has to look, so that it means the same to a process that did not
//! make the change. What only the maker has in memory goes along as [`Local`] and spares the maker a look into the
//! database. Other nodes are told [`Committed::elsewhere`], and may have read from the database already what a value
//! tells them: caches must bear hearing of what they know.

use std::{any::Any, sync::Arc};

use im2_kernel::event::Pdu;
use im2_model::{DeviceId, Position, RoomId, RoomNid, UserId, UserNid};
use im2_store::{rate_limits::RateLimit, receipts::Receipt, tokens::TokenHash};
use parking_lot::RwLock;

use crate::{
    event::{ResolvedEntry, ResolvedState, RoomEvent},
    features::Feature,
    stream::{Change, GoneRoom},
};

/// A transaction whose outcome memory hears of.
pub type Transaction<'a> = im2_store::Change<'a, Committed>;
/// The store whose changes publish [`Committed`].
pub type Store = im2_store::Store<Committed>;

/// Something that is durable now.
#[derive(Debug)]
pub enum Committed {
    /// There is news on the stream for these users.
    News {
        /// The position in the stream.
        position: Position,
        /// The news.
        changes: Vec<Change>,
        /// The users whom it concerns, in ascending order.
        users: Vec<UserNid>,
    },
    /// Events were appended to a room.
    Events {
        /// The room.
        room: RoomNid,
        /// The events, in order.
        events: Vec<Appended>,
        /// The room's handle.
        handle: Local,
    },
    /// A room's state was resolved.
    StateResolved {
        /// How.
        resolved: Arc<ResolvedState>,
        /// The room's handle.
        handle: Local,
    },
    /// A room was made.
    RoomCreated {
        /// Its first events.
        events: Vec<Arc<RoomEvent>>,
        /// The handle's reservation.
        handle: Local,
    },
    /// A room was purged.
    RoomPurged {
        /// The position in the stream.
        position: Position,
        /// The room, and who has to hear of it.
        gone: Arc<GoneRoom>,
        /// The users who had to do with it.
        users: Vec<UserNid>,
        /// The room's handle.
        handle: Local,
    },
    /// Events of a room's history were deleted.
    HistoryPurged {
        /// The room.
        room: RoomNid,
        /// Their numbers.
        events: Vec<i64>,
        /// The room's handle.
        handle: Local,
    },
    /// A user has forgotten a room.
    RoomForgotten(UserNid, RoomNid),
    /// A room was published in a directory or taken out of it.
    Published {
        /// The room.
        room: RoomNid,
        /// The directory.
        listing: DirectoryListing,
        /// The room's handle.
        handle: Local,
    },
    /// The published directory was read at this place in the order of commits.
    DirectoryRead(Local),
    /// A receipt moved.
    Receipt(Receipt, Local),
    /// A user's name or picture changed, as others may see them.
    ProfileChanged {
        /// The user.
        user: UserNid,
        /// The display name.
        displayname: Option<String>,
        /// The picture.
        avatar_url: Option<String>,
    },
    /// Messages were taken out of a device's inbox.
    InboxEmptied(UserNid, DeviceId),
    /// The keys that a device has in store for others changed.
    KeyCounts(UserNid, DeviceId),
    /// A device, or what stands in the place of one, is no more.
    DeviceRemoved(UserNid, DeviceId),
    /// These tokens are no longer valid, or what is known of their sessions has changed.
    TokensOutdated(Vec<TokenHash>),
    /// Sessions have ended: of one user, or of users who are not known here.
    SessionsEnded(Option<UserNid>),
    /// The facts that an application service knows of a user it acts as may have changed.
    IdentityChanged(UserNid),
    /// Something holds of a user from now on, or no longer.
    User(UserNid, UserFact, bool),
    /// A user may no longer use a feature, or may again.
    FeatureWithheld(UserNid, Feature, bool),
    /// A user has a limit of their own, or the general one again.
    RateLimit(UserNid, Option<RateLimit>),
    /// Administrators have blocked a room, or allow it again.
    RoomBlocked(RoomId, bool),
    /// A pusher was added or changed.
    PusherSet {
        /// The user's number.
        user: UserNid,
        /// The user.
        user_id: UserId,
        /// Its number.
        nid: i64,
        /// The URL that it sends to.
        url: String,
        /// It is notified of what comes after this.
        since: Position,
        /// Whether it has to be sent a token before it is used.
        needs_activation: bool,
    },
    /// Media that had been promised has arrived.
    MediaArrived(String),
}

impl Committed {
    /// The same for another node, without the parts that only this process has. `None` if it concerns only this
    /// process.
    pub fn elsewhere(&self) -> Option<Self> {
        let handle = Local::elsewhere();
        let copy = |event: &Arc<RoomEvent>| Arc::new(event.copied());
        Some(match self {
            Self::DirectoryRead(_) => return None,
            Self::News { position, changes, users } => {
                Self::News { position: *position, changes: changes.clone(), users: users.clone() }
            }
            Self::Events { room, events, .. } => {
                let copy_all = |(event, redacts): &Appended| {
                    (copy(event), redacts.as_ref().map(|(target, left)| (copy(target), left.clone())))
                };
                Self::Events { room: *room, events: events.iter().map(copy_all).collect(), handle }
            }
            Self::StateResolved { resolved, .. } => {
                let entry =
                    |entry: &ResolvedEntry| ResolvedEntry { event: entry.event.as_ref().map(copy), ..entry.clone() };
                let entries = resolved.entries.iter().map(entry).collect();
                Self::StateResolved { resolved: Arc::new(ResolvedState { entries, ..**resolved }), handle }
            }
            Self::RoomCreated { events, .. } => Self::RoomCreated { events: events.iter().map(copy).collect(), handle },
            Self::RoomPurged { position, gone, users, .. } => {
                let (gone, users) = (Arc::clone(gone), users.clone());
                Self::RoomPurged { position: *position, gone, users, handle }
            }
            Self::HistoryPurged { room, events, .. } => {
                Self::HistoryPurged { room: *room, events: events.clone(), handle }
            }
            Self::RoomForgotten(user, room) => Self::RoomForgotten(*user, *room),
            Self::Published { room, listing, .. } => Self::Published { room: *room, listing: listing.clone(), handle },
            Self::Receipt(receipt, _) => Self::Receipt(receipt.clone(), handle),
            Self::ProfileChanged { user, displayname, avatar_url } => {
                let (displayname, avatar_url) = (displayname.clone(), avatar_url.clone());
                Self::ProfileChanged { user: *user, displayname, avatar_url }
            }
            Self::InboxEmptied(user, device_id) => Self::InboxEmptied(*user, device_id.clone()),
            Self::KeyCounts(user, device_id) => Self::KeyCounts(*user, device_id.clone()),
            Self::DeviceRemoved(user, device_id) => Self::DeviceRemoved(*user, device_id.clone()),
            Self::TokensOutdated(tokens) => Self::TokensOutdated(tokens.clone()),
            Self::SessionsEnded(user) => Self::SessionsEnded(*user),
            Self::IdentityChanged(user) => Self::IdentityChanged(*user),
            Self::User(user, fact, holds) => Self::User(*user, *fact, *holds),
            Self::FeatureWithheld(user, feature, withheld) => Self::FeatureWithheld(*user, *feature, *withheld),
            Self::RateLimit(user, limit) => Self::RateLimit(*user, *limit),
            Self::RoomBlocked(room_id, blocked) => Self::RoomBlocked(room_id.clone(), *blocked),
            Self::PusherSet { user, user_id, nid, url, since, needs_activation } => Self::PusherSet {
                user: *user,
                user_id: user_id.clone(),
                nid: *nid,
                url: url.clone(),
                since: *since,
                needs_activation: *needs_activation,
            },
            Self::MediaArrived(media) => Self::MediaArrived(media.clone()),
        })
    }
}

/// An event that was appended, and what it redacts: the event as it was, and what is left of it.
pub type Appended = (Arc<RoomEvent>, Option<(Arc<RoomEvent>, Pdu)>);

/// A fact that may hold of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserFact {
    /// Their messages are hidden from whoever came later.
    Erased,
    /// They are a guest.
    Guest,
    /// Their account is locked.
    Locked,
    /// Their account is suspended.
    Suspended,
    /// Their events and messages go nowhere.
    ShadowBanned,
}

/// A directory in which a room may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryListing {
    /// The server's own.
    Own(bool),
    /// That of a network which an application service bridges.
    Network(String, bool),
    /// In none of them any more.
    Nowhere,
}

/// A value that only the process that made a change has in memory.
#[derive(Clone)]
pub struct Local(Arc<dyn Any + Send + Sync>);

impl Local {
    /// Wraps it.
    pub fn new<T: Any + Send + Sync>(value: Arc<T>) -> Self {
        Self(value)
    }

    /// Nothing: another process made the change.
    fn elsewhere() -> Self {
        Self(Arc::new(()))
    }

    /// The value, if it is a `T`.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.0).downcast().ok()
    }
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Local")
    }
}

/// A layer of caches.
pub trait Apply: std::fmt::Debug + Send + Sync {
    /// Corrects what is in memory. Called on the writer's thread, in commit order: it must be quick and must not block,
    /// and a panic ends the process.
    fn apply(&self, committed: &Committed);
}

/// The layers above the core, lowest first. They are held by those whose caches they are: a layer that is gone has
/// nothing to correct.
#[derive(Default)]
pub struct Layers(RwLock<Vec<std::sync::Weak<dyn Apply>>>);

impl Layers {
    /// Adds a layer above those that there are. What was committed before is not applied to it: it reads that from the
    /// database.
    pub fn add(&self, layer: &Arc<dyn Apply>) {
        self.0.write().push(Arc::downgrade(layer));
    }

    /// Applies to each layer, from the highest to the lowest.
    pub(crate) fn apply(&self, committed: &Committed) {
        for layer in self.0.read().iter().rev().filter_map(std::sync::Weak::upgrade) {
            layer.apply(committed);
        }
    }
}

impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layers").field("count", &self.0.read().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use im2_model::RoomNid;

    use super::{Committed, DirectoryListing, Local};

    #[test]
    fn another_node_is_not_told_what_only_this_process_has() {
        let (room, listing) = (RoomNid(1), DirectoryListing::Own(true));
        let here = Committed::Published { room, listing, handle: Local::new(Arc::new(7_u32)) };
        let Some(Committed::Published { room: RoomNid(1), listing: DirectoryListing::Own(true), handle }) =
            here.elsewhere()
        else {
            panic!("it is told of the room")
        };
        assert_eq!(handle.get::<u32>(), None);
        assert!(Committed::DirectoryRead(Local::new(Arc::new(7_u32))).elsewhere().is_none());
    }
}
