//! Making a room's state another without an event that says so: the effect of a state resolution.
//!
//! Where branches of a room are put together, an older event may be the state again, several entries may change at once,
//! and an entry may lose its value. All of that is one change, which takes a number of the room and a place in the
//! stream. Which state it is is for the kernel to find out (`im2_kernel::resolve`), and for the caller to ask.

use std::sync::Arc;

use im2_core::{
    Result, UserSet,
    committed::{Committed, Local},
    event::{ResolvedEntry, ResolvedState},
};
use im2_kernel::content::Membership;
use im2_model::{EventId, UserId};
use im2_store::rooms::{self as store, SummaryChange};

use super::{
    RoomEvent, Rooms, guests,
    room::{Head, Room},
    summaries,
};

/// An entry of a room's state as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewState {
    /// Its type.
    pub kind: Box<str>,
    /// Its state key.
    pub state_key: Box<str>,
    /// The event that it is, which has to be stored; `None` for no value.
    pub event: Option<EventId>,
}

impl Rooms {
    /// Makes these entries of a room's state other ones, from the room's next number on, if its last one is still
    /// `head_seq`; else [`im2_store::Error::Conflict`]. Those that are not named stay, and those that are so already are
    /// passed over. Gives the number, unless nothing changes.
    ///
    /// The create event must not be among them.
    pub async fn resolve_state(&self, room: &Arc<Room>, head_seq: i64, wanted: Vec<NewState>) -> Result<Option<i64>> {
        // Before the lock, as for every event.
        let turn = self.core.store.write_turn().await?;
        // Held until it is committed: what is sent next is judged by the new state, which is seldom another.
        let mut head = room.head.lock().await;
        let (target, guests) = (Arc::clone(room), Arc::clone(&self.core.guests));
        let change = move |tx: &mut im2_core::Transaction<'_>| commit(tx, &target, head_seq, &wanted, &guests);
        let seq = self.core.store.enqueue(turn, change).await?.durable().await?;
        if let Some(fresh) = Head::of(&room.view(), head.epoch) {
            *head = fresh;
        }
        Ok(seq)
    }
}

/// Stores the new state, and publishes it after the commit.
fn commit(
    tx: &mut im2_core::Transaction<'_>,
    room: &Arc<Room>,
    head_seq: i64,
    wanted: &[NewState],
    guests: &UserSet,
) -> im2_store::Result<Option<i64>> {
    let (mut entries, mut stored) = (Vec::new(), Vec::new());
    for new in wanted {
        let before = tx.state_entry_at(room.nid, &new.kind, &new.state_key, i64::MAX)?;
        if before.as_ref().map(|before| &before.event_id) == new.event.as_ref() {
            continue;
        }
        let event = match &new.event {
            Some(event_id) => Some(load(tx, room, new, event_id)?),
            None => None,
        };
        let before = before.map(|row| RoomEvent::load_state(room.version, &row)).transpose()?;
        let was_joined = before.is_some_and(|before| before.pdu.membership == Some(Membership::Join));
        let (kind, state_key) = (new.kind.clone(), new.state_key.clone());
        let membership = event.as_ref().and_then(|event| event.pdu.membership).unwrap_or(Membership::Leave);
        let entry = ResolvedEntry { kind, state_key, event, member: None, was_joined, membership };
        stored.push(store::ResolvedEntry {
            kind: new.kind.clone(),
            state_key: new.state_key.clone(),
            event: new.event.clone(),
            membership: (&*new.kind == "m.room.member")
                .then(|| Some((UserId::parse(&new.state_key).ok()?, membership.as_str())))
                .flatten(),
            summary: match &entry.event {
                Some(event) => summaries::change_by(&event.pdu),
                None => summary_without(&new.kind, &new.state_key),
            },
        });
        entries.push(entry);
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let store::Resolved { position, seq, members } = tx.resolve_state(room.nid, head_seq, &stored)?;
    for (entry, member) in entries.iter_mut().zip(members) {
        entry.member = member;
    }
    let closes = entries.iter().any(|entry| match &entry.event {
        Some(event) => guests::closes(guests, &event.pdu),
        // Without a rule no guests are let in.
        None => &*entry.kind == "m.room.guest_access" && !guests.is_empty(),
    });
    let nid = room.nid;
    let resolved = Arc::new(ResolvedState { room: nid, position, seq, entries });
    tx.publish(Committed::StateResolved { resolved, handle: Local::new(Arc::clone(room)) });
    // After the publication, so that whoever does it finds the room as it is.
    if closes {
        guests::remove_later(tx, nid)?;
    }
    Ok(Some(seq))
}

/// The event that an entry is to be.
fn load(
    tx: &im2_core::Transaction<'_>,
    room: &Room,
    new: &NewState,
    event_id: &EventId,
) -> im2_store::Result<Arc<RoomEvent>> {
    let corrupt = |what: &str| im2_store::Error::Corrupt(format!("state of {}: {event_id} {what}", room.id));
    let row = tx.event(room.nid, event_id)?.ok_or_else(|| corrupt("is not there"))?;
    let event = RoomEvent::load_state(room.version, &row)?;
    if event.pdu.is(&new.kind, &new.state_key) { Ok(Arc::new(event)) } else { Err(corrupt("is another entry")) }
}

/// The change to a room's summary when a state entry loses its value; `None` if the summary does not depend on it.
fn summary_without(kind: &str, state_key: &str) -> Option<SummaryChange> {
    match kind {
        "m.room.name" if state_key.is_empty() => Some(SummaryChange::Name(None)),
        "m.room.encryption" if state_key.is_empty() => Some(SummaryChange::Encrypted(false)),
        _ => None,
    }
}
