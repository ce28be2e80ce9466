//! AVIF: pictures of AV1 frames in a file of boxes (AV1 Image File Format 1.1; ISO/IEC 23000-22; ISO/IEC 23008-12).
//!
//! Read is what the file says of its picture: which bytes are the frames, how they lie together, which colours they
//! mean. The frames themselves are decoded by another program ([`crate::Decoder`]), which reads the same description.

mod boxes;
mod colours;
mod items;
#[cfg(test)]
mod tests;

use std::{
    io::{Read, Seek, SeekFrom},
    ops::Range,
};

use image::metadata::Orientation;

use self::{boxes::Reader, items::Items};
use crate::Refusal;

pub use self::colours::Colours;
pub(crate) use self::colours::to_srgb;

/// The most tiles of a picture. Encoders cut photos into tiles of 512 pixels a side or more: 200 megapixels are 800.
const MAX_TILES: usize = 1_024;
/// The longest side of a frame, AV1's own limit.
const LONGEST: u32 = 65_536;
/// Bytes that a decoder takes for each pixel of a frame, beside its samples: how its blocks were coded, where they are
/// filtered.
const TABLES: u64 = 1;

/// A picture, as its file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Avif {
    /// The picture itself.
    pub colour: Frames,
    /// Its opacity: frames whose brightness is the opacity of the picture's pixels.
    pub opacity: Option<Frames>,
    /// Whether the colours are multiplied with the opacity.
    pub is_premultiplied: bool,
    /// The part of it that is to be seen.
    pub seen: Part,
    pub(crate) orientation: Orientation,
    pub(crate) profile: Option<Vec<u8>>,
}

/// A rectangle of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its first column.
    pub left: u32,
    /// Its first row.
    pub top: u32,
    /// Its width and height.
    pub size: (u32, u32),
}

/// Frames that lie beside and below each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    /// Width and height together, in pixels. The last column and the last row may stand out.
    pub size: (u32, u32),
    /// Width and height of each.
    pub frame: (u32, u32),
    /// How many there are beside each other.
    pub columns: usize,
    /// The bytes of each, row by row, in parts that are put together.
    pub sources: Vec<Vec<Range<u64>>>,
    /// Samples of them, by what their description says.
    pub samples: Samples,
    /// The colours that the file states. Without them, those that the frames state hold.
    pub colours: Option<Colours>,
}

/// The samples of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Samples {
    /// Bits of a sample: 8, 10 or 12.
    pub bits: u8,
    /// Whether there is brightness only.
    pub is_grey: bool,
    /// Whether there is one sample of colour for two pixels across, and for two down.
    pub halved: (bool, bool),
}

impl Avif {
    /// Reads what a file says of its picture.
    pub fn read(mut file: impl Read + Seek) -> Result<Self, Refusal> {
        let length = file.seek(SeekFrom::End(0))?;
        let metadata = boxes::metadata(&mut file)?;
        let items = Items::read(&metadata, length)?;
        let id = items.primary;
        understand(&items, id)?;
        let colour = Frames::of(&items, id, &mut file)?;
        let opacities = items.opacities();
        let opacity = match opacities.get(&id) {
            Some(opacity) => Some(Frames::of(&items, *opacity, &mut file)?),
            // An opacity for each of the tiles, instead of one for all.
            None if colour.sources.len() > 1 => {
                let of_tiles: Option<Vec<u32>> =
                    items.parts(id).iter().map(|tile| opacities.get(tile).copied()).collect();
                let tiles = of_tiles.map(|tiles| Frames::of_tiles(&items, &tiles, colour.columns, colour.size));
                tiles.transpose()?
            }
            None => None,
        };
        if opacity.as_ref().is_some_and(|opacity| opacity.size != colour.size) {
            return Err(Refusal::Unreadable);
        }
        let compressed = [Some(&colour), opacity.as_ref()].into_iter().flatten().map(Frames::compressed);
        // All frames may be the same bytes, and reading them would take as many times as long.
        if compressed.fold(0, u64::saturating_add) > length {
            return Err(Refusal::Unreadable);
        }
        let whole = Part { left: 0, top: 0, size: colour.size };
        Ok(Self {
            seen: items
                .property(id, *b"clap")
                .and_then(|property| clean_aperture(property, colour.size))
                .unwrap_or(whole),
            orientation: orientation(&items, id)?,
            profile: profile(&items, id),
            is_premultiplied: opacities.get(&id).is_some_and(|opacity| items.is_premultiplied(id, *opacity)),
            opacity,
            colour,
        })
    }

    /// Samples of a pixel in the rows that a decoder makes: grey or RGB, with or without opacity.
    pub fn channels(&self) -> usize {
        (if self.colour.samples.is_grey { 1 } else { 3 }) + usize::from(self.opacity.is_some())
    }

    /// Bytes that decoding takes. `generous` is with what some pictures need: frames that are made of others.
    pub(crate) fn memory(&self, generous: bool) -> u64 {
        let frames = if generous { 2 } else { 1 };
        let opacity = self.opacity.as_ref().map_or(0, |opacity| opacity.memory(frames));
        let row = u64::from(self.colour.size.0) * 32;
        self.colour.memory(frames).saturating_add(opacity).saturating_add(row)
    }
}

impl Frames {
    fn of(items: &Items, id: u32, file: impl Read + Seek) -> Result<Self, Refusal> {
        match items.kind(id).as_ref() {
            Some(b"av01") => Self::of_tiles(items, &[id], 1, size(items, id)?),
            Some(b"grid") => {
                let (columns, rows, size) = grid(file, items.extents(id))?;
                let tiles = items.parts(id);
                if tiles.len() != columns * rows || tiles.len() > MAX_TILES {
                    return Err(Refusal::Unreadable);
                }
                let mut frames = Self::of_tiles(items, tiles, columns, size)?;
                frames.colours = colours(items, id).or(frames.colours);
                Ok(frames)
            }
            _ => Err(Refusal::Unreadable),
        }
    }

    /// Frames that are all of one kind, which together cover `size`, and none of which is outside of it.
    fn of_tiles(items: &Items, tiles: &[u32], columns: usize, whole: (u32, u32)) -> Result<Self, Refusal> {
        let first = *tiles.first().ok_or(Refusal::Unreadable)?;
        let (frame, samples) = (size(items, first)?, samples(items, first)?);
        let mut sources = Vec::with_capacity(tiles.len());
        for tile in tiles {
            understand(items, *tile)?;
            let extents = items.extents(*tile).to_vec();
            let fits = items.kind(*tile) == Some(*b"av01")
                && size(items, *tile)? == frame
                && self::samples(items, *tile)? == samples
                && !extents.is_empty();
            if !fits {
                return Err(Refusal::Unreadable);
            }
            sources.push(extents);
        }
        let covers = |length: u32, count: usize, whole: u32| {
            let (length, count, whole) = (u64::from(length), count as u64, u64::from(whole));
            length * count >= whole && length * (count - 1) < whole
        };
        if !covers(frame.0, columns, whole.0) || !covers(frame.1, tiles.len() / columns, whole.1) {
            return Err(Refusal::Unreadable);
        }
        Ok(Self { size: whole, frame, columns, sources, samples, colours: colours(items, first) })
    }

    /// Bytes of all frames in the file.
    fn compressed(&self) -> u64 {
        let lengths = self.sources.iter().flatten().map(|range| range.end - range.start);
        lengths.fold(0, u64::saturating_add)
    }

    /// Bytes that decoding takes: a row of frames, of which one is being worked on and may be made of others.
    fn memory(&self, frames: u64) -> u64 {
        // Their sides are made even.
        let pixels = u64::from(self.frame.0.next_multiple_of(128)) * u64::from(self.frame.1.next_multiple_of(128));
        let halves = u32::from(self.samples.halved.0) + u32::from(self.samples.halved.1);
        let colour = if self.samples.is_grey { 0 } else { (2 * pixels) >> halves };
        let frame = (pixels + colour) * if self.samples.bits > 8 { 2 } else { 1 };
        let largest = self.sources.iter().map(|source| source.iter().map(|range| range.end - range.start).sum());
        let largest: u64 = largest.max().unwrap_or(0);
        frame * (self.columns as u64 - 1 + frames) + pixels * TABLES + 2 * largest
    }
}

/// Refuses items that say that something about them must be understood which is not. (ISO/IEC 23008-12, 9.3)
fn understand(items: &Items, id: u32) -> Result<(), Refusal> {
    let is_known = |kind: &[u8; 4]| {
        matches!(kind, b"ispe" | b"pixi" | b"pasp" | b"av1C" | b"colr" | b"irot" | b"imir" | b"clap" | b"auxC" | b"a1lx")
            // Layers and operating points: by default that is all of them, which is what is decoded.
            || matches!(kind, b"a1op" | b"lsel" | b"clli" | b"mdcv" | b"cclv" | b"amve")
    };
    let has_unknown = items.properties(id).any(|(kind, _, is_essential)| is_essential && !is_known(kind));
    if has_unknown { Err(Refusal::Unreadable) } else { Ok(()) }
}

/// Width and height of an item. (ISO/IEC 23008-12, 6.5.3)
fn size(items: &Items, id: u32) -> Result<(u32, u32), Refusal> {
    let mut property = items.property(id, *b"ispe").ok_or(Refusal::Unreadable)?;
    property.version_and_flags()?;
    let size = (property.u32()?, property.u32()?);
    check(size)
}

fn check((width, height): (u32, u32)) -> Result<(u32, u32), Refusal> {
    match (width, height) {
        (0, _) | (_, 0) => Err(Refusal::Unreadable),
        _ if width.max(height) > LONGEST => Err(Refusal::TooLarge),
        size => Ok(size),
    }
}

/// Reads how an item describes its samples. (AV1 in ISOBMFF, 2.3)
fn samples(items: &Items, id: u32) -> Result<Samples, Refusal> {
    const MARKER_AND_VERSION: u8 = 0x81;
    let mut property = items.property(id, *b"av1C").ok_or(Refusal::Unreadable)?;
    if property.u8()? != MARKER_AND_VERSION {
        return Err(Refusal::Unreadable);
    }
    property.u8()?;
    let flags = property.u8()?;
    let has = |bit: u8| flags >> bit & 1 == 1;
    let (is_high, is_twelve) = (has(6), has(5));
    Ok(Samples {
        bits: if is_high && is_twelve {
            12
        } else if is_high {
            10
        } else {
            8
        },
        is_grey: has(4),
        halved: (has(3), has(2)),
    })
}

/// Columns, rows, and the size of a picture in tiles. (ISO/IEC 23008-12, 6.6.2.3)
fn grid(mut file: impl Read + Seek, extents: &[Range<u64>]) -> Result<(usize, usize, (u32, u32)), Refusal> {
    const MOST: u64 = 12;
    let [extent] = extents else { return Err(Refusal::Unreadable) };
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(extent.start))?;
    file.take((extent.end - extent.start).min(MOST)).read_to_end(&mut bytes)?;
    let mut content = Reader(&bytes);
    let (_version, flags) = (content.u8()?, content.u8()?);
    let (rows, columns) = (usize::from(content.u8()?) + 1, usize::from(content.u8()?) + 1);
    let is_long = flags & 1 == 1;
    let size = (content.short_or_long(is_long)?, content.short_or_long(is_long)?);
    Ok((columns, rows, check(size)?))
}

fn colours(items: &Items, id: u32) -> Option<Colours> {
    let mut properties = items.properties(id).filter(|(kind, ..)| *kind == b"colr");
    properties.find_map(|(_, content, _)| Colours::read(content))
}

/// The colour profile (ISO/IEC 14496-12, 12.1.5).
fn profile(items: &Items, id: u32) -> Option<Vec<u8>> {
    let mut properties = items.properties(id).filter(|(kind, ..)| *kind == b"colr");
    properties.find_map(|(_, mut content, _)| {
        let kind = content.kind().ok()?;
        matches!(&kind, b"prof" | b"rICC").then(|| content.0.to_vec())
    })
}

/// The orientation of a picture, which is turned, then mirrored. (ISO/IEC 23008-12, 6.5.10 and 6.5.12)
fn orientation(items: &Items, id: u32) -> Result<Orientation, Refusal> {
    use Orientation::{
        FlipHorizontal, FlipVertical, NoTransforms, Rotate90, Rotate90FlipH, Rotate180, Rotate270, Rotate270FlipH,
    };
    // Quarters of a turn, anticlockwise.
    let turn = items.property(id, *b"irot").map(|mut content| content.u8()).transpose()?.unwrap_or(0) & 3;
    // Top and bottom (0), or left and right (1), change places.
    let mirror = items.property(id, *b"imir").map(|mut content| content.u8()).transpose()?.map(|axis| axis & 1);
    Ok(match (turn, mirror) {
        (0, None) => NoTransforms,
        (1, None) => Rotate270,
        (2, None) => Rotate180,
        (_, None) => Rotate90,
        (0, Some(0)) | (2, Some(1)) => FlipVertical,
        (0 | 2, Some(_)) => FlipHorizontal,
        (1, Some(0)) | (3, Some(1)) => Rotate90FlipH,
        (_, Some(_)) => Rotate270FlipH,
    })
}

/// The part of a picture that is to be seen. `None` if it is not one of whole pixels within the picture: then the whole
/// picture is shown, as browsers do. (ISO/IEC 14496-12, 12.1.4)
fn clean_aperture(mut content: Reader, whole: (u32, u32)) -> Option<Part> {
    let mut number = || content.u32().ok().map(i64::from);
    let mut fraction = || Some((number()?, number()?));
    let (width, height) = (fraction()?, fraction()?);
    // Offsets of the middle from the picture's middle, with a sign.
    let signed = |(value, parts): (i64, i64)| (i64::from(value as u32 as i32), parts);
    let (across, down) = (signed(fraction()?), signed(fraction()?));
    let side = |(length, parts): (i64, i64), (offset, offset_parts): (i64, i64), whole: u32| {
        if parts == 0 || offset_parts == 0 || length % parts != 0 {
            return None;
        }
        let (length, whole) = (length / parts, i64::from(whole));
        // The first pixel is half of what is left over from the edge, and the offset.
        let twice = (whole - length).checked_mul(offset_parts)?.checked_add(offset.checked_mul(2)?)?;
        let start = twice / offset_parts.checked_mul(2)?;
        let is_whole = twice % (offset_parts * 2) == 0;
        let fits = length > 0 && start >= 0 && start + length <= whole;
        (is_whole && fits).then_some((start as u32, length as u32))
    };
    let ((left, width), (top, height)) = (side(width, across, whole.0)?, side(height, down, whole.1)?);
    Some(Part { left, top, size: (width, height) })
}
