//! Limits on what users and strangers may do, and on what accounts may keep.
//!
//! Every request belongs to a [`Class`], which the edge counts before the request is carried out, and costs more the
//! larger it is. What counts people reached or bytes taken, and what is known only while the work is done (a wrong
//! password), is counted by the use case. [`Quota`]s bound what stays. All of it can be configured; `docs/limits.md`
//! lists it, and a test holds the list to this module.

mod buckets;
mod classes;
mod quotas;

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use im2_fair::{Bounds, Load, Turns};
use im2_model::{Clock, Millis, UserNid};
use parking_lot::RwLock;

pub use buckets::{Who, subscriber};
pub use classes::{By, Class, Rate, Rates};
pub use im2_store::rate_limits::RateLimit;
pub use quotas::{Quota, Quotas};

use crate::{Code, Error, Result};
use buckets::{Buckets, Taken, Taking};
use classes::Pace;

/// How many addresses of one network may do as much as one each.
const ADDRESSES_A_NETWORK: u64 = 10;

/// Pages of [`Class::History`] that are made at the same time. Each takes some milliseconds of the threads that
/// everybody's requests run on, and some take fifty.
const PAGES: Bounds = Bounds {
    // As many as there are users who ask: one a user is what bounds them.
    running: 1_024,
    running_per_key: 1,
    running_per_target: usize::MAX,
    waiting: 16_384,
    // A client that opens a room asks for a handful at once, one that exports rooms for dozens.
    waiting_per_key: 128,
};

/// The limits in effect.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether requests are rate-limited. Quotas hold in any case.
    pub enabled: bool,
    /// How much of each class.
    pub rates: Rates,
    /// How much an account may keep.
    pub quotas: Quotas,
    /// People that a new account may invite in a day without sharing a room with them; 0 for any number.
    pub strangers_per_day: u32,
    /// A page about the limits of accounts, which refusals point to (MSC4335).
    pub info_uri: Option<String>,
}

/// The limits, and the units that everybody has spent of them.
pub struct Limits {
    options: Options,
    paces: [Pace; Class::ALL.len()],
    buckets: Buckets,
    /// One entry a user to whom an administrator gave a limit by hand.
    own: RwLock<HashMap<UserNid, RateLimit>>,
    pages: Turns,
}

/// Something spent that may be given back. Dropped, it stays spent.
#[must_use]
#[derive(Debug)]
pub struct Reservation<'a> {
    limits: &'a Limits,
    taken: Vec<Taken>,
}

impl Reservation<'_> {
    /// Gives it back: it turned out not to count.
    pub fn give_back(self) {
        self.limits.buckets.give_back(&self.taken);
    }
}

impl Limits {
    pub(crate) fn new(options: Options, clock: Arc<dyn Clock>, own: HashMap<UserNid, RateLimit>) -> Self {
        let paces = Class::ALL.map(|class| Pace::from(options.rates.of(class)));
        Self { options, paces, buckets: Buckets::new(clock), own: RwLock::new(own), pages: Turns::new(PAGES) }
    }

    /// The turns at requests of a class that a user has made one after the other.
    pub fn turns(&self, class: Class) -> Option<&Turns> {
        (class == Class::History).then_some(&self.pages)
    }

    /// How many pages are being made, for metrics.
    pub fn page_load(&self) -> Load {
        self.pages.load()
    }

    /// The limits in effect.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Spends one unit, or refuses with the time until there is one.
    pub fn spend(&self, class: Class, who: Who<'_>) -> Result<()> {
        self.spend_more(class, who, 1)
    }

    /// Spends `cost` units, or refuses with the time until there are as many.
    pub fn spend_more(&self, class: Class, who: Who<'_>, cost: u64) -> Result<()> {
        let pace = self.paces[class as usize];
        self.take(&[Taking { class, who, pace, cost }], true).map(drop)
    }

    /// Spends `cost` units of an address and of its network, which may spend as much as ten addresses: so many that
    /// somebody has in one network are no more than ten.
    pub fn spend_at(&self, class: Class, address: IpAddr, cost: u64) -> Result<()> {
        let pace = self.paces[class as usize];
        let network = Taking { class, who: Who::network(address), pace: pace.times(ADDRESSES_A_NETWORK), cost };
        self.take(&[Taking { class, who: Who::address(address), pace, cost }, network], true).map(drop)
    }

    /// Spends `cost` units of a user, whose limit is another where an administrator gave them one of their own.
    pub fn spend_of(&self, class: Class, user: UserNid, cost: u64) -> Result<()> {
        self.take_of(class, user, cost, true)
    }

    /// Refuses what [`Limits::spend_of`] would refuse, and spends nothing.
    pub fn check_of(&self, class: Class, user: UserNid, cost: u64) -> Result<()> {
        self.take_of(class, user, cost, false)
    }

    fn take_of(&self, class: Class, user: UserNid, cost: u64, spend: bool) -> Result<()> {
        let pace = match self.own(user) {
            Some(RateLimit { per_second: 0, .. }) => return Ok(()),
            Some(RateLimit { per_second, burst }) if class.follows_own_limit() => {
                Pace::from(Rate { burst: burst.into(), per_second: per_second.into() })
            }
            _ => self.paces[class as usize],
        };
        self.take(&[Taking { class, who: Who::User(user), pace, cost }], spend).map(drop)
    }

    /// Refuses if a bucket is empty, and spends nothing.
    pub fn check(&self, class: Class, who: Who<'_>) -> Result<()> {
        let pace = self.paces[class as usize];
        self.take(&[Taking { class, who, pace, cost: 1 }], false).map(drop)
    }

    /// Spends one unit of each, or none, until it is known whether it counts. All are counted alike ([`By`]).
    pub fn reserve(&self, all: &[(Class, Who<'_>)]) -> Result<Reservation<'_>> {
        let taking = |&(class, who)| Taking { class, who, pace: self.paces[class as usize], cost: 1 };
        let takings: Vec<_> = all.iter().map(taking).collect();
        Ok(Reservation { limits: self, taken: self.take(&takings, true)? })
    }

    fn take(&self, takings: &[Taking<'_>], spend: bool) -> Result<Vec<Taken>> {
        if !self.options.enabled {
            return Ok(Vec::new());
        }
        self.buckets.take(takings, spend).map_err(|wait| {
            let class = takings.first().map_or("", |taking| taking.class.description().name);
            too_many(wait, class)
        })
    }

    /// How much an account may keep.
    pub fn quota(&self, quota: Quota) -> u64 {
        self.options.quotas.of(quota)
    }

    /// Refuses what would take an account beyond a quota.
    pub fn check_quota(&self, quota: Quota, would_be: u64) -> Result<()> {
        if would_be <= self.quota(quota) { Ok(()) } else { Err(self.over_quota(quota)) }
    }

    /// The refusal of what would take an account beyond a quota.
    pub fn over_quota(&self, quota: Quota) -> Error {
        let message = format!("this would exceed your quota of {} {}", self.quota(quota), quota.description().about);
        self.user_limit(message)
    }

    /// A refusal because of a limit of the account, which waiting does not help (MSC4335).
    pub fn user_limit(&self, message: String) -> Error {
        let refusal = Error::refused(Code::UserLimitExceeded, message);
        refusal.with("info_uri", self.options.info_uri.clone().unwrap_or_default())
    }

    /// Whether an administrator has freed a user from limits on requests.
    pub fn is_unlimited(&self, user: UserNid) -> bool {
        self.own(user).is_some_and(|limit| limit.per_second == 0)
    }

    /// Gives a user a limit of their own, or takes it away. Called once it is committed.
    pub fn set_own(&self, user: UserNid, limit: Option<RateLimit>) {
        let mut own = self.own.write();
        match limit {
            Some(limit) => own.insert(user, limit),
            None => own.remove(&user),
        };
    }

    /// The limit that a user has of their own.
    pub fn own(&self, user: UserNid) -> Option<RateLimit> {
        let own = self.own.read();
        if own.is_empty() { None } else { own.get(&user).copied() }
    }
}

/// The refusal of what was asked too often.
pub fn too_many(wait: Millis, what: &str) -> Error {
    let message = format!("too many requests (limit: {what}); wait a moment");
    Error::refused(Code::LimitExceeded, message).with("retry_after_ms", wait)
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, fmt::Write as _, sync::Arc};

    use im2_model::{ManualClock, UserNid};

    use super::{By, Class, Limits, Options, Quota, Rate, Who, buckets::BUCKETS, classes::Description, quotas};

    /// The tables of `docs/limits.md`, as they have to be.
    fn tables() -> String {
        let mut text = String::new();
        for (by, counted) in [(By::Address, "client address"), (By::User, "user"), (By::Guess, "guess")] {
            let _ = write!(text, "\n| by {counted} | at once | a second | counts |\n|---|---|---|---|\n");
            for class in Class::ALL.into_iter().filter(|class| class.description().by == by) {
                let Description { name, rate: Rate { burst, per_second }, about, .. } = class.description();
                let per_second = (per_second * 1_000.0).round() / 1_000.0;
                let _ = writeln!(text, "| `{name}` | {burst} | {per_second} | {about} |");
            }
        }
        text += "\n| quota | most | counts | reason |\n|---|---|---|---|\n";
        for quota in Quota::ALL {
            let quotas::Description { name, most, about, reason } = quota.description();
            let _ = writeln!(text, "| `{name}` | {most} | {about} | {reason} |");
        }
        text
    }

    #[test]
    fn the_documentation_lists_all_limits() {
        let document = include_str!("../../../../docs/limits.md");
        for line in tables().lines() {
            assert!(document.contains(line), "docs/limits.md lacks a line. Its tables have to be:\n{}", tables());
        }
    }

    fn limits() -> (Arc<ManualClock>, Limits) {
        let clock = Arc::new(ManualClock::at(1_700_000_000_000));
        let options = Options { enabled: true, ..Options::default() };
        (Arc::clone(&clock), Limits::new(options, clock, HashMap::new()))
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let (clock, limits) = limits();
        let ana = Who::User(UserNid(1));
        let spent = (0..1000).take_while(|_| limits.spend(Class::Join, ana).is_ok()).count();
        assert_eq!(spent, 50);
        assert!(limits.check(Class::Join, ana).is_err());
        assert!(limits.spend(Class::Join, Who::User(UserNid(2))).is_ok(), "others have their own");
        assert!(limits.spend(Class::Send, ana).is_ok(), "so have other classes");
        clock.advance(999);
        assert!(limits.spend(Class::Join, ana).is_err());
        clock.advance(1);
        assert!(limits.spend(Class::Join, ana).is_ok());
        assert!(limits.spend(Class::Join, ana).is_err());
    }

    #[test]
    fn what_is_large_costs_more_and_what_is_larger_than_the_bucket_is_paid_for_later() {
        let (clock, limits) = limits();
        let ana = UserNid(1);
        assert!(limits.spend_of(Class::Join, ana, 500).is_ok(), "a full bucket allows what it cannot hold");
        assert!(limits.spend_of(Class::Join, ana, 1).is_err());
        clock.advance(450_000);
        assert!(limits.spend_of(Class::Join, ana, 1).is_err(), "not before all of it has been paid for");
        clock.advance(1_000);
        assert!(limits.spend_of(Class::Join, ana, 1).is_ok());
        assert_eq!((Class::Send.cost(0), Class::Send.cost(65_536)), (1, 5));
        assert_eq!(Class::Upload.cost(50 << 20), 1, "the bytes are counted by a class of their own");
    }

    #[test]
    fn what_is_reserved_is_spent_at_once_and_all_together() {
        let (_, limits) = limits();
        let (account, one) = (Who::Account("ana"), Who::address("192.0.2.1".parse().unwrap()));
        let both = [(Class::FailedLogin, one), (Class::AccountGuesses, account)];
        let reserved: Vec<_> = (0..126).filter_map(|_| limits.reserve(&both).ok()).collect();
        assert_eq!(reserved.len(), 10, "while none is settled yet");
        reserved.into_iter().for_each(super::Reservation::give_back);
        let left = (0..1000).filter(|_| limits.spend(Class::AccountGuesses, account).is_ok()).count();
        assert_eq!(left, 100, "a refusal took nothing from the other bucket, and the rest was given back");
    }

    #[test]
    fn switched_off_they_are_bottomless() {
        let limits = Limits::new(Options::default(), Arc::new(ManualClock::at(0)), HashMap::new());
        assert!((0..10_000).all(|_| limits.spend(Class::Login, Who::Account("x")).is_ok()));
    }

    #[test]
    fn a_flood_takes_bounded_memory_and_frees_nobody_who_is_slowed_down() {
        let (_, limits) = limits();
        let guesser = Who::AccountFrom("ana", "192.0.2.1".parse().unwrap());
        while limits.spend(Class::FailedLogin, guesser).is_ok() {}
        let user = Who::User(UserNid(-1));
        while limits.spend(Class::Send, user).is_ok() {}
        for number in 0..(3 * BUCKETS as u32) {
            let address = std::net::Ipv4Addr::from_bits(number).into();
            assert!(limits.spend(Class::Lookup, Who::Address(address)).is_ok());
            assert!(limits.spend(Class::FailedLogin, Who::AccountFrom("ben", address)).is_ok());
            assert!(limits.spend(Class::Send, Who::User(UserNid(number.into()))).is_ok());
        }
        assert!(limits.buckets.len() <= BUCKETS);
        assert!(limits.check(Class::FailedLogin, guesser).is_err());
        assert!(limits.check(Class::Send, user).is_err());
    }
}
