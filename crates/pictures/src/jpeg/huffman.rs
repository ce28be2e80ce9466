//! Huffman tables (T.81, annex C and F.2.2.3).

use std::io::Read;

use super::input::Input;
use crate::Refusal;

/// Codes of up to this many bits are looked up in one step.
const FAST_BITS: u32 = 10;

/// A table as it is used for decoding.
#[derive(Debug, Clone)]
pub(super) struct Huffman {
    /// By the next bits: the length of the code in the upper byte, the symbol in the lower one; 0 for longer codes.
    fast: Vec<u16>,
    /// By length: the first number above the codes of this length, put to the left of 16 bits.
    above: [u32; 17],
    /// By length: what is added to a code to get the place of its symbol.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// Reads the tables of a DHT segment: class (0 for DC, 1 for AC), number and table.
    pub(super) fn parse(mut segment: &[u8]) -> Result<Vec<(u8, usize, Self)>, Refusal> {
        let mut tables = Vec::new();
        while let Some((&[head, ref counts @ ..], rest)) = segment.split_first_chunk::<17>() {
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or(Refusal::Unreadable)?;
            let number = usize::from(head & 15);
            if number > 3 || head >> 4 > 1 {
                return Err(Refusal::Unreadable);
            }
            tables.push((head >> 4, number, Self::new(counts, symbols)?));
            segment = rest;
        }
        Ok(tables)
    }

    fn new(counts: &[u8], symbols: &[u8]) -> Result<Self, Refusal> {
        let mut fast = vec![0; 1 << FAST_BITS];
        let (mut above, mut offset) = ([0; 17], [0; 17]);
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, count) in (1_u32..).zip(counts) {
            offset[length as usize] = place as i32 - code as i32;
            for _ in 0..*count {
                if code >> length != 0 {
                    return Err(Refusal::Unreadable);
                }
                if length <= FAST_BITS {
                    let entry = (length as u16) << 8 | u16::from(symbols[place]);
                    let first = (code << (FAST_BITS - length)) as usize;
                    fast[first..first + (1 << (FAST_BITS - length))].fill(entry);
                }
                (code, place) = (code + 1, place + 1);
            }
            above[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(Self { fast, above, offset, symbols: symbols.to_vec() })
    }

    /// Takes a symbol. Takes at most 16 bits; a code that is not in the table ends the data.
    #[inline]
    pub(super) fn decode<R: Read>(&self, input: &mut Input<R>) -> u8 {
        let next = input.peek();
        let entry = self.fast[(next >> (16 - FAST_BITS)) as usize];
        if entry != 0 {
            input.consume(u32::from(entry >> 8));
            return entry as u8;
        }
        for length in FAST_BITS + 1..=16 {
            if next < self.above[length as usize] {
                input.consume(length);
                let place = (next >> (16 - length)) as i32 + self.offset[length as usize];
                return self.symbols.get(place as usize).copied().unwrap_or(0);
            }
        }
        input.give_up();
        0
    }
}

#[cfg(test)]
mod tests {
    use super::{Huffman, Input};

    #[test]
    fn short_and_long_codes() {
        // 0, 10, 110, … and at the end 1111111111110 with 13 bits.
        let mut segment = vec![0x12];
        segment.extend([1; 13]);
        segment.extend([0; 3]);
        segment.extend(20..33);
        let tables = Huffman::parse(&segment).unwrap();
        assert_eq!((tables[0].0, tables[0].1), (1, 2));
        let mut input = Input::new([0b1001_1111, 0b1111_1110, 0b1100_0000].as_slice());
        let mut symbols = Vec::new();
        for _ in 0..4 {
            input.refill();
            symbols.push(tables[0].2.decode(&mut input));
        }
        assert_eq!(symbols, [21, 20, 32, 22]);
    }

    #[test]
    fn tables_that_are_none() {
        let mut too_many_codes = vec![0, 3];
        too_many_codes.extend([0; 15]);
        too_many_codes.extend([1, 2, 3]);
        assert!(Huffman::parse(&too_many_codes).is_err());
        assert!(Huffman::parse(&[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).is_err(), "its symbol is missing");
        assert!(Huffman::parse(&[0x04; 17]).is_err());
    }
}
