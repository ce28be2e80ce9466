//! Turns the settings into the options of the crates: a file for each crate, with the sections that concern it.

mod accounts;
mod chat;
mod core;
mod followers;
mod media;
mod store;
pub(crate) mod turn;

use anyhow::Result;
use im2_model::Millis;

pub(crate) use self::{core::services, store::Shares};
use crate::{config::Config, server::World};

const DAY: Millis = 24 * 60 * 60 * 1000;

/// The options of all use cases. `caches` is how much memory caches take, in bytes.
pub(crate) fn engine(config: &Config, world: &World, caches: im2_core::memory::Options) -> Result<im2_engine::Options> {
    Ok(im2_engine::Options {
        core: core::options(config, caches)?,
        accounts: accounts::options(config, world.password_cost),
        user_directory: accounts::directory(config),
        media: media::options(config, world.decoder.clone()),
        chat: chat::options(config)?,
        followers: followers::options(config),
    })
}
