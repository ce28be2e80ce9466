//! Bytes of a JPEG file, and the bits of its entropy-coded data (T.81, B.1.1.5: `FF 00` stands for `FF`, any other
//! `FF xx` is a marker).

use std::io::Read;

use crate::Refusal;

/// Bytes read from the file at a time.
const BUFFER: usize = 64 << 10;
/// The marker that is reported when the file ends without one.
const END_OF_IMAGE: u8 = 0xD9;

/// A JPEG file that is read from the beginning to the end.
#[derive(Debug)]
pub(super) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// The next bits of the entropy-coded data, the first one uppermost. Below `count` of them there may be some that
    /// are still to be taken from the buffer.
    bits: u64,
    count: u32,
    /// The marker that ends the entropy-coded data, once it has been reached.
    marker: Option<u8>,
    /// Whether more bits were wanted than there are before the marker, or the bits made no sense.
    starved: bool,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; BUFFER], at: 0, end: 0, bits: 0, count: 0, marker: None, starved: false }
    }

    /// The next byte; `None` at the end of the file.
    fn next(&mut self) -> Option<u8> {
        if self.at == self.end {
            self.at = 0;
            // A file that cannot be read further ends here: what came before is still a picture.
            self.end = loop {
                match self.reader.read(&mut self.buffer) {
                    Ok(read) => break read,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => break 0,
                }
            };
        }
        let byte = *self.buffer[..self.end].get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Refusal> {
        self.next().ok_or(Refusal::Unreadable)
    }

    fn u16(&mut self) -> Result<u16, Refusal> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// The content of a segment after its marker.
    pub(super) fn segment(&mut self) -> Result<Vec<u8>, Refusal> {
        let length = self.u16()?.checked_sub(2).ok_or(Refusal::Unreadable)?;
        (0..length).map(|_| self.byte()).collect()
    }

    /// Goes over a segment.
    pub(super) fn skip_segment(&mut self) -> Result<(), Refusal> {
        let length = self.u16()?.checked_sub(2).ok_or(Refusal::Unreadable)?;
        (0..length).try_for_each(|_| self.byte().map(drop))
    }

    /// The next marker: the one that ended the entropy-coded data, or else the next one in the file.
    pub(super) fn marker(&mut self) -> u8 {
        (self.bits, self.count, self.starved) = (0, 0, false);
        self.marker.take().unwrap_or_else(|| self.find_marker())
    }

    fn find_marker(&mut self) -> u8 {
        loop {
            match self.next() {
                None => return END_OF_IMAGE,
                Some(0xFF) => {
                    if let Some(marker) = self.after_ff() {
                        return marker;
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// The marker after an `FF`, which may be repeated; `None` if it is a stuffed byte.
    fn after_ff(&mut self) -> Option<u8> {
        loop {
            match self.next() {
                Some(0) => return None,
                Some(0xFF) => {}
                found => return Some(found.unwrap_or(END_OF_IMAGE)),
            }
        }
    }

    /// Goes over the rest of the entropy-coded data, restarts included.
    pub(super) fn skip_scan(&mut self) {
        loop {
            let marker = self.marker();
            if !(0xD0..=0xD7).contains(&marker) {
                self.marker = Some(marker);
                return;
            }
        }
    }

    /// Goes to the data after the next restart marker; false if the scan ends before.
    pub(super) fn restart(&mut self) -> bool {
        let marker = self.marker();
        if (0xD0..=0xD7).contains(&marker) {
            return true;
        }
        self.marker = Some(marker);
        false
    }

    /// Whether the data up to the next restart has ended early.
    pub(super) fn is_starved(&self) -> bool {
        self.starved
    }

    /// Marks the data up to the next restart as useless.
    pub(super) fn give_up(&mut self) {
        self.starved = true;
    }

    /// Makes at least 32 bits available, unless the data ends.
    #[inline]
    pub(super) fn refill(&mut self) {
        if self.count < 32 && self.marker.is_none() {
            self.refill_now();
        }
    }

    fn refill_now(&mut self) {
        if let Some(Ok(next)) = self.buffer[..self.end].get(self.at..self.at + 8).map(TryInto::try_into) {
            let word = u64::from_be_bytes(next);
            if !has_ff(word) {
                let bytes = (63 - self.count) >> 3;
                self.bits |= word >> self.count;
                self.at += bytes as usize;
                self.count += bytes * 8;
                return;
            }
        }
        while self.count <= 56 {
            let byte = match self.next() {
                Some(0xFF) => match self.after_ff() {
                    None => 0xFF,
                    found => {
                        self.marker = found;
                        return;
                    }
                },
                Some(byte) => byte,
                None => {
                    self.marker = Some(END_OF_IMAGE);
                    return;
                }
            };
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next 16 bits, without taking them.
    #[inline]
    pub(super) fn peek(&self) -> u32 {
        (self.bits >> 48) as u32
    }

    #[inline]
    pub(super) fn consume(&mut self, bits: u32) {
        if bits > self.count {
            (self.bits, self.count, self.starved) = (0, 0, true);
            return;
        }
        self.bits <<= bits;
        self.count -= bits;
    }

    /// Takes up to 16 bits as a number.
    #[inline]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        let value = ((self.bits >> 1) >> (63 - bits)) as u32;
        self.consume(bits);
        value
    }

    /// Takes a signed number of `bits` bits (T.81, F.2.2.1: RECEIVE and EXTEND).
    #[inline]
    pub(super) fn take_signed(&mut self, bits: u32) -> i32 {
        let value = self.take(bits) as i32;
        let negative = (value >> bits.saturating_sub(1)) & 1 == 0;
        if negative { value - (1 << bits) + 1 } else { value }
    }
}

/// Whether one of the bytes is `FF`.
fn has_ff(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let inverted = !word;
    inverted.wrapping_sub(ONES) & word & (ONES << 7) != 0
}

#[cfg(test)]
mod tests {
    use super::{Input, has_ff};

    #[test]
    fn bytes_of_ones_are_found() {
        assert!(!has_ff(0) && !has_ff(0xFEFE_FEFE_FEFE_FEFE) && !has_ff(0x7F80_0102_0304_0506));
        for byte in 0..8 {
            assert!(has_ff(0xFF << (8 * byte)), "{byte}");
        }
    }

    #[test]
    fn bits_are_taken_across_stuffed_bytes_and_end_at_a_marker() {
        let mut data: Vec<u8> = (0..20).collect();
        data.extend([0xFF, 0, 0xAB, 0xFF, 0xD9]);
        let mut input = Input::new(data.as_slice());
        for expected in (0..20).chain([0xFF, 0xAB]) {
            input.refill();
            assert_eq!(input.take(8), expected);
        }
        input.refill();
        assert!(!input.is_starved());
        assert_eq!(input.take(1), 0);
        assert!(input.is_starved());
        assert_eq!(input.marker(), 0xD9);
        assert_eq!(input.marker(), 0xD9, "the end of the file counts as the end of the image");
    }

    #[test]
    fn numbers_are_extended_by_their_sign() {
        let mut input = Input::new([0b0110_1000, 0b1000_0000].as_slice());
        input.refill();
        assert_eq!(input.take_signed(1), -1);
        assert_eq!(input.take_signed(2), 3);
        assert_eq!(input.take_signed(3), -5);
        assert_eq!(input.take_signed(0), 0);
    }
}
