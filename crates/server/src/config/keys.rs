//! The table of keys: one entry a key, from which reading, checking and showing are made. A file holds the sections of one
//! part of the server.

use std::path::PathBuf;

use super::{
    Config,
    value::{Kind, Value},
};

mod accounts;
mod calls;
mod limits;
mod media;
mod rooms;
mod server;

/// Checks a value and puts it in its place.
type Set = fn(&mut Config, Value) -> Option<()>;
/// The value in effect, if there is one.
type Get = fn(&Config) -> Option<Value>;

/// A key of the configuration.
pub struct Key {
    /// Its name with its section: `http.bind`.
    pub path: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// The values that it takes, as the end of the sentence "allowed: …".
    pub allowed: &'static str,
    /// Its purpose, in a line.
    pub about: &'static str,
    /// Whether its value must not be shown.
    pub secret: bool,
    pub(super) set: Set,
    pub(super) get: Get,
}

impl Key {
    /// All keys.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        KEYS.into_iter().flatten()
    }

    /// The key of this name.
    pub fn find(path: &str) -> Option<&'static Self> {
        Self::all().find(|key| key.path == path)
    }

    /// The environment variable that sets it: `IM2_HTTP__BIND`.
    pub fn variable(&self) -> String {
        format!("IM2_{}", self.path.replace('.', "__").to_ascii_uppercase())
    }

    /// The value in effect as it may be shown.
    pub fn shown(&self, config: &Config) -> Option<Value> {
        let value = (self.get)(config)?;
        Some(if self.secret { Value::from("********") } else { value })
    }
}

/// All keys, sections together, top-level keys first.
const KEYS: [&[Key]; 6] = [server::KEYS, accounts::KEYS, limits::KEYS, media::KEYS, calls::KEYS, rooms::KEYS];

fn text(value: Value) -> Option<String> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn list(value: Value) -> Option<Vec<String>> {
    if let Value::List(entries) = value { Some(entries) } else { None }
}

fn boolean(value: &Value) -> Option<bool> {
    if let Value::Boolean(truth) = value { Some(*truth) } else { None }
}

fn integer(value: &Value) -> Option<i64> {
    if let Value::Integer(number) = value { Some(*number) } else { None }
}

/// A number from 1 to `most`.
fn count(value: &Value, most: i64) -> Option<usize> {
    integer(value).filter(|number| (1..=most).contains(number)).and_then(|number| usize::try_from(number).ok())
}

fn path(value: Value) -> Option<PathBuf> {
    text(value).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn days(value: &Value) -> Option<u32> {
    integer(value).and_then(|days| u32::try_from(days).ok()).filter(|days| *days <= 3_650)
}

fn strings<T: ToString>(entries: &[T]) -> Value {
    Value::List(entries.iter().map(ToString::to_string).collect())
}
