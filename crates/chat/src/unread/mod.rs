//! Unread counts: how many events of a room notify a user who has not read them (spec: client-server API, "Receiving
//! notifications").
//!
//! Nothing is written when a message is sent. A count is computed when somebody looks, from the user's receipts, push
//! rules and the room's events; it is kept in memory as a [`record`] and goes on from there with the events that have
//! come since. Whatever it was computed from (the [`Inputs`]) is compared before it is used again, so nobody has to
//! clear it. Records that took long are [`stored`] as well, so that a restart does not make them anew.
//!
//! A count always equals its definition, however far back it goes. What is looked at for it is read from the database
//! a segment at a time; others have their turn in between, and a request that is given up leaves what it has done.
//!
//! A user's own message marks its thread as read up to it, as a receipt would.

mod inputs;
mod segments;
mod stored;
mod walk;

use std::{collections::HashMap, sync::Arc};

use im2_core::{
    Core, Result,
    memory::{Cache, Share},
};
use im2_model::{RoomNid, UserNid};
use im2_store::Snapshot;
use parking_lot::Mutex;

pub(crate) use inputs::Inputs;
pub use segments::RoomUnread;
pub(crate) use segments::work;

use crate::{
    account_data::AccountData,
    push_rules::PushRules,
    receipts::Receipts,
    rooms::{Actor, Room, Rooms},
};
use segments::Recounts;
use walk::{Redactions, Walk};

/// Estimated memory for each unit of a record's own weight, in bytes: a room without threads in which something is
/// unread.
const UNIT: usize = 400;

/// The use cases of unread counts.
#[derive(Debug, Clone)]
pub struct Unread {
    core: Core,
    account_data: AccountData,
    push_rules: PushRules,
    receipts: Receipts,
    rooms: Rooms,
    kept: Kept,
    turns: Turns,
    sizes: Sizes,
}

/// How much is counted in one go. A test takes little, so that it need not write many thousands of events to go from
/// one segment to the next.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Events in a segment of a record, and in what is read from the database together.
    pub segment: usize,
    /// Events that are taken from memory together.
    pub in_memory: usize,
    /// Counts for which more events than these were read from the database are stored.
    pub long: usize,
}

impl Default for Sizes {
    /// A segment takes some 20 ms of a reader's time.
    fn default() -> Self {
        Self { segment: 1_024, in_memory: 4_096, long: 4_096 }
    }
}

/// The user and the room of a record.
type Key = (UserNid, RoomNid);

/// The counts in memory.
type Kept = Cache<Key, Arc<RoomUnread>>;

/// Locks for the counts under way, by user and room: a second caller waits, and then finds the result.
type Turns = Arc<Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>>;

struct Turn<'a> {
    turns: &'a Turns,
    key: Key,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl<'a> Turn<'a> {
    fn new(turns: &'a Turns, key: Key) -> Self {
        Self { turns, key, lock: Arc::clone(turns.lock().entry(key).or_default()) }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.turns.lock();
        if Arc::strong_count(&self.lock) <= 2 {
            turns.remove(&self.key); // nobody else has it, and nobody can take it now
        }
    }
}

fn nothing_kept(core: &Core) -> Kept {
    Cache::new(&core.memory, "unread", Share::Sixteenth, |_, unread: &Arc<RoomUnread>| UNIT * unread.weight() as usize)
}

impl Unread {
    /// Builds it on the core.
    pub fn new(core: Core, account_data: AccountData, push_rules: PushRules, receipts: Receipts, rooms: Rooms) -> Self {
        let kept = nothing_kept(&core);
        let (turns, sizes) = (Turns::default(), Sizes::default());
        Self { core, account_data, push_rules, receipts, rooms, kept, turns, sizes }
    }

    /// The same with nothing kept in memory, and other sizes.
    #[must_use]
    pub fn with_sizes(&self, sizes: Sizes) -> Self {
        let kept = nothing_kept(&self.core);
        Self { kept, turns: Turns::default(), sizes, ..self.clone() }
    }

    /// The unread counts of `actor`, a member of `room`.
    pub async fn in_room(&self, actor: &Actor, room: &Arc<Room>) -> Result<Arc<RoomUnread>> {
        let key = (actor.user, room.nid);
        let (inputs, head) = self.inputs(actor, room).await?;
        let kept = self.kept.get(&key).filter(|kept| kept.inputs.judges_like(&inputs));
        if let Some(kept) = kept.as_ref().filter(|kept| kept.until >= head && kept.inputs.reads_like(&inputs)) {
            return Ok(Arc::clone(kept));
        }
        let walk = Walk { actor: actor.clone(), room: Arc::clone(room), head, sizes: self.sizes };
        if let Some(unread) = in_memory(&walk, kept.as_deref(), Arc::new(inputs)) {
            return Ok(self.keep(key, unread));
        }
        let turn = Turn::new(&self.turns, key);
        let _mine = turn.lock.lock().await;
        self.in_database(actor, room).await
    }

    fn keep(&self, key: Key, unread: RoomUnread) -> Arc<RoomUnread> {
        let unread = Arc::new(unread);
        self.kept.insert(key, Arc::clone(&unread));
        unread
    }

    /// Counts with what is in the database.
    async fn in_database(&self, actor: &Actor, room: &Arc<Room>) -> Result<Arc<RoomUnread>> {
        let key = (actor.user, room.nid);
        let (inputs, head) = self.inputs(actor, room).await?;
        let inputs = Arc::new(inputs);
        let walk = Walk { actor: actor.clone(), room: Arc::clone(room), head, sizes: self.sizes };
        let kept = self.kept.get(&key).map(|kept| RoomUnread::clone(&kept));
        let (unread, recounts) = self.begin(&walk, kept, &inputs).await?;
        let mut unread = self.recount(&walk, unread, recounts).await?;
        let mut looked_up = 0;
        while unread.until < head {
            let redactions = if let Some(redactions) = walk.go_on_in_memory(&mut unread) {
                redactions
            } else {
                looked_up += self.sizes.segment;
                let (walk, mut further) = (walk.clone(), unread);
                let go_on = move |db: &Snapshot<'_>| Ok((walk.go_on(db, &mut further)?, further));
                let (redactions, further) = self.core.store.read(go_on).await?;
                unread = further;
                redactions
            };
            if !redactions.is_empty() {
                unread = self.redacted(&walk, unread, redactions).await?;
            }
            // Whoever comes back after giving up goes on from here.
            self.keep(key, unread.clone());
        }
        unread.redacted_until = unread.redacted_until.max(unread.until);
        if looked_up > self.sizes.long {
            self.store(&walk, &unread).await?;
        }
        Ok(self.keep(key, unread))
    }

    /// The record to go on from, and the parts of it that have to be counted again.
    async fn begin(
        &self,
        walk: &Walk,
        kept: Option<RoomUnread>,
        inputs: &Arc<Inputs>,
    ) -> Result<(RoomUnread, Recounts)> {
        let alike = |kept: &RoomUnread| kept.inputs.judges_like(inputs) && kept.until > inputs.settled();
        let joined = kept.as_ref().filter(|kept| kept.inputs.member == inputs.member).map(|kept| kept.joined);
        let mut found = kept.filter(alike);
        if found.is_none() {
            found = self.stored(walk, inputs).await?.filter(alike);
        }
        if let Some(mut unread) = found {
            let recounts = unread.read_on(Arc::clone(inputs));
            return Ok((unread, recounts));
        }
        Ok((self.anew(walk, inputs, joined).await?, Recounts::new()))
    }

    /// A record in which nothing has been looked at.
    async fn anew(&self, walk: &Walk, inputs: &Arc<Inputs>, joined: Option<i64>) -> Result<RoomUnread> {
        let settled = inputs.settled();
        let joined = match joined {
            Some(joined) => joined,
            None if settled >= inputs.member => 0,
            None => {
                let (room, user_id, member) = (walk.room.nid, walk.actor.user_id.clone(), inputs.member);
                self.core.store.read(move |db| db.joined_since(room, &user_id, member, settled)).await?
            }
        };
        Ok(RoomUnread::nothing(Arc::clone(inputs), joined, settled.max(joined), walk.head))
    }

    /// Counts again, from memory as far as that goes.
    async fn recount(&self, walk: &Walk, mut unread: RoomUnread, recounts: Recounts) -> Result<RoomUnread> {
        for (index, recount) in walk.recount_in_memory(&mut unread, recounts) {
            let walk = walk.clone();
            let recount = move |db: &Snapshot<'_>| {
                walk.recount(db, &mut unread, index, &recount)?;
                Ok(unread)
            };
            unread = self.core.store.read(recount).await?;
        }
        Ok(unread)
    }

    /// Brings a record up to date after older events were redacted.
    async fn redacted(&self, walk: &Walk, mut unread: RoomUnread, redactions: Redactions) -> Result<RoomUnread> {
        let about = walk.clone();
        let changed = self.core.store.read(move |db| about.changed_by(db, &redactions)).await?;
        let Some(changed) = changed else {
            let (inputs, joined) = (Arc::clone(&unread.inputs), unread.joined);
            return self.anew(walk, &inputs, Some(joined)).await;
        };
        let recounts = unread.recounts_of(changed);
        self.recount(walk, unread, recounts).await
    }
}

/// Counts with what is in memory, if all that matters is: on from what is kept, or from where everything is read.
fn in_memory(walk: &Walk, kept: Option<&RoomUnread>, inputs: Arc<Inputs>) -> Option<RoomUnread> {
    let settled = inputs.settled();
    let mut unread = match kept.filter(|kept| kept.until > settled) {
        Some(kept) => {
            let mut unread = kept.clone();
            let recounts = unread.read_on(inputs);
            if !walk.recount_in_memory(&mut unread, recounts).is_empty() {
                return None;
            }
            unread
        }
        None if settled >= inputs.member.max(inputs.receipts.main) => {
            RoomUnread::nothing(inputs, 0, settled, walk.head)
        }
        None => return None,
    };
    if unread.until < walk.head && !walk.go_on_in_memory(&mut unread)?.is_empty() {
        return None;
    }
    unread.redacted_until = unread.redacted_until.max(unread.until);
    Some(unread)
}
