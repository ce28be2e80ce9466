//! Pictures that are made for tests, as files.

use std::{
    fs::File,
    io::{Cursor, Seek as _, Write as _},
};

use im2_pictures::{Limits, Made, Picture, Refusal, Size};
use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder},
};

pub(crate) const LIMITS: Limits = Limits { pixels: 256 << 20, memory: 256 << 20 };

/// An open file with this content.
pub(crate) fn file(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file
}

pub(crate) fn probe(content: &[u8]) -> Result<Picture, Refusal> {
    Picture::probe(file(content), content.len() as u64, LIMITS)
}

pub(crate) fn make(content: &[u8], size: Size) -> Result<Made, Refusal> {
    let picture = probe(content)?;
    picture.memory(size, false)?;
    picture.make(size, false, None)
}

/// The thumbnail, decoded. It has to be a new one.
pub(crate) fn thumbnail(content: &[u8], size: Size) -> DynamicImage {
    let Made::New(kind, bytes) = make(content, size).unwrap() else { panic!("the picture itself") };
    image::load_from_memory_with_format(&bytes, ImageFormat::from_mime_type(kind).unwrap()).unwrap()
}

/// How far two pictures of one size are from each other, in the average over all samples.
pub(crate) fn distance(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let sum: u64 = one.as_raw().iter().zip(other.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.as_raw().len() as f64
}

pub(crate) const RED: [u8; 3] = [255, 0, 0];
pub(crate) const GREEN: [u8; 3] = [0, 255, 0];
pub(crate) const BLUE: [u8; 3] = [0, 0, 255];

/// A picture of which the left half is red and the right half blue, except for a green corner at the top left.
pub(crate) fn halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        if x < width / 4 && y < height / 4 {
            Rgb(GREEN)
        } else if x < width / 2 {
            Rgb(RED)
        } else {
            Rgb(BLUE)
        }
    })
}

pub(crate) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// An EXIF block that says how the camera was held.
fn exif(orientation: u8) -> Vec<u8> {
    [
        b"MM\0\x2a\0\0\0\x08".as_slice(), // big-endian; the first directory is at 8
        b"\0\x01",                        // one entry:
        b"\x01\x12\0\x03\0\0\0\x01\0",    // orientation, one short:
        &[orientation, 0, 0],
        b"\0\0\0\0", // no further directory
    ]
    .concat()
}

/// A picture file that says how the camera was held.
pub(crate) fn oriented(picture: &RgbImage, format: ImageFormat, orientation: u8) -> Vec<u8> {
    fn write(mut encoder: impl ImageEncoder, picture: &RgbImage, orientation: u8) {
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8).unwrap();
    }
    let mut bytes = Vec::new();
    match format {
        ImageFormat::Jpeg => write(JpegEncoder::new_with_quality(&mut bytes, 90), picture, orientation),
        ImageFormat::Png => write(PngEncoder::new(&mut bytes), picture, orientation),
        ImageFormat::WebP => write(WebPEncoder::new_lossless(&mut bytes), picture, orientation),
        ImageFormat::Tiff => {
            bytes = tiff(picture.dimensions(), u16::from(orientation));
            bytes.extend_from_slice(picture);
        }
        _ => panic!("{format:?} does not say"),
    }
    bytes
}

/// The beginning of a TIFF file, up to its RGB values, which are in strips of 16 rows.
pub(crate) fn tiff((width, height): (u32, u32), orientation: u16) -> Vec<u8> {
    const ROWS: u32 = 16;
    const ENTRIES: u32 = 11;
    let strips = height.div_ceil(ROWS);
    let after = 8 + 2 + ENTRIES * 12 + 4;
    let (bits, offsets) = (after, after + 6);
    let lengths = offsets + 4 * strips;
    let pixels = lengths + 4 * strips;
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((ENTRIES as u16).to_le_bytes());
    let (short, long) = (3_u16, 4_u16);
    for (tag, kind, count, value) in [
        (256_u16, long, 1, width),
        (257, long, 1, height),
        (258, short, 3, bits),
        (259, short, 1, 1), // not compressed
        (262, short, 1, 2), // RGB
        (273, long, strips, offsets),
        (274, short, 1, u32::from(orientation)),
        (277, short, 1, 3),
        (278, long, 1, ROWS),
        (279, long, strips, lengths),
        (284, short, 1, 1), // the samples of a pixel are together
    ] {
        let value = if strips == 1 && tag == 273 { pixels } else { value };
        let value = if strips == 1 && tag == 279 { 3 * width * height } else { value };
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend([8, 0, 8, 0, 8, 0]);
    let length = |strip: u32| 3 * width * ROWS.min(height - strip * ROWS);
    // Wraps around for a picture that is larger than a file can be.
    let offset = |strip: u32| pixels.wrapping_add(strip.wrapping_mul(3 * width * ROWS));
    (0..strips).for_each(|strip| bytes.extend(offset(strip).to_le_bytes()));
    (0..strips).for_each(|strip| bytes.extend(length(strip).to_le_bytes()));
    assert_eq!(bytes.len(), pixels as usize);
    bytes
}
