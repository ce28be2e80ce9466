//! A datagram in a buffer that has room in front: what is relayed gets another header where it lies and is not copied.

use std::ops::Range;

/// Bytes before a datagram: a Data indication's header, an IPv6 peer's address, the data's own header.
const HEADROOM: usize = 48;
/// The largest datagram, and what pads it to four bytes.
const ROOM: usize = 65_536;

/// A buffer and the part of it that is in use.
#[derive(Debug)]
pub(crate) struct Packet {
    bytes: Box<[u8]>,
    used: Range<usize>,
}

impl Default for Packet {
    fn default() -> Self {
        Self { bytes: vec![0; HEADROOM + ROOM + 4].into_boxed_slice(), used: HEADROOM..HEADROOM }
    }
}

impl Packet {
    /// A packet with a copy of `data`, of which 65,536 bytes are taken.
    #[cfg(test)]
    pub(crate) fn of(data: &[u8]) -> Self {
        let mut packet = Self::default();
        packet.fill(data);
        packet
    }

    /// Takes a copy of `data`, of which 65,536 bytes are taken.
    pub(crate) fn fill(&mut self, data: &[u8]) {
        let length = data.len().min(ROOM);
        self.room()[..length].copy_from_slice(&data[..length]);
        self.received(length);
    }

    /// The place into which a datagram is received.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[HEADROOM..HEADROOM + ROOM]
    }

    /// Says that `length` bytes were received.
    pub(crate) fn received(&mut self, length: usize) {
        self.used = HEADROOM..HEADROOM + length.min(ROOM);
    }

    /// The bytes in use.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.used.clone()]
    }

    /// Gives up all but this part of the bytes in use.
    pub(crate) fn narrow(&mut self, part: Range<usize>) {
        let start = (self.used.start + part.start).min(self.used.end);
        self.used = start..(self.used.start + part.end).clamp(start, self.used.end);
    }

    /// Puts a header of up to 48 bytes before the bytes in use.
    pub(crate) fn prepend(&mut self, header: &[u8]) {
        let start = self.used.start.checked_sub(header.len()).expect("headers fit before the smallest offset of data");
        self.bytes[start..self.used.start].copy_from_slice(header);
        self.used.start = start;
    }

    /// Appends zeros up to a multiple of four bytes.
    pub(crate) fn pad(&mut self) {
        let padding = self.used.len().wrapping_neg() % 4;
        let end = (self.used.end + padding).min(self.bytes.len());
        self.bytes[self.used.end..end].fill(0);
        self.used.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::Packet;

    #[test]
    fn headers_change_in_place() {
        let mut packet = Packet::of(b"HEADdata!");
        packet.narrow(4..9);
        assert_eq!(packet.bytes(), b"data!");
        packet.prepend(&[7; 48]);
        packet.pad();
        assert_eq!((packet.bytes().len(), &packet.bytes()[48..]), (56, &b"data!\0\0\0"[..]));
        packet.fill(&vec![1; 70_000]);
        assert_eq!(packet.bytes().len(), 65_536);
        packet.prepend(&[2; 48]);
        packet.pad();
        assert_eq!(packet.bytes().len(), 65_584);
        packet.narrow(65_583..80_000);
        assert_eq!(packet.bytes(), [1]);
    }
}
