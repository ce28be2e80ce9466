//! The base of all use cases: the store, the stream, time, randomness and the server's name.

use std::{collections::HashMap, sync::Arc};

use im2_bus::Bus;
use im2_model::{Clock, Millis, Random, Reached, ServerName, StreamToken, UserId, UserNid};
use im2_store::Snapshot;

use crate::{
    Code, Error, Result, Store, UserSet,
    asserted_identities::AssertedIdentities,
    blocked::BlockedRooms,
    committed::{Committed, Layers, UserFact},
    ephemeral::Ephemeral,
    features::WithheldFeatures,
    key_count_cache::KeyCountCache,
    memory::{self, Memory},
    rate_limits::{self, Limits},
    services::Services,
    session_ends::SessionEnds,
    shutdown::Shutdown,
    stream::{self, Stream},
    typists::Typists,
};

/// Options for the core.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's name: the domain of its users and rooms.
    pub server_name: ServerName,
    /// The application services.
    pub services: Arc<Services>,
    /// Rate limits and quotas.
    pub rate_limits: rate_limits::Options,
    /// How much memory caches take.
    pub memory: memory::Options,
}

impl Options {
    /// The defaults for a server of this name.
    pub fn new(server_name: ServerName) -> Self {
        Self {
            server_name,
            services: Arc::default(),
            rate_limits: rate_limits::Options::default(),
            memory: memory::Options::default(),
        }
    }
}

/// Shared by all use cases: one pointer, for every module holds some.
#[derive(Clone)]
pub struct Core(Arc<Shared>);

/// The state that all clones of a [`Core`] share.
pub struct Shared {
    /// The database: the truth.
    pub store: Arc<Store>,
    /// The latest committed changes, and where the stream stands.
    pub stream: Arc<Stream>,
    /// The numbering of signals that are only in memory.
    pub ephemeral: Arc<Ephemeral>,
    /// Wake-ups for those who wait for the stream.
    pub bus: Bus,
    /// The memory that caches share.
    pub memory: Memory,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// This server's name: the domain of its users.
    pub server_name: ServerName,
    /// The application services and what is theirs.
    pub services: Arc<Services>,
    /// The erased users, whose messages are hidden from whoever came later.
    pub erased: Arc<UserSet>,
    /// The users whose account is locked.
    pub locked: Arc<UserSet>,
    /// Tells requests that wait when a session has ended.
    pub session_ends: Arc<SessionEnds>,
    /// The users whose account is suspended.
    pub suspended: Arc<UserSet>,
    /// The shadow-banned users.
    pub shadow_banned: Arc<UserSet>,
    /// Features that administrators have switched off for single users.
    pub withheld_features: Arc<WithheldFeatures>,
    /// The users that application services act as.
    pub asserted_identities: Arc<AssertedIdentities>,
    /// The counts of one-time and fallback keys that devices have in store.
    pub key_counts: Arc<KeyCountCache>,
    /// The guests.
    pub guests: Arc<UserSet>,
    /// Rate limits and quotas.
    pub limits: Arc<Limits>,
    /// The rooms that administrators have blocked.
    pub blocked: Arc<BlockedRooms>,
    /// The users who are typing, by room.
    pub typists: Arc<Typists>,
    /// The layers of caches above.
    pub layers: Layers,
    /// Whether the process is about to end. Whoever waits for a client's sake stops waiting then.
    pub shutdown: Shutdown,
}

impl std::ops::Deref for Core {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Core {
    /// Over an open store, with what is kept of it in memory.
    pub async fn open(
        options: Options,
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self> {
        let Options { server_name, services, rate_limits: limits, memory } = options;
        let memory = Memory::new(memory);
        let stream = Arc::new(Stream::starting_at(store.opened_at(), &memory));
        let ephemeral = Arc::new(Ephemeral::starting_at(clock.now()));
        let users =
            |db: &Snapshot<'_>| Ok((db.erased_users()?, db.locked_users()?, db.suspended_users()?, db.guest_users()?));
        let (erased, locked, suspended, guests) = store.read(users).await?;
        let silenced = |db: &Snapshot<'_>| Ok((db.shadow_banned_users()?, db.withheld_features()?));
        let (shadow_banned, withheld) = store.read(silenced).await?;
        let own: HashMap<_, _> = store.read(|db| Ok(db.rate_limits()?.into_iter().collect())).await?;
        let limits = Arc::new(Limits::new(limits, Arc::clone(&clock), own));
        let blocked = Arc::new(store.read(|db| db.blocked_rooms().map(BlockedRooms::new)).await?);
        let bus = Bus::default();
        let typists = Arc::new(Typists::new(Arc::clone(&clock), Arc::clone(&ephemeral), bus.clone()));
        let shared = Arc::new(Shared {
            store,
            stream,
            ephemeral,
            bus,
            typists,
            clock,
            random,
            server_name,
            erased: Arc::new(UserSet::new(erased)),
            locked: Arc::new(UserSet::new(locked)),
            session_ends: Arc::default(),
            suspended: Arc::new(UserSet::new(suspended)),
            shadow_banned: Arc::new(UserSet::new(shadow_banned)),
            withheld_features: Arc::new(WithheldFeatures::new(withheld)),
            guests: Arc::new(UserSet::new(guests)),
            services,
            asserted_identities: Arc::new(AssertedIdentities::new(&memory)),
            key_counts: Arc::new(KeyCountCache::new(&memory)),
            memory,
            limits,
            blocked,
            layers: Layers::default(),
            shutdown: Shutdown::default(),
        });
        // Weak, for the store is part of what is shared, and its thread may outlive that for a moment.
        let stream = Arc::downgrade(&shared.stream);
        shared.store.advance_with(move |position| {
            if let Some(stream) = stream.upgrade() {
                stream.advance(position);
            }
        });
        let weak = Arc::downgrade(&shared);
        shared.store.apply_with(move |committed| {
            if let Some(shared) = weak.upgrade() {
                shared.layers.apply(&committed);
                apply(&shared, committed);
            }
        });
        Ok(Self(shared))
    }

    /// The current time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Reads a token of a client, `what` in the refusal of what is none. The client may have it from another node: of
    /// everything that it includes this one has heard then. Requests have their tokens read here, before they look at
    /// anything in memory.
    pub async fn token(&self, text: &str, what: &str) -> Result<StreamToken> {
        let invalid = |_| Error::refused(Code::InvalidParam, format!("{what} is not a token of this server"));
        let token = StreamToken::read(text).map_err(invalid)?;
        self.hear_of(token.stream()).await?;
        Ok(token)
    }

    /// Hears of what other nodes have committed, if a client has been told of more than has been heard of here.
    pub async fn hear_of(&self, reached: &Reached) -> Result<()> {
        self.catch_up(|here| here.stream().includes_all(reached)).await
    }

    /// Hears of what other nodes have committed, if a place in the stream that somebody has from another of them is not
    /// reached here yet. It need not be reached after that: anybody can write down a place.
    pub async fn catch_up(&self, is_reached: impl Fn(&StreamToken) -> bool) -> Result<()> {
        if self.store.is_shared() && !is_reached(&self.stream.reached()) {
            self.store.catch_up().await?;
        }
        Ok(())
    }

    /// Whether a user belongs to an application service, for whose users limits on people do not hold.
    pub fn is_of_service(&self, user_id: &UserId) -> bool {
        self.services.all().iter().any(|service| service.sender == *user_id || service.owns_user(user_id))
    }

    /// Refuses everything to the owner of a locked account (spec: "Account locking").
    pub fn refuse_locked(&self, user: UserNid) -> Result<()> {
        if self.locked.contains(user) {
            let message = "this account has been locked by an administrator of this server";
            return Err(Error::refused(Code::UserLocked, message).with("soft_logout", true));
        }
        Ok(())
    }

    /// Refuses what the owner of a suspended account may not do (spec: "Account suspension").
    pub fn refuse_suspended(&self, user: UserNid) -> Result<()> {
        if self.suspended.contains(user) {
            let message =
                "this account has been suspended by an administrator of this server: it can only read and leave rooms";
            return Err(Error::refused(Code::UserSuspended, message));
        }
        Ok(())
    }
}

/// Corrects what the core itself has in memory, and tells the news: the last step of every commit.
fn apply(core: &Shared, committed: Committed) {
    match committed {
        Committed::News { position, changes, users } => {
            for change in changes {
                if let stream::Change::KeyCounts(user, device_id) = &change {
                    core.key_counts.forget(*user, device_id);
                }
                core.stream.publish(position, change);
            }
            if let [user] = users[..] {
                core.bus.wake(user);
            } else {
                let is_one = |user| users.binary_search(&user).is_ok();
                core.bus.wake_all(users.len(), users.iter().copied(), is_one);
            }
        }
        Committed::KeyCounts(user, device_id) => core.key_counts.forget(user, &device_id),
        Committed::DeviceRemoved(user, device_id) => {
            core.key_counts.forget(user, &device_id);
            core.typists.end_user(user, Some(&device_id));
        }
        Committed::SessionsEnded(Some(user)) => core.session_ends.of(user),
        Committed::SessionsEnded(None) => core.session_ends.of_anybody(),
        Committed::IdentityChanged(user) => core.asserted_identities.forget(user),
        Committed::User(user, fact, holds) => {
            let users = match fact {
                UserFact::Erased => &core.erased,
                UserFact::Guest => &core.guests,
                UserFact::Locked => &core.locked,
                UserFact::Suspended => &core.suspended,
                UserFact::ShadowBanned => &core.shadow_banned,
            };
            users.set(user, holds);
            if matches!(fact, UserFact::Locked | UserFact::Suspended | UserFact::ShadowBanned) {
                core.typists.end_user(user, None);
            }
            if fact == UserFact::Locked {
                core.session_ends.of(user);
            }
        }
        Committed::FeatureWithheld(user, feature, withheld) => core.withheld_features.set(user, feature, withheld),
        Committed::RateLimit(user, limit) => core.limits.set_own(user, limit),
        Committed::RoomBlocked(room_id, blocked) => core.blocked.set(&room_id, blocked),
        // Of the layers above.
        Committed::Events { .. }
        | Committed::StateResolved { .. }
        | Committed::RoomCreated { .. }
        | Committed::RoomPurged { .. }
        | Committed::HistoryPurged { .. }
        | Committed::RoomForgotten(..)
        | Committed::Published { .. }
        | Committed::DirectoryRead(_)
        | Committed::Receipt(..)
        | Committed::ProfileChanged { .. }
        | Committed::InboxEmptied(..)
        | Committed::TokensOutdated(_)
        | Committed::PusherSet { .. }
        | Committed::MediaArrived(_) => {}
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use im2_model::{ManualClock, SeededRandom, ServerName, UserNid};
    use parking_lot::Mutex;

    use super::{Core, Options};
    use crate::{
        Store,
        committed::{Apply, Committed, UserFact},
    };

    const ANA: UserNid = UserNid(1);

    /// Notes what it is told, and what the core knew then.
    #[derive(Debug)]
    struct Layer(&'static str, Core, Arc<Mutex<Vec<(&'static str, bool)>>>);

    impl Apply for Layer {
        fn apply(&self, committed: &Committed) {
            assert!(matches!(committed, Committed::User(ANA, UserFact::Locked, true)));
            self.2.lock().push((self.0, self.1.locked.contains(ANA)));
        }
    }

    #[tokio::test]
    async fn higher_layers_hear_of_a_commit_first_and_the_core_last() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&im2_store::Options::new(folder.path())).unwrap());
        let options = Options::new(ServerName::parse("im.test").unwrap());
        let clock = Arc::new(ManualClock::at(0));
        let core = Core::open(options, store, clock, Arc::new(SeededRandom::new(1))).await.unwrap();
        let heard = Arc::default();
        let layers = ["below", "gone", "above"].map(|name| Arc::new(Layer(name, core.clone(), Arc::clone(&heard))));
        for layer in &layers {
            core.layers.add(&(Arc::clone(layer) as Arc<dyn Apply>));
        }
        let [_below, gone, _above] = layers;
        drop(gone);

        let lock = |fails: bool| {
            core.store.write(move |tx| {
                tx.publish(Committed::User(ANA, UserFact::Locked, true));
                if fails { Err(im2_store::Error::Conflict) } else { Ok(()) }
            })
        };
        lock(true).await.unwrap_err();
        assert!(heard.lock().is_empty() && !core.locked.contains(ANA), "what did not happen is not told");
        lock(false).await.unwrap();
        assert_eq!(*heard.lock(), [("above", false), ("below", false)]);
        assert!(core.locked.contains(ANA), "the caller is answered after it was applied");
    }
}
