//! Looking back: events by name, pages of the timeline, state at a place, and who may see what of it.

use std::{collections::BTreeSet, sync::Arc};

use im2_core::Result;
use im2_kernel::{
    content::{HistoryVisibility, Membership},
    version::RoomVersion,
    visibility::{Before, may_see},
};
use im2_model::{EventId, RoomNid, UserId};
use im2_store::{
    Snapshot,
    rooms::{Direction, EventRow},
};

use super::{
    Actor, Reader, Room, RoomEvent, Rooms, VisibilityThen, event::load_timeline, load::load_visibility, view::EntryThen,
};

/// Events read from the database at a time while looking for ones that the reader may see.
const CHUNK: usize = 128;
/// The most that the events of one page may take together, in bytes: 64 of the largest. The client goes on from there,
/// too.
const BYTES: usize = 4 << 20;
/// Events looked at for one page: a filter that matches nothing ends here, and the client goes on from there.
const LOOKED_AT: usize = 4_096;

/// The part of a room's history that one user may see: the history visibilities that the room had and the memberships
/// that the user had, each with the number of the room from which it holds.
#[derive(Debug, Clone, Default)]
pub struct VisibleHistory {
    visibility: Vec<VisibilityThen>,
    memberships: Vec<(i64, Membership)>,
    /// The number of the room from which on the memberships are known.
    known_from: i64,
    /// Whether there is no limit, as for administrators of the server.
    unlimited: bool,
}

/// How far one user may read a room's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateReach {
    /// As it is now.
    Now,
    /// As it was right after the event with this number.
    Until(i64),
    /// Not at all.
    Nothing,
}

impl VisibleHistory {
    /// Loads the part of a room's history that a user may see. The room need not be in memory.
    pub(crate) fn load(
        db: &Snapshot<'_>,
        room: RoomNid,
        version: RoomVersion,
        user_id: &UserId,
    ) -> im2_store::Result<Self> {
        let visibility = load_visibility(db, (room, version))?;
        Ok(Self { visibility, memberships: memberships(db, room, version, user_id)?, ..Self::default() })
    }

    /// Everything.
    pub(super) fn unlimited() -> Self {
        Self { unlimited: true, ..Self::default() }
    }

    /// Whether it tells of all events from number `seq` on.
    pub fn reaches(&self, seq: i64) -> bool {
        self.known_from <= seq
    }

    /// The user's membership right after number `seq`.
    pub fn membership_at(&self, seq: i64) -> Membership {
        last_until(&self.memberships, seq).unwrap_or(Membership::Leave)
    }

    fn visibility_at(&self, seq: i64) -> HistoryVisibility {
        let after = self.visibility.partition_point(|then| then.since <= seq);
        self.visibility[..after].last().map(|then| then.value).unwrap_or_default()
    }

    /// Whether the user may see an event.
    pub fn may_see(&self, event: &RoomEvent, user: &UserId) -> bool {
        if self.unlimited {
            return true;
        }
        let before =
            Before { visibility: self.visibility_at(event.seq - 1), membership: self.membership_at(event.seq - 1) };
        let joined_later = self.memberships.iter().any(|(seq, now)| *seq > event.seq && *now == Membership::Join);
        may_see(&event.pdu, user, before, joined_later)
    }

    /// Whether the user may see everything after number `seq`: as one who has been a member ever since, or is
    /// one now that members see all of it.
    pub(super) fn sees_all_after(&self, seq: i64) -> bool {
        if self.unlimited {
            return true;
        }
        let now = self.membership_at(i64::MAX);
        let open = |visibility| matches!(visibility, HistoryVisibility::Shared | HistoryVisibility::WorldReadable);
        let mut later = self.visibility.iter().filter(|then| then.since > seq);
        let open_since = open(self.visibility_at(seq)) && later.all(|then| open(then.value));
        let there_since = self.membership_at(seq) == Membership::Join && !self.left_between(seq, i64::MAX);
        now == Membership::Join && (open_since || there_since)
    }

    /// Whether the user stopped being a member with something after number `from` and up to `until`.
    pub fn left_between(&self, from: i64, until: i64) -> bool {
        self.memberships.iter().any(|(seq, now)| *seq > from && *seq <= until && *now != Membership::Join)
    }

    /// How far the user may read the room's state. Every route that shows state to others than members asks here.
    ///
    /// Members, and everybody where the history is world readable, read the current state. A former member reads the
    /// state as it was when the last stay as a member ended, whatever the membership has become since: a ban, a knock,
    /// an invite and its rejection change the user's member event, but are no stay.
    pub fn state_reach(&self) -> StateReach {
        let is_open = self.visibility.last().is_some_and(|now| now.value == HistoryVisibility::WorldReadable);
        if self.unlimited || is_open || self.membership_at(i64::MAX) == Membership::Join {
            return StateReach::Now;
        }
        self.last_left().map_or(StateReach::Nothing, StateReach::Until)
    }

    /// How far the timeline is the user's own: to its end for members, else to the end of their last stay.
    pub(crate) fn stayed_until(&self) -> Option<i64> {
        if self.membership_at(i64::MAX) == Membership::Join { Some(i64::MAX) } else { self.last_left() }
    }

    /// The number of the room with which the user's last stay as a member ended, if it has ended.
    fn last_left(&self) -> Option<i64> {
        let joined = self.memberships.iter().rposition(|(_, membership)| *membership == Membership::Join)?;
        self.memberships.get(joined + 1).map(|(seq, _)| *seq)
    }
}

/// The memberships that a user had in a room, each with the number of the room from which on.
fn memberships(
    db: &Snapshot<'_>,
    room: RoomNid,
    version: RoomVersion,
    user_id: &UserId,
) -> im2_store::Result<Vec<(i64, Membership)>> {
    let membership = |(since, row): &(i64, Option<EventRow>)| {
        let event = row.as_ref().map(|row| RoomEvent::load_state(version, row)).transpose()?;
        Ok((*since, event.as_ref().map_or(Membership::Leave, membership_in)))
    };
    db.state_entry_history(room, "m.room.member", user_id.as_str())?.iter().map(membership).collect()
}

fn membership_in(event: &RoomEvent) -> Membership {
    event.pdu.membership.unwrap_or(Membership::Leave)
}

fn last_until<T: Copy>(entries: &[(i64, T)], seq: i64) -> Option<T> {
    let after = entries.partition_point(|(at, _)| *at <= seq);
    entries[..after].last().map(|(_, value)| *value)
}

/// A stretch of a room's timeline.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The events, in the direction asked for.
    pub events: Vec<Arc<RoomEvent>>,
    /// The number of the last event looked at, from which to go on; `None` at the end of the room.
    pub next: Option<i64>,
}

impl Rooms {
    /// The part of the history of `room` that `actor` may see.
    pub async fn visible_history(&self, room: &Arc<Room>, actor: &Actor) -> Result<VisibleHistory> {
        let visibility = room.view().visibility.clone();
        let (nid, version, user_id) = (room.nid, room.version, actor.user_id.clone());
        let memberships = self.core.store.read(move |db| memberships(db, nid, version, &user_id));
        Ok(VisibleHistory { visibility, memberships: memberships.await?, ..VisibleHistory::default() })
    }

    /// The part of the history of `room` that `actor` may see, known at least from number `from` on. Needs no look into
    /// the database for users who were members then and still are, and for users who had nothing to do with the room
    /// before.
    pub async fn visible_history_from(&self, room: &Arc<Room>, actor: &Actor, from: i64) -> Result<VisibleHistory> {
        let known = {
            let view = room.view();
            let user_id = actor.user_id.as_str();
            let known = match view.entry_then("m.room.member", user_id, from - 1) {
                EntryThen::Current => {
                    let member = view.members.get(user_id).filter(|member| member.membership == Membership::Join);
                    member.map(|member| (vec![(member.since, Membership::Join)], member.since))
                }
                // Where resolutions change entries, what was before may be more than nothing.
                EntryThen::Nothing if view.resolutions.last > 0 => None,
                EntryThen::Nothing => {
                    let changes = view.changes("m.room.member", user_id, from - 1);
                    Some((changes.map(|event| (event.seq, membership_in(event))).collect(), 0))
                }
                EntryThen::Unknown => None,
            };
            known.map(|(memberships, known_from)| {
                let visibility = view.visibility.clone();
                VisibleHistory { visibility, memberships, known_from, unlimited: false }
            })
        };
        match known {
            Some(visible) => Ok(visible),
            None => self.visible_history(room, actor).await,
        }
    }

    /// An event of `room`, whoever asks.
    pub async fn event(&self, room: &Arc<Room>, event_id: &EventId) -> Result<Option<Arc<RoomEvent>>> {
        if let Some(found) = room.view().find_in_tail(event_id) {
            return Ok(Some(Arc::clone(found)));
        }
        let (nid, version, wanted) = (room.nid, room.version, event_id.clone());
        let loaded = self.core.store.read(move |db| match db.event(nid, &wanted)? {
            Some(row) => RoomEvent::load(db, version, &row).map(|event| Some(Arc::new(event))),
            None => Ok(None),
        });
        Ok(loaded.await?)
    }

    /// Up to `limit` events beyond number `from` (exclusive), whoever asks. Answered from memory where possible.
    pub async fn events_from(
        &self,
        room: &Arc<Room>,
        from: i64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RoomEvent>>> {
        if let Some(found) = from_tail(room, from, direction, limit) {
            return Ok(found);
        }
        let (nid, version) = (room.nid, room.version);
        let load = move |db: &Snapshot<'_>| load_timeline(db, (nid, version), from, direction, limit);
        Ok(self.core.store.read(load).await?)
    }

    /// A page of the timeline for `reader`: up to `limit` events beyond number `from` that the reader may see and
    /// `wanted` accepts, not going beyond number `to`.
    pub async fn page(
        &self,
        reader: &Reader,
        from: i64,
        to: Option<i64>,
        direction: Direction,
        limit: usize,
        wanted: impl Fn(&RoomEvent) -> bool,
    ) -> Result<Page> {
        let mut page = Page { events: Vec::new(), next: Some(from) };
        let (mut looked_at, mut bytes) = (0, 0);
        while looked_at < LOOKED_AT && page.events.len() < limit && bytes < BYTES {
            let at = page.next.unwrap_or(from);
            let chunk = self.events_from(&reader.room, at, direction, CHUNK.min(limit.max(16))).await?;
            if chunk.is_empty() {
                page.next = None;
                break;
            }
            looked_at += chunk.len();
            for event in chunk {
                let beyond = to.is_some_and(|to| match direction {
                    Direction::Backward => event.seq <= to,
                    Direction::Forward => event.seq > to,
                });
                if beyond || page.events.len() == limit {
                    if beyond {
                        page.next = None;
                    }
                    return Ok(page);
                }
                page.next = Some(event.seq);
                if reader.may_see(&event) && wanted(&event) {
                    bytes += event.pdu.json().len();
                    page.events.push(event);
                }
                if bytes >= BYTES {
                    return Ok(page);
                }
            }
        }
        Ok(page)
    }

    /// The state right after number `seq`; `None` for the current state.
    pub async fn state_at(&self, room: &Arc<Room>, seq: Option<i64>) -> Result<Vec<Arc<RoomEvent>>> {
        let seq = seq.unwrap_or(i64::MAX).min(room.view().seq);
        let mut state = self.state_without_members_at(room, seq).await?;
        state.extend(self.members_at(room, seq).await?);
        Ok(state)
    }

    /// The state right after number `seq` without the members, from memory as far as possible.
    pub async fn state_without_members_at(&self, room: &Arc<Room>, seq: i64) -> Result<Vec<Arc<RoomEvent>>> {
        let known = {
            let view = room.view();
            let before = view.changed_after(seq, |kind| kind != "m.room.member");
            before.map(|before| {
                let unchanged = view.state.iter().filter(|(_, _, entry)| entry.since <= seq);
                (unchanged.map(|(_, _, entry)| Arc::clone(&entry.event)).collect::<Vec<_>>(), before)
            })
        };
        let Some((mut state, changed)) = known else {
            let (nid, version) = (room.nid, room.version);
            let loaded = self.core.store.read(move |db| {
                let rows = db.state_without_members_at(nid, seq)?;
                rows.iter().map(|row| RoomEvent::load_state(version, row).map(Arc::new)).collect()
            });
            return Ok(loaded.await?);
        };
        for (kind, state_key) in changed {
            state.extend(self.state_entry(room, &kind, &state_key, Some(seq)).await?);
        }
        Ok(state)
    }

    /// The member events of those who sent `events`, for clients that load members lazily, as far as `reader` may read
    /// the room's state.
    pub async fn members_of_senders(&self, reader: &Reader, events: &[Arc<RoomEvent>]) -> Result<Vec<Arc<RoomEvent>>> {
        let Some(last) = events.iter().map(|event| event.seq).max() else { return Ok(Vec::new()) };
        let last = reader.until.map_or(last, |until| until.min(last));
        let senders: BTreeSet<&UserId> = events.iter().map(|event| &event.pdu.sender).collect();
        let senders: Vec<&str> = senders.into_iter().map(UserId::as_str).collect();
        self.members_of(&reader.room, &senders, last).await
    }

    /// The member events of some users right after number `seq`, in no order.
    pub async fn members_of(&self, room: &Arc<Room>, user_ids: &[&str], seq: i64) -> Result<Vec<Arc<RoomEvent>>> {
        let mut found = Vec::with_capacity(user_ids.len());
        // Of those who were somebody then and have no member event now, none is found among the current ones.
        let vanished: Vec<&str> = {
            let view = room.view();
            let has_vanished = |user_id: &&&str| view.vanished.get("m.room.member", user_id).is_some();
            user_ids.iter().filter(has_vanished).copied().collect()
        };
        for user_id in vanished {
            found.extend(self.state_entry(room, "m.room.member", user_id, Some(seq)).await?);
        }
        for current in room.member_entries(&self.core, user_ids).await? {
            if current.since <= seq {
                found.push(current.event);
            } else if let Some(user_id) = current.state_key() {
                // Changed since: what counts is the state as it was then.
                found.extend(self.state_entry(room, "m.room.member", user_id, Some(seq)).await?);
            }
        }
        Ok(found)
    }

    /// One state entry right after number `seq`, from memory where possible; `None` for the current one.
    pub async fn state_entry(
        &self,
        room: &Arc<Room>,
        kind: &str,
        state_key: &str,
        seq: Option<i64>,
    ) -> Result<Option<Arc<RoomEvent>>> {
        let seq = seq.unwrap_or(i64::MAX);
        let then = room.view().entry_then(kind, state_key, seq);
        if then == EntryThen::Nothing {
            return Ok(None);
        }
        if then == EntryThen::Current {
            let current = match kind {
                "m.room.member" => room.member_entries(&self.core, &[state_key]).await?.pop(),
                _ => room.view().state.get(kind, state_key).cloned(),
            };
            // It may have changed just now.
            if let Some(current) = current.filter(|current| current.since <= seq) {
                return Ok(Some(current.event));
            }
        }
        let (nid, version) = (room.nid, room.version);
        let (kind, state_key) = (kind.to_owned(), state_key.to_owned());
        let loaded = self.core.store.read(move |db| {
            let row = db.state_entry_at(nid, &kind, &state_key, seq)?;
            row.map(|row| RoomEvent::load_state(version, &row).map(Arc::new)).transpose()
        });
        Ok(loaded.await?)
    }
}

/// The same from the tail, if the tail has all of it.
fn from_tail(room: &Room, from: i64, direction: Direction, limit: usize) -> Option<Vec<Arc<RoomEvent>>> {
    let view = room.view();
    let start = view.tail_start();
    match direction {
        Direction::Forward => {
            let first = view.tail.partition_point(|event| event.seq <= from);
            (from + 1 >= start).then(|| view.tail.range(first..).take(limit).cloned().collect())
        }
        Direction::Backward => {
            let end = view.tail.partition_point(|event| event.seq < from);
            (start == view.first || end >= limit).then(|| view.tail.range(..end).rev().take(limit).cloned().collect())
        }
    }
}
