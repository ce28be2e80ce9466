//! The entropy-coded data of scans: sequential (T.81, F.2.2) and progressive (T.81, G.2).

use std::io::Read;

use super::{
    header::{Frame, NATURAL, Scan},
    huffman::Huffman,
    input::Input,
};

/// Marks coefficients that are not kept.
const DROPPED: u8 = u8::MAX;

/// The state carried over from one block to the next, up to a restart.
#[derive(Debug, Default)]
pub(super) struct Carried {
    predictors: [i32; 4],
    /// Blocks that have nothing more in this band.
    run: u32,
}

/// The place of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The component's number in the frame.
    pub(super) component: usize,
    /// The component's number in the scan.
    pub(super) slot: usize,
    pub(super) x: usize,
    pub(super) y: usize,
}

/// Goes through the blocks of a scan in their order.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    frame: &'a Frame,
    scan: &'a Scan,
    interval: usize,
    done: usize,
    carried: Carried,
    /// Whether there is no more data.
    pub(super) ended: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(frame: &'a Frame, scan: &'a Scan, interval: usize) -> Self {
        Self { frame, scan, interval, done: 0, carried: Carried::default(), ended: false }
    }

    /// Rows of units: of blocks if the scan has one component.
    pub(super) fn rows(&self) -> usize {
        match *self.scan.components {
            [(component, ..)] => self.frame.components[component].blocks.1,
            _ => self.frame.units.1,
        }
    }

    /// Goes through a row of units.
    pub(super) fn row<R: Read>(
        &mut self,
        row: usize,
        input: &mut Input<R>,
        mut block: impl FnMut(&mut Input<R>, &mut Carried, Place),
    ) {
        if let [(component, ..)] = *self.scan.components {
            for x in 0..self.frame.components[component].blocks.0 {
                self.unit(input);
                block(input, &mut self.carried, Place { component, slot: 0, x, y: row });
            }
            return;
        }
        for unit in 0..self.frame.units.0 {
            self.unit(input);
            for (slot, &(component, ..)) in self.scan.components.iter().enumerate() {
                let (across, down) = self.frame.components[component].sampling;
                for y in row * down..(row + 1) * down {
                    for x in unit * across..(unit + 1) * across {
                        block(input, &mut self.carried, Place { component, slot, x, y });
                    }
                }
            }
        }
    }

    fn unit<R: Read>(&mut self, input: &mut Input<R>) {
        if self.interval > 0 && self.done > 0 && self.done.is_multiple_of(self.interval) {
            self.carried = Carried::default();
            self.ended |= !input.restart();
        }
        self.ended |= self.interval == 0 && input.is_starved();
        self.done += 1;
    }
}

/// Reads a block of a sequential picture; with `mean_only` only its first coefficient, which is its mean.
#[inline]
pub(super) fn sequential<R: Read>(
    input: &mut Input<R>,
    carried: &mut Carried,
    slot: usize,
    (dc, ac): (&Huffman, &Huffman),
    mean_only: bool,
    block: &mut [i16; 64],
) {
    input.refill();
    let size = u32::from(dc.decode(input)).min(16);
    let predictor = &mut carried.predictors[slot];
    *predictor = predictor.wrapping_add(input.take_signed(size));
    block[0] = *predictor as i16;
    let mut at = 1;
    while at < 64 {
        input.refill();
        let symbol = ac.decode(input);
        let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if zeros < 15 {
                return;
            }
            at += 16;
            continue;
        }
        at += zeros;
        let value = input.take_signed(size);
        let Some(place) = NATURAL.get(at) else { return input.give_up() };
        if !mean_only {
            block[usize::from(*place)] = value as i16;
        }
        at += 1;
    }
}

/// The coefficients of a component that are needed: of each block a corner of N × N. To read a progressive picture
/// one also has to know of the others whether they are zero.
#[derive(Debug)]
pub(super) struct Stored<const N: usize> {
    coefficients: Vec<i16>,
    /// A bit for each coefficient of a block, in the order in which they are written. Empty if no band is read.
    nonzero: Vec<u64>,
    across: usize,
    /// By the order in which coefficients are written: the place in the corner.
    places: [u8; 64],
    pub(super) quantisation: Option<[f32; 64]>,
}

impl<const N: usize> Stored<N> {
    pub(super) fn new((across, down): (usize, usize), progressive: bool) -> Self {
        let places = NATURAL.map(|place| {
            let (row, column) = (place / 8, place % 8);
            if usize::from(row.max(column)) < N { row * N as u8 + column } else { DROPPED }
        });
        Self {
            coefficients: vec![0; across * down * N * N],
            nonzero: if progressive && N > 1 { vec![0; across * down] } else { Vec::new() },
            across,
            places,
            quantisation: None,
        }
    }

    /// Bytes that are kept of this many blocks.
    pub(super) fn bytes(blocks: usize, progressive: bool) -> u64 {
        let each = 2 * N * N + if progressive && N > 1 { 8 } else { 0 };
        blocks as u64 * each as u64
    }

    pub(super) fn block(&self, x: usize, y: usize) -> &[i16] {
        let at = (y * self.across + x) * N * N;
        &self.coefficients[at..at + N * N]
    }

    /// Keeps a block of a sequential picture.
    pub(super) fn put(&mut self, place: Place, block: &[i16; 64]) {
        let at = (place.y * self.across + place.x) * N * N;
        for (kept, row) in self.coefficients[at..at + N * N].chunks_exact_mut(N).zip(block.chunks_exact(8)) {
            kept.copy_from_slice(&row[..N]);
        }
    }

    fn set(&mut self, block: usize, at: usize, value: i16) {
        self.nonzero[block] |= 1 << at;
        if self.places[at] != DROPPED {
            self.coefficients[block * N * N + usize::from(self.places[at])] = value;
        }
    }

    /// Reads the correction of a coefficient that is not zero.
    fn correct<R: Read>(&mut self, input: &mut Input<R>, block: usize, at: usize, bit: i16) {
        input.refill();
        if input.take(1) == 1 && self.places[at] != DROPPED {
            let value = &mut self.coefficients[block * N * N + usize::from(self.places[at])];
            if *value & bit == 0 {
                *value = value.wrapping_add(if *value < 0 { -bit } else { bit });
            }
        }
    }

    /// Reads what a scan of a progressive picture says of a block.
    pub(super) fn progress<R: Read>(
        &mut self,
        input: &mut Input<R>,
        carried: &mut Carried,
        place: Place,
        scan: &Scan,
        (dc, ac): (Option<&Huffman>, Option<&Huffman>),
    ) {
        let block = place.y * self.across + place.x;
        let (before, low) = scan.approximation;
        match (scan.band.0, before) {
            (0, 0) => {
                let Some(dc) = dc else { return input.give_up() };
                input.refill();
                let size = u32::from(dc.decode(input)).min(16);
                let predictor = &mut carried.predictors[place.slot];
                *predictor = predictor.wrapping_add(input.take_signed(size));
                self.coefficients[block * N * N] = (*predictor << low) as i16;
            }
            (0, _) => {
                input.refill();
                self.coefficients[block * N * N] |= (input.take(1) as i16) << low;
            }
            (_, before) => {
                let Some(ac) = ac else { return input.give_up() };
                if before == 0 {
                    self.first(input, carried, block, scan, ac);
                } else {
                    self.refine(input, carried, block, scan, ac);
                }
            }
        }
    }

    /// The first bits of a band (T.81, G.1.2.2).
    fn first<R: Read>(&mut self, input: &mut Input<R>, carried: &mut Carried, block: usize, scan: &Scan, ac: &Huffman) {
        if carried.run > 0 {
            carried.run -= 1;
            return;
        }
        let (mut at, last) = scan.band;
        while at <= last {
            input.refill();
            let symbol = ac.decode(input);
            let (zeros, size) = (symbol >> 4, u32::from(symbol & 15));
            if size == 0 {
                if zeros < 15 {
                    carried.run = (1 << zeros) - 1 + input.take(u32::from(zeros));
                    return;
                }
                at += 16;
                continue;
            }
            at += usize::from(zeros);
            let value = input.take_signed(size);
            if at > last {
                return input.give_up();
            }
            self.set(block, at, (value << scan.approximation.1) as i16);
            at += 1;
        }
    }

    /// One more bit of a band (T.81, G.1.2.3).
    fn refine<R: Read>(
        &mut self,
        input: &mut Input<R>,
        carried: &mut Carried,
        block: usize,
        scan: &Scan,
        ac: &Huffman,
    ) {
        let bit = 1_i16 << scan.approximation.1;
        let (mut at, last) = scan.band;
        while carried.run == 0 && at <= last {
            input.refill();
            let symbol = ac.decode(input);
            let (mut zeros, size) = (symbol >> 4, symbol & 15);
            let mut value = 0;
            if size > 0 {
                value = if input.take(1) == 1 { bit } else { -bit };
            } else if zeros < 15 {
                carried.run = (1 << zeros) + input.take(u32::from(zeros));
                break;
            }
            while at <= last {
                let there = self.nonzero[block] >> at & 1 == 1;
                if there {
                    self.correct(input, block, at, bit);
                } else if zeros == 0 {
                    if value != 0 {
                        self.set(block, at, value);
                    }
                    at += 1;
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
        }
        if carried.run > 0 {
            let rest = self.nonzero[block] >> at.min(63) << at.min(63);
            for at in at..=last {
                if rest >> at & 1 == 1 {
                    self.correct(input, block, at, bit);
                }
            }
            carried.run -= 1;
        }
    }
}
