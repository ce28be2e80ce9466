//! An allocation (RFC 8656, section 3.2): what one client has of the server, and whom it may exchange data with.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use super::{RelayPort, refusal::Refusal};
use crate::stun::{TransactionId, attributes::Family};

/// How long a permission lasts (RFC 8656, section 9).
pub(super) const PERMISSION: Duration = Duration::from_secs(5 * 60);
/// How long a channel lasts (RFC 8656, section 12).
pub(super) const CHANNEL: Duration = Duration::from_secs(10 * 60);
/// Permissions of an allocation, one for each address of a peer. A browser asks for one for each candidate of the other
/// side, of which it takes a few tens.
const MAX_PERMISSIONS: usize = 64;
/// Channels of an allocation, one for each address and port of a peer.
const MAX_CHANNELS: usize = 64;

#[derive(Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    until: Duration,
}

/// A relayed address.
#[derive(Debug)]
pub(super) struct Relay<R> {
    pub(super) port: RelayPort,
    /// What clients are told.
    pub(super) address: SocketAddr,
    pub(super) until: Duration,
    pub(super) socket: R,
}

#[derive(Debug)]
pub(super) struct Allocation<R, C> {
    pub(super) user: Arc<str>,
    /// The request that made it, which a client may send again.
    pub(super) transaction: TransactionId,
    pub(super) client: C,
    /// One, or one of each family.
    pub(super) relays: Vec<Relay<R>>,
    permissions: Vec<(IpAddr, Duration)>,
    channels: Vec<Channel>,
}

impl<R, C> Allocation<R, C> {
    pub(super) fn new(user: Arc<str>, transaction: TransactionId, client: C, relays: Vec<Relay<R>>) -> Self {
        Self { user, transaction, client, relays, permissions: Vec::new(), channels: Vec::new() }
    }

    /// The relayed address for peers of a family.
    pub(super) fn relay(&self, family: Family) -> Option<&Relay<R>> {
        self.relays.iter().find(|relay| relay.port.family == family)
    }

    /// Whether data may be exchanged with an address.
    pub(super) fn permits(&self, peer: IpAddr, now: Duration) -> bool {
        self.permissions.iter().any(|(permitted, until)| *permitted == peer && *until > now)
    }

    /// Permits these addresses, all or none.
    pub(super) fn permit(&mut self, peers: &[IpAddr], now: Duration) -> Result<(), Refusal> {
        self.permissions.retain(|(_, until)| *until > now);
        let is_new = |peer: &&IpAddr| !self.permissions.iter().any(|(permitted, _)| permitted == *peer);
        let mut new: Vec<IpAddr> = peers.iter().filter(is_new).copied().collect();
        new.sort_unstable();
        new.dedup();
        if self.permissions.len() + new.len() > MAX_PERMISSIONS {
            return Err(Refusal::CAPACITY);
        }
        self.permissions.extend(new.into_iter().map(|peer| (peer, now)));
        for (_, until) in self.permissions.iter_mut().filter(|(permitted, _)| peers.contains(permitted)) {
            *until = now + PERMISSION;
        }
        Ok(())
    }

    /// Binds a channel to a peer or goes on with it, and permits the peer. Neither the number nor the peer may be bound
    /// otherwise (RFC 8656, section 12.2).
    pub(super) fn bind(&mut self, number: u16, peer: SocketAddr, now: Duration) -> Result<(), Refusal> {
        self.channels.retain(|channel| channel.until > now);
        if self.channels.iter().any(|channel| (channel.number == number) != (channel.peer == peer)) {
            return Err(Refusal::BAD_REQUEST);
        }
        let known = self.channels.iter().position(|channel| channel.number == number);
        if known.is_none() && self.channels.len() >= MAX_CHANNELS {
            return Err(Refusal::CAPACITY);
        }
        self.permit(&[peer.ip()], now)?;
        let channel = Channel { number, peer, until: now + CHANNEL };
        match known {
            Some(at) => self.channels[at] = channel,
            None => self.channels.push(channel),
        }
        Ok(())
    }

    /// The peer of a channel.
    pub(super) fn peer_of(&self, number: u16, now: Duration) -> Option<SocketAddr> {
        let channel = self.channels.iter().find(|channel| channel.number == number && channel.until > now)?;
        Some(channel.peer)
    }

    /// The channel of a peer.
    pub(super) fn channel_of(&self, peer: SocketAddr, now: Duration) -> Option<u16> {
        let channel = self.channels.iter().find(|channel| channel.peer == peer && channel.until > now)?;
        Some(channel.number)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Allocation, CHANNEL, MAX_CHANNELS, MAX_PERMISSIONS, PERMISSION, Refusal};

    fn allocation() -> Allocation<(), ()> {
        Allocation::new("ana".into(), [0; 12], (), Vec::new())
    }

    #[test]
    fn permissions_end_and_are_bounded() {
        let mut allocation = allocation();
        let (peer, begun) = ("192.0.2.1".parse().unwrap(), Duration::from_secs(9));
        allocation.permit(&[peer, peer], begun).unwrap();
        assert!(allocation.permits(peer, begun + PERMISSION.saturating_sub(Duration::from_nanos(1))));
        assert!(!allocation.permits(peer, begun + PERMISSION));
        let others: Vec<_> =
            (0..MAX_PERMISSIONS).map(|host| std::net::Ipv4Addr::from_bits(host as u32).into()).collect();
        assert_eq!(allocation.permit(&others, begun), Err(Refusal::CAPACITY));
        assert!(!allocation.permits(others[0], begun), "all or none");
        allocation.permit(&others[1..], begun).unwrap();
        assert_eq!(allocation.permit(&others[..1], begun), Err(Refusal::CAPACITY));
        allocation.permit(&[peer], begun + PERMISSION / 2).unwrap();
        // What has ended makes room.
        allocation.permit(&others[..1], begun + PERMISSION).unwrap();
        assert!(allocation.permits(peer, begun + PERMISSION) && !allocation.permits(others[1], begun + PERMISSION));
        assert_eq!(allocation.permissions.len(), 2);
    }

    #[test]
    fn a_channel_is_one_peers_and_a_peer_has_one_channel() {
        let mut allocation = allocation();
        let (one, two) = ("192.0.2.1:1000".parse().unwrap(), "192.0.2.1:2000".parse().unwrap());
        let begun = Duration::from_secs(9);
        allocation.bind(0x4000, one, begun).unwrap();
        assert_eq!(allocation.bind(0x4000, two, begun), Err(Refusal::BAD_REQUEST));
        assert_eq!(allocation.bind(0x4001, one, begun), Err(Refusal::BAD_REQUEST));
        allocation.bind(0x4001, two, begun).unwrap();
        assert_eq!((allocation.peer_of(0x4000, begun), allocation.channel_of(two, begun)), (Some(one), Some(0x4001)));
        assert!(allocation.permits(one.ip(), begun));
        allocation.bind(0x4000, one, begun + CHANNEL / 2).unwrap();
        let end = begun + CHANNEL;
        assert_eq!((allocation.peer_of(0x4000, end), allocation.peer_of(0x4001, end)), (Some(one), None));
        allocation.bind(0x4001, "192.0.2.2:1".parse().unwrap(), end).unwrap();
        for number in 2..MAX_CHANNELS as u16 {
            allocation.bind(0x4000 + number, (one.ip(), number).into(), end).unwrap();
        }
        assert_eq!(allocation.bind(0x4FFF, "192.0.2.1:9".parse().unwrap(), end), Err(Refusal::BAD_REQUEST));
        assert_eq!(allocation.bind(0x4FFF, "192.0.2.1:9999".parse().unwrap(), end), Err(Refusal::CAPACITY));
    }
}
