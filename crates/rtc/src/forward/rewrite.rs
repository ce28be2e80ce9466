//! One outgoing stream made of several incoming ones: sequence numbers, timestamps and VP8 picture numbers go on where
//! the stream before ended, and what was lost on the way in stays a gap, so that it can be filled later.

use std::time::{Duration, Instant};

use str0m::rtp::{Vp8Descriptor, Vp8Patch};

/// Numbers of an outgoing packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
}

/// The state of one outgoing stream.
#[derive(Debug, Default)]
pub(crate) struct Rewriter {
    last: Option<(Numbers, Instant)>,
    source: Option<Source>,
    picture: Option<Picture>,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    /// First sequence number that is passed on; those before it belong to what the receiver could not decode.
    first: u64,
    /// Added to sequence numbers, modulo 2^64.
    sequence: u64,
    /// Added to timestamps, modulo 2^32.
    timestamp: u32,
    /// Added to VP8's numbers; known once a packet has some.
    picture: Option<Picture>,
}

/// VP8's number of the picture (15 bits) and of the base layer (8 bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Picture {
    id: u16,
    base: u8,
}

impl Rewriter {
    /// Begins with another incoming stream, at the packet with these numbers.
    pub(crate) fn begin(&mut self, sequence: u64, timestamp: u32, clock: u32, now: Instant) {
        let (next, time) = match self.last {
            // The timestamp moves on by the time that has passed, and at least by one, so that frames stay apart.
            Some((last, at)) => (last.sequence + 1, last.timestamp.wrapping_add(ticks(now - at, clock).max(1))),
            None => (u64::from(sequence as u16 >> 1) + 1, timestamp),
        };
        self.source = Some(Source {
            first: sequence,
            sequence: next.wrapping_sub(sequence),
            timestamp: time.wrapping_sub(timestamp),
            picture: None,
        });
    }

    /// Ends the incoming stream; nothing is passed on until another begins.
    pub(crate) fn end(&mut self) {
        self.source = None;
    }

    /// The numbers with which a packet is passed on, or none if it came before the stream began.
    pub(crate) fn numbers(&mut self, sequence: u64, timestamp: u32, now: Instant) -> Option<Numbers> {
        let source = self.source.filter(|source| sequence >= source.first)?;
        let numbers = Numbers {
            sequence: sequence.wrapping_add(source.sequence),
            timestamp: timestamp.wrapping_add(source.timestamp),
        };
        if self.last.is_none_or(|(last, _)| numbers.sequence > last.sequence) {
            self.last = Some((numbers, now));
        }
        Some(numbers)
    }

    /// The change of a VP8 payload that its numbers need.
    pub(crate) fn vp8(&mut self, payload: &[u8]) -> Option<Vp8Patch> {
        let source = self.source.as_mut()?;
        let descriptor = Vp8Descriptor::parse(payload).ok()?;
        let id = descriptor.picture_id()?;
        let base = descriptor.tl0_pic_idx().unwrap_or(0);
        let last = self.picture;
        let offset = *source.picture.get_or_insert_with(|| match last {
            Some(last) => Picture {
                id: last.id.wrapping_add(1).wrapping_sub(id) & 0x7fff,
                base: last.base.wrapping_add(1).wrapping_sub(base),
            },
            None => Picture { id: 0, base: 0 },
        });
        let picture = Picture { id: id.wrapping_add(offset.id) & 0x7fff, base: base.wrapping_add(offset.base) };
        // Only forwards: a late packet does not turn the count back.
        if last.is_none_or(|last| (picture.id.wrapping_sub(last.id) & 0x7fff) < 0x4000) {
            self.picture = Some(picture);
        }
        let mut patch = descriptor.patch().picture_id(picture.id);
        if descriptor.tl0_pic_idx().is_some() {
            patch = patch.tl0_pic_idx(picture.base);
        }
        patch.build().ok()
    }
}

fn ticks(time: Duration, clock: u32) -> u32 {
    (time.as_micros() * u128::from(clock) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: u32 = 90_000;

    fn pairs(rewriter: &mut Rewriter, packets: &[(u64, u32)], now: Instant) -> Vec<Option<(u64, u32)>> {
        let numbers = packets.iter().map(|(sequence, timestamp)| rewriter.numbers(*sequence, *timestamp, now));
        numbers.map(|numbers| numbers.map(|numbers| (numbers.sequence, numbers.timestamp))).collect()
    }

    #[test]
    fn nothing_is_passed_on_before_a_stream_begins() {
        assert_eq!(Rewriter::default().numbers(1, 1, Instant::now()), None);
    }

    #[test]
    fn gaps_stay_and_late_packets_fill_them() {
        let (mut rewriter, now) = (Rewriter::default(), Instant::now());
        rewriter.begin(100, 5000, CLOCK, now);
        let first = rewriter.numbers(100, 5000, now).unwrap();
        let rest = pairs(&mut rewriter, &[(102, 5000), (101, 5000), (99, 4000)], now);
        let at = |offset| Some((first.sequence + offset, first.timestamp));
        assert_eq!(rest, [at(2), at(1), None]);
    }

    #[test]
    fn another_stream_goes_on_where_the_first_ended() {
        let (mut rewriter, now) = (Rewriter::default(), Instant::now());
        rewriter.begin(100, u32::MAX - 10, CLOCK, now);
        let last = rewriter.numbers(105, u32::MAX - 10, now).unwrap();
        let later = now + Duration::from_millis(100);
        rewriter.begin(60_000, 77, CLOCK, later);
        let next = rewriter.numbers(60_000, 77, later).unwrap();
        assert_eq!(next.sequence, last.sequence + 1);
        assert_eq!(next.timestamp, last.timestamp.wrapping_add(9000));
        // What the new stream had before its key frame is of no use.
        assert_eq!(rewriter.numbers(59_999, 77, later), None);
    }

    #[test]
    fn two_streams_at_the_same_moment_stay_apart() {
        let (mut rewriter, now) = (Rewriter::default(), Instant::now());
        rewriter.begin(1, 1, CLOCK, now);
        let last = rewriter.numbers(1, 1, now).unwrap();
        rewriter.begin(9, 9, CLOCK, now);
        assert_eq!(rewriter.numbers(9, 9, now).unwrap().timestamp, last.timestamp + 1);
    }

    /// A VP8 packet with a 15-bit picture number and a number of the base layer.
    fn vp8(id: u16, base: u8) -> Vec<u8> {
        vec![0x90, 0xe0, 0x80 | (id >> 8) as u8, id as u8, base, 0, 0x50]
    }

    fn rewritten(rewriter: &mut Rewriter, id: u16, base: u8) -> Option<Picture> {
        rewriter.vp8(&vp8(id, base)).map(|_| rewriter.picture.unwrap())
    }

    #[test]
    fn pictures_are_counted_on() {
        let (mut rewriter, now) = (Rewriter::default(), Instant::now());
        rewriter.begin(1, 1, CLOCK, now);
        assert_eq!(rewritten(&mut rewriter, 0x7fff, 255), Some(Picture { id: 0x7fff, base: 255 }));
        rewriter.begin(50, 50, CLOCK, now);
        assert_eq!(rewritten(&mut rewriter, 300, 7), Some(Picture { id: 0, base: 0 }));
        assert_eq!(rewritten(&mut rewriter, 302, 8), Some(Picture { id: 2, base: 1 }));
        // A late packet does not turn the count back.
        assert_eq!(rewritten(&mut rewriter, 301, 7), Some(Picture { id: 2, base: 1 }));
        assert_eq!(rewriter.vp8(&[0x10, 0, 1]), None);
    }
}
