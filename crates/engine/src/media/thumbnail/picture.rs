//! Reading a picture and making a smaller one of it. Synchronous: for blocking threads.
//!
//! Only the header is read before the size is known to be within the limit, so that a small file that claims to be a
//! huge picture costs nothing.

use std::{
    fs::File,
    io::{BufReader, Seek as _, SeekFrom},
};

use image::{
    AnimationDecoder as _, DynamicImage, ExtendedColorType, GenericImageView as _, ImageDecoder, ImageEncoder as _,
    ImageError, ImageFormat, ImageReader, ImageResult, Limits,
    codecs::{gif::GifDecoder, jpeg::JpegEncoder, png::PngDecoder, png::PngEncoder, webp::WebPDecoder},
    imageops::FilterType,
    metadata::Orientation,
};

use super::{
    animation,
    sizes::{Fit, Size},
};

/// The quality of JPEG thumbnails: artefacts are not seen at their sizes, a step more costs a fifth of the bytes.
const JPEG_QUALITY: u8 = 82;
/// Memory a decoder may take beyond the pixels: palettes, metadata, tables.
const OVERHEAD: u64 = 32 << 20;
/// Bytes of a pixel at worst: four channels of 16 bits.
const BYTES_A_PIXEL: u64 = 8;

/// Why there is no thumbnail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is not in one of the formats that are read.
    NotAPicture,
    /// It claims to be in one of them but cannot be decoded.
    Unreadable,
    /// It has too many pixels.
    TooLarge,
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        if matches!(error, ImageError::Limits(_)) { Self::TooLarge } else { Self::Unreadable }
    }
}

impl From<std::io::Error> for Refusal {
    fn from(_: std::io::Error) -> Self {
        Self::Unreadable
    }
}

/// What a picture is by its header.
#[derive(Debug, Clone, Copy)]
pub(in crate::media) struct Measured {
    pub(in crate::media) content_type: &'static str,
    pub(in crate::media) width: u32,
    pub(in crate::media) height: u32,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Made {
    /// The picture itself serves best; it is of this type.
    Source(&'static str),
    /// A new picture of this type.
    New(&'static str, Vec<u8>),
}

/// A picture whose format and size are known and allowed, not decoded yet.
#[derive(Debug)]
pub(super) struct Picture {
    file: File,
    bytes: u64,
    format: ImageFormat,
    width: u32,
    height: u32,
    max_pixels: u64,
}

impl Picture {
    /// Reads the header of a picture file of `bytes` bytes.
    pub(super) fn probe(file: File, bytes: u64, max_pixels: u64) -> Result<Self, Refusal> {
        let reader = ImageReader::new(BufReader::new(&file)).with_guessed_format()?;
        let format = reader.format().filter(|format| content_type(*format).is_some()).ok_or(Refusal::NotAPicture)?;
        let (width, height) = reader.into_dimensions()?;
        if u64::from(width) * u64::from(height) > max_pixels {
            return Err(Refusal::TooLarge);
        }
        Ok(Self { file, bytes, format, width, height, max_pixels })
    }

    /// What its header says.
    pub(super) fn measured(&self) -> Measured {
        let content_type = content_type(self.format).unwrap_or("application/octet-stream");
        Measured { content_type, width: self.width, height: self.height }
    }

    /// How many pixels it has.
    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Makes a picture that fits `size`; a moving one if the source moves and `animated` asks for it.
    pub(super) fn make(self, size: Size, animated: bool) -> Result<Made, Refusal> {
        let source_type = content_type(self.format).ok_or(Refusal::NotAPicture)?;
        let moves = self.moves()?;
        let full = (self.width, self.height);
        if moves && animated {
            let fit = size.fit(self.width, self.height);
            if fit.kept == full {
                return Ok(Made::Source(source_type));
            }
            match self.animate(fit)? {
                animation::Outcome::Made(bytes) => return Ok(Made::New("image/webp", bytes)),
                animation::Outcome::NotSmaller => return Ok(Made::Source(source_type)),
                animation::Outcome::TooLong => {} // a still picture, then
            }
        }
        let (mut picture, orientation, profile) = self.decode()?;
        picture.apply_orientation(orientation);
        let fit = size.fit(picture.width(), picture.height());
        if !moves && fit.kept == picture.dimensions() {
            return Ok(Made::Source(source_type));
        }
        let (kind, bytes) = encode(shrink(picture, fit), profile)?;
        Ok(Made::New(kind, bytes))
    }

    fn reader(&self) -> Result<BufReader<&File>, Refusal> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        Ok(BufReader::new(file))
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.max_alloc = Some(self.max_pixels * BYTES_A_PIXEL + OVERHEAD);
        limits
    }

    /// Whether it has more than one frame.
    fn moves(&self) -> Result<bool, Refusal> {
        Ok(match self.format {
            ImageFormat::Gif => self.gif()?.into_frames().take(2).flatten().count() == 2,
            ImageFormat::Png => PngDecoder::with_limits(self.reader()?, self.limits())?.is_apng()?,
            ImageFormat::WebP => WebPDecoder::new(self.reader()?)?.has_animation(),
            _ => false,
        })
    }

    fn gif(&self) -> Result<GifDecoder<BufReader<&File>>, Refusal> {
        let mut decoder = GifDecoder::new(self.reader()?)?;
        decoder.set_limits(self.limits())?;
        Ok(decoder)
    }

    fn animate(&self, fit: Fit) -> Result<animation::Outcome, Refusal> {
        match self.format {
            ImageFormat::Gif => self.animation(self.gif()?, fit),
            ImageFormat::Png => self.animation(PngDecoder::with_limits(self.reader()?, self.limits())?.apng()?, fit),
            ImageFormat::WebP => self.animation(WebPDecoder::new(self.reader()?)?, fit),
            _ => Ok(animation::Outcome::TooLong),
        }
    }

    fn animation<'a>(
        &self,
        decoder: impl image::AnimationDecoder<'a>,
        fit: Fit,
    ) -> Result<animation::Outcome, Refusal> {
        let plays = decoder.loop_count();
        let frames = decoder.into_frames();
        animation::make(frames, plays, self.pixels(), self.max_pixels, self.bytes, |frame| {
            shrink(DynamicImage::ImageRgba8(frame), fit).into_rgba8()
        })
    }

    /// The picture (the first one of several), how it wants to be turned, and its colour profile.
    fn decode(&self) -> Result<(DynamicImage, Orientation, Option<Vec<u8>>), Refusal> {
        let mut reader = ImageReader::with_format(self.reader()?, self.format);
        reader.limits(self.limits());
        let mut decoder = reader.into_decoder()?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let profile = decoder.icc_profile().ok().flatten().filter(|profile| is_rgb_profile(profile));
        Ok((DynamicImage::from_decoder(decoder)?, orientation, profile))
    }
}

/// The content type of the formats that are read.
fn content_type(format: ImageFormat) -> Option<&'static str> {
    match format {
        ImageFormat::Jpeg => Some("image/jpeg"),
        ImageFormat::Png => Some("image/png"),
        ImageFormat::Gif => Some("image/gif"),
        ImageFormat::WebP => Some("image/webp"),
        _ => None,
    }
}

/// Whether an ICC profile describes RGB values. A profile of a CMYK or grey picture does not fit the thumbnail, which
/// is always RGB. (ICC.1, 7.2: the data colour space is in bytes 16 to 19.)
fn is_rgb_profile(profile: &[u8]) -> bool {
    profile.get(16..20) == Some(b"RGB ")
}

/// Shrinks and crops. The result is RGB or RGBA of 8 bits.
fn shrink(picture: DynamicImage, fit: Fit) -> DynamicImage {
    let (width, height) = fit.shrunk;
    let transparent = picture.color().has_alpha();
    let mut picture = picture;
    if transparent {
        // The colour of what is not seen must not bleed into what is: weigh colours by their opacity meanwhile.
        let mut pixels = picture.into_rgba8();
        for pixel in pixels.pixels_mut() {
            let alpha = u16::from(pixel.0[3]);
            for channel in &mut pixel.0[..3] {
                *channel = ((u16::from(*channel) * alpha + 127) / 255) as u8;
            }
        }
        picture = pixels.into();
    }
    if picture.dimensions() != fit.shrunk {
        // A cheap average down to twice the size, a good filter for the rest.
        let (wide, high) = (width.saturating_mul(2), height.saturating_mul(2));
        if picture.width() > wide.saturating_mul(2) && picture.height() > high.saturating_mul(2) {
            picture = picture.thumbnail_exact(wide, high);
        }
        picture = picture.resize_exact(width, height, FilterType::CatmullRom);
    }
    if fit.kept != fit.shrunk {
        let (left, top) = ((width - fit.kept.0) / 2, (height - fit.kept.1) / 2);
        picture = picture.crop_imm(left, top, fit.kept.0, fit.kept.1);
    }
    if !transparent {
        return picture.into_rgb8().into();
    }
    let mut pixels = picture.into_rgba8();
    for pixel in pixels.pixels_mut() {
        let alpha = u16::from(pixel.0[3]).max(1);
        for channel in &mut pixel.0[..3] {
            *channel = ((u16::from(*channel) * 255 + alpha / 2) / alpha).min(255) as u8;
        }
    }
    pixels.into()
}

/// Writes a PNG if anything shines through, otherwise a JPEG.
fn encode(picture: DynamicImage, profile: Option<Vec<u8>>) -> ImageResult<(&'static str, Vec<u8>)> {
    let mut bytes = Vec::new();
    let (width, height) = picture.dimensions();
    if let DynamicImage::ImageRgba8(pixels) = &picture
        && pixels.pixels().any(|pixel| pixel.0[3] != u8::MAX)
    {
        let mut encoder = PngEncoder::new(&mut bytes);
        if let Some(profile) = profile {
            drop(encoder.set_icc_profile(profile)); // a format without profiles would do without
        }
        encoder.write_image(pixels.as_raw(), width, height, ExtendedColorType::Rgba8)?;
        return Ok(("image/png", bytes));
    }
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    if let Some(profile) = profile {
        drop(encoder.set_icc_profile(profile));
    }
    encoder.write_image(picture.into_rgb8().as_raw(), width, height, ExtendedColorType::Rgb8)?;
    Ok(("image/jpeg", bytes))
}
