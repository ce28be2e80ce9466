//! Looking for results in the database: what the index finds is compared with the text as it is now, and kept if the
//! searcher may see it.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use im2_core::{
    UserSet,
    search_terms::{Wanted, plain},
};
use im2_kernel::{
    content::Membership,
    relations::{Relation, is_valid_edit, newest_edit, rel_type},
    search::{SearchKey, searched_text},
    version::RoomVersion,
};
use im2_model::{EventId, Position, RoomId, RoomNid, UserId};
use im2_store::{Snapshot, rooms::EventRow, search::TermQuery};
use serde_json::Value;

use super::cursor::Scope;
use crate::{
    filters::{Candidate, EventFilter},
    rooms::{Actor, RoomEvent, VisibleHistory},
};

/// Rooms of a filter that are looked at.
const MAX_FILTER_ROOMS: usize = 500;
/// Upgrades that are followed back from a room that a filter names.
const MAX_PREDECESSORS: usize = 10;
/// Edits that are looked at to find the newest valid one.
const MAX_EDITS: usize = 50;

/// A search under way: the searcher, the words, and where to look for them.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) actor: Actor,
    pub(super) wanted: Wanted,
    pub(super) keys: Vec<SearchKey>,
    pub(super) filter: EventFilter,
    pub(super) scope: Scope,
    pub(super) rooms: Vec<RoomNid>,
    pub(super) ignored: std::sync::Arc<HashSet<UserId>>,
    pub(super) erased: std::sync::Arc<UserSet>,
}

/// A result.
#[derive(Debug)]
pub(super) struct Match {
    pub(super) rank: u32,
    pub(super) position: Position,
    pub(super) room: RoomNid,
    pub(super) event_id: EventId,
    pub(super) sender: UserId,
    pub(super) text: String,
}

/// The results among a stretch of what the index finds.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The results, in no order.
    pub(super) matches: Vec<Match>,
    /// The position that everything in it is before.
    pub(super) before: Option<Position>,
    /// The position before which the next stretch begins, if there is one.
    pub(super) next: Option<Position>,
}

/// The part of a room that the searcher may see.
struct Seen {
    version: RoomVersion,
    visible: VisibleHistory,
    /// The number of the last event.
    until: i64,
}

impl Query {
    /// Looks through up to `limit` of the newest events that the index finds before a position.
    pub(super) fn through(
        &self,
        db: &Snapshot<'_>,
        before: Option<Position>,
        limit: usize,
    ) -> im2_store::Result<Window> {
        let rooms = self.rooms(db)?;
        let query = TermQuery { all: self.wanted.terms(&self.keys), rooms: rooms.clone(), before };
        let found = db.events_with_terms(&query, limit)?;
        let before = before.or_else(|| found.positions.first().map(|newest| newest.just_after()));
        let mut window = Window { matches: Vec::new(), before, next: found.next };
        let mut seen: HashMap<RoomNid, Option<Seen>> = HashMap::new();
        for position in found.positions {
            let Some(row) = db.event_at(position)?.filter(|row| row.redacted_by.is_none()) else { continue };
            let entry = match seen.entry(row.room) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let is_wanted = rooms.contains(&row.room);
                    entry.insert(if is_wanted { self.seen(db, row.room)? } else { None })
                }
            };
            if let Some(seen) = entry {
                window.matches.extend(self.judge(db, seen, &row)?);
            }
        }
        Ok(window)
    }

    /// The rooms to look into: those that the searcher has to do with, as far as the filter wants them. With a room
    /// it wants those that the room has replaced.
    fn rooms(&self, db: &Snapshot<'_>) -> im2_store::Result<HashSet<RoomNid>> {
        let mut rooms: HashSet<RoomNid> = self.rooms.iter().copied().collect();
        if let Some(named) = self.filter.rooms() {
            let mut wanted = HashSet::new();
            for room_id in named.iter().take(MAX_FILTER_ROOMS) {
                let mut next = Some(room_id.clone());
                for _ in 0..=MAX_PREDECESSORS {
                    let Some(room) = next.as_ref().map(|room_id| db.room(room_id)).transpose()?.flatten() else {
                        break;
                    };
                    if !wanted.insert(room.nid) || !rooms.contains(&room.nid) {
                        break;
                    }
                    next = predecessor(db, room.nid)?;
                }
            }
            rooms.retain(|room| wanted.contains(room));
        }
        for room_id in self.filter.not_rooms().iter().take(MAX_FILTER_ROOMS) {
            if let Some(room) = db.room(room_id)? {
                rooms.remove(&room.nid);
            }
        }
        if let Scope::Room(room_id) = &self.scope {
            let only = db.room(room_id)?.map(|room| room.nid);
            rooms.retain(|room| Some(*room) == only);
        }
        Ok(rooms)
    }

    /// The part of a room that the searcher may see; `None` for a room that is not searched, such as an encrypted one.
    fn seen(&self, db: &Snapshot<'_>, room: RoomNid) -> im2_store::Result<Option<Seen>> {
        let encryption = db.state_entry_at(room, "m.room.encryption", "", i64::MAX)?;
        let Some(row) = db.room_by_nid(room)?.filter(|_| encryption.is_none()) else { return Ok(None) };
        let Some(version) = RoomVersion::understood(&row.version) else { return Ok(None) };
        let visible = VisibleHistory::load(db, room, version, &self.actor.user_id)?;
        // Also where everybody may read on: people search what they have been there for.
        Ok(visible.stayed_until().map(|until| Seen { version, visible, until }))
    }

    /// Whether an event that the index found is a result, and which. An edit stands for what it edits.
    fn judge(&self, db: &Snapshot<'_>, seen: &Seen, row: &EventRow) -> im2_store::Result<Option<Match>> {
        let event = RoomEvent::load_state(seen.version, row)?;
        let Some((key, text)) = searched_text(&event.pdu) else { return Ok(None) };
        let rank = self.wanted.rank(&plain(&text)).filter(|_| self.keys.contains(&key) && self.sees(seen, &event));
        let Some(rank) = rank else { return Ok(None) };
        let replaces = Relation::of(&event.pdu).filter(|relation| relation.is(rel_type::REPLACE));
        let shown = match replaces {
            None => event,
            Some(relation) => {
                let original = db.event(row.room, &relation.event_id)?.filter(|row| row.redacted_by.is_none());
                let Some(original) = original else { return Ok(None) };
                let original = RoomEvent::load_state(seen.version, &original)?;
                if !is_valid_edit(&original.pdu, false, &event.pdu) || !self.sees(seen, &original) {
                    return Ok(None);
                }
                original
            }
        };
        if self.newest_edit(db, seen, &shown)?.as_ref().unwrap_or(shown.id()) != &row.event_id || !self.wants(&shown) {
            return Ok(None);
        }
        Ok(Some(Match {
            rank,
            position: shown.position,
            room: shown.room,
            event_id: shown.id().clone(),
            sender: shown.pdu.sender.clone(),
            text,
        }))
    }

    fn sees(&self, seen: &Seen, event: &RoomEvent) -> bool {
        let is_hidden = !event.is_state()
            && seen.visible.membership_at(event.seq) != Membership::Join
            && self.erased.contains(event.sender);
        event.seq <= seen.until && !is_hidden && seen.visible.may_see(event, &self.actor.user_id)
    }

    fn wants(&self, event: &RoomEvent) -> bool {
        let candidate = Candidate { kind: event.kind(), sender: Some(&event.pdu.sender), has_url: event.has_url() };
        let in_scope = !matches!(&self.scope, Scope::Sender(sender) if *sender != event.pdu.sender);
        in_scope && !self.ignored.contains(&event.pdu.sender) && self.filter.matches(candidate)
    }

    /// The edit that says what an event says now, of those the searcher may see.
    fn newest_edit(&self, db: &Snapshot<'_>, seen: &Seen, event: &RoomEvent) -> im2_store::Result<Option<EventId>> {
        let mut edits = Vec::new();
        for row in db.newest_children(event.room, event.id(), rel_type::REPLACE, MAX_EDITS)? {
            let edit = RoomEvent::load_state(seen.version, &row)?;
            if is_valid_edit(&event.pdu, false, &edit.pdu) && self.sees(seen, &edit) {
                edits.push(edit.pdu);
            }
        }
        Ok(newest_edit(edits.iter().map(|edit| &**edit)).map(|edit| edit.event_id.clone()))
    }
}

/// The room that a room has replaced.
fn predecessor(db: &Snapshot<'_>, room: RoomNid) -> im2_store::Result<Option<RoomId>> {
    let create = db.state_entry_at(room, "m.room.create", "", i64::MAX)?;
    let create = create.and_then(|row| serde_json::from_str::<Value>(&row.pdu).ok());
    let room_id = create.as_ref().and_then(|create| create["content"]["predecessor"]["room_id"].as_str());
    Ok(room_id.and_then(|room_id| RoomId::parse(room_id).ok()))
}
