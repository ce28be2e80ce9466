//! Telling others what happens on the stream: push gateways and browsers, application services.
//!
//! A follower has a place in the stream, keeps its order, and holds up nobody: neither who writes nor another follower.
//! How that is done is the same for all of them (`follower`).

pub mod appservices;
mod follower;
pub mod push;

use std::sync::Arc;

use im2_chat::Chat;
use im2_core::{Core, Result, committed::Apply};

/// Options for followers.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Options for push notifications.
    pub push: push::Options,
}

/// The followers of the stream.
#[derive(Debug)]
pub struct Followers {
    /// Pushers of users, and the delivery to them.
    pub pushers: push::Pushers,
    /// Bridges and bots.
    pub appservices: appservices::Appservices,
    /// Held for the core, which tells it what is committed.
    #[expect(dead_code, reason = "held, not looked at")]
    layer: Arc<dyn Apply>,
}

impl Followers {
    /// Over the core, with the keys for Web Push.
    pub async fn open(core: &Core, chat: &Chat, options: Options) -> Result<Self> {
        let web_push = push::web_push::Sender::load(core).await?;
        let pushers = push::Pushers::new(core.clone(), options.push, web_push);
        let layer: Arc<dyn Apply> = Arc::new(pushers.clone());
        core.layers.add(&layer);
        Ok(Self { pushers, layer, appservices: appservices::Appservices::new(core.clone(), chat) })
    }
}
