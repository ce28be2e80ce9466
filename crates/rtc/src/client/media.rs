//! Sound and pictures as packets: noise of the usual sizes.

use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::media::{MediaKind, Mid, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

/// The beat: a packet of sound each time, a picture each second time.
pub(super) const BEAT: Duration = Duration::from_millis(20);
/// Bytes of sound in a packet.
const VOICE: usize = 100;
/// The sizes of a camera: name, bytes of a picture.
pub(super) const SIZES: [(&str, usize); 3] = [("q", 750), ("h", 2500), ("f", 7500)];
/// Longest payload, and how much longer a picture that needs no other is.
const MAX_PAYLOAD: usize = 1100;
const KEY_FRAME: usize = 5;

/// A stream that is sent.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) mid: Mid,
    pub(super) rid: Option<Rid>,
    /// Bytes of a picture, or of a packet of sound.
    size: usize,
    beats: u32,
    pictures: u16,
    packets: u64,
    /// Whether the next picture needs no other.
    pub(super) key_frame: bool,
}

impl Stream {
    pub(super) fn voice(mid: Mid) -> Self {
        Self::new(mid, None, VOICE)
    }

    pub(super) fn camera(mid: Mid) -> impl Iterator<Item = Self> {
        SIZES.into_iter().map(move |(name, size)| Self::new(mid, Some(Rid::from(name)), size))
    }

    fn new(mid: Mid, rid: Option<Rid>, size: usize) -> Self {
        Self { mid, rid, size, beats: 0, pictures: 0, packets: 0, key_frame: true }
    }

    /// Hands over what is due at this beat.
    pub(super) fn beat(&mut self, rtc: &mut Rtc, now: Instant) {
        self.beats = self.beats.wrapping_add(1);
        let Some(media) = rtc.media(self.mid) else { return };
        let kind = media.kind();
        let Some(pt) = media.remote_pts().first().copied() else { return };
        let payloads = match kind {
            MediaKind::Audio => vec![vec![0x55; self.size]],
            MediaKind::Video if self.beats.is_multiple_of(2) => self.picture(),
            MediaKind::Video => return,
        };
        let clock = if kind == MediaKind::Audio { 960 } else { 1800 };
        let time = self.beats.wrapping_mul(clock);
        let values = ExtensionValues { audio_level: Some(-30), voice_activity: Some(true), ..Default::default() };
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(self.mid, self.rid) else { return };
        let last = payloads.len() - 1;
        for (index, payload) in payloads.into_iter().enumerate() {
            self.packets += 1;
            let write = RtpWrite::new(pt, self.packets.into(), time, now, payload);
            stream.write_rtp(write.marker(index == last).ext_vals(values.clone()));
        }
    }

    /// A picture of VP8 in packets, with its number and that of its base layer.
    fn picture(&mut self) -> Vec<Vec<u8>> {
        self.pictures = self.pictures.wrapping_add(1) & 0x7fff;
        let key_frame = std::mem::take(&mut self.key_frame);
        let mut left = if key_frame { self.size * KEY_FRAME } else { self.size };
        let mut packets = Vec::new();
        while left > 0 {
            let length = left.min(MAX_PAYLOAD);
            let begins = if packets.is_empty() { 0x90 } else { 0x80 };
            let [high, low] = self.pictures.to_be_bytes();
            let mut packet = vec![begins, 0xe0, 0x80 | high, low, low, 0, u8::from(!key_frame)];
            packet.resize(packet.len() + length, 0x55);
            packets.push(packet);
            left -= length;
        }
        packets
    }
}
