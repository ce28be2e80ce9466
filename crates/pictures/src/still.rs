//! A still picture that is small already: turned as it should be seen, and written as a file.

use image::{
    DynamicImage, ExtendedColorType, GrayAlphaImage, GrayImage, ImageEncoder as _, ImageResult, RgbImage, RgbaImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    metadata::Orientation,
};

use crate::Refusal;

/// The quality of JPEG thumbnails: artefacts are not seen at their sizes, a step more costs a fifth of the bytes.
const JPEG_QUALITY: u8 = 82;
/// The longest colour profile that a thumbnail takes over: those of screens and cameras have a few kilobytes, and each
/// thumbnail carries it.
const MAX_PROFILE: usize = 64 << 10;

/// Pixels of one, two, three or four samples: grey or RGB, each with or without opacity.
#[derive(Debug)]
pub(crate) struct Still {
    pub(crate) size: (u32, u32),
    pub(crate) channels: usize,
    pub(crate) pixels: Vec<u8>,
    pub(crate) profile: Option<Vec<u8>>,
}

impl Still {
    /// Turns the picture and writes it: a PNG if anything shines through, otherwise a JPEG.
    pub(crate) fn finish(self, orientation: Orientation) -> Result<(&'static str, Vec<u8>), Refusal> {
        let (width, height) = self.size;
        let transparent = self.channels.is_multiple_of(2)
            && self.pixels.chunks(self.channels).any(|pixel| pixel.last() != Some(&255));
        let picture = match self.channels {
            1 => GrayImage::from_raw(width, height, self.pixels).map(DynamicImage::from),
            2 => GrayAlphaImage::from_raw(width, height, self.pixels).map(DynamicImage::from),
            3 => RgbImage::from_raw(width, height, self.pixels).map(DynamicImage::from),
            _ => RgbaImage::from_raw(width, height, self.pixels).map(DynamicImage::from),
        };
        let mut picture = picture.ok_or(Refusal::Unreadable)?;
        picture.apply_orientation(orientation);
        // A profile for RGB values does not fit grey ones.
        let fits = |profile: &Vec<u8>| profile.len() <= MAX_PROFILE && is_rgb_profile(profile);
        let profile = self.profile.filter(|profile| self.channels > 2 && fits(profile));
        Ok(encode(picture, transparent, profile)?)
    }
}

/// Whether an ICC profile describes RGB values. A profile of a CMYK or grey picture does not fit the thumbnail.
/// (ICC.1, 7.2: the data colour space is in bytes 16 to 19.)
fn is_rgb_profile(profile: &[u8]) -> bool {
    profile.get(16..20) == Some(b"RGB ")
}

fn encode(picture: DynamicImage, transparent: bool, profile: Option<Vec<u8>>) -> ImageResult<(&'static str, Vec<u8>)> {
    let mut bytes = Vec::new();
    let (width, height) = (picture.width(), picture.height());
    if transparent {
        let mut encoder = PngEncoder::new(&mut bytes);
        if let Some(profile) = profile {
            drop(encoder.set_icc_profile(profile)); // a format without profiles would do without
        }
        encoder.write_image(picture.as_bytes(), width, height, picture.color().into())?;
        return Ok(("image/png", bytes));
    }
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    if let Some(profile) = profile {
        drop(encoder.set_icc_profile(profile));
    }
    if picture.color().channel_count() < 3 {
        encoder.write_image(picture.into_luma8().as_raw(), width, height, ExtendedColorType::L8)?;
    } else {
        encoder.write_image(picture.into_rgb8().as_raw(), width, height, ExtendedColorType::Rgb8)?;
    }
    Ok(("image/jpeg", bytes))
}
