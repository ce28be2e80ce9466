//! Records in the database: those that took long to make, so that they need not be made again after a restart.

use std::{collections::BTreeMap, sync::Arc};

use im2_core::Result;
use im2_kernel::{
    relations::Thread,
    unread::{Counts, ReadUpTo, UnreadCounts},
};
use im2_model::EventId;
use im2_store::unread::StoredUnread;
use serde::{Deserialize, Serialize};

use super::{Inputs, RoomUnread, Unread, segments::Segment, walk::Walk};
use crate::receipts::OwnReceipts;

/// The longest record that is stored, in bytes. Longer ones have unread events in very many threads.
const MAX_BYTES: usize = 256 << 10;

/// A record as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    read: Marks,
    receipts: Marks,
    main_receipt: i64,
    joined: i64,
    redacted_until: i64,
    #[serde(rename = "stretches")]
    segments: Vec<StoredSegment>,
}

/// How far was read, by thread; `null` is regardless of threads.
type Marks = Vec<(Option<String>, i64)>;

/// A segment as it is stored: from, until, how many events, whether reactions or edits count, notifications,
/// highlights; the last two by thread.
type StoredSegment = (i64, i64, usize, bool, u64, u64, BTreeMap<EventId, (u64, u64)>);

impl Unread {
    /// Reads the stored record, if it was made from the same inputs and saves work.
    pub(super) async fn stored(&self, walk: &Walk, inputs: &Inputs) -> Result<Option<RoomUnread>> {
        if walk.head - inputs.settled() <= self.sizes.long as i64 {
            return Ok(None);
        }
        let (user, room) = (walk.actor.user, walk.room.nid);
        let stored = self.core.store.read(move |db| db.stored_unread(user, room)).await?;
        let fingerprint = fingerprint(walk, inputs);
        let stored = stored.filter(|stored| stored.inputs == fingerprint && stored.until <= walk.head);
        Ok(stored.and_then(|stored| decoded(&stored.record, inputs)))
    }

    /// Stores a record.
    pub(super) async fn store(&self, walk: &Walk, unread: &RoomUnread) -> Result<()> {
        let inputs = fingerprint(walk, &unread.inputs);
        let Some(record) = encoded(unread).filter(|record| record.len() <= MAX_BYTES) else { return Ok(()) };
        let stored = StoredUnread { inputs, until: unread.until, record };
        let (user, room, rooms) = (walk.actor.user, walk.room.nid, self.rooms.clone());
        let deletions = unread.inputs.deletions;
        let write = move |tx: &mut im2_core::Transaction<'_>| {
            // Not if it was counted with what is deleted by now.
            if rooms.history_deletions(room) == deletions { tx.store_unread(user, room, &stored) } else { Ok(()) }
        };
        Ok(self.core.store.write(write).await?)
    }
}

fn fingerprint(walk: &Walk, inputs: &Inputs) -> Vec<u8> {
    inputs.fingerprint(walk.room.view().content("m.room.power_levels", ""))
}

fn marks(read: &ReadUpTo<i64>) -> Marks {
    read.marks().map(|(thread, at)| (thread.map(|thread| thread.as_str().to_owned()), at)).collect()
}

fn read_up_to(marks: &Marks) -> Option<ReadUpTo<i64>> {
    let mut read = ReadUpTo::default();
    for (thread, at) in marks {
        let thread = thread.as_deref().map(|text| Thread::parse(text).ok_or(()));
        read.record(thread.transpose().ok()?.as_ref(), *at);
    }
    Some(read)
}

fn encoded(unread: &RoomUnread) -> Option<String> {
    let segments = unread.older.iter().chain([&unread.newest]).map(|segment| {
        let Segment { from, until, looked_at, counts, has_comments } = segment;
        let threads = counts.threads.iter();
        let threads = threads.map(|(root, of)| (root.clone(), (of.notification_count, of.highlight_count)));
        let Counts { notification_count, highlight_count } = counts.main;
        (*from, *until, *looked_at, *has_comments, notification_count, highlight_count, threads.collect())
    });
    let stored = Stored {
        read: marks(&unread.read),
        receipts: marks(&unread.inputs.receipts.read),
        main_receipt: unread.inputs.receipts.main,
        joined: unread.joined,
        redacted_until: unread.redacted_until,
        segments: segments.collect(),
    };
    serde_json::to_string(&stored).ok()
}

/// The record that a text stands for, on the receipts of its time and otherwise this inputs.
fn decoded(text: &str, inputs: &Inputs) -> Option<RoomUnread> {
    let stored: Stored = serde_json::from_str(text).ok()?;
    let segment = |(from, until, looked_at, has_comments, notification_count, highlight_count, threads)| {
        let counts = |(notification_count, highlight_count)| Counts { notification_count, highlight_count };
        let threads: BTreeMap<EventId, (u64, u64)> = threads;
        let threads = threads.into_iter().map(|(root, of)| (root, counts(of))).collect();
        let counts = UnreadCounts { main: Counts { notification_count, highlight_count }, threads };
        Segment { from, until, looked_at, counts, has_comments }
    };
    let mut older: Vec<Segment> = stored.segments.into_iter().map(segment).collect();
    let newest = older.pop()?;
    let receipts = OwnReceipts::of(read_up_to(&stored.receipts)?, stored.main_receipt);
    let mut unread = RoomUnread {
        counts: UnreadCounts::default(),
        read: read_up_to(&stored.read)?,
        joined: stored.joined,
        until: newest.until,
        redacted_until: stored.redacted_until,
        older: Arc::new(older),
        newest,
        inputs: Arc::new(Inputs { receipts: Arc::new(receipts), ..inputs.clone() }),
    };
    unread.sum();
    Some(unread)
}
