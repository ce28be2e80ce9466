//! Pictures to make thumbnails of.

use std::io::Cursor;

use image::{
    DynamicImage, Frame, ImageFormat, Rgba, RgbaImage,
    codecs::gif::{GifEncoder, Repeat},
};

/// A picture whose left half is red and whose right half is blue, with a green top left corner of a quarter of each
/// side.
pub(crate) fn halves(width: u32, height: u32) -> DynamicImage {
    RgbaImage::from_fn(width, height, |x, y| {
        if x < width / 4 && y < height / 4 {
            Rgba([0, 255, 0, 255])
        } else if x < width / 2 {
            Rgba([255, 0, 0, 255])
        } else {
            Rgba([0, 0, 255, 255])
        }
    })
    .into()
}

/// A picture file.
pub(crate) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = if format == ImageFormat::Jpeg { picture.to_rgb8().into() } else { picture.clone() };
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Noise that is the same every time: what no encoder can make small.
pub(crate) fn noise(width: u32, height: u32) -> DynamicImage {
    let mut state = 1_u32;
    RgbaImage::from_fn(width, height, |_, _| {
        let [a, b, c, _] = std::array::from_fn(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        Rgba([a, b, c, 255])
    })
    .into()
}

/// A GIF of `frames` frames in which a white square wanders over black.
pub(crate) fn moving_gif(width: u32, height: u32, frames: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for at in 0..frames {
        let left = at * width / frames;
        let picture = RgbaImage::from_fn(width, height, |x, y| {
            let inside = (left..left + width / 8).contains(&x) && y < height / 4;
            if inside { Rgba([255, 255, 255, 255]) } else { Rgba([0, 0, 0, 255]) }
        });
        let delay = image::Delay::from_numer_denom_ms(40, 1);
        encoder.encode_frame(Frame::from_parts(picture, 0, 0, delay)).unwrap();
    }
    drop(encoder);
    bytes
}

/// Turns a JPEG by putting an EXIF block with this orientation after its first marker.
pub(crate) fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff = [
        b"MM\0\x2a\0\0\0\x08".as_slice(), // big-endian; the first directory is at 8
        b"\0\x01",                        // one entry:
        b"\x01\x12\0\x03\0\0\0\x01\0",    // orientation, one short:
        &[orientation, 0, 0],
        b"\0\0\0\0", // no further directory
    ]
    .concat();
    let length = (2 + 6 + tiff.len()) as u16;
    [&jpeg[..2], b"\xff\xe1", &length.to_be_bytes(), b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

/// A PNG that says it is `width` by `height` and holds nothing of the kind.
pub(crate) fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encoded(&halves(1, 1), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&bytes[12..29]).to_be_bytes();
    bytes[29..33].copy_from_slice(&checksum);
    bytes
}

/// The checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}
