//! The users that application services act as, in memory: a bridge says who it is with each request, as one of
//! thousands of users, and nothing of it changes often.
//!
//! Remembered are the facts that the database has about an account and a device of it. Whoever changes either publishes
//! [`Committed::IdentityChanged`](crate::Committed).

use std::sync::atomic::{AtomicU64, Ordering};

use im2_model::{DeviceId, UserId, UserNid};

use crate::memory::{Cache, Memory, Share};

/// Users share so many numbers: one whose account changes makes others be looked up again, now and then.
const SHARDS: usize = 1_024;

/// Somebody, on a device or on none.
pub type Identity = (UserId, Option<DeviceId>);

/// The facts that are remembered of an identity that may be assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The user's number.
    pub user: UserNid,
    /// Whether they administer the server.
    pub is_admin: bool,
    /// The number of changes in the user's shard when it was remembered.
    changes: u64,
}

/// The identities that services have assumed lately.
#[derive(Debug)]
pub struct AssertedIdentities {
    known: Cache<Identity, Known>,
    /// How often something changed of the users of each shard, and of all.
    of_shard: Vec<AtomicU64>,
    of_all: AtomicU64,
}

impl AssertedIdentities {
    pub(crate) fn new(memory: &Memory) -> Self {
        let of_shard = (0..SHARDS).map(|_| AtomicU64::new(0)).collect();
        let weigh = |(user_id, device_id): &Identity, _: &Known| {
            user_id.as_str().len() + device_id.as_ref().map_or(0, |device_id| device_id.as_str().len())
        };
        let known = Cache::new(memory, "asserted", Share::HundredAndTwentyEighth, weigh);
        Self { known, of_shard, of_all: AtomicU64::new(0) }
    }

    /// The facts about an identity, if they are remembered and still true.
    pub fn get(&self, identity: &Identity) -> Option<Known> {
        let known = self.known.get(identity)?;
        (known.changes == self.changes_of(known.user)).then_some(known)
    }

    /// The number of changes so far, to be taken before looking into the database and given to [`Self::keep`].
    pub fn changes(&self) -> u64 {
        self.of_all.load(Ordering::SeqCst)
    }

    /// Makes the facts found in the database, and remembers them unless something has changed since `before`.
    pub fn keep(&self, identity: Identity, user: UserNid, is_admin: bool, before: u64) -> Known {
        let known = Known { user, is_admin, changes: self.changes_of(user) };
        // What changes after this raises the shard's number, which was taken before.
        if self.changes() == before {
            self.known.insert(identity, known);
        }
        known
    }

    /// Forgets what is remembered of a user: the account has changed, or a device is gone.
    pub fn forget(&self, user: UserNid) {
        self.of_all.fetch_add(1, Ordering::SeqCst);
        self.shard(user).fetch_add(1, Ordering::SeqCst);
    }

    fn changes_of(&self, user: UserNid) -> u64 {
        self.shard(user).load(Ordering::SeqCst)
    }

    fn shard(&self, user: UserNid) -> &AtomicU64 {
        &self.of_shard[user.0.unsigned_abs() as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use im2_model::{UserId, UserNid};

    use super::AssertedIdentities;
    use crate::memory::{Memory, Options};

    #[test]
    fn what_changes_is_forgotten_even_while_it_is_looked_up() {
        let asserted_identities = AssertedIdentities::new(&Memory::new(Options::default()));
        let (ana, ben) = (UserNid(1), UserNid(2));
        let identity = |name: &str| (UserId::parse(&format!("@{name}:x")).unwrap(), None);
        let before = asserted_identities.changes();
        asserted_identities.keep(identity("ana"), ana, false, before);
        asserted_identities.keep(identity("ben"), ben, false, before);
        assert!(asserted_identities.get(&identity("ana")).is_some_and(|known| known.user == ana));
        asserted_identities.forget(ana);
        assert!(asserted_identities.get(&identity("ana")).is_none());
        assert!(asserted_identities.get(&identity("ben")).is_some(), "others are still known");
        asserted_identities.keep(identity("ana"), ana, true, before);
        assert!(asserted_identities.get(&identity("ana")).is_none(), "that was looked up before the change");
        asserted_identities.keep(identity("ana"), ana, true, asserted_identities.changes());
        assert!(asserted_identities.get(&identity("ana")).is_some_and(|known| known.is_admin));
    }
}
