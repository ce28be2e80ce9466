//! Keeps the caches of this crate's use cases up to date with commits.

use im2_core::{
    committed::{Apply, Committed},
    stream::Change,
};

use crate::{
    account_data::{AccountData, PUSH_RULES},
    presence::{Presence, PublicName},
    push_rules::PushRules,
    receipts::Receipts,
    rooms::Rooms,
    to_device::ToDevice,
};

/// The use cases that keep something in memory.
pub(crate) struct Caches {
    pub(crate) rooms: Rooms,
    pub(crate) account_data: AccountData,
    pub(crate) push_rules: PushRules,
    pub(crate) receipts: Receipts,
    pub(crate) to_device: ToDevice,
    pub(crate) presence: Presence,
}

impl Caches {
    /// Forgets what is cached of things that there is news of, before anybody hears of it.
    fn forget(&self, change: &Change) {
        match change {
            Change::AccountData(change) => {
                self.account_data.forget(change.user, change.room, &change.kind);
                if &*change.kind == PUSH_RULES && change.room.is_none() {
                    self.push_rules.forget(change.user);
                }
            }
            Change::ToDevice(devices) => {
                devices.iter().for_each(|(user, device_id)| self.to_device.forget(*user, device_id));
            }
            _ => {}
        }
    }
}

impl Apply for Caches {
    fn apply(&self, committed: &Committed) {
        match committed {
            Committed::News { changes, .. } => changes.iter().for_each(|change| self.forget(change)),
            Committed::InboxEmptied(user, device_id) => self.to_device.forget(*user, device_id),
            Committed::Receipt(receipt, room) => self.receipts.apply(receipt, room),
            Committed::ProfileChanged { user, displayname, avatar_url } => {
                let name = PublicName { displayname: displayname.clone(), avatar_url: avatar_url.clone() };
                self.presence.profile_changed(*user, name);
            }
            of_rooms => self.rooms.apply(of_rooms),
        }
    }
}

impl std::fmt::Debug for Caches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Caches")
    }
}
