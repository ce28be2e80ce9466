//! Frames of AV1, decoded one at a time.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    ops::Range,
};

use im2_pictures::{Refusal, avif::Colours};
use re_rav1d::{
    Decoder, Error, Picture, PixelLayout, PlanarImageComponent as Component, Plane, Settings,
    pixel::{MatrixCoefficients, YUVRange},
};

/// The brightness and the two colours of a frame, one after the other or alone.
const COMPONENTS: [Component; 3] = [Component::Y, Component::U, Component::V];

/// A decoded frame.
pub(crate) struct Frame {
    picture: Picture,
    planes: Vec<Plane>,
}

impl Frame {
    /// Reads the bytes of a frame of this size and decodes it.
    pub(crate) fn decode(mut file: &File, source: &[Range<u64>], size: (u32, u32)) -> Result<Self, Refusal> {
        let length: u64 = source.iter().map(|range| range.end - range.start).sum();
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length as usize).map_err(|_| Refusal::TooLarge)?;
        for range in source {
            file.seek(SeekFrom::Start(range.start))?;
            file.take(range.end - range.start).read_to_end(&mut bytes)?;
        }
        if bytes.len() as u64 != length {
            return Err(Refusal::Unreadable);
        }
        let mut settings = Settings::new();
        settings.set_n_threads(1);
        settings.set_max_frame_delay(1);
        // In a small picture grain is not seen; it would take a second frame.
        settings.set_apply_grain(false);
        settings.set_all_layers(false);
        settings.set_frame_size_limit(u32::try_from(u64::from(size.0) * u64::from(size.1)).unwrap_or(u32::MAX));
        let mut decoder = Decoder::with_settings(&settings).map_err(refusal)?;
        let picture = last_picture(&mut decoder, bytes)?;
        drop(decoder);
        if (picture.width(), picture.height()) != size {
            return Err(Refusal::Unreadable);
        }
        let is_grey = picture.pixel_layout() == PixelLayout::I400;
        let planes = COMPONENTS.into_iter().take(if is_grey { 1 } else { 3 });
        Ok(Self { planes: planes.map(|component| picture.plane(component)).collect(), picture })
    }

    /// Bits of a sample.
    pub(crate) fn bits(&self) -> u8 {
        self.picture.bit_depth() as u8
    }

    pub(crate) fn is_grey(&self) -> bool {
        self.planes.len() == 1
    }

    /// Whether there is one sample of colour for two pixels across, and for two down.
    pub(crate) fn halved(&self) -> (bool, bool) {
        match self.picture.pixel_layout() {
            PixelLayout::I420 => (true, true),
            PixelLayout::I422 => (true, false),
            PixelLayout::I444 | PixelLayout::I400 => (false, false),
        }
    }

    /// Rows of samples of colour.
    pub(crate) fn rows_of_colour(&self) -> usize {
        let rows = self.picture.height() as usize;
        if self.halved().1 { rows.div_ceil(2) } else { rows }
    }

    /// The colours that the frame itself states, as far as decoding needs them.
    pub(crate) fn colours(&self) -> Colours {
        let matrix = match self.picture.matrix_coefficients() {
            MatrixCoefficients::Identity => 0,
            MatrixCoefficients::BT709 => 1,
            MatrixCoefficients::BT470M => 4,
            MatrixCoefficients::BT470BG | MatrixCoefficients::ST170M => 6,
            MatrixCoefficients::ST240M => 7,
            MatrixCoefficients::YCgCo => 8,
            MatrixCoefficients::BT2020NonConstantLuminance => 9,
            MatrixCoefficients::BT2020ConstantLuminance => 10,
            MatrixCoefficients::Unspecified => 2,
            _ => u16::MAX,
        };
        Colours { primaries: 2, transfer: 2, matrix, is_full: self.picture.color_range() == YUVRange::Full }
    }

    /// The samples of a row of brightness (0) or of one of the colours (1 and 2), in `out`.
    pub(crate) fn row(&self, component: usize, row: usize, width: usize, out: &mut Vec<u16>) {
        let stride = self.picture.stride(COMPONENTS[component]) as usize;
        let start = &self.planes[component][row * stride..];
        out.clear();
        if self.bits() == 8 {
            out.extend(start[..width].iter().map(|sample| u16::from(*sample)));
        } else {
            let (samples, _) = start[..2 * width].as_chunks();
            out.extend(samples.iter().map(|sample| u16::from_ne_bytes(*sample)));
        }
    }
}

/// Decodes all frames, of which the last one is the picture: the others are what it is made of.
fn last_picture(decoder: &mut Decoder, bytes: Vec<u8>) -> Result<Picture, Refusal> {
    let mut last = None;
    let mut sent = decoder.send_data(bytes, None, None, None);
    // The decoder says that it has none when it wants more, and only when it is asked again hands out what it held back.
    let mut in_vain = 0;
    while in_vain < 2 {
        let found = match sent {
            Ok(()) | Err(Error::Again) => decoder.get_picture(),
            Err(error) => Err(error),
        };
        match found {
            Ok(picture) => (last, in_vain) = (Some(picture), 0),
            Err(Error::Again) => in_vain += 1,
            // What follows the picture is not needed.
            Err(error) => return last.ok_or(refusal(error)),
        }
        sent = decoder.send_pending_data();
    }
    last.ok_or(Refusal::Unreadable)
}

fn refusal(error: Error) -> Refusal {
    if error == Error::NotEnoughMemory { Refusal::TooLarge } else { Refusal::Unreadable }
}
