//! Places for signalling connections: how many there may be of one participant, of one address, and at all. The HTTP
//! server no longer counts a connection that has become a WebSocket.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::options::Limits;

/// The address of the client that a request comes from. The server that mounts the routes puts it into the request's
/// extensions, since only that knows its proxies; without it connections are not counted by address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// A room and an identity.
type Participant = (String, String);

/// What is taken.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of_address: HashMap<IpAddr, usize>,
    of_participant: HashMap<Participant, usize>,
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("there are too many connections")]
    All,
    #[error("there are too many connections from this address")]
    Address,
    #[error("there are too many connections of this participant")]
    Participant,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
    participant: Participant,
}

impl Places {
    /// Takes a place.
    pub(crate) fn take(
        self: &Arc<Self>,
        participant: Participant,
        address: Option<IpAddr>,
        limits: &Limits,
    ) -> Result<Place, Full> {
        let address = address.map(network);
        let mut taken = self.0.lock();
        if taken.all >= limits.connections() {
            return Err(Full::All);
        }
        let of_address = address.and_then(|address| taken.of_address.get(&address));
        if of_address.is_some_and(|count| *count >= limits.connections_per_address) {
            return Err(Full::Address);
        }
        if taken.of_participant.get(&participant).is_some_and(|count| *count >= limits.connections_per_participant) {
            return Err(Full::Participant);
        }
        taken.all += 1;
        if let Some(address) = address {
            *taken.of_address.entry(address).or_default() += 1;
        }
        *taken.of_participant.entry(participant.clone()).or_default() += 1;
        drop(taken);
        Ok(Place { places: self.clone(), address, participant })
    }
}

/// What counts as one address: of IPv6 the network of a customer.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((six.to_bits() & (u128::MAX << 64)).into()),
        four @ IpAddr::V4(_) => four,
    }
}

fn give_back<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut entry) = counts.entry(key) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock();
        taken.all -= 1;
        if let Some(address) = self.address {
            give_back(&mut taken.of_address, address);
        }
        give_back(&mut taken.of_participant, std::mem::take(&mut self.participant));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { participants: 4, connections_per_address: 3, connections_per_participant: 2, ..Limits::default() }
    }

    fn who(name: &str) -> Participant {
        ("room".to_owned(), name.to_owned())
    }

    #[test]
    fn each_limit_is_its_own() {
        let (places, limits) = (Arc::new(Places::default()), limits());
        let at = |last: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, last, 0, 0, 0, 7]));
        let mut held =
            vec![places.take(who("ana"), at(1), &limits).unwrap(), places.take(who("ana"), at(2), &limits).unwrap()];
        assert_eq!(places.take(who("ana"), at(3), &limits).unwrap_err(), Full::Participant);
        held.push(places.take(who("ben"), at(1), &limits).unwrap());
        held.push(places.take(who("carla"), Some("2001:db8:0:1::99".parse().unwrap()), &limits).unwrap());
        assert_eq!(places.take(who("dora"), at(1), &limits).unwrap_err(), Full::Address);
        for number in held.len()..limits.connections() {
            held.push(places.take(who(&number.to_string()), None, &limits).unwrap());
        }
        assert_eq!(places.take(who("emil"), at(4), &limits).unwrap_err(), Full::All);
        held.clear();
        let taken = places.0.lock();
        assert_eq!((taken.all, taken.of_address.len(), taken.of_participant.len()), (0, 0, 0));
    }
}
