//! The state of a room that goes with an answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Answering, required_state::Combined, sent::SentRoom};
use crate::{
    Result,
    rooms::{Room, RoomEvent},
    sync::timeline::Timeline,
};

const MEMBER: &str = "m.room.member";

/// The state for one answer.
#[derive(Default)]
pub(super) struct RequiredStateEvents {
    /// What is sent.
    pub(super) events: Vec<Arc<RoomEvent>>,
    /// What changed, sent or not. For a room that is new to the client it is empty.
    pub(super) changed: Vec<Arc<RoomEvent>>,
}

impl RequiredStateEvents {
    /// Whether an entry with an empty state key changed.
    pub(super) fn has_changed(&self, kind: &str) -> bool {
        self.changed.iter().any(|event| event.kind() == kind && (kind == MEMBER || event.state_key() == Some("")))
    }
}

/// By type and state key, so that an entry is sent once.
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

    /// The members that the timeline needs, but for those that the client has; and where the timeline has no gap,
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
        for user_id in needed {
            let member = self.sync.rooms.state_entry_before(room, MEMBER, user_id, until).await?;
            let has = |member: &RoomEvent| known.is_some_and(|known| known.members.get(user_id) == Some(&member.seq));
            members.extend(member.filter(|member| !has(member)));
        }
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
            (view.seq == until).then(|| {
                let Some(kinds) = config.kinds() else {
                    let all = view.state.iter().filter(|(kind, key, _)| config.wants(kind, key, me));
                    return all.map(|(_, _, event)| Arc::clone(event)).collect::<Vec<_>>();
                };
                let mut found = Vec::new();
                for kind in kinds {
                    match config.keys(kind, me) {
                        Some(keys) => {
                            found.extend(keys.into_iter().filter_map(|key| view.state.get(kind, key).cloned()));
                        }
                        None => found.extend(view.state.of_kind(kind).map(|(_, event)| Arc::clone(event))),
                    }
                }
                found.retain(|event| config.wants(event.kind(), event.state_key().unwrap_or_default(), me));
                found
            })
        };
        if let Some(found) = now {
            return Ok(found);
        }
        let mut state = self.sync.rooms.state_before(room, until).await?;
        state.retain(|event| config.wants(event.kind(), event.state_key().unwrap_or_default(), me));
        Ok(state)
    }
}

fn add(found: &mut Found, events: impl IntoIterator<Item = Arc<RoomEvent>>) {
    for event in events {
        if let Some(key) = event.state_key() {
            found.insert((event.kind().into(), key.into()), event);
        }
    }
}
