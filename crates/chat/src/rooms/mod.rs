//! Rooms: their events, state and members.
//!
//! A room in use is held in memory as a [`Room`]: its current state, its members and the newest stretch of its
//! timeline. There is one handle a room, so what one request commits every other sees. Whoever wants to look at a
//! room goes through one of the funnels in `access`, whoever wants to change it through `append`.

mod access;
mod aliases;
mod append;
mod batch;
mod bundles;
mod commit;
mod create;
mod directory;
mod draft;
mod duplicates;
mod forgotten;
pub mod guests;
mod head_state;
mod hierarchy;
mod history;
mod invites;
mod load;
mod member_index;
mod member_list;
mod members;
mod membership;
mod mutual;
mod prepare;
mod purge;
mod recent_events;
mod registry;
mod relations;
mod render;
mod resolution;
mod room;
mod scheduled;
mod shadow_ban;
mod state_changes;
mod stripped_state;
mod summaries;
mod summary;
mod suspension;
mod timeline;
mod token;
mod upgrade;
pub(crate) mod upgrade_settings;
mod validate;
mod view;
mod weight;

use std::{collections::HashMap, sync::Arc};

use im2_core::{Code, Core, Error, Result, session::Session};
use im2_kernel::sign::SigningKey;
use im2_model::{Millis, RoomId, RoomNid, UserId, UserNid};
use parking_lot::Mutex;

pub use access::Reader;
pub use aliases::RoomOrAlias;
pub use create::{CreateRoom, InitialState, Preset, Visibility};
pub use directory::{DirectoryPage, DirectoryQuery, DirectoryToken, Networks};
pub use draft::{Draft, Transaction};
pub use forgotten::{Forgotten, PURGE_FORGOTTEN};
pub use hierarchy::{HierarchyQuery, HierarchyToken, SpaceRoom};
pub use history::Page;
pub use history::{StateReach, VisibleHistory};
use im2_core::event;
pub use im2_core::event::RoomEvent;
pub use member_index::{RoomMembership, UserRooms};
pub use member_list::{MemberList, StoredMember, StoredMembers};
pub use members::{Member, Members};
pub use membership::Act;
pub use mutual::{MutualRooms, MutualToken};
pub use recent_events::RecentEvents;
pub use relations::{RECURSION_DEPTH, RelatedPage, RelatedRequest};
pub use render::{Bundles, Form, Viewer, write_array, write_event, write_event_for_service};
pub use resolution::NewState;
pub use room::Room;
pub(crate) use scheduled::DELAYED_PREFIX;
pub use stripped_state::introduction;
pub use summaries::RoomSummary;
pub use summary::{Listing, Summary};
pub use timeline::Context;
pub use token::{PlaceToken, TimelineToken};
pub use view::{StateEntry, View, VisibilityThen};

pub use im2_kernel::version::RoomVersion;
pub use im2_store::rooms::Direction;

use crate::account_data::AccountData;
use directory::Directory;
use duplicates::Duplicates;
use member_index::MemberIndex;
use registry::Registry;
use summaries::Summaries;

/// Options for rooms.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long a room that all its users have forgotten is kept.
    pub forget_grace: Millis,
    /// The version of rooms whose creators ask for none.
    pub default_version: RoomVersion,
    /// The size of a room, in members, up to which all their events are in memory, of some 2 KB each. Of a larger one
    /// they are read as they are needed.
    pub member_events: usize,
    /// The most state of a room, without its members.
    pub state: StateLimits,
}

/// How much state a room may have, without its members.
#[derive(Debug, Clone, Copy)]
pub struct StateLimits {
    /// Entries. All of them are read for each new member.
    pub entries: usize,
    /// Bytes of JSON. A room in use keeps them in memory.
    pub bytes: usize,
}

impl Default for StateLimits {
    /// Twice what a space of ten thousand rooms has, and some 1,600 bytes for each.
    fn default() -> Self {
        Self { entries: 20_000, bytes: 32 << 20 }
    }
}

impl Default for Options {
    /// A week, the version that the specification recommends, and a thousand members.
    fn default() -> Self {
        Self {
            forget_grace: 7 * 24 * 60 * 60 * 1000,
            default_version: RoomVersion::DEFAULT,
            member_events: 1_000,
            state: StateLimits::default(),
        }
    }
}

/// Somebody who acts on rooms: a signed-in user, or a job on a user's behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user's number.
    pub user: UserNid,
    /// The user.
    pub user_id: UserId,
}

impl From<&Session> for Actor {
    fn from(session: &Session) -> Self {
        Self { user: session.user, user_id: session.user_id.clone() }
    }
}

/// The use cases of rooms.
#[derive(Clone)]
pub struct Rooms {
    core: Core,
    account_data: AccountData,
    key: Arc<SigningKey>,
    registry: Arc<Registry>,
    members: Arc<MemberIndex>,
    directory: Arc<Directory>,
    options: Options,
    summaries: Arc<Summaries>,
    repeats: Duplicates,
    /// How often a part of their history was deleted, of the few rooms in which that was asked for.
    deletions: Arc<Mutex<HashMap<RoomNid, u64>>>,
}

impl Rooms {
    /// Builds it on the core.
    pub fn new(core: Core, account_data: AccountData, key: SigningKey, options: Options) -> Self {
        let registry = Arc::new(Registry::new(core.clone(), options));
        let members = Arc::new(MemberIndex::new(core.clone()));
        let summaries = Arc::new(Summaries::new(core.clone()));
        let repeats = Duplicates::new(&core.memory);
        Self {
            core,
            account_data,
            key: Arc::new(key),
            registry,
            members,
            directory: Arc::default(),
            summaries,
            repeats,
            options,
            deletions: Arc::default(),
        }
    }

    /// The version of rooms whose creators ask for none.
    pub fn default_version(&self) -> RoomVersion {
        self.options.default_version
    }

    /// The room called `room_id`, whoever asks. For use cases that make their own check of access.
    pub async fn find(&self, room_id: &RoomId) -> Result<Option<Arc<Room>>> {
        self.registry.by_id(room_id).await
    }

    /// The room numbered `nid`.
    pub async fn by_nid(&self, nid: RoomNid) -> Result<Arc<Room>> {
        self.registry.by_nid(nid).await
    }

    /// As [`Self::by_nid`], for a room that may have been purged meanwhile.
    pub async fn if_there(&self, nid: RoomNid) -> Result<Option<Arc<Room>>> {
        match self.by_nid(nid).await {
            Err(Error::Refused { code: Code::NotFound, .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// The room numbered `nid`, if it is in memory.
    pub fn room_in_memory(&self, nid: RoomNid) -> Option<Arc<Room>> {
        self.registry.in_memory(nid)
    }

    /// Brings rooms into memory that will be asked for next, each with `events` of its newest ones. What is not there any
    /// more is left out.
    pub async fn preload(&self, rooms: &[RoomNid], events: usize) -> Result<()> {
        self.registry.preload(rooms, events).await
    }

    /// The identifier of the room numbered `nid`; `None` if there is no such room.
    pub async fn id_of(&self, nid: RoomNid) -> Result<Option<RoomId>> {
        let row = self.core.store.read(move |db| db.room_by_nid(nid)).await?;
        Ok(row.map(|row| row.room_id))
    }

    /// The rooms that a user has to do with, forgotten ones excluded.
    pub async fn of_user(&self, user: UserNid) -> Result<Arc<UserRooms>> {
        self.members.rooms_of(user).await
    }

    /// The numbers of the rooms with these identifiers, in the same order; `None` where there is no such room.
    pub async fn numbers(&self, rooms: Vec<RoomId>) -> Result<Vec<Option<RoomNid>>> {
        self.registry.numbers(rooms).await
    }

    /// The summaries that lists of rooms are sorted and filtered by, in the order of `wanted`; `None` for a room that
    /// is not there.
    pub async fn summaries(&self, wanted: &[RoomNid]) -> Result<Vec<Option<Arc<RoomSummary>>>> {
        self.summaries.of(wanted).await
    }

    /// As [`Self::of_user`], for those whose rooms are in memory: those who are around.
    pub(crate) fn of_user_in_memory(&self, user: UserNid) -> Option<Arc<UserRooms>> {
        self.members.in_memory(user)
    }

    /// Keeps rooms to what the memory budget leaves to them.
    pub fn make_place(&self) {
        self.registry.make_place();
    }

    /// The memory that the rooms take, in bytes, weighed anew: for tests of the figure that is counted as rooms change.
    pub fn weigh_anew(&self) -> usize {
        self.registry.weigh_anew()
    }

    /// How many rooms are held in memory.
    pub fn in_memory(&self) -> usize {
        self.registry.len()
    }

    async fn existing(&self, room_id: &RoomId) -> Result<Arc<Room>> {
        self.find(room_id).await?.ok_or_else(|| Error::refused(Code::NotFound, "there is no such room on this server"))
    }
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms").field("in_memory", &self.in_memory()).finish_non_exhaustive()
    }
}
