//! The news of keys for a service that encrypts (MSC3202): whose devices changed, whom its users no longer share a room
//! with, and how many keys its users' devices have in store. As for users, members of a large room that is not
//! encrypted are not listed as they come and go.

use std::collections::{BTreeMap, BTreeSet};

use im2_chat::{e2ee::LARGE, key_counts, rooms::RoomEvent};
use im2_core::{Result, event::ResolvedState};
use im2_kernel::content::Membership;
use im2_model::{DeviceId, RoomNid, UserId, UserNid};
use serde_json::{Map, Value, json};

use super::{interest::was_joined, sender::Sender};

/// The news of one transaction.
#[derive(Debug, Default)]
pub(super) struct KeyNews {
    /// Users whose devices changed, not yet judged; likewise the next two.
    touched: BTreeSet<UserNid>,
    /// The users who came into a room or left it, with the room.
    moved: BTreeSet<(RoomNid, UserId)>,
    /// Rooms that were encrypted, that a first user of the service's came into, or that the last of them left: it
    /// concerns everybody there.
    rooms: BTreeSet<RoomNid>,
    /// The users whose devices the service has to look up again.
    changed: BTreeSet<UserId>,
    /// The users who are in no room with one of the service's users any more.
    left: BTreeSet<UserId>,
    /// Devices of the service's users whose keys in store changed.
    counted: BTreeSet<(UserNid, DeviceId)>,
    /// One-time keys by user, device and algorithm.
    one_time: BTreeMap<UserId, BTreeMap<DeviceId, BTreeMap<String, u64>>>,
    /// The algorithms with unused fallback keys by user and device.
    fallback: BTreeMap<UserId, BTreeMap<DeviceId, Vec<String>>>,
}

impl KeyNews {
    /// Whether there is nothing to tell, once it has been judged.
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.left.is_empty() && self.one_time.is_empty()
    }

    /// Notes who came into a room that the service is interested in, and who left it; `enters` if with this event the
    /// service comes into the room or leaves it.
    pub(super) fn note(&mut self, event: &RoomEvent, enters: bool) {
        if enters || (event.kind() == "m.room.encryption" && event.is_state()) {
            self.rooms.insert(event.room);
        }
        let target = event.state_key().filter(|_| event.kind() == "m.room.member");
        let Some(target) = target.and_then(|target| UserId::parse(target).ok()) else { return };
        if was_joined(event) != (event.pdu.membership == Some(Membership::Join)) {
            self.moved.insert((event.room, target));
        }
    }

    /// Notes that what everybody is to a room may have changed.
    pub(super) fn note_room(&mut self, room: RoomNid) {
        self.rooms.insert(room);
    }

    /// Notes who came into a room, and who left it, by a resolution of its state; `enters` as with [`Self::note`].
    pub(super) fn note_resolved(&mut self, resolved: &ResolvedState, enters: bool) {
        if enters || resolved.entries.iter().any(|entry| &*entry.kind == "m.room.encryption") {
            self.rooms.insert(resolved.room);
        }
        for entry in resolved.entries.iter().filter(|entry| entry.member.is_some()) {
            if entry.was_joined != (entry.membership == Membership::Join)
                && let Ok(user_id) = UserId::parse(&entry.state_key)
            {
                self.moved.insert((resolved.room, user_id));
            }
        }
    }

    /// Notes that a user's devices changed.
    pub(super) fn note_change(&mut self, user: UserNid) {
        self.touched.insert(user);
    }

    /// Notes that the keys that a device of the service's has in store changed.
    pub(super) fn note_counts(&mut self, user: UserNid, device_id: DeviceId) {
        self.counted.insert((user, device_id));
    }

    /// Adds it to the body of a transaction.
    pub(super) fn write(&self, body: &mut Map<String, Value>) {
        let lists = json!({ "changed": self.changed, "left": self.left });
        body.insert("org.matrix.msc3202.device_lists".into(), lists);
        if !self.one_time.is_empty() {
            body.insert("org.matrix.msc3202.device_one_time_keys_count".into(), json!(self.one_time));
            body.insert("org.matrix.msc3202.device_unused_fallback_key_types".into(), json!(self.fallback));
        }
    }
}

impl Sender {
    /// Finds out what the changes of devices and memberships mean for the service: as for a user who is in all rooms
    /// that its users are in (spec: `device_lists` of `/sync`). Nobody is both changed and gone.
    pub(super) async fn judge_keys(&mut self, news: &mut KeyNews) -> Result<()> {
        for user in std::mem::take(&mut news.touched) {
            let Some(user_id) = self.core.store.read(move |db| db.user_id(user)).await? else { continue };
            if self.service.owns_user(&user_id) || self.shares_room(user).await? {
                news.changed.insert(user_id);
            }
        }
        let mut moved = std::mem::take(&mut news.moved);
        for room in std::mem::take(&mut news.rooms) {
            if self.lists_members(room).await? {
                let members = self.core.store.read(move |db| db.joined_user_ids(room)).await?;
                moved.extend(members.into_iter().map(|member| (room, member)));
            }
        }
        for (room, user_id) in moved {
            if !self.lists_members(room).await? {
                continue;
            }
            let wanted = user_id.clone();
            let Some(user) = self.core.store.read(move |db| db.user_nid(&wanted)).await? else { continue };
            let is_there = self.interest.wants_room(room) && self.rooms.of_user(user).await?.is_joined(room);
            if is_there {
                news.changed.insert(user_id);
            } else if !self.service.owns_user(&user_id) && !self.shares_room(user).await? {
                news.changed.remove(&user_id);
                news.left.insert(user_id);
            }
        }
        Ok(())
    }

    /// Whether a user is in a room with one of the service's users.
    async fn shares_room(&self, user: UserNid) -> Result<bool> {
        let theirs = self.rooms.of_user(user).await?.with(Membership::Join);
        Ok(theirs.into_iter().any(|room| self.interest.is_joined(room)))
    }

    /// Whether the members of a room are listed as they come and go.
    async fn lists_members(&mut self, room: RoomNid) -> Result<bool> {
        if self.interest.knows_encryption(room) == Some(true) {
            return Ok(true);
        }
        let (is_encrypted, is_large) = self
            .core
            .store
            .read(move |db| Ok((db.encrypted_since(room)?.is_some(), db.has_more_members(room, LARGE)?)))
            .await?;
        self.interest.remember_encryption(room, is_encrypted);
        Ok(is_encrypted || !is_large)
    }

    /// Counts the keys of the devices for which there is a reason to.
    pub(super) async fn count_keys(&self, news: &mut KeyNews) -> Result<()> {
        for (user, device_id) in std::mem::take(&mut news.counted) {
            let Some(user_id) = self.core.store.read(move |db| db.user_id(user)).await? else { continue };
            let counts = key_counts::of_device(&self.core, user, &device_id).await?;
            let by_algorithm = counts.by_algorithm().map(|(algorithm, count)| (algorithm.to_owned(), count)).collect();
            news.one_time.entry(user_id.clone()).or_default().insert(device_id.clone(), by_algorithm);
            news.fallback.entry(user_id).or_default().insert(device_id, counts.unused_fallback.clone());
        }
        Ok(())
    }
}
