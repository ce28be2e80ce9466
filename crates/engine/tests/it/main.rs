//! The use cases on a real database in a folder of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account_data;
mod accounts;
mod builders;
mod device_lists;
mod elsewhere;
mod fuzz;
mod large_rooms;
mod media;
mod memory;
mod nodes;
mod notifications;
mod receipts;
mod resolution;
mod room_handles;
mod room_loading;
mod rooms;
mod search;
mod sliding_lists;
mod sliding_sync;
mod storage;
mod sync;
mod thread_updates;
mod unread;
mod upgrade;
mod visibility;

use im2_core::Store;
use std::sync::Arc;

use im2_chat::rooms::Actor;
use im2_engine::{Engine, Options};
use im2_model::{ManualClock, SeededRandom, ServerName, UserId};

/// An engine on a fresh database.
pub(crate) struct Fixture {
    pub(crate) engine: Box<Engine>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: Arc<tempfile::TempDir>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Box::pin(Self::with(|_| {})).await
    }

    /// With other options than a test's usual ones.
    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::in_folder(Arc::new(tempfile::tempdir().unwrap()), 1, |_| {}, change).await
    }

    async fn in_folder(
        folder: Arc<tempfile::TempDir>,
        seed: u64,
        change_store: impl FnOnce(&mut im2_store::Options),
        change: impl FnOnce(&mut Options),
    ) -> Self {
        let mut store = im2_store::Options::new(folder.path());
        // So every test of a use case shows that its changes can be made again.
        store.repeat_changes = true;
        change_store(&mut store);
        let store = Store::open(&store).unwrap();
        let clock = Arc::new(ManualClock::at(1_700_000_000_000));
        Self::over(store, folder, clock, seed, change).await
    }

    async fn over(
        store: Store,
        folder: Arc<tempfile::TempDir>,
        clock: Arc<ManualClock>,
        seed: u64,
        change: impl FnOnce(&mut Options),
    ) -> Self {
        let mut options = Options::new(ServerName::parse("im.test").unwrap());
        options.accounts = accounts::test_options();
        change(&mut options);
        let random = Arc::new(SeededRandom::new(seed));
        let engine = Engine::open(options, Arc::new(store), Arc::clone(&clock) as _, random);
        Self { engine: Box::new(Box::pin(engine).await.unwrap()), clock, folder }
    }

    /// The same database opened anew, as after a restart.
    pub(crate) async fn reopen(self) -> Self {
        Box::pin(self.reopen_with(|_| {})).await
    }

    /// The same database opened anew with other options.
    pub(crate) async fn reopen_with(self, change: impl FnOnce(&mut Options)) -> Self {
        self.reopen_all_with(|_| {}, change).await
    }

    /// The same, with other options of the store too.
    pub(crate) async fn reopen_all_with(
        self,
        change_store: impl FnOnce(&mut im2_store::Options),
        change: impl FnOnce(&mut Options),
    ) -> Self {
        let Self { engine, folder, .. } = self;
        engine.core.store.flush().await.unwrap();
        drop(engine);
        Box::pin(Self::in_folder(folder, 2, change_store, change)).await
    }

    pub(crate) async fn user(&self, name: &str) -> Actor {
        let user_id = UserId::new(name, &self.engine.core.server_name).unwrap();
        let wanted = user_id.clone();
        let user = self.engine.core.store.write(move |tx| tx.ensure_user(&wanted)).await.unwrap();
        Actor { user, user_id }
    }
}
