//! State resolution of room versions 2 to 12 (spec: room version 2, "State resolution"; room version 12 for what it
//! changed, which is version 2.1 of the algorithm).

use std::collections::HashSet;

use im2_model::EventId;

use super::{
    ResolveError, RoomEvents, Split,
    check::Judge,
    conflict::{auth_difference, conflicted_subgraph},
    graph::{Graph, Number},
    order::{by_mainline, by_power},
};
use crate::{
    content::Membership,
    event::Pdu,
    state::StateMap,
    version::{RoomVersion, StateResolution},
};

pub(super) fn resolve<E: RoomEvents>(
    version: RoomVersion,
    states: &[&StateMap<EventId>],
    split: &Split<'_>,
    events: &E,
) -> Result<StateMap<EventId>, ResolveError> {
    let is_v2_1 = version.rules().state_resolution == StateResolution::V2_1;
    let mut graph = Graph::new(events);
    let create = states.iter().find_map(|state| state.get("m.room.create", "")).ok_or(ResolveError::NoCreate)?;
    let create = graph.number(create);
    let create = graph.pdu(create)?;

    let conflicted: Vec<Number> = split.conflicted.values().flatten().map(|id| graph.number(id)).collect();
    let mut full_conflicted: HashSet<Number> = auth_difference(&mut graph, states)?.into_iter().collect();
    full_conflicted.extend(&conflicted);
    if is_v2_1 {
        full_conflicted.extend(conflicted_subgraph(&mut graph, &conflicted)?);
    }

    // Step 1.
    let power_events = with_power_events(&mut graph, &full_conflicted)?;
    let sorted = by_power(version, &mut graph, &create, &power_events)?;
    // Step 2.
    let mut judge = Judge::new(version, Some(create));
    let mut resolved = if is_v2_1 { StateMap::default() } else { split.unconflicted.clone() };
    judge.apply(&mut graph, &sorted, &mut resolved)?;
    // Step 3.
    let sorted: HashSet<Number> = sorted.into_iter().collect();
    let remaining: Vec<Number> = full_conflicted.difference(&sorted).copied().collect();
    let power_levels = resolved.get("m.room.power_levels", "").map(|event_id| graph.number(event_id));
    let remaining = by_mainline(&mut graph, power_levels, &remaining)?;
    // Step 4.
    judge.apply(&mut graph, &remaining, &mut resolved)?;
    // Step 5.
    for (kind, key, event_id) in split.unconflicted.iter() {
        resolved.insert(kind, key, event_id.clone());
    }
    Ok(resolved)
}

/// The power events of the full conflicted set, and what they rest on in it. The auth chains of power events are followed
/// only as far as they stay in the set, as other servers do.
fn with_power_events<E: RoomEvents>(
    graph: &mut Graph<'_, E>,
    full_conflicted: &HashSet<Number>,
) -> Result<Vec<Number>, ResolveError> {
    let mut found: HashSet<Number> = HashSet::new();
    let mut to_follow = Vec::new();
    for number in full_conflicted {
        if is_power_event(graph.pdu(*number)?.as_ref()) {
            to_follow.push(*number);
        }
    }
    while let Some(number) = to_follow.pop() {
        if found.insert(number) {
            let auth_events = graph.auth_events(number)?;
            to_follow.extend(auth_events.iter().filter(|auth_event| full_conflicted.contains(auth_event)));
        }
    }
    Ok(found.into_iter().collect())
}

/// Whether the event might take away somebody's ability to do something. Other servers count the create event as one,
/// and the two others only without a state key; so does this.
fn is_power_event(event: &Pdu) -> bool {
    match &*event.kind {
        "m.room.create" | "m.room.power_levels" | "m.room.join_rules" => event.state_key.as_deref() == Some(""),
        "m.room.member" => {
            matches!(event.membership, Some(Membership::Leave | Membership::Ban))
                && event.state_key.as_deref().is_some_and(|target| target != event.sender.as_str())
        }
        _ => false,
    }
}
