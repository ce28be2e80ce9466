//! Storing events that are allowed, and telling the world once they are committed.

use std::sync::Arc;

use im2_core::{
    UserSet,
    committed::{Committed, DirectoryListing, Local},
    event::ResolvedState,
    stream::Change,
};
use im2_kernel::{content::Membership, relations, version::RoomVersion};
use im2_model::{Millis, RoomId, RoomNid};
use im2_store::rooms::{Appended, NewEvent};

use super::{
    RoomEvent, RoomMembership, Rooms, guests, invites,
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
                let Some(room) = self.handle(*room, handle) else { return };
                for (event, redacts) in events {
                    let target = redacts.as_ref().map(|(target, _)| Arc::clone(target));
                    let (event, redacted) = room.publish(Arc::clone(event), redacts.clone());
                    if let Some(redacted) = redacted {
                        self.core.stream.redact(&redacted);
                    }
                    self.announce(&room, event, target.as_deref());
                }
            }
            Committed::StateResolved { resolved, handle } => {
                if let Some(room) = self.handle(resolved.room, handle) {
                    room.publish_resolved(resolved);
                    self.announce_resolved(&room, resolved);
                }
            }
            Committed::RoomCreated { events, handle } => {
                let Some(reservation) = handle.get::<Reservation>() else { return };
                let room = reservation.keep();
                for event in events {
                    self.announce(&room, Arc::clone(event), None);
                }
            }
            Committed::RoomPurged { position, gone, users, handle } => {
                if let Some(room) = self.handle(gone.room, handle) {
                    room.set_gone();
                    self.registry.remove(&room);
                    self.directory.set(&room, &DirectoryListing::Own(false));
                }
                self.members.remove_room(gone.room, users);
                self.core.typists.end_room(gone.room);
                self.core.stream.publish(*position, Change::Gone(Arc::clone(gone)));
                for user in gone.told.keys() {
                    self.core.bus.wake(*user);
                }
            }
            Committed::HistoryPurged { room, events, handle } => {
                if let Some(room) = self.handle(*room, handle) {
                    room.drop_events(events.iter().copied());
                }
                *self.deletions.lock().entry(*room).or_default() += 1;
            }
            Committed::RoomForgotten(user, room) => self.members.forget(*user, *room),
            Committed::Published { room, listing, handle } => {
                if let Some(room) = self.handle(*room, handle) {
                    self.directory.set(&room, listing);
                }
            }
            Committed::DirectoryRead(read) => self.directory.take(read),
            _ => {}
        }
    }

    /// The handle of a room that something was committed of: the committer's, or that of a room that is in memory.
    pub(crate) fn handle(&self, room: RoomNid, handle: &Local) -> Option<Arc<Room>> {
        handle.get::<Room>().or_else(|| self.registry.in_memory(room))
    }

    /// Tells everybody of a resolution of a room's state that is in the room's view.
    fn announce_resolved(&self, room: &Room, resolved: &ResolvedState) {
        self.directory.note_resolved(room);
        self.summaries.note_resolved(room, resolved.position);
        let view = room.view();
        for entry in &resolved.entries {
            if &*entry.kind == "m.room.tombstone" && entry.event.is_some() {
                self.core.typists.end_room(room.nid);
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
            self.members.set(member, room.nid, now);
            if membership != Membership::Join {
                self.core.typists.end(room.nid, member);
            }
        }
        self.core.stream.publish(resolved.position, Change::State(Arc::new(resolved.without_events())));
        self.core.bus.wake_all(view.joined.len(), view.joined.keys().copied(), |user| view.joined.contains_key(&user));
        for member in resolved.entries.iter().filter_map(|entry| entry.member) {
            if !view.joined.contains_key(&member) {
                self.core.bus.wake(member);
            }
        }
    }

    /// Tells everybody of an event that is in its room's view, and in whose wake `target` was redacted.
    fn announce(&self, room: &Room, event: Arc<RoomEvent>, target: Option<&RoomEvent>) {
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
            self.members.set(member, room.nid, now);
            if membership != Membership::Join {
                self.core.typists.end(room.nid, member);
            }
        } else if event.kind() == "m.room.tombstone" {
            self.core.typists.end_room(room.nid);
        }
        let (member, position) = (event.member, event.position);
        self.core.stream.publish(position, Change::Event(event));
        let view = room.view();
        self.core.bus.wake_all(view.joined.len(), view.joined.keys().copied(), |user| view.joined.contains_key(&user));
        if let Some(member) = member.filter(|member| !view.joined.contains_key(member)) {
            self.core.bus.wake(member);
        }
    }
}

/// Stores `events` at the end of `room`, whose last event must be number `head_seq`, and publishes them after the
/// commit.
pub(super) fn commit(
    tx: &mut im2_core::Transaction<'_>,
    room: Arc<Room>,
    head_seq: i64,
    events: Vec<Prepared>,
    guests: &UserSet,
) -> im2_store::Result<Vec<Appended>> {
    let followers = Followers::of(room.nid, &room.view(), &events);
    followers.follow_now(tx, room.nid)?;
    let places = store(tx, room.nid, head_seq, &events)?;
    let closes = events.iter().any(|event| guests::closes(guests, &event.pdu)).then_some(room.nid);
    let nid = room.nid;
    let events = events.into_iter().zip(&places).map(|(event, place)| event.stored(nid, *place)).collect();
    tx.publish(Committed::Events { room: nid, events, handle: Local::new(room) });
    // After the publication, so that whoever does it finds the room as it is.
    if let Some(room) = closes {
        guests::remove_later(tx, room)?;
    }
    followers.follow_later(tx)?;
    Ok(places)
}

/// Stores a new room with its first events, and publishes them after the commit. From the commit on the room is found
/// by everybody with all of them.
pub(super) fn commit_new(
    tx: &mut im2_core::Transaction<'_>,
    (room_id, version, now): (RoomId, RoomVersion, Millis),
    events: Vec<Prepared>,
    registry: &Arc<Registry>,
) -> im2_store::Result<Arc<Room>> {
    let nid = tx.create_room(&room_id, version.as_str(), now)?;
    let places = store(tx, nid, 0, &events)?;
    let followers = Followers::of(nid, &View::empty(Arc::default()), &events);
    let events: Vec<_> = events.into_iter().zip(places).map(|(event, place)| event.stored(nid, place).0).collect();
    let reserved = registry.reserve(nid, (room_id, version), &events)?;
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
        refuse_duplicate(tx, room, &event.new)?;
        stored.push(tx.append_event(room, seq, &event.new)?);
        invites::note_answer(tx, &event.pdu, event.replaced.as_ref())?;
    }
    Ok(stored)
}

/// Refuses a reaction that somebody has sent already. Asked here, where one change comes after the other, because
/// two that are sent at the same moment both find nothing before.
fn refuse_duplicate(tx: &im2_core::Transaction<'_>, room: RoomNid, event: &NewEvent) -> im2_store::Result<()> {
    let annotation = event.relation.as_ref().filter(|relation| &*relation.rel_type == relations::rel_type::ANNOTATION);
    if let Some((target, key)) = annotation.and_then(|relation| Some((&relation.target, relation.key.as_deref()?)))
        && tx.is_annotated(room, target, &event.kind, key, event.sender)?
    {
        return Err(im2_store::Error::AlreadyThere);
    }
    Ok(())
}
