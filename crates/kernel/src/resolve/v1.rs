//! State resolution of room version 1 (spec: room version 1, "State resolution"), in which old state can come back.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use im2_model::EventId;

use super::{Key, ResolveError, RoomEvents, Split, check::Judge, graph::Graph};
use crate::{event::Pdu, sign::sha1, state::StateMap, version::RoomVersion};

/// The types that decide who may do what, in the order in which their conflicts are resolved.
const AUTH_TYPES: [&str; 3] = ["m.room.power_levels", "m.room.join_rules", "m.room.member"];

pub(super) fn resolve<E: RoomEvents>(
    version: RoomVersion,
    split: Split<'_>,
    events: &E,
) -> Result<StateMap<EventId>, ResolveError> {
    let mut graph = Graph::new(events);
    let mut judge = Judge::new(version, None);
    let Split { unconflicted: mut resolved, conflicted } = split;
    let mut conflicts: BTreeMap<Key<'_>, Vec<Arc<Pdu>>> = BTreeMap::new();
    for ((kind, key), ids) in conflicted {
        // A conflict is between different events; that a state has none is no conflict.
        if let [event_id] = ids.iter().collect::<Vec<_>>()[..] {
            resolved.insert(kind, key, (*event_id).clone());
            continue;
        }
        let mut candidates = Vec::with_capacity(ids.len());
        for event_id in ids {
            let number = graph.number(event_id);
            candidates.push(graph.pdu(number)?);
        }
        candidates.sort_by_cached_key(|event| (event.depth, Reverse(sha1(event.event_id.as_str().as_bytes()))));
        conflicts.insert((kind, key), candidates);
    }
    for auth_type in AUTH_TYPES {
        let mut winners = Vec::new();
        for ((kind, key), candidates) in conflicts.iter().filter(|((kind, _), _)| *kind == auth_type) {
            winners.push((*kind, *key, last_allowed(&mut judge, &mut graph, &resolved, candidates)?));
        }
        // Conflicts of the same type do not see how the others end, as other servers do it.
        for (kind, key, winner) in winners {
            resolved.insert(kind, key, winner);
        }
    }
    for ((kind, key), candidates) in conflicts.iter().filter(|((kind, _), _)| !AUTH_TYPES.contains(kind)) {
        // The newest that is allowed; if none is, the oldest, as other servers do it.
        let mut winner = &candidates[0];
        for candidate in candidates.iter().skip(1).rev() {
            if judge.allows(&mut graph, candidate, &resolved, &[])? {
                winner = candidate;
                break;
            }
        }
        resolved.insert(kind, key, winner.event_id.clone());
    }
    Ok(resolved)
}

/// The last of `candidates`, oldest first, that each allows the next in `state`, which has no entry in their place.
fn last_allowed<E: RoomEvents>(
    judge: &mut Judge,
    graph: &mut Graph<'_, E>,
    state: &StateMap<EventId>,
    candidates: &[Arc<Pdu>],
) -> Result<EventId, ResolveError> {
    let mut winner = &candidates[0];
    for candidate in &candidates[1..] {
        if !judge.allows(graph, candidate, state, std::slice::from_ref(winner))? {
            break;
        }
        winner = candidate;
    }
    Ok(winner.event_id.clone())
}
