//! Rooms, and what goes on between the people in them: messages, receipts, threads, presence, keys.
//!
//! A later module learns of an earlier one's changes from rows and from the stream, never by being called.

pub mod account_data;
mod account_jobs;
mod caches;
pub mod calls;
pub mod delayed_events;
pub mod e2ee;
pub mod filters;
pub mod key_counts;
pub mod notifications;
pub mod presence;
pub mod profile;
pub mod push_rules;
pub mod receipts;
pub mod reports;
pub mod rooms;
pub mod search;
pub mod server_notices;
pub mod thread_subscriptions;
pub mod thread_updates;
pub mod threads;
pub mod to_device;
pub mod turn;
pub mod typing;
pub mod unread;
mod upgrade_job;

use std::sync::Arc;

use im2_accounts::Accounts;
use im2_core::{Core, Result, committed::Apply, jobs::Handlers, signing_key};

/// Options for rooms and the people in them.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Options for rooms.
    pub rooms: rooms::Options,
    /// The relays for calls; `None` for none.
    pub turn: Option<turn::Options>,
    /// The account that sends the server's notices; `None` if it sends none.
    pub server_notices: Option<server_notices::Options>,
    /// Options for reports.
    pub reports: reports::Options,
}

/// The use cases of rooms and of the people in them.
#[derive(Debug)]
pub struct Chat {
    /// Rooms.
    pub rooms: rooms::Rooms,
    /// Calls in rooms.
    pub calls: calls::Calls,
    /// Account data: settings that clients keep for accounts and rooms.
    pub account_data: account_data::AccountData,
    /// Push rules.
    pub push_rules: push_rules::PushRules,
    /// Filters that clients uploaded.
    pub filters: filters::Filters,
    /// Events that are sent later.
    pub delayed_events: delayed_events::DelayedEvents,
    /// How far users have read.
    pub receipts: receipts::Receipts,
    /// Subscriptions of users to threads.
    pub thread_subscriptions: thread_subscriptions::ThreadSubscriptions,
    /// Threads with new replies.
    pub thread_updates: thread_updates::ThreadUpdates,
    /// Typing notifications.
    pub typing: typing::Typing,
    /// Presence: online, idle or away.
    pub presence: presence::Presence,
    /// Profiles: display names, avatars and other fields.
    pub profiles: profile::Profiles,
    /// Unread counts.
    pub unread: unread::Unread,
    /// The lists of events that users were notified of.
    pub notifications: notifications::Notifications,
    /// Searching messages.
    pub search: search::Search,
    /// Messages to devices.
    pub to_device: to_device::ToDevice,
    /// Keys of end-to-end encryption.
    pub e2ee: e2ee::E2ee,
    /// Relays for calls.
    pub turn: turn::Turn,
    /// Notices of the server to its users.
    pub server_notices: server_notices::ServerNotices,
    /// Reports to the administrators.
    pub reports: reports::Reports,
    /// Held for the core, which has them corrected.
    #[expect(dead_code, reason = "held, not looked at")]
    caches: Arc<dyn Apply>,
}

impl Chat {
    /// Over the core, each use case after those that it calls.
    pub async fn open(core: &Core, accounts: &Accounts, options: Options) -> Result<Self> {
        let key = signing_key::load(core).await?;
        let account_data = account_data::AccountData::new(core.clone());
        let rooms = rooms::Rooms::new(core.clone(), account_data.clone(), key, options.rooms);
        let push_rules = push_rules::PushRules::new(core.clone());
        let receipts = receipts::Receipts::new(core.clone(), rooms.clone());
        let unread = unread::Unread::new(
            core.clone(),
            account_data.clone(),
            push_rules.clone(),
            receipts.clone(),
            rooms.clone(),
        );
        let to_device = to_device::ToDevice::new(core.clone());
        let presence = Box::pin(presence::Presence::open(core.clone(), rooms.clone())).await?;
        let server_notices = server_notices::ServerNotices::new(
            core.clone(),
            rooms.clone(),
            account_data.clone(),
            options.server_notices,
        );
        let caches: Arc<dyn Apply> = Arc::new(caches::Caches {
            rooms: rooms.clone(),
            account_data: account_data.clone(),
            push_rules: push_rules.clone(),
            receipts: receipts.clone(),
            to_device: to_device.clone(),
            presence: presence.clone(),
        });
        core.layers.add(&caches);
        server_notices.prepare().await?;
        let delayed_events = delayed_events::DelayedEvents::new(core.clone(), rooms.clone());
        delayed_events.follow_clock().await?;
        Ok(Self {
            filters: filters::Filters::new(core.clone()),
            thread_subscriptions: thread_subscriptions::ThreadSubscriptions::new(core.clone(), rooms.clone()),
            thread_updates: thread_updates::ThreadUpdates::new(core.clone(), rooms.clone(), account_data.clone()),
            typing: typing::Typing::new(core.clone(), rooms.clone()),
            profiles: profile::Profiles::new(core.clone()),
            notifications: notifications::Notifications::new(core.clone(), rooms.clone(), unread.clone()),
            search: search::Search::new(core.clone(), rooms.clone(), account_data.clone()),
            e2ee: e2ee::E2ee::new(core.clone(), accounts.clone(), rooms.clone(), to_device.clone()),
            turn: turn::Turn::new(core.clone(), options.turn),
            calls: calls::Calls::new(core.clone(), rooms.clone()),
            reports: reports::Reports::new(core.clone(), rooms.clone(), server_notices.clone(), options.reports),
            rooms,
            account_data,
            push_rules,
            delayed_events,
            receipts,
            presence,
            unread,
            to_device,
            server_notices,
            caches,
        })
    }

    /// Adds what runs the jobs of these use cases.
    pub fn register(&self, core: &Core, handlers: Handlers) -> Handlers {
        let handlers = account_jobs::register(handlers, core, &self.rooms, &self.presence);
        let handlers = rooms::guests::register(handlers, &self.rooms);
        let handlers = upgrade_job::register(handlers, core, &self.push_rules);
        let handlers = delayed_events::register(handlers, &self.delayed_events);
        self.e2ee.register(handlers)
    }
}
