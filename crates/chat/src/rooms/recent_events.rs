//! The newest events of a room in memory, bounded by number and by weight.

use std::{
    collections::{HashSet, VecDeque},
    ops::Deref,
    sync::Arc,
};

use super::RoomEvent;

/// The most events kept: enough for the first screen of every client and for readers that follow.
const LONG: usize = 128;
/// The most that they may weigh together, in bytes. Large events shorten the tail, down to [`SHORT`] of them.
const BYTES: usize = 512 << 10;
/// Events kept of a room that was not used lately, when memory is wanted for others: a timeline of the usual length.
const SHORT: usize = 12;

/// Consecutive events up to the room's last, oldest first.
#[derive(Debug, Default)]
pub struct RecentEvents {
    events: VecDeque<Arc<RoomEvent>>,
    bytes: usize,
}

impl RecentEvents {
    /// Adds the room's next event; the oldest ones give way.
    pub(super) fn push(&mut self, event: &Arc<RoomEvent>) {
        self.bytes += event.weight();
        self.events.push_back(Arc::clone(event));
        while self.events.len() > LONG || (self.bytes > BYTES && self.events.len() > SHORT) {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.weight();
        }
    }

    /// Puts the redacted form of an event in its place.
    pub(super) fn replace(&mut self, redacted: &Arc<RoomEvent>) {
        if let Ok(index) = self.events.binary_search_by_key(&redacted.seq, |event| event.seq) {
            let before = std::mem::replace(&mut self.events[index], Arc::clone(redacted));
            self.bytes = self.bytes - before.weight() + redacted.weight();
        }
    }

    /// Changes those events for which `change` gives another form.
    pub(super) fn change(&mut self, change: impl Fn(&RoomEvent) -> Option<Arc<RoomEvent>>) {
        for event in &mut self.events {
            if let Some(changed) = change(event) {
                self.bytes = self.bytes - event.weight() + changed.weight();
                *event = changed;
            }
        }
    }

    /// Drops events by their numbers.
    pub fn remove(&mut self, seqs: &HashSet<i64>) {
        self.events.retain(|event| !seqs.contains(&event.seq));
        self.bytes = self.events.iter().map(|event| event.weight()).sum();
    }

    /// Drops all but the newest [`SHORT`] events, and gives them.
    pub(super) fn shorten(&mut self) -> Vec<Arc<RoomEvent>> {
        let dropped: Vec<_> = self.events.drain(..self.events.len().saturating_sub(SHORT)).collect();
        self.bytes -= dropped.iter().map(|event| event.weight()).sum::<usize>();
        self.events.shrink_to_fit();
        dropped
    }

    /// Whether [`Self::shorten`] would drop something.
    pub(super) fn is_long(&self) -> bool {
        self.events.len() > SHORT
    }
}

impl FromIterator<Arc<RoomEvent>> for RecentEvents {
    fn from_iter<I: IntoIterator<Item = Arc<RoomEvent>>>(events: I) -> Self {
        let mut tail = Self::default();
        for event in events {
            tail.push(&event);
        }
        tail
    }
}

impl Deref for RecentEvents {
    type Target = VecDeque<Arc<RoomEvent>>;

    fn deref(&self) -> &Self::Target {
        &self.events
    }
}
