//! The attacks, each prepared without rate limits, so that it is as bad as its account can make it over a long time.

mod accounts;
mod connections;
mod floods;
mod media;
mod people;
mod push;
mod reading;
mod syncing;

use anyhow::{Result, bail};

use super::attack::Attack;
use super::ground::Ground;

/// The names of all attacks, in the order in which they are carried out.
pub(super) const NAMES: [&str; 36] = [
    "push rules",
    "pushers",
    "relations",
    "threads and edits",
    "history",
    "search",
    "directory",
    "spaces",
    "first syncs",
    "full state",
    "slow readers",
    "inline filters",
    "sliding sync",
    "messages",
    "repeats",
    "large messages",
    "own state",
    "members",
    "rooms with invites",
    "joins",
    "delayed events",
    "to-device",
    "keys",
    "signals",
    "profile",
    "key backup",
    "account data",
    "filters",
    "thumbnails",
    "uploads",
    "previews",
    "sign-ins",
    "token guesses",
    "registrations",
    "slow connections",
    "huge requests",
];

/// Prepares the attack of this name.
pub(super) async fn prepare(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    match name {
        "push rules" => push::rules(name, ground).await,
        "pushers" => push::pushers(name, ground).await,
        "relations" => reading::relations(name, ground).await,
        "threads and edits" => reading::threads(name, ground).await,
        "history" => reading::history(name, ground).await,
        "search" => reading::search(name, ground).await,
        "directory" => reading::directory(name, ground).await,
        "spaces" => reading::spaces(name, ground).await,
        "first syncs" => syncing::first_syncs(name, ground).await,
        "full state" => syncing::full_state(name, ground).await,
        "slow readers" => syncing::slow_readers(name, ground).await,
        "inline filters" => syncing::inline_filters(name, ground).await,
        "sliding sync" => syncing::sliding(name, ground).await,
        "messages" => floods::messages(name, ground).await,
        "repeats" => floods::repeats(name, ground).await,
        "large messages" => floods::large_messages(name, ground).await,
        "own state" => floods::own_state(name, ground).await,
        "members" => people::members(name, ground).await,
        "rooms with invites" => people::rooms_with_invites(name, ground).await,
        "joins" => people::joins(name, ground).await,
        "delayed events" => floods::delayed_events(name, ground).await,
        "to-device" => floods::to_device(name, ground).await,
        "keys" => accounts::keys(name, ground).await,
        "signals" => floods::signals(name, ground).await,
        "profile" => people::profile(name, ground).await,
        "key backup" => accounts::key_backup(name, ground).await,
        "account data" => accounts::account_data(name, ground).await,
        "filters" => accounts::filters(name, ground).await,
        "thumbnails" => media::thumbnails(name, ground).await,
        "uploads" => media::uploads(name, ground).await,
        "previews" => media::previews(name, ground).await,
        "sign-ins" => Ok(accounts::sign_ins(name, ground)),
        "token guesses" => Ok(accounts::token_guesses(name, ground)),
        "registrations" => Ok(accounts::registrations(name, ground)),
        "slow connections" => Ok(connections::slow(name)),
        "huge requests" => connections::huge(name, ground).await,
        _ => bail!("there is no attack `{name}`"),
    }
}
