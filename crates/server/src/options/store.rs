//! `data_dir`, and how `memory.budget` is divided between the database and the caches.

use std::sync::Arc;

use im2_core::memory::Options as Caches;
use im2_store::Options;

use crate::{config::Config, memory};

/// The part of the memory budget that the database file may be mapped for: it comes on top of the budget.
const MAPPED_PART: usize = 4;
/// The part of the memory budget that is SQLite's at most, and the part that the allocator takes for what lies between
/// the pieces that it hands out. Caches share the rest.
const PAGES_PART: usize = 8;
const ALLOCATOR_PART: usize = 8;

/// The memory budget, divided between the store and the caches.
pub(crate) struct Shares {
    pub(crate) store: Options,
    pub(crate) caches: Caches,
}

impl Shares {
    pub(crate) fn of(config: &Config) -> Self {
        let machine = memory::System::default();
        let budget = config.memory_budget.unwrap_or_else(|| machine.default_budget());
        let budget = usize::try_from(budget).unwrap_or(usize::MAX);
        let mut store = Options::new(&config.data_dir);
        store.mapped = store.mapped.min(budget / MAPPED_PART);
        store.page_cache = store.page_cache.min(budget / PAGES_PART);
        let rest = budget - store.page_cache;
        let caches = Caches { budget: rest - budget / ALLOCATOR_PART, machine: Some(Arc::new(machine)) };
        Self { store, caches }
    }
}
