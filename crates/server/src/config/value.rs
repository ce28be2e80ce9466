//! Values of the configuration, and the checks of their content.

use std::{fmt, net::SocketAddr, str::FromStr as _};

use im2_model::{ServerName, UserId};
use tracing_subscriber::filter::LevelFilter;

/// The type of a key's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `"text"`.
    Text,
    /// `5000`.
    Integer,
    /// `true`.
    Boolean,
    /// `["a", "b"]`; in the environment also `a,b`.
    List,
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `"text"`.
    Text(String),
    /// `5000`.
    Integer(i64),
    /// `true`.
    Boolean(bool),
    /// `["a", "b"]`.
    List(Vec<String>),
}

impl Value {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Integer(_) => Kind::Integer,
            Self::Boolean(_) => Kind::Boolean,
            Self::List(_) => Kind::List,
        }
    }

    /// The value of an environment variable for a key of this kind.
    pub(super) fn from_environment(kind: Kind, text: &str) -> Option<Self> {
        match kind {
            Kind::Text => Some(Self::Text(text.to_owned())),
            Kind::Integer => text.trim().parse().ok().map(Self::Integer),
            Kind::Boolean => text.trim().parse().ok().map(Self::Boolean),
            Kind::List => list(text).map(Self::List),
        }
    }
}

/// `a, b`, or an array as TOML has it.
fn list(text: &str) -> Option<Vec<String>> {
    if text.trim_start().starts_with('[') {
        let array = toml::Value::from_str(text).ok()?;
        return array.as_array()?.iter().map(|entry| entry.as_str().map(str::to_owned)).collect();
    }
    Some(text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect())
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // `Debug` of a string escapes as a basic string of TOML does, for all that a configuration may hold.
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::List(entries) => write!(f, "{entries:?}"),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// `http://host` or `https://host:port`, without a slash at the end.
pub(super) fn public_url(text: &str) -> Option<String> {
    let url = text.strip_suffix('/').unwrap_or(text);
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    ServerName::parse(rest).is_ok().then(|| url.to_owned())
}

/// The origin of a homeserver, or `https:` for all of them.
pub(super) fn homeserver(text: &str) -> Option<String> {
    if text == "https:" { Some(text.to_owned()) } else { public_url(text) }
}

/// The host of a public URL, without its port.
pub(super) fn url_host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let end = if rest.starts_with('[') { rest.find(']').map(|at| at + 1) } else { rest.find(':') };
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// Socket addresses; `localhost:8008` counts as `127.0.0.1:8008`.
pub(super) fn addresses(entries: &[String]) -> Option<Vec<SocketAddr>> {
    let address = |entry: &String| match entry.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port))),
        None => entry.parse().ok(),
    };
    entries.iter().map(address).collect()
}

/// `info`, or levels for parts of the program: `info,im2_store=debug`.
pub(super) fn log_level(text: &str) -> bool {
    let level = |part: &str| part.rsplit_once('=').map_or(part, |(_, level)| level).parse::<LevelFilter>().is_ok();
    text.split(',').all(level)
}

/// A contact of `/.well-known/matrix/support`, written as its role, then a user ID, an e-mail address, or both:
/// `m.role.admin @ana:example.org ana@example.org`.
pub(super) fn contact(entry: &str) -> Option<serde_json::Value> {
    let mut words = entry.split_whitespace();
    let is_role =
        |role: &&str| role.contains('.') && role.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let mut contact = serde_json::Map::new();
    contact.insert("role".into(), words.next().filter(is_role)?.into());
    for word in words {
        let name = match word.split_once('@') {
            Some(("", _)) if UserId::parse(word).is_ok() => "matrix_id",
            Some((local, domain)) if !local.is_empty() && domain.contains('.') => "email_address",
            _ => return None,
        };
        if contact.insert(name.into(), word.into()).is_some() {
            return None;
        }
    }
    (contact.len() > 1).then_some(serde_json::Value::Object(contact))
}

/// A web page's address.
pub(super) fn page(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}
