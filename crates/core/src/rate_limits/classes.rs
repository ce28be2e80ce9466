//! The classes of requests: what is limited, by whom it is counted, and how much of it is allowed.

use im2_model::Millis;

/// Bytes of a request's body that cost as much as one more request: as large as four ordinary events.
const BYTES_A_UNIT: u64 = 16 * 1024;

/// A class of requests, or of what requests do, with a limit of its own. The limits are for machines: a person, or an
/// office behind one address, does not reach them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "`Class::description` says what each counts")]
pub enum Class {
    Anonymous,
    Lookup,
    Refresh,
    Login,
    Registration,
    UnknownToken,
    FailedLogin,
    AddressGuesses,
    NetworkGuesses,
    AccountGuesses,
    Read,
    History,
    Sync,
    Media,
    Thumbnail,
    Change,
    Signal,
    Profile,
    Send,
    ToDevice,
    Keys,
    KeyBackup,
    Join,
    Invite,
    Upload,
    UploadBytes,
    Search,
    Report,
    Pass,
    Admin,
}

/// The kind of owner that a class is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The client's address, before anybody is authenticated.
    Address,
    /// The user.
    User,
    /// Wrong passwords and tokens: by address, network and account (`guess_limits` of `im2-accounts` says how they work
    /// together).
    Guess,
}

/// The properties of a class.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// Its name in the configuration.
    pub name: &'static str,
    /// The kind of owner that it is counted by.
    pub by: By,
    /// The limit, unless the configuration sets another.
    pub rate: Rate,
    /// The thing that it counts.
    pub about: &'static str,
}

/// A limit: a bucket of `burst` units that fills up again steadily.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Units at once.
    pub burst: u64,
    /// Units a second after that.
    pub per_second: f64,
}

/// The largest burst that may be configured, and the largest and smallest rate. Within them the arithmetic of buckets
/// is exact enough and does not overflow.
const MAX_BURST: u64 = 1 << 40;
const MAX_PER_SECOND: f64 = 1e9;
const MIN_PER_SECOND: f64 = 1e-6;

impl Rate {
    /// The rate written as `BURST PER_SECOND`.
    #[expect(clippy::cast_precision_loss, reason = "a burst has up to 40 bits")]
    fn parse(burst: &str, per_second: &str) -> Option<Self> {
        let rate = Self { burst: burst.parse().ok()?, per_second: per_second.parse().ok()? };
        let fits =
            (1..=MAX_BURST).contains(&rate.burst) && (MIN_PER_SECOND..=MAX_PER_SECOND).contains(&rate.per_second);
        // A bucket that takes more than a hundred years to fill would not fit its clock.
        (fits && rate.burst as f64 / rate.per_second < 3e9).then_some(rate)
    }
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 30] = [
        Self::Anonymous,
        Self::Lookup,
        Self::Refresh,
        Self::Login,
        Self::Registration,
        Self::UnknownToken,
        Self::FailedLogin,
        Self::AddressGuesses,
        Self::NetworkGuesses,
        Self::AccountGuesses,
        Self::Read,
        Self::History,
        Self::Sync,
        Self::Media,
        Self::Thumbnail,
        Self::Change,
        Self::Signal,
        Self::Profile,
        Self::Send,
        Self::ToDevice,
        Self::Keys,
        Self::KeyBackup,
        Self::Join,
        Self::Invite,
        Self::Upload,
        Self::UploadBytes,
        Self::Search,
        Self::Report,
        Self::Pass,
        Self::Admin,
    ];

    /// The class of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.description().name == name)
    }

    /// Its properties.
    pub const fn description(self) -> Description {
        match self {
            Self::Anonymous | Self::Lookup | Self::Refresh | Self::Login | Self::Registration | Self::UnknownToken => {
                self.of_address()
            }
            Self::FailedLogin | Self::AddressGuesses | Self::NetworkGuesses | Self::AccountGuesses => self.of_guess(),
            _ => self.of_user(),
        }
    }

    const fn of_address(self) -> Description {
        let (name, burst, per_second, about) = match self {
            Self::Lookup => ("lookup", 600, 10.0, "look-ups by clients without an account: names, profiles, aliases"),
            Self::Refresh => ("refresh", 300, 10.0, "refreshes of access tokens"),
            Self::Login => ("login", 60, 0.5, "sign-in attempts; for an account in use, by account and address"),
            Self::Registration => ("registration", 60, 0.2, "registrations, of two or three requests each"),
            Self::UnknownToken => ("unknown_token", 300, 5.0, "requests with a missing or unknown access token"),
            _ => ("anonymous", 1_000, 50.0, "other requests without an account"),
        };
        Description { name, by: By::Address, rate: Rate { burst, per_second }, about }
    }

    const fn of_guess(self) -> Description {
        let (name, burst, per_second, about) = match self {
            Self::FailedLogin => ("failed_login", 10, 1.0 / 30.0, "wrong passwords for one account from one address"),
            Self::AddressGuesses => {
                ("address_guesses", 30, 0.1, "wrong passwords and tokens from one address, for any accounts")
            }
            Self::NetworkGuesses => {
                ("network_guesses", 100, 0.3, "wrong passwords and tokens from one network (IPv4 /24, IPv6 /48)")
            }
            _ => (
                "account_guesses",
                100,
                0.1,
                "wrong passwords for one account from all addresses that do not normally use it",
            ),
        };
        Description { name, by: By::Guess, rate: Rate { burst, per_second }, about }
    }

    const fn of_user(self) -> Description {
        let (name, burst, per_second, about) = match self {
            Self::History => ("history", 500, 20.0, "pages of history, state, members, relations and spaces"),
            Self::Sync => ("sync", 600, 30.0, "syncs"),
            Self::Media => ("media", 2_000, 100.0, "downloads"),
            Self::Thumbnail => (
                "thumbnail",
                1_000,
                20.0,
                "thumbnails; one that has to be generated counts as ten, and ten more for each further 32 megapixels of the picture",
            ),
            Self::Change => {
                ("change", 300, 10.0, "changes to settings: account data, filters, push rules, pushers, devices")
            }
            Self::Signal => ("signal", 300, 20.0, "receipts, typing and presence"),
            Self::Profile => ("profile", 30, 0.5, "profile changes, each of which is sent to every room"),
            Self::Send => ("send", 200, 20.0, "events sent"),
            Self::ToDevice => ("to_device", 500, 50.0, "to-device requests; every 20 recipients count as one more"),
            Self::Keys => ("keys", 300, 10.0, "key uploads, queries and claims"),
            Self::KeyBackup => ("key_backup", 1_000, 64.0, "changes to key backups"),
            Self::Join => ("join", 50, 1.0, "joins, knocks and new rooms, through any endpoint"),
            Self::Invite => ("invite", 100, 1.0, "invites, through any endpoint"),
            Self::Upload => ("upload", 100, 2.0, "uploads and URL previews"),
            Self::UploadBytes => ("upload_bytes", 1 << 30, 262_144.0, "bytes uploaded"),
            Self::Search => {
                ("search", 60, 4.0, "searches for messages, people and rooms, initial syncs, queries to bridges")
            }
            Self::Report => ("report", 50, 0.1, "reports to the administrators"),
            Self::Pass => ("pass", 20, 0.1, "login tokens, OpenID tokens and password changes"),
            Self::Admin => ("admin", 1_000, 100.0, "administration"),
            _ => ("read", 2_000, 100.0, "other reads"),
        };
        Description { name, by: By::User, rate: Rate { burst, per_second }, about }
    }

    /// Whether the class counts addresses, before anybody is authenticated.
    pub const fn is_by_address(self) -> bool {
        matches!(self.description().by, By::Address)
    }

    /// Whether a limit that an administrator gives a single user, which speaks of messages a second, takes the place
    /// of this class's. What only reads, and what is not counted in requests, keeps its own.
    pub(super) const fn follows_own_limit(self) -> bool {
        let others = matches!(
            self,
            Self::Read
                | Self::History
                | Self::Sync
                | Self::Media
                | Self::Thumbnail
                | Self::UploadBytes
                | Self::KeyBackup
                | Self::Admin
        );
        matches!(self.description().by, By::User) && !others
    }

    /// The cost of a request with a body of this length, in units. The bytes of uploads are counted by a class of their
    /// own.
    pub const fn cost(self, body: u64) -> u64 {
        if matches!(self, Self::Upload) { 1 } else { 1 + body / BYTES_A_UNIT }
    }
}

/// The limits of all classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates([Rate; Class::ALL.len()]);

impl Default for Rates {
    fn default() -> Self {
        Self(Class::ALL.map(|class| class.description().rate))
    }
}

impl Rates {
    /// The limit of a class.
    pub fn of(&self, class: Class) -> Rate {
        self.0[class as usize]
    }

    /// Sets a limit from its text, `NAME BURST PER_SECOND`; `None` if it does not read so.
    pub fn set(&mut self, text: &str) -> Option<()> {
        let mut words = text.split_whitespace();
        let class = Class::named(words.next()?)?;
        self.0[class as usize] = Rate::parse(words.next()?, words.next()?)?;
        words.next().is_none().then_some(())
    }

    /// The limits that are not the default, as [`Rates::set`] reads them.
    pub fn changed(&self) -> Vec<String> {
        let changed = Class::ALL.into_iter().filter(|class| self.of(*class) != class.description().rate);
        let text = |class: Class| {
            let Rate { burst, per_second } = self.of(class);
            format!("{} {burst} {per_second}", class.description().name)
        };
        changed.map(text).collect()
    }
}

/// Nanoseconds: the unit of buckets, so that a byte a microsecond is a whole number.
pub(super) const NANOS_A_MILLI: u64 = 1_000_000;

/// A rate as buckets count it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Units at once.
    pub(super) burst: u64,
    /// Nanoseconds after which there is one more.
    pub(super) interval: u64,
}

impl From<Rate> for Pace {
    fn from(rate: Rate) -> Self {
        let interval = (1e9 / rate.per_second).round().max(1.0) as u64;
        Self { burst: rate.burst.max(1), interval }
    }
}

impl Pace {
    /// The pace multiplied by `factor`.
    pub(super) fn times(self, factor: u64) -> Self {
        Self { burst: self.burst.saturating_mul(factor), interval: (self.interval / factor).max(1) }
    }

    /// How long the whole bucket takes to fill.
    pub(super) fn span(self) -> u64 {
        self.burst.saturating_mul(self.interval)
    }
}

/// A duration of buckets in milliseconds, rounded up.
pub(super) fn millis(nanos: u64) -> Millis {
    nanos.div_ceil(NANOS_A_MILLI)
}

#[cfg(test)]
mod tests {
    use super::{Class, Rates};

    #[test]
    fn classes_are_listed_in_their_order_and_have_names_of_their_own() {
        for (place, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, place);
            assert_eq!(Class::named(class.description().name), Some(class));
        }
    }

    #[test]
    fn limits_are_read_and_shown_alike() {
        let mut rates = Rates::default();
        assert!(rates.changed().is_empty());
        rates.set("send 400 0.5").unwrap();
        rates.set("upload_bytes 1000 1000000").unwrap();
        assert_eq!(rates.changed(), ["send 400 0.5", "upload_bytes 1000 1000000"]);
        for wrong in ["", "send", "send 1", "sent 1 1", "send 0 1", "send 1 0", "send 1 -1", "send 1 NaN", "send 1 1 1"]
        {
            assert_eq!(rates.set(wrong), None, "{wrong}");
        }
        assert_eq!(rates.set("send 1099511627776 0.000001"), None, "longer than the clock");
    }
}
