//! State resolution: the one state of a room at a place where several branches of its history meet (spec: each room
//! version's "State resolution").
//!
//! [`resolve`] is deterministic: it depends on the states and on what the events say, not on the order of the states or
//! on when an event was received. Nothing here recurses, however long a chain of events is. There are three algorithms:
//!
//! | room versions | here | order of the conflicting events |
//! |---|---|---|
//! | 1 | `v1` | by depth, type after type |
//! | 2 to 11 | `v2` | power events by their senders' power, then the others by the power levels they rest on |
//! | 12 | `v2` (version 2.1, MSC4297) | the same; more events take part, and the first of them meet an empty state |
//!
//! Where all servers that we know of do the same and the specification's text could be read otherwise, this does as
//! they do: a room in which servers resolve differently falls apart. These places say so.
//!
//! # What it costs
//!
//! With *n* entries in the states, *c* events in the part of the auth chains that is walked and *f* events in the full
//! conflicted set, it takes O(n + c log c + f log f) steps, reads each of the *c* events once and each of the *f* events and
//! their auth events (at most ten each) a few times more. Of each event that is walked some hundred bytes are kept, and
//! of whole events 16 MiB. If the caller knows ranks ([`RoomEvents::rank`]), *c* is what the auth chains do not have in
//! common and what it rests on directly; else it is all of the chains. Events that state their depths against the order
//! of the chain make the walk longer, at worst once for each state, and never change its result.

mod check;
mod conflict;
mod graph;
mod order;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use im2_model::EventId;

use crate::{
    event::Pdu,
    state::StateMap,
    version::{RoomVersion, StateResolution},
};

/// How many states can be resolved at once. An event follows at most 20 others.
pub const MAX_STATES: usize = 64;

/// The events of one room, for whom [`resolve`] asks.
pub trait RoomEvents {
    /// The event with this id; `None` if it is not known.
    fn get(&self, event_id: &EventId) -> Option<Arc<Pdu>>;

    /// Whether the event was rejected when it was received (spec: server-server API, "Rejection").
    fn is_rejected(&self, event_id: &EventId) -> bool;

    /// A number that is greater than those of all its auth events, such as the length of the longest way from it to the
    /// create event. With it the part of the auth chains that all states have in common is not read. An event's `depth` is
    /// not such a number: its sender chose it. `None` if it is not known of this event.
    fn rank(&self, event_id: &EventId) -> Option<u64> {
        let _ = event_id;
        None
    }
}

/// Errors of state resolution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// An event of the states or of their auth chains is not known. Fetch it and try again.
    #[error("the event {0} is needed to resolve the state, and is not known")]
    Missing(EventId),
    /// No state has an `m.room.create`.
    #[error("none of the states has a create event")]
    NoCreate,
    /// Events rest on each other in a circle, which ids that are no hashes (versions 1 and 2) do not rule out.
    #[error("events of the room rest on each other in a circle")]
    Circle,
    /// There are more than [`MAX_STATES`].
    #[error("{0} states are too many to be resolved at once; the limit is 64")]
    TooManyStates(usize),
}

/// The state that `states` resolve to: that after the events at the ends of several branches, each of which has one of
/// these states after it.
///
/// One state resolves to itself, and no states to the empty one. Rejected events take part as others do, if a state or
/// an auth chain names them; only to authorise another they do not count (spec: room version 2, "Rejected events").
pub fn resolve<S: Borrow<StateMap<EventId>>>(
    version: RoomVersion,
    states: &[S],
    events: &impl RoomEvents,
) -> Result<StateMap<EventId>, ResolveError> {
    let states: Vec<&StateMap<EventId>> = states.iter().map(Borrow::borrow).collect();
    match states[..] {
        [] => return Ok(StateMap::default()),
        [state] => return Ok(state.clone()),
        _ if states.len() > MAX_STATES => return Err(ResolveError::TooManyStates(states.len())),
        _ => {}
    }
    let split = Split::of(&states);
    if split.conflicted.is_empty() {
        return Ok(split.unconflicted);
    }
    match version.rules().state_resolution {
        StateResolution::V1 => v1::resolve(version, split, events),
        StateResolution::V2 | StateResolution::V2_1 => v2::resolve(version, &states, &split, events),
    }
}

/// A key of the state: event type and state key.
type Key<'a> = (&'a str, &'a str);

/// Several states, taken apart into what they agree on and what they do not.
struct Split<'a> {
    /// The unconflicted state map: the entries that are the same in every state.
    unconflicted: StateMap<EventId>,
    /// The conflicted state set: the events of the other entries, under their keys.
    conflicted: BTreeMap<Key<'a>, BTreeSet<&'a EventId>>,
}

impl<'a> Split<'a> {
    fn of(states: &[&'a StateMap<EventId>]) -> Self {
        let mut split = Self { unconflicted: StateMap::default(), conflicted: BTreeMap::new() };
        let [first, others @ ..] = states else { return split };
        for (kind, key, event_id) in first.iter() {
            if others.iter().all(|state| state.get(kind, key) == Some(event_id)) {
                split.unconflicted.insert(kind, key, event_id.clone());
            }
        }
        for state in states {
            for (kind, key, event_id) in state.iter() {
                if split.unconflicted.get(kind, key).is_none() {
                    split.conflicted.entry((kind, key)).or_default().insert(event_id);
                }
            }
        }
        split
    }
}
