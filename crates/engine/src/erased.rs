//! Who asked to be erased when they ended their account (spec: "Account deactivation", `erase`).
//!
//! Their messages stay as they are for those who were in the room when they were sent; whoever came later is shown
//! them without their content.

use std::collections::HashSet;

use im2_model::UserNid;
use parking_lot::RwLock;

/// The erased users. All of them are in memory: eight bytes each, and few ask for it.
#[derive(Debug, Default)]
pub struct ErasedUsers(RwLock<HashSet<UserNid>>);

impl ErasedUsers {
    /// Those erased before the start.
    pub(crate) fn new(users: impl IntoIterator<Item = UserNid>) -> Self {
        Self(RwLock::new(users.into_iter().collect()))
    }

    /// Whether `user` was erased.
    pub fn contains(&self, user: UserNid) -> bool {
        let users = self.0.read();
        !users.is_empty() && users.contains(&user)
    }

    /// Adds one. Called from the commit's hook.
    pub(crate) fn add(&self, user: UserNid) {
        self.0.write().insert(user);
    }
}
