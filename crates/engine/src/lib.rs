//! The use cases of the product: everything between the HTTP edge and the store.
//!
//! Modules keep an order: each may call those before it and none after it. What a later module has to know of an
//! earlier one it learns from rows and from the [`stream`], never by being called.
//!
//! `core` < `stream` < `accounts` < `devices` < `account_data` < `rooms` < `presence` < `profile` < … < `sync`

pub mod account_data;
mod account_jobs;
pub mod accounts;
pub mod admin;
pub mod appservices;
mod assembly;
mod blocked;
mod carry_over;
mod contained;
pub mod core;
pub mod delayed_events;
mod device_lists;
pub mod devices;
pub mod e2ee;
pub mod ephemeral;
mod error;
pub mod event_stream;
pub mod features;
pub mod filters;
pub mod jobs;
pub mod key_backup;
mod key_counts;
pub mod media;
pub mod memory;
mod names;
pub mod notifications;
mod outbound;
mod pools;
pub mod presence;
pub mod profile;
pub mod push;
pub mod push_rules;
pub mod rate_limits;
pub mod receipts;
pub mod reports;
pub mod rooms;
pub mod search;
pub mod server_notices;
pub mod session;
pub mod session_ends;
pub mod shutdown;
mod signing_key;
pub mod sliding_sync;
pub mod stream;
pub mod sync;
pub mod thread_subscriptions;
pub mod thread_updates;
mod threads;
pub mod to_device;
pub mod turn;
pub mod typing;
pub mod unread;
pub mod upkeep;
pub mod user_directory;
mod user_set;
mod words;

use std::sync::Arc;

use im2_model::{Clock, Random, ServerName};
use im2_store::Store;

pub use crate::core::Core;
pub use blocked::BlockedRooms;
pub use error::{Code, Error, Result};
pub use key_counts::KeyCountCache;
pub use user_set::UserSet;

/// How the engine behaves; filled in by the binary's configuration or by a test.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's name: the domain of its users and rooms.
    pub server_name: ServerName,
    /// How much memory caches take.
    pub memory: memory::Options,
    /// How accounts behave.
    pub accounts: accounts::Options,
    /// The application services.
    pub services: Arc<appservices::Services>,
    /// How the content repository behaves.
    pub media: media::Options,
    /// How the user directory behaves.
    pub user_directory: user_directory::Options,
    /// How push notifications are sent.
    pub push: push::Options,
    /// The relays for calls; `None` for none.
    pub turn: Option<turn::Options>,
    /// How rooms behave.
    pub rooms: rooms::Options,
    /// Who sends the server's notices; `None` for nobody.
    pub server_notices: Option<server_notices::Options>,
    /// How reports are handled.
    pub reports: reports::Options,
    /// What may be done how often, and how much may be kept.
    pub rate_limits: rate_limits::Options,
}

impl Options {
    /// The defaults for a server of this name.
    pub fn new(server_name: ServerName) -> Self {
        Self {
            server_name,
            memory: memory::Options::default(),
            accounts: accounts::Options::default(),
            services: Arc::default(),
            media: media::Options::default(),
            user_directory: user_directory::Options::default(),
            push: push::Options::default(),
            turn: None,
            rooms: rooms::Options::default(),
            server_notices: None,
            reports: reports::Options::default(),
            rate_limits: rate_limits::Options::default(),
        }
    }
}

/// The whole of the use cases, one field a module.
#[derive(Debug)]
pub struct Engine {
    /// What all modules stand on.
    pub core: Core,
    /// Accounts and their tokens.
    pub accounts: accounts::Accounts,
    /// Devices of the signed-in user.
    pub devices: devices::Devices,
    /// What clients keep with accounts.
    pub account_data: account_data::AccountData,
    /// What users want to be notified of.
    pub push_rules: push_rules::PushRules,
    /// Filters that clients uploaded.
    pub filters: filters::Filters,
    /// Rooms.
    pub rooms: rooms::Rooms,
    /// Events that are sent later.
    pub delayed_events: delayed_events::DelayedEvents,
    /// How far users have read.
    pub receipts: receipts::Receipts,
    /// Which threads users follow.
    pub thread_subscriptions: thread_subscriptions::ThreadSubscriptions,
    /// Threads with new replies.
    pub thread_updates: thread_updates::ThreadUpdates,
    /// Who is typing.
    pub typing: typing::Typing,
    /// What users have not read.
    pub unread: unread::Unread,
    /// Searching messages.
    pub search: search::Search,
    /// What users have been notified of.
    pub notifications: notifications::Notifications,
    /// Bridges and bots.
    pub appservices: appservices::Appservices,
    /// Messages to devices.
    pub to_device: to_device::ToDevice,
    /// Backups of room keys.
    pub key_backups: key_backup::KeyBackups,
    /// Where users want to be notified.
    pub pushers: push::Pushers,
    /// Relays for calls.
    pub turn: turn::Turn,
    /// Keys of end-to-end encryption.
    pub e2ee: e2ee::E2ee,
    /// Listening for events one after the other.
    pub event_stream: event_stream::EventStream,
    /// What has happened since a client last asked.
    pub sync: sync::Sync,
    /// What a client does not know yet of the rooms it wants to see.
    pub sliding_sync: sliding_sync::SlidingSync,
    /// The content repository.
    pub media: media::Media,
    /// Who is online.
    pub presence: presence::Presence,
    /// What people say about themselves.
    pub profiles: profile::Profiles,
    /// Locking and suspending accounts.
    pub moderation: admin::moderation::Moderation,
    /// Administration of users.
    pub admin_users: admin::users::Users,
    /// Limits on requests that single users have of their own.
    pub rate_limits: rate_limits::RateLimits,
    /// Finding people.
    pub user_directory: user_directory::UserDirectory,
    /// Notices of the server to its users.
    pub server_notices: Box<server_notices::ServerNotices>,
    /// Reports to the administrators.
    pub reports: Box<reports::Reports>,
    /// Rooms, for administrators.
    pub room_admin: Box<admin::rooms::RoomAdmin>,
    /// Media, for administrators.
    pub media_admin: Box<admin::media::MediaAdmin>,
    /// Tasks of administrators that take their time.
    pub tasks: Box<admin::tasks::Tasks>,
    /// What users and rooms take.
    pub statistics: Box<admin::statistics::Statistics>,
}

impl Engine {
    /// Puts the modules together over an open store.
    pub async fn open(
        options: Options,
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self> {
        // Boxed, so that whoever opens an engine does not carry what all of its modules take while they are made.
        Box::pin(assembly::assemble(options, store, clock, random)).await
    }

    /// What runs the outbox's jobs. A module that adds jobs registers its handlers here.
    pub fn job_handlers(&self) -> jobs::Handlers {
        let handlers = account_jobs::register(jobs::Handlers::default(), &self.core, &self.rooms, &self.presence);
        let handlers = rooms::guests::register(handlers, &self.rooms);
        let handlers = carry_over::register(handlers, &self.core, &self.push_rules);
        let (rooms, media) = (self.rooms.clone(), self.media.clone());
        let (tasks, reports) = ((*self.tasks).clone(), (*self.reports).clone());
        let handlers = admin::jobs::register(handlers, admin::jobs::Context { rooms, media, tasks, reports });
        let handlers = admin::redaction::register(handlers, &self.core, &self.rooms);
        let handlers = key_backup::register(handlers, &self.core);
        let handlers = delayed_events::register(handlers, &self.delayed_events);
        self.e2ee.register(handlers)
    }

    /// What tells push gateways of events while the server runs.
    pub fn push_delivery(&self) -> push::Delivery {
        self.pushers.delivery(self.rooms.clone(), self.unread.clone())
    }

    /// Keeps all caches to the memory budget. Done every second by [`Self::upkeep`].
    pub fn keep_to_budget(&self) {
        self.core.memory.balance();
        self.rooms.make_place();
    }

    /// What has to be done again and again while the server runs.
    pub fn upkeep(&self) -> upkeep::Upkeep {
        upkeep::Upkeep {
            core: self.core.clone(),
            accounts: self.accounts.clone(),
            presence: self.presence.clone(),
            delayed_events: self.delayed_events.clone(),
            rooms: self.rooms.clone(),
        }
    }
}
