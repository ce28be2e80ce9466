//! All use cases put together over an open store: what the edge and the binary are given.
//!
//! The use cases themselves are in the crates below: this one knows their order, what runs in the background for all of
//! them, and what metrics are told.

mod pools;
mod upkeep;

use std::sync::Arc;

use im2_accounts::People;
use im2_admin::Admin;
use im2_chat::Chat;
use im2_core::{Core, Result, Store, jobs};
use im2_followers::{Followers, push};
use im2_media::Media;
use im2_model::{Clock, Random, ServerName};
use im2_sync::Syncing;

pub use upkeep::Upkeep;

/// Options for the engine; filled in by the binary's configuration or by a test.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's name, its application services, its limits and its memory.
    pub core: im2_core::Options,
    /// Options for accounts.
    pub accounts: im2_accounts::Options,
    /// Options for the user directory.
    pub user_directory: im2_accounts::user_directory::Options,
    /// Options for the content repository.
    pub media: im2_media::Options,
    /// Options for rooms and the people in them.
    pub chat: im2_chat::Options,
    /// Options for followers of the stream.
    pub followers: im2_followers::Options,
}

impl Options {
    /// The defaults for a server of this name.
    pub fn new(server_name: ServerName) -> Self {
        Self {
            core: im2_core::Options::new(server_name),
            accounts: im2_accounts::Options::default(),
            user_directory: im2_accounts::user_directory::Options::default(),
            media: im2_media::Options::default(),
            chat: im2_chat::Options::default(),
            followers: im2_followers::Options::default(),
        }
    }
}

/// The whole of the use cases, one field a crate.
#[derive(Debug)]
pub struct Engine {
    /// The base that all of them stand on.
    pub core: Core,
    /// People and their devices.
    pub people: People,
    /// The content repository.
    pub media: Media,
    /// Rooms, and what goes on between the people in them.
    pub chat: Box<Chat>,
    /// The ways to follow changes: `/sync`, sliding sync, `/events`.
    pub sync: Box<Syncing>,
    /// The followers of the stream: push, application services.
    pub followers: Box<Followers>,
    /// The use cases of administrators.
    pub admin: Box<Admin>,
}

impl Engine {
    /// Puts the use cases together over an open store, each crate after those that it calls.
    pub async fn open(
        options: Options,
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self> {
        // Boxed, so that whoever opens an engine does not carry what all of its modules take while they are made.
        Box::pin(Self::assemble(options, store, clock, random)).await
    }

    async fn assemble(
        options: Options,
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self> {
        let core = Core::open(options.core, store, clock, random).await?;
        let people = People::new(&core, options.accounts, options.user_directory);
        people.accounts.make_service_users().await?;
        let media = Media::new(core.clone(), options.media);
        let chat = Chat::open(&core, &people.accounts, options.chat).await?;
        let followers = Followers::open(&core, &chat, options.followers).await?;
        let admin = Admin::open(&core, &people, &chat, &media).await?;
        Ok(Self {
            sync: Box::new(Syncing::new(&core, &chat)),
            chat: Box::new(chat),
            followers: Box::new(followers),
            admin: Box::new(admin),
            core,
            people,
            media,
        })
    }

    /// The handlers of the outbox's jobs. A crate that adds jobs registers its handlers here.
    pub fn job_handlers(&self) -> jobs::Handlers {
        let handlers = self.people.register(&self.core, jobs::Handlers::default());
        let handlers = self.chat.register(&self.core, handlers);
        self.admin.register(&self.core, &self.chat, &self.media, handlers)
    }

    /// The follower that notifies push gateways while the server runs.
    pub fn push_delivery(&self) -> push::Delivery {
        self.followers.pushers.delivery(self.chat.rooms.clone(), self.chat.unread.clone())
    }

    /// Whether the database answers: an error, or nothing for a long time, if it does not.
    pub async fn answers(&self) -> Result<()> {
        Ok(self.core.store.answers().await?)
    }

    /// Why nothing can be stored at the moment, if that is so.
    pub fn unwritable(&self) -> Option<im2_store::Unwritable> {
        self.core.store.unwritable()
    }

    /// Keeps all caches to the memory budget. Done every second by [`Self::upkeep`].
    pub fn keep_to_budget(&self) {
        self.core.memory.balance();
        self.chat.rooms.make_place();
    }

    /// The task that does recurring work while the server runs.
    pub fn upkeep(&self) -> Upkeep {
        Upkeep {
            core: self.core.clone(),
            accounts: self.people.accounts.clone(),
            presence: self.chat.presence.clone(),
            delayed_events: self.chat.delayed_events.clone(),
            rooms: self.chat.rooms.clone(),
        }
    }
}
