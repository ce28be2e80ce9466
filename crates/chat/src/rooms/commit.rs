//! Storing events that are allowed, and telling the world once they are committed.

use std::sync::Arc;

use im2_core::{
    UserSet,
    committed::{Committed, Local},
    event::ResolvedState,
    stream::Change,
};
use im2_kernel::{content::Membership, event::Pdu, version::RoomVersion};
use im2_model::{Millis, RoomId, RoomNid, UserNid};
use im2_store::rooms::Appended;

use super::{
    RoomEvent, RoomMembership, Rooms, guests,
    head_state::Place,
    invites,
    prepare::Prepared,
    registry::{Registry, Reservation},
    room::Room,
    upgrade_settings::Followers,
    view::View,
};

impl Rooms {
    /// Brings what is in memory of rooms up to date with what is committed, and tells the world of it.
    pub(crate) fn apply(&self, committed: &Committed) {
        match committed {
            Committed::Events { room, events, handle } => {
                let (room, is_elsewhere) = self.handle(*room, handle);
                for (event, redacts) in events {
                    self.apply_event(room.as_deref(), is_elsewhere, event, redacts.as_ref());
                }
            }
            Committed::StateResolved { resolved, handle } => {
                let (room, is_elsewhere) = self.handle(resolved.room, handle);
                if let Some(room) = &room {
                    room.publish_resolved(resolved, is_elsewhere);
                }
                self.announce_resolved(room.as_deref(), resolved);
            }
            Committed::RoomCreated { events, handle } => {
                if let Some(reservation) = handle.get::<Reservation>() {
                    let room = reservation.keep();
                    for event in events {
                        self.announce(Some(&room), Arc::clone(event), None);
                    }
                } else if let Some(first) = events.first() {
                    // Somebody may have found it before this is heard of.
                    let room = self.registry.changed_elsewhere(first.room);
                    for event in events {
                        self.apply_event(room.as_deref(), true, event, None);
                    }
                }
            }
            Committed::RoomPurged { position, gone, users, handle } => {
                if let (Some(room), _) = self.handle(gone.room, handle) {
                    room.set_gone();
                }
                self.registry.remove(gone.room, &gone.room_id);
                self.directory.remove(gone.room);
                self.members.remove_room(gone.room, users);
                self.core.typists.end_room(gone.room);
                self.core.stream.publish(*position, Change::Gone(Arc::clone(gone)));
                for user in gone.told.keys() {
                    self.core.bus.wake(*user);
                }
            }
            Committed::HistoryPurged { room, events, handle } => {
                if let (Some(room), _) = self.handle(*room, handle) {
                    room.drop_events(events.iter().copied());
                }
                *self.deletions.lock().entry(*room).or_default() += 1;
            }
            Committed::RoomForgotten(user, room) => self.members.forget(*user, *room),
            Committed::Published { room, listing, handle } => {
                self.directory.set(self.handle(*room, handle).0.as_deref(), listing);
            }
            Committed::DirectoryRead(read) => self.directory.take(read),
            _ => {}
        }
    }

    /// The handle of a room that something was committed of, and whether another node has committed it: then there is a
    /// handle if the room is in memory.
    fn handle(&self, room: RoomNid, handle: &Local) -> (Option<Arc<Room>>, bool) {
        match handle.get::<Room>() {
            Some(room) => (Some(room), false),
            None => (self.registry.changed_elsewhere(room), true),
        }
    }

    /// Brings a room up to date with an event, if it is in memory, and tells everybody.
    fn apply_event(
        &self,
        room: Option<&Room>,
        is_elsewhere: bool,
        event: &Arc<RoomEvent>,
        redacts: Option<&(Arc<RoomEvent>, Pdu)>,
    ) {
        let target = redacts.map(|(target, _)| Arc::clone(target));
        let (event, redacts) = (Arc::clone(event), redacts.cloned());
        let (event, redacted) = match room {
            Some(room) if is_elsewhere => room.publish_elsewhere(event, redacts),
            Some(room) => room.publish(event, redacts),
            None => {
                let redacted = redacts.map(|(target, left)| Arc::new(target.redacted(left, &event.pdu)));
                (event, redacted)
            }
        };
        if let Some(redacted) = redacted {
            self.core.stream.redact(&redacted);
        }
        self.announce(room, event, target.as_deref());
    }

    /// Tells everybody of a resolution of a room's state that is in the room's view, if the room is in memory.
    fn announce_resolved(&self, room: Option<&Room>, resolved: &ResolvedState) {
        self.directory.note_resolved(resolved.room, room);
        self.summaries.note_resolved(resolved.room, room, resolved.position);
        for entry in &resolved.entries {
            if &*entry.kind == "m.room.tombstone" && entry.event.is_some() {
                self.core.typists.end_room(resolved.room);
            }
            let Some(member) = entry.member else { continue };
            let membership = entry.membership;
            let now = RoomMembership {
                membership,
                position: resolved.position,
                seq: resolved.seq,
                forgotten: false,
                by_self: entry.event.as_ref().is_some_and(|event| event.sender == member),
                was_joined: membership == Membership::Join,
            };
            self.members.set(member, resolved.room, now);
            if membership != Membership::Join {
                self.core.typists.end(resolved.room, member);
            }
        }
        self.core.stream.publish(resolved.position, Change::State(Arc::new(resolved.without_events())));
        self.wake_members(resolved.room, room, resolved.entries.iter().filter_map(|entry| entry.member));
    }

    /// Tells everybody of an event that is in its room's view, if the room is in memory, and in whose wake `target` was
    /// redacted.
    fn announce(&self, room: Option<&Room>, event: Arc<RoomEvent>, target: Option<&RoomEvent>) {
        let nid = event.room;
        self.directory.note(room, &event);
        if let Some(target) = target {
            self.directory.note(room, target);
        }
        self.summaries.note(room, &event);
        if let (Some(member), Some(membership)) = (event.member, event.pdu.membership) {
            let now = RoomMembership {
                membership,
                position: event.position,
                seq: event.seq,
                forgotten: false,
                by_self: event.sender == member,
                was_joined: membership == Membership::Join,
            };
            self.members.set(member, nid, now);
            if membership != Membership::Join {
                self.core.typists.end(nid, member);
            }
        } else if event.kind() == "m.room.tombstone" {
            self.core.typists.end_room(nid);
        }
        let (member, position) = (event.member, event.position);
        self.core.stream.publish(position, Change::Event(event));
        self.wake_members(nid, room, member.into_iter());
    }

    /// Wakes those who are joined to a room, and some others.
    fn wake_members(&self, nid: RoomNid, room: Option<&Room>, others: impl Iterator<Item = UserNid>) {
        let bus = &self.core.bus;
        let Some(room) = room else {
            // Of those who wait here.
            let is_joined = |user| self.members.in_memory(user).is_none_or(|rooms| rooms.is_joined(nid));
            bus.wake_all(usize::MAX, std::iter::empty(), is_joined);
            return others.for_each(|user| bus.wake(user));
        };
        let view = room.view();
        bus.wake_all(view.joined.len(), view.joined.keys().copied(), |user| view.joined.contains_key(&user));
        others.filter(|user| !view.joined.contains_key(user)).for_each(|user| bus.wake(user));
    }

    /// Wakes those who are joined to a room in which something was committed.
    pub(crate) fn wake_joined(&self, room: RoomNid, handle: &Local) {
        self.wake_members(room, self.handle(room, handle).0.as_deref(), std::iter::empty());
    }
}

/// What is told of an event that is no state and was appended, if it is where it was built.
pub(super) fn appended(room: &Arc<Room>, place: Place, event: &Prepared, at: Appended) -> im2_store::Result<Committed> {
    check_place(&room.view(), place)?;
    let (events, handle) = (vec![event.stored(room.nid, at)], Local::new(Arc::clone(room)));
    Ok(Committed::Events { room: room.nid, events, handle })
}

/// Refuses a change that was computed without what another node has committed: that is in the view by now.
fn check_place(view: &View, place: Place) -> im2_store::Result<()> {
    if view.elsewhere == place.elsewhere { Ok(()) } else { Err(im2_store::Error::Conflict) }
}

/// Stores `events` at the end of `room`, where they were built, and publishes them after the commit. Returns where the
/// last of them came to stand.
pub(super) fn commit(
    tx: &mut im2_core::Transaction<'_>,
    room: &Arc<Room>,
    place: Place,
    events: &[Prepared],
    guests: &UserSet,
) -> im2_store::Result<Appended> {
    let followers = {
        let view = room.view();
        check_place(&view, place)?;
        Followers::of(room.nid, &view, events)
    };
    followers.follow_now(tx, room.nid)?;
    let places = store(tx, room.nid, place.seq, events)?;
    let closes = events.iter().any(|event| guests::closes(guests, &event.pdu)).then_some(room.nid);
    let nid = room.nid;
    let last = places.last().copied().ok_or_else(|| im2_store::Error::Corrupt("a change without events".into()))?;
    let events = events.iter().zip(&places).map(|(event, place)| event.stored(nid, *place)).collect();
    tx.publish(Committed::Events { room: nid, events, handle: Local::new(Arc::clone(room)) });
    // After the publication, so that whoever does it finds the room as it is.
    if let Some(room) = closes {
        guests::remove_later(tx, room)?;
    }
    followers.follow_later(tx)?;
    Ok(last)
}

/// Stores a new room with its first events, and publishes them after the commit. From the commit on the room is found
/// by everybody with all of them.
pub(super) fn commit_new(
    tx: &mut im2_core::Transaction<'_>,
    (room_id, version, now): (&RoomId, RoomVersion, Millis),
    events: &[Prepared],
    registry: &Arc<Registry>,
) -> im2_store::Result<Arc<Room>> {
    let nid = tx.create_room(room_id, version.as_str(), now)?;
    let places = store(tx, nid, 0, events)?;
    let followers = Followers::of(nid, &View::empty(Arc::default()), events);
    let events: Vec<_> = events.iter().zip(places).map(|(event, place)| event.stored(nid, place).0).collect();
    let reserved = registry.reserve(nid, (room_id.clone(), version), &events)?;
    let room = Arc::clone(reserved.room());
    tx.publish(Committed::RoomCreated { events, handle: Local::new(Arc::new(reserved)) });
    followers.follow_later(tx)?;
    Ok(room)
}

/// Stores `events` at the end of a room.
fn store(
    tx: &mut im2_core::Transaction<'_>,
    room: RoomNid,
    head_seq: i64,
    events: &[Prepared],
) -> im2_store::Result<Vec<Appended>> {
    let mut stored = Vec::with_capacity(events.len());
    for (seq, event) in (head_seq..).zip(events) {
        if event.is_annotation() {
            tx.refuse_annotated(room, &event.new)?;
        }
        stored.push(tx.append_event(room, seq, &event.new)?);
        invites::note_answer(tx, &event.pdu, event.replaced.as_ref())?;
    }
    Ok(stored)
}
