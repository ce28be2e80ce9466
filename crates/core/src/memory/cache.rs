//! A cache that keeps to its share of the budget, by weight.

use std::{
    fmt,
    hash::Hash,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter, sync};

use super::{Memory, Weighed};

/// Estimated memory for an entry in the cache's own tables, beside its key and value, in bytes.
const ENTRY: usize = 64;
/// Entries for which a cache makes tables at once are guessed from this weight of one.
const GUESS: usize = 512;

/// The part of the budget that a cache may fill. All together are about half of it: the rest is left to rooms, and so
/// is what a cache does not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// For entries that every request looks at.
    Sixteenth,
    /// For entries that many requests look at.
    ThirtySecond,
    /// Small and easily made again.
    HundredAndTwentyEighth,
}

impl Share {
    /// The share of `budget`, in bytes.
    pub fn of(self, budget: usize) -> usize {
        match self {
            Self::Sixteenth => budget / 16,
            Self::ThirtySecond => budget / 32,
            Self::HundredAndTwentyEighth => budget / 128,
        }
    }
}

type Weigh<K, V> = fn(&K, &V) -> usize;
type Inner<K, V> = sync::Cache<K, V, ByWeight<K, V>, DefaultHashBuilder, Evictions>;

/// A bounded cache. Clones are handles of the same.
pub struct Cache<K, V>(Arc<Kept<K, V>>);

struct Kept<K, V> {
    entries: Inner<K, V>,
    name: &'static str,
    share: Share,
    evictions: Evictions,
}

impl<K, V> Cache<K, V>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// An empty cache. `weigh` gives the bytes that a key and a value take beyond their own size; it must give the
    /// same for an entry as long as the entry is kept.
    pub fn new(memory: &Memory, name: &'static str, share: Share, weigh: Weigh<K, V>) -> Self {
        let evictions = Evictions::default();
        let capacity = share.of(memory.allowed());
        let entries = Inner::with(
            capacity / GUESS,
            capacity as u64,
            ByWeight(weigh),
            DefaultHashBuilder::default(),
            evictions.clone(),
        );
        let kept = Arc::new(Kept { entries, name, share, evictions });
        memory.add(Arc::clone(&kept) as Arc<dyn Weighed>);
        Self(kept)
    }
}

impl<K, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Deref for Cache<K, V> {
    type Target = Inner<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.0.entries
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("name", &self.0.name).finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for Kept<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<K, V> Weighed for Kept<K, V>
where
    K: Eq + Hash + Send + Sync,
    V: Clone + Send + Sync,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn bytes(&self) -> usize {
        self.entries.weight() as usize
    }

    fn evicted(&self) -> u64 {
        self.evictions.0.load(Ordering::Relaxed)
    }

    fn allow(&self, budget: usize) {
        self.entries.set_capacity(self.share.of(budget) as u64);
    }
}

/// Weighs entries with a function.
pub struct ByWeight<K, V>(Weigh<K, V>);

impl<K, V> Clone for ByWeight<K, V> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<K, V> Weighter<K, V> for ByWeight<K, V> {
    fn weight(&self, key: &K, value: &V) -> u64 {
        (ENTRY + size_of::<(K, V)>() + (self.0)(key, value)) as u64
    }
}

/// Counts evictions.
#[derive(Debug, Clone, Default)]
pub struct Evictions(Arc<AtomicU64>);

impl<K, V> Lifecycle<K, V> for Evictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: K, _: V) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
