//! Rate limits (spec: "Rate limiting", `M_LIMIT_EXCEEDED`).
//!
//! A route has at most one [`Class`]; who is counted, the address or the user, belongs to the class. Each bucket is a
//! single number, the generic cell rate algorithm's "theoretical arrival time": a bucket that lies in the past is full
//! and needs no memory.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use im2_engine::{Code, rate_limits::RateLimit};
use im2_model::{Clock, Millis, UserNid};
use parking_lot::Mutex;

use crate::{Api, auth::access_token, error::ApiError};

/// Buckets remembered at once: about 5 MB. Reached only under attack, and then the fullest buckets go.
const BUCKETS: usize = 65_536;

/// What is limited, and how much of it. The limits are for machines: a person, or an office behind one address, does
/// not reach them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Attempts to sign in, by address: 60 at once, then one every two seconds.
    Login,
    /// Wrong passwords, by account: 10 at once, then one every 30 seconds. Spent by the sign-in itself.
    FailedLogin,
    /// Registrations (each takes two or three requests), by address: 60 at once, then one every five seconds.
    Registration,
    /// Questions before registering (whether a name is free), by address: 300 at once, then five a second.
    Lookup,
    /// Events sent, by user: 200 at once, then 20 a second.
    Send,
    /// Requests to send to devices, by user: 500 at once, then 50 a second. A room key for a large room takes many.
    ToDevice,
    /// Uploads, look-ups and claims of keys, by user: 300 at once, then ten a second. In a large room a client asks many
    /// times in a row.
    Keys,
    /// Joins, invitations and new rooms, by user: 50 at once, then one a second.
    Join,
    /// Uploads and previews of links, by user: 100 at once, then two a second.
    Upload,
    /// Searches of messages, by user: 30 at once, then two a second.
    Search,
    /// Tokens to be shown elsewhere (signing in on another device, OpenID), by user: 20 at once, then one every ten
    /// seconds.
    Pass,
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// An address; of IPv6 the first 64 bits, which is what one subscriber has.
    Address(IpAddr),
    /// A user.
    User(UserNid),
    /// An account by the name somebody tries to sign in with, hashed: it need not exist.
    Name(u64),
}

impl Who {
    /// An address as it is counted.
    pub fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => Self::Address(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into()),
            v4 @ IpAddr::V4(_) => Self::Address(v4),
        }
    }

    /// A name as it is counted.
    pub fn name(name: &str) -> Self {
        use std::hash::{BuildHasher as _, RandomState};
        static STATE: std::sync::OnceLock<RandomState> = std::sync::OnceLock::new();
        Self::Name(STATE.get_or_init(RandomState::new).hash_one(name))
    }
}

impl Class {
    /// How many at once, and the milliseconds after which one more is allowed.
    fn rate(self) -> (Millis, Millis) {
        match self {
            Self::Login => (60, 2_000),
            Self::Registration => (60, 5_000),
            Self::Lookup => (300, 200),
            Self::FailedLogin => (10, 30_000),
            Self::Send => (200, 50),
            Self::ToDevice => (500, 20),
            Self::Keys => (300, 100),
            Self::Join => (50, 1_000),
            Self::Upload => (100, 500),
            Self::Search => (30, 500),
            Self::Pass => (20, 10_000),
        }
    }

    /// Whether the class counts addresses, before anybody is authenticated.
    fn by_address(self) -> bool {
        matches!(self, Self::Login | Self::Registration | Self::Lookup)
    }
}

/// The buckets of everybody.
pub struct Limits {
    enabled: bool,
    clock: Arc<dyn Clock>,
    buckets: Mutex<HashMap<(Class, Who), Millis>>,
}

impl Limits {
    /// Full buckets for everybody; with `enabled` off, bottomless ones.
    pub fn new(enabled: bool, clock: Arc<dyn Clock>) -> Self {
        Self { enabled, clock, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one from a bucket, or refuses with the time until there is one.
    pub fn spend(&self, class: Class, who: Who) -> Result<(), ApiError> {
        self.take(class, who, class.rate(), true)
    }

    /// Takes one from a user's bucket, which is another where an administrator gave the user a limit of their own.
    pub fn spend_of(&self, class: Class, user: UserNid, own: Option<RateLimit>) -> Result<(), ApiError> {
        match own {
            None => self.spend(class, Who::User(user)),
            Some(RateLimit { per_second: 0, .. }) => Ok(()),
            Some(RateLimit { per_second, burst }) => {
                let rate = (Millis::from(burst.max(1)), 1_000_u64.div_ceil(Millis::from(per_second)));
                self.take(class, Who::User(user), rate, true)
            }
        }
    }

    /// Refuses if a bucket is empty, without taking from it.
    pub fn check(&self, class: Class, who: Who) -> Result<(), ApiError> {
        self.take(class, who, class.rate(), false)
    }

    fn take(&self, class: Class, who: Who, (burst, interval): (Millis, Millis), spend: bool) -> Result<(), ApiError> {
        if !self.enabled {
            return Ok(());
        }
        let now = self.clock.now();
        let mut buckets = self.buckets.lock();
        let arrival = buckets.get(&(class, who)).copied().unwrap_or(0).max(now);
        let wait = (arrival + interval).saturating_sub(now + burst * interval);
        if wait > 0 {
            return Err(
                ApiError::new(Code::LimitExceeded, "too many requests; wait a moment").with("retry_after_ms", wait)
            );
        }
        if spend {
            if buckets.len() >= BUCKETS {
                make_room(&mut buckets, now);
            }
            buckets.insert((class, who), arrival + interval);
        }
        Ok(())
    }
}

/// Forgets the buckets that are full again; under attack there may be none, and then every other one of the rest.
fn make_room(buckets: &mut HashMap<(Class, Who), Millis>, now: Millis) {
    buckets.retain(|_, arrival| *arrival > now);
    if buckets.len() > BUCKETS / 2 {
        let mut keep = false;
        buckets.retain(|_, _| {
            keep = !keep;
            keep
        });
        tracing::warn!(remembered = buckets.len(), "more sources of requests than rate limits can remember");
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

/// The layer of a route that has a class. Addresses are counted here; users by the extractor that authenticates them,
/// which finds the class in the request.
pub(crate) async fn layer(State((api, class)): State<(Arc<Api>, Class)>, mut request: Request, next: Next) -> Response {
    if class.by_address() {
        let token = access_token(request.headers(), request.uri());
        if token.is_some_and(|token| api.engine.core.services.by_token(&token).is_some()) {
            return next.run(request).await; // one address signs in all the users of an application service
        }
        // Without a peer (a caller inside the process) all share one bucket.
        let address = api.options.proxies.client(request.extensions(), request.headers());
        let address = address.unwrap_or(Ipv6Addr::UNSPECIFIED.into());
        if let Err(refusal) = api.limits.spend(class, Who::address(address)) {
            return refusal.into_response();
        }
    } else {
        request.extensions_mut().insert(class);
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Class, Limits, Who};
    use im2_model::{ManualClock, UserNid};
    use std::sync::Arc;

    fn limits() -> (Arc<ManualClock>, Limits) {
        let clock = Arc::new(ManualClock::at(1_700_000_000_000));
        (Arc::clone(&clock), Limits::new(true, clock))
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
    fn checking_takes_nothing() {
        let (_, limits) = limits();
        let name = Who::name("ana");
        assert!((0..100).all(|_| limits.check(Class::FailedLogin, name).is_ok()));
        assert_eq!((0..100).filter(|_| limits.spend(Class::FailedLogin, name).is_ok()).count(), 10);
    }

    #[test]
    fn switched_off_they_are_bottomless() {
        let limits = Limits::new(false, Arc::new(ManualClock::at(0)));
        assert!((0..10_000).all(|_| limits.spend(Class::Login, Who::name("x")).is_ok()));
    }

    #[test]
    fn memory_is_bounded() {
        let (_, limits) = limits();
        for user in 0..(3 * BUCKETS as i64) {
            assert!(limits.spend(Class::Send, Who::User(UserNid(user))).is_ok());
        }
        assert!(limits.buckets.lock().len() <= BUCKETS);
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one() {
        let one = Who::address("2001:db8:1:2:3::4".parse().unwrap());
        assert_eq!(one, Who::address("2001:db8:1:2:ffff::1".parse().unwrap()));
        assert_ne!(one, Who::address("2001:db8:1:3::4".parse().unwrap()));
        assert_eq!(Who::address("::ffff:192.0.2.1".parse().unwrap()), Who::address("192.0.2.1".parse().unwrap()));
    }
}
