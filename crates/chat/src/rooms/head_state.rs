//! The newest state of a room: what is queued over what is committed.

use std::sync::Arc;

use im2_kernel::{content::Membership, event::Pdu, power::PowerLevels, state::StateView, version::RoomVersion};
use im2_model::EventId;
use serde_json::Value;

use super::{
    Actor, RoomEvent,
    draft::Draft,
    room::{Head, Room},
    view::View,
};

/// The version of a room that an event was built on: the room's last number, and how many changes of other nodes it
/// takes into account. Once other nodes give numbers too, the number alone does not identify the event that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) seq: i64,
    pub(super) elsewhere: u64,
}

/// The state that the next event is judged by: what is queued over what is committed.
pub(super) struct HeadState<'a> {
    pub(super) head: &'a Head,
    pub(super) view: &'a View,
    /// Member events that were read because the view does not have them in memory.
    pub(super) fetched: &'a [Arc<RoomEvent>],
}

impl HeadState<'_> {
    /// The users whose member events it takes to judge `draft` and who are not in memory: the sender, whom it is
    /// about, and by whose right somebody joins.
    pub(super) fn missing_members(&self, actor: &Actor, draft: &Draft) -> Vec<Box<str>> {
        let is_member = &*draft.kind == "m.room.member";
        let target = draft.state_key.as_deref().filter(|_| is_member);
        let authoriser = draft.content.get("join_authorised_via_users_server").and_then(Value::as_str);
        let needed = [Some(actor.user_id.as_str()), target, authoriser.filter(|_| is_member)];
        needed.into_iter().flatten().filter(|user_id| self.lacks(user_id)).map(Into::into).collect()
    }

    /// Whether a user has a member event that has to be read first.
    pub(super) fn lacks(&self, user_id: &str) -> bool {
        self.view.members.get(user_id).is_some() && self.get("m.room.member", user_id).is_none()
    }

    /// A committed member event.
    pub(super) fn member(&self, user_id: &str) -> Option<&Pdu> {
        let member = self.view.members.get(user_id)?;
        let fetched = || self.fetched.iter().find(|event| event.seq == member.seq);
        self.view.members.event(user_id).or_else(fetched).map(|event| &*event.pdu)
    }
}

impl StateView for HeadState<'_> {
    fn get(&self, kind: &str, state_key: &str) -> Option<&Pdu> {
        if let Some((seq, pdu)) = self.head.pending.get(kind, state_key)
            && *seq > self.view.seq
        {
            return Some(pdu);
        }
        if kind == "m.room.member" {
            return self.member(state_key);
        }
        self.view.state.get(kind, state_key).map(|event| &*event.pdu)
    }

    fn power_levels(&self, _: RoomVersion, _: &Pdu) -> std::borrow::Cow<'_, PowerLevels> {
        std::borrow::Cow::Borrowed(&self.head.power)
    }
}

impl Head {
    /// Forgets what was queued once all of it is in the view, or cannot be committed because another node was earlier.
    pub(super) fn catch_up(&mut self, view: &View) {
        if self.elsewhere != view.elsewhere
            && let Some(fresh) = Self::of(view, self.epoch + 1)
        {
            *self = fresh;
        }
        if view.seq >= self.seq {
            if !self.pending.is_empty() {
                self.pending = im2_kernel::state::StateMap::default();
            }
            self.power = Arc::clone(&view.power);
        }
    }

    /// The place of an event that is built on it.
    pub(super) fn place(&self) -> Place {
        Place { seq: self.seq, elsewhere: self.elsewhere }
    }

    /// Takes note of an event that was queued.
    pub(super) fn advance(&mut self, version: RoomVersion, view: &View, pdu: &Arc<Pdu>) {
        self.seq += 1;
        self.depth = pdu.depth;
        self.last = Some(pdu.event_id.clone());
        let Some(state_key) = &pdu.state_key else { return };
        self.pending.insert(&pdu.kind, state_key, (self.seq, Arc::clone(pdu)));
        if matches!(&*pdu.kind, "m.room.power_levels" | "m.room.create") {
            let state = HeadState { head: self, view, fetched: &[] };
            if let Some(create) = state.get("m.room.create", "") {
                let power = PowerLevels::of(version, create, state.get("m.room.power_levels", ""));
                self.power = Arc::new(power);
            }
        }
    }
}

impl Room {
    /// Starts again from the room's view, after an event of `epoch` was not committed.
    pub(super) async fn reset_head(&self, epoch: u64) {
        let mut head = self.head.lock().await;
        if head.epoch == epoch
            && let Some(fresh) = Head::of(&self.view(), epoch + 1)
        {
            *head = fresh;
        }
    }
}

pub(super) fn is_member(state: &HeadState<'_>, actor: &Actor) -> bool {
    let member = state.get("m.room.member", actor.user_id.as_str());
    member.is_some_and(|event| event.membership == Some(Membership::Join))
}

/// Whether an event is the state that `draft` changes.
pub(super) fn is_current(state: &HeadState<'_>, draft: &Draft, event_id: &EventId) -> bool {
    let current = draft.state_key.as_deref().and_then(|key| state.get(&draft.kind, key));
    current.is_some_and(|current| current.event_id == *event_id)
}

/// The event that already made the state what `draft` wants it to be.
pub(super) fn unchanged(state: &HeadState<'_>, actor: &Actor, draft: &Draft) -> Option<EventId> {
    let current = state.get(&draft.kind, draft.state_key.as_deref()?)?;
    let same = current.sender == actor.user_id && current.content_map() == draft.content;
    same.then(|| current.event_id.clone())
}
