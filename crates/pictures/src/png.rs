//! PNG row by row. An interlaced picture has no rows before its end, and is left to the decoder of whole pictures.

use std::io::{BufRead, Seek};

use image::metadata::Orientation;
use png::{ColorType, Decoder, DecodingError, Limits, Reader, Transformations};

use crate::Refusal;

/// Memory for metadata: a colour profile, and texts that are not looked at.
const METADATA: usize = 8 << 20;

/// A PNG file, read up to its pixels.
pub(crate) struct Png<R: BufRead + Seek>(Reader<R>);

impl<R: BufRead + Seek> Png<R> {
    /// Reads the headers; `max_bytes` is what a row and the metadata may take.
    pub(crate) fn open(reader: R, max_bytes: u64) -> Result<Self, Refusal> {
        let bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX).saturating_add(METADATA);
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
        while let Some(row) = self.0.next_row()? {
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
