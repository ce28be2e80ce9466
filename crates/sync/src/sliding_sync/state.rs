//! The state of a room that goes with an answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use im2_chat::rooms::{Room, RoomEvent, View};
use im2_core::Result;

use super::{Answering, required_state::Combined, sent::SentRoom};
use crate::timeline::Timeline;

const MEMBER: &str = "m.room.member";

/// The state for one answer.
#[derive(Default)]
pub(super) struct RequiredStateEvents {
    /// The events to send.
    pub(super) events: Vec<Arc<RoomEvent>>,
    /// The entries that changed, sent or not. Empty for a room that is new to the client.
    pub(super) changed: Vec<Arc<RoomEvent>>,
}

impl RequiredStateEvents {
    /// Whether an entry with an empty state key changed.
    pub(super) fn has_changed(&self, kind: &str) -> bool {
        self.changed.iter().any(|event| event.kind() == kind && (kind == MEMBER || event.state_key() == Some("")))
    }
}

/// Events by type and state key, so that an entry is sent once.
type Found = BTreeMap<(Box<str>, Box<str>), Arc<RoomEvent>>;

impl Answering<'_> {
    /// The state as of event number `until` that `config` wants and that the client does not know.
    pub(super) async fn required_state(
        &self,
        room: &Arc<Room>,
        config: &Combined,
        known: Option<&SentRoom>,
        until: i64,
        timeline: &Timeline,
    ) -> Result<RequiredStateEvents> {
        let me = self.session.user_id.as_str();
        let mut found = Found::new();
        let mut changed = Vec::new();
        match known {
            None => add(&mut found, self.state_as_of(room, config, until).await?),
            Some(known) => {
                changed = self.sync.rooms.state_changed(room, known.seq, until).await?;
                let wants =
                    |event: &&Arc<RoomEvent>| config.wants(event.kind(), event.state_key().unwrap_or_default(), me);
                add(&mut found, changed.iter().filter(wants).cloned());
                if *known.config != *config {
                    let all = self.state_as_of(room, config, until).await?;
                    let is_more = |event: &Arc<RoomEvent>| {
                        !known.config.wants(event.kind(), event.state_key().unwrap_or_default(), me)
                    };
                    add(&mut found, all.into_iter().filter(is_more));
                }
            }
        }
        if config.lazy_members {
            let members = self.lazy_members(room, known, until, timeline, &changed).await?;
            add(&mut found, members);
        }
        Ok(RequiredStateEvents { events: found.into_values().collect(), changed })
    }

    /// The members that the timeline needs, except for those that the client has; and where the timeline has no gap,
    /// all that changed.
    async fn lazy_members(
        &self,
        room: &Arc<Room>,
        known: Option<&SentRoom>,
        until: i64,
        timeline: &Timeline,
        changed: &[Arc<RoomEvent>],
    ) -> Result<Vec<Arc<RoomEvent>>> {
        let mut needed: BTreeSet<&str> = timeline.events.iter().map(|event| event.pdu.sender.as_str()).collect();
        let in_timeline = timeline.events.iter().filter(|event| event.kind() == MEMBER);
        needed.extend(in_timeline.filter_map(|event| event.state_key()));
        let mut members = Vec::new();
        let needed: Vec<&str> = needed.into_iter().collect();
        let has = |member: &RoomEvent| {
            let sent = known.zip(member.state_key()).and_then(|(known, user_id)| known.members.get(user_id));
            sent == Some(&member.seq)
        };
        let found = self.sync.rooms.members_of(room, &needed, until).await?;
        members.extend(found.into_iter().filter(|member| !has(member)));
        if !timeline.limited {
            members.extend(changed.iter().filter(|event| event.kind() == MEMBER).cloned());
        }
        Ok(members)
    }

    /// All state as of event number `until` that `config` wants.
    async fn state_as_of(&self, room: &Arc<Room>, config: &Combined, until: i64) -> Result<Vec<Arc<RoomEvent>>> {
        let me = self.session.user_id.as_str();
        let now = {
            let view = room.view();
            (view.seq == until).then(|| self.state_now(&view, config))
        };
        let mut found = match now {
            Some(found) => found,
            None => self.sync.rooms.state_without_members_at(room, until).await?,
        };
        if config.kinds().is_none_or(|kinds| kinds.contains(&MEMBER)) {
            found.extend(match config.keys(MEMBER, me) {
                Some(user_ids) => self.sync.rooms.members_of(room, &user_ids, until).await?,
                None => self.sync.rooms.members_at(room, until).await?,
            });
        }
        found.retain(|event| config.wants(event.kind(), event.state_key().unwrap_or_default(), me));
        Ok(found)
    }

    /// The current state without the members, or at least what `config` wants of it.
    fn state_now(&self, view: &View, config: &Combined) -> Vec<Arc<RoomEvent>> {
        let Some(kinds) = config.kinds() else {
            return view.state.iter().map(|(_, _, entry)| Arc::clone(&entry.event)).collect();
        };
        let mut found = Vec::new();
        for kind in kinds {
            match config.keys(kind, self.session.user_id.as_str()) {
                Some(keys) => {
                    let entries = keys.into_iter().filter_map(|key| view.state.get(kind, key));
                    found.extend(entries.map(|entry| Arc::clone(&entry.event)));
                }
                None => found.extend(view.state.of_kind(kind).map(|(_, entry)| Arc::clone(&entry.event))),
            }
        }
        found
    }
}

fn add(found: &mut Found, events: impl IntoIterator<Item = Arc<RoomEvent>>) {
    for event in events {
        if let Some(key) = event.state_key() {
            found.insert((event.kind().into(), key.into()), event);
        }
    }
}
