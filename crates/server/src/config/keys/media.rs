//! Keys of media, and requests to other servers.

use super::{Key, boolean, days, integer};
use crate::config::value::{Kind, Value};

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "media.max_upload_bytes",
        kind: Kind::Integer,
        allowed: "a number of bytes from 1024 to 1099511627776",
        about: "The maximum size of an upload",
        secret: false,
        set: |config, value| {
            let bytes = integer(&value).filter(|bytes| (1 << 10..=1 << 40).contains(bytes))?;
            config.max_upload_bytes = bytes.unsigned_abs();
            Some(())
        },
        get: |config| i64::try_from(config.max_upload_bytes).ok().map(Value::Integer),
    },
    Key {
        path: "media.url_previews",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether the server fetches linked pages to show previews of them",
        secret: false,
        set: |config, value| boolean(&value).map(|enabled| config.url_previews = enabled),
        get: |config| Some(Value::Boolean(config.url_previews)),
    },
    Key {
        path: "media.collect_after_days",
        kind: Kind::Integer,
        allowed: "a number of days from 0 (never) to 3650",
        about: "How long files are kept after the last message that shows them is gone",
        secret: false,
        set: |config, value| days(&value).map(|days| config.collect_media_after_days = days),
        get: |config| Some(Value::Integer(config.collect_media_after_days.into())),
    },
    Key {
        path: "media.allow_private_addresses",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether URL previews may be of pages in private networks and at any port",
        secret: false,
        set: |config, value| boolean(&value).map(|allowed| config.previews_of_private_addresses = allowed),
        get: |config| Some(Value::Boolean(config.previews_of_private_addresses)),
    },
    Key {
        path: "push.allow_private_addresses",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether push gateways may be in private networks and be spoken to without TLS",
        secret: false,
        set: |config, value| boolean(&value).map(|allowed| config.push_to_private_addresses = allowed),
        get: |config| Some(Value::Boolean(config.push_to_private_addresses)),
    },
];
