//! Statistics of the users' media and the rooms' storage.

pub use im2_store::statistics::{UserMedia, UserMediaOrder, UserMediaQuery};

use im2_core::{Core, Result};

/// Rooms named among the largest.
const LARGEST: usize = 10;

/// The use cases.
#[derive(Debug, Clone)]
pub struct Statistics {
    core: Core,
}

impl Statistics {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// A part of the users who have uploaded something, and how many there are.
    pub async fn users_media(&self, query: UserMediaQuery) -> Result<(Vec<UserMedia>, u64)> {
        Ok(self.core.store.read(move |db| db.users_media(&query)).await?)
    }

    /// The rooms that take most of the database, each with a guess at how many bytes.
    pub async fn largest_rooms(&self) -> Result<Vec<(String, u64)>> {
        Ok(self.core.store.read(|db| db.largest_rooms(LARGEST)).await?)
    }
}
