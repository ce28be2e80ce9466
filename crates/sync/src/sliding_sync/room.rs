//! One room of an answer.

use std::sync::{Arc, atomic::Ordering};

use im2_chat::rooms::{
    Bundles, Form, Room, RoomEvent, TimelineToken, Viewer, VisibleHistory, introduction, write_array, write_event,
};
use im2_core::{Code, Result};
use im2_kernel::{client::stripped_state, content::Membership, unread::Counts};
use serde_json::{Value, json};

use super::{
    Answering,
    listing::Matched,
    object::Object,
    request::Dialect,
    sent::{SentRoom, Told},
    state::RequiredStateEvents,
};
use crate::{
    summary::heroes,
    timeline::{Stretch, Timeline, newest},
};

/// Bytes of an answer from which on rooms come with one event of their timeline each, and the client reads on from
/// `/messages`: an answer is in memory as a whole, and a list may have thousands of rooms.
const LARGE: usize = 16 << 20;

/// A room in an answer, and how the client will know it.
pub(super) struct RoomAnswer {
    /// The JSON; `None` if there is nothing to say.
    pub(super) body: Option<Vec<u8>>,
    pub(super) sent: SentRoom,
    /// Whether the room is new to the client, or more of its timeline is sent than is new.
    pub(super) is_wider: bool,
    /// The timeline's events.
    pub(super) timeline: Vec<Arc<RoomEvent>>,
}

/// The state of a room that an answer starts and ends with, for this client. The user is or was in the room.
struct Situation<'a> {
    matched: &'a Matched,
    /// The room as the client knows it; `None` if it is new to it.
    known: Option<&'a SentRoom>,
    /// The number of the last event as of this answer.
    until: i64,
    visible: Arc<VisibleHistory>,
    /// Whether more of the timeline is wanted than the client has.
    expands: bool,
}

impl Answering<'_> {
    /// Whether there may be something to say of a room.
    pub(super) fn is_stale(&self, matched: &Matched) -> bool {
        let candidate = &matched.candidate;
        let Some(known) = self.before.rooms.get(&candidate.room) else { return true };
        known.at < candidate.at
            || known.membership != candidate.membership.membership
            || known.is_dm != candidate.is_dm
            || !(Arc::ptr_eq(&known.config, &matched.config) || known.config == matched.config)
            || (self.request.dialect == Dialect::Stable && known.lists != matched.lists)
            || self.recounted.contains(&candidate.room)
    }

    /// The answer about a room; `None` if it has changed its relation to the user just now, which the next answer
    /// tells.
    pub(super) async fn room(&self, matched: &Matched) -> Result<Option<RoomAnswer>> {
        let candidate = &matched.candidate;
        let room = match self.sync.rooms.by_nid(candidate.room).await {
            Err(error) if error.code() == Some(Code::NotFound) => return Ok(None), // it was purged just now
            room => room?,
        };
        let membership = candidate.membership;
        let is_member = membership.membership == Membership::Join;
        let was_member =
            membership.was_joined && !matches!(membership.membership, Membership::Invite | Membership::Knock);
        if !was_member {
            return self.strange_room(matched, &room).await.map(Some);
        }
        let until = if is_member { self.sync.rooms.seq_at_token(&room, &self.until).await? } else { membership.seq };
        let known = self.before.rooms.get(&candidate.room);
        let limit = matched.config.timeline_limit as i64;
        let from = known.map_or((until - limit).max(1), |known| known.seq + 1);
        let visible = if is_member {
            self.sync.rooms.visible_history_from(&room, &self.actor, from).await?
        } else {
            self.sync.rooms.visible_history(&room, &self.actor).await?
        };
        let visible = Arc::new(visible);
        if is_member && visible.membership_at(until) != Membership::Join {
            return Ok(None);
        }
        if !is_member && visible.membership_at(until - 1) != Membership::Join {
            // Turned away before coming back: what became of the room meanwhile is not for them.
            return self.strange_room(matched, &room).await.map(Some);
        }
        let stayed = |known: &&SentRoom| {
            known.seq >= until
                || (visible.membership_at(known.seq) == Membership::Join && !visible.left_between(known.seq, until - 1))
        };
        let mut known = known.filter(stayed);
        // That an entry has lost its value can be told only by telling all that there is.
        if let Some(before) = known.filter(|known| known.seq < until)
            && self.sync.rooms.has_vanished(&room, before.seq, until).await?
        {
            known = None;
        }
        let expands = known.is_some_and(|known| {
            let limit = matched.config.timeline_limit;
            limit > known.config.timeline_limit && limit > known.shown && !known.is_whole
        });
        let situation = Situation { matched, known, until, visible, expands };
        self.known_room(&room, situation).await.map(Some)
    }

    async fn known_room(&self, room: &Arc<Room>, mut situation: Situation<'_>) -> Result<RoomAnswer> {
        let Situation { matched, known, until, expands, .. } = situation;
        let (candidate, config) = (&matched.candidate, &matched.config);
        let floor = known.filter(|_| !expands).map_or(0, |known| known.seq);
        let is_large = self.written.load(Ordering::Relaxed) > LARGE;
        let limit = if is_large { config.timeline_limit.min(1) } else { config.timeline_limit };
        let stretch = Stretch { floor, until, limit };
        let shows = |visible: &VisibleHistory, event: &RoomEvent| self.shows(visible, event);
        let timeline = newest(&self.sync.rooms, room, &self.actor, &mut situation.visible, stretch, shows).await?;
        let state = self.required_state(room, config, known, until, &timeline).await?;
        let unread = match candidate.membership.membership {
            Membership::Join => self.sync.unread.in_room(&self.actor, room).await?.counts.total(),
            _ => Counts::default(),
        };
        let mut sent = self.sent(matched, until, unread, known);
        let goes_on = known.filter(|_| !timeline.limited && !expands);
        sent.shown = goes_on.map_or(0, |known| known.shown) + timeline.events.len();
        sent.is_whole = goes_on.map_or(!timeline.limited, |known| known.is_whole);
        if config.lazy_members {
            let members = state.events.iter().filter(|event| event.kind() == "m.room.member");
            sent.add_members(members.filter_map(|event| Some((event.state_key()?, event.seq))));
        }
        let body = self.write_room(room, &situation, &timeline, &state, &sent).await?;
        Ok(RoomAnswer { body, sent, is_wider: known.is_none() || expands, timeline: timeline.events })
    }

    async fn write_room(
        &self,
        room: &Arc<Room>,
        situation: &Situation<'_>,
        timeline: &Timeline,
        state: &RequiredStateEvents,
        sent: &SentRoom,
    ) -> Result<Option<Vec<u8>>> {
        let Situation { matched, known, visible, expands, .. } = situation;
        let mut out = Object::new();
        self.write_facts(&mut out, room, situation, state).await?;
        self.write_relation(&mut out, matched, *known, sent);
        if known.is_none() {
            out.member("initial", true);
        }
        if *expands {
            let name = if self.is_stable() { "expanded_timeline" } else { "unstable_expanded_timeline" };
            out.member(name, true);
        }
        if !state.events.is_empty() {
            let none = Bundles::new();
            out.key("required_state", |out| {
                write_array(out, &state.events, |out, event| self.write_event(out, visible, event, &none));
            });
        }
        let has_timeline = known.is_none() || !timeline.events.is_empty() || timeline.limited;
        if matched.config.timeline_limit > 0 && has_timeline {
            self.write_timeline(&mut out, room, visible, timeline).await?;
        }
        let is_recounted = !self.is_stable() && known.is_some_and(|known| known.unread != sent.unread);
        let is_bumped = matched.config.timeline_limit == 0 && known.is_some_and(|known| known.at < sent.at);
        if out.is_empty() && !is_recounted && !is_bumped {
            return Ok(None);
        }
        self.write_common(&mut out, matched, sent);
        Ok(Some(out.finish()))
    }

    /// Writes name, avatar, heroes and member counts, as far as they have changed.
    async fn write_facts(
        &self,
        out: &mut Object,
        room: &Arc<Room>,
        situation: &Situation<'_>,
        state: &RequiredStateEvents,
    ) -> Result<()> {
        let is_new = situation.known.is_none();
        let until = situation.until;
        let name = self.text(room, "m.room.name", "name", until).await?;
        for (member, kind, value) in [
            ("name", "m.room.name", name.clone()),
            ("avatar", "m.room.avatar", self.text(room, "m.room.avatar", "url", until).await?),
        ] {
            if (is_new && value.is_some()) || state.has_changed(kind) {
                out.member(member, value);
            }
        }
        let is_member = situation.matched.candidate.membership.membership == Membership::Join;
        let members_changed = is_new || state.has_changed("m.room.member");
        if !is_member || !(members_changed || state.has_changed("m.room.name")) {
            return Ok(());
        }
        if name.is_none() {
            let heroes = heroes(&room.view(), self.session.user);
            let heroes: Vec<&str> = heroes.iter().map(String::as_str).collect();
            let mut members = room.members(&self.sync.core, &heroes).await?;
            members.sort_unstable_by_key(|member| member.seq);
            let heroes = members.iter().filter_map(|member| Some(hero(member.state_key()?, member.pdu.content_json())));
            out.member("heroes", heroes.collect::<Vec<_>>());
        }
        let view = room.view();
        if members_changed {
            out.member("joined_count", view.joined.len()).member("invited_count", view.invited);
        }
        Ok(())
    }

    /// A text in the content of a state event as of event number `until`.
    async fn text(&self, room: &Arc<Room>, kind: &str, key: &str, until: i64) -> Result<Option<String>> {
        let Some(event) = self.sync.rooms.state_entry(room, kind, "", Some(until)).await? else { return Ok(None) };
        let content: Value = serde_json::from_str(event.pdu.content_json()).unwrap_or_default();
        Ok(content[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// Writes whether the room is a direct chat, the user's membership and the lists it is in, as far as they have
    /// changed.
    fn write_relation(&self, out: &mut Object, matched: &Matched, known: Option<&SentRoom>, sent: &SentRoom) {
        if known.map_or(sent.is_dm, |known| known.is_dm != sent.is_dm) {
            out.member("is_dm", sent.is_dm);
        }
        if self.is_stable() {
            if known.is_none_or(|known| known.membership != sent.membership) {
                out.member("membership", sent.membership.as_str());
            }
            if known.map_or(!matched.lists.is_empty(), |known| known.lists != matched.lists) {
                out.member("lists", &*matched.lists);
            }
        }
    }

    /// Writes the members that every room of an answer has: `bump_stamp` and unread counts.
    fn write_common(&self, out: &mut Object, matched: &Matched, sent: &SentRoom) {
        let candidate = &matched.candidate;
        let is_member = candidate.membership.membership == Membership::Join;
        let bump = if is_member { candidate.summary.bump() } else { candidate.membership.position };
        out.member("bump_stamp", bump.to_i64());
        if !self.is_stable() && is_member {
            out.member("notification_count", sent.unread.notification_count);
            out.member("highlight_count", sent.unread.highlight_count);
        }
    }

    async fn write_timeline(
        &self,
        out: &mut Object,
        room: &Arc<Room>,
        visible: &Arc<VisibleHistory>,
        timeline: &Timeline,
    ) -> Result<()> {
        let bundles = self.sync.rooms.bundles_for(room, &self.actor, visible, &timeline.events).await?;
        let previous = TimelineToken(timeline.events.first().map_or(timeline.end, |event| event.seq - 1));
        let is_live = |event: &&Arc<RoomEvent>| {
            self.before.told.token.as_ref().is_some_and(|token| !token.includes(event.position))
        };
        if !timeline.events.is_empty() {
            out.key("timeline", |out| {
                write_array(out, &timeline.events, |out, event| self.write_event(out, visible, event, &bundles));
            });
        }
        out.member("prev_batch", previous.to_string())
            .member("limited", timeline.limited)
            .member("num_live", timeline.events.iter().rev().take_while(is_live).count());
        Ok(())
    }

    /// A room that the user is invited to or knocks at, or has turned down or was turned away from.
    async fn strange_room(&self, matched: &Matched, room: &Arc<Room>) -> Result<RoomAnswer> {
        let candidate = &matched.candidate;
        let known = self.before.rooms.get(&candidate.room);
        let sent = self.sent(matched, candidate.membership.seq, Counts::default(), None);
        let is_news = known.is_none_or(|known| known.at < candidate.at || known.membership != sent.membership);
        // What the client knows of an earlier stay does not hold any more for one who is invited or knocks.
        let is_new = known.is_none_or(|known| {
            known.membership != sent.membership && matches!(sent.membership, Membership::Invite | Membership::Knock)
        });
        let mut out = Object::new();
        self.write_relation(&mut out, matched, known, &sent);
        if is_news {
            self.write_strange(&mut out, matched, room, is_new).await?;
        }
        let body = (!out.is_empty()).then(|| {
            self.write_common(&mut out, matched, &sent);
            out.finish()
        });
        Ok(RoomAnswer { body, sent, is_wider: is_new, timeline: Vec::new() })
    }

    async fn write_strange(&self, out: &mut Object, matched: &Matched, room: &Arc<Room>, is_new: bool) -> Result<()> {
        let me = self.session.user_id.as_str();
        let membership = matched.candidate.membership;
        let own = self.sync.rooms.state_entry(room, "m.room.member", me, Some(membership.seq)).await?;
        // There is none if a resolution has left none.
        let Some(own) = own else { return Ok(()) };
        if is_new {
            out.member("initial", true);
        }
        let members = match membership.membership {
            Membership::Invite => &[own.pdu.sender.as_str(), me][..],
            Membership::Knock => &[me],
            _ => {
                self.write_turned_away(out, matched, &own, is_new);
                return Ok(());
            }
        };
        let introduction = introduction(&self.sync.rooms, room, members, membership.seq).await?;
        let name = if self.is_stable() { "stripped_state" } else { "invite_state" };
        out.key(name, |out| out.extend_from_slice(&introduction));
        Ok(())
    }

    /// Writes a room whose invite or knock was turned away: the user's own member event and nothing else.
    fn write_turned_away(&self, out: &mut Object, matched: &Matched, own: &Arc<RoomEvent>, is_new: bool) {
        let me = self.session.user_id.as_str();
        if let Some(stripped) = stripped_state(&own.pdu).filter(|_| self.is_stable()) {
            out.key("stripped_state", |out| out.extend_from_slice(format!("[{stripped}]").as_bytes()));
        }
        let (visible, none) = (VisibleHistory::default(), Bundles::new());
        let write =
            |out: &mut Vec<u8>| write_array(out, [own], |out, event| self.write_event(out, &visible, event, &none));
        if matched.config.wants("m.room.member", me, me) {
            out.key("required_state", write);
        }
        if matched.config.timeline_limit > 0 {
            out.key("timeline", write).member("limited", false).member("num_live", u8::from(!is_new));
        }
    }

    /// The room as the client will know it.
    fn sent(&self, matched: &Matched, seq: i64, unread: Counts, known: Option<&SentRoom>) -> SentRoom {
        let candidate = &matched.candidate;
        let reached = self.until.reached(candidate.at.writer());
        let before = self.before.rooms.get(&candidate.room);
        SentRoom {
            membership: candidate.membership.membership,
            // What came after this answer's end is told in the next one.
            at: if self.until.includes(candidate.at) { candidate.at } else { reached },
            seq: known.map_or(seq, |known| known.seq.max(seq)),
            shown: 0,
            is_whole: true,
            config: Arc::clone(&matched.config),
            lists: Arc::clone(&matched.lists),
            is_dm: candidate.is_dm,
            unread,
            members: known.map(|known| Arc::clone(&known.members)).unwrap_or_default(),
            account_data: before.map_or(Told::Never, |known| known.account_data.clone()),
            receipts: before.map_or(Told::Never, |known| known.receipts.clone()),
        }
    }

    fn is_stable(&self) -> bool {
        self.request.dialect == Dialect::Stable
    }

    /// Whether the user is shown an event of a timeline.
    fn shows(&self, visible: &VisibleHistory, event: &RoomEvent) -> bool {
        let ignored = !event.is_state() && self.ignored.contains(&event.pdu.sender);
        let is_own = || event.pdu.is("m.room.member", self.session.user_id.as_str());
        !ignored && (is_own() || visible.may_see(event, &self.session.user_id))
    }

    fn write_event(&self, out: &mut Vec<u8>, visible: &VisibleHistory, event: &RoomEvent, bundles: &Bundles) {
        let viewer = Viewer::of(self.session, &self.sync.core);
        write_event(out, event, Form::InRoom, &viewer, visible.membership_at(event.seq), bundles);
    }
}

/// A member whom a room is named after.
fn hero(user_id: &str, content: &str) -> Value {
    let content: Value = serde_json::from_str(content).unwrap_or_default();
    let mut hero = json!({ "user_id": user_id });
    for key in ["displayname", "avatar_url"] {
        if let Some(text) = content[key].as_str() {
            hero[key] = text.into();
        }
    }
    hero
}
