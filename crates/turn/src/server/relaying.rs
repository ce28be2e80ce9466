//! Data between clients and peers: ChannelData, Send and Data indications (RFC 8656, sections 11 and 12).

use std::{net::SocketAddr, time::Duration};

use super::{Action, FiveTuple, RelayPort, Server, Sockets, Transport};
use crate::{
    counters::Counter,
    packet::Packet,
    stun::{
        Builder, Class, HEADER, MAGIC_COOKIE, Message, Method,
        attributes::{self, Family, XorAddress},
    },
};

/// Bytes of ChannelData's header: number and length.
pub(crate) const CHANNEL_HEADER: usize = 4;

impl<S: Sockets> Server<S> {
    /// ChannelData from a client.
    pub(super) fn channel_data(&mut self, from: &FiveTuple, packet: &mut Packet, now: Duration) -> Action<S> {
        let Some((header, data)) = packet.bytes().split_first_chunk::<CHANNEL_HEADER>() else {
            return self.malformed();
        };
        let number = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        // Over UDP, too, data may be followed by padding.
        if length > data.len() || data.len() - length > 3 {
            return self.malformed();
        }
        let Some(allocation) = self.allocations.get(from) else { return self.drop_for(Counter::NotPermitted) };
        let Some(peer) = allocation.peer_of(number, now) else { return self.drop_for(Counter::NotPermitted) };
        packet.narrow(CHANNEL_HEADER..CHANNEL_HEADER + length);
        self.send_to_peer(from, peer, packet, now)
    }

    /// A Send indication. One that cannot be understood or is not permitted is dropped: nobody waits for an answer.
    pub(super) fn indication(&mut self, from: &FiveTuple, packet: &mut Packet, now: Duration) -> Action<S> {
        let Ok(message) = Message::read(packet.bytes()) else { return self.malformed() };
        if message.method() == Method::Binding {
            return Action::Nothing; // a client keeps its NAT's mapping alive (RFC 8489, section 2)
        }
        let known = |kind| matches!(kind, attributes::XOR_PEER_ADDRESS | attributes::DATA);
        let is_understood = message.attributes().all(|(kind, _)| known(kind) || !attributes::is_required(kind));
        let peer = message.get(attributes::XOR_PEER_ADDRESS);
        let peer = peer.and_then(|value| XorAddress::read(value, &message.transaction()));
        let (Method::Send, true, Some(peer), Some(data)) =
            (message.method(), is_understood, peer, message.range_of(attributes::DATA))
        else {
            return self.malformed();
        };
        packet.narrow(data);
        self.send_to_peer(from, peer, packet, now)
    }

    /// Sends a client's data to a peer that it has a permission for.
    fn send_to_peer(&mut self, from: &FiveTuple, peer: SocketAddr, packet: &mut Packet, now: Duration) -> Action<S> {
        let allocation = self.allocations.get(from).filter(|allocation| allocation.permits(peer.ip(), now));
        let Some(allocation) = allocation else { return self.drop_for(Counter::NotPermitted) };
        let relay = allocation.relay(Family::of(peer.ip())).filter(|relay| relay.until > now);
        let Some(relay) = relay.filter(|_| peer.port() != 0) else { return self.drop_for(Counter::NotPermitted) };
        let length = packet.bytes().len();
        if !self.users.take(&allocation.user, length, now) {
            return self.drop_for(Counter::OverBandwidth);
        }
        let (socket, address) = (relay.socket.clone(), relay.address);
        if self.peers.is_own(peer.ip()) {
            // Two clients of this server talk through it: their data need not leave it, and could not where a NAT
            // does not lead back in.
            let port = RelayPort { family: Family::of(peer.ip()), number: peer.port() };
            if self.relays.contains_key(&port) && self.relay_addresses.get(&port.family) == Some(&peer.ip()) {
                self.count_to_peers(length);
                return self.relay(port, address, packet, now);
            }
            if !self.peers.is_allowed(peer.ip()) {
                return self.drop_for(Counter::ForbiddenPeers);
            }
        }
        self.count_to_peers(length);
        Action::ToPeer(socket, peer)
    }

    /// Takes a datagram that a peer sent to a relayed address: to the client, if it has permitted the peer.
    pub(crate) fn relay(&mut self, to: RelayPort, peer: SocketAddr, packet: &mut Packet, now: Duration) -> Action<S> {
        let Some(client) = self.relays.get(&to) else { return self.drop_for(Counter::NotPermitted) };
        let Some(allocation) = self.allocations.get(client) else { return self.drop_for(Counter::NotPermitted) };
        let is_current = allocation.relay(to.family).is_some_and(|relay| relay.until > now);
        if !is_current || !allocation.permits(peer.ip(), now) {
            return self.drop_for(Counter::NotPermitted);
        }
        let length = packet.bytes().len();
        let Ok(size) = u16::try_from(length) else { return self.drop_for(Counter::NotPermitted) };
        if !self.users.take(&allocation.user, length, now) {
            return self.drop_for(Counter::OverBandwidth);
        }
        if let Some(number) = allocation.channel_of(peer, now) {
            let [[a, b], [c, d]] = [number.to_be_bytes(), size.to_be_bytes()];
            packet.prepend(&[a, b, c, d]);
            if client.transport == Transport::Stream {
                packet.pad();
            }
        } else {
            self.indications.1 += 1;
            if !wrap(packet, peer, size, self.indications) {
                return self.drop_for(Counter::NotPermitted);
            }
        }
        self.counters.count(Counter::PacketsToClients);
        self.counters.add(Counter::BytesToClients, length as u64);
        Action::ToClient(allocation.client.clone())
    }

    fn count_to_peers(&self, length: usize) {
        self.counters.count(Counter::PacketsToPeers);
        self.counters.add(Counter::BytesToPeers, length as u64);
    }
}

/// Makes a Data indication of a peer's data. One that is too long for any message is not made.
fn wrap(packet: &mut Packet, peer: SocketAddr, size: u16, (first, second): (u32, u64)) -> bool {
    let mut transaction = [0; 12];
    transaction[..4].copy_from_slice(&first.to_be_bytes());
    transaction[4..].copy_from_slice(&second.to_be_bytes());
    let address = XorAddress::of(peer, &transaction);
    let address = address.as_bytes();
    let length = 4 + address.len() + 4 + usize::from(size).next_multiple_of(4);
    let Ok(length) = u16::try_from(length) else { return false };
    let mut header = [0; HEADER + 4 + 20 + 4];
    header[..2].copy_from_slice(&Builder::kind(Class::Indication, Method::Data));
    header[2..4].copy_from_slice(&length.to_be_bytes());
    header[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    header[8..HEADER].copy_from_slice(&transaction);
    let mut at = HEADER;
    let mut put = |bytes: &[u8]| {
        header[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(&attributes::XOR_PEER_ADDRESS.to_be_bytes());
    put(&(address.len() as u16).to_be_bytes());
    put(address);
    put(&attributes::DATA.to_be_bytes());
    put(&size.to_be_bytes());
    packet.prepend(&header[..at]);
    packet.pad();
    true
}
