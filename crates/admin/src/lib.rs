//! Administration of the server: of accounts and their data, of rooms and media.
//!
//! The caller has been found to be an administrator. It remains to be decided here whether the action is possible on
//! its target.

mod activity;
pub mod deletion;
mod devices;
mod housekeeping;
mod jobs;
pub mod media;
pub mod moderation;
pub mod redaction;
pub mod rooms;
pub mod statistics;
pub mod tasks;
pub mod user_media;
pub mod users;

use im2_accounts::People;
use im2_chat::Chat;
use im2_core::{Core, Result, jobs::Handlers};
use im2_media::Media;
use im2_model::Millis;

/// How long after a new server's first start housekeeping begins, in milliseconds: not while it is being looked at.
const FIRST_HOUSEKEEPING: Millis = 60 * 60 * 1000;

/// The use cases of administrators.
#[derive(Debug)]
pub struct Admin {
    /// Accounts.
    pub users: users::Users,
    /// Locking and suspending accounts.
    pub moderation: moderation::Moderation,
    /// Rooms.
    pub rooms: rooms::RoomAdmin,
    /// Media.
    pub media: media::MediaAdmin,
    /// Tasks that take their time.
    pub tasks: tasks::Tasks,
    /// Statistics of users and rooms.
    pub statistics: statistics::Statistics,
}

impl Admin {
    /// Over the core, with the use cases through which it changes things.
    pub async fn open(core: &Core, people: &People, chat: &Chat, media: &Media) -> Result<Self> {
        housekeeping::schedule(core, FIRST_HOUSEKEEPING).await?;
        let moderation = moderation::Moderation::new(core.clone());
        Ok(Self {
            users: users::Users {
                devices: people.devices.clone(),
                profiles: chat.profiles.clone(),
                moderation: moderation.clone(),
                rate_limits: people.limits.clone(),
                accounts: people.accounts.clone(),
                account_data: chat.account_data.clone(),
                core: core.clone(),
            },
            moderation,
            rooms: rooms::RoomAdmin::new(core.clone(), chat.rooms.clone()),
            media: media::MediaAdmin::new(core.clone(), chat.rooms.clone(), media.clone()),
            tasks: tasks::Tasks::new(core.clone(), chat.rooms.clone()),
            statistics: statistics::Statistics::new(core.clone()),
        })
    }

    /// Adds what runs the jobs of administrators.
    pub fn register(&self, core: &Core, chat: &Chat, media: &Media, handlers: Handlers) -> Handlers {
        let handlers = jobs::register(
            handlers,
            jobs::Context {
                rooms: chat.rooms.clone(),
                media: media.clone(),
                tasks: self.tasks.clone(),
                reports: chat.reports.clone(),
            },
        );
        redaction::register(handlers, core, &chat.rooms)
    }
}
