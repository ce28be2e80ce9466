//! `push`.

use im2_followers::{Options, push};

use crate::config::Config;

pub(super) fn options(config: &Config) -> Options {
    Options { push: push::Options { allow_private_addresses: config.push_to_private_addresses } }
}
