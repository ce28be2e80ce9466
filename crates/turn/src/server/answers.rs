//! A limit on answers to requests without credentials, by source address: whoever forges the address of a victim has
//! the server send it no more than a trickle.
//!
//! The table has a fixed size. Addresses that share a place share its allowance, and which do is not known outside.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    time::Duration,
};

/// Places. With a thousand busy addresses, one in sixteen shares its place with another one.
const PLACES: usize = 16_384;
/// Answers that may come at once: some fifty clients behind one address that start a call.
const BURST: u16 = 300;
/// Answers a second after that, each of about 130 bytes.
const PER_SECOND: u32 = 50;

#[derive(Debug, Clone, Copy)]
struct Place {
    left: u16,
    /// The time of the last refill, in 50ths of a second.
    at: u32,
}

#[derive(Debug)]
pub(super) struct Answers {
    hasher: RandomState,
    places: Box<[Place]>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { hasher: RandomState::new(), places: vec![Place { left: BURST, at: 0 }; PLACES].into_boxed_slice() }
    }
}

impl Answers {
    /// Whether one more answer may go to this address.
    pub(super) fn allow(&mut self, address: IpAddr, now: Duration) -> bool {
        let network = match address {
            IpAddr::V4(v4) => u64::from(v4.to_bits()),
            IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
        };
        let place = &mut self.places[self.hasher.hash_one(network) as usize % PLACES];
        let ticks = (now.as_millis() / u128::from(1_000 / PER_SECOND)) as u32;
        let more = ticks.wrapping_sub(place.at).min(u32::from(BURST)) as u16;
        *place = Place { left: place.left.saturating_add(more).min(BURST), at: ticks };
        let allowed = place.left > 0;
        place.left = place.left.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Answers, BURST, PER_SECOND};

    #[test]
    fn an_address_has_a_burst_and_then_a_rate_and_others_have_theirs() {
        let mut answers = Answers::default();
        let (ana, ben) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let begun = Duration::from_secs(1_000);
        assert_eq!((0..1_000).filter(|_| answers.allow(ana, begun)).count(), usize::from(BURST));
        let others = (0..100).filter(|host| answers.allow(std::net::Ipv4Addr::new(198, 51, 100, *host).into(), begun));
        assert!(others.count() >= 98, "one that shares a place with ana may be refused");
        let second = begun + Duration::from_secs(1);
        assert_eq!((0..1_000).filter(|_| answers.allow(ana, second)).count(), PER_SECOND as usize);
        // Addresses of one IPv6 network are one.
        assert!(answers.allow(ben, begun));
        let same = (0..1_000).filter(|_| answers.allow("2001:db8::2".parse().unwrap(), begun));
        assert!(same.count() < usize::from(BURST));
        // After a long silence there is a burst again, no more.
        let later = begun + Duration::from_secs(100_000_000);
        assert_eq!((0..1_000).filter(|_| answers.allow(ana, later)).count(), usize::from(BURST));
    }
}
