//! Keys of the server itself: its name and address, how it is reached, what it tells of itself, where its data are.

use std::path::PathBuf;

use im2_edge::peer::Network;
use im2_model::ServerName;

use super::{Key, integer, list, strings, text};
use crate::config::{
    Config,
    value::{Kind, Value, addresses, contact, homeserver, log_level, page, public_url},
};

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "server_name",
        kind: Kind::Text,
        allowed: "a host name such as \"example.org\"",
        about: "The domain of user names: @ana:example.org. It can never change for a data directory. \
                Default: the host of public_url, else localhost",
        secret: false,
        set: |config, value| {
            text(value).and_then(|name| ServerName::parse(&name).ok()).map(|name| config.named = Some(name))
        },
        get: |config| Some(Value::Text(config.server_name().to_string())),
    },
    Key {
        path: "data_dir",
        kind: Kind::Text,
        allowed: "the path of a folder",
        about: "The folder that holds everything: database, media, keys",
        secret: false,
        set: |config, value| {
            text(value).filter(|path| !path.is_empty()).map(|path| config.data_dir = PathBuf::from(path))
        },
        get: |config| Some(Value::Text(config.data_dir.display().to_string())),
    },
    Key {
        path: "public_url",
        kind: Kind::Text,
        allowed: "an address without a path such as \"https://im.example.org\"",
        about: "The address at which people reach the server. Default: clients are told the one that they came to",
        secret: false,
        set: set_public_url,
        get: |config| config.public_url.clone().map(Value::Text),
    },
    Key {
        path: "http.bind",
        kind: Kind::List,
        allowed: "addresses with ports such as [\"127.0.0.1:8008\", \"[::1]:8008\"]; port 0 means any free one",
        about: "The addresses to listen on",
        secret: false,
        set: |config, value| {
            list(value)
                .and_then(|entries| addresses(&entries))
                .filter(|found| !found.is_empty())
                .map(|found| config.http.bind = found)
        },
        get: |config| Some(strings(&config.http.bind)),
    },
    Key {
        path: "http.public_url",
        kind: Kind::Text,
        allowed: "an address without a path such as \"https://im.example.org\"",
        about: "Another place for public_url",
        secret: false,
        set: set_public_url,
        get: |_| None,
    },
    Key {
        path: "http.trusted_proxies",
        kind: Kind::List,
        allowed: "addresses or blocks of them such as [\"127.0.0.1\", \"10.0.0.0/8\"]",
        about: "Reverse proxies whose X-Forwarded-For, -Proto and -Host headers are believed",
        secret: false,
        set: |config, value| {
            let networks: Option<Vec<_>> = list(value)?.iter().map(|entry| Network::parse(entry)).collect();
            networks.map(|networks| config.http.trusted_proxies = networks)
        },
        get: |config| Some(strings(&config.http.trusted_proxies)),
    },
    Key {
        path: "http.connections_per_address",
        kind: Kind::Integer,
        allowed: "a number from 1 to 100000",
        about: "Connections that one address may have at once; trusted proxies are not counted",
        secret: false,
        set: |config, value| {
            let most = integer(&value).filter(|most| (1..=100_000).contains(most))?;
            config.http.connections_per_address = usize::try_from(most).ok()?;
            Some(())
        },
        get: |config| i64::try_from(config.http.connections_per_address).ok().map(Value::Integer),
    },
    Key {
        path: "http.write_timeout",
        kind: Kind::Integer,
        allowed: "a number of seconds from 1 to 3600",
        about: "How long a client may stop reading a response before its connection is closed",
        secret: false,
        set: |config, value| {
            let seconds = integer(&value).filter(|seconds| (1..=3_600).contains(seconds))?;
            config.http.write_timeout = seconds.unsigned_abs();
            Some(())
        },
        get: |config| i64::try_from(config.http.write_timeout).ok().map(Value::Integer),
    },
    Key {
        path: "web.homeservers",
        kind: Kind::List,
        allowed: "addresses without a path such as [\"https://matrix.example.org\"], or [\"https:\"] for any server",
        about: "Other homeservers that people may sign in to with this web client",
        secret: false,
        set: |config, value| {
            let servers = list(value)?.iter().map(|entry| homeserver(entry)).collect::<Option<Vec<_>>>()?;
            config.web_homeservers = servers;
            Some(())
        },
        get: |config| Some(strings(&config.web_homeservers)),
    },
    Key {
        path: "support.contacts",
        kind: Kind::List,
        allowed: "roles with a user ID or an e-mail address such as [\"m.role.admin @ana:example.org ana@example.org\"]",
        about: "Contacts for questions about this server, readable by everybody",
        secret: false,
        set: |config, value| {
            let contacts = list(value).filter(|entries| entries.iter().all(|entry| contact(entry).is_some()))?;
            config.support.contacts = contacts;
            Some(())
        },
        get: |config| Some(strings(&config.support.contacts)),
    },
    Key {
        path: "support.page",
        kind: Kind::Text,
        allowed: "the address of a web page",
        about: "A help page for the users of this server",
        secret: false,
        set: |config, value| text(value).filter(|text| page(text)).map(|text| config.support.page = Some(text)),
        get: |config| config.support.page.clone().map(Value::Text),
    },
    Key {
        path: "log.level",
        kind: Kind::Text,
        allowed: "\"error\", \"warn\", \"info\", \"debug\" or \"trace\", also by part: \"info,im2_store=debug\"",
        about: "The log level (logs go to standard error)",
        secret: false,
        set: |config, value| text(value).filter(|level| log_level(level)).map(|level| config.log.level = level),
        get: |config| Some(Value::Text(config.log.level.clone())),
    },
    Key {
        path: "log.format",
        kind: Kind::Text,
        allowed: "\"text\" or \"json\"",
        about: "The format of log lines",
        secret: false,
        set: |config, value| text(value)?.parse().ok().map(|format| config.log.format = format),
        get: |config| Some(Value::Text(config.log.format.to_string())),
    },
    Key {
        path: "memory.budget",
        kind: Kind::Integer,
        allowed: "a number of bytes from 4194304 (4 MiB) to 1099511627776, or 0 for a quarter of what there is",
        about: "Memory for all caches together, in bytes. The process itself takes about 60 MB more",
        secret: false,
        set: |config, value| {
            let bytes = integer(&value).filter(|bytes| *bytes == 0 || (4 << 20..=1 << 40).contains(bytes))?;
            config.memory_budget = Some(bytes.unsigned_abs()).filter(|bytes| *bytes > 0);
            Some(())
        },
        get: |config| i64::try_from(config.memory_budget.unwrap_or(0)).ok().map(Value::Integer),
    },
    Key {
        path: "storage.url",
        kind: Kind::Text,
        allowed: "\"sqlite\"",
        about: "The database: SQLite in data_dir",
        secret: false,
        set: |_, value| text(value).filter(|url| url == "sqlite").map(drop),
        get: |_| Some(Value::from("sqlite")),
    },
    Key {
        path: "metrics.bind",
        kind: Kind::List,
        allowed: "addresses with ports such as [\"127.0.0.1:9008\"]; [] switches metrics off",
        about: "Where /metrics is served for Prometheus. Keep it from the public",
        secret: false,
        set: |config, value| {
            config.metrics.bind = list(value).and_then(|entries| addresses(&entries))?;
            config.metrics.chosen = true;
            Some(())
        },
        get: |config| Some(strings(&config.metrics.bind)),
    },
];

fn set_public_url(config: &mut Config, value: Value) -> Option<()> {
    config.public_url = Some(text(value).and_then(|text| public_url(&text))?);
    Some(())
}
