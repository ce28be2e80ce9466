//! Judging conflicting events by the state that has been resolved so far.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use im2_model::EventId;

use super::{
    ResolveError, RoomEvents,
    graph::{Graph, Number},
};
use crate::{
    auth::{auth_event_keys, authorize},
    event::Pdu,
    power::PowerLevels,
    state::{StateMap, StateView},
    version::RoomVersion,
};

/// How many power levels are kept at a time. Those of a branch follow each other, so that few are in use at once; of
/// each there can be some hundred kilobytes.
const KEPT_LEVELS: usize = 64;

/// Power levels by the event that gives them, because reading them is what judging costs most.
pub(super) struct Levels {
    version: RoomVersion,
    kept: HashMap<Option<EventId>, PowerLevels>,
}

impl Levels {
    pub(super) fn new(version: RoomVersion) -> Self {
        Self { version, kept: HashMap::new() }
    }

    /// The power levels that `power_levels` sets in the room that `create` made.
    pub(super) fn of(&mut self, create: &Pdu, power_levels: Option<&Pdu>) -> &PowerLevels {
        let given_by = power_levels.map(|event| event.event_id.clone());
        if self.kept.len() >= KEPT_LEVELS && !self.kept.contains_key(&given_by) {
            self.kept.clear();
        }
        self.kept.entry(given_by).or_insert_with(|| PowerLevels::of(self.version, create, power_levels))
    }
}

/// Judges events of one room.
pub(super) struct Judge {
    version: RoomVersion,
    /// The room's create event, for versions in which no event names it among its auth events.
    implied_create: Option<Arc<Pdu>>,
    levels: Levels,
}

impl Judge {
    pub(super) fn new(version: RoomVersion, create: Option<Arc<Pdu>>) -> Self {
        let implied_create = create.filter(|_| version.rules().room_id_is_create_hash);
        Self { version, implied_create, levels: Levels::new(version) }
    }

    /// The iterative auth checks algorithm (spec: room version 2, "State resolution", definitions): applies `events` to
    /// `state`, one after the other, each if the state allows it. Where the state lacks an entry that the rules ask for,
    /// the event's own auth event for it is taken, unless that was rejected.
    pub(super) fn apply<E: RoomEvents>(
        &mut self,
        graph: &mut Graph<'_, E>,
        events: &[Number],
        state: &mut StateMap<EventId>,
    ) -> Result<(), ResolveError> {
        for number in events {
            let event = graph.pdu(*number)?;
            let Some(state_key) = &event.state_key else { continue };
            let mut fallback = Vec::new();
            for auth_event in graph.auth_events(*number)? {
                if !graph.is_rejected(auth_event) {
                    fallback.push(graph.pdu(auth_event)?);
                }
            }
            if self.allows(graph, &event, state, &fallback)? {
                state.insert(&event.kind, state_key, event.event_id.clone());
            }
        }
        Ok(())
    }

    /// Whether the authorisation rules allow `event` in `state`, where `fallback` fills what the state lacks.
    pub(super) fn allows<E: RoomEvents>(
        &mut self,
        graph: &mut Graph<'_, E>,
        event: &Pdu,
        state: &StateMap<EventId>,
        fallback: &[Arc<Pdu>],
    ) -> Result<bool, ResolveError> {
        let content = event.content_map();
        let state_key = event.state_key.as_deref();
        let keys = auth_event_keys(self.version, &event.sender, &event.kind, state_key, &content);
        let mut entries: Vec<Arc<Pdu>> = self.implied_create.iter().cloned().collect();
        for (kind, key) in keys {
            if let Some(event_id) = state.get(kind, key) {
                let number = graph.number(event_id);
                entries.push(graph.pdu(number)?);
            } else {
                entries.extend(fallback.iter().rfind(|event| event.is(kind, key)).cloned());
            }
        }
        let find = |kind: &str| entries.iter().find(|event| event.is(kind, ""));
        let Some(create) = find("m.room.create") else {
            // The only event that may come before it is itself.
            return Ok(authorize(self.version, event, &StateMap::<Pdu>::default()).is_ok());
        };
        let levels = self.levels.of(create, find("m.room.power_levels").map(|event| &**event));
        Ok(authorize(self.version, event, &Entries { entries: &entries, levels }).is_ok())
    }
}

/// The few entries of a state by which one event is judged.
struct Entries<'a> {
    entries: &'a [Arc<Pdu>],
    levels: &'a PowerLevels,
}

impl StateView for Entries<'_> {
    fn get(&self, kind: &str, state_key: &str) -> Option<&Pdu> {
        self.entries.iter().find(|event| event.is(kind, state_key)).map(|event| &**event)
    }

    fn power_levels(&self, _: RoomVersion, _: &Pdu) -> Cow<'_, PowerLevels> {
        Cow::Borrowed(self.levels)
    }
}
