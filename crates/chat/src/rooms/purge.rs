//! Removing a room, or the older part of its messages, from this server.
//!
//! A room that is purged disappears in one change: nobody finds it any more, what is in memory of it is dropped, and
//! those who had to do with it are told that they have left. Its rows are deleted after that, some at a time, so that
//! nobody waits for it; a purge that is cut off goes on when it is asked for again.

use std::{collections::HashMap, sync::Arc};

use im2_core::{
    Result,
    committed::{Committed, Local},
    stream::GoneRoom,
};
use im2_kernel::{client::client_event, event::Pdu, version::RoomVersion};
use im2_model::{Millis, RoomId, RoomNid, UserNid};
use im2_store::rooms::{Direction, EventRow, PurgedEvent};

use super::{Room, RoomEvent, Rooms, prepare::terms_of};

/// Rows deleted in one change: some milliseconds of the writer's time.
const STEP: usize = 500;
/// How long after leaving somebody's other devices may not have heard of it.
const UNHEARD: Millis = 30 * 24 * 60 * 60 * 1000;

impl Rooms {
    /// Makes a room disappear, if it is there. Its rows are still to be deleted by [`Rooms::finish_purge`].
    pub async fn begin_purge(&self, room_id: &RoomId) -> Result<()> {
        let Some(room) = self.find(room_id).await? else { return Ok(()) };
        let turn = self.core.store.write_turn().await?; // before the lock, as for every event
        // Nobody is building an event meanwhile, so that what is queued is committed before.
        let _head = room.head.lock().await;
        let (handle, now) = (Arc::clone(&room), self.core.now());
        let change = move |tx: &mut im2_core::Transaction<'_>| {
            let told = told_of_leaving(tx, &handle, now)?;
            let users = tx.begin_purge(handle.nid)?;
            let position = tx.next_position();
            for (user, event) in &told {
                tx.add_purged_room(*user, position, (handle.nid, &handle.id), event.as_deref(), now)?;
            }
            let gone = Arc::new(GoneRoom { room: handle.nid, room_id: handle.id.clone(), told });
            tx.publish(Committed::RoomPurged { position, gone, users, handle: Local::new(Arc::clone(&handle)) });
            Ok(())
        };
        Ok(self.core.store.enqueue(turn, change).await?.durable().await?)
    }

    /// Deletes everything that is stored of a room whose purge has begun.
    pub async fn finish_purge(&self, room_id: &RoomId) -> Result<()> {
        let wanted = room_id.clone();
        let Some((room, version)) = self.core.store.read(move |db| db.purging_room(&wanted)).await? else {
            return Ok(());
        };
        let version = RoomVersion::understood(&version).unwrap_or(RoomVersion::DEFAULT);
        let now = self.core.now();
        loop {
            let rows = self.core.store.read(move |db| db.events_from(room, 0, Direction::Forward, STEP)).await?;
            if rows.is_empty() {
                break;
            }
            let events: Vec<PurgedEvent> = rows.iter().map(|row| purged(version, row).1).collect();
            self.core.store.write(move |tx| tx.purge_events(room, &events, now)).await?;
        }
        while self.core.store.write(move |tx| tx.purge_room_step(room, STEP, now)).await? {}
        Ok(())
    }

    /// Takes the message events of a room before event number `before` out of it, and with `delete` off the disk. State
    /// stays, and so do redactions, which say why something is not there. Returns how many there were.
    pub async fn purge_messages(&self, room: &Arc<Room>, before: i64, delete: bool) -> Result<usize> {
        let (nid, version) = (room.nid, room.version);
        let (mut from, mut deleted) = (0, 0);
        while from + 1 < before {
            let rows = self.core.store.read(move |db| db.events_from(nid, from, Direction::Forward, STEP)).await?;
            let Some(last) = rows.last() else { break };
            from = last.seq;
            let stays =
                |pdu: &Option<Pdu>| pdu.as_ref().is_none_or(|pdu| pdu.is_state() || &*pdu.kind == "m.room.redaction");
            let old = rows.iter().filter(|row| row.seq < before).map(|row| purged(version, row));
            let old: Vec<PurgedEvent> = old.filter(|(pdu, _)| !stays(pdu)).map(|(_, event)| event).collect();
            deleted += old.len();
            let (now, handle) = (self.core.now(), Local::new(Arc::clone(room)));
            let change = move |tx: &mut im2_core::Transaction<'_>| {
                if !delete {
                    tx.keep_events(nid, &old)?;
                }
                tx.purge_events(nid, &old, now)?;
                tx.forget_unread(nid)?;
                let events = old.iter().map(|event| event.seq).collect();
                tx.publish(Committed::HistoryPurged { room: nid, events, handle: handle.clone() });
                Ok(())
            };
            self.core.store.write(change).await?;
        }
        while delete && self.core.store.write(move |tx| tx.delete_kept_events(nid, before, STEP)).await? > 0 {}
        // After the numbers have changed, so that none is stored again that was counted with what is deleted.
        self.core.store.write(move |tx| tx.forget_unread(nid)).await?;
        Ok(deleted)
    }

    /// How often events of a room were deleted since the start: whatever was computed from its events is of no use
    /// after that.
    pub(crate) fn history_deletions(&self, room: RoomNid) -> u64 {
        self.deletions.lock().get(&room).copied().unwrap_or(0)
    }
}

/// An event to be removed, and what it says if that can be read.
fn purged(version: RoomVersion, row: &EventRow) -> (Option<Pdu>, PurgedEvent) {
    let pdu = Pdu::from_stored(version, Some(row.event_id.clone()), &row.pdu).ok();
    let terms = pdu.as_ref().and_then(terms_of);
    (pdu, PurgedEvent { position: row.position, seq: row.seq, terms })
}

/// The users whose clients may still show the room, each with the event by which they left it.
fn told_of_leaving(
    tx: &im2_core::Transaction<'_>,
    room: &Room,
    now: Millis,
) -> im2_store::Result<HashMap<UserNid, Option<Box<str>>>> {
    let mut told = HashMap::new();
    for (row, membership) in tx.member_events(room.nid)? {
        let event = row.event.as_ref().map(|row| RoomEvent::load_state(room.version, row)).transpose()?;
        let left = matches!(&*membership, "leave" | "ban");
        let is_old = |event: &RoomEvent| event.pdu.origin_server_ts.saturating_add(UNHEARD) < now;
        if left && (row.forgotten || event.as_ref().is_some_and(is_old)) {
            continue;
        }
        let shown = event.filter(|_| left).map(|event| client_event(&event.pdu, false));
        told.insert(row.user, shown);
    }
    Ok(told)
}
