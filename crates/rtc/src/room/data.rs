//! Data packets between participants.

use str0m::channel::{ChannelData, ChannelId};

use super::Room;
use super::connection::{LOSSY, RELIABLE};
use crate::proto::data;
use crate::transport::{ConnectionKey, Side};

/// Longest data packet. Clients send at most 64 KiB at once.
const MAX_DATA: usize = 256 * 1024;

impl Room {
    pub(super) fn channel_opened(&mut self, key: ConnectionKey, id: ChannelId, label: &str) {
        let Some(connection) = self.connection(key) else { return };
        match label {
            RELIABLE => connection.reliable = Some(id),
            LOSSY => connection.lossy = Some(id),
            _ => {}
        }
    }

    pub(super) fn channel_closed(&mut self, key: ConnectionKey, id: ChannelId) {
        let Some(connection) = self.connection(key) else { return };
        for channel in [&mut connection.reliable, &mut connection.lossy] {
            if *channel == Some(id) {
                *channel = None;
            }
        }
    }

    /// Passes a packet on to those that it is for.
    pub(super) fn data(&mut self, key: ConnectionKey, data: &ChannelData) {
        let metrics = self.shared.metrics.clone();
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
        let everybody = packet.identities.is_empty() && packet.sids.is_empty();
        for receiver in self.participants.values_mut().filter(|one| one.key != key.participant) {
            let named = || packet.identities.contains(&receiver.claims.identity) || packet.sids.contains(&receiver.sid);
            if !everybody && !named() {
                continue;
            }
            let side = receiver.receiving_side();
            let receiver_key = ConnectionKey { participant: receiver.key, side };
            let Some(connection) = receiver.connection(side) else { continue };
            let Some(id) = (if reliable { connection.reliable } else { connection.lossy }) else { continue };
            let written = connection
                .rtc
                .channel(id)
                .is_some_and(|mut channel| matches!(channel.write(true, &packet.bytes), Ok(true)));
            if written {
                metrics.data_out.up();
                self.busy.insert(receiver_key);
            } else {
                metrics.data_dropped.up();
            }
        }
    }
}
