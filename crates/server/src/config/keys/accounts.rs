//! Keys of accounts: who gets one, how people sign in, who is found, which application services there are.

use std::path::PathBuf;

use super::{Key, boolean, integer, list, text};
use crate::config::{
    Secret,
    value::{Kind, Value},
};

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "registration.mode",
        kind: Kind::Text,
        allowed: "\"open\" (everybody), \"token\" (people with a registration token) or \"closed\" (nobody)",
        about: "Who may register. Default: open while every http.bind is loopback, else closed",
        secret: false,
        set: |config, value| text(value)?.parse().ok().map(|mode| config.registration.mode = Some(mode)),
        get: |config| Some(Value::Text(config.registration_mode().to_string())),
    },
    Key {
        path: "registration.guests",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether guest accounts are allowed, which can read public rooms and join those that admit guests",
        secret: false,
        set: |config, value| boolean(&value).map(|guests| config.registration.guests = guests),
        get: |config| Some(Value::Boolean(config.registration.guests)),
    },
    Key {
        path: "registration.shared_secret",
        kind: Kind::Text,
        allowed: "a string that is not empty",
        about: "Lets tools that know it register accounts in any mode (Synapse's shared-secret registration)",
        secret: true,
        set: |config, value| {
            let secret = text(value).filter(|secret| !secret.is_empty())?;
            config.registration.shared_secret = Some(Secret(secret));
            Some(())
        },
        get: |config| config.registration.shared_secret.as_ref().map(|secret| Value::from(secret.reveal())),
    },
    Key {
        path: "registration.min_password_length",
        kind: Kind::Integer,
        allowed: "a number of characters from 1 to 128",
        about: "The minimum length of passwords",
        secret: false,
        set: |config, value| {
            let length = integer(&value).and_then(|length| usize::try_from(length).ok())?;
            (1..=128).contains(&length).then(|| config.registration.min_password_length = length)
        },
        get: |config| Some(Value::Integer(config.registration.min_password_length as i64)),
    },
    Key {
        path: "login.tokens",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether signed-in users can create login tokens, with which another device signs in once",
        secret: false,
        set: |config, value| boolean(&value).map(|enabled| config.login_tokens = enabled),
        get: |config| Some(Value::Boolean(config.login_tokens)),
    },
    Key {
        path: "login.access_token_lifetime",
        kind: Kind::Integer,
        allowed: "a number of seconds from 10 to 31536000",
        about: "How long an access token is valid if the client can refresh it; others are valid until sign-out",
        secret: false,
        set: |config, value| {
            let seconds = integer(&value).and_then(|seconds| u64::try_from(seconds).ok())?;
            (10..=31_536_000).contains(&seconds).then(|| config.access_token_lifetime = seconds)
        },
        get: |config| i64::try_from(config.access_token_lifetime).ok().map(Value::Integer),
    },
    Key {
        path: "user_directory.everyone",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether people search finds every user of the server, not only those in shared or public rooms",
        secret: false,
        set: |config, value| boolean(&value).map(|everyone| config.directory_shows_everyone = Some(everyone)),
        get: |config| Some(Value::Boolean(config.directory_shows_everyone())),
    },
    Key {
        path: "app_service.registration_files",
        kind: Kind::List,
        allowed: "paths of files",
        about: "Registration files of application services (bridges and bots)",
        secret: false,
        set: |config, value| {
            let paths = list(value)?;
            config.registration_files = paths.into_iter().map(PathBuf::from).collect();
            Some(())
        },
        get: |config| {
            let paths = config.registration_files.iter().map(|path| path.display().to_string());
            Some(Value::List(paths.collect()))
        },
    },
];
