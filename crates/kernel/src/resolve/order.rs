//! The two orders in which conflicting events are applied (spec: room version 2, "State resolution", definitions).

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use im2_model::EventId;

use super::{
    ResolveError, RoomEvents,
    check::Levels,
    graph::{Graph, Number},
};
use crate::{event::Pdu, power::PowerLevel, version::RoomVersion};

/// The reverse topological power ordering: each event after those of `events` that are its auth events, and among those
/// that could come next, the one whose sender has the most power according to its own auth events, then the oldest.
pub(super) fn by_power<E: RoomEvents>(
    version: RoomVersion,
    graph: &mut Graph<'_, E>,
    create: &Pdu,
    events: &[Number],
) -> Result<Vec<Number>, ResolveError> {
    let mut levels = Levels::new(version);
    let mut keys: HashMap<Number, Order> = HashMap::with_capacity(events.len());
    let mut after: HashMap<Number, Vec<Number>> = HashMap::new();
    let mut unsorted_before: HashMap<Number, usize> = HashMap::with_capacity(events.len());
    for number in events {
        let pdu = graph.pdu(*number)?;
        let power_levels = graph.power_levels_before(*number)?.map(|number| graph.pdu(number)).transpose()?;
        let level = levels.of(create, power_levels.as_deref()).user_level(&pdu.sender);
        keys.insert(*number, (Reverse(level), pdu.origin_server_ts, pdu.event_id.clone()));
        unsorted_before.insert(*number, 0);
    }
    for number in events {
        for auth_event in graph.auth_events(*number)? {
            if keys.contains_key(&auth_event) {
                after.entry(auth_event).or_default().push(*number);
                *unsorted_before.entry(*number).or_default() += 1;
            }
        }
    }
    let ready = unsorted_before.iter().filter(|(_, count)| **count == 0);
    let mut heap: BinaryHeap<Reverse<(&Order, Number)>> =
        ready.map(|(number, _)| Reverse((&keys[number], *number))).collect();
    let mut sorted = Vec::with_capacity(events.len());
    while let Some(Reverse((_, number))) = heap.pop() {
        sorted.push(number);
        for next in after.get(&number).into_iter().flatten() {
            let count = unsorted_before.get_mut(next).expect("every event was counted above");
            *count -= 1;
            if *count == 0 {
                heap.push(Reverse((&keys[next], *next)));
            }
        }
    }
    if sorted.len() < events.len() { Err(ResolveError::Circle) } else { Ok(sorted) }
}

/// The sort key of events that could come next; the smallest comes first.
type Order = (Reverse<PowerLevel>, u64, EventId);

/// The mainline ordering based on `power_levels`: events that rest on older power levels first, then by age.
pub(super) fn by_mainline<E: RoomEvents>(
    graph: &mut Graph<'_, E>,
    power_levels: Option<Number>,
    events: &[Number],
) -> Result<Vec<Number>, ResolveError> {
    // The power levels that the events rest on, as far as they have not been come by yet.
    let mut sought: HashSet<Number> = HashSet::new();
    for number in events {
        sought.extend(graph.power_levels_before(*number)?);
    }
    // By `m.room.power_levels`: its position in the mainline, or that of the first before it that has one. `None` is
    // infinity. The mainline is not followed further than the events ask.
    let mut positions: HashMap<Number, Option<usize>> = HashMap::new();
    let mut next = power_levels;
    while let Some(number) = next.filter(|_| !sought.is_empty()) {
        if positions.insert(number, Some(positions.len())).is_some() {
            return Err(ResolveError::Circle);
        }
        sought.remove(&number);
        next = graph.power_levels_before(number)?;
    }
    let mut keyed = Vec::with_capacity(events.len());
    for number in events {
        let mut way = Vec::new();
        let mut next = graph.power_levels_before(*number)?;
        let position = loop {
            let Some(found) = next else { break None };
            if let Some(position) = positions.get(&found) {
                break *position;
            }
            way.push(found);
            // So that a circle ends, and whoever comes by here again goes no further.
            positions.insert(found, None);
            next = graph.power_levels_before(found)?;
        };
        positions.extend(way.into_iter().map(|found| (found, position)));
        let pdu = graph.pdu(*number)?;
        let age = Reverse(position.unwrap_or(usize::MAX));
        keyed.push(((age, pdu.origin_server_ts, pdu.event_id.clone()), *number));
    }
    keyed.sort_unstable();
    Ok(keyed.into_iter().map(|(_, number)| number).collect())
}
