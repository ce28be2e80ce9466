//! The members that a device has been sent, so that lazy loading does not send them again (spec: "Lazy-loading room
//! members").
//!
//! A member counts as sent only once the device comes back with the token of that answer: an answer that was lost on
//! the way is not held against it.

use std::{collections::HashMap, sync::Arc};

use im2_model::{DeviceId, RoomNid, StreamToken, UserNid};
use parking_lot::Mutex;

use im2_core::memory::{Cache, Memory, Share};

/// Estimated memory for a room without members, and for each member, in bytes.
const ROOM: usize = 128;
const MEMBER: usize = 112;
/// Members remembered of one of them. Beyond it the memory of that room starts afresh.
const MEMBERS: usize = 500;

type Key = (UserNid, DeviceId, RoomNid);

/// The memory of all devices.
#[derive(Debug, Clone)]
pub struct SentMembers {
    /// Each with what it was weighed at.
    rooms: Cache<Key, (Arc<Sent>, usize)>,
}

/// The members of one room that one device has been sent, each with the token of the answer and the sequence of the
/// member event.
#[derive(Debug, Default)]
pub(super) struct Sent(Mutex<HashMap<String, (i64, Arc<StreamToken>)>>);

impl SentMembers {
    /// Builds it on the core.
    pub fn new(memory: &Memory) -> Self {
        Self { rooms: Cache::new(memory, "sent_members", Share::ThirtySecond, |_, (_, weight)| *weight) }
    }

    /// The memory for one room of one device.
    pub(super) fn of(&self, user: UserNid, device: &DeviceId, room: RoomNid) -> Arc<Sent> {
        let key = (user, device.clone(), room);
        let (found, weighed) = self.rooms.get(&key).unwrap_or_default();
        // What an answer adds is weighed by the next one, when it has become known whether it was received.
        let weight = found.weight();
        if weighed != weight {
            self.rooms.insert(key, (Arc::clone(&found), weight));
        }
        found
    }
}

impl Sent {
    fn weight(&self) -> usize {
        ROOM + MEMBER * self.0.lock().capacity()
    }

    /// Whether a device that stands at `since` has the member event numbered `seq` of `user_id`.
    pub(super) fn has(&self, user_id: &str, seq: i64, since: &StreamToken) -> bool {
        let sent = self.0.lock();
        sent.get(user_id).is_some_and(|(sent_seq, token)| *sent_seq == seq && since.is_at_or_after(token))
    }

    /// Notes that a member event is in the answer that ends at `until`.
    pub(super) fn add(&self, user_id: &str, seq: i64, until: &Arc<StreamToken>) {
        let mut sent = self.0.lock();
        if sent.len() >= MEMBERS {
            sent.clear();
        }
        sent.insert(user_id.to_owned(), (seq, Arc::clone(until)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use im2_model::{Position, StreamToken};

    use super::Sent;

    #[test]
    fn a_member_counts_as_sent_once_the_device_comes_back() {
        let sent = Sent::default();
        let (before, after) = (StreamToken::at(Position::new(1, 5), 0), StreamToken::at(Position::new(1, 9), 0));
        sent.add("@ana:x", 3, &Arc::new(after.clone()));
        assert!(!sent.has("@ana:x", 3, &before), "the answer may have been lost");
        assert!(sent.has("@ana:x", 3, &after));
        assert!(!sent.has("@ana:x", 4, &after), "the member has changed since");
        assert!(!sent.has("@ben:x", 3, &after));
    }
}
