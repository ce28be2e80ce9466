//! TIFF strip by strip. Pictures in tiles or planes, and of unusual samples, are left to the decoder of whole pictures.

use std::io::{Read, Seek, SeekFrom};

use image::metadata::Orientation;
use tiff::{
    ColorType, TiffError,
    decoder::{ChunkType, Decoder, DecodingResult, Limits},
    tags::Tag,
};

use crate::{Refusal, effort::Effort};

/// A TIFF file, read up to its pixels.
pub(crate) struct Strips<R: Read + Seek> {
    decoder: Decoder<R>,
    size: (u32, u32),
    /// Samples of a pixel, and bytes of a sample.
    samples: (usize, usize),
}

impl<R: Read + Seek> Strips<R> {
    /// Reads the header; `max_bytes` is what a strip may take. `None` if the picture has no strips.
    pub(crate) fn open(mut reader: R, max_bytes: u64) -> Result<Option<Self>, Refusal> {
        const TOGETHER: u16 = 1;
        const WHOLE_NUMBERS: u16 = 1;
        let length = reader.seek(SeekFrom::End(0))?;
        reader.rewind()?;
        let mut decoder = Decoder::new(reader)?;
        refuse_what_is_unbounded(&mut decoder, length)?;
        let mut limits = Limits::default();
        limits.decoding_buffer_size = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        decoder = decoder.with_limits(limits);
        let samples = match decoder.colortype()? {
            ColorType::Gray(bits @ (8 | 16)) => (1, bits),
            ColorType::GrayA(bits @ (8 | 16)) => (2, bits),
            ColorType::RGB(bits @ (8 | 16)) => (3, bits),
            ColorType::RGBA(bits @ (8 | 16)) => (4, bits),
            _ => return Ok(None),
        };
        let planes = decoder.find_tag_unsigned(Tag::PlanarConfiguration)?.unwrap_or(TOGETHER);
        let formats = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat)?.unwrap_or_default();
        if decoder.get_chunk_type() != ChunkType::Strip
            || planes != TOGETHER
            || formats.iter().any(|format| *format != WHOLE_NUMBERS)
        {
            return Ok(None);
        }
        let size = decoder.dimensions()?;
        Ok(Some(Self { decoder, size, samples: (samples.0, usize::from(samples.1) / 8) }))
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.size
    }

    pub(crate) fn orientation(&mut self) -> Orientation {
        let found = self.decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
        found.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
    }

    pub(crate) fn profile(&mut self) -> Option<Vec<u8>> {
        self.decoder.get_tag_u8_vec(Tag::IccProfile).ok()
    }

    /// Samples of a pixel in the rows that [`Strips::decode`] makes.
    pub(crate) fn channels(&self) -> usize {
        self.samples.0
    }

    /// Bytes that decoding takes at most: a strip, and what it is made of.
    pub(crate) fn memory(&self) -> u64 {
        let rows = self.decoder.chunk_dimensions().1.min(self.size.1);
        let strip = u64::from(rows) * u64::from(self.size.0) * (self.samples.0 * self.samples.1) as u64;
        2 * strip
    }

    /// Hands the rows to `sink`, until it returns false.
    pub(crate) fn decode(mut self, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Refusal> {
        let length = self.size.0 as usize * self.samples.0;
        let mut narrow = Vec::with_capacity(length);
        let mut effort = Effort::new();
        for strip in 0..self.decoder.strip_count()? {
            effort.row()?;
            let wanted = match self.decoder.read_chunk(strip)? {
                DecodingResult::U8(samples) => samples.chunks_exact(length).all(&mut *sink),
                DecodingResult::U16(samples) => samples.chunks_exact(length).all(|row| {
                    narrow.clear();
                    narrow.extend(row.iter().map(|sample| (sample >> 8) as u8));
                    sink(&narrow)
                }),
                _ => return Err(Refusal::Unreadable),
            };
            if !wanted {
                break;
            }
        }
        Ok(())
    }
}

/// Compressions whose decoders make no more than the size that the file says a strip or tile has: none, fax, LZW,
/// deflate and `PackBits`. A JPEG in a TIFF has a size of its own.
const BOUNDED: [u16; 8] = [1, 2, 3, 4, 5, 8, 32_773, 32_946];

/// Refuses compressions that go beyond the sizes that were announced, and strips or tiles that together are longer than
/// the file: all of them may be the same bytes, and reading them would take as many times as long.
fn refuse_what_is_unbounded<R: Read + Seek>(decoder: &mut Decoder<R>, length: u64) -> Result<(), Refusal> {
    let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression)?.unwrap_or(1);
    let mut compressed: u64 = 0;
    for tag in [Tag::StripByteCounts, Tag::TileByteCounts] {
        let counts = decoder.find_tag_unsigned_vec::<u64>(tag)?.unwrap_or_default();
        compressed = counts.iter().fold(compressed, |sum, count| sum.saturating_add(*count));
    }
    if BOUNDED.contains(&compression) && compressed <= length { Ok(()) } else { Err(Refusal::Unreadable) }
}

impl From<TiffError> for Refusal {
    fn from(error: TiffError) -> Self {
        if matches!(error, TiffError::LimitsExceeded) { Self::TooLarge } else { Self::Unreadable }
    }
}
