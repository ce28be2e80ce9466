//! The state that goes with a timeline.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use im2_chat::rooms::{MemberList, Room, RoomEvent, StoredMembers};
use im2_core::Result;

use super::{Answering, timeline::Timeline};

/// The part of a room's state that is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct StateWanted {
    /// Only what changed after this event; `None` for all of it.
    pub(super) after: Option<i64>,
    /// As of this event.
    pub(super) until: i64,
}

/// The state events for an answer.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) events: Vec<Arc<RoomEvent>>,
    /// Member events that are not in memory, and are read as they are written.
    pub(super) members: Option<StoredMembers>,
}

impl State {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.members.is_none()
    }

    /// The users whose member events are among the events in memory.
    pub(super) fn member_ids(&self) -> HashSet<Box<str>> {
        let members = self.events.iter().filter(|event| event.kind() == "m.room.member");
        members.filter_map(|event| event.state_key().map(Into::into)).collect()
    }

    pub(super) fn has_members(&self) -> bool {
        self.members.is_some() || self.events.iter().any(|event| event.kind() == "m.room.member")
    }
}

impl Answering<'_> {
    /// The state events for an answer, members thinned out if the client loads them lazily.
    pub(super) async fn state(&self, room: &Arc<Room>, wanted: StateWanted, timeline: &Timeline) -> Result<State> {
        let lazy = self.request.filter.lazy_load_members();
        let rooms = &self.sync.rooms;
        let mut state = match wanted.after {
            Some(after) => rooms.state_changed(room, after, wanted.until).await?,
            None => rooms.state_without_members_at(room, wanted.until).await?,
        };
        let mut members = None;
        let filter = &self.request.filter.room.state;
        let lists_members = filter.matches_type("m.room.member") && filter.includes_room(&room.id);
        if wanted.after.is_none() && !lazy && lists_members {
            match rooms.member_list(room, Some(wanted.until), |_| true).await? {
                MemberList::Here(found) => state.extend(found),
                MemberList::Stored(found) => members = Some(found),
            }
        }
        if !self.request.state.is_after() {
            let hidden = add_hidden(&mut state, timeline);
            members = members.map(|members| members.without(hidden));
        }
        if !lazy {
            return Ok(State { events: state, members });
        }
        let sent = self.sync.sent_members.of(self.session.user, &self.session.device_id, room.nid);
        let needed = self.needed_members(room, timeline, wanted);
        if wanted.after.is_none() {
            state.retain(|event| {
                event.kind() != "m.room.member" || needed.contains(event.state_key().unwrap_or_default())
            });
        } // Else these are changes: a client that has loaded all members keeps its list up to date by them.
        let present: BTreeSet<String> = state
            .iter()
            .filter(|event| event.kind() == "m.room.member")
            .filter_map(|event| event.state_key().map(str::to_owned))
            .collect();
        let more: Vec<&str> = needed.difference(&present).map(String::as_str).collect();
        let mut more = rooms.members_of(room, &more, wanted.until).await?;
        more.sort_unstable_by_key(|member| member.seq);
        state.extend(more);
        if let Some(since) = self.request.since.as_ref().filter(|_| wanted.after.is_some()) {
            let again = self.request.filter.room.state.include_redundant_members;
            let is_redundant = |event: &RoomEvent| {
                !again
                    && wanted.after.is_some_and(|after| event.seq <= after)
                    && event.state_key().is_some_and(|user_id| sent.has(user_id, event.seq, since))
            };
            state.retain(|event| event.kind() != "m.room.member" || !is_redundant(event));
        }
        for member in state.iter().filter(|event| event.kind() == "m.room.member") {
            sent.add(member.state_key().unwrap_or_default(), member.seq, &self.until);
        }
        Ok(State { events: state, members: None })
    }

    /// The members that a client needs to show this timeline: who sent something, the user, and for a room that is
    /// new to it those whom the room is named after. With `state_after` also those whose membership changed.
    fn needed_members(&self, room: &Room, timeline: &Timeline, wanted: StateWanted) -> BTreeSet<String> {
        let mut needed: BTreeSet<String> = timeline.events.iter().map(|event| event.pdu.sender.to_string()).collect();
        if wanted.after.is_none() {
            needed.insert(self.session.user_id.to_string());
            let view = room.view();
            if !super::summary::is_named(&view) {
                needed.extend(super::summary::heroes(&view, self.session.user));
            }
        }
        if self.request.state.is_after() {
            let members = timeline.events.iter().filter(|event| event.kind() == "m.room.member");
            needed.extend(members.filter_map(|event| event.state_key().map(str::to_owned)));
        }
        needed
    }
}

/// Adds the state that changed within the timeline by events that the timeline leaves out: those that the filter does
/// not want there, those that the user may not see but that are the state now, and those that a resolution has made the
/// state. Where a later event of the same entry is shown, that one tells. Gives the users whose member event is among
/// them.
fn add_hidden(state: &mut Vec<Arc<RoomEvent>>, timeline: &Timeline) -> HashSet<Box<str>> {
    fn entry(event: &RoomEvent) -> (&str, Option<&str>) {
        (event.kind(), event.state_key())
    }
    let mut newest: BTreeMap<_, &Arc<RoomEvent>> = BTreeMap::new();
    let hidden = timeline.hidden.iter().map(|event| (event.seq, event));
    let mut changes: Vec<_> = timeline.resolved.iter().map(|(at, event)| (*at, event)).chain(hidden).collect();
    changes.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    for (_, event) in changes {
        newest.entry(entry(event)).or_insert(event);
    }
    for event in &timeline.events {
        newest.remove(&entry(event));
    }
    state.retain(|event| !newest.contains_key(&entry(event)));
    let members = newest.keys().filter(|(kind, _)| *kind == "m.room.member");
    let members = members.filter_map(|(_, user_id)| user_id.map(Into::into)).collect();
    state.extend(newest.into_values().cloned());
    members
}
