//! What every use case stands on: the store, the stream, time, randomness and the server's name.

use std::sync::Arc;

use im2_bus::Bus;
use im2_model::{Clock, Millis, Random, ServerName, UserId, UserNid};
use im2_store::Store;

use crate::{
    Code, Error, Result, UserSet, accounts::Asserted, appservices::Services, blocked::BlockedRooms,
    ephemeral::Ephemeral, features::WithheldFeatures, key_counts::KeyCountCache, memory::Memory, rate_limits::Limits,
    session_ends::SessionEnds, shutdown::Shutdown, stream::Stream, typing::Typists,
};

/// Shared by all modules of the engine: one pointer, for every module holds some.
#[derive(Clone)]
pub struct Core(Arc<Shared>);

/// What is shared.
pub struct Shared {
    /// The database: the truth.
    pub store: Arc<Store>,
    /// What has been committed lately, and where the stream stands.
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
    /// Whose messages are hidden from whoever came later.
    pub erased: Arc<UserSet>,
    /// Whose account is locked.
    pub locked: Arc<UserSet>,
    /// Tells requests that wait when a session has ended.
    pub session_ends: Arc<SessionEnds>,
    /// Whose account is suspended.
    pub suspended: Arc<UserSet>,
    /// The shadow-banned users.
    pub shadow_banned: Arc<UserSet>,
    /// Features that administrators have switched off for single users.
    pub withheld_features: Arc<WithheldFeatures>,
    /// Whom application services act as.
    pub asserted: Arc<Asserted>,
    /// What devices have in store for others.
    pub key_counts: Arc<KeyCountCache>,
    /// Who is a guest.
    pub guests: Arc<UserSet>,
    /// What may be done how often, and how much may be kept.
    pub limits: Arc<Limits>,
    /// Which rooms administrators have blocked.
    pub blocked: Arc<BlockedRooms>,
    /// Who is typing.
    pub typists: Arc<Typists>,
    /// Whether the process is about to end. Whoever waits for a client's sake stops waiting then.
    pub shutdown: Shutdown,
}

impl std::ops::Deref for Core {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl From<Shared> for Core {
    fn from(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl Core {
    /// The current time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Whether a user belongs to an application service, for whose users limits on people do not hold.
    pub(crate) fn is_of_service(&self, user_id: &UserId) -> bool {
        self.services.all().iter().any(|service| service.sender == *user_id || service.owns_user(user_id))
    }

    /// Refuses everything to the owner of a locked account (spec: "Account locking").
    pub(crate) fn refuse_locked(&self, user: UserNid) -> Result<()> {
        if self.locked.contains(user) {
            let message = "this account has been locked by an administrator of this server";
            return Err(Error::refused(Code::UserLocked, message).with("soft_logout", true));
        }
        Ok(())
    }

    /// Refuses what the owner of a suspended account may not do (spec: "Account suspension").
    pub fn refuse_suspended(&self, user: UserNid) -> Result<()> {
        if self.suspended.contains(user) {
            let message = "this account has been suspended by an administrator of this server: it can read and leave";
            return Err(Error::refused(Code::UserSuspended, message));
        }
        Ok(())
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
