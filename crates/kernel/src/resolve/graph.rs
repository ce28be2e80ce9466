//! The graph of events and their auth events, as far as it has been walked: events are numbers here, so that sets and
//! marks of them are small and quick.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use im2_model::EventId;

use super::{ResolveError, RoomEvents};
use crate::event::Pdu;

/// How many bytes of events are kept at a time; those that are needed again are asked for again.
const KEPT_BYTES: usize = 16 << 20;

/// An event of the graph.
pub(super) type Number = u32;

/// The parts of an event that are kept once a walk has come by it.
pub(super) struct Node {
    /// Its auth events in its own order, each once.
    pub(super) auth_events: Box<[Number]>,
    /// Its depth, as its sender states it.
    pub(super) depth: u64,
    is_power_levels: bool,
}

/// The part of the graph that has been walked.
pub(super) struct Graph<'a, E> {
    events: &'a E,
    ids: Vec<EventId>,
    numbers: HashMap<EventId, Number>,
    nodes: Vec<Option<Node>>,
    kept: HashMap<Number, Arc<Pdu>>,
    kept_bytes: usize,
}

impl<'a, E: RoomEvents> Graph<'a, E> {
    pub(super) fn new(events: &'a E) -> Self {
        Self {
            events,
            ids: Vec::new(),
            numbers: HashMap::new(),
            nodes: Vec::new(),
            kept: HashMap::new(),
            kept_bytes: 0,
        }
    }

    /// The number of an event, which is given one if it has none yet.
    pub(super) fn number(&mut self, event_id: &EventId) -> Number {
        match self.numbers.entry(event_id.clone()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let number = self.ids.len() as Number;
                self.ids.push(event_id.clone());
                self.nodes.push(None);
                *new.insert(number)
            }
        }
    }

    /// How many numbers have been given: each is smaller.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn id(&self, number: Number) -> &EventId {
        &self.ids[number as usize]
    }

    pub(super) fn rank(&self, number: Number) -> Option<u64> {
        self.events.rank(self.id(number))
    }

    pub(super) fn is_rejected(&self, number: Number) -> bool {
        self.events.is_rejected(self.id(number))
    }

    /// The event itself, which is kept for a while.
    pub(super) fn pdu(&mut self, number: Number) -> Result<Arc<Pdu>, ResolveError> {
        if let Some(pdu) = self.kept.get(&number) {
            return Ok(pdu.clone());
        }
        let pdu = self.read(number)?;
        if self.kept_bytes > KEPT_BYTES {
            self.kept.clear();
            self.kept_bytes = 0;
        }
        self.kept_bytes += pdu.json().len();
        self.kept.insert(number, pdu.clone());
        Ok(pdu)
    }

    fn read(&self, number: Number) -> Result<Arc<Pdu>, ResolveError> {
        let event_id = self.id(number);
        self.events.get(event_id).ok_or_else(|| ResolveError::Missing(event_id.clone()))
    }

    /// The node of an event, which is read if it is the first time.
    pub(super) fn node(&mut self, number: Number) -> Result<&Node, ResolveError> {
        if self.nodes[number as usize].is_none() {
            let pdu = self.kept.get(&number).cloned().map_or_else(|| self.read(number), Ok)?;
            let mut auth_events: Vec<Number> = Vec::new();
            for event_id in pdu.auth_events() {
                let auth_event = self.number(&event_id);
                if !auth_events.contains(&auth_event) {
                    auth_events.push(auth_event);
                }
            }
            let is_power_levels = pdu.is("m.room.power_levels", "");
            let node = Node { auth_events: auth_events.into(), depth: pdu.depth, is_power_levels };
            self.nodes[number as usize] = Some(node);
        }
        Ok(self.nodes[number as usize].as_ref().expect("it was put there above"))
    }

    /// The auth events of an event.
    pub(super) fn auth_events(&mut self, number: Number) -> Result<Box<[Number]>, ResolveError> {
        self.node(number).map(|node| node.auth_events.clone())
    }

    /// The first `m.room.power_levels` among the auth events of an event. That there is a second, the authorisation rules
    /// forbid.
    pub(super) fn power_levels_before(&mut self, number: Number) -> Result<Option<Number>, ResolveError> {
        for auth_event in self.auth_events(number)? {
            if self.node(auth_event)?.is_power_levels {
                return Ok(Some(auth_event));
            }
        }
        Ok(None)
    }
}
