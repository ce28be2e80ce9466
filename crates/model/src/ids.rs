//! Matrix identifiers as types, checked when made (spec: appendices, "Identifier Grammar").

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The length limit of every Matrix identifier, sigil and server name included, in bytes.
pub const MAX_ID_BYTES: usize = 255;

/// The text is not an identifier of the kind named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct IdError(&'static str);

/// The number a user has in this database. Never shown to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserNid(pub i64);

/// The number a room has in this database. Never shown to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomNid(pub i64);

/// Defines an identifier: a shared string that passed `$check`.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $label:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` against the grammar.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if $check(text) { Ok(Self(text.into())) } else { Err(IdError($label)) }
            }

            /// Whether `text` is one.
            pub fn is_valid(text: &str) -> bool {
                $check(text)
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

identifier!(
    /// A homeserver's name: a host name or IP literal, with an optional port.
    ServerName, "server name", is_server_name
);
identifier!(
    /// A user, `@localpart:server`. Historical localparts (any printable characters) are accepted here; new
    /// accounts are held to [`UserId::is_valid_new_localpart`].
    UserId, "user ID", is_user_id
);
identifier!(
    /// A room, `!opaque:server` or, from room version 12 on, `!hash`.
    RoomId, "room ID", is_room_id
);
identifier!(
    /// A room alias, `#name:server`.
    RoomAliasId, "room alias", is_room_alias
);
identifier!(
    /// An event, `$hash`.
    EventId, "event ID", is_event_id
);
identifier!(
    /// A device of a user: opaque, chosen by the client or the server.
    DeviceId, "device ID", is_device_id
);
identifier!(
    /// Content in the media repository, `mxc://server/media`.
    MxcUri, "mxc URI", is_mxc
);

impl UserId {
    /// The user `localpart` of `server`.
    pub fn new(localpart: &str, server: &ServerName) -> Result<Self, IdError> {
        Self::parse(&format!("@{localpart}:{server}"))
    }

    /// The part between `@` and the first `:`.
    pub fn localpart(&self) -> &str {
        let rest = &self.0[1..];
        rest.split_once(':').map_or(rest, |(localpart, _)| localpart)
    }

    /// The server the user belongs to.
    pub fn server_name(&self) -> &str {
        server_part(&self.0)
    }

    /// Whether a new account may have this localpart: `a-z 0-9 . _ = - / +`, not empty.
    pub fn is_valid_new_localpart(localpart: &str) -> bool {
        !localpart.is_empty()
            && localpart
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'=' | b'-' | b'/' | b'+'))
    }
}

impl RoomAliasId {
    /// The server that resolves the alias.
    pub fn server_name(&self) -> &str {
        server_part(&self.0)
    }
}

impl RoomId {
    /// The server that made the room, for room versions whose identifiers name it (all before 12).
    pub fn server_name(&self) -> Option<&str> {
        self.0.split_once(':').map(|(_, server)| server)
    }
}

impl EventId {
    /// The server that made the event, for room versions whose event IDs name it (1 and 2).
    pub fn server_name(&self) -> Option<&str> {
        self.0.split_once(':').map(|(_, server)| server)
    }
}

impl MxcUri {
    /// The URI of `media` on `server`.
    pub fn new(server: &str, media: &str) -> Result<Self, IdError> {
        Self::parse(&format!("mxc://{server}/{media}"))
    }

    /// The server that holds the content, and the content's name there.
    pub fn parts(&self) -> (&str, &str) {
        self.0["mxc://".len()..].split_once('/').expect("checked when made: a URI has a slash after the server")
    }
}

fn server_part(id: &str) -> &str {
    id.split_once(':').map_or("", |(_, server)| server)
}

fn is_server_name(text: &str) -> bool {
    if text.is_empty() || text.len() > MAX_ID_BYTES - 2 {
        return false;
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                return is_ipv6_literal(address) && (port.is_empty() || is_port(port.strip_prefix(':')));
            }
            None => return false,
        },
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let host_ok =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    host_ok && (port.is_none() || is_port(port))
}

fn is_ipv6_literal(address: &str) -> bool {
    (2..=45).contains(&address.len())
        && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.')
}

fn is_port(port: Option<&str>) -> bool {
    port.is_some_and(|port| (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `<sigil>localpart:server`, where the localpart may not be empty unless `allow_empty`.
fn is_local_and_server(text: &str, sigil: char, allow_empty: bool) -> bool {
    let Some((localpart, server)) = text.strip_prefix(sigil).and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    text.len() <= MAX_ID_BYTES
        && (allow_empty || !localpart.is_empty())
        && !localpart.bytes().any(|byte| byte == 0)
        && is_server_name(server)
}

fn is_user_id(text: &str) -> bool {
    // The empty localpart exists in the wild and is legal in events ("historical user IDs").
    is_local_and_server(text, '@', true)
}

fn is_room_alias(text: &str) -> bool {
    is_local_and_server(text, '#', false) && !text.bytes().any(|byte| byte.is_ascii_control())
}

fn is_room_id(text: &str) -> bool {
    match text.strip_prefix('!') {
        Some(rest) if !rest.contains(':') => is_opaque(rest),
        Some(_) => is_local_and_server(text, '!', false),
        None => false,
    }
}

fn is_event_id(text: &str) -> bool {
    text.len() <= MAX_ID_BYTES && text.strip_prefix('$').is_some_and(|rest| !rest.is_empty() && !rest.contains('\0'))
}

fn is_device_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID_BYTES && !text.bytes().any(|byte| byte.is_ascii_control())
}

fn is_mxc(text: &str) -> bool {
    text.len() <= MAX_ID_BYTES
        && text
            .strip_prefix("mxc://")
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(server, media)| is_server_name(server) && is_opaque(media))
}

/// `A-Z a-z 0-9 _ -`, not empty: unpadded URL-safe base64 and media names.
fn is_opaque(text: &str) -> bool {
    !text.is_empty()
        && text.len() < MAX_ID_BYTES
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::{EventId, MxcUri, RoomAliasId, RoomId, ServerName, UserId};

    #[test]
    fn server_names() {
        for good in ["example.org", "localhost:8008", "1.2.3.4", "[::1]", "[2001:db8::1]:8448", "x"] {
            assert!(ServerName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "host:", "host:123456", "[::1", "ho_st", "[zz]", "host:80:80", "a/b"] {
            assert!(ServerName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn user_ids() {
        let user = UserId::parse("@ana:example.org:8448").unwrap();
        assert_eq!((user.localpart(), user.server_name()), ("ana", "example.org:8448"));
        for bad in ["ana", "@ana", "@ana:", "ana:example.org", "@a\0b:example.org", &format!("@{}:x", "a".repeat(254))]
        {
            assert!(UserId::parse(bad).is_err(), "{bad}");
        }
        assert!(UserId::is_valid_new_localpart("ana.b_c=d-e/f+1"));
        assert!(!UserId::is_valid_new_localpart("Ana") && !UserId::is_valid_new_localpart(""));
    }

    #[test]
    fn room_event_alias_and_media_identifiers() {
        assert!(RoomId::parse("!abc:example.org").is_ok());
        assert!(RoomId::parse("!wE9z-_A").is_ok());
        assert!(RoomId::parse("!").is_err() && RoomId::parse("!a b").is_err() && RoomId::parse("#a:b").is_err());
        assert!(EventId::parse("$abc").is_ok() && EventId::parse("$").is_err());
        let event = EventId::parse("$a/b+c:example.org:8448").unwrap();
        assert_eq!(event.server_name(), Some("example.org:8448"));
        assert_eq!(EventId::parse("$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk").unwrap().server_name(), None);
        assert!(RoomAliasId::parse("#群聊:example.org").is_ok() && RoomAliasId::parse("#:example.org").is_err());
        let mxc = MxcUri::parse("mxc://example.org/aB-_9").unwrap();
        assert_eq!(mxc.parts(), ("example.org", "aB-_9"));
        assert!(MxcUri::parse("mxc://example.org/../etc").is_err());
    }
}
