//! Data packets between participants. What is reliable arrives, in order, or its receiver is disconnected: it notices,
//! comes back, and learns the state of things anew, which it would not if a packet were just missing. Packets that a slow
//! receiver has no place for wait here, up to a limit.

use std::collections::VecDeque;
use std::sync::Arc;

use str0m::channel::{ChannelData, ChannelId};

use super::Room;
use super::connection::{Connection, LOSSY, RELIABLE};
use super::membership::leave;
use super::participant::Participant;
use crate::proto::data;
use crate::proto::models::DisconnectReason;
use crate::proto::signal::LeaveAction;
use crate::transport::{ConnectionKey, Side};

/// Longest data packet. Clients send at most 64 KiB at once.
const MAX_DATA: usize = 256 * 1024;

/// Reliable packets that wait for a receiver.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    packets: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

/// What became of a packet for one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    /// It was sent, or will be.
    On,
    /// It was dropped, as it may be.
    Dropped,
    /// It can neither be sent nor wait.
    Overflow,
}

impl Room {
    pub(super) fn channel_opened(&mut self, key: ConnectionKey, id: ChannelId, label: &str) {
        let low = self.shared.options.limits.data_buffer / 2;
        let Some(connection) = self.connection(key) else { return };
        match label {
            RELIABLE => {
                connection.reliable = Some(id);
                if let Some(mut channel) = connection.rtc.channel(id) {
                    channel.set_buffered_amount_low_threshold(low);
                }
                self.send_waiting(key.participant);
            }
            LOSSY => connection.lossy = Some(id),
            _ => {}
        }
    }

    pub(super) fn channel_closed(&mut self, key: ConnectionKey, id: ChannelId) {
        let Some(participant) = self.participants.get_mut(&key.participant) else { return };
        let Some(connection) = participant.connection(key.side) else { return };
        if connection.lossy == Some(id) {
            connection.lossy = None;
        }
        if connection.reliable == Some(id) {
            connection.reliable = None;
            participant.waiting = Waiting::default();
        }
    }

    /// Passes a packet on to those that it is for.
    pub(super) fn data(&mut self, key: ConnectionKey, data: &ChannelData) {
        let metrics = self.shared.metrics.clone();
        let limit = self.shared.options.limits.data_buffer;
        let Some(sender) = self.participants.get_mut(&key.participant) else { return };
        let Some(publisher) = sender.publisher.as_ref().filter(|_| key.side == Side::Publisher) else { return };
        let reliable = publisher.reliable == Some(data.id);
        let passes = (reliable || publisher.lossy == Some(data.id))
            && sender.claims.video.may_publish_data()
            && data.data.len() <= MAX_DATA;
        let forwarded = passes.then(|| data::forward(&data.data, &sender.claims.identity, &sender.sid));
        let Some(Ok(packet)) = forwarded else {
            metrics.data_dropped.up();
            return;
        };
        if packet.sequence > 0 {
            sender.last_sequence = packet.sequence;
        }
        let bytes: Arc<[u8]> = packet.bytes.into();
        let everybody = packet.identities.is_empty() && packet.sids.is_empty();
        let mut slow = Vec::new();
        for receiver in self.participants.values_mut().filter(|one| one.key != key.participant) {
            let named = || packet.identities.contains(&receiver.claims.identity) || packet.sids.contains(&receiver.sid);
            if !everybody && !named() {
                continue;
            }
            match if reliable { receiver.take_reliable(&bytes, limit) } else { receiver.take_lossy(&bytes) } {
                Passed::On => {
                    metrics.data_out.up();
                    self.busy.insert(ConnectionKey { participant: receiver.key, side: receiver.receiving_side() });
                }
                Passed::Dropped => metrics.data_dropped.up(),
                Passed::Overflow => slow.push(receiver.key),
            }
        }
        for key in slow {
            metrics.cut_off.up();
            self.tell(key, leave(DisconnectReason::StateMismatch, LeaveAction::Reconnect));
            self.remove_silently(key);
        }
    }

    /// A receiver has place again for what waits for it.
    pub(super) fn send_waiting(&mut self, key: u32) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        let side = participant.receiving_side();
        while let Some(packet) = participant.waiting.packets.pop_front() {
            let connection = participant.connection(side);
            if !connection.is_some_and(|connection| connection.write_reliable(&packet)) {
                participant.waiting.packets.push_front(packet);
                break;
            }
            participant.waiting.bytes -= packet.len();
        }
        self.busy.insert(ConnectionKey { participant: key, side });
    }
}

impl Participant {
    fn take_lossy(&mut self, packet: &[u8]) -> Passed {
        let written = self.connection(self.receiving_side()).is_some_and(|connection| {
            let channel = connection.lossy.and_then(|id| connection.rtc.channel(id));
            channel.is_some_and(|mut channel| matches!(channel.write(true, packet), Ok(true)))
        });
        if written { Passed::On } else { Passed::Dropped }
    }

    fn take_reliable(&mut self, packet: &Arc<[u8]>, limit: usize) -> Passed {
        let first = self.waiting.packets.is_empty();
        let side = self.receiving_side();
        let Some(connection) = self.connection(side) else { return Passed::Dropped };
        if connection.reliable.is_none() {
            // It has not opened the channel yet, or does not want to: it has missed what was before in any case.
            return Passed::Dropped;
        }
        if first && connection.write_reliable(packet) {
            return Passed::On;
        }
        if self.waiting.bytes + packet.len() > limit {
            return Passed::Overflow;
        }
        self.waiting.bytes += packet.len();
        self.waiting.packets.push_back(packet.clone());
        Passed::On
    }
}

impl Connection {
    /// Writes a reliable packet, if there is place for it.
    fn write_reliable(&mut self, packet: &[u8]) -> bool {
        let channel = self.reliable.and_then(|id| self.rtc.channel(id));
        channel.is_some_and(|mut channel| matches!(channel.write(true, packet), Ok(true)))
    }
}
