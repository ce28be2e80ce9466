//! The changes in the stream since a service was last told, from memory or, after a long time, from the database.

use std::{collections::HashSet, sync::Arc};

use im2_chat::rooms::RoomEvent;
use im2_core::{
    Result,
    event::ResolvedState,
    stream::{self, ReceiptChange},
};
use im2_model::{DeviceId, Position, Reached, RoomNid, StreamToken, UserId, UserNid};
use im2_store::{
    Snapshot,
    rooms::{EventRow, EventsBetween},
};
use serde::Deserialize;

use super::sender::Sender;

/// Changes looked at for one transaction: most concern rooms that the service has nothing to do with.
const LOOK: usize = 1_000;

/// A change that may concern a service.
#[derive(Debug)]
pub(super) enum Change {
    Event(Arc<RoomEvent>),
    /// A room's state was resolved.
    State(Arc<ResolvedState>),
    /// The same, of which no more is known.
    Resolved(RoomNid),
    Receipt(Arc<ReceiptChange>),
    ToDevice(Arc<[(UserNid, DeviceId)]>),
    /// A user's devices changed.
    DeviceList(UserNid),
    /// Keys that a device has in store for others were handed out.
    KeyCounts(UserNid, DeviceId),
}

/// A stretch of the stream.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The changes, in the stream's order.
    pub(super) items: Vec<(Position, Change)>,
    /// The place in the stream where they end.
    pub(super) until: Reached,
    /// Whether that is the end of the stream.
    pub(super) is_complete: bool,
}

impl Changes {
    /// The rooms that events and receipts are of.
    pub(super) fn rooms(&self) -> impl Iterator<Item = RoomNid> {
        self.items.iter().filter_map(|(_, change)| match change {
            Change::Event(event) => Some(event.room),
            Change::State(resolved) => Some(resolved.room),
            Change::Resolved(room) => Some(*room),
            Change::Receipt(receipt) => Some(receipt.room),
            Change::ToDevice(_) | Change::DeviceList(_) | Change::KeyCounts(..) => None,
        })
    }
}

impl Sender {
    /// The next stretch of the stream.
    pub(super) async fn changes(&mut self) -> Result<Changes> {
        if let Some(changes) = self.changes_in_memory() {
            return Ok(changes);
        }
        self.stored_changes().await
    }

    /// The next changes, if the stretch in memory has all of them.
    fn changes_in_memory(&self) -> Option<Changes> {
        let since = StreamToken::from(self.reached.clone());
        let (ephemeral, encryption) = (self.service.receives_ephemeral, self.service.does_encryption);
        let (mut looked, mut last) = (0, Position::LAST);
        let pick = |position, change: &stream::Change| {
            looked += 1;
            if looked > LOOK {
                return None;
            }
            last = position;
            let change = match change {
                stream::Change::Event(event) => Change::Event(Arc::clone(event)),
                stream::Change::State(resolved) => Change::State(Arc::clone(resolved)),
                stream::Change::Receipt(receipt) if ephemeral => Change::Receipt(Arc::clone(receipt)),
                stream::Change::ToDevice(devices) if encryption => Change::ToDevice(Arc::clone(devices)),
                stream::Change::DeviceList(user) if encryption => Change::DeviceList(*user),
                stream::Change::KeyCounts(user, device_id) if encryption => Change::KeyCounts(*user, device_id.clone()),
                _ => return None,
            };
            Some((position, change))
        };
        let (items, until) = self.core.stream.since(&since, pick)?;
        let is_complete = looked <= LOOK;
        let last = if is_complete { Position::LAST } else { last };
        Some(Changes { items, until: self.reached.on_the_way(until.stream(), last), is_complete })
    }

    /// The next changes as the database has them.
    async fn stored_changes(&mut self) -> Result<Changes> {
        let (after, now) = (self.reached.clone(), self.core.stream.reached());
        let found = self.core.store.read(move |db| db.events_between(&after, now.stream(), LOOK)).await?;
        let EventsBetween { rows, reached: until, is_complete } = found;
        let read_in = self.rooms_read_in(&until).await?;
        let at_hand = rows.iter().map(|row| row.room).chain(read_in.iter().copied());
        let service = Arc::clone(&self.service);
        self.interest.prepare(&service, &self.rooms, at_hand).await?;
        let wanted = self.candidates(rows);
        let mut rooms: HashSet<RoomNid> = self.interest.joined().collect();
        rooms.extend(wanted.iter().map(|row| row.room));
        rooms.extend(read_in.into_iter().filter(|room| self.interest.wants_room(*room)));
        let load = move |db: &Snapshot<'_>| wanted.iter().map(|row| RoomEvent::load_row(db, row)).collect();
        let events: Vec<Arc<RoomEvent>> = self.core.store.read(load).await?;
        let mut items: Vec<_> = events.into_iter().map(|event| (event.position, Change::Event(event))).collect();
        let (reached, end) = (self.reached.clone(), until.clone());
        let resolved = self.core.store.read(move |db| db.resolutions_between(&reached, &end)).await?;
        items.extend(resolved.into_iter().map(|(position, room)| (position, Change::Resolved(room))));
        items.sort_by_key(|(position, _)| *position);
        if self.service.receives_ephemeral {
            let receipts = self.receipts.between(rooms, &self.reached, &until).await?;
            items.extend(receipts.into_iter().map(|(at, receipt)| (at, Change::Receipt(Arc::new(receipt)))));
            items.sort_by_key(|(position, _)| *position);
        }
        if self.service.does_encryption {
            let (reached, end) = (self.reached.clone(), until.clone());
            let read = move |db: &Snapshot<'_>| {
                let lists = db.device_lists_changed_between(&reached, &end)?;
                Ok((lists, db.key_counts_changed_between(&reached, &end)?))
            };
            let (lists, counts) = self.core.store.read(read).await?;
            items.extend(lists.into_iter().map(|(user, at)| (at, Change::DeviceList(user))));
            items.extend(counts.into_iter().map(|(user, device, at)| (at, Change::KeyCounts(user, device))));
            items.sort_by_key(|(position, _)| *position);
        }
        if is_complete && self.service.does_encryption {
            let service = Arc::clone(&self.service);
            let read = move |db: &Snapshot<'_>| db.filled_inboxes(|user_id| service.claims_user(user_id));
            self.inboxes.extend(self.core.store.read(read).await?);
        }
        Ok(Changes { items, until, is_complete })
    }

    /// The rooms in which somebody has read on up to a place, if the service may be interested in rooms that none of
    /// its users is in.
    async fn rooms_read_in(&self, until: &Reached) -> Result<Vec<RoomNid>> {
        let by_name = self.service.wants_rooms() || self.service.wants_aliases();
        if !self.service.receives_ephemeral || !by_name {
            return Ok(Vec::new());
        }
        let (after, until) = (self.reached.clone(), until.clone());
        Ok(self.core.store.read(move |db| db.rooms_read_between(&after, &until)).await?)
    }

    /// Those of the rows that may be of interest. Which are is judged when they are gone through in order; what is
    /// left out here need not be made an event of.
    fn candidates(&self, rows: Vec<EventRow>) -> Vec<EventRow> {
        let mut entered = HashSet::new();
        let is_candidate = |row: &EventRow| {
            let glance: Glance<'_> = serde_json::from_str(&row.pdu).unwrap_or_default();
            let is_about = |text: &str| UserId::parse(text).is_ok_and(|user_id| self.service.owns_user(&user_id));
            let is_member = glance.kind == "m.room.member" && glance.state_key.as_deref().is_some_and(is_about);
            if is_member {
                entered.insert(row.room);
            }
            is_member || entered.contains(&row.room) || self.interest.wants_room(row.room) || is_about(&glance.sender)
        };
        rows.into_iter().filter(is_candidate).collect()
    }
}

/// The fields of an event by which it may be of interest.
#[derive(Default, Deserialize)]
struct Glance<'a> {
    #[serde(borrow, rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    sender: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    state_key: Option<std::borrow::Cow<'a, str>>,
}
