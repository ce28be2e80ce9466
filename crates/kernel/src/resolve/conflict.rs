//! The events that take part in a resolution: the full conflicted set (spec: room versions 2 and 12, "State
//! resolution", definitions).

use std::collections::BinaryHeap;

use im2_model::EventId;

use super::{
    ResolveError, RoomEvents,
    graph::{Graph, Number},
};
use crate::state::StateMap;

/// The events that are in the auth chains of some states and not of all. The events of a state count as parts of its own
/// chain, which matters for those that all states have: they are not in the difference.
///
/// From the states' events on, each event is told which states it belongs to and passes that on to its auth events, the
/// greatest rank first. Where all that is left to pass on belongs to all states, the rest does too.
pub(super) fn auth_difference<E: RoomEvents>(
    graph: &mut Graph<'_, E>,
    states: &[&StateMap<EventId>],
) -> Result<Vec<Number>, ResolveError> {
    let all = u64::MAX >> (u64::BITS as usize - states.len());
    let mut walk = Walk { all, belongs: Vec::new(), waits: Vec::new(), heap: BinaryHeap::new(), open: 0, ranked: true };
    for (index, state) in states.iter().enumerate() {
        for (_, _, event_id) in state.iter() {
            let number = graph.number(event_id);
            walk.grow(graph.len());
            walk.belongs[number as usize] |= 1 << index;
        }
    }
    for number in 0..graph.len() as Number {
        walk.enqueue(graph, number)?;
    }
    while walk.open > 0 || !walk.ranked {
        let Some((_, number)) = walk.heap.pop() else { break };
        let belongs = walk.belongs[number as usize];
        walk.waits[number as usize] = false;
        walk.open -= usize::from(belongs != all);
        for auth_event in graph.auth_events(number)? {
            walk.pass_on(graph, belongs, auth_event)?;
        }
    }
    let belongs = walk.belongs.iter().enumerate();
    Ok(belongs.filter(|(_, belongs)| **belongs != 0 && **belongs != all).map(|(at, _)| at as Number).collect())
}

struct Walk {
    /// A bit for each state.
    all: u64,
    /// By event: the states to whose chains it is known to belong.
    belongs: Vec<u64>,
    /// By event: whether it is in the heap.
    waits: Vec<bool>,
    /// The events that still have to pass on what they know, by rank, or by depth where ranks are not known.
    heap: BinaryHeap<(u64, Number)>,
    /// How many events in the heap do not belong to all states.
    open: usize,
    /// Whether every event so far has a rank.
    ranked: bool,
}

impl Walk {
    fn grow(&mut self, len: usize) {
        self.belongs.resize(len, 0);
        self.waits.resize(len, false);
    }

    fn enqueue<E: RoomEvents>(&mut self, graph: &mut Graph<'_, E>, number: Number) -> Result<(), ResolveError> {
        let order = if let Some(rank) = graph.rank(number) {
            rank
        } else {
            self.ranked = false;
            graph.node(number)?.depth
        };
        self.grow(graph.len());
        self.heap.push((order, number));
        self.waits[number as usize] = true;
        self.open += usize::from(self.belongs[number as usize] != self.all);
        Ok(())
    }

    /// An event that has passed on before does so again if it turns out to belong to more states: then what orders the
    /// heap was no rank.
    fn pass_on<E: RoomEvents>(
        &mut self,
        graph: &mut Graph<'_, E>,
        states: u64,
        to: Number,
    ) -> Result<(), ResolveError> {
        self.grow(graph.len());
        let before = self.belongs[to as usize];
        let after = before | states;
        if after == before {
            return Ok(());
        }
        self.belongs[to as usize] = after;
        if self.waits[to as usize] {
            self.open -= usize::from(before != self.all && after == self.all);
            return Ok(());
        }
        self.enqueue(graph, to)
    }
}

/// The conflicted state subgraph (version 2.1): the events on all ways along auth events from one conflicted event to
/// another.
pub(super) fn conflicted_subgraph<E: RoomEvents>(
    graph: &mut Graph<'_, E>,
    conflicted: &[Number],
) -> Result<Vec<Number>, ResolveError> {
    // Below all conflicted events there is no way to one of them.
    let ranks: Option<Vec<u64>> = conflicted.iter().map(|number| graph.rank(*number)).collect();
    let lowest = ranks.and_then(|ranks| ranks.into_iter().min()).unwrap_or(0);

    let mut ends = vec![false; graph.len()];
    for number in conflicted {
        ends[*number as usize] = true;
    }
    let mut seen: Vec<bool> = Vec::new();
    // Whether a way leads from the event to a conflicted one: known once the walk has left the event.
    let mut leads: Vec<bool> = Vec::new();
    let mut subgraph = Vec::new();
    for start in conflicted {
        // The events from the start to where the walk is, each with its auth events that are still to be walked.
        let mut path: Vec<(Number, Vec<Number>)> = Vec::new();
        let mut enter = Some(*start);
        loop {
            if let Some(number) = enter.take() {
                let auth_events = graph.auth_events(number)?.into_vec();
                ends.resize(graph.len(), false);
                seen.resize(graph.len(), false);
                leads.resize(graph.len(), false);
                if !seen[number as usize] {
                    seen[number as usize] = true;
                    leads[number as usize] = auth_events.iter().any(|auth_event| ends[*auth_event as usize]);
                    path.push((number, auth_events));
                }
            }
            let Some((number, auth_events)) = path.last_mut() else { break };
            let number = *number;
            if let Some(next) = auth_events.pop() {
                if !seen[next as usize] && graph.rank(next).is_none_or(|rank| rank >= lowest) {
                    enter = Some(next);
                } else {
                    leads[number as usize] |= leads[next as usize];
                }
                continue;
            }
            path.pop();
            if leads[number as usize] {
                subgraph.push(number);
                if let Some((child, _)) = path.last() {
                    leads[*child as usize] = true;
                }
            } else if ends[number as usize] {
                subgraph.push(number);
            }
        }
    }
    Ok(subgraph)
}
