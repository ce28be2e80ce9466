//! A queue in which keys take turns; first in, first out for each key.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

#[derive(Debug)]
pub(crate) struct RoundRobin<K, W> {
    waiting: HashMap<K, VecDeque<W>>,
    /// The keys in `waiting`, the next one first.
    order: VecDeque<K>,
}

impl<K: Hash + Eq + Clone, W> RoundRobin<K, W> {
    pub(crate) fn push(&mut self, key: K, work: W) {
        let own = self.waiting.entry(key.clone()).or_default();
        if own.is_empty() {
            self.order.push_back(key);
        }
        own.push_back(work);
    }

    /// Gives work back that has been popped too early: it is the next of its key again, and its key the next.
    pub(crate) fn push_front(&mut self, key: K, work: W) {
        let own = self.waiting.entry(key.clone()).or_default();
        if !own.is_empty() {
            self.order.retain(|listed| *listed != key);
        }
        self.order.push_front(key);
        own.push_front(work);
    }

    pub(crate) fn pop(&mut self) -> Option<(K, W)> {
        let key = self.order.pop_front()?;
        let own = self.waiting.get_mut(&key)?;
        let work = own.pop_front()?;
        if own.is_empty() {
            self.waiting.remove(&key);
        } else {
            self.order.push_back(key.clone());
        }
        Some((key, work))
    }

    /// Keeps of a key's work only what `keep` says; returns how much went.
    pub(crate) fn retain(&mut self, key: &K, keep: impl FnMut(&W) -> bool) -> usize {
        let Some(own) = self.waiting.get_mut(key) else { return 0 };
        let before = own.len();
        own.retain(keep);
        let gone = before - own.len();
        if own.is_empty() {
            self.waiting.remove(key);
            self.order.retain(|listed| listed != key);
        }
        gone
    }

    pub(crate) fn has(&self, key: &K) -> bool {
        self.waiting.contains_key(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

impl<K, W> Default for RoundRobin<K, W> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), order: VecDeque::new() }
    }
}
