//! The segments of a JPEG file before and between its scans (T.81, annex B).

use std::io::Read;

use image::metadata::Orientation;

use super::{huffman::Huffman, input::Input};
use crate::Refusal;

/// Bytes of a colour profile that is carried over into thumbnails; those of cameras and screens have a few thousand.
const MAX_PROFILE: usize = 1 << 20;

/// The places of the coefficients of a block, in the order in which they are written (T.81, figure A.6).
#[rustfmt::skip]
pub(super) const NATURAL: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The meaning of the components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Grey,
    Rgb,
    YCbCr,
    /// Four inks, inverted, as Adobe writes them.
    Cmyk,
    Ycck,
}

/// One component of the picture.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks in a unit of the interleaved picture, across and down.
    pub(super) sampling: (usize, usize),
    pub(super) quantisation: usize,
    /// Blocks that have something of the picture, across and down.
    pub(super) blocks: (usize, usize),
}

/// The frame header: what is known of the picture before its data.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) size: (usize, usize),
    pub(super) progressive: bool,
    pub(super) components: Vec<Component>,
    /// The largest sampling factors.
    pub(super) sampling: (usize, usize),
    /// Units of the interleaved picture, across and down.
    pub(super) units: (usize, usize),
}

/// The header of a scan.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// Component, DC table, AC table.
    pub(super) components: Vec<(usize, usize, usize)>,
    /// The first and last coefficient.
    pub(super) band: (usize, usize),
    /// Bits of the coefficients that were sent before, or 0, and that are still to come.
    pub(super) approximation: (u32, u32),
}

/// Everything that segments have said until now.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) quantisation: [Option<[f32; 64]>; 4],
    pub(super) dc: [Option<Huffman>; 4],
    pub(super) ac: [Option<Huffman>; 4],
    /// Units between two restarts; 0 for none.
    pub(super) restart_interval: usize,
    adobe: Option<u8>,
    jfif: bool,
    orientation: Option<Orientation>,
    profile: Vec<(u8, Vec<u8>)>,
}

/// The next part of the file that is more than tables.
#[derive(Debug)]
pub(super) enum Next {
    Frame(Frame),
    Scan(Vec<u8>),
    End,
}

impl Tables {
    /// Reads segments up to a frame, a scan or the end of the image.
    pub(super) fn read<R: Read>(&mut self, input: &mut Input<R>) -> Result<Next, Refusal> {
        loop {
            match input.marker() {
                0xC4 => self.huffman(&input.segment()?)?,
                kind @ (0xC0..=0xC2) => return Ok(Next::Frame(Frame::parse(&input.segment()?, kind == 0xC2)?)),
                // Lossless, hierarchical and arithmetic coding are hardly ever met.
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF | 0xDE | 0xDF => return Err(Refusal::Unreadable),
                0xD9 => return Ok(Next::End),
                0xDA => return Ok(Next::Scan(input.segment()?)),
                0xDB => self.quantisation(&input.segment()?)?,
                0xDD => {
                    let &[high, low] = input.segment()?.as_slice() else { return Err(Refusal::Unreadable) };
                    self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                }
                application @ (0xE0 | 0xE1 | 0xE2 | 0xEE) => self.application(application, &input.segment()?),
                0x01 | 0xD0..=0xD8 => {}
                _ => input.skip_segment()?,
            }
        }
    }

    fn huffman(&mut self, segment: &[u8]) -> Result<(), Refusal> {
        for (class, number, table) in Huffman::parse(segment)? {
            let tables = if class == 0 { &mut self.dc } else { &mut self.ac };
            tables[number] = Some(table);
        }
        Ok(())
    }

    fn quantisation(&mut self, mut segment: &[u8]) -> Result<(), Refusal> {
        while let Some((&head, rest)) = segment.split_first() {
            let bytes = if head >> 4 == 0 { 1 } else { 2 };
            let (values, rest) = rest.split_at_checked(64 * bytes).ok_or(Refusal::Unreadable)?;
            let mut table = [0.0; 64];
            for (value, place) in values.chunks_exact(bytes).zip(NATURAL) {
                let value = value.iter().fold(0, |value, byte| value << 8 | u16::from(*byte));
                table[usize::from(place)] = f32::from(value);
            }
            *self.quantisation.get_mut(usize::from(head & 15)).ok_or(Refusal::Unreadable)? = Some(table);
            segment = rest;
        }
        Ok(())
    }

    fn application(&mut self, marker: u8, segment: &[u8]) {
        match marker {
            0xE0 if segment.starts_with(b"JFIF\0") => self.jfif = true,
            0xE1 if self.orientation.is_none() => {
                let exif = segment.strip_prefix(b"Exif\0\0");
                self.orientation = exif.and_then(Orientation::from_exif_chunk);
            }
            0xE2 => {
                if let Some(&[place, _, ref part @ ..]) = segment.strip_prefix(b"ICC_PROFILE\0")
                    && self.profile.iter().map(|(_, part)| part.len()).sum::<usize>() + part.len() <= MAX_PROFILE
                {
                    self.profile.push((place, part.to_vec()));
                }
            }
            0xEE if segment.starts_with(b"Adobe") => self.adobe = segment.get(11).copied(),
            _ => {}
        }
    }

    pub(super) fn orientation(&self) -> Orientation {
        self.orientation.unwrap_or(Orientation::NoTransforms)
    }

    /// The colour profile, which may be spread over segments.
    pub(super) fn profile(&self) -> Option<Vec<u8>> {
        let mut parts: Vec<_> = self.profile.iter().collect();
        parts.sort_by_key(|(place, _)| *place);
        let whole = parts.iter().zip(1_u8..).all(|((place, _), expected)| *place == expected);
        (whole && !parts.is_empty()).then(|| parts.into_iter().flat_map(|(_, part)| part).copied().collect())
    }

    /// The meaning of the components, as other decoders find it too: by Adobe's marker, or else by their names.
    pub(super) fn colour(&self, frame: &Frame) -> Colour {
        let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
        match (ids.len(), self.adobe) {
            (1, _) => Colour::Grey,
            (4, Some(2)) => Colour::Ycck,
            (4, _) => Colour::Cmyk,
            (_, Some(0)) if !self.jfif => Colour::Rgb,
            (_, None) if !self.jfif && ids == *b"RGB" => Colour::Rgb,
            _ => Colour::YCbCr,
        }
    }
}

impl Frame {
    fn parse(segment: &[u8], progressive: bool) -> Result<Self, Refusal> {
        let Some((&[precision, high, low, wide, narrow, count], rest)) = segment.split_first_chunk() else {
            return Err(Refusal::Unreadable);
        };
        let height = usize::from(u16::from_be_bytes([high, low]));
        let width = usize::from(u16::from_be_bytes([wide, narrow]));
        let count = usize::from(count);
        if precision != 8 || width == 0 || height == 0 || !matches!(count, 1 | 3 | 4) || rest.len() < 3 * count {
            return Err(Refusal::Unreadable);
        }
        let mut components = Vec::new();
        for part in rest.chunks_exact(3).take(count) {
            // Sampling factors of a single component say nothing: it is not interleaved with others.
            let factors = if count == 1 { (1, 1) } else { (usize::from(part[1] >> 4), usize::from(part[1] & 15)) };
            if !(1..=4).contains(&factors.0) || !(1..=4).contains(&factors.1) || part[2] > 3 {
                return Err(Refusal::Unreadable);
            }
            let quantisation = usize::from(part[2]);
            components.push(Component { id: part[0], sampling: factors, quantisation, blocks: (0, 0) });
        }
        let largest = |factor: fn(&Component) -> usize| components.iter().map(factor).max().unwrap_or(1);
        let sampling = (largest(|component| component.sampling.0), largest(|component| component.sampling.1));
        for component in &mut components {
            let blocks = |length: usize, factor: usize, most: usize| (length * factor).div_ceil(most).div_ceil(8);
            component.blocks =
                (blocks(width, component.sampling.0, sampling.0), blocks(height, component.sampling.1, sampling.1));
        }
        let units = (width.div_ceil(8 * sampling.0), height.div_ceil(8 * sampling.1));
        Ok(Self { size: (width, height), progressive, components, sampling, units })
    }

    /// Blocks of a component with those that only fill up the last units, across and down.
    pub(super) fn padded(&self, component: usize) -> (usize, usize) {
        let (across, down) = self.components[component].sampling;
        (self.units.0 * across, self.units.1 * down)
    }
}

impl Scan {
    pub(super) fn parse(segment: &[u8], frame: &Frame) -> Result<Self, Refusal> {
        let (&count, rest) = segment.split_first().ok_or(Refusal::Unreadable)?;
        let (parts, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or(Refusal::Unreadable)?;
        let &[first, last, approximation, ..] = rest else { return Err(Refusal::Unreadable) };
        let mut components: Vec<(usize, usize, usize)> = Vec::new();
        for part in parts.chunks_exact(2) {
            let found = frame.components.iter().position(|component| component.id == part[0]);
            let found = found.filter(|found| components.iter().all(|(component, ..)| component != found));
            let (dc, ac) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            if dc > 3 || ac > 3 {
                return Err(Refusal::Unreadable);
            }
            components.push((found.ok_or(Refusal::Unreadable)?, dc, ac));
        }
        let band = if frame.progressive { (usize::from(first), usize::from(last)) } else { (0, 63) };
        let approximation = if frame.progressive { (approximation >> 4, approximation & 15) } else { (0, 0) };
        let one = components.len() == 1;
        if components.is_empty()
            || band.0 > band.1
            || band.1 > 63
            || (frame.progressive && band.0 == 0 && band.1 != 0)
            || (band.0 > 0 && !one)
            || approximation.1 > 13
        {
            return Err(Refusal::Unreadable);
        }
        let approximation = (u32::from(approximation.0), u32::from(approximation.1));
        Ok(Self { components, band, approximation })
    }
}
