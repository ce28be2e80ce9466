//! `rooms`, `server_notices`, `reports` and `turn`.

use anyhow::{Context as _, Result};
use im2_chat::{Options, reports, rooms, server_notices, turn};
use im2_model::UserId;

use super::DAY;
use crate::config::{self, Config};

pub(super) fn options(config: &Config) -> Result<Options> {
    let rooms = rooms::Options {
        forget_grace: u64::from(config.forget_grace_days) * DAY,
        default_version: config.default_room_version,
        state: config.room_state,
        ..rooms::Options::default()
    };
    let turn = config.turn.shared_secret.as_ref().map(|secret| turn::Options {
        uris: config.turn.uris.clone(),
        shared_secret: secret.reveal().to_owned(),
        ttl_seconds: config.turn.ttl_seconds,
    });
    let reports = reports::Options { notify_admins: config.notices.of_reports };
    Ok(Options { rooms, turn, server_notices: notices(config)?, reports })
}

/// The sender of the server's notices and their rooms; `None` if no localpart is set.
fn notices(config: &Config) -> Result<Option<server_notices::Options>> {
    let config::Notices { localpart, display_name, avatar_url, room_name, .. } = config.notices.clone();
    let Some(localpart) = localpart else { return Ok(None) };
    let user_id = UserId::new(&localpart, &config.server_name()).context("server_notices.localpart")?;
    Ok(Some(server_notices::Options { user_id, display_name, avatar_url, room_name }))
}
