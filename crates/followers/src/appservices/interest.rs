//! The events that a service is interested in (spec: "Registration": the namespaces).
//!
//! An event is judged by who was in the room when it was sent, so the joined users of the service are counted along
//! the stream. Whoever judges events does so in the stream's order and lets each be counted.

use std::collections::{HashMap, HashSet};

use im2_kernel::content::Membership;
use im2_model::{Reached, RoomId, RoomNid, UserId, UserNid};
use im2_store::Snapshot;

use im2_chat::{rooms::RoomEvent, rooms::Rooms};
use im2_core::{Result, event::ResolvedState, services::Service};

/// Rooms and users of which it is remembered whether they belong to the service. Beyond it all are looked at again.
const REMEMBERED: usize = 100_000;

/// Knowledge about rooms and users that is needed to judge events.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// How many of the service's users are joined to each room; none is left out.
    joined: HashMap<RoomNid, usize>,
    /// Whether a room's identifier is in a namespace.
    named: HashMap<RoomNid, bool>,
    /// The rooms of the events at hand that have an alias in a namespace.
    aliased: HashSet<RoomNid>,
    /// Whether a user is the service's.
    users: HashMap<UserNid, bool>,
    /// Whether a room is encrypted. One that is not may become so: that event says it.
    encrypted: HashMap<RoomNid, bool>,
}

impl Interest {
    /// The interest as of a place in the stream.
    pub(super) fn at(db: &Snapshot<'_>, service: &Service, reached: &Reached) -> im2_store::Result<Self> {
        let joined = db.joined_counts(reached, |user_id| service.owns_user(user_id))?;
        Ok(Self { joined, ..Self::default() })
    }

    /// The rooms that one of the service's users is joined to.
    pub(super) fn joined(&self) -> impl Iterator<Item = RoomNid> {
        self.joined.keys().copied()
    }

    /// Whether one of the service's users is joined to a room.
    pub(super) fn is_joined(&self, room: RoomNid) -> bool {
        self.joined.contains_key(&room)
    }

    /// Whether all that happens in a room is of interest. [`Self::prepare`] has looked at it.
    pub(super) fn wants_room(&self, room: RoomNid) -> bool {
        self.joined.contains_key(&room)
            || self.aliased.contains(&room)
            || self.named.get(&room).is_some_and(|named| *named)
    }

    /// Whether an event is of interest.
    pub(super) fn wants(&self, service: &Service, event: &RoomEvent) -> bool {
        self.wants_room(event.room) || service.owns_user(&event.pdu.sender) || member(service, event).is_some()
    }

    /// Looks up what the service's namespaces say about rooms. To be called for the rooms at hand before they are
    /// judged.
    pub(super) async fn prepare(
        &mut self,
        service: &Service,
        rooms: &Rooms,
        at_hand: impl Iterator<Item = RoomNid>,
    ) -> Result<()> {
        if !service.wants_rooms() && !service.wants_aliases() {
            return Ok(());
        }
        let at_hand: HashSet<RoomNid> = at_hand.collect();
        if self.named.len() > REMEMBERED {
            self.named.clear();
        }
        for room in &at_hand {
            if service.wants_rooms() && !self.named.contains_key(room) {
                let is_wanted = rooms.id_of(*room).await?.is_some_and(|id: RoomId| service.wants_room(&id));
                self.named.insert(*room, is_wanted);
            }
        }
        self.aliased.clear();
        if service.wants_aliases() {
            for room in at_hand {
                if rooms.aliases_of(room).await?.iter().any(|alias| service.owns_alias(alias)) {
                    self.aliased.insert(room);
                }
            }
        }
        Ok(())
    }

    /// Counts an event: from here on the room is as after it.
    pub(super) fn follow(&mut self, service: &Service, event: &RoomEvent) {
        if event.kind() == "m.room.encryption" && event.is_state() {
            self.remember_encryption(event.room, true);
        }
        if member(service, event).is_some() {
            self.count(event.room, was_joined(event), event.pdu.membership == Some(Membership::Join));
        }
    }

    /// Counts a resolution of a room's state, as an event.
    pub(super) fn follow_resolved(&mut self, service: &Service, resolved: &ResolvedState) {
        for entry in &resolved.entries {
            if &*entry.kind == "m.room.encryption" {
                self.encrypted.remove(&resolved.room);
            }
            let user_id = entry.member.and_then(|_| UserId::parse(&entry.state_key).ok());
            if user_id.is_some_and(|user_id| service.owns_user(&user_id)) {
                self.count(resolved.room, entry.was_joined, entry.membership == Membership::Join);
            }
        }
    }

    /// Counts from anew, after something that could not be followed.
    pub(super) fn recount(&mut self, joined: HashMap<RoomNid, usize>) {
        self.joined = joined;
        self.encrypted.clear();
    }

    /// Counts one of the service's users, who was joined to a room before or not and is now or not.
    fn count(&mut self, room: RoomNid, was: bool, is: bool) {
        if is && !was {
            *self.joined.entry(room).or_default() += 1;
        } else if was
            && !is
            && let Some(count) = self.joined.get_mut(&room)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.joined.remove(&room);
            }
        }
    }

    /// Whether a room is encrypted, if that is known.
    pub(super) fn knows_encryption(&self, room: RoomNid) -> Option<bool> {
        self.encrypted.get(&room).copied()
    }

    /// Remembers whether a room is encrypted.
    pub(super) fn remember_encryption(&mut self, room: RoomNid, is_encrypted: bool) {
        if self.encrypted.len() > REMEMBERED {
            self.encrypted.clear();
        }
        self.encrypted.insert(room, is_encrypted);
    }

    /// Whether a user is the service's, if that is known.
    pub(super) fn knows_user(&self, user: UserNid) -> Option<bool> {
        self.users.get(&user).copied()
    }

    /// Remembers whether a user is the service's.
    pub(super) fn remember_user(&mut self, user: UserNid, is_owned: bool) {
        if self.users.len() > REMEMBERED {
            self.users.clear();
        }
        self.users.insert(user, is_owned);
    }
}

/// Whether somebody was joined to the room before an event about their membership.
pub(super) fn was_joined(event: &RoomEvent) -> bool {
    let before = event.replaced.as_ref().and_then(|replaced| membership(&replaced.content));
    before == Some(Membership::Join)
}

/// The user of the service whose membership an event is about.
pub(super) fn member(service: &Service, event: &RoomEvent) -> Option<UserId> {
    let target = event.state_key().filter(|_| event.kind() == "m.room.member")?;
    UserId::parse(target).ok().filter(|target| service.owns_user(target))
}

fn membership(content: &str) -> Option<Membership> {
    let content: serde_json::Value = serde_json::from_str(content).ok()?;
    Membership::parse(content.get("membership")?.as_str()?)
}
