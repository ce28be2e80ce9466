//! Requests: Binding (RFC 8489), Allocate, Refresh, CreatePermission and ChannelBind (RFC 8656, sections 7 to 12).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{
    Allocation, FiveTuple, Now, RelayPort, Reservation, Server, Sockets,
    allocation::Relay,
    credentials::Authenticated,
    refusal::Refusal,
    sockets::NotOpened,
    wish::{self, Parity, Token, Wish},
};
use crate::{
    counters::Counter,
    stun::{
        Builder, Class, Message, Method,
        attributes::{self, Family, Named, XorAddress},
    },
};

/// How long an allocation lasts that is not refreshed, and how long at most (RFC 8656, section 3.2).
const LIFETIME: u32 = 10 * 60;
const LONGEST_LIFETIME: u32 = 60 * 60;
/// How long a reserved port is kept (RFC 8656, section 7.2).
const RESERVATION: Duration = Duration::from_secs(30);
/// Ports that are tried before the server says that it has none.
const ATTEMPTS: usize = 32;
/// Channel numbers (RFC 8656, section 12). RFC 5766 had more of them, and clients of its time take any.
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7FFE;

/// What a request is answered with beside its integrity.
type Answer = Result<Builder, Refusal>;

/// A socket that was opened for a user.
struct Opened<R> {
    relay: Relay<R>,
    user: Arc<str>,
    /// The token of the next port.
    reserved: Option<Token>,
}

impl<S: Sockets> Server<S> {
    /// Answers a request; `None` for one that gets no answer.
    pub(super) fn request(
        &mut self,
        message: &Message<'_>,
        from: &FiveTuple,
        client: &S::Client,
        now: Now,
    ) -> Option<Vec<u8>> {
        if matches!(message.method(), Method::Send | Method::Data | Method::Other(_)) {
            self.counters.count(Counter::Malformed);
            return None;
        }
        let who = match message.method() {
            Method::Binding => None,
            _ => Some(self.credentials.check(message, from, now)),
        };
        if !matches!(who, Some(Ok(_))) && !self.answers.allow(from.client.ip(), now.at) {
            self.counters.count(Counter::Throttled);
            return None;
        }
        let (who, answer) = match who {
            None => (None, binding(message, from)),
            Some(Err(refusal)) => (None, Err(refusal)),
            Some(Ok(who)) => {
                let answer = self.authenticated(message, from, client, &who, now);
                (Some(who), answer)
            }
        };
        let mut builder = answer.unwrap_or_else(|refusal| {
            let mut builder = Builder::new(Class::Error, message.method(), &message.transaction());
            refusal.write(&mut builder);
            if refusal.wants_challenge() {
                self.counters.count(Counter::Unauthorized);
                self.credentials.challenge(&mut builder, from, now);
            }
            builder
        });
        if let Some(who) = who {
            who.sign(&mut builder);
        }
        if message.has_fingerprint() {
            builder.fingerprint();
        }
        Some(builder.finish())
    }

    fn authenticated(
        &mut self,
        message: &Message<'_>,
        from: &FiveTuple,
        client: &S::Client,
        who: &Authenticated,
        now: Now,
    ) -> Answer {
        let Some(allocation) = self.allocations.get(from) else {
            return match message.method() {
                Method::Allocate if who.expired => Err(Refusal::UNAUTHENTICATED),
                Method::Allocate => self.allocate(message, from, client, who, now.at),
                _ => Err(Refusal::ALLOCATION_MISMATCH),
            };
        };
        // Credentials may be renewed while an allocation lasts, so it is the user who has to be the same.
        let is_theirs = *allocation.user == who.user;
        match message.method() {
            // The answer to the first request may have been lost.
            Method::Allocate if is_theirs && allocation.transaction == message.transaction() => {
                Ok(allocated(message, from, &allocation.relays, now.at))
            }
            Method::Allocate => Err(Refusal::ALLOCATION_MISMATCH),
            _ if !is_theirs => Err(Refusal::WRONG_CREDENTIALS),
            Method::Refresh => self.refresh(message, from, now.at),
            Method::CreatePermission => self.create_permission(message, from, now.at),
            _ => self.channel_bind(message, from, now.at),
        }
    }

    fn allocate(
        &mut self,
        message: &Message<'_>,
        from: &FiveTuple,
        client: &S::Client,
        who: &Authenticated,
        now: Duration,
    ) -> Answer {
        check_known(
            message,
            &[
                attributes::REQUESTED_TRANSPORT,
                attributes::LIFETIME,
                attributes::EVEN_PORT,
                attributes::RESERVATION_TOKEN,
                attributes::REQUESTED_ADDRESS_FAMILY,
            ],
        )?;
        let wish = Wish::read(message)?;
        let until = now + Duration::from_secs(lifetime(message)?.max(LIFETIME).into());
        let (family, parity, additional) = match wish {
            Wish::Reserved(token) => {
                let opened = self.redeem(token, &who.user, until).ok_or(Refusal::CAPACITY)?;
                let relays = vec![opened.relay];
                let allocation = Allocation::new(opened.user, message.transaction(), client.clone(), relays);
                return Ok(self.insert(message, from, allocation, now));
            }
            Wish::New { family, parity, additional } => (family, parity, additional),
        };
        let Opened { relay, user, reserved } = self.open(family, parity, &who.user, until, now)?;
        let (mut relays, mut other_family) = (vec![relay], None);
        if additional {
            match self.open(Family::V6, parity, &who.user, until, now) {
                Ok(second) => relays.push(second.relay),
                Err(refusal) => other_family = Some(refusal),
            }
        }
        let allocation = Allocation::new(user, message.transaction(), client.clone(), relays);
        let mut builder = self.insert(message, from, allocation, now);
        if let Some(token) = reserved {
            builder.attribute(attributes::RESERVATION_TOKEN, &token);
        }
        if let Some(refusal) = other_family {
            refusal.write_for_family(Family::V6, &mut builder);
        }
        Ok(builder)
    }

    fn insert(
        &mut self,
        message: &Message<'_>,
        from: &FiveTuple,
        allocation: Allocation<S::Relay, S::Client>,
        now: Duration,
    ) -> Builder {
        for relay in &allocation.relays {
            self.relays.insert(relay.port, *from);
            self.ends.insert((relay.until, relay.port));
            self.counters.count(Counter::Allocated);
        }
        let builder = allocated(message, from, &allocation.relays, now);
        self.allocations.insert(*from, allocation);
        self.count_allocations();
        builder
    }

    /// The port behind a token.
    fn redeem(&mut self, token: Token, user: &str, until: Duration) -> Option<Opened<S::Relay>> {
        self.reservations.get(&token).filter(|reservation| *reservation.user == *user)?;
        let Reservation { port, socket, user, .. } = self.reservations.remove(&token)?;
        let address = SocketAddr::new(*self.relay_addresses.get(&port.family)?, port.number);
        Some(Opened { relay: Relay { port, address, until, socket }, user, reserved: None })
    }

    /// Opens a socket for a user, and reserves the next one if that is wanted, within what the user and all may have.
    fn open(
        &mut self,
        family: Family,
        parity: Parity,
        user: &str,
        until: Duration,
        now: Duration,
    ) -> Result<Opened<S::Relay>, Refusal> {
        let address = *self.relay_addresses.get(&family).ok_or(Refusal::ADDRESS_FAMILY)?;
        let wanted = if parity == Parity::EvenAndNext { 2 } else { 1 };
        if self.open_relays() + wanted > self.most {
            self.counters.count(Counter::AllocationsRefused);
            return Err(Refusal::CAPACITY);
        }
        let Some(user) = self.users.add(user, wanted, now) else {
            self.counters.count(Counter::AllocationsRefused);
            return Err(Refusal::QUOTA);
        };
        let Some(((port, socket), next)) = self.find_port(family, parity) else {
            self.users.remove(&user, wanted);
            self.counters.count(Counter::AllocationsRefused);
            return Err(Refusal::CAPACITY);
        };
        let reserved = next.map(|(port, socket)| {
            let mut token = Token::default();
            self.random.fill(&mut token);
            let user = Arc::clone(&user);
            self.reservations.insert(token, Reservation { port, socket, user, until: now + RESERVATION });
            token
        });
        let relay = Relay { port, address: SocketAddr::new(address, port.number), until, socket };
        Ok(Opened { relay, user, reserved })
    }

    /// Opens a socket at a port that nobody can foretell.
    #[expect(clippy::type_complexity, reason = "a port with its socket, and maybe another one")]
    fn find_port(
        &mut self,
        family: Family,
        parity: Parity,
    ) -> Option<((RelayPort, S::Relay), Option<(RelayPort, S::Relay)>)> {
        let (lowest, highest) = (u32::from(*self.relay_ports.start()), u32::from(*self.relay_ports.end()));
        for _ in 0..ATTEMPTS {
            let mut random = [0; 4];
            self.random.fill(&mut random);
            let number = lowest + u32::from_be_bytes(random) % (highest - lowest + 1);
            let number = if parity == Parity::Any { number } else { number & !1 };
            let open = |server: &mut Self, number: u32| {
                let number = u16::try_from(number).ok().filter(|number| server.relay_ports.contains(number));
                let port = RelayPort { family, number: number.ok_or(NotOpened::InUse)? };
                if server.relays.contains_key(&port) {
                    return Err(NotOpened::InUse);
                }
                server.sockets.open(port).map(|socket| (port, socket))
            };
            let first = open(self, number);
            let both = first.and_then(|first| {
                let next = (parity == Parity::EvenAndNext).then(|| open(self, number + 1)).transpose()?;
                Ok((first, next))
            });
            match both {
                Ok(both) => return Some(both),
                Err(NotOpened::InUse) => {}
                Err(NotOpened::Exhausted) => return None,
            }
        }
        None
    }

    fn refresh(&mut self, message: &Message<'_>, from: &FiveTuple, now: Duration) -> Answer {
        check_known(message, &[attributes::LIFETIME, attributes::REQUESTED_ADDRESS_FAMILY])?;
        let family = wish::family(message, attributes::REQUESTED_ADDRESS_FAMILY)?;
        let lifetime = lifetime(message)?;
        let lifetime = if lifetime == 0 { 0 } else { lifetime.max(LIFETIME) };
        let allocation = self.allocations.get_mut(from).ok_or(Refusal::ALLOCATION_MISMATCH)?;
        let mut chosen = Vec::new();
        for relay in &mut allocation.relays {
            if family.is_none_or(|family| family == Named::Known(relay.port.family)) {
                self.ends.remove(&(relay.until, relay.port));
                relay.until = now + Duration::from_secs(lifetime.into());
                self.ends.insert((relay.until, relay.port));
                chosen.push(relay.port);
            }
        }
        if chosen.is_empty() {
            return Err(Refusal::PEER_FAMILY);
        }
        if lifetime == 0 {
            for port in chosen {
                self.end_relay(from, port);
            }
        }
        let mut builder = success(message);
        builder.attribute(attributes::LIFETIME, &lifetime.to_be_bytes());
        Ok(builder)
    }

    fn create_permission(&mut self, message: &Message<'_>, from: &FiveTuple, now: Duration) -> Answer {
        check_known(message, &[attributes::XOR_PEER_ADDRESS])?;
        let values = message.attributes().filter(|(kind, _)| *kind == attributes::XOR_PEER_ADDRESS);
        let peers = values.map(|(_, value)| XorAddress::read(value, &message.transaction()));
        let peers: Vec<SocketAddr> = peers.collect::<Option<_>>().ok_or(Refusal::BAD_REQUEST)?;
        if peers.is_empty() {
            return Err(Refusal::BAD_REQUEST);
        }
        peers.iter().try_for_each(|peer| self.check_peer(from, *peer))?;
        let allocation = self.allocations.get_mut(from).ok_or(Refusal::ALLOCATION_MISMATCH)?;
        allocation.permit(&peers.iter().map(SocketAddr::ip).collect::<Vec<_>>(), now)?;
        Ok(success(message))
    }

    fn channel_bind(&mut self, message: &Message<'_>, from: &FiveTuple, now: Duration) -> Answer {
        check_known(message, &[attributes::CHANNEL_NUMBER, attributes::XOR_PEER_ADDRESS])?;
        let peer = message.get(attributes::XOR_PEER_ADDRESS);
        let peer = peer.and_then(|value| XorAddress::read(value, &message.transaction()));
        let (Some([high, low, _, _]), Some(peer)) = (message.get(attributes::CHANNEL_NUMBER), peer) else {
            return Err(Refusal::BAD_REQUEST);
        };
        let number = u16::from_be_bytes([*high, *low]);
        if !CHANNELS.contains(&number) {
            return Err(Refusal::BAD_REQUEST);
        }
        self.check_peer(from, peer)?;
        let allocation = self.allocations.get_mut(from).ok_or(Refusal::ALLOCATION_MISMATCH)?;
        allocation.bind(number, peer, now)?;
        Ok(success(message))
    }

    /// Whether a client may exchange data with a peer.
    fn check_peer(&self, from: &FiveTuple, peer: SocketAddr) -> Result<(), Refusal> {
        let allocation = self.allocations.get(from).ok_or(Refusal::ALLOCATION_MISMATCH)?;
        if allocation.relay(Family::of(peer.ip())).is_none() {
            return Err(Refusal::PEER_FAMILY);
        }
        if !self.peers.may_be_permitted(peer.ip()) {
            self.counters.count(Counter::ForbiddenPeers);
            return Err(Refusal::FORBIDDEN);
        }
        Ok(())
    }
}

/// Tells a client its address.
fn binding(message: &Message<'_>, from: &FiveTuple) -> Answer {
    check_known(message, &[])?;
    let mut builder = success(message);
    put_address(&mut builder, attributes::XOR_MAPPED_ADDRESS, from.client, message);
    Ok(builder)
}

fn success(message: &Message<'_>) -> Builder {
    Builder::new(Class::Success, message.method(), &message.transaction())
}

fn put_address(builder: &mut Builder, kind: attributes::Type, address: SocketAddr, message: &Message<'_>) {
    builder.attribute(kind, XorAddress::of(address, &message.transaction()).as_bytes());
}

/// The answer to Allocate.
fn allocated<R>(message: &Message<'_>, from: &FiveTuple, relays: &[Relay<R>], now: Duration) -> Builder {
    let mut builder = success(message);
    for relay in relays {
        put_address(&mut builder, attributes::XOR_RELAYED_ADDRESS, relay.address, message);
    }
    let until = relays.iter().map(|relay| relay.until).min().unwrap_or(now);
    let lifetime = until.saturating_sub(now).as_secs() as u32;
    builder.attribute(attributes::LIFETIME, &lifetime.to_be_bytes());
    put_address(&mut builder, attributes::XOR_MAPPED_ADDRESS, from.client, message);
    builder
}

/// The lifetime that is asked for, in seconds, up to the longest.
fn lifetime(message: &Message<'_>) -> Result<u32, Refusal> {
    let Some(value) = message.get(attributes::LIFETIME) else { return Ok(LIFETIME) };
    let value = value.try_into().map_err(|_| Refusal::BAD_REQUEST)?;
    Ok(u32::from_be_bytes(value).min(LONGEST_LIFETIME))
}

/// Refuses a request with attributes that it cannot be understood without (RFC 8489, section 6.3.1). DONT-FRAGMENT is
/// among them: what is relayed may be fragmented.
fn check_known(message: &Message<'_>, known: &[attributes::Type]) -> Result<(), Refusal> {
    const ALWAYS: [attributes::Type; 6] = [
        attributes::USERNAME,
        attributes::REALM,
        attributes::NONCE,
        attributes::PASSWORD_ALGORITHM,
        attributes::MESSAGE_INTEGRITY,
        attributes::MESSAGE_INTEGRITY_SHA256,
    ];
    let kinds = message.attributes().map(|(kind, _)| kind).filter(|kind| attributes::is_required(*kind));
    let mut unknown: Vec<_> = kinds.filter(|kind| !ALWAYS.contains(kind) && !known.contains(kind)).collect();
    unknown.sort_unstable();
    unknown.dedup();
    if unknown.is_empty() { Ok(()) } else { Err(Refusal::unknown(unknown)) }
}
