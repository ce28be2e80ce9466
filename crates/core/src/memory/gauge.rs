//! Counting bytes: one atomic number for each cache.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// A cache as the budget knows it.
pub trait Weighed: std::fmt::Debug + Send + Sync {
    /// Its name in metrics.
    fn name(&self) -> &'static str;

    /// Bytes it takes.
    fn bytes(&self) -> usize;

    /// Entries it has given up since the start.
    fn evicted(&self) -> u64;

    /// Takes note of a new budget for all caches together.
    fn allow(&self, _budget: usize) {}

    /// Whether it belongs to the rooms, which take what the others leave over.
    fn is_of_rooms(&self) -> bool {
        false
    }
}

/// Bytes that something takes, and how much of it was given up.
#[derive(Debug)]
pub struct Gauge {
    name: &'static str,
    bytes: AtomicUsize,
    evicted: AtomicU64,
    is_of_rooms: bool,
}

impl Gauge {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, bytes: AtomicUsize::new(0), evicted: AtomicU64::new(0), is_of_rooms: false }
    }

    /// The gauge of a cache of rooms, which make place themselves.
    pub fn of_rooms(name: &'static str) -> Self {
        Self { is_of_rooms: true, ..Self::new(name) }
    }

    /// Bytes counted now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts more bytes.
    pub fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts fewer bytes.
    pub fn subtract(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Says how many bytes there are.
    pub fn set(&self, bytes: usize) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Counts entries that were put out for want of place.
    pub fn note_evicted(&self, entries: usize) {
        self.evicted.fetch_add(entries as u64, Ordering::Relaxed);
    }
}

impl Weighed for Gauge {
    fn name(&self) -> &'static str {
        self.name
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }

    fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    fn is_of_rooms(&self) -> bool {
        self.is_of_rooms
    }
}

/// A place in a value for its own weight: counted once by the first cache that holds it, however many hold it, and
/// until the value is dropped.
#[derive(Debug, Default)]
pub struct Counted(OnceLock<(Arc<Gauge>, usize)>);

impl Counted {
    /// Counts `weight` bytes unless they are counted already.
    pub fn count(&self, gauge: &Arc<Gauge>, weight: impl FnOnce() -> usize) {
        self.0.get_or_init(|| {
            let weight = weight();
            gauge.add(weight);
            (Arc::clone(gauge), weight)
        });
    }

    /// Counts `weight` bytes if `other` is counted, where that is.
    pub fn count_as(&self, other: &Self, weight: impl FnOnce() -> usize) {
        if let Some((gauge, _)) = other.0.get() {
            self.count(gauge, weight);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some((gauge, weight)) = self.0.get() {
            gauge.subtract(*weight);
        }
    }
}
