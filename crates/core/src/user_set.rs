//! Users that something holds for, in memory, because it is asked at every turn: who asked to be erased, whose
//! account is locked, whose is suspended, who is shadow-banned, who is a guest. The accounts' rows are the truth; they are read at the start.

use std::collections::HashSet;

use im2_model::UserNid;
use parking_lot::RwLock;

/// A set of users. All of them are in memory: eight bytes each, of whom only guests can be many.
#[derive(Debug, Default)]
pub struct UserSet(RwLock<HashSet<UserNid>>);

impl UserSet {
    /// Those for whom it held before the start.
    pub(crate) fn new(users: impl IntoIterator<Item = UserNid>) -> Self {
        Self(RwLock::new(users.into_iter().collect()))
    }

    /// Whether it holds for `user`.
    pub fn contains(&self, user: UserNid) -> bool {
        let users = self.0.read();
        !users.is_empty() && users.contains(&user)
    }

    /// Whether it holds for nobody.
    pub fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }

    /// Adds one. Called once it is committed.
    pub fn add(&self, user: UserNid) {
        self.0.write().insert(user);
    }

    /// Adds one or takes them out. Called once it is committed.
    pub fn set(&self, user: UserNid, holds: bool) {
        let mut users = self.0.write();
        if holds {
            users.insert(user)
        } else {
            users.remove(&user)
        };
    }
}
