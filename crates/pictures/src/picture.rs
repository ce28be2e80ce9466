//! Reading a picture and making a smaller one of it.

use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _, SeekFrom},
};

use image::{
    AnimationDecoder, DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbaImage,
    codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder},
    metadata::Orientation,
};

use crate::{
    Decoder, Limits, Made, Measured, Refusal, animation,
    avif::{self, Avif},
    format::{self, Format},
    jpeg::{self, Jpeg},
    png::Png,
    resample::{Length, Resampler},
    sizes::{Fit, Size},
    still::Still,
    tiff::Strips,
};

/// The longest side, which is JPEG's. What the work and the memory of a row or a column come to is not counted beyond.
const LONGEST: u32 = 65_535;
/// Memory a decoder of whole pictures may take beyond the pixels: palettes, metadata, tables.
const OVERHEAD: u64 = 32 << 20;
/// Memory for the metadata of a PNG, unpacked.
const METADATA: u64 = 4 << 20;
/// Bytes that a pixel of a moving picture takes: what is shown, what was shown before, the frame as it is stored and
/// as it is handed out, each of four bytes.
const MOVING: u64 = 16;
/// Bytes that a pixel of the result takes while it is turned and written.
const RESULT: u64 = 12;

/// A picture whose format and size are known and allowed, not decoded yet.
#[derive(Debug)]
pub struct Picture {
    file: File,
    bytes: u64,
    format: ImageFormat,
    /// Width and height as they are stored; see `orientation`.
    size: (u32, u32),
    orientation: Orientation,
    /// Whether it has more than one frame, which a GIF does not say before it is read.
    moves: bool,
    /// Bytes that decoding takes if the picture is decoded whole.
    whole: Option<u64>,
    /// The description in the file if it is AVIF.
    avif: Option<Box<Avif>>,
    limits: Limits,
}

impl Picture {
    /// Reads the header of a picture file of `bytes` bytes.
    pub fn probe(mut file: File, bytes: u64, limits: Limits) -> Result<Self, Refusal> {
        let mut start = Vec::with_capacity(format::ENOUGH);
        file.by_ref().take(format::ENOUGH as u64).read_to_end(&mut start)?;
        let format = match format::of(&start) {
            Format::Read(format) => format,
            Format::Heic => return Err(Refusal::Heic),
            Format::Avif => ImageFormat::Avif,
            Format::Other => return Err(Refusal::NotAPicture),
        };
        let (size, orientation) = ((0, 0), Orientation::NoTransforms);
        let mut picture =
            Self { file, bytes, format, size, orientation, moves: false, whole: None, avif: None, limits };
        picture.read_header()?;
        let (width, height) = picture.size;
        if width == 0 || height == 0 {
            return Err(Refusal::Unreadable);
        }
        if picture.pixels() > limits.pixels || width.max(height) > LONGEST {
            return Err(Refusal::TooLarge);
        }
        Ok(picture)
    }

    fn read_header(&mut self) -> Result<(), Refusal> {
        match self.format {
            ImageFormat::Jpeg => {
                let jpeg = Jpeg::open(self.reader()?)?;
                (self.size, self.orientation) = (jpeg.size(), jpeg.orientation());
                return Ok(());
            }
            ImageFormat::Png => {
                let png = Png::open(self.reader()?)?;
                let (size, orientation, moves) = (png.size(), png.orientation(), png.is_animated());
                let is_interlaced = png.is_interlaced();
                drop(png);
                (self.size, self.orientation, self.moves) = (size, orientation, moves);
                if !is_interlaced {
                    return Ok(());
                }
            }
            ImageFormat::Tiff => {
                let strips = Strips::open(self.reader()?, self.limits.memory)?;
                let found = strips.map(|mut strips| (strips.size(), strips.orientation()));
                if let Some((size, orientation)) = found {
                    (self.size, self.orientation) = (size, orientation);
                    return Ok(());
                }
            }
            ImageFormat::WebP => self.moves = WebPDecoder::new(self.reader()?)?.has_animation(),
            ImageFormat::Avif => {
                let avif = Avif::read(self.reader()?)?;
                (self.size, self.orientation) = (avif.seen.size, avif.orientation);
                self.avif = Some(Box::new(avif));
                return Ok(());
            }
            _ => {}
        }
        let mut decoder = self.whole_decoder()?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let (size, decoded) = (decoder.dimensions(), decoder.total_bytes());
        drop(decoder);
        (self.size, self.orientation) = (size, orientation);
        let pixels = self.pixels();
        self.whole = Some(match self.format {
            ImageFormat::Gif => pixels * MOVING,
            ImageFormat::WebP if self.moves => pixels * MOVING,
            // Beside the result: planes of luma and chroma, opacity, and the values that it is decoded from.
            ImageFormat::WebP if format::is_lossy_webp(&self.file) => {
                let transparent = decoded > pixels * 3;
                decoded + pixels * 3 / 2 + if transparent { pixels * 5 } else { 0 } + self.bytes
            }
            ImageFormat::WebP => decoded + pixels * 4 + self.bytes,
            // The samples as they are stored, which may be of one more channel than the result.
            ImageFormat::Tiff => decoded + decoded * 4 / 3,
            _ => decoded,
        });
        Ok(())
    }

    /// The type and the size that its header states.
    pub fn measured(&self) -> Measured {
        let (width, height) = self.seen();
        Measured { content_type: self.format.to_mime_type(), width, height }
    }

    /// How many pixels it has. Of some files, not all of them are to be seen.
    pub fn pixels(&self) -> u64 {
        let (width, height) = self.avif.as_ref().map_or(self.size, |avif| avif.colour.size);
        u64::from(width) * u64::from(height)
    }

    /// Width and height as it should be seen.
    fn seen(&self) -> (u32, u32) {
        let (width, height) = self.size;
        if self.is_turned() { (height, width) } else { (width, height) }
    }

    fn is_turned(&self) -> bool {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        matches!(self.orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
    }

    /// The way in which the picture as it is stored is made to fit, before it is turned.
    fn fit(&self, size: Size) -> Fit {
        let (width, height) = self.seen();
        let Fit { shrunk, kept } = size.fit(width, height);
        if self.is_turned() {
            return Fit { shrunk: (shrunk.1, shrunk.0), kept: (kept.1, kept.0) };
        }
        Fit { shrunk, kept }
    }

    /// Whether the picture itself is what [`Picture::make`] answers with, as far as its header tells.
    fn serves(&self, fit: Fit) -> bool {
        use ImageFormat::{Jpeg, Png, WebP};
        fit.kept == self.size && !self.moves && matches!(self.format, Jpeg | Png | WebP)
    }

    /// Bytes that [`Picture::make`] takes at most.
    pub fn memory(&self, size: Size, animated: bool) -> Result<u64, Refusal> {
        let fit = self.fit(size);
        if self.serves(fit) {
            return Ok(0);
        }
        let decoding = match self.whole {
            None if self.format == ImageFormat::Avif => self.memory_of_decoder(fit)?,
            _ if self.moves && animated => self.pixels() * MOVING,
            Some(whole) => whole,
            None if self.format == ImageFormat::Jpeg => {
                let jpeg = Jpeg::open(self.reader()?)?;
                jpeg.memory(scale(self.size, fit))
            }
            None if self.format == ImageFormat::Tiff => self.strips()?.memory(),
            None => Png::open(self.reader()?)?.memory(),
        };
        let memory = decoding + memory_of_result(fit);
        if memory > self.limits.memory { Err(Refusal::TooLarge) } else { Ok(memory) }
    }

    /// Bytes that the program which decodes AVIF may take: as much as any picture needs that is as large, if that is
    /// not more than there is.
    fn memory_of_decoder(&self, fit: Fit) -> Result<u64, Refusal> {
        let avif = self.avif.as_ref().ok_or(Refusal::Unreadable)?;
        let most = self.limits.memory.saturating_sub(memory_of_result(fit));
        if avif.memory(false) > most { Err(Refusal::TooLarge) } else { Ok(avif.memory(true).min(most)) }
    }

    /// Makes a picture that fits `size`; a moving one if the source moves and `animated` asks for it. `decoder` is what
    /// decodes AVIF.
    pub fn make(mut self, size: Size, animated: bool, decoder: Option<&Decoder>) -> Result<Made, Refusal> {
        let source_type = self.format.to_mime_type();
        if self.format == ImageFormat::Gif {
            self.moves = self.gif()?.into_frames().take(2).flatten().count() == 2;
        }
        let fit = self.fit(size);
        if self.moves && animated {
            if fit.kept == self.size {
                return Ok(Made::Source(source_type));
            }
            match self.animate(fit)? {
                animation::Outcome::Made(bytes) => return Ok(Made::New("image/webp", bytes)),
                animation::Outcome::NotSmaller => return Ok(Made::Source(source_type)),
                animation::Outcome::TooLong => {} // a still picture, then
            }
        }
        let is_still_gif = self.format == ImageFormat::Gif && !self.moves;
        if self.serves(fit) || (is_still_gif && fit.kept == self.size) {
            return Ok(Made::Source(source_type));
        }
        let (kind, bytes) = self.still(fit, decoder)?.finish(self.orientation)?;
        Ok(Made::New(kind, bytes))
    }

    /// The picture (the first one of several), made to fit.
    fn still(&self, fit: Fit, decoder: Option<&Decoder>) -> Result<Still, Refusal> {
        match self.format {
            ImageFormat::Avif => self.still_of_avif(fit, decoder),
            ImageFormat::Jpeg => self.still_of_jpeg(fit),
            ImageFormat::Png if self.whole.is_none() => {
                let png = Png::open(self.reader()?)?;
                let (channels, profile) = (png.channels(), png.profile());
                let mut resampler = Resampler::new(lengths(self.size), fit, channels);
                png.decode(&mut |row| resampler.push(row))?;
                Ok(Still { size: fit.kept, channels, pixels: resampler.finish(), profile })
            }
            ImageFormat::Tiff if self.whole.is_none() => {
                let mut strips = self.strips()?;
                let (channels, profile) = (strips.channels(), strips.profile());
                let mut resampler = Resampler::new(lengths(self.size), fit, channels);
                strips.decode(&mut |row| resampler.push(row))?;
                Ok(Still { size: fit.kept, channels, pixels: resampler.finish(), profile })
            }
            _ => {
                let mut decoder = self.whole_decoder()?;
                let profile = decoder.icc_profile().ok().flatten();
                let picture = DynamicImage::from_decoder(decoder)?;
                let (channels, pixels) = shrink(&picture, fit);
                Ok(Still { size: fit.kept, channels, pixels, profile })
            }
        }
    }

    fn still_of_avif(&self, fit: Fit, decoder: Option<&Decoder>) -> Result<Still, Refusal> {
        let decoder = decoder.ok_or(Refusal::NoDecoder)?;
        let avif = self.avif.as_ref().ok_or(Refusal::Unreadable)?;
        let (channels, profile) = (avif.channels(), avif.profile.clone());
        let mut resampler = Resampler::new(lengths(self.size), fit, channels);
        let rows = (self.size.0 as usize * channels, self.size.1);
        decoder.decode(&self.file, self.memory_of_decoder(fit)?, rows, |row| resampler.push(row))?;
        let mut pixels = resampler.finish();
        if let (None, Some(colours)) = (&profile, avif.colour.colours) {
            avif::to_srgb(&mut pixels, channels, colours);
        }
        Ok(Still { size: fit.kept, channels, pixels, profile })
    }

    fn still_of_jpeg(&self, fit: Fit) -> Result<Still, Refusal> {
        let jpeg = Jpeg::open(self.reader()?)?;
        let (channels, profile, convert) = (jpeg.channels(), jpeg.profile(), jpeg.converter());
        let scale = scale(self.size, fit);
        let length = |pixels: u32| Length {
            real: f64::from(pixels) * scale as f64 / 8.0,
            samples: (pixels as usize * scale).div_ceil(8),
        };
        let mut resampler = Resampler::new((length(self.size.0), length(self.size.1)), fit, channels);
        jpeg.decode(scale, &mut |row| resampler.push(row))?;
        let mut pixels = resampler.finish();
        convert(&mut pixels);
        Ok(Still { size: fit.kept, channels, pixels, profile })
    }

    fn reader(&self) -> Result<BufReader<&File>, Refusal> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        Ok(BufReader::new(file))
    }

    fn strips(&self) -> Result<Strips<BufReader<&File>>, Refusal> {
        Strips::open(self.reader()?, self.limits.memory)?.ok_or(Refusal::Unreadable)
    }

    fn whole_limits(&self) -> image::Limits {
        let mut limits = image::Limits::default();
        // A profile in a PNG unpacks to as much as this allows, so a small picture is not allowed much.
        let needed = if self.format == ImageFormat::Png { self.pixels() * 2 * MOVING + METADATA } else { u64::MAX };
        limits.max_alloc = Some(needed.min(self.limits.memory + OVERHEAD));
        limits
    }

    /// A decoder of whole pictures, which has read the header.
    fn whole_decoder(&self) -> Result<impl ImageDecoder, Refusal> {
        let mut reader = ImageReader::with_format(self.reader()?, self.format);
        reader.limits(self.whole_limits());
        Ok(reader.into_decoder()?)
    }

    fn gif(&self) -> Result<GifDecoder<BufReader<&File>>, Refusal> {
        let mut decoder = GifDecoder::new(self.reader()?)?;
        decoder.set_limits(self.whole_limits())?;
        Ok(decoder)
    }

    fn animate(&self, fit: Fit) -> Result<animation::Outcome, Refusal> {
        match self.format {
            ImageFormat::Gif => self.animation(self.gif()?, fit),
            ImageFormat::Png => {
                self.animation(PngDecoder::with_limits(self.reader()?, self.whole_limits())?.apng()?, fit)
            }
            ImageFormat::WebP => self.animation(WebPDecoder::new(self.reader()?)?, fit),
            _ => Ok(animation::Outcome::TooLong),
        }
    }

    fn animation<'a>(&self, decoder: impl AnimationDecoder<'a>, fit: Fit) -> Result<animation::Outcome, Refusal> {
        let plays = decoder.loop_count();
        let frames = decoder.into_frames();
        // Of its frames together, as of a still picture, not more is decoded than memory would hold.
        let most = self.limits.memory / MOVING;
        animation::make(frames, plays, self.pixels(), most, self.bytes, |frame| {
            let (_, pixels) = shrink(&frame.into(), fit);
            RgbaImage::from_raw(fit.kept.0, fit.kept.1, pixels).unwrap_or_default()
        })
    }
}

fn memory_of_result(fit: Fit) -> u64 {
    u64::from(fit.kept.0) * u64::from(fit.kept.1) * RESULT
}

/// Eighths of a JPEG's size that it is decoded to: as few as leave twice the size that is wanted, which a good filter
/// makes the result of.
fn scale(size: (u32, u32), fit: Fit) -> usize {
    let enough = |scale: usize, length: u32, wanted: u32| u64::from(length) * scale as u64 >= u64::from(wanted) * 2 * 8;
    let found = jpeg::SCALES
        .into_iter()
        .find(|scale| enough(*scale, size.0, fit.shrunk.0) && enough(*scale, size.1, fit.shrunk.1));
    found.unwrap_or(8)
}

fn lengths(size: (u32, u32)) -> (Length, Length) {
    (Length::whole(size.0), Length::whole(size.1))
}

/// Shrinks a picture that is whole in memory. Answers with samples of 8 bits, and their number in a pixel.
fn shrink(picture: &DynamicImage, fit: Fit) -> (usize, Vec<u8>) {
    let channels = usize::from(picture.color().channel_count());
    let size = (picture.width(), picture.height());
    let mut resampler = Resampler::new(lengths(size), fit, channels);
    let length = size.0 as usize * channels;
    let eight_bits = picture.as_bytes();
    let mut row = Vec::with_capacity(length);
    for y in 0..size.1 as usize {
        let range = y * length..(y + 1) * length;
        let wanted = match (picture.as_flat_samples_u16(), picture.as_flat_samples_f32()) {
            (Some(samples), _) => {
                row.clear();
                row.extend(samples.samples[range].iter().map(|sample| (sample >> 8) as u8));
                resampler.push(&row)
            }
            (_, Some(samples)) => {
                row.clear();
                row.extend(samples.samples[range].iter().map(|sample| (sample.clamp(0.0, 1.0) * 255.0 + 0.5) as u8));
                resampler.push(&row)
            }
            _ => resampler.push(&eight_bits[range]),
        };
        if !wanted {
            break;
        }
    }
    (channels, resampler.finish())
}
