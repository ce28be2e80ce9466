//! The addresses at which a connection's peer can be reached. The server is an ICE-lite agent, which checks nothing:
//! whoever knows a connection's password could have its packets sent to somebody else, in whose name it asks. So each
//! address is checked here before anything but answers goes there, as RFC 8445 has it for full agents: a check carries a
//! number that only its receiver learns.
//!
//! Among the addresses that were proven, the one that the peer has nominated last is sent to. It comes and goes with
//! the networks of a client, which nominates the one that it prefers with each of its own checks.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::net::{Protocol, Transmit};

use crate::transport::Packet;
use crate::transport::stun::{self, Credentials, Transaction};

/// Addresses of one peer; the one that has been silent for longest is forgotten.
const MAX_PATHS: usize = 8;
/// Packets that wait until there is an address to send them to.
const MAX_HELD: usize = 32;
/// An address whose peer has not asked for this long is proven no more.
const PROVEN_FOR: Duration = Duration::from_secs(30);
/// An address from which nothing was asked for this long gives way to a newer one, and one that was not nominated for
/// longer. Browsers check an address that they use every two and a half seconds.
const SILENT: Duration = Duration::from_millis(1500);
const NOT_NOMINATED: Duration = Duration::from_millis(3500);

/// A pair of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    local: SocketAddr,
    remote: SocketAddr,
    tcp: bool,
}

#[derive(Debug)]
struct Path {
    ends: Ends,
    asked: Instant,
    nominated: Option<Instant>,
    proven: bool,
    check: Option<Transaction>,
}

/// The addresses of one connection's peer.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    peer: Option<Credentials>,
    known: Vec<Path>,
    current: Option<Ends>,
    held: VecDeque<Transmit>,
}

impl Paths {
    /// What the peer has said of itself, and the checks that can be made now. `ours` is the name of this end.
    pub(crate) fn describe(&mut self, peer: Option<Credentials>, ours: &str) -> Vec<Transmit> {
        if peer.is_none() || peer == self.peer {
            return Vec::new();
        }
        self.peer = peer;
        let (peer, paths) = (&self.peer, self.known.iter_mut());
        paths.filter(|path| !path.proven).filter_map(|path| path.check(peer.as_ref(), ours)).collect()
    }

    /// Whoever knows the connection's password has asked. The check of an address that is not proven, one for each
    /// request that comes from it.
    pub(crate) fn asked(&mut self, packet: &Packet, ours: &str, now: Instant) -> Option<Transmit> {
        let ends = Ends { local: packet.to, remote: packet.from, tcp: packet.tcp };
        let index = self.index(ends, now);
        let path = &mut self.known[index];
        // Who has opened a connection of TCP has answered there.
        path.proven = packet.tcp || path.proven && now.duration_since(path.asked) < PROVEN_FOR;
        path.asked = now;
        if stun::nominates(&packet.bytes) {
            path.nominated = Some(now);
        }
        let check = if path.proven { None } else { path.check(self.peer.as_ref(), ours) };
        self.choose(now);
        check
    }

    /// A check was answered; whether it is one that was made.
    pub(crate) fn answered(&mut self, packet: &Packet, now: Instant) -> bool {
        let ends = Ends { local: packet.to, remote: packet.from, tcp: packet.tcp };
        let transaction = stun::answered(&packet.bytes);
        let Some(peer) = &self.peer else { return false };
        let Some(path) = self.known.iter_mut().find(|path| path.ends == ends) else { return false };
        if path.proven {
            // One of several checks, since each request leads to one until the first answer.
            return true;
        }
        if path.check.is_none()
            || path.check != transaction
            || !stun::is_authentic(&packet.bytes, peer.password.as_bytes())
        {
            return false;
        }
        (path.proven, path.check) = (true, None);
        self.choose(now);
        true
    }

    /// The packet with the address to send it to; none if it has to wait for one. Answers go where they were asked
    /// for, and are no larger than that.
    pub(crate) fn direct(&mut self, mut packet: Transmit) -> Option<Transmit> {
        if stun::is_stun(&packet.contents) {
            return Some(packet);
        }
        let Some(ends) = self.current else {
            if self.held.len() == MAX_HELD {
                self.held.pop_front();
            }
            self.held.push_back(packet);
            return None;
        };
        ends.apply(&mut packet);
        Some(packet)
    }

    /// The packets that have waited, once there is an address.
    pub(crate) fn take_held(&mut self) -> Vec<Transmit> {
        let Some(ends) = self.current else { return Vec::new() };
        let mut held: Vec<_> = self.held.drain(..).collect();
        for packet in &mut held {
            ends.apply(packet);
        }
        held
    }

    fn index(&mut self, ends: Ends, now: Instant) -> usize {
        if let Some(index) = self.known.iter().position(|path| path.ends == ends) {
            return index;
        }
        if self.known.len() == MAX_PATHS {
            let others = self.known.iter().enumerate().filter(|(_, path)| Some(path.ends) != self.current);
            let oldest = others.min_by_key(|(_, path)| path.asked).map(|(index, _)| index);
            self.known.swap_remove(oldest.unwrap_or_default());
        }
        self.known.push(Path { ends, asked: now, nominated: None, proven: false, check: None });
        self.known.len() - 1
    }

    /// Chooses where to send: the current address as long as it is in use, then the one that was nominated last.
    fn choose(&mut self, now: Instant) {
        let current = self.known.iter().find(|path| Some(path.ends) == self.current && path.proven);
        let in_use = current.is_some_and(|path| {
            let nominated = path.nominated.is_some_and(|at| now.duration_since(at) < NOT_NOMINATED);
            nominated && now.duration_since(path.asked) < SILENT
        });
        if in_use {
            return;
        }
        let proven = self.known.iter().filter(|path| path.proven && path.nominated.is_some());
        if let Some(path) = proven.max_by_key(|path| path.nominated) {
            self.current = Some(path.ends);
        } else if current.is_none() {
            self.current = None;
        }
    }
}

impl Path {
    fn check(&mut self, peer: Option<&Credentials>, ours: &str) -> Option<Transmit> {
        let peer = peer?;
        let transaction = if let Some(transaction) = self.check {
            transaction
        } else {
            let mut transaction = Transaction::default();
            getrandom::fill(&mut transaction).ok()?;
            transaction
        };
        self.check = Some(transaction);
        Some(Transmit {
            proto: if self.ends.tcp { Protocol::Tcp } else { Protocol::Udp },
            source: self.ends.local,
            destination: self.ends.remote,
            contents: stun::check(&transaction, ours, peer).into(),
        })
    }
}

impl Ends {
    fn apply(self, packet: &mut Transmit) {
        packet.proto = if self.tcp { Protocol::Tcp } else { Protocol::Udp };
        (packet.source, packet.destination) = (self.local, self.remote);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::stun::tests::request_of;
    use crate::transport::{ConnectionKey, Side};

    const OURS: &str = "server";
    const PASSWORD: &str = "what the peer is called by";

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn packet(from: u16, bytes: Vec<u8>) -> Packet {
        let connection = ConnectionKey { participant: 1, side: Side::Subscriber };
        Packet { connection, from: address(from), to: address(9), tcp: false, bytes }
    }

    fn request(from: u16, nominates: bool) -> Packet {
        packet(from, request_of("server:client", "ours", nominates))
    }

    fn peer() -> Credentials {
        Credentials { name: "client".to_owned(), password: PASSWORD.to_owned() }
    }

    fn known() -> (Paths, Instant) {
        let mut paths = Paths::default();
        assert!(paths.describe(Some(peer()), OURS).is_empty());
        (paths, Instant::now())
    }

    /// What the receiver of a check answers.
    fn answer(check: &Transmit, password: &str) -> Packet {
        let transaction: Transaction = check.contents[8..20].try_into().unwrap();
        let theirs = Credentials { name: "x".to_owned(), password: password.to_owned() };
        let mut bytes = stun::check(&transaction, OURS, &theirs);
        bytes[0] = 1;
        // Signed anew, as an answer.
        bytes.truncate(bytes.len() - 8 - 24);
        let length = (bytes.len() - 20 + 24) as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let code = ring::hmac::sign(&key, &bytes);
        bytes.extend_from_slice(&[0, 8, 0, 20]);
        bytes.extend_from_slice(code.as_ref());
        packet(check.destination.port(), bytes)
    }

    fn media() -> Transmit {
        Transmit { proto: Protocol::Udp, source: address(9), destination: address(66), contents: vec![0x80; 40].into() }
    }

    fn goes_to(paths: &mut Paths) -> Option<u16> {
        paths.direct(media()).map(|packet| packet.destination.port())
    }

    /// A request from an address whose owner answers.
    fn ask(paths: &mut Paths, from: u16, nominates: bool, now: Instant) {
        if let Some(check) = paths.asked(&request(from, nominates), OURS, now) {
            assert!(paths.answered(&answer(&check, PASSWORD), now));
        }
    }

    #[test]
    fn nothing_goes_to_an_address_that_was_not_proven() {
        let (mut paths, now) = known();
        let check = paths.asked(&request(1, true), OURS, now).unwrap();
        assert_eq!((goes_to(&mut paths), check.destination), (None, address(1)));
        assert!(check.contents.len() <= request(1, true).bytes.len() + 40, "a check is not larger than a request");
        // Answers from elsewhere, by somebody else, or to nothing, prove nothing.
        let mut elsewhere = answer(&check, PASSWORD);
        elsewhere.from = address(2);
        let mut other = answer(&check, PASSWORD);
        other.bytes[9] ^= 1;
        for wrong in [elsewhere, other, answer(&check, "a guess"), request(1, true)] {
            assert!(!paths.answered(&wrong, now));
        }
        assert_eq!(goes_to(&mut paths), None);
        assert!(paths.answered(&answer(&check, PASSWORD), now));
        assert_eq!(paths.take_held().len(), 2);
        assert_eq!(goes_to(&mut paths), Some(1));
        assert!(paths.asked(&request(1, true), OURS, now).is_none(), "it is checked once");
    }

    #[test]
    fn checks_wait_for_the_peers_description() {
        let (mut paths, now) = (Paths::default(), Instant::now());
        assert!(paths.asked(&request(1, true), OURS, now).is_none());
        let checks = paths.describe(Some(peer()), OURS);
        assert_eq!(checks.len(), 1);
        assert!(paths.answered(&answer(&checks[0], PASSWORD), now));
        assert_eq!(goes_to(&mut paths), Some(1));
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut paths, now) = known();
        (0..100).for_each(|_| assert!(paths.direct(media()).is_none()));
        ask(&mut paths, 1, true, now);
        let held = paths.take_held();
        assert!(held.len() == MAX_HELD && held.iter().all(|packet| packet.destination == address(1)));
        assert!(paths.take_held().is_empty());
    }

    #[test]
    fn the_address_is_that_which_is_nominated_now() {
        let (mut paths, mut now) = known();
        ask(&mut paths, 1, true, now);
        ask(&mut paths, 2, false, now);
        assert_eq!(goes_to(&mut paths), Some(1));
        // The first is gone without a word: the next request from the other one is enough.
        now += Duration::from_secs(2);
        ask(&mut paths, 2, true, now);
        assert_eq!(goes_to(&mut paths), Some(2));
        // Both work, and the peer prefers the first again.
        for _ in 0..5 {
            now += Duration::from_secs(1);
            ask(&mut paths, 2, false, now);
            ask(&mut paths, 1, true, now);
        }
        assert_eq!(goes_to(&mut paths), Some(1));
    }

    #[test]
    fn many_addresses_do_not_push_the_current_one_out() {
        let (mut paths, now) = known();
        ask(&mut paths, 1, true, now);
        for from in 100..200 {
            paths.asked(&request(from, true), OURS, now + Duration::from_secs(60));
        }
        assert_eq!((goes_to(&mut paths), paths.known.len()), (Some(1), MAX_PATHS));
    }

    #[test]
    fn after_a_long_silence_an_address_is_proven_anew() {
        let (mut paths, now) = known();
        ask(&mut paths, 1, true, now);
        assert!(paths.asked(&request(1, true), OURS, now + PROVEN_FOR).is_some());
        assert_eq!(goes_to(&mut paths), None);
    }
}
