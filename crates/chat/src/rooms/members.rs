//! The members of a room, in memory.
//!
//! The membership of each user is always there, in some 150 bytes. Their member events are there as far as somebody
//! needs them: all of them in a room of ordinary size, those that were looked at lately in a larger one. So a room of a
//! hundred thousand members comes into memory by reading numbers and names, and no events.
//!
//! A caller that wants a member event asks [`Room::member`] or [`Rooms::members_at`], which read what is missing. One
//! that only writes all of them into an answer asks [`Rooms::member_list`].

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use im2_core::{Core, Result};
use im2_kernel::content::Membership;
use im2_model::UserId;
use im2_store::{Snapshot, rooms::EventRow};

use super::{Room, RoomEvent, Rooms, StateEntry};

/// How many member events are kept of a room that grows or whose members are looked at, as a multiple of the number
/// that is read when a room comes into memory. Beyond it all of them are dropped, and read again when needed.
const KEPT: usize = 4;
/// How many of the first members are remembered: those that a client names a room after, and the client's user.
const FIRST: usize = 6;

/// A user's membership in a room, and the member event if it is in memory.
#[derive(Debug, Clone)]
pub struct Member {
    /// The membership.
    pub membership: Membership,
    /// The number of the room from which on it is so: the member event's, unless a resolution made it the state.
    pub since: i64,
    /// The number of the member event.
    pub seq: i64,
    event: Option<Arc<RoomEvent>>,
}

/// All who have or had to do with a room.
#[derive(Debug, Default)]
pub struct Members {
    all: HashMap<UserId, Member>,
    /// How many of them have their event here.
    kept: usize,
    /// How many may ([`super::Options::member_events`]).
    limit: usize,
    /// Counts redactions of member events: what was read before one may be what was to go.
    redactions: u64,
    /// The first of those who are present, once somebody has asked.
    first: OnceLock<Vec<UserId>>,
}

impl Members {
    /// No members yet; up to `limit` of them may have their events here when they are loaded.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Whether there are too many to read all their events just because the room comes into memory.
    pub(super) fn are_many(&self) -> bool {
        self.all.len() > self.limit
    }

    /// Counts redactions of member events: what was read before one is not kept after it.
    pub(super) fn redactions(&self) -> u64 {
        self.redactions
    }

    /// Adds a user on loading, with since when it is so and the number of the member event.
    pub(super) fn add(&mut self, user_id: UserId, membership: Membership, (since, seq): (i64, i64)) {
        self.all.insert(user_id, Member { membership, since, seq, event: None });
    }

    /// The user's membership in the room.
    pub fn get(&self, user_id: &str) -> Option<&Member> {
        self.all.get(user_id)
    }

    /// The current member event of a user, if it is in memory.
    pub(super) fn event(&self, user_id: &str) -> Option<&Arc<RoomEvent>> {
        self.all.get(user_id)?.event.as_ref()
    }

    /// The current member events that are in memory, in no order.
    pub(super) fn in_memory(&self) -> impl Iterator<Item = &Arc<RoomEvent>> {
        self.all.values().filter_map(|member| member.event.as_ref())
    }

    /// How many there are, former ones included.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none, as before a room's first event.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Everybody, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&UserId, &Member)> {
        self.all.iter()
    }

    /// All current member events as of number `seq`, in no order, without those that changed after it, if all are in
    /// memory.
    pub(super) fn events_until(&self, seq: i64) -> Option<impl Iterator<Item = &Arc<RoomEvent>>> {
        let unchanged = move || self.all.values().filter(move |member| member.since <= seq);
        (self.kept == self.all.len()).then(|| unchanged().filter_map(|member| member.event.as_ref()))
    }

    /// Takes note of the member event that a user has from a number of the room on, or of none; gives what the user was
    /// before.
    pub(super) fn publish(
        &mut self,
        user_id: &UserId,
        since: i64,
        event: Option<&Arc<RoomEvent>>,
    ) -> Option<Membership> {
        let now = match event {
            Some(event) => {
                let (membership, seq) = (event.pdu.membership?, event.seq);
                Some(Member { membership, since, seq, event: Some(Arc::clone(event)) })
            }
            None => None,
        };
        // One who came before may be the state again: then whoever is the first is found anew.
        let is_older = event.is_some_and(|event| event.seq < since);
        if let Some(first) = self.first.get()
            && (is_older
                || first.contains(user_id)
                || (first.len() < FIRST && now.as_ref().is_some_and(|now| is_present(now.membership))))
        {
            self.first.take();
        }
        let before = match now {
            Some(now) => {
                self.make_place();
                self.kept += 1;
                self.all.insert(user_id.clone(), now)?
            }
            None => self.all.remove(user_id)?,
        };
        self.kept -= usize::from(before.event.is_some());
        Some(before.membership)
    }

    /// Puts what a redaction left of a member event, or of what it copies, in its place, if it is current.
    pub(super) fn redact(&mut self, redacted: &Arc<RoomEvent>) {
        self.redactions += 1;
        let current = redacted.state_key().and_then(|user_id| self.all.get_mut(user_id));
        if let Some(member) = current.filter(|member| member.seq == redacted.seq) {
            self.kept += usize::from(member.event.is_none());
            member.event = Some(Arc::clone(redacted));
        }
    }

    /// Keeps events that were read, as far as they are current.
    pub(super) fn keep<'a>(&mut self, events: impl IntoIterator<Item = &'a Arc<RoomEvent>>) {
        for event in events {
            let member = event.state_key().and_then(|user_id| self.all.get_mut(user_id));
            if let Some(member) = member.filter(|member| member.seq == event.seq && member.event.is_none()) {
                member.event = Some(Arc::clone(event));
                self.kept += 1;
                self.make_place();
            }
        }
    }

    /// Drops the events when there are too many, for one more. What is dropped is read again when it is needed.
    fn make_place(&mut self) {
        if self.kept >= KEPT * self.limit {
            self.all.values_mut().for_each(|member| member.event = None);
            self.kept = 0;
        }
    }

    /// The first of those who are joined or invited, by when they came.
    pub fn first_present(&self) -> &[UserId] {
        self.first.get_or_init(|| self.first_of(FIRST, is_present))
    }

    /// The first of those who were there and are not any more.
    pub fn first_former(&self) -> Vec<UserId> {
        self.first_of(FIRST, |membership| matches!(membership, Membership::Leave | Membership::Ban))
    }

    fn first_of(&self, count: usize, wanted: impl Fn(Membership) -> bool) -> Vec<UserId> {
        let mut first: Vec<(i64, &UserId)> = Vec::with_capacity(count + 1);
        for (user_id, member) in &self.all {
            let is_later = first.len() == count && first.last().is_some_and(|(seq, _)| *seq < member.seq);
            if !is_later && wanted(member.membership) {
                let place = first.partition_point(|(seq, _)| *seq < member.seq);
                first.insert(place, (member.seq, user_id));
                first.truncate(count);
            }
        }
        first.into_iter().map(|(_, user_id)| user_id.clone()).collect()
    }
}

fn is_present(membership: Membership) -> bool {
    matches!(membership, Membership::Join | Membership::Invite)
}

impl Room {
    /// The current member event of a user.
    pub async fn member(&self, core: &Core, user_id: &str) -> Result<Option<Arc<RoomEvent>>> {
        Ok(self.members(core, &[user_id]).await?.pop())
    }

    /// The current member events of some users, in no order; of those who have nothing to do with the room, none.
    pub async fn members(&self, core: &Core, user_ids: &[&str]) -> Result<Vec<Arc<RoomEvent>>> {
        Ok(self.member_entries(core, user_ids).await?.into_iter().map(|entry| entry.event).collect())
    }

    /// The same, each with since when it is the state.
    pub(super) async fn member_entries(&self, core: &Core, user_ids: &[&str]) -> Result<Vec<StateEntry>> {
        let (mut found, mut missing) = (Vec::with_capacity(user_ids.len()), Vec::new());
        let redactions = {
            let view = self.view();
            for member in user_ids.iter().filter_map(|user_id| view.members.get(user_id)) {
                match member.event.as_ref().or_else(|| view.in_tail(member.seq)) {
                    Some(event) => found.push(StateEntry { since: member.since, event: Arc::clone(event) }),
                    None => missing.push((member.since, member.seq)),
                }
            }
            view.members.redactions
        };
        if !missing.is_empty() {
            let (nid, version) = (self.nid, self.version);
            let read = move |db: &Snapshot<'_>| {
                let entry = |(since, seq)| {
                    let row = db.event_numbered(nid, seq)?.ok_or_else(|| gone(nid, seq))?;
                    Ok(StateEntry { since, event: RoomEvent::load_state(version, &row).map(Arc::new)? })
                };
                missing.into_iter().map(entry).collect()
            };
            let read: Vec<StateEntry> = core.store.read(read).await?;
            self.keep_members(read.iter().map(|entry| &entry.event), redactions);
            found.extend(read);
        }
        Ok(found)
    }
}

fn gone(room: im2_model::RoomNid, seq: i64) -> im2_store::Error {
    im2_store::Error::Corrupt(format!("room number {}: the member event number {seq} is missing", room.0))
}

impl Rooms {
    /// All member events as of event number `seq`, from memory as far as possible. Of a large room this is much.
    pub async fn members_at(&self, room: &Arc<Room>, seq: i64) -> Result<Vec<Arc<RoomEvent>>> {
        let (unchanged, redactions, limit) = {
            let view = room.view();
            let unchanged = view.members.events_until(seq).and_then(|events| {
                let before = view.changed_after(seq, |kind| kind == "m.room.member")?;
                Some((events.cloned().collect::<Vec<_>>(), before))
            });
            (unchanged, view.members.redactions, KEPT * view.members.limit)
        };
        if let Some((mut members, before)) = unchanged {
            for (kind, user_id) in before {
                members.extend(self.state_entry(room, &kind, &user_id, Some(seq)).await?);
            }
            return Ok(members);
        }
        let (nid, version) = (room.nid, room.version);
        let read = self.core.store.read(move |db| loaded(version, &db.member_state_at(nid, seq)?)).await?;
        if read.len() < limit {
            room.keep_members(read.iter(), redactions);
        }
        Ok(read)
    }
}

fn loaded(version: im2_kernel::version::RoomVersion, rows: &[EventRow]) -> im2_store::Result<Vec<Arc<RoomEvent>>> {
    rows.iter().map(|row| RoomEvent::load_state(version, row).map(Arc::new)).collect()
}
