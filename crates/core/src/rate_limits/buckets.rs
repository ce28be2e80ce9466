//! The buckets: a single number each, the generic cell rate algorithm's "theoretical arrival time". A bucket whose
//! number lies in the past is full and needs no memory.
//!
//! Buckets of users, of addresses and of guesses are kept apart, so that a flood of the one forgets none of the other.
//! Within each, the buckets that would be full again soonest are forgotten first: a flood of new sources, each of
//! which has spent little, forgets its own, and not the one of somebody who is being slowed down.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use im2_model::{Clock, Millis, UserNid};
use parking_lot::Mutex;

use super::classes::{By, Class, NANOS_A_MILLI, Pace, millis};

/// Buckets remembered at once of each of the three kinds: about 3 MB. Reached only under attack.
pub(super) const BUCKETS: usize = 65_536;

/// The owner of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who<'a> {
    /// An address; of IPv6 the first 64 bits, which is what one subscriber has. Made by [`Who::address`].
    Address(IpAddr),
    /// The network of an address: what a provider gives a customer who wants many. Made by [`Who::network`].
    Network(IpAddr),
    /// A user.
    User(UserNid),
    /// One device of a user.
    Session(UserNid, &'a str),
    /// An account by the name somebody tries to sign in with: it need not exist.
    Account(&'a str),
    /// Such a name, tried from an address.
    AccountFrom(&'a str, IpAddr),
    /// Such a name, tried from an address with the ID of a device.
    DeviceFrom(&'a str, &'a str, IpAddr),
}

impl Who<'_> {
    /// An address as it is counted.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(subscriber(address))
    }

    /// The network of an address as it is counted: 24 bits of IPv4, 48 of IPv6.
    pub fn network(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::Network(std::net::Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00).into()),
            IpAddr::V6(v6) => Self::Network(Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80).into()),
        }
    }
}

/// The part of an address that one subscriber has: all of IPv4, the first 64 bits of IPv6.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// One thing to be taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taking<'a> {
    pub(super) class: Class,
    pub(super) who: Who<'a>,
    pub(super) pace: Pace,
    pub(super) cost: u64,
}

/// Units that have been taken, to be given back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    by: By,
    key: u64,
    nanos: u64,
}

/// When each bucket will be full again.
type Kind = Mutex<HashMap<u64, u64>>;

/// The buckets of everybody.
pub(super) struct Buckets {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    addresses: Kind,
    users: Kind,
    guesses: Kind,
}

impl Buckets {
    /// Full buckets for everybody.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            addresses: Kind::default(),
            users: Kind::default(),
            guesses: Kind::default(),
        }
    }

    /// Takes all of `takings`, which are of one kind, or nothing: then the milliseconds until there is enough.
    pub(super) fn take(&self, takings: &[Taking<'_>], spend: bool) -> Result<Vec<Taken>, Millis> {
        let Some(first) = takings.first() else { return Ok(Vec::new()) };
        let by = first.class.description().by;
        let now = self.clock.now().saturating_mul(NANOS_A_MILLI);
        let mut buckets = self.kind(by).lock();
        let keys: Vec<u64> = takings.iter().map(|taking| self.hasher.hash_one((taking.class, taking.who))).collect();
        for (key, taking) in keys.iter().zip(takings) {
            let full_at = buckets.get(key).copied().unwrap_or(0).max(now);
            // More than a bucket holds is allowed when it is full, and keeps it empty for as much longer.
            let needed = taking.cost.min(taking.pace.burst).saturating_mul(taking.pace.interval);
            let wait = full_at.saturating_add(needed).saturating_sub(now.saturating_add(taking.pace.span()));
            if wait > 0 {
                return Err(millis(wait));
            }
        }
        if !spend {
            return Ok(Vec::new());
        }
        let mut taken = Vec::with_capacity(takings.len());
        for (key, taking) in keys.into_iter().zip(takings) {
            if buckets.len() >= BUCKETS {
                make_room(&mut buckets, now);
            }
            let nanos = taking.cost.saturating_mul(taking.pace.interval);
            let full_at = buckets.entry(key).or_insert(0);
            *full_at = (*full_at).max(now).saturating_add(nanos);
            taken.push(Taken { by, key, nanos });
        }
        Ok(taken)
    }

    /// Puts back what was taken.
    pub(super) fn give_back(&self, taken: &[Taken]) {
        for Taken { by, key, nanos } in taken {
            if let Some(full_at) = self.kind(*by).lock().get_mut(key) {
                *full_at = full_at.saturating_sub(*nanos);
            }
        }
    }

    fn kind(&self, by: By) -> &Kind {
        match by {
            By::Address => &self.addresses,
            By::User => &self.users,
            By::Guess => &self.guesses,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        [By::Address, By::User, By::Guess].map(|by| self.kind(by).lock().len()).into_iter().max().unwrap_or(0)
    }
}

/// Forgets the buckets that are full again and, of the rest, those that will be soonest, until half are left.
fn make_room(buckets: &mut HashMap<u64, u64>, now: u64) {
    buckets.retain(|_, full_at| *full_at > now);
    let Some(excess) = buckets.len().checked_sub(BUCKETS / 2).filter(|excess| *excess > 0) else { return };
    let mut times: Vec<u64> = buckets.values().copied().collect();
    let (_, last, _) = times.select_nth_unstable(excess - 1);
    let last = *last;
    let mut excess = excess;
    buckets.retain(|_, full_at| {
        let goes = *full_at <= last && excess > 0;
        excess -= usize::from(goes);
        !goes
    });
    tracing::warn!(remembered = buckets.len(), "more sources of requests than rate limits can remember");
}

#[cfg(test)]
mod tests {
    use super::{Who, subscriber};

    #[test]
    fn a_subscriber_of_ipv6_is_one() {
        let one = Who::address("2001:db8:1:2:3::4".parse().unwrap());
        assert_eq!(one, Who::address("2001:db8:1:2:ffff::1".parse().unwrap()));
        assert_ne!(one, Who::address("2001:db8:1:3::4".parse().unwrap()));
        assert_eq!(Who::address("::ffff:192.0.2.1".parse().unwrap()), Who::address("192.0.2.1".parse().unwrap()));
        assert_eq!(subscriber("192.0.2.1".parse().unwrap()).to_string(), "192.0.2.1");
    }

    #[test]
    fn networks_are_wider() {
        let network = |text: &str| Who::network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::"), network("2001:db8:1:ffff::"));
        assert_ne!(network("2001:db8:1::"), network("2001:db8:2::"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.255"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
    }
}
