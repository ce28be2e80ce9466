//! A room that the user is in, or has just left.

use std::{collections::BTreeMap, io::Write as _, sync::Arc};

use im2_chat::{
    filters::{Candidate, EventFilter, EventFormat, Filter},
    rooms::{
        Bundles, Form, Room, RoomEvent, RoomMembership, StateReach, StoredMember, TimelineToken, Viewer,
        VisibleHistory, write_array, write_event,
    },
};
use im2_core::{
    Result,
    stream::{AccountDataChange, ReceiptChange},
};
use im2_kernel::content::Membership;

use super::{
    Answering, Out,
    state::{State, StateWanted},
    summary::write_summary,
    timeline::{Stretch, Timeline, newest},
    write_account_data,
};

/// Events of a timeline where the filter does not say.
pub(super) const DEFAULT_LIMIT: usize = 10;
/// The most events of a timeline, whatever the filter says.
pub(super) const MAX_LIMIT: usize = 500;

/// The state of a room that an answer starts and ends with, for this client.
struct Situation {
    /// The number of the last event that the client has heard of; `None` if the room is new to it.
    known: Option<i64>,
    /// The number of the last event as of this answer.
    until: i64,
    visible: Arc<VisibleHistory>,
}

impl Answering<'_> {
    /// Writes the section of a joined room; gives whether there is anything to say. What has gone to the reader by then
    /// says something.
    pub(super) async fn joined_room(
        &self,
        out: &mut Out,
        room: &Arc<Room>,
        membership: RoomMembership,
        receipts: Option<&Vec<ReceiptChange>>,
    ) -> Result<bool> {
        let until = self.sync.rooms.seq_at_token(room, &self.changes.until).await?;
        let mut situation = self.situation(room, membership, until).await?;
        let timeline = self.timeline(room, &mut situation).await?;
        let is_new = situation.known.is_none();
        let state = self.room_state(room, &situation, &timeline).await?;

        self.write_timeline(&mut out.bytes, room, &situation.visible, &timeline).await?;
        let mut says_something = is_new || !timeline.events.is_empty() || !state.is_empty() || timeline.limited;
        let is_about_members = |event: &Arc<RoomEvent>| event.kind() == "m.room.member";
        let members_changed = timeline.events.iter().any(is_about_members) || state.has_members();
        if !state.is_empty() || self.request.state.is_after() {
            self.write_state(out, &situation.visible, state).await?;
        }
        let out = &mut out.bytes;
        let wanted = &self.request.filter.room.account_data;
        let data = self.room_account_data(room, is_new).await?;
        let data = data.iter().filter(|change| wanted.matches_type(&change.kind));
        says_something |= write_account_data(out, data, ",\"account_data\":");
        says_something |= self.write_ephemeral(out, room, is_new, receipts).await?;
        self.write_unread(out, room).await?;
        self.note_company(room, is_new, &timeline.events);
        if is_new || members_changed {
            write_summary(out, room, self.session.user);
        }
        out.push(b'}');
        Ok(says_something || self.request.full_state)
    }

    /// The user's account data in a room: the changes, or for a room that is new to the client all of it.
    async fn room_account_data(&self, room: &Room, is_new: bool) -> Result<Vec<Arc<AccountDataChange>>> {
        if is_new && self.request.since.is_some() {
            let all = self.sync.account_data.all(self.session.user, &self.session.user_id).await?;
            return Ok(all.into_iter().filter(|change| change.room == Some(room.nid)).map(Arc::new).collect());
        }
        Ok(self.room_data.get(&room.nid).cloned().unwrap_or_default())
    }

    /// Writes the section of a room that the user has left or was banned from. There is always something to say.
    pub(super) async fn left_room(&self, out: &mut Out, room: &Arc<Room>, membership: RoomMembership) -> Result<bool> {
        let mut situation = self.situation(room, membership, membership.seq).await?;
        let was_member = situation.visible.membership_at(membership.seq - 1) == Membership::Join;
        if let (Some(since), false) = (&self.request.since, was_member) {
            // From invited, knocking, left or banned to left or banned: only what is new since the token.
            situation.known = Some(self.sync.rooms.seq_at_token(room, since).await?);
        }
        let mut timeline = self.timeline(room, &mut situation).await?;
        let state = if was_member {
            self.room_state(room, &situation, &timeline).await?
        } else {
            self.state_of_earlier_stay(room, &situation, &mut timeline).await?
        };
        self.write_timeline(&mut out.bytes, room, &situation.visible, &timeline).await?;
        // Clients expect this section of a room that was left, even if it is empty.
        self.write_state(out, &situation.visible, state).await?;
        let out = &mut out.bytes;
        let wanted = &self.request.filter.room.account_data;
        let data = self.room_account_data(room, false).await?;
        let data = data.iter().filter(|change| wanted.matches_type(&change.kind));
        write_account_data(out, data, ",\"account_data\":");
        out.push(b'}');
        Ok(true)
    }

    /// The state of a room whose last stay ended before what the timeline ends with: an invite that was turned down,
    /// say. A client to which the room is new is told the state as it was when that stay ended. Beyond that they are
    /// told no more than what they see happen.
    async fn state_of_earlier_stay(
        &self,
        room: &Arc<Room>,
        situation: &Situation,
        timeline: &mut Timeline,
    ) -> Result<State> {
        let happened = newest_state(timeline);
        let is_after = self.request.state.is_after();
        let mut state = State::default();
        if let (None, StateReach::Until(end_of_stay)) = (situation.known, situation.visible.state_reach()) {
            timeline.hidden.retain(|event| event.seq <= end_of_stay);
            timeline.resolved.retain(|(at, _)| *at <= end_of_stay);
            let until = if is_after { timeline.end } else { timeline.start - 1 };
            let wanted = StateWanted { after: None, until: until.min(end_of_stay) };
            state = self.state(room, wanted, timeline).await?;
        }
        if is_after {
            let is_told = |event: &RoomEvent| {
                happened.events.iter().any(|told| event.pdu.is(told.kind(), told.state_key().unwrap_or_default()))
            };
            state.events.retain(|event| !is_told(event));
            state.members = state.members.map(|members| members.without(happened.member_ids()));
            state.events.extend(happened.events);
        }
        Ok(self.filtered_state(room, state))
    }

    async fn situation(&self, room: &Arc<Room>, membership: RoomMembership, until: i64) -> Result<Situation> {
        let rooms = &self.sync.rooms;
        let Some(since) = &self.request.since else {
            let limit = self.request.filter.room.timeline.limit_or_none(DEFAULT_LIMIT, MAX_LIMIT);
            let first_shown = until - limit as i64;
            let visible = Arc::new(rooms.visible_history_from(room, &self.actor, first_shown.max(1)).await?);
            return Ok(Situation { known: None, until, visible });
        };
        let seen = rooms.seq_at_token(room, since).await?;
        let visible = Arc::new(rooms.visible_history_from(room, &self.actor, seen + 1).await?);
        // The client knows the room if the user was in it at the token and has been ever since.
        let stayed = since.includes(membership.position)
            || (visible.membership_at(seen) == Membership::Join && !visible.left_between(seen, until - 1));
        Ok(Situation { known: stayed.then_some(seen), until, visible })
    }

    async fn timeline(&self, room: &Arc<Room>, situation: &mut Situation) -> Result<Timeline> {
        let filter = &self.request.filter.room.timeline;
        let limit = filter.limit_or_none(DEFAULT_LIMIT, MAX_LIMIT);
        // With `full_state` the timeline still begins at the token.
        let floor = situation.known.unwrap_or(0);
        // Whoever is in the room may know its state, even where it was set before they came.
        let is_member = situation.visible.membership_at(situation.until) == Membership::Join;
        let is_state_now = |event: &RoomEvent| {
            event.state_key().filter(|_| is_member).is_some_and(|key| {
                let view = room.view();
                let now = match event.kind() {
                    "m.room.member" => view.members.get(key).map(|now| now.seq),
                    kind => view.state.get(kind, key).map(|now| now.seq),
                };
                now == Some(event.seq)
            })
        };
        let shows =
            |visible: &VisibleHistory, event: &RoomEvent| self.shows(room, filter, visible, event, is_state_now);
        let stretch = Stretch { floor, until: situation.until, limit };
        let mut timeline = newest(&self.sync.rooms, room, &self.actor, &mut situation.visible, stretch, shows).await?;
        if self.request.since.is_some() && situation.known.is_none() {
            // To a client that follows, what came before is a gap, although it could not have been told of it.
            timeline.limited |= previous(&timeline).0 >= room.view().first;
        }
        if !self.request.state.is_after() {
            self.add_resolved(room, situation.known.is_none(), &mut timeline).await?;
        }
        Ok(timeline)
    }

    /// Adds the state that became so within a timeline without an event of its own, because the room's state was resolved.
    /// A client applies the timeline to the state that it is told, so where an event of the timeline says otherwise, the
    /// timeline begins after the resolution. No client can be told that an entry has lost its value: those to which the
    /// room is new are not told that it had one.
    async fn add_resolved(&self, room: &Arc<Room>, is_new: bool, timeline: &mut Timeline) -> Result<()> {
        let rooms = &self.sync.rooms;
        let mut cut = None;
        for at in rooms.resolutions(room, timeline.start - 1, timeline.end).await? {
            if is_new && rooms.has_vanished(room, at - 1, at).await? {
                cut = Some(at);
            }
            for event in rooms.state_changed(room, at - 1, at).await? {
                let is_same =
                    |other: &&Arc<RoomEvent>| other.pdu.is(event.kind(), event.state_key().unwrap_or_default());
                match timeline.events.iter().rfind(is_same) {
                    Some(shown) if shown.seq > at => {}
                    Some(_) => cut = Some(at),
                    None => timeline.resolved.push((at, event)),
                }
            }
        }
        if let Some(cut) = cut {
            timeline.limited |= timeline.events.first().is_some_and(|event| event.seq < cut);
            timeline.events.retain(|event| event.seq > cut);
            timeline.hidden.retain(|event| event.seq > cut);
            timeline.resolved.retain(|(at, _)| *at > cut);
            timeline.start = cut + 1;
        }
        Ok(())
    }

    fn shows(
        &self,
        room: &Room,
        filter: &EventFilter,
        visible: &VisibleHistory,
        event: &RoomEvent,
        is_state_now: impl Fn(&RoomEvent) -> bool,
    ) -> bool {
        let ignored = !event.is_state() && self.ignored.contains(&event.pdu.sender);
        let passes = || {
            let candidate = Candidate { kind: event.kind(), sender: Some(&event.pdu.sender), has_url: event.has_url() };
            filter.is_open() || (filter.includes_room(&room.id) && filter.matches(candidate))
        };
        // One's own membership is always told: without it a declined invite would never go away.
        let is_own = || event.pdu.is("m.room.member", self.session.user_id.as_str());
        !ignored && passes() && (is_own() || visible.may_see(event, &self.session.user_id) || is_state_now(event))
    }

    async fn room_state(&self, room: &Arc<Room>, situation: &Situation, timeline: &Timeline) -> Result<State> {
        let known = situation.known.filter(|_| !self.request.full_state);
        let wanted = StateWanted {
            after: known,
            until: if self.request.state.is_after() { timeline.end } else { timeline.start - 1 },
        };
        let state = self.state(room, wanted, timeline).await?;
        Ok(self.filtered_state(room, state))
    }

    fn filtered_state(&self, room: &Room, mut state: State) -> State {
        let filter = &self.request.filter.room.state;
        state.events.retain(|event| {
            let candidate = Candidate { kind: event.kind(), sender: Some(&event.pdu.sender), has_url: event.has_url() };
            filter.is_open() || (filter.includes_room(&room.id) && filter.matches(candidate))
        });
        state
    }

    async fn write_timeline(
        &self,
        out: &mut Vec<u8>,
        room: &Arc<Room>,
        visible: &Arc<VisibleHistory>,
        timeline: &Timeline,
    ) -> Result<()> {
        let bundles = self.sync.rooms.bundles_for(room, &self.actor, visible, &timeline.events).await?;
        let previous = previous(timeline);
        drop(write!(
            out,
            "{{\"timeline\":{{\"limited\":{},\"prev_batch\":\"{previous}\",\"events\":",
            timeline.limited
        ));
        write_array(out, &timeline.events, |out, event| self.write_event(out, visible, event, &bundles));
        out.push(b'}');
        Ok(())
    }

    async fn write_state(&self, out: &mut Out, visible: &Arc<VisibleHistory>, state: State) -> Result<()> {
        let name = self.request.state.key();
        drop(write!(out.bytes, ",\"{name}\":{{\"events\":["));
        let none = Bundles::new();
        for (index, event) in state.events.iter().enumerate() {
            if index > 0 {
                out.bytes.push(b',');
            }
            self.write_event(&mut out.bytes, visible, event, &none);
            out.pass_on().await?;
        }
        if let Some(members) = state.members {
            let (filter, visible, now) = (Arc::clone(&self.request.filter), Arc::clone(visible), self.sync.core.now());
            let write = move |out: &mut Vec<u8>, member: &StoredMember<'_>| {
                let is_shown = member.passes(&filter.room.state);
                if is_shown {
                    let membership = visible.membership_at(member.seq());
                    write_in_form(out, &filter, |out, form| member.write(out, form, now, membership));
                }
                is_shown
            };
            let mut members = members.following(!state.events.is_empty());
            while !members.is_finished() {
                out.bytes = members.write_page(std::mem::take(&mut out.bytes), &write).await?;
                out.pass_on().await?;
            }
        }
        out.bytes.extend_from_slice(b"]}");
        Ok(())
    }

    fn write_event(&self, out: &mut Vec<u8>, visible: &VisibleHistory, event: &RoomEvent, bundles: &Bundles) {
        let viewer = Viewer::of(self.session, &self.sync.core);
        write_in_form(out, &self.request.filter, |out, form| {
            write_event(out, event, form, &viewer, visible.membership_at(event.seq), bundles);
        });
    }
}

/// Writes an event in the form that a filter asks for, and of the clients' form the fields that it asks for.
fn write_in_form(out: &mut Vec<u8>, filter: &Filter, write: impl Fn(&mut Vec<u8>, Form)) {
    match &filter.event_fields {
        _ if filter.event_format == EventFormat::Federation => write(out, Form::Federation),
        None => write(out, Form::InRoom),
        Some(fields) => {
            let mut whole = Vec::new();
            write(&mut whole, Form::InRoom);
            let whole = serde_json::from_slice(&whole).unwrap_or_default();
            drop(serde_json::to_writer(out, &fields.project(whole))); // writing to a vector cannot fail
        }
    }
}

/// The state that the events of a timeline make up.
fn newest_state(timeline: &Timeline) -> State {
    let mut entries = BTreeMap::new();
    for event in &timeline.events {
        if let Some(key) = event.state_key() {
            entries.insert((event.kind(), key), Arc::clone(event));
        }
    }
    State { events: entries.into_values().collect(), members: None }
}

/// The token from which a client goes on backward.
fn previous(timeline: &Timeline) -> TimelineToken {
    TimelineToken(timeline.events.first().map_or(timeline.end, |event| event.seq - 1))
}
