//! Reads rooms from the database as they are in memory: many of them with as few statements as one.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use im2_kernel::{content::Membership, state::StateMap, version::RoomVersion};
use im2_model::{Position, RoomNid, UserId, UserNid};
use im2_store::{
    Snapshot,
    rooms::{EventRow, RoomKind, RoomMember, RoomRow, StateRow, VanishedRow},
};

use super::{
    Options, Room, RoomEvent,
    event::load_stretches,
    members::Members,
    recent_events::RecentEvents,
    registry::Seat,
    view::{Resolutions, StateEntry, View, VisibilityThen, power_of},
};

/// Events read for a room that comes into memory, where nobody says how many are wanted.
pub(super) const TAIL_AT_LOAD: usize = 32;

/// Reads those of `rooms` that there are, each with a number of its newest events, in no order.
pub(super) fn load(
    db: &Snapshot<'_>,
    rooms: &[RoomNid],
    options: Options,
    events: usize,
    seat: &Seat,
) -> im2_store::Result<Vec<Room>> {
    let rows = db.rooms_by_nid(rooms)?;
    // Of an invite there is nothing but what that shows.
    let rows: Vec<RoomRow> = rows.into_iter().filter(|row| row.kind != RoomKind::Elsewhere).collect();
    let rooms: Vec<RoomNid> = rows.iter().map(|row| row.nid).collect();
    let mut timelines = by_room(db.newest_timelines(&rooms, events)?, |row| row.event.room);
    let version = |row: &RoomRow| RoomVersion::understood(&row.version).ok_or_else(|| corrupt(row, "unknown version"));
    let stretch = |row: &RoomRow| Ok((version(row)?, timelines.remove(&row.nid).unwrap_or_default()));
    let stretches: Vec<_> = rows.iter().map(stretch).collect::<im2_store::Result<_>>()?;
    let versions: Vec<_> = stretches.iter().map(|(version, _)| *version).collect();
    let tails = load_stretches(db, stretches)?;
    let mut people: HashMap<_, _> = rooms.iter().map(|room| (*room, People::new(options))).collect();
    db.members_in_short(&rooms, |member| {
        if let Some(people) = people.get_mut(&member.room) {
            people.add(member);
        }
    })?;
    let rooms = rows.into_iter().zip(versions).zip(tails).map(|((row, version), tail)| {
        let people = people.remove(&row.nid).unwrap_or_else(|| People::new(options));
        Loading { row, version, tail: tail.into_iter().collect(), people }
    });
    let rooms: Vec<Loading> = rooms.collect();
    let mut older = Older::load(db, &rooms)?;
    rooms.into_iter().map(|room| room.finish(&mut older, seat)).collect()
}

/// A room of which its newest events and its members have been read.
struct Loading {
    row: RoomRow,
    version: RoomVersion,
    tail: RecentEvents,
    people: People,
}

impl Loading {
    /// Whether its tail is all of it. Of a room whose state was resolved it is not: the resolution has a number and no
    /// event.
    fn is_whole(&self) -> bool {
        self.tail.len() as i64 == self.row.head_seq - self.row.first_seq + 1
    }

    fn finish(self, older: &mut Older, seat: &Seat) -> im2_store::Result<Room> {
        let is_whole = self.is_whole();
        let Self { row, version, tail, people: People { mut members, joined, invited } } = self;
        let nid = row.nid;
        let (current, visibility) = if is_whole {
            (whole_state(&tail), whole_visibility(&tail))
        } else {
            let state = older.state.remove(&nid).unwrap_or_default();
            let visibility = older.visibility.remove(&nid).unwrap_or_default();
            (read_state(version, &state, &tail)?, read_visibility(version, visibility)?)
        };
        let (member_events, others): (Vec<_>, Vec<_>) =
            current.into_iter().partition(|entry| entry.kind() == "m.room.member");
        if !members.are_many() {
            members.keep(member_events.iter().map(|entry| &entry.event));
        }
        let mut state = StateMap::default();
        for entry in others {
            let pdu = Arc::clone(&entry.pdu);
            state.insert(&pdu.kind, pdu.state_key.as_deref().unwrap_or_default(), entry);
        }
        let last = older.last_resolutions.get(&nid).copied().unwrap_or(0);
        let recent = older.resolutions.remove(&nid).unwrap_or_default();
        let recent = recent.into_iter().map(|(_, seq, position)| (seq, position)).collect();
        let mut vanished = StateMap::default();
        for entry in older.vanished.remove(&nid).unwrap_or_default() {
            vanished.insert(&entry.kind, &entry.state_key, entry.since);
        }
        let power = Arc::new(power_of(version, &state).ok_or_else(|| corrupt(&row, "no create event"))?);
        let state_bytes = state.iter().map(|(_, _, entry)| entry.pdu.json().len()).sum();
        let view = View {
            first: row.first_seq,
            seq: row.head_seq,
            elsewhere: 0,
            state,
            vanished,
            resolutions: Resolutions { last, recent },
            state_bytes,
            members,
            joined,
            invited,
            power,
            visibility,
            tail,
        };
        let room = Room::of_view((nid, row.room_id.clone()), version, view, seat);
        room.ok_or_else(|| corrupt(&row, "no events"))
    }
}

/// A history visibility as it is stored: of which room, since when, and the event.
type StoredVisibility = (RoomNid, i64, Option<EventRow>);

/// Older data, read from the database for the rooms whose tail does not hold all of their events, by room.
struct Older {
    state: HashMap<RoomNid, Vec<StateRow>>,
    visibility: HashMap<RoomNid, Vec<StoredVisibility>>,
    last_resolutions: HashMap<RoomNid, i64>,
    /// Those in the tail.
    resolutions: HashMap<RoomNid, Vec<(RoomNid, i64, Position)>>,
    vanished: HashMap<RoomNid, Vec<VanishedRow>>,
}

impl Older {
    fn load(db: &Snapshot<'_>, rooms: &[Loading]) -> im2_store::Result<Self> {
        let rooms: Vec<&Loading> = rooms.iter().filter(|room| !room.is_whole()).collect();
        let nids: Vec<RoomNid> = rooms.iter().map(|room| room.row.nid).collect();
        let (large, small): (Vec<_>, Vec<_>) = rooms.iter().copied().partition(|room| room.people.members.are_many());
        let numbers = |rooms: &[&Loading]| rooms.iter().map(|room| room.row.nid).collect::<Vec<_>>();
        let mut state = db.current_state(&numbers(&small))?;
        state.extend(db.current_state_without_members(&numbers(&large))?);
        let visibility = db.state_entry_histories(&nids, "m.room.history_visibility", "")?;
        let last_resolutions: HashMap<_, _> = db.last_resolutions(&nids)?.into_iter().collect();
        let in_tail = rooms.iter().filter_map(|room| {
            let start = room.tail.front().map_or(room.row.head_seq, |event| event.seq);
            last_resolutions.get(&room.row.nid).filter(|last| **last > start).map(|_| (room.row.nid, start))
        });
        let in_tail: Vec<_> = in_tail.collect();
        let resolved: Vec<_> = last_resolutions.keys().copied().collect();
        Ok(Self {
            state: by_room(state, |row| row.event.room),
            visibility: by_room(visibility, |(room, ..)| *room),
            resolutions: by_room(db.resolutions_after(&in_tail)?, |(room, ..)| *room),
            vanished: by_room(db.vanished_state(&resolved)?, |row| row.room),
            last_resolutions,
        })
    }
}

/// The members of a room, who of them is joined, and how many are invited.
struct People {
    members: Members,
    joined: HashMap<UserNid, UserId>,
    invited: usize,
}

impl People {
    fn new(options: Options) -> Self {
        Self { members: Members::new(options.member_events), joined: HashMap::new(), invited: 0 }
    }

    fn add(&mut self, row: RoomMember<'_>) {
        let Some(membership) = Membership::parse(row.membership) else { return };
        match membership {
            Membership::Join => drop(self.joined.insert(row.user, row.user_id.clone())),
            Membership::Invite => self.invited += 1,
            _ => {}
        }
        self.members.add(row.user_id, membership, (row.since, row.seq));
    }
}

fn by_room<T>(rows: Vec<T>, room: impl Fn(&T) -> RoomNid) -> HashMap<RoomNid, Vec<T>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        found.entry(room(&row)).or_default().push(row);
    }
    found
}

fn corrupt(row: &RoomRow, what: &str) -> im2_store::Error {
    im2_store::Error::Corrupt(format!("room {}: {what}", row.room_id))
}

/// The current state of a room whose tail is all of it.
fn whole_state(tail: &RecentEvents) -> Vec<StateEntry> {
    let (mut seen, mut current) = (HashSet::new(), Vec::new());
    for event in tail.iter().rev() {
        if event.state_key().is_some_and(|key| seen.insert((event.kind(), key))) {
            current.push(StateEntry { since: event.seq, event: Arc::clone(event) });
        }
    }
    current
}

/// The history visibilities that such a room had.
fn whole_visibility(tail: &RecentEvents) -> Vec<VisibilityThen> {
    let set = tail.iter().filter(|event| event.pdu.is("m.room.history_visibility", ""));
    set.map(|event| VisibilityThen::of(event.seq, Some(event))).collect()
}

/// The current state from its rows, where events of the tail are shared with it.
fn read_state(version: RoomVersion, rows: &[StateRow], tail: &RecentEvents) -> im2_store::Result<Vec<StateEntry>> {
    let entry = |StateRow { since, event }: &StateRow| {
        let event = match tail.binary_search_by_key(&event.seq, |event| event.seq) {
            Ok(index) => Arc::clone(&tail[index]),
            Err(_) => RoomEvent::load_state(version, event).map(Arc::new)?,
        };
        Ok(StateEntry { since: *since, event })
    };
    rows.iter().map(entry).collect()
}

/// Every history visibility that a room has had, from the database.
pub(super) fn load_visibility(
    db: &Snapshot<'_>,
    (room, version): (RoomNid, RoomVersion),
) -> im2_store::Result<Vec<VisibilityThen>> {
    read_visibility(version, db.state_entry_histories(&[room], "m.room.history_visibility", "")?)
}

fn read_visibility(version: RoomVersion, rows: Vec<StoredVisibility>) -> im2_store::Result<Vec<VisibilityThen>> {
    let visibility = |(_, since, row): StoredVisibility| {
        let event = row.as_ref().map(|row| RoomEvent::load_state(version, row)).transpose()?;
        Ok(VisibilityThen::of(since, event.as_ref()))
    };
    rows.into_iter().map(visibility).collect()
}
