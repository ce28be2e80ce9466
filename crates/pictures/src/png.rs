//! PNG row by row. An interlaced picture has no rows before its end, and is left to the decoder of whole pictures.

use std::io::{BufRead, Seek};

use image::metadata::Orientation;
use png::{ColorType, Decoder, DecodingError, Limits, Reader, Transformations};

use crate::{Refusal, effort::Effort};

/// Memory for metadata, unpacked: a colour profile has some kilobytes. The decoder has one limit for it and for rows.
const METADATA: usize = 1 << 20;
/// Bytes that a row takes for each pixel, of four samples of two bytes, in the three places where there is one.
const ROW: usize = 3 * 8;

/// A PNG file, read up to its pixels.
pub(crate) struct Png<R: BufRead + Seek>(Reader<R>);

impl<R: BufRead + Seek> Png<R> {
    /// Reads the headers.
    pub(crate) fn open(mut reader: R) -> Result<Self, Refusal> {
        // After the signature comes the header, which begins with the width.
        let mut start = [0; 24];
        reader.read_exact(&mut start)?;
        reader.rewind()?;
        let width = u32::from_be_bytes([start[16], start[17], start[18], start[19]]) as usize;
        let bytes = width.saturating_mul(ROW).saturating_add(METADATA);
        let mut decoder = Decoder::new_with_limits(reader, Limits { bytes });
        decoder.set_ignore_text_chunk(true);
        decoder.set_transformations(Transformations::normalize_to_color8());
        Ok(Self(decoder.read_info()?))
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.0.info().size()
    }

    pub(crate) fn is_interlaced(&self) -> bool {
        self.0.info().interlaced
    }

    pub(crate) fn is_animated(&self) -> bool {
        self.0.info().animation_control.is_some()
    }

    pub(crate) fn orientation(&self) -> Orientation {
        let exif = self.0.info().exif_metadata.as_deref();
        exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
    }

    pub(crate) fn profile(&self) -> Option<Vec<u8>> {
        self.0.info().icc_profile.as_ref().map(|profile| profile.to_vec())
    }

    /// Bytes that decoding takes at most: a row as it is, its predecessor and what it is turned into.
    pub(crate) fn memory(&self) -> u64 {
        const BUFFERS: u64 = 4;
        const BYTES_A_PIXEL: u64 = 8;
        u64::from(self.size().0) * BUFFERS * BYTES_A_PIXEL
    }

    /// Samples of a pixel in the rows that [`Png::decode`] makes.
    pub(crate) fn channels(&self) -> usize {
        match self.0.output_color_type().0 {
            ColorType::Grayscale | ColorType::Indexed => 1,
            ColorType::GrayscaleAlpha => 2,
            ColorType::Rgb => 3,
            ColorType::Rgba => 4,
        }
    }

    /// Hands the rows to `sink`, until it returns false.
    pub(crate) fn decode(mut self, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Refusal> {
        let mut effort = Effort::new();
        while let Some(row) = self.0.next_row()? {
            effort.row()?;
            if !sink(row.data()) {
                break;
            }
        }
        Ok(())
    }
}

impl From<DecodingError> for Refusal {
    fn from(error: DecodingError) -> Self {
        if matches!(error, DecodingError::LimitsExceeded) { Self::TooLarge } else { Self::Unreadable }
    }
}
