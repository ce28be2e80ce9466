//! The table of keys: one entry a key, from which reading, checking and showing are made.

use std::{net::IpAddr, path::PathBuf};

use im2_chat::rooms::RoomVersion;
use im2_core::rate_limits;
use im2_edge::peer::Network;
use im2_model::{MxcUri, ServerName, UserId};

use super::{
    Config, Secret,
    value::{Kind, Value, addresses, contact, homeserver, log_level, page, public_url, url_host},
};

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
    /// The key of this name.
    pub fn find(path: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.path == path)
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
pub const KEYS: &[Key] = &[
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
    Key {
        path: "rate_limits.enabled",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether requests are rate-limited",
        secret: false,
        set: |config, value| boolean(&value).map(|enabled| config.rate_limits.enabled = enabled),
        get: |config| Some(Value::Boolean(config.rate_limits.enabled)),
    },
    Key {
        path: "rate_limits.classes",
        kind: Kind::List,
        allowed: "limits such as [\"send 200 20\"]: the name of a class, how many at once, and how many a second",
        about: "Limits for some classes of requests, in place of the defaults: docs/limits.md lists them all",
        secret: false,
        set: |config, value| {
            let mut rates = rate_limits::Rates::default();
            list(value)?.iter().try_for_each(|entry| rates.set(entry))?;
            config.rate_limits.rates = rates;
            Some(())
        },
        get: |config| Some(Value::List(config.rate_limits.rates.changed())),
    },
    Key {
        path: "rate_limits.quotas",
        kind: Kind::List,
        allowed: "quotas such as [\"media_bytes 10737418240\"]: the name of a quota and how much; 0 for no bound",
        about: "Quotas of an account, in place of some of the defaults: docs/limits.md lists them all",
        secret: false,
        set: |config, value| {
            let mut quotas = rate_limits::Quotas::default();
            list(value)?.iter().try_for_each(|entry| quotas.set(entry))?;
            config.rate_limits.quotas = quotas;
            Some(())
        },
        get: |config| Some(Value::List(config.rate_limits.quotas.changed())),
    },
    Key {
        path: "rate_limits.strangers_per_day",
        kind: Kind::Integer,
        allowed: "a number from 0 (no bound) to 1000000",
        about: "People that a new account may invite in a day without sharing a room with them; grows with its age and \
                with accepted invites",
        secret: false,
        set: |config, value| {
            let most = integer(&value).and_then(|most| u32::try_from(most).ok()).filter(|most| *most <= 1_000_000)?;
            config.rate_limits.strangers_per_day = most;
            Some(())
        },
        get: |config| Some(Value::Integer(config.rate_limits.strangers_per_day.into())),
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
        path: "turn.listen",
        kind: Kind::List,
        allowed: "addresses with ports such as [\"0.0.0.0:3478\", \"[::]:3478\"]; [] for no TURN server of its own",
        about: "Where the built-in TURN server listens, over UDP and TCP. Clients are told of it",
        secret: false,
        set: |config, value| {
            list(value).and_then(|entries| addresses(&entries)).map(|found| config.turn.listen = found)
        },
        get: |config| Some(strings(&config.turn.listen)),
    },
    Key {
        path: "turn.listen_tls",
        kind: Kind::List,
        allowed: "addresses with ports such as [\"0.0.0.0:5349\", \"[::]:5349\"]",
        about: "Where the built-in TURN server listens over TLS; requires turn.certificate and turn.key",
        secret: false,
        set: |config, value| {
            list(value).and_then(|entries| addresses(&entries)).map(|found| config.turn.listen_tls = found)
        },
        get: |config| Some(strings(&config.turn.listen_tls)),
    },
    Key {
        path: "turn.certificate",
        kind: Kind::Text,
        allowed: "the path of a PEM file",
        about: "The certificate of the built-in TURN server with its chain; read again when it changes",
        secret: false,
        set: |config, value| path(value).map(|path| config.turn.certificate = Some(path)),
        get: |config| config.turn.certificate.as_ref().map(|path| Value::Text(path.display().to_string())),
    },
    Key {
        path: "turn.key",
        kind: Kind::Text,
        allowed: "the path of a PEM file",
        about: "The private key of turn.certificate",
        secret: false,
        set: |config, value| path(value).map(|path| config.turn.key = Some(path)),
        get: |config| config.turn.key.as_ref().map(|path| Value::Text(path.display().to_string())),
    },
    Key {
        path: "turn.host",
        kind: Kind::Text,
        allowed: "a host name or an address",
        about: "The host at which clients reach the built-in TURN server. Default: the host of public_url",
        secret: false,
        set: |config, value| {
            let host = text(value).filter(|host| url_host(&format!("x://{host}")) == Some(host.as_str()))?;
            ServerName::parse(&host).ok()?;
            config.turn.host = Some(host);
            Some(())
        },
        get: |config| config.turn.host.clone().map(Value::Text),
    },
    Key {
        path: "turn.public_addresses",
        kind: Kind::List,
        allowed: "an IPv4 address, an IPv6 address or both, such as [\"198.51.100.7\", \"2001:db8::7\"]",
        about: "The addresses at which others see relayed calls; those of this machine, or of the NAT before it. \
                Default: the addresses in turn.listen",
        secret: false,
        set: |config, value| {
            let found: Option<Vec<IpAddr>> = list(value)?.iter().map(|entry| entry.parse().ok()).collect();
            let of_family = |found: &[IpAddr], is_v4| found.iter().filter(|ip| ip.is_ipv4() == is_v4).count() <= 1;
            let found = found.filter(|found| of_family(found, true) && of_family(found, false))?;
            config.turn.public_addresses = found;
            Some(())
        },
        get: |config| Some(strings(&config.turn.public_addresses)),
    },
    Key {
        path: "turn.relay_ports",
        kind: Kind::Text,
        allowed: "a range of ports such as \"49152-65535\"",
        about: "The UDP ports of relayed calls, which have to be reachable from everywhere",
        secret: false,
        set: |config, value| {
            let range = text(value)?;
            let (lowest, highest) = range.split_once('-')?;
            let (lowest, highest): (u16, u16) = (lowest.trim().parse().ok()?, highest.trim().parse().ok()?);
            (1..=highest).contains(&lowest).then(|| config.turn.relay_ports = lowest..=highest)
        },
        get: |config| {
            let ports = &config.turn.relay_ports;
            Some(Value::Text(format!("{}-{}", ports.start(), ports.end())))
        },
    },
    Key {
        path: "turn.allowed_peers",
        kind: Kind::List,
        allowed: "addresses or blocks of them such as [\"10.0.0.0/8\"]",
        about: "Networks that the built-in TURN server relays to although they are not public",
        secret: false,
        set: |config, value| {
            let networks: Option<Vec<_>> = list(value)?.iter().map(|entry| entry.parse().ok()).collect();
            networks.map(|networks| config.turn.allowed_peers = networks)
        },
        get: |config| Some(strings(&config.turn.allowed_peers)),
    },
    Key {
        path: "turn.max_allocations",
        kind: Kind::Integer,
        allowed: "a number from 1 to 100000",
        about: "Relayed addresses of all users at once. Each is a socket; a device in a call has two to eight",
        secret: false,
        set: |config, value| count(&value, 100_000).map(|most| config.turn.limits.allocations = most),
        get: |config| i64::try_from(config.turn.limits.allocations).ok().map(Value::Integer),
    },
    Key {
        path: "turn.max_allocations_per_user",
        kind: Kind::Integer,
        allowed: "a number from 1 to 100000",
        about: "Relayed addresses of one user at once",
        secret: false,
        set: |config, value| count(&value, 100_000).map(|most| config.turn.limits.allocations_per_user = most),
        get: |config| i64::try_from(config.turn.limits.allocations_per_user).ok().map(Value::Integer),
    },
    Key {
        path: "turn.max_bytes_per_second",
        kind: Kind::Integer,
        allowed: "a number of bytes from 10000 to 1000000000",
        about: "Bytes that are relayed for one user per second, both directions together",
        secret: false,
        set: |config, value| {
            let bytes = count(&value, 1_000_000_000).filter(|bytes| *bytes >= 10_000)?;
            config.turn.limits.bytes_per_second = bytes as u64;
            Some(())
        },
        get: |config| i64::try_from(config.turn.limits.bytes_per_second).ok().map(Value::Integer),
    },
    Key {
        path: "turn.uris",
        kind: Kind::List,
        allowed: "addresses of TURN servers such as [\"turn:turn.example.org?transport=udp\"]",
        about: "Other TURN servers, which relay calls between networks that cannot reach each other",
        secret: false,
        set: |config, value| {
            let is_relay = |uri: &String| uri.starts_with("turn:") || uri.starts_with("turns:");
            list(value).filter(|uris| uris.iter().all(is_relay)).map(|uris| config.turn.uris = uris)
        },
        get: |config| Some(strings(&config.turn.uris)),
    },
    Key {
        path: "turn.shared_secret",
        kind: Kind::Text,
        allowed: "a string that is not empty",
        about: "The secret shared with the TURN servers (coturn's static-auth-secret)",
        secret: true,
        set: |config, value| {
            let secret = text(value).filter(|secret| !secret.is_empty())?;
            config.turn.shared_secret = Some(Secret(secret));
            Some(())
        },
        get: |config| config.turn.shared_secret.as_ref().map(|secret| Value::from(secret.reveal())),
    },
    Key {
        path: "turn.ttl",
        kind: Kind::Integer,
        allowed: "a number of seconds from 60 to 2592000",
        about: "How long credentials for the TURN servers are valid",
        secret: false,
        set: |config, value| {
            let seconds = integer(&value).filter(|seconds| (60..=30 * 24 * 60 * 60).contains(seconds))?;
            config.turn.ttl_seconds = seconds.unsigned_abs();
            Some(())
        },
        get: |config| i64::try_from(config.turn.ttl_seconds).ok().map(Value::Integer),
    },
    Key {
        path: "rtc.enabled",
        kind: Kind::Boolean,
        allowed: "true or false",
        about: "Whether the server forwards the media of calls, for clients of LiveKit at /livekit/sfu",
        secret: false,
        set: |config, value| boolean(&value).map(|enabled| config.rtc.enabled = enabled),
        get: |config| Some(Value::Boolean(config.rtc.enabled)),
    },
    Key {
        path: "rtc.udp_port",
        kind: Kind::Integer,
        allowed: "a port; 0 means any free one",
        about: "The UDP port for the media of all calls. Clients have to reach it",
        secret: false,
        set: |config, value| {
            config.rtc.udp_port = integer(&value).and_then(|port| u16::try_from(port).ok())?;
            Some(())
        },
        get: |config| Some(Value::Integer(config.rtc.udp_port.into())),
    },
    Key {
        path: "rtc.tcp_port",
        kind: Kind::Integer,
        allowed: "a port; 0 means none",
        about: "The TCP port for the media of those whose network lets no UDP through",
        secret: false,
        set: |config, value| {
            let port = integer(&value).and_then(|port| u16::try_from(port).ok())?;
            config.rtc.tcp_port = Some(port).filter(|port| *port > 0);
            Some(())
        },
        get: |config| Some(Value::Integer(config.rtc.tcp_port.unwrap_or(0).into())),
    },
    Key {
        path: "rtc.addresses",
        kind: Kind::List,
        allowed: "addresses without ports such as [\"203.0.113.7\", \"2001:db8::7\"]",
        about: "The addresses at which clients reach these ports. Default: those by which this machine reaches others; \
                behind a router, its address has to be named",
        secret: false,
        set: |config, value| {
            let addresses: Option<Vec<_>> = list(value)?.iter().map(|entry| entry.parse().ok()).collect();
            addresses.map(|addresses| config.rtc.addresses = addresses)
        },
        get: |config| Some(strings(&config.rtc.addresses)),
    },
    Key {
        path: "rtc.participants",
        kind: Kind::Integer,
        allowed: "a number from 1 to 100000",
        about: "Participants of all calls together",
        secret: false,
        set: |config, value| {
            let most = integer(&value).filter(|most| (1..=100_000).contains(most))?;
            config.rtc.participants = usize::try_from(most).ok()?;
            Some(())
        },
        get: |config| i64::try_from(config.rtc.participants).ok().map(Value::Integer),
    },
    Key {
        path: "rtc.participants_per_call",
        kind: Kind::Integer,
        allowed: "a number from 2 to 1000",
        about: "Participants of one call",
        secret: false,
        set: |config, value| {
            let most = integer(&value).filter(|most| (2..=1_000).contains(most))?;
            config.rtc.participants_per_call = usize::try_from(most).ok()?;
            Some(())
        },
        get: |config| i64::try_from(config.rtc.participants_per_call).ok().map(Value::Integer),
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
