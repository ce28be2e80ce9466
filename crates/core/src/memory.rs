//! The memory budget: how many bytes all caches may take together, and how many each takes.
//!
//! Every cache weighs its entries. A [`Cache`] may fill its share of the budget. Rooms take what the other caches leave
//! over, because they are the largest and the most useful to keep. While the machine is short of memory the budget is
//! tightened, and it is widened again step by step once there is enough.
//!
//! Weights are estimates that follow the data: text by its length, the rest by the size of its types. What the
//! allocator and the operating system add is not counted.

mod cache;
mod gauge;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;

pub use cache::{Cache, Share};
pub use gauge::Gauge;
pub use gauge::{Counted, Weighed};

/// The smallest budget in use: below it a server reads everything again and again.
const LEAST: usize = 64 << 10;
/// The part of the budget that remains under the greatest pressure.
const TIGHTEST: usize = 8;
/// Steps in which a tightened budget is widened again, one for each look at the machine.
const STEPS: usize = 16;

/// The machine's shortage of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// There is enough.
    None,
    /// It becomes scarce: caches give up a quarter.
    Some,
    /// It is nearly used up: caches give up half.
    High,
}

/// Looks at the memory of the machine.
pub trait Machine: std::fmt::Debug + Send + Sync {
    /// The machine's shortage of memory now.
    fn pressure(&self) -> Pressure;
}

/// Options for the memory budget.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes that all caches may take together.
    pub budget: usize,
    /// The machine; `None` for one that is never short of memory.
    pub machine: Option<Arc<dyn Machine>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { budget: 256 << 20, machine: None }
    }
}

/// The budget and the caches that share it. Clones are handles of the same.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    budget: usize,
    /// The budget as it is tightened now.
    allowed: AtomicUsize,
    /// The bytes that rooms may take, as of the last [`Memory::balance`].
    for_rooms: AtomicUsize,
    machine: Option<Arc<dyn Machine>>,
    weighed: Mutex<Vec<Arc<dyn Weighed>>>,
}

/// The memory that one cache takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The cache.
    pub name: &'static str,
    /// Bytes it takes.
    pub bytes: usize,
    /// Entries it has given up since the start.
    pub evicted: u64,
}

impl Memory {
    /// A budget that no cache shares yet.
    pub fn new(options: Options) -> Self {
        let budget = options.budget.max(LEAST);
        Self(Arc::new(Inner {
            budget,
            allowed: AtomicUsize::new(budget),
            for_rooms: AtomicUsize::new(budget),
            machine: options.machine,
            weighed: Mutex::default(),
        }))
    }

    /// The budget, in bytes.
    pub fn budget(&self) -> usize {
        self.0.budget
    }

    /// The budget as the machine's memory allows it now.
    pub fn allowed(&self) -> usize {
        self.0.allowed.load(Ordering::Relaxed)
    }

    /// The memory that each cache takes, in no order.
    pub fn usage(&self) -> Vec<Usage> {
        let weighed = self.0.weighed.lock();
        weighed.iter().map(|one| Usage { name: one.name(), bytes: one.bytes(), evicted: one.evicted() }).collect()
    }

    /// The bytes that rooms may take: all that the other caches do not.
    pub fn for_rooms(&self) -> usize {
        self.0.for_rooms.load(Ordering::Relaxed)
    }

    /// Adds a cache.
    pub(crate) fn add(&self, weighed: Arc<dyn Weighed>) {
        weighed.allow(self.allowed());
        self.0.weighed.lock().push(weighed);
        self.balance();
    }

    /// A gauge for what belongs to rooms.
    pub fn rooms_gauge(&self, name: &'static str) -> Arc<Gauge> {
        let gauge = Arc::new(Gauge::of_rooms(name));
        self.add(Arc::clone(&gauge) as Arc<dyn Weighed>);
        gauge
    }

    /// A gauge for a cache that keeps to its share by itself.
    pub fn gauge(&self, name: &'static str) -> Arc<Gauge> {
        let gauge = Arc::new(Gauge::new(name));
        self.add(Arc::clone(&gauge) as Arc<dyn Weighed>);
        gauge
    }

    /// Divides the budget anew by what the caches take now. Cheap; called every second.
    pub fn balance(&self) {
        let weighed = self.0.weighed.lock();
        let others: usize = weighed.iter().filter(|one| !one.is_of_rooms()).map(|one| one.bytes()).sum();
        // Half is left for rooms even if the others, which keep to their shares, should take more than that.
        let allowed = self.allowed();
        self.0.for_rooms.store(allowed.saturating_sub(others).max(allowed / 2), Ordering::Relaxed);
    }

    /// Tightens the budget if the machine is short of memory, and widens it again if it is not.
    pub fn look_at_machine(&self) {
        let Some(machine) = &self.0.machine else { return };
        let (budget, before) = (self.0.budget, self.allowed());
        let now = match machine.pressure() {
            Pressure::None => budget.min(before + budget / STEPS),
            Pressure::Some => (before - before / 4).max(budget / TIGHTEST),
            Pressure::High => (before / 2).max(budget / TIGHTEST),
        };
        if now != before {
            tracing::info!(allowed = now, budget, "the memory for caches is adapted to what the machine has");
            self.0.allowed.store(now, Ordering::Relaxed);
            self.0.weighed.lock().iter().for_each(|one| one.allow(now));
            self.balance();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    };

    use super::{Cache, Machine, Memory, Options, Pressure, Share};

    #[derive(Debug, Default)]
    struct Told(AtomicU8);

    impl Machine for Told {
        fn pressure(&self) -> Pressure {
            match self.0.load(Ordering::Relaxed) {
                0 => Pressure::None,
                1 => Pressure::Some,
                _ => Pressure::High,
            }
        }
    }

    #[test]
    fn a_cache_keeps_to_its_share_by_weight() {
        let memory = Memory::new(Options { budget: 16 << 20, machine: None });
        let cache: Cache<u64, Arc<str>> = Cache::new(&memory, "test", Share::Sixteenth, |_, text| text.len());
        for key in 0..10_000 {
            cache.insert(key, "x".repeat(1_000).into());
        }
        let usage = memory.usage()[0];
        assert!(usage.bytes <= 1 << 20 && usage.bytes > 1 << 19, "{usage:?}");
        assert!(usage.evicted > 8_000, "{usage:?}");
        assert!(memory.for_rooms() >= 15 << 20);
        for key in 0..10_000 {
            cache.remove(&key);
        }
        assert_eq!(memory.usage()[0].bytes, 0);
    }

    #[test]
    fn pressure_tightens_the_budget_and_it_comes_back() {
        let machine = Arc::new(Told::default());
        let memory = Memory::new(Options { budget: 64 << 20, machine: Some(Arc::clone(&machine) as Arc<dyn Machine>) });
        let cache: Cache<u64, Arc<str>> = Cache::new(&memory, "test", Share::Sixteenth, |_, text| text.len());
        for key in 0..4_000 {
            cache.insert(key, "x".repeat(1_000).into());
        }
        assert!(memory.usage()[0].bytes > 2 << 20);
        machine.0.store(2, Ordering::Relaxed);
        for _ in 0..10 {
            memory.look_at_machine();
        }
        assert_eq!(memory.allowed(), 8 << 20, "an eighth remains");
        assert!(memory.usage()[0].bytes <= 1 << 19);
        machine.0.store(0, Ordering::Relaxed);
        for _ in 0..super::STEPS {
            memory.look_at_machine();
        }
        assert_eq!(memory.allowed(), 64 << 20);
    }
}
