//! Reads the registration file of an application service (spec: application service API, "Registration").
//!
//! The file is written by the service or by hand and read when the server starts. What is wrong with it is told with
//! the name of the key, because whoever reads the message has the file open.

use im2_model::{ServerName, UserId};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use tokio::sync::Notify;
use url::Url;

use super::service::{Namespace, Service};

/// The longest identifier of a service: it names rows, and devices that are none.
const MAX_ID: usize = 200;
/// The most memory that a compiled expression may take, in bytes. Namespaces are a prefix and a wildcard.
const MAX_EXPRESSION: usize = 1 << 20;

/// The file as it is written. What else stands in it is for others.
#[derive(Deserialize)]
struct File {
    id: String,
    #[serde(default)]
    url: Option<String>,
    as_token: String,
    hs_token: String,
    sender_localpart: String,
    namespaces: Namespaces,
    #[serde(default)]
    rate_limited: Option<bool>,
    #[serde(default)]
    protocols: Option<Vec<String>>,
    #[serde(default)]
    receive_ephemeral: Option<bool>,
    /// The name that `receive_ephemeral` had before it was specified.
    #[serde(default, rename = "de.sorunome.msc2409.push_ephemeral")]
    unstable_receive_ephemeral: Option<bool>,
    /// Whether the service wants what encryption takes (MSC3202).
    #[serde(default, rename = "org.matrix.msc3202")]
    encryption: Option<bool>,
}

#[derive(Deserialize)]
struct Namespaces {
    #[serde(default)]
    users: Option<Vec<Entry>>,
    #[serde(default)]
    aliases: Option<Vec<Entry>>,
    #[serde(default)]
    rooms: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    exclusive: bool,
    regex: String,
}

impl Service {
    /// Reads a registration. The error is a sentence for the operator.
    pub fn from_registration(yaml: &str, server: &ServerName) -> Result<Self, String> {
        let file: File = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
        let filled = [("id", &file.id), ("as_token", &file.as_token), ("hs_token", &file.hs_token)];
        if let Some((key, _)) = filled.into_iter().find(|(_, value)| value.trim().is_empty()) {
            return Err(format!("{key} must not be empty"));
        }
        if file.id.len() > MAX_ID || file.id.chars().any(char::is_control) {
            return Err(format!("id must have at most {MAX_ID} bytes and no control characters"));
        }
        let header_safe = |token: &str| token.bytes().all(|byte| byte.is_ascii_graphic());
        if !header_safe(&file.as_token) || !header_safe(&file.hs_token) {
            return Err("as_token and hs_token must consist of printable ASCII characters without spaces".into());
        }
        let sender = UserId::new(&file.sender_localpart, server)
            .map_err(|_| format!("sender_localpart {:?} does not make a valid user ID", file.sender_localpart))?;
        let Namespaces { users, aliases, rooms } = file.namespaces;
        Ok(Self {
            url: base_url(file.url.as_deref())?,
            users: compile("users", users)?,
            aliases: compile("aliases", aliases)?,
            rooms: compile("rooms", rooms)?,
            id: file.id,
            as_token: file.as_token,
            hs_token: file.hs_token,
            sender,
            rate_limited: file.rate_limited.unwrap_or(true),
            protocols: file.protocols.unwrap_or_default(),
            receives_ephemeral: file.receive_ephemeral.or(file.unstable_receive_ephemeral).unwrap_or(false),
            does_encryption: file.encryption.unwrap_or(false),
            heard: Notify::new(),
        })
    }
}

/// The URL that requests go to, without a slash at the end. `None` for a service that wants no traffic.
fn base_url(text: Option<&str>) -> Result<Option<Url>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let invalid = || format!("url {text:?} is not an http or https URL");
    let mut url = Url::parse(text).map_err(|_| invalid())?;
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || has_credentials {
        return Err(invalid());
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(Some(url))
}

fn compile(key: &str, entries: Option<Vec<Entry>>) -> Result<Vec<Namespace>, String> {
    let compile = |entry: Entry| {
        let regex = expression(&entry.regex).map_err(|error| format!("namespaces.{key}: {error}"))?;
        Ok(Namespace { exclusive: entry.exclusive, regex })
    };
    entries.unwrap_or_default().into_iter().map(compile).collect()
}

/// An expression describes how an identifier begins. Services write `.*` at the end of those that say no more.
fn expression(text: &str) -> Result<Regex, regex::Error> {
    Regex::new(text)?; // so that the error shows what the operator wrote
    RegexBuilder::new(&format!("^(?:{text})")).size_limit(MAX_EXPRESSION).build()
}

#[cfg(test)]
mod tests {
    use im2_model::{ServerName, UserId};

    use super::Service;

    const BRIDGE: &str = "
id: irc
url: http://127.0.0.1:29300/base/
as_token: 30c05ae90a248a4188e620216fa72e34
hs_token: \"312df522183efd404ec1cd22d2ffa4bb\"
sender_localpart: _irc_bot
namespaces:
  users:
    - exclusive: true
      regex: '@_irc_.*:example\\.org'
    - { exclusive: false, regex: '@.*:example\\.org' }
  aliases: []
  rooms:
rate_limited: false
de.sorunome.msc2409.push_ephemeral: true
something.else: { is: [not, ours] }
";

    fn read(yaml: &str) -> Result<Service, String> {
        Service::from_registration(yaml, &ServerName::parse("example.org").unwrap())
    }

    #[test]
    fn a_registration_is_read() {
        let service = read(BRIDGE).unwrap();
        assert_eq!(service.url.as_ref().unwrap().as_str(), "http://127.0.0.1:29300/base");
        assert_eq!(service.sender.as_str(), "@_irc_bot:example.org");
        assert!(!service.rate_limited && service.receives_ephemeral && !service.does_encryption);
        let user = |text| UserId::parse(text).unwrap();
        assert!(service.owns_user(&user("@_irc_bot:example.org")));
        assert!(service.owns_user(&user("@ana:example.org")) && !service.claims_user(&user("@ana:example.org")));
        assert!(service.claims_user(&user("@_irc_ana:example.org")));
        assert!(!service.owns_user(&user("@_irc_ana:elsewhere.org")), "only local users are a service's");
    }

    #[test]
    fn a_service_without_a_url_wants_no_traffic() {
        for url in ["url: null", "url: ''", "url:", ""] {
            let service = read(&BRIDGE.replace("url: http://127.0.0.1:29300/base/", url)).unwrap();
            assert!(service.url.is_none(), "{url:?}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_key() {
        for (from, to, expected) in [
            ("as_token: 30c05ae90a248a4188e620216fa72e34", "", "as_token"),
            ("as_token: 30c05ae90a248a4188e620216fa72e34", "as_token: ''", "as_token must not be empty"),
            ("as_token: 30c05ae90a248a4188e620216fa72e34", "as_token: 'a b'", "printable ASCII"),
            ("id: irc", "id: ' '", "id must not be empty"),
            ("_irc_bot", "'a:b'", "does not make a valid user ID"),
            ("http://127.0.0.1:29300/base/", "ftp://example.org", "not an http or https URL"),
            ("http://127.0.0.1:29300/base/", "example.org", "not an http or https URL"),
            ("'@_irc_.*:example\\.org'", "'@_irc_(.*'", "namespaces.users"),
            ("'@_irc_.*:example\\.org'", "'.{9999}{9999}'", "namespaces.users"),
            ("exclusive: true", "exclusive: perhaps", "exclusive"),
            ("namespaces:", "names:", "namespaces"),
        ] {
            let changed = BRIDGE.replacen(from, to, 1);
            assert_ne!(changed, BRIDGE);
            let Err(error) = read(&changed) else { panic!("{to:?} was taken") };
            assert!(error.contains(expected), "{to:?}: {error}");
        }
    }
}
