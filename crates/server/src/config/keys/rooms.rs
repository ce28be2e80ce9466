//! Keys of rooms, and what the server says in them.

use im2_chat::rooms::RoomVersion;
use im2_model::{MxcUri, UserId};

use super::{Key, boolean, days, integer, text};
use crate::config::value::{Kind, Value};

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "rooms.default_version",
        kind: Kind::Text,
        allowed: "a room version, \"6\" to \"12\"",
        about: "The room version of new rooms, unless their creator asks for another",
        secret: false,
        set: |config, value| {
            RoomVersion::offered(&text(value)?).ok().map(|version| config.default_room_version = version)
        },
        get: |config| Some(Value::from(config.default_room_version.as_str())),
    },
    Key {
        path: "rooms.forget_grace_days",
        kind: Kind::Integer,
        allowed: "a number of days from 0 to 3650",
        about: "How long a room is kept after everybody has left and forgotten it",
        secret: false,
        set: |config, value| days(&value).map(|days| config.forget_grace_days = days),
        get: |config| Some(Value::Integer(config.forget_grace_days.into())),
    },
    Key {
        path: "rooms.max_state_events",
        kind: Kind::Integer,
        allowed: "a number of events from 1000 to 10000000",
        about: "The maximum number of state events in a room, members aside",
        secret: false,
        set: |config, value| {
            let entries = integer(&value).filter(|entries| (1_000..=10_000_000).contains(entries))?;
            config.room_state.entries = usize::try_from(entries).ok()?;
            Some(())
        },
        get: |config| i64::try_from(config.room_state.entries).ok().map(Value::Integer),
    },
    Key {
        path: "rooms.max_state_bytes",
        kind: Kind::Integer,
        allowed: "a number of bytes from 1048576 (1 MiB) to 4294967296",
        about: "The maximum size of a room's state as JSON, members aside. A room in use keeps it in memory",
        secret: false,
        set: |config, value| {
            let bytes = integer(&value).filter(|bytes| (1 << 20..=1 << 32).contains(bytes))?;
            config.room_state.bytes = usize::try_from(bytes).ok()?;
            Some(())
        },
        get: |config| i64::try_from(config.room_state.bytes).ok().map(Value::Integer),
    },
    Key {
        path: "server_notices.localpart",
        kind: Kind::Text,
        allowed: "the first part of a user ID, such as \"server\"; \"\" switches notices off",
        about: "The sender of server notices to users. Default: none",
        secret: false,
        set: |config, value| {
            let name = text(value).filter(|name| name.is_empty() || UserId::is_valid_new_localpart(name))?;
            config.notices.localpart = Some(name).filter(|name| !name.is_empty());
            Some(())
        },
        get: |config| config.notices.localpart.clone().map(Value::Text),
    },
    Key {
        path: "server_notices.display_name",
        kind: Kind::Text,
        allowed: "a name",
        about: "The display name of the sender of server notices",
        secret: false,
        set: |config, value| text(value).filter(|name| !name.is_empty()).map(|name| config.notices.display_name = name),
        get: |config| Some(Value::Text(config.notices.display_name.clone())),
    },
    Key {
        path: "server_notices.avatar_url",
        kind: Kind::Text,
        allowed: "an mxc:// URI of a picture, or \"\" for none",
        about: "The avatar of the sender of server notices and of the rooms for them",
        secret: false,
        set: |config, value| {
            let url = text(value).filter(|url| url.is_empty() || MxcUri::parse(url).is_ok())?;
            config.notices.avatar_url = Some(url).filter(|url| !url.is_empty());
            Some(())
        },
        get: |config| config.notices.avatar_url.clone().map(Value::Text),
    },
    Key {
        path: "server_notices.room_name",
        kind: Kind::Text,
        allowed: "a name",
        about: "The name of the rooms for server notices",
        secret: false,
        set: |config, value| text(value).filter(|name| !name.is_empty()).map(|name| config.notices.room_name = name),
        get: |config| Some(Value::Text(config.notices.room_name.clone())),
    },
    Key {
        path: "reports.notify_admins",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether administrators get a notice of each report; requires server_notices.localpart",
        secret: false,
        set: |config, value| boolean(&value).map(|notify| config.notices.of_reports = notify),
        get: |config| Some(Value::Boolean(config.notices.of_reports)),
    },
];
