//! Packets of media: from a publisher's streams to those who receive them.

use std::time::Instant;

use str0m::bwe::BweKind;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::stats::{MediaEgressStats, MediaIngressStats};

use super::Room;
use super::participant::{Participant, Payload, Slot, StreamName};
use super::track::{Track, TrackKey};
use crate::forward::{DependencyDescriptor, key_frame, red};
use crate::sdp::MAX_SECTIONS;
use crate::transport::{ConnectionKey, Side};

/// A packet on its way, with what is known of it.
struct Passing<'a> {
    packet: &'a RtpPacket,
    /// How its payload is to be read.
    params: PayloadParams,
    layer: usize,
    starts_key_frame: bool,
    now: Instant,
}

/// What became of a packet for one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    Sent,
    Dropped,
    /// The receiver waits for a key frame of this stream.
    NeedsKeyFrame,
}

impl Room {
    /// A packet of media has come from a publisher.
    pub(super) fn media(&mut self, owner: u32, packet: &RtpPacket) {
        let now = self.now;
        self.shared.metrics.media_in.up();
        let Some((track_key, layer)) = self.stream(owner, packet) else { return };
        let Some(participant) = self.participants.get_mut(&owner) else { return };
        let Some(connection) = participant.publisher.as_ref() else { return };
        let pt = packet.header.payload_type;
        let params = connection.rtc.codec_config().params().iter().find(|one| one.pt() == pt || one.red() == Some(pt));
        let Some(params) = params.copied() else { return };
        let Some(track) = self.tracks.get_mut(&track_key) else { return };
        track.layers[layer].received(packet.payload.len(), packet.header.marker, now);
        let named = track.info.mime_type.is_empty();
        if named {
            track.info.mime_type = mime(&params, pt);
        }
        if track.kind == MediaKind::Audio
            && let Some(level) = packet.header.ext_vals.audio_level
        {
            participant.loudness.heard(level, now);
        }
        let codec = params.spec().codec;
        let starts_key_frame =
            track.kind == MediaKind::Audio || key_frame::starts(codec, &packet.payload, &packet.header.ext_vals);
        let passing = Passing { packet, params, layer, starts_key_frame, now };
        let receivers = std::mem::take(&mut track.receivers);
        let mut needs_key_frame = false;
        let mut sent = 0;
        for receiver in &receivers {
            let Some(receiver) = self.participants.get_mut(receiver) else { continue };
            match pass_on(receiver, track_key, &passing) {
                Passed::Sent => {
                    sent += 1;
                    let side = receiver.receiving_side();
                    self.busy.insert(ConnectionKey { participant: receiver.key, side });
                }
                Passed::Dropped => {}
                Passed::NeedsKeyFrame => needs_key_frame = true,
            }
        }
        self.shared.metrics.media_out.add(sent);
        let track = self.tracks.get_mut(&track_key).expect("looked up above");
        track.receivers = receivers;
        if needs_key_frame {
            self.ask_for_key_frame(track_key, layer);
        }
        if named {
            self.announce(owner);
        }
    }

    /// Which layer of which track a packet belongs to.
    fn stream(&mut self, owner: u32, packet: &RtpPacket) -> Option<(TrackKey, usize)> {
        let participant = self.participants.get_mut(&owner)?;
        let ssrc = packet.header.ssrc;
        if let Some(stream) = participant.streams.get(&ssrc) {
            return Some(*stream);
        }
        let mut api = participant.publisher.as_mut()?.rtc.direct_api();
        let received = api.stream_rx(&ssrc)?;
        let (mid, rid) = (received.mid(), received.rid());
        let of_section = |track: &TrackKey| self.tracks.get(track).is_some_and(|track| track.mid == mid);
        let track_key = participant.tracks.iter().copied().find(of_section)?;
        let layer = self.tracks[&track_key].layer(rid)?;
        // A publisher that changes its streams all the time gets no memory for it.
        if participant.streams.len() > 256 {
            participant.streams.clear();
        }
        participant.streams.insert(ssrc, (track_key, layer));
        Some((track_key, layer))
    }

    /// A receiver cannot decode what it gets.
    pub(super) fn key_frame_wanted(&mut self, key: ConnectionKey, mid: Mid) {
        let Some(participant) = self.participants.get(&key.participant) else { return };
        let slot = participant.slots.iter().find(|slot| slot.mid == mid);
        let Some((track, layer)) = slot.and_then(|slot| Some((slot.track?, slot.current.or(slot.target)?))) else {
            return;
        };
        self.ask_for_key_frame(track, layer);
    }

    /// Asks for key frames of all that a participant waits for.
    pub(super) fn ask_for_key_frames(&mut self, key: u32) {
        let Some(participant) = self.participants.get(&key) else { return };
        let waiting = participant.slots.iter().filter(|slot| slot.kind == MediaKind::Video);
        let waiting: Vec<_> = waiting
            .filter(|slot| slot.current != slot.target)
            .filter_map(|slot| Some((slot.track?, slot.target?)))
            .collect();
        for (track, layer) in waiting {
            self.ask_for_key_frame(track, layer);
        }
    }

    /// Asks a publisher for a key frame, but not all the time.
    fn ask_for_key_frame(&mut self, track_key: TrackKey, layer: usize) {
        let now = self.now;
        let Some(Track { owner, mid, rids, layers, .. }) = self.tracks.get_mut(&track_key) else { return };
        let Some(state) = layers.get_mut(layer) else { return };
        let Some(connection) = self.participants.get_mut(owner).and_then(|owner| owner.publisher.as_mut()) else {
            return;
        };
        let mut api = connection.rtc.direct_api();
        let Some(stream) = api.stream_rx_by_mid(*mid, rids[layer]) else { return };
        if state.may_ask(now) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            self.shared.metrics.key_frames.up();
            self.busy.insert(ConnectionKey { participant: *owner, side: Side::Publisher });
        }
    }

    /// The bandwidth to a receiver has been measured.
    pub(super) fn estimated(&mut self, key: ConnectionKey, kind: &BweKind) {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(&key.participant) else { return };
        let estimate = match kind {
            BweKind::Twcc { estimate, can_probe: true } => Some(estimate.as_u64()),
            _ => None,
        };
        participant.bandwidth.estimated(estimate, now);
        self.allocate(key.participant);
    }

    pub(super) fn lost_on_the_way_in(&mut self, key: ConnectionKey, statistics: &MediaIngressStats) {
        let stream = (key.side, statistics.mid, statistics.rid);
        let lost = self.lost(key.participant, 0, stream, statistics.packets, statistics.loss);
        self.shared.metrics.media_lost.add(lost);
    }

    pub(super) fn lost_on_the_way_out(&mut self, key: ConnectionKey, statistics: &MediaEgressStats) {
        let stream = (key.side, statistics.mid, statistics.rid);
        let lost = self.lost(key.participant, 1, stream, statistics.packets, statistics.loss);
        self.shared.metrics.receivers_lost.add(lost);
    }

    /// Notes the loss of one stream, and tells how many packets that were since it was told last.
    fn lost(&mut self, key: u32, way: usize, stream: StreamName, packets: u64, loss: Option<f32>) -> u64 {
        let now = self.now;
        let Some(participant) = self.participants.get_mut(&key) else { return 0 };
        // Sections come and go; what is counted is not worth remembering all of them.
        if participant.counted.len() > 4 * MAX_SECTIONS {
            participant.counted.clear();
        }
        let before = participant.counted.insert((way, stream), packets).unwrap_or(packets);
        let Some(loss) = loss else { return 0 };
        participant.loss[way] = participant.loss[way].max(loss);
        if way == 1 {
            participant.bandwidth.lost(loss, now);
        }
        let lost = f64::from(loss) * f64::from(u32::try_from(packets.saturating_sub(before)).unwrap_or(u32::MAX));
        lost as u64
    }
}

fn mime(params: &PayloadParams, pt: Pt) -> String {
    if params.red() == Some(pt) {
        return "audio/red".to_owned();
    }
    match params.spec().codec {
        Codec::Opus => "audio/opus",
        Codec::Vp8 => "video/VP8",
        Codec::Vp9 => "video/VP9",
        Codec::H264 => "video/H264",
        Codec::Av1 => "video/AV1",
        _ => "",
    }
    .to_owned()
}

/// Passes a packet on to one receiver.
fn pass_on(receiver: &mut Participant, track: TrackKey, passing: &Passing<'_>) -> Passed {
    let Participant { publisher, subscriber, slots, subscriptions, single, .. } = receiver;
    let connection = if *single { publisher } else { subscriber };
    let Some(connection) = connection.as_mut().filter(|connection| connection.connected) else {
        return Passed::Dropped;
    };
    let slot = subscriptions.get(&track).and_then(|subscription| subscription.slot);
    let Some(slot) = slot.and_then(|slot| slots.get_mut(slot)).filter(|slot| slot.ready) else {
        return Passed::Dropped;
    };
    let pt = passing.packet.header.payload_type;
    let payload = *slot
        .payloads
        .entry(pt)
        .or_insert_with(|| payload(&passing.params, pt, connection.rtc.codec_config().match_params(passing.params)));
    let Some(payload) = payload else { return Passed::Dropped };
    let passed = choose(slot, passing, payload);
    if passed != Passed::Sent {
        return passed;
    }
    match write(slot, &mut connection.rtc, passing, payload) {
        Some(()) => Passed::Sent,
        None => Passed::Dropped,
    }
}

/// A publisher's payload type as one of a receiver's, of those with the same parameters.
fn payload(from: &PayloadParams, pt: Pt, to: Option<&PayloadParams>) -> Option<Payload> {
    let to = to?;
    let redundant = from.red() == Some(pt);
    let (pt, strip) = match to.red() {
        Some(red) if redundant => (red, false),
        _ => (to.pt(), redundant),
    };
    let spec = to.spec();
    Some(Payload { pt, codec: spec.codec, clock: spec.clock_rate.get(), strip })
}

/// Whether a packet is of the stream that the receiver gets, which changes at key frames.
fn choose(slot: &mut Slot, passing: &Passing<'_>, payload: Payload) -> Passed {
    let Some(target) = slot.target else {
        if slot.current.take().is_some() {
            slot.rewriter.end();
        }
        return Passed::Dropped;
    };
    if passing.layer == target && slot.current != Some(target) {
        if !passing.starts_key_frame {
            return Passed::NeedsKeyFrame;
        }
        slot.current = Some(target);
        let (sequence, timestamp) = (*passing.packet.seq_no, passing.packet.header.timestamp);
        slot.rewriter.begin(sequence, timestamp, payload.clock, passing.now);
    }
    if slot.current == Some(passing.layer) { Passed::Sent } else { Passed::Dropped }
}

/// Writes a packet to the receiver's stream.
fn write(slot: &mut Slot, rtc: &mut str0m::Rtc, passing: &Passing<'_>, payload: Payload) -> Option<()> {
    let packet = passing.packet;
    let numbers = slot.rewriter.numbers(*packet.seq_no, packet.header.timestamp, passing.now)?;
    let patch = (payload.codec == Codec::Vp8).then(|| slot.rewriter.vp8(&packet.payload)).flatten();
    let bytes = if payload.strip { red::newest(&packet.payload)?.into() } else { packet.payload.clone() };
    let mut write = RtpWrite::new(payload.pt, numbers.sequence.into(), numbers.timestamp, passing.now, bytes)
        .marker(packet.header.marker)
        .nackable(slot.kind == MediaKind::Video)
        .ext_vals(extensions(&packet.header.ext_vals));
    if let Some(patch) = patch {
        write = write.vp8_patch(patch);
    }
    let mut api = rtc.direct_api();
    let stream = api.stream_tx_by_mid(slot.mid, None)?;
    if !std::mem::replace(&mut slot.unpaced, true) {
        // The publisher has paced it: what waits here would only come late.
        stream.set_unpaced(true);
    }
    stream.write_rtp(write);
    Some(())
}

/// The header extensions that mean something to the receiver; the others belong to one connection.
fn extensions(from: &ExtensionValues) -> ExtensionValues {
    let mut values = ExtensionValues {
        audio_level: from.audio_level,
        voice_activity: from.voice_activity,
        video_orientation: from.video_orientation,
        abs_capture_time: from.abs_capture_time,
        play_delay_min: from.play_delay_min,
        play_delay_max: from.play_delay_max,
        ..ExtensionValues::default()
    };
    if let Some(descriptor) = from.user_values.get_arc::<DependencyDescriptor>() {
        values.user_values.set_arc(descriptor);
    }
    values
}
