//! The order of work that competes for a bounded number of slots.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    time::Duration,
};

use crate::round_robin::RoundRobin;

/// Limits of a [`FairQueue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Work that runs at the same time.
    pub running: usize,
    /// Work of one key that runs at the same time. Less than `running`, so that there is a slot for somebody else.
    pub running_per_key: usize,
    /// Work for one target that runs at the same time.
    pub running_per_target: usize,
    /// Work that waits.
    pub waiting: usize,
    /// Work of one key that waits.
    pub waiting_per_key: usize,
}

/// The state of a queue, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Work that runs.
    pub running: usize,
    /// Work that waits.
    pub waiting: usize,
    /// Work started so far.
    pub started: u64,
    /// Work refused so far because a queue was full.
    pub refused: u64,
    /// The time that started work has waited.
    pub waited: Duration,
}

/// Work that may run now. [`FairQueue::done`] is due when it has ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken<K, T, W> {
    /// The key it was pushed with.
    pub key: K,
    /// The target it was pushed with.
    pub target: Option<T>,
    /// The work.
    pub work: W,
}

/// Work in the order in which it may run.
///
/// Keys (users, say) take turns; the work of one key is first in, first out. No key has more than its share running.
/// Work may have a target (a remote host, say), which has a share of its own: work whose target is busy steps aside
/// and holds up neither its key nor others. A slot that becomes free at a target is kept for the key that is next there,
/// also if that key reaches its share meanwhile: then it is used when some work of that key ends.
#[derive(Debug)]
pub struct FairQueue<K, T, W> {
    bounds: Bounds,
    keys: HashMap<K, Share<T, W>>,
    /// Keys with work that may run, the next one first.
    order: VecDeque<K>,
    targets: HashMap<T, Target<K, W>>,
    running: usize,
    waiting: usize,
    started: u64,
    refused: u64,
}

#[derive(Debug)]
struct Share<T, W> {
    running: usize,
    /// Work whose target has become free; it came before what is in `waiting`.
    resumed: VecDeque<(T, W)>,
    waiting: VecDeque<(Option<T>, W)>,
    /// Work that waits with its target.
    parked: usize,
    /// Whether the key is in the queue's order.
    listed: bool,
}

#[derive(Debug)]
struct Target<K, W> {
    running: usize,
    limit: usize,
    parked: RoundRobin<K, W>,
}

impl<T, W> Default for Share<T, W> {
    fn default() -> Self {
        Self { running: 0, resumed: VecDeque::new(), waiting: VecDeque::new(), parked: 0, listed: false }
    }
}

impl<T, W> Share<T, W> {
    fn is_empty(&self) -> bool {
        self.resumed.is_empty() && self.waiting.is_empty()
    }

    fn waits(&self) -> usize {
        self.resumed.len() + self.waiting.len() + self.parked
    }

    /// The next work, and whether it has waited with its target before.
    fn next(&mut self) -> Option<(Option<T>, W, bool)> {
        let resumed = self.resumed.pop_front().map(|(target, work)| (Some(target), work, true));
        resumed.or_else(|| self.waiting.pop_front().map(|(target, work)| (target, work, false)))
    }
}

impl<K: Hash + Eq + Clone, T: Hash + Eq + Clone, W> FairQueue<K, T, W> {
    /// An empty queue.
    pub fn new(bounds: Bounds) -> Self {
        let (keys, order, targets) = (HashMap::new(), VecDeque::new(), HashMap::new());
        Self { bounds, keys, order, targets, running: 0, waiting: 0, started: 0, refused: 0 }
    }

    /// Starts work at once if nothing of its key waits and there is a slot.
    pub fn try_start(&mut self, key: &K, target: Option<&T>) -> bool {
        let is_held_up = |share: &Share<T, W>| share.waits() > 0 || share.running >= self.bounds.running_per_key;
        if self.running >= self.bounds.running
            || self.keys.get(key).is_some_and(is_held_up)
            || target.is_some_and(|target| self.is_busy(target))
        {
            return false;
        }
        self.start(key, target);
        true
    }

    /// Adds work, unless too much waits already; then it is given back.
    pub fn push(&mut self, key: K, target: Option<T>, work: W) -> Result<(), W> {
        let own = self.keys.get(&key).map_or(0, Share::waits);
        if self.waiting >= self.bounds.waiting || own >= self.bounds.waiting_per_key {
            self.refused += 1;
            return Err(work);
        }
        self.push_always(key, target, work);
        Ok(())
    }

    /// Adds work however much waits: for callers that bound it themselves.
    #[expect(clippy::needless_pass_by_value, reason = "like `push`, which gives the work back only")]
    pub fn push_always(&mut self, key: K, target: Option<T>, work: W) {
        self.waiting += 1;
        self.keys.entry(key.clone()).or_default().waiting.push_back((target, work));
        self.list(&key);
    }

    /// The next work that may run.
    pub fn take(&mut self) -> Option<Taken<K, T, W>> {
        if self.running >= self.bounds.running {
            return None;
        }
        while let Some(key) = self.order.pop_front() {
            let share = self.keys.entry(key.clone()).or_default();
            share.listed = false;
            if share.running >= self.bounds.running_per_key {
                // What it was listed for was discarded, and other work started since. It is listed when that ends.
                continue;
            }
            while let Some((target, work, resumed)) = self.keys.get_mut(&key).and_then(Share::next) {
                // Older work of the key that waits with the target goes first, also when the target has a free slot:
                // that is for work which has been resumed.
                let steps_aside = |target: &&T| self.is_busy(target) || (!resumed && self.parks(target, &key));
                if let Some(target) = target.as_ref().filter(steps_aside) {
                    self.park(&key, target, work, resumed);
                    continue;
                }
                self.waiting -= 1;
                self.start(&key, target.as_ref());
                self.list(&key);
                return Some(Taken { key, target, work });
            }
            self.forget_idle(&key);
        }
        None
    }

    /// Notes that work has ended.
    pub fn done(&mut self, key: &K, target: Option<&T>) {
        self.running -= 1;
        if let Some(share) = self.keys.get_mut(key) {
            share.running -= 1;
        }
        if let Some(target) = target {
            if let Some(target) = self.targets.get_mut(target) {
                target.running -= 1;
            }
            self.resume(target);
        }
        self.list(key);
        self.forget_idle(key);
    }

    /// Changes how much of a target's work may run at the same time: 0 holds all of it up, `None` is the usual.
    pub fn limit(&mut self, target: &T, limit: Option<usize>) {
        let limit = limit.unwrap_or(self.bounds.running_per_target);
        self.target(target.clone()).limit = limit;
        self.resume(target);
    }

    /// Drops waiting work of a key that nobody waits for any more.
    pub fn discard(&mut self, key: &K, is_dead: impl Fn(&W) -> bool) {
        let Some(share) = self.keys.get_mut(key) else { return };
        let before = share.waits();
        share.resumed.retain(|(_, work)| !is_dead(work));
        share.waiting.retain(|(_, work)| !is_dead(work));
        if share.parked > 0 {
            let gone: usize =
                self.targets.values_mut().map(|target| target.parked.retain(key, |work| !is_dead(work))).sum();
            share.parked -= gone;
        }
        self.waiting -= before - share.waits();
        // What went may have been resumed for a slot that others are parked for.
        let parked: Vec<T> =
            self.targets.iter().filter(|(_, of)| !of.parked.is_empty()).map(|(t, _)| t.clone()).collect();
        for target in &parked {
            self.resume(target);
        }
        self.forget_idle(key);
    }

    /// The state, without the time waited.
    pub fn load(&self) -> Load {
        let Self { running, waiting, started, refused, .. } = *self;
        Load { running, waiting, started, refused, waited: Duration::ZERO }
    }

    fn start(&mut self, key: &K, target: Option<&T>) {
        self.running += 1;
        self.started += 1;
        self.keys.entry(key.clone()).or_default().running += 1;
        if let Some(target) = target {
            self.target(target.clone()).running += 1;
        }
    }

    fn target(&mut self, target: T) -> &mut Target<K, W> {
        let limit = self.bounds.running_per_target;
        self.targets.entry(target).or_insert_with(|| Target { running: 0, limit, parked: RoundRobin::default() })
    }

    fn is_busy(&self, target: &T) -> bool {
        let is_full = |target: &Target<K, W>| target.running >= target.limit;
        self.targets.get(target).map_or(self.bounds.running_per_target == 0, is_full)
    }

    /// Has work wait with its target. Work that has been resumed in vain goes before what waits there, and what was
    /// resumed after it goes with it.
    fn park(&mut self, key: &K, target: &T, work: W, resumed: bool) {
        let share = self.keys.entry(key.clone()).or_default();
        let (mut back, mut others) = (vec![work], VecDeque::new());
        if resumed {
            for (of, work) in share.resumed.drain(..) {
                if of == *target {
                    back.push(work);
                } else {
                    others.push_back((of, work));
                }
            }
            share.resumed = others;
        }
        share.parked += back.len();
        let parked = &mut self.target(target.clone()).parked;
        for work in back.into_iter().rev() {
            if resumed {
                parked.push_front(key.clone(), work);
            } else {
                parked.push(key.clone(), work);
            }
        }
    }

    fn parks(&self, target: &T, key: &K) -> bool {
        self.targets.get(target).is_some_and(|target| target.parked.has(key))
    }

    /// Puts a key into the order if it has work that may run.
    fn list(&mut self, key: &K) {
        if let Some(share) = self.keys.get_mut(key)
            && !share.listed
            && !share.is_empty()
            && share.running < self.bounds.running_per_key
        {
            share.listed = true;
            self.order.push_back(key.clone());
        }
    }

    /// Gives work that is parked with a target back to its keys, as much as the target has slots for.
    fn resume(&mut self, name: &T) {
        let Some(target) = self.targets.get_mut(name) else { return };
        let mut free = target.limit.saturating_sub(target.running);
        while free > 0
            && let Some((key, work)) = target.parked.pop()
        {
            let share = self.keys.entry(key.clone()).or_default();
            share.parked -= 1;
            share.resumed.push_back((name.clone(), work));
            // A key that has its share running cannot use the slot now, so another key gets the chance.
            if share.running < self.bounds.running_per_key {
                free -= 1;
                if !share.listed {
                    share.listed = true;
                    self.order.push_back(key);
                }
            }
        }
        if target.running == 0 && target.parked.is_empty() && target.limit == self.bounds.running_per_target {
            self.targets.remove(name);
        }
    }

    fn forget_idle(&mut self, key: &K) {
        if self.keys.get(key).is_some_and(|share| share.running == 0 && share.waits() == 0 && !share.listed) {
            self.keys.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
