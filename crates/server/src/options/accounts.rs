//! `registration`, `login` and `user_directory`.

use im2_accounts::{Options, PasswordCost, RegistrationMode, user_directory};

use crate::config::{self, Config};

pub(super) fn options(config: &Config, password_cost: PasswordCost) -> Options {
    Options {
        registration: match config.registration_mode() {
            config::RegistrationMode::Open => RegistrationMode::Open,
            config::RegistrationMode::Token => RegistrationMode::Token,
            config::RegistrationMode::Closed => RegistrationMode::Closed,
        },
        guests: config.registration.guests,
        shared_secret: config.registration.shared_secret.as_ref().map(|secret| secret.reveal().to_owned()),
        min_password: config.registration.min_password_length,
        access_token_lifetime: config.access_token_lifetime * 1_000,
        login_tokens: config.login_tokens,
        password_cost,
    }
}

pub(super) fn directory(config: &Config) -> user_directory::Options {
    user_directory::Options { everyone: config.directory_shows_everyone() }
}
