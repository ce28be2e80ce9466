//! Rows of pixels out of frames, of which there are no more in memory than lie beside each other.

use std::fs::File;

use im2_pictures::{
    Refusal,
    avif::{Avif, Colours, Frames},
};

use crate::{
    colours::{Conversion, between, doubled},
    frames::Frame,
};

/// The rows of the part of a picture that is seen.
pub(crate) struct Rows<'a> {
    avif: &'a Avif,
    colour: Strip<'a>,
    opacity: Option<Strip<'a>>,
    whole: Vec<u8>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(avif: &'a Avif, file: &'a File) -> Self {
        let opacity = avif.opacity.as_ref().map(|opacity| Strip::new(opacity, file));
        Self { avif, colour: Strip::new(&avif.colour, file), opacity, whole: Vec::new() }
    }

    /// Bytes of a row.
    pub(crate) fn length(&self) -> usize {
        self.avif.seen.size.0 as usize * self.avif.channels()
    }

    /// Appends a row, counted from the first one that is seen. They are asked for in order.
    pub(crate) fn append(&mut self, row: u32, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let (seen, channels) = (self.avif.seen, self.avif.channels());
        let mut whole = std::mem::take(&mut self.whole);
        whole.resize(self.avif.colour.size.0 as usize * channels, 0);
        let colours = if self.avif.colour.samples.is_grey { 1 } else { 3 };
        self.colour.write(seen.top + row, &mut whole, (channels, colours))?;
        if let Some(opacity) = &mut self.opacity {
            opacity.write(seen.top + row, &mut whole[colours..], (channels, 1))?;
            if self.avif.is_premultiplied {
                whole.chunks_exact_mut(channels).for_each(divide);
            }
        }
        let start = seen.left as usize * channels;
        out.extend_from_slice(&whole[start..start + self.length()]);
        self.whole = whole;
        Ok(())
    }
}

/// Undoes the multiplication of colours with the opacity.
fn divide(pixel: &mut [u8]) {
    let Some((opacity, colours)) = pixel.split_last_mut() else { return };
    let opacity = u16::from(*opacity).max(1);
    for colour in colours {
        *colour = ((u16::from(*colour) * 255 + opacity / 2) / opacity).min(255) as u8;
    }
}

/// Frames beside each other, the ones that the last row was in.
struct Strip<'a> {
    frames: &'a Frames,
    file: &'a File,
    /// The number of the row of frames.
    at: Option<usize>,
    decoded: Vec<(Frame, Conversion)>,
    /// Samples of a row: as they are, of the row that they are mixed with, and for each pixel.
    samples: [Vec<u16>; 5],
}

impl<'a> Strip<'a> {
    fn new(frames: &'a Frames, file: &'a File) -> Self {
        Self { frames, file, at: None, decoded: Vec::new(), samples: Default::default() }
    }

    /// Writes a row into pixels of `step` bytes, of which the first `colours` (one or three) are set.
    fn write(&mut self, row: u32, out: &mut [u8], (step, colours): (usize, usize)) -> Result<(), Refusal> {
        let (width, height) = (self.frames.frame.0 as usize, self.frames.frame.1);
        let at = (row / height) as usize;
        if self.at != Some(at) {
            self.decode(at)?;
        }
        let row = (row % height) as usize;
        let outs = out.chunks_mut(width * step);
        for ((frame, conversion), out) in self.decoded.iter().zip(outs) {
            write(frame, *conversion, (row, width), &mut self.samples, out, (step, colours));
        }
        Ok(())
    }

    fn decode(&mut self, at: usize) -> Result<(), Refusal> {
        // Their memory is needed for the next ones.
        self.decoded.clear();
        self.at = Some(at);
        let columns = self.frames.columns;
        for source in &self.frames.sources[at * columns..(at + 1) * columns] {
            let frame = Frame::decode(self.file, source, self.frames.frame)?;
            let colours = self.colours(&frame);
            let conversion = Conversion::new(colours, frame.bits())?;
            self.decoded.push((frame, conversion));
        }
        Ok(())
    }

    /// The meaning of a frame's samples: what the file says comes before what the frame says.
    fn colours(&self, frame: &Frame) -> Colours {
        let colours = self.frames.colours.unwrap_or_else(|| frame.colours());
        // Grey has no mixture, whatever is said of it.
        if frame.is_grey() { Colours { matrix: 2, ..colours } } else { colours }
    }
}

/// Writes a row of a frame, as far as there is room for it.
fn write(
    frame: &Frame,
    conversion: Conversion,
    (row, width): (usize, usize),
    [bright, near, far, one, other]: &mut [Vec<u16>; 5],
    out: &mut [u8],
    (step, colours): (usize, usize),
) {
    frame.row(0, row, width, bright);
    if frame.is_grey() || colours == 1 {
        conversion.grey(bright, out, step);
        // The file says that there are colours, the frame that there are none.
        for pixel in out.chunks_mut(step).filter(|_| colours == 3) {
            if let [red, green, blue, ..] = pixel {
                (*green, *blue) = (*red, *red);
            }
        }
        return;
    }
    let halved = frame.halved();
    let wide = if halved.0 { width.div_ceil(2) } else { width };
    for (component, colour) in [(1, &mut *one), (2, &mut *other)] {
        if halved.1 {
            let rows = frame.rows_of_colour();
            frame.row(component, row / 2, wide, near);
            let neighbour =
                if row.is_multiple_of(2) { (row / 2).saturating_sub(1) } else { (row / 2 + 1).min(rows - 1) };
            frame.row(component, neighbour, wide, far);
            near.iter_mut().zip(&*far).for_each(|(near, far)| *near = between(*near, *far));
        } else {
            frame.row(component, row, wide, near);
        }
        if halved.0 {
            doubled(near, colour);
        } else {
            std::mem::swap(near, colour);
        }
    }
    conversion.colour([bright, one, other], out, step);
}
