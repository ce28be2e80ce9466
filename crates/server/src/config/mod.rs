//! Configuration: what can be set, its defaults, and where it comes from.
//!
//! A file in TOML and the environment set the same keys; the environment wins. Every key is one entry of
//! [`keys`], from which reading, checking, showing and the documentation are made.

mod keys;
mod load;
mod value;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
};

use im2_chat::rooms::{RoomVersion, StateLimits};
use im2_core::rate_limits;
use im2_edge::peer::Network;
use im2_model::{ServerName, address};

pub use keys::Key;
pub use load::{Problems, load};
pub use value::{Kind, Value};

/// The configuration in effect.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "settings that are switched on or off have no more to them")]
pub struct Config {
    /// The domain of the users, if it was set; see [`Config::server_name`].
    pub named: Option<ServerName>,
    /// The folder that holds everything: database, media, keys.
    pub data_dir: PathBuf,
    /// The address clients use, if it was set. Without a slash at the end.
    pub public_url: Option<String>,
    /// The HTTP listeners.
    pub http: Http,
    /// The rules for registration.
    pub registration: Registration,
    /// Whether signed-in people can make tokens with which other devices sign in.
    pub login_tokens: bool,
    /// How long an access token lives that can be refreshed, in seconds.
    pub access_token_lifetime: u64,
    /// Whether people search finds strangers too.
    pub directory_shows_everyone: Option<bool>,
    /// The registration files of application services.
    pub registration_files: Vec<PathBuf>,
    /// Rate limits and quotas.
    pub rate_limits: rate_limits::Options,
    /// The log's levels and form.
    pub log: Log,
    /// The memory budget of all caches together, in bytes; `None` for a part of the machine's memory.
    pub memory_budget: Option<u64>,
    /// The maximum size of an upload, in bytes.
    pub max_upload_bytes: u64,
    /// Whether the server makes previews of links.
    pub url_previews: bool,
    /// Whether push gateways may be at addresses that are not public.
    pub push_to_private_addresses: bool,
    /// Whether previews may be of pages at addresses that are not public.
    pub previews_of_private_addresses: bool,
    /// The homeservers that the web client may sign in to beside this one: origins, or `https:` for any.
    pub web_homeservers: Vec<String>,
    /// The relays for calls.
    pub turn: Turn,
    /// The forwarding of calls.
    pub rtc: Rtc,
    /// The contacts for questions about this server.
    pub support: Support,
    /// How many days media is kept that no message shows any more; 0 for always.
    pub collect_media_after_days: u32,
    /// How many days a room is kept that everybody has forgotten.
    pub forget_grace_days: u32,
    /// The version of rooms whose creators ask for none.
    pub default_room_version: RoomVersion,
    /// How much state a room may have, without its members.
    pub room_state: StateLimits,
    /// The sender of the server's notices, and the rooms that they are sent in.
    pub notices: Notices,
    /// The addresses at which metrics are served.
    pub metrics: Metrics,
}

/// The sender of the server's notices to its users, and the rooms that they are sent in.
#[derive(Debug, Clone)]
pub struct Notices {
    /// The sender's localpart; without one there are no notices.
    pub localpart: Option<String>,
    /// The sender's display name.
    pub display_name: String,
    /// The picture of the sender and of the rooms.
    pub avatar_url: Option<String>,
    /// The name of the rooms.
    pub room_name: String,
    /// Whether administrators get a notice of each report.
    pub of_reports: bool,
}

/// The HTTP listeners.
#[derive(Debug, Clone)]
pub struct Http {
    /// The addresses to listen on.
    pub bind: Vec<SocketAddr>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Connections that one address may have, proxies excepted.
    pub connections_per_address: usize,
    /// How long a client may read nothing of an answer, in seconds.
    pub write_timeout: u64,
}

/// The rules for registration.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The mode, if it was set; see [`Config::registration_mode`].
    pub mode: Option<RegistrationMode>,
    /// Whether there are guest accounts.
    pub guests: bool,
    /// The secret of shared-secret registration; without one that endpoint does not exist.
    pub shared_secret: Option<Secret>,
    /// The minimum length of passwords, in characters.
    pub min_password_length: usize,
}

/// The log's levels and form. The log goes to standard error.
#[derive(Debug, Clone)]
pub struct Log {
    /// A level, or several for parts of the program: `info,im2_store=debug`.
    pub level: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The relays for calls: the server's own, if it is to listen, and others, if there is a secret that they share.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The addresses that the server's own relay listens on over UDP and TCP; without any there is none.
    pub listen: Vec<SocketAddr>,
    /// Those that it listens on over TLS.
    pub listen_tls: Vec<SocketAddr>,
    /// The file of the certificate for that, and of its key.
    pub certificate: Option<PathBuf>,
    /// The file of the certificate's private key.
    pub key: Option<PathBuf>,
    /// The name at which clients reach it, if it was set.
    pub host: Option<String>,
    /// The addresses at which peers see what is relayed, if they were set.
    pub public_addresses: Vec<IpAddr>,
    /// The ports of relayed addresses.
    pub relay_ports: RangeInclusive<u16>,
    /// Networks that are not public and may be relayed to.
    pub allowed_peers: Vec<address::Network>,
    /// Limits of the relay.
    pub limits: im2_turn::Limits,
    /// The addresses of other relays.
    pub uris: Vec<String>,
    /// The secret that all relays share.
    pub shared_secret: Option<Secret>,
    /// How long credentials last, in seconds.
    pub ttl_seconds: u64,
}

/// The unit that forwards the media of calls.
#[derive(Debug, Clone)]
pub struct Rtc {
    /// Whether there is one.
    pub enabled: bool,
    /// Whether that was chosen. The default is given up without ado if another program has the ports.
    pub chosen: bool,
    /// Its UDP port.
    pub udp_port: u16,
    /// Its TCP port, for those whose network lets no UDP through; `None` for none.
    pub tcp_port: Option<u16>,
    /// The addresses at which participants reach these ports; empty for the machine's own.
    pub addresses: Vec<IpAddr>,
    /// Participants of all calls together.
    pub participants: usize,
    /// Participants of one call.
    pub participants_per_call: usize,
}

/// The contacts for questions about this server.
#[derive(Debug, Clone, Default)]
pub struct Support {
    /// Each a role and a user ID, an e-mail address, or both.
    pub contacts: Vec<String>,
    /// A page that helps.
    pub page: Option<String>,
}

/// The addresses at which metrics are served.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// The addresses; none switches them off.
    pub bind: Vec<SocketAddr>,
    /// Whether they were chosen. The default is given up without ado if another program listens there.
    pub chosen: bool,
}

/// Defines an enum whose values are words of the configuration.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl FromStr for $name {
            type Err = ();

            fn from_str(word: &str) -> Result<Self, ()> {
                match word { $($word => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }
    };
}

words! {
    /// The users who may register.
    RegistrationMode {
        /// Everybody.
        Open = "open",
        /// Users with a registration token.
        Token = "token",
        /// Nobody; administrators create accounts.
        Closed = "closed",
    }
}

words! {
    /// The form of a line of the log.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

/// Text that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for where it is used.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            named: None,
            data_dir: PathBuf::from("im2-data"),
            public_url: None,
            http: Http {
                bind: vec![SocketAddr::from(([127, 0, 0, 1], 8008))],
                trusted_proxies: ["127.0.0.1", "::1"].iter().filter_map(|address| Network::parse(address)).collect(),
                connections_per_address: 1_000,
                write_timeout: 60,
            },
            registration: Registration { mode: None, guests: false, shared_secret: None, min_password_length: 8 },
            login_tokens: false,
            access_token_lifetime: 60 * 60,
            directory_shows_everyone: None,
            registration_files: Vec::new(),
            rate_limits: rate_limits::Options {
                enabled: true,
                strangers_per_day: 50,
                ..rate_limits::Options::default()
            },
            log: Log { level: "info".into(), format: LogFormat::Text },
            memory_budget: None,
            max_upload_bytes: 100 << 20,
            url_previews: false,
            push_to_private_addresses: false,
            previews_of_private_addresses: false,
            web_homeservers: Vec::new(),
            turn: Turn {
                listen: Vec::new(),
                listen_tls: Vec::new(),
                certificate: None,
                key: None,
                host: None,
                public_addresses: Vec::new(),
                relay_ports: 49_152..=65_535,
                allowed_peers: Vec::new(),
                limits: im2_turn::Limits::default(),
                uris: Vec::new(),
                shared_secret: None,
                ttl_seconds: 24 * 60 * 60,
            },
            rtc: Rtc {
                enabled: true,
                chosen: false,
                udp_port: 7882,
                tcp_port: Some(7881),
                addresses: Vec::new(),
                participants: 2_000,
                participants_per_call: 200,
            },
            support: Support::default(),
            collect_media_after_days: 7,
            forget_grace_days: 7,
            default_room_version: RoomVersion::DEFAULT,
            room_state: StateLimits::default(),
            notices: Notices {
                localpart: None,
                display_name: "Server Notices".into(),
                avatar_url: None,
                room_name: "Server Notices".into(),
                of_reports: false,
            },
            metrics: Metrics { bind: vec![SocketAddr::from(([127, 0, 0, 1], 9008))], chosen: false },
        }
    }
}

impl Config {
    /// The domain of the users: what was set, else the host of the public URL, else `localhost`.
    pub fn server_name(&self) -> ServerName {
        let host =
            || self.public_url.as_deref().and_then(value::url_host).and_then(|host| ServerName::parse(host).ok());
        let local = || ServerName::parse("localhost").expect("`localhost` is a server name");
        self.named.clone().or_else(host).unwrap_or_else(local)
    }

    /// The registration mode: the one that was set, else open while only this machine can connect, else closed.
    pub fn registration_mode(&self) -> RegistrationMode {
        let default = if self.is_loopback_only() { RegistrationMode::Open } else { RegistrationMode::Closed };
        self.registration.mode.unwrap_or(default)
    }

    /// Whether people search finds everybody. Unless it is set, it does where those who run the server know who is
    /// here: while registration is not open to the world.
    pub fn directory_shows_everyone(&self) -> bool {
        self.directory_shows_everyone.unwrap_or(self.registration.mode != Some(RegistrationMode::Open))
    }

    /// Whether only programs on this machine can connect.
    pub fn is_loopback_only(&self) -> bool {
        self.http.bind.iter().all(|address| address.ip().is_loopback())
    }

    /// Whether the server relays calls itself.
    pub fn relays(&self) -> bool {
        !(self.turn.listen.is_empty() && self.turn.listen_tls.is_empty())
    }

    /// The host of the public URL, if that was set.
    pub fn public_host(&self) -> Option<&str> {
        self.public_url.as_deref().and_then(value::url_host)
    }

    /// The limits, with the page that refusals point to: the one that helps users, else whom to turn to.
    pub fn limits(&self) -> rate_limits::Options {
        let page = self.support.page.clone().unwrap_or_else(|| {
            let url = self.public_url.clone().unwrap_or_else(|| format!("https://{}", self.server_name()));
            format!("{url}/.well-known/matrix/support")
        });
        rate_limits::Options { info_uri: Some(page), ..self.rate_limits.clone() }
    }

    /// The contacts in the form of `/.well-known/matrix/support`; `None` if nobody is named.
    pub fn support(&self) -> Option<serde_json::Value> {
        let contacts: Vec<_> = self.support.contacts.iter().filter_map(|entry| value::contact(entry)).collect();
        let mut support = serde_json::Map::new();
        if !contacts.is_empty() {
            support.insert("contacts".into(), contacts.into());
        }
        if let Some(page) = &self.support.page {
            support.insert("support_page".into(), page.as_str().into());
        }
        (!support.is_empty()).then_some(serde_json::Value::Object(support))
    }

    /// Sets a key as the file or the environment would. For tests and for programs that embed the server.
    pub fn set(&mut self, path: &str, value: impl Into<Value>) -> Result<(), Problems> {
        load::set(self, path, value.into())
    }
}
