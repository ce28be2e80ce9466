//! The content of one transaction to a service (spec: `PUT /_matrix/app/v1/transactions/{txnId}`).

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use im2_chat::{
    receipts::receipt_events,
    rooms::{RoomEvent, introduction, write_event_for_service},
};
use im2_core::{Result, stream::ReceiptChange};
use im2_kernel::content::Membership;
use im2_model::{DeviceId, Position, Reached, RoomNid, UserId, UserNid};
use im2_store::{Snapshot, to_device::ToDeviceMessage};
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    changes::{Change, Changes},
    interest::member,
    keys::KeyNews,
    sender::Sender,
};

/// Events in one transaction.
const MAX_EVENTS: usize = 100;
/// The most that the events of one transaction weigh together, in bytes, unless a single one is larger. Many services
/// take bodies of up to a megabyte.
const MAX_BYTES: usize = 512 << 10;
/// Receipts in one transaction.
const MAX_RECEIPTS: usize = 500;
/// Users whose presence one transaction tells.
const MAX_PRESENCE: usize = 500;
/// To-device messages in one transaction.
const MAX_TO_DEVICE: usize = 100;

/// A transaction in the making.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Each in the clients' format, JSON.
    events: Vec<Box<RawValue>>,
    bytes: usize,
    receipts: BTreeMap<RoomNid, Vec<Arc<ReceiptChange>>>,
    receipt_count: usize,
    ephemeral: Vec<Value>,
    to_device: Vec<Value>,
    /// The news of devices and keys, for a service that encrypts.
    pub(super) keys: KeyNews,
    /// The messages that leave their inboxes with this transaction: those up to the place.
    pub(super) handed_over: Vec<(UserNid, DeviceId, Reached)>,
    /// How far in the stream it goes.
    pub(super) reached: Reached,
    /// How far among the memory-only signals it goes.
    pub(super) ephemeral_reached: u64,
    /// Whether there may be more.
    pub(super) has_more: bool,
}

impl Batch {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.ephemeral.is_empty() && self.to_device.is_empty() && self.keys.is_empty()
    }

    fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES || self.receipt_count >= MAX_RECEIPTS
    }

    /// The body of the request.
    pub(super) fn body(self, sender: &Sender) -> String {
        let mut body = Map::new();
        body.insert("events".into(), json!(self.events));
        if !self.ephemeral.is_empty() {
            body.insert("ephemeral".into(), self.ephemeral.into());
        }
        if !self.to_device.is_empty() {
            body.insert("de.sorunome.msc2409.to_device".into(), self.to_device.into());
        }
        if sender.service.does_encryption {
            self.keys.write(&mut body);
        }
        Value::Object(body).to_string()
    }
}

impl Sender {
    /// Puts together what has happened since the last transaction, as much as one holds.
    pub(super) async fn batch(&mut self) -> Result<Batch> {
        // Read before what it numbers: what comes meanwhile is told again, never skipped.
        let signals = self.core.ephemeral.reached();
        let changes = self.changes().await?;
        let typing = if self.service.receives_ephemeral && changes.is_complete {
            self.typing.rooms_changed_since(self.ephemeral_reached)
        } else {
            Vec::new()
        };
        let rooms = changes.rooms().chain(typing.iter().copied());
        let service = Arc::clone(&self.service);
        self.interest.prepare(&service, &self.rooms, rooms).await?;
        let mut batch = Batch { ephemeral_reached: self.ephemeral_reached, ..Batch::default() };
        self.take_changes(&mut batch, changes).await?;
        self.write_receipts(&mut batch).await?;
        self.judge_keys(&mut batch.keys).await?;
        if batch.has_more {
            self.count_keys(&mut batch.keys).await?;
            return Ok(batch);
        }
        if self.service.receives_ephemeral {
            self.write_presence(&mut batch, signals).await?;
            self.write_typing(&mut batch, typing).await?;
        }
        batch.ephemeral_reached = batch.ephemeral_reached.max(self.ephemeral_reached);
        if self.service.does_encryption {
            self.write_to_device(&mut batch).await?;
            for (user, device_id, _) in &batch.handed_over {
                batch.keys.note_counts(*user, device_id.clone());
            }
            self.count_keys(&mut batch.keys).await?;
        }
        Ok(batch)
    }

    /// Goes through the stream, in its order, until the transaction is full.
    async fn take_changes(&mut self, batch: &mut Batch, changes: Changes) -> Result<()> {
        let Changes { items, until, is_complete } = changes;
        let now = self.core.now();
        batch.has_more = !is_complete;
        let mut last = Position::default();
        for (position, change) in items {
            if batch.is_full() {
                batch.has_more = true;
                batch.reached = self.reached.on_the_way(&until, last);
                return Ok(());
            }
            last = position;
            match change {
                Change::Event(event) => {
                    if self.interest.wants(&self.service, &event) {
                        let json = write_event_for_service(&event, self.introduction(&event).await?, now);
                        batch.bytes += json.get().len();
                        batch.events.push(json);
                    }
                    let (was_in, was_wanted) =
                        (self.interest.is_joined(event.room), self.interest.wants_room(event.room));
                    self.interest.follow(&self.service, &event);
                    let enters = was_in != self.interest.is_joined(event.room);
                    if self.service.does_encryption && (was_wanted || enters) {
                        batch.keys.note(&event, enters);
                    }
                }
                Change::State(resolved) => {
                    let was_in = self.interest.is_joined(resolved.room);
                    self.interest.follow_resolved(&self.service, &resolved);
                    if self.service.does_encryption {
                        batch.keys.note_resolved(&resolved, was_in != self.interest.is_joined(resolved.room));
                    }
                }
                Change::Resolved(room) => {
                    let (service, reached) = (Arc::clone(&self.service), self.reached.on_the_way(&until, position));
                    let count =
                        move |db: &Snapshot<'_>| db.joined_counts(&reached, |user_id| service.owns_user(user_id));
                    self.interest.recount(self.core.store.read(count).await?);
                    batch.keys.note_room(room);
                }
                Change::Receipt(receipt) => {
                    let is_for_it = &*receipt.kind == "m.read" || self.service.owns_user(&receipt.user_id);
                    if is_for_it && self.interest.wants_room(receipt.room) {
                        batch.receipt_count += 1;
                        batch.receipts.entry(receipt.room).or_default().push(receipt);
                    }
                }
                Change::DeviceList(user) => batch.keys.note_change(user),
                Change::KeyCounts(user, device_id) => {
                    if self.claims(user).await?.is_some() {
                        batch.keys.note_counts(user, device_id);
                    }
                }
                Change::ToDevice(devices) => {
                    for (user, device_id) in &*devices {
                        if self.claims(*user).await?.is_some() {
                            self.inboxes.insert((*user, device_id.clone()));
                        }
                    }
                }
            }
        }
        batch.reached = until;
        Ok(())
    }

    /// The state that introduces a room to a user of the service who is invited or knocks, with the name of its field
    /// (spec: `invite_room_state` and `knock_room_state` of `m.room.member`).
    async fn introduction(&self, event: &RoomEvent) -> Result<Option<(&'static str, Vec<u8>)>> {
        let Some(user_id) = member(&self.service, event) else { return Ok(None) };
        let (name, members) = match event.pdu.membership {
            Some(Membership::Invite) => ("invite_room_state", vec![event.pdu.sender.as_str(), user_id.as_str()]),
            Some(Membership::Knock) => ("knock_room_state", vec![user_id.as_str()]),
            _ => return Ok(None),
        };
        let Some(room) = self.rooms.if_there(event.room).await? else { return Ok(None) };
        Ok(Some((name, introduction(&self.rooms, &room, &members, event.seq).await?)))
    }

    async fn write_receipts(&self, batch: &mut Batch) -> Result<()> {
        for (room, receipts) in std::mem::take(&mut batch.receipts) {
            let Some(room_id) = self.rooms.id_of(room).await? else { continue };
            for mut event in receipt_events(receipts.iter().map(|receipt| &**receipt)) {
                event["room_id"] = room_id.as_str().into();
                batch.ephemeral.push(event);
            }
        }
        Ok(())
    }

    /// The presence of the service's users and of those who share a room with one.
    async fn write_presence(&self, batch: &mut Batch, signals: u64) -> Result<()> {
        let (changed, reached) = self.presence.changed(self.ephemeral_reached, signals, MAX_PRESENCE);
        batch.has_more |= reached < signals;
        batch.ephemeral_reached = reached;
        if changed.is_empty() {
            return Ok(());
        }
        let company: HashSet<RoomNid> = self.interest.joined().collect();
        let mut visible = Vec::new();
        for user in changed {
            if self.rooms.of_user(user).await?.is_joined_to_one_of(&company) {
                visible.push(user);
            }
        }
        for event in self.presence.current(visible) {
            batch.ephemeral.push(json!({ "type": "m.presence", "sender": event.sender, "content": event.content }));
        }
        Ok(())
    }

    async fn write_typing(&self, batch: &mut Batch, rooms: Vec<RoomNid>) -> Result<()> {
        for nid in rooms.into_iter().filter(|room| self.interest.wants_room(*room)) {
            let Some(room) = self.rooms.if_there(nid).await? else { continue };
            if let Some(users) = self.typing.changed_since(self.ephemeral_reached, &room) {
                let content = json!({ "user_ids": users });
                batch.ephemeral.push(json!({ "type": "m.typing", "room_id": room.id, "content": content }));
            }
        }
        Ok(())
    }

    /// The messages for devices of users that are the service's alone (MSC4203). Those of other users it may act as
    /// wait for the user's own clients.
    async fn write_to_device(&mut self, batch: &mut Batch) -> Result<()> {
        let until = self.core.stream.reached().stream().clone();
        for (user, device_id) in self.inboxes.clone() {
            if batch.to_device.len() >= MAX_TO_DEVICE {
                batch.has_more = true;
                break;
            }
            let user_id = self.claims(user).await?;
            let inbox = self.to_device.pending(user, &device_id, &Reached::default(), &until).await?;
            let Some(user_id) = user_id.filter(|_| !inbox.messages.is_empty()) else {
                self.inboxes.remove(&(user, device_id));
                continue;
            };
            batch.handed_over.push((user, device_id.clone(), inbox.reached));
            batch.to_device.extend(inbox.messages.iter().map(|message| addressed(message, &user_id, &device_id)));
            if inbox.is_complete {
                self.inboxes.remove(&(user, device_id));
            } else {
                batch.has_more = true;
            }
        }
        Ok(())
    }

    /// The name of a user, if it is the service's and nobody else's.
    pub(super) async fn claims(&mut self, user: UserNid) -> Result<Option<UserId>> {
        if self.interest.knows_user(user) == Some(false) {
            return Ok(None);
        }
        let user_id = self.core.store.read(move |db| db.user_id(user)).await?;
        let claimed = user_id.filter(|user_id| self.service.claims_user(user_id));
        self.interest.remember_user(user, claimed.is_some());
        Ok(claimed)
    }
}

fn addressed(message: &ToDeviceMessage, user_id: &UserId, device_id: &DeviceId) -> Value {
    let content: Value = serde_json::from_str(&message.content).unwrap_or_default();
    json!({
        "type": message.kind,
        "sender": message.sender,
        "content": content,
        "to_user_id": user_id,
        "to_device_id": device_id,
    })
}
