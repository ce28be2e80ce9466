//! Users who send again what they have sent already.
//!
//! Whether a transaction was used before, or a reaction is there already, is known for sure only at the commit, and an
//! event that turns out a repeat there takes with it those that others have built on it meanwhile: they are made anew.
//! That is cheap as long as it is rare. Of a user of whom it was not, each further event is therefore looked up before it
//! is queued, one after the other.

use std::sync::Arc;

use im2_core::{
    Result,
    memory::{Cache, Memory, Share},
};
use im2_model::{EventId, UserNid};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    Actor, Room, Rooms,
    draft::{Draft, Transaction},
};

/// Estimated memory for a lock, in bytes.
const LOCK: usize = 64;

/// The users of whom an event turned out a repeat at its commit.
#[derive(Debug, Clone)]
pub(super) struct Duplicates(Cache<UserNid, Arc<Mutex<()>>>);

/// The turn of one of them, or that another user needs none.
pub(super) type Alone = Option<OwnedMutexGuard<()>>;

impl Duplicates {
    pub(crate) fn new(memory: &Memory) -> Self {
        Self(Cache::new(memory, "repeats", Share::HundredAndTwentyEighth, |_, _| LOCK))
    }

    /// Remembers that a user has sent a repeat.
    pub(super) fn note(&self, user: UserNid) {
        if self.0.get(&user).is_none() {
            self.0.insert(user, Arc::default());
        }
    }
}

impl Rooms {
    /// Waits for the turn of a user who has sent repeats, and finds out whether this is one: then the event that was
    /// made first is the answer, or the refusal.
    pub(super) async fn unless_duplicate(
        &self,
        room: &Arc<Room>,
        actor: &Actor,
        draft: &Draft,
        transaction: Option<&Transaction>,
    ) -> Result<std::result::Result<Alone, EventId>> {
        let Some(lock) = self.repeats.0.get(&actor.user) else { return Ok(Ok(None)) };
        // Boxed: hardly any send needs it.
        Box::pin(async move {
            let alone = lock.lock_owned().await;
            if let Some(sent) = self.sent_before(room, &draft.kind, transaction).await? {
                return Ok(Err(sent));
            }
            if draft.state_key.is_none() {
                self.check_relation(room, actor, draft).await?;
            }
            Ok(Ok(Some(alone)))
        })
        .await
    }
}
