//! A JPEG decoder that scales while it decodes, row by row, so that neither the memory nor the work grows with the
//! picture as it would if the picture were decoded whole.
//!
//! Read are sequential and progressive pictures of 8 bits with Huffman codes (T.81), which is what cameras and programs
//! write. Of a picture whose data comes in several scans, the coefficients that the scale needs are kept, and for a
//! progressive one which of the others are zero. Like browsers, it shows what it can of damaged data.

mod header;
mod huffman;
mod idct;
mod input;
mod scan;

use std::io::Read;

use image::metadata::Orientation;

use self::{
    header::{Colour, Frame, Next, Scan, Tables},
    huffman::Huffman,
    idct::Basis,
    input::Input,
    scan::{Place, Stored, Walk, sequential},
};
use crate::{Refusal, effort::Effort};

/// Scans that are looked at. Encoders write about ten; a scan of a few bytes makes the decoder go through the whole
/// picture, so their number bounds the work.
const MAX_SCANS: usize = 100;

/// Eighths of the picture's size that it can be decoded to.
pub(crate) const SCALES: [usize; 4] = [1, 2, 4, 8];

/// A JPEG file, read up to its first scan.
#[derive(Debug)]
pub(crate) struct Jpeg<R> {
    input: Input<R>,
    tables: Tables,
    frame: Frame,
    first: Scan,
    effort: Effort,
}

/// The rows of a number of units, one plane for each component.
struct Band<'a, const N: usize> {
    frame: &'a Frame,
    colour: Colour,
    planes: Vec<Plane>,
    lines: Vec<Vec<u8>>,
    row: Vec<u8>,
}

struct Plane {
    samples: Vec<u8>,
    stride: usize,
}

impl<R: Read> Jpeg<R> {
    /// Reads the headers.
    pub(crate) fn open(reader: R) -> Result<Self, Refusal> {
        let (mut input, mut tables) = (Input::new(reader), Tables::default());
        if (input.byte()?, input.byte()?) != (0xFF, 0xD8) {
            return Err(Refusal::Unreadable);
        }
        let Next::Frame(frame) = tables.read(&mut input)? else { return Err(Refusal::Unreadable) };
        let Next::Scan(scan) = tables.read(&mut input)? else { return Err(Refusal::Unreadable) };
        let first = Scan::parse(&scan, &frame)?;
        Ok(Self { input, tables, frame, first, effort: Effort::new() })
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.frame.size.0 as u32, self.frame.size.1 as u32)
    }

    pub(crate) fn orientation(&self) -> Orientation {
        self.tables.orientation()
    }

    pub(crate) fn profile(&self) -> Option<Vec<u8>> {
        self.tables.profile()
    }

    /// Samples of a pixel in the rows that [`Jpeg::decode`] makes.
    pub(crate) fn channels(&self) -> usize {
        if self.frame.components.len() == 1 { 1 } else { 3 }
    }

    /// Whether each row can be made as soon as its data has been read.
    fn is_streamed(&self) -> bool {
        !self.frame.progressive && self.first.components.len() == self.frame.components.len()
    }

    /// Bytes that decoding takes at most.
    pub(crate) fn memory(&self, scale: usize) -> u64 {
        let (mut stored, mut band) = (0, 0);
        for component in 0..self.frame.components.len() {
            let (across, down) = self.frame.padded(component);
            let bytes = match scale {
                1 => Stored::<1>::bytes,
                2 => Stored::<2>::bytes,
                4 => Stored::<4>::bytes,
                _ => Stored::<8>::bytes,
            };
            stored += bytes(across * down, self.frame.progressive);
            band += (across * scale * (scale * self.frame.components[component].sampling.1 + 2)) as u64;
        }
        if self.is_streamed() { band } else { stored + band }
    }

    /// Decodes the picture to `scale` eighths of its size and hands its rows to `sink`, until it returns false.
    pub(crate) fn decode(self, scale: usize, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Refusal> {
        match scale {
            1 => self.decode_to::<1>(sink),
            2 => self.decode_to::<2>(sink),
            4 => self.decode_to::<4>(sink),
            _ => self.decode_to::<8>(sink),
        }
    }

    fn decode_to<const N: usize>(self, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Refusal> {
        if self.is_streamed() { self.stream::<N>(sink) } else { self.store::<N>(sink) }
    }

    fn stream<const N: usize>(mut self, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Refusal> {
        let basis = Basis::<N>::new();
        let mut band = Band::<N>::new(&self.frame, self.tables.colour(&self.frame));
        let mut coders = Vec::new();
        for &(component, dc, ac) in &self.first.components {
            let quantisation = self.tables.quantisation[self.frame.components[component].quantisation].as_ref();
            let tables = (self.tables.dc[dc].as_ref(), self.tables.ac[ac].as_ref(), quantisation);
            let (Some(dc), Some(ac), Some(quantisation)) = tables else { return Err(Refusal::Unreadable) };
            coders.push((dc, ac, quantisation));
        }
        let mut walk = Walk::new(&self.frame, &self.first, self.tables.restart_interval);
        for row in 0..self.frame.units.1 {
            self.effort.row()?;
            walk.row(row, &mut self.input, |input, carried, place| {
                let (dc, ac, quantisation) = coders[place.slot];
                let mut block = [0; 64];
                if !input.is_starved() {
                    sequential(input, carried, place.slot, (dc, ac), N == 1, &mut block);
                }
                let (out, stride) = band.block(place);
                basis.inverse(&block, 8, quantisation, out, stride);
            });
            if row == 0 && walk.ended {
                return Err(Refusal::Unreadable);
            }
            if !band.emit(row, sink) {
                break;
            }
        }
        Ok(())
    }

    fn store<const N: usize>(mut self, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Refusal> {
        let components = 0..self.frame.components.len();
        let mut stored: Vec<Stored<N>> = components
            .clone()
            .map(|component| Stored::new(self.frame.padded(component), self.frame.progressive))
            .collect();
        let mut scan = self.first.clone();
        for _ in 0..MAX_SCANS {
            self.read_scan(&scan, &mut stored)?;
            // After a scan, whatever does not make sense is the end.
            let Ok(Next::Scan(next)) = self.tables.read(&mut self.input) else { break };
            let Ok(next) = Scan::parse(&next, &self.frame) else { break };
            scan = next;
        }
        let basis = Basis::<N>::new();
        let mut band = Band::<N>::new(&self.frame, self.tables.colour(&self.frame));
        for row in 0..self.frame.units.1 {
            self.effort.row()?;
            for component in components.clone() {
                let stored = &stored[component];
                // A component without a scan is shown as if it were all in the middle.
                let Some(quantisation) = &stored.quantisation else { continue };
                let down = self.frame.components[component].sampling.1;
                for y in row * down..(row + 1) * down {
                    for x in 0..self.frame.padded(component).0 {
                        let (out, stride) = band.block(Place { component, slot: 0, x, y });
                        basis.inverse(stored.block(x, y), N, quantisation, out, stride);
                    }
                }
            }
            if !band.emit(row, sink) {
                break;
            }
        }
        Ok(())
    }

    fn read_scan<const N: usize>(&mut self, scan: &Scan, stored: &mut [Stored<N>]) -> Result<(), Refusal> {
        for &(component, ..) in &scan.components {
            let table = self.frame.components[component].quantisation;
            let stored = &mut stored[component].quantisation;
            *stored = Some(stored.take().or(self.tables.quantisation[table]).ok_or(Refusal::Unreadable)?);
        }
        if scan.band.0 > 0 && N == 1 {
            self.input.skip_scan();
            return Ok(());
        }
        let huffman = |&(_, dc, ac): &(usize, usize, usize)| -> (Option<&Huffman>, Option<&Huffman>) {
            (self.tables.dc[dc].as_ref(), self.tables.ac[ac].as_ref())
        };
        let coders: Vec<_> = scan.components.iter().map(huffman).collect();
        let mut walk = Walk::new(&self.frame, scan, self.tables.restart_interval);
        for row in 0..walk.rows() {
            if walk.ended {
                break;
            }
            self.effort.row()?;
            walk.row(row, &mut self.input, |input, carried, place| {
                if input.is_starved() {
                    return;
                }
                let stored = &mut stored[place.component];
                if self.frame.progressive {
                    stored.progress(input, carried, place, scan, coders[place.slot]);
                } else if let (Some(dc), Some(ac)) = coders[place.slot] {
                    let mut block = [0; 64];
                    sequential(input, carried, place.slot, (dc, ac), N == 1, &mut block);
                    stored.put(place, &block);
                } else {
                    input.give_up();
                }
            });
        }
        Ok(())
    }

    /// Turns pixels as [`Jpeg::decode`] hands them out into grey or RGB values.
    pub(crate) fn converter(&self) -> fn(&mut [u8]) {
        match self.tables.colour(&self.frame) {
            Colour::YCbCr => |pixels| pixels.chunks_exact_mut(3).for_each(to_rgb),
            _ => |_| {},
        }
    }
}

impl<'a, const N: usize> Band<'a, N> {
    fn new(frame: &'a Frame, colour: Colour) -> Self {
        let plane = |component: usize| {
            let stride = frame.padded(component).0 * N;
            Plane { samples: vec![128; stride * N * frame.components[component].sampling.1], stride }
        };
        let planes = (0..frame.components.len()).map(plane).collect::<Vec<_>>();
        let width = (frame.size.0 * N).div_ceil(8);
        Self { frame, colour, lines: vec![Vec::new(); planes.len()], planes, row: vec![0; 3 * width] }
    }

    /// The place for the samples of a block, and the length of the rows there.
    #[inline]
    fn block(&mut self, place: Place) -> (&mut [u8], usize) {
        let plane = &mut self.planes[place.component];
        let row = place.y % self.frame.components[place.component].sampling.1;
        (&mut plane.samples[row * N * plane.stride + place.x * N..], plane.stride)
    }

    /// Hands out the rows of a row of units; false if no more are wanted.
    fn emit(&mut self, units: usize, sink: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let (most_across, most_down) = self.frame.sampling;
        let width = (self.frame.size.0 * N).div_ceil(8);
        let height = (self.frame.size.1 * N).div_ceil(8);
        let first = units * most_down * N;
        for row in first..height.min(first + most_down * N) {
            for ((plane, component), line) in self.planes.iter().zip(&self.frame.components).zip(&mut self.lines) {
                let (across, down) = component.sampling;
                let from = (row - first) * down / most_down * plane.stride;
                let samples = &plane.samples[from..from + plane.stride];
                line.clear();
                match (across, most_across) {
                    (across, most) if across == most => line.extend_from_slice(&samples[..width]),
                    (1, 2) => line.extend(samples.iter().flat_map(|sample| [*sample; 2]).take(width)),
                    (across, most) => line.extend((0..width).map(|x| samples[x * across / most])),
                }
            }
            if !sink(self.merged()) {
                return false;
            }
        }
        true
    }

    /// The pixels of the lines of all components.
    fn merged(&mut self) -> &[u8] {
        match self.lines.as_slice() {
            [first, second, third] => {
                let samples = first.iter().zip(second).zip(third);
                for (pixel, ((first, second), third)) in self.row.chunks_exact_mut(3).zip(samples) {
                    pixel.copy_from_slice(&[*first, *second, *third]);
                }
                &self.row
            }
            [first, second, third, black] => {
                let samples = first.iter().zip(second).zip(third).zip(black);
                for (pixel, (((first, second), third), black)) in self.row.chunks_exact_mut(3).zip(samples) {
                    pixel.copy_from_slice(&[*first, *second, *third]);
                    if self.colour == Colour::Ycck {
                        to_rgb(pixel);
                        for ink in pixel.iter_mut() {
                            *ink = 255 - *ink;
                        }
                    }
                    for ink in pixel {
                        *ink = ((u16::from(*ink) * u16::from(*black) + 127) / 255) as u8;
                    }
                }
                &self.row
            }
            lines => &lines[0],
        }
    }
}

/// Turns luma and chroma into RGB (JFIF 1.02).
fn to_rgb(pixel: &mut [u8]) {
    let &mut [y, cb, cr] = pixel else { return };
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
    for (out, value) in pixel.iter_mut().zip(rgb) {
        *out = (value + 0.5) as u8;
    }
}
