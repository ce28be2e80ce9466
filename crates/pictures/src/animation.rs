//! Moving thumbnails, as animated WebP: lossless frames that hold only the rectangle that changed, in the container
//! of RFC 9649 (section 2.7, "Extended File Format").

use image::{
    ExtendedColorType, Frame, ImageResult, RgbaImage, codecs::webp::WebPEncoder, imageops::crop_imm,
    metadata::LoopCount,
};

use crate::Refusal;

/// The most frames a moving thumbnail has: 20 seconds at 25 a second.
const MAX_FRAMES: u64 = 500;
/// All frames together may have this many times the pixels that one picture may have.
const MAX_PIXELS_FACTOR: u64 = 4;
/// The delay that browsers use instead of one that is too short to be meant, in milliseconds.
const USUAL_DELAY: u32 = 100;
/// The longest delay that the format can say, in milliseconds.
const MAX_DELAY: u32 = 0x00FF_FFFF;

/// The outcome of making a moving thumbnail.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The thumbnail.
    Made(Vec<u8>),
    /// It would have as many bytes as the source, which then serves better.
    NotSmaller,
    /// It has too many frames or pixels.
    TooLong,
}

/// Makes a moving thumbnail of `frames`, each `pixels_a_frame` large and made small by `shrink`.
pub(crate) fn make<'a>(
    frames: impl Iterator<Item = ImageResult<Frame>> + 'a,
    plays: LoopCount,
    pixels_a_frame: u64,
    max_pixels: u64,
    source_bytes: u64,
    shrink: impl Fn(RgbaImage) -> RgbaImage,
) -> Result<Outcome, Refusal> {
    let most = MAX_FRAMES.min(max_pixels.saturating_mul(MAX_PIXELS_FACTOR) / pixels_a_frame.max(1));
    let mut writer: Option<Writer> = None;
    for (count, frame) in (1..).zip(frames) {
        if count > most {
            return Ok(Outcome::TooLong);
        }
        let frame = match frame {
            Ok(frame) => frame,
            // A file that ends early still shows what came before.
            Err(error) if writer.is_none() => return Err(error.into()),
            Err(_) => break,
        };
        let (delay, parts) = frame.delay().numer_denom_ms();
        let delay = delay / parts.max(1);
        let delay = if delay <= 10 { USUAL_DELAY } else { delay };
        let small = shrink(frame.into_buffer());
        match &mut writer {
            Some(writer) => writer.add(small, delay)?,
            None => writer = Some(Writer::start(small, delay, plays)?),
        }
        if writer.as_ref().is_some_and(|writer| writer.bytes.len() as u64 >= source_bytes) {
            return Ok(Outcome::NotSmaller);
        }
    }
    Ok(writer.map_or(Outcome::TooLong, |writer| Outcome::Made(writer.finish())))
}

/// A WebP file in the making.
struct Writer {
    bytes: Vec<u8>,
    shown: RgbaImage,
    /// The place at which the last frame's delay is written, and its value.
    delay: (usize, u32),
}

impl Writer {
    fn start(first: RgbaImage, delay: u32, plays: LoopCount) -> ImageResult<Self> {
        const ANIMATION_AND_ALPHA: u8 = 0b0001_0010;
        let (width, height) = first.dimensions();
        let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
        let mut header = vec![ANIMATION_AND_ALPHA, 0, 0, 0];
        header.extend(uint24(width - 1));
        header.extend(uint24(height - 1));
        chunk(&mut bytes, *b"VP8X", &header);
        let plays = match plays {
            LoopCount::Infinite => 0,
            LoopCount::Finite(count) => u16::try_from(count.get()).unwrap_or(u16::MAX),
        };
        let mut header = vec![0; 4]; // the background: transparent
        header.extend(plays.to_le_bytes());
        chunk(&mut bytes, *b"ANIM", &header);
        let mut writer = Self { bytes, shown: RgbaImage::new(0, 0), delay: (0, 0) };
        writer.frame(&first, (0, 0), delay)?;
        writer.shown = first;
        Ok(writer)
    }

    fn add(&mut self, next: RgbaImage, delay: u32) -> ImageResult<()> {
        if let Some((left, top, right, bottom)) = changed(&self.shown, &next) {
            let part = crop_imm(&next, left, top, right - left, bottom - top).to_image();
            self.frame(&part, (left, top), delay)?;
            self.shown = next;
        } else {
            let (at, before) = self.delay;
            self.set_delay(at, before.saturating_add(delay));
        }
        Ok(())
    }

    /// Writes a rectangle that replaces what is under it.
    fn frame(&mut self, part: &RgbaImage, (left, top): (u32, u32), delay: u32) -> ImageResult<()> {
        const DO_NOT_BLEND: u8 = 0b10;
        let mut still = Vec::new();
        let (width, height) = part.dimensions();
        WebPEncoder::new_lossless(&mut still).encode(part.as_raw(), width, height, ExtendedColorType::Rgba8)?;
        let mut body = Vec::with_capacity(still.len() + 16);
        for value in [left / 2, top / 2, width - 1, height - 1, 0] {
            body.extend(uint24(value));
        }
        body.push(DO_NOT_BLEND);
        body.extend_from_slice(still.get(12..).unwrap_or_default()); // after RIFF, length and WEBP comes the bitstream
        let at = self.bytes.len() + 8 + 12;
        chunk(&mut self.bytes, *b"ANMF", &body);
        self.set_delay(at, delay);
        Ok(())
    }

    fn set_delay(&mut self, at: usize, delay: u32) {
        let delay = delay.min(MAX_DELAY);
        self.bytes[at..at + 3].copy_from_slice(&uint24(delay));
        self.delay = (at, delay);
    }

    fn finish(mut self) -> Vec<u8> {
        let length = (self.bytes.len() - 8) as u32;
        self.bytes[4..8].copy_from_slice(&length.to_le_bytes());
        self.bytes
    }
}

fn uint24(value: u32) -> [u8; 3] {
    let [low, middle, high, _] = value.to_le_bytes();
    [low, middle, high]
}

fn chunk(out: &mut Vec<u8>, name: [u8; 4], body: &[u8]) {
    out.extend(name);
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    if body.len() % 2 == 1 {
        out.push(0);
    }
}

/// The smallest rectangle (left, top, right, bottom; the format wants the first two even) outside of which two
/// pictures of one size are the same. `None` if they are the same everywhere.
fn changed(before: &RgbaImage, after: &RgbaImage) -> Option<(u32, u32, u32, u32)> {
    let differing = || after.enumerate_pixels().filter(|(x, y, pixel)| before.get_pixel(*x, *y) != *pixel);
    let (_, top, _) = differing().next()?;
    let edges = differing().fold((u32::MAX, 0, 0), |(left, right, _), (x, y, _)| (left.min(x), right.max(x), y));
    let (left, right, bottom) = edges;
    Some((left & !1, top & !1, right + 1, bottom + 1))
}

#[cfg(test)]
mod tests {
    use super::changed;
    use image::{Rgba, RgbaImage};

    #[test]
    fn the_changed_rectangle() {
        let before = RgbaImage::new(10, 8);
        assert_eq!(changed(&before, &before), None);
        let mut after = before.clone();
        after.put_pixel(5, 3, Rgba([1, 0, 0, 0]));
        assert_eq!(changed(&before, &after), Some((4, 2, 6, 4)));
        after.put_pixel(9, 7, Rgba([1, 0, 0, 0]));
        assert_eq!(changed(&before, &after), Some((4, 2, 10, 8)));
        after.put_pixel(0, 6, Rgba([1, 0, 0, 0]));
        assert_eq!(changed(&before, &after), Some((0, 2, 10, 8)));
    }
}
