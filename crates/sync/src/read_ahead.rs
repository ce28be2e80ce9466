//! Reading ahead: for an answer about many rooms, what it needs of them is read for many rooms with one look into the
//! database, and while those before them are written. All of it goes into memory, where it is looked for afterwards,
//! except for other people's receipts, which are kept nowhere.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    vec::IntoIter,
};

use im2_chat::rooms::{Actor, Room};
use im2_core::{Error, Result, stream::ReceiptChange};
use im2_fair::caller::inherit;
use im2_kernel::content::Membership;
use im2_model::RoomNid;
use tokio::task::JoinHandle;

use super::Sync;

/// Rooms that are read together: some ten milliseconds of a reading connection.
pub(crate) const TOGETHER: usize = 64;
/// Fewer rooms are not read ahead: usually an answer is about one that is in memory.
const FEW: usize = 4;
/// Readings under way at a time. Half of the reading connections are left to others.
const AT_ONCE: usize = 2;

/// The fewest and the most events that a room is read with: what is in its tail need not be read again, and what nobody
/// looks at is read in vain.
const FEWEST_EVENTS: usize = 12;
const MOST_EVENTS: usize = 64;

/// Receipts by room.
pub(crate) type RoomReceipts = HashMap<RoomNid, Vec<ReceiptChange>>;

/// The data that an answer needs of each room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Events of each timeline.
    pub(crate) events: usize,
    /// Whether everybody's receipts are needed too.
    pub(crate) receipts: bool,
}

/// Rooms that are being read, [`TOGETHER`] at a time.
pub(crate) struct ReadAhead {
    /// The use cases that read, and the user they read for; `None` for few rooms.
    reader: Option<(Sync, Actor)>,
    wanted: Wanted,
    rest: IntoIter<Vec<RoomNid>>,
    under_way: VecDeque<JoinHandle<Result<RoomReceipts>>>,
}

impl ReadAhead {
    /// Starts reading what an answer for `actor` needs of `rooms`.
    pub(crate) fn new(sync: &Sync, actor: &Actor, rooms: &[RoomNid], wanted: Wanted) -> Self {
        let reader = (rooms.len() >= FEW).then(|| (sync.clone(), actor.clone()));
        let rooms = if reader.is_some() { rooms } else { &[] };
        let rest: Vec<_> = rooms.chunks(TOGETHER).map(<[RoomNid]>::to_vec).collect();
        let mut ahead = Self { reader, wanted, rest: rest.into_iter(), under_way: VecDeque::new() };
        for _ in 0..AT_ONCE {
            ahead.start();
        }
        ahead
    }

    /// Waits for the next [`TOGETHER`] rooms.
    pub(crate) async fn next(&mut self) -> Result<RoomReceipts> {
        let Some(first) = self.under_way.pop_front() else { return Ok(RoomReceipts::new()) };
        let read = first.await.map_err(|error| Error::Internal(error.to_string()))?;
        self.start();
        read
    }

    fn start(&mut self) {
        let Some((rooms, (sync, actor))) = self.rest.next().zip(self.reader.clone()) else { return };
        let wanted = self.wanted;
        self.under_way.push_back(tokio::spawn(inherit(async move { sync.read(&actor, rooms, wanted).await })));
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        for task in &self.under_way {
            task.abort();
        }
    }
}

impl Sync {
    async fn read(&self, actor: &Actor, rooms: Vec<RoomNid>, wanted: Wanted) -> Result<RoomReceipts> {
        // One more than is shown tells whether there are more.
        self.rooms.preload(&rooms, (wanted.events + 1).clamp(FEWEST_EVENTS, MOST_EVENTS)).await?;
        let mut joined = Vec::with_capacity(rooms.len());
        for nid in rooms {
            let room = self.rooms.if_there(nid).await?;
            let is_joined = |room: &Arc<Room>| room.view().membership(&actor.user_id) == Some(Membership::Join);
            joined.extend(room.filter(is_joined).map(|room| room.nid));
        }
        self.receipts.preload(actor.user, joined, wanted.receipts).await
    }
}
