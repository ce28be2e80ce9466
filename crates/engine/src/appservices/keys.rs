//! What a service that encrypts has to know of keys (MSC3202): whose devices changed, whom its users no longer share a
//! room with, and how many keys its users' devices have in store.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use im2_model::{DeviceId, RoomNid, UserId, UserNid};
use im2_rooms::content::Membership;
use serde_json::{Map, Value, json};

use super::sender::Sender;
use crate::{Result, key_counts, rooms::RoomEvent};

/// The news of one transaction.
#[derive(Debug, Default)]
pub(super) struct KeyNews {
    /// Users whose devices changed, not yet judged.
    touched: BTreeSet<UserNid>,
    /// Whose devices the service has to look up again.
    changed: BTreeSet<UserId>,
    /// Who is in no room with one of the service's users any more; at first, who may be.
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

    /// Notes who came into a room that the service is interested in, and who left it.
    pub(super) fn note(&mut self, event: &RoomEvent) {
        let target = event.state_key().filter(|_| event.kind() == "m.room.member");
        let Some(target) = target.and_then(|target| UserId::parse(target).ok()) else { return };
        match event.pdu.membership {
            Some(Membership::Join) => {
                self.left.remove(&target);
                self.changed.insert(target);
            }
            Some(Membership::Leave | Membership::Ban) => drop(self.left.insert(target)),
            _ => {}
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
    /// Finds out what the changes of devices and memberships mean for the service.
    pub(super) async fn judge_keys(&self, news: &mut KeyNews) -> Result<()> {
        if news.touched.is_empty() && news.left.is_empty() {
            return Ok(());
        }
        let company: HashSet<RoomNid> = self.interest.joined().collect();
        for user in std::mem::take(&mut news.touched) {
            let Some(user_id) = self.core.store.read(move |db| db.user_id(user)).await? else { continue };
            let shares = self.rooms.of_user(user).await?.is_joined_to_one_of(&company);
            if shares || self.service.owns_user(&user_id) {
                news.changed.insert(user_id);
            }
        }
        for user_id in std::mem::take(&mut news.left) {
            let wanted = user_id.clone();
            let user = self.core.store.read(move |db| db.user_nid(&wanted)).await?;
            let shares = match user {
                Some(user) => self.rooms.of_user(user).await?.is_joined_to_one_of(&company),
                None => false,
            };
            if !shares && !self.service.owns_user(&user_id) {
                news.changed.remove(&user_id);
                news.left.insert(user_id);
            }
        }
        Ok(())
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
