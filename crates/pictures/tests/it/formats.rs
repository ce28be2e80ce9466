//! Behaviour of all formats: colours, orientation, opacity, depth, and refusals.

use im2_pictures::{Limits, Made, Method, Picture, Refusal, Size, choose};
use image::{
    DynamicImage, ExtendedColorType, GenericImageView as _, ImageEncoder as _, ImageFormat, LumaA, Rgba,
    codecs::png::PngEncoder,
};

use crate::sources::{BLUE, GREEN, LIMITS, RED, encoded, file, halves, make, oriented, probe, thumbnail, tiff};

const ALL: [ImageFormat; 6] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff];

fn is_like(picture: &DynamicImage, (x, y): (u32, u32), wanted: [u8; 3]) -> bool {
    let Rgba([found @ .., _]) = picture.get_pixel(x, y);
    found.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) < 40)
}

#[test]
fn all_formats_are_scaled_and_cropped() {
    let source = DynamicImage::from(halves(640, 320));
    for format in ALL {
        let content = encoded(&source, format);
        let scaled = thumbnail(&content, choose(300, 200, Method::Scale));
        assert_eq!(scaled.dimensions(), (320, 160), "{format:?}");
        assert!(is_like(&scaled, (10, 10), GREEN) && is_like(&scaled, (100, 100), RED), "{format:?}");
        assert!(is_like(&scaled, (300, 100), BLUE), "{format:?}");
        let cropped = thumbnail(&content, choose(90, 90, Method::Crop));
        assert_eq!(cropped.dimensions(), (96, 96), "{format:?}");
        assert!(is_like(&cropped, (5, 90), RED) && is_like(&cropped, (90, 90), BLUE), "{format:?}");
    }
}

/// The specification lists JPEG, PNG, GIF and WebP for thumbnails, so a picture of another format is never its own.
#[test]
fn small_pictures_are_returned_as_they_are_if_browsers_show_them() {
    let source = DynamicImage::from(halves(30, 20));
    for format in ALL {
        let content = encoded(&source, format);
        for size in [choose(100, 100, Method::Crop), choose(9000, 9000, Method::Scale)] {
            match make(&content, size).unwrap() {
                Made::Source(kind) => {
                    assert!(!matches!(format, ImageFormat::Bmp | ImageFormat::Tiff));
                    assert_eq!(kind, format.to_mime_type());
                }
                Made::New(kind, bytes) => {
                    assert!(matches!(format, ImageFormat::Bmp | ImageFormat::Tiff), "{format:?}");
                    assert_eq!(kind, "image/jpeg");
                    assert_eq!(image::load_from_memory(&bytes).unwrap().dimensions(), (30, 20));
                }
            }
        }
    }
}

#[test]
fn pictures_are_turned_as_the_camera_was_held() {
    // The corner of the green spot, and a spot in the half that is red, and in the one that is blue.
    let (left, right, top, bottom) = (0.1, 0.9, 0.1, 0.9);
    let table = [
        (1, (left, top), (left, bottom), (right, top)),
        (2, (right, top), (right, bottom), (left, top)),
        (3, (right, bottom), (right, top), (left, bottom)),
        (4, (left, bottom), (left, top), (right, bottom)),
        (5, (left, top), (right, top), (left, bottom)),
        (6, (right, top), (left, top), (right, bottom)),
        (7, (right, bottom), (left, bottom), (right, top)),
        (8, (left, bottom), (right, bottom), (left, top)),
    ];
    let source = halves(400, 200);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        for (orientation, green, red, blue) in table {
            let content = oriented(&source, format, orientation);
            let seen = if orientation < 5 { (400, 200) } else { (200, 400) };
            let measured = probe(&content).unwrap().measured();
            assert_eq!((measured.width, measured.height), seen);
            for size in [Size { width: 100, height: 100, method: Method::Scale }, choose(64, 32, Method::Crop)] {
                let made = thumbnail(&content, size);
                let crop = size.method == Method::Crop;
                let expected = if orientation < 5 { (100, 50) } else { (50, 100) };
                assert_eq!(made.dimensions(), if crop { (96, 48) } else { expected }, "{format:?} {orientation}");
                if crop {
                    continue;
                }
                let at =
                    |(x, y): (f64, f64)| ((x * f64::from(made.width())) as u32, (y * f64::from(made.height())) as u32);
                for (place, colour) in [(green, GREEN), (red, RED), (blue, BLUE)] {
                    assert!(is_like(&made, at(place), colour), "{format:?} {orientation}");
                }
            }
        }
    }
}

#[test]
fn grey_deep_and_transparent_pictures() {
    let source = DynamicImage::from(halves(400, 200));
    let small = Size { width: 100, height: 100, method: Method::Scale };
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        for deep in [
            DynamicImage::from(source.to_rgb16()),
            source.to_rgba16().into(),
            source.to_luma8().into(),
            source.to_luma16().into(),
        ] {
            let made = thumbnail(&encoded(&deep, format), small);
            let expected = deep.to_rgb8();
            for (x, y) in [(10, 10), (20, 40), (80, 25)] {
                let Rgba([colour @ .., _]) = made.get_pixel(x, y);
                let wanted = expected.get_pixel(x * 4, y * 4).0;
                assert!(colour.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 12), "{format:?} {:?}", deep.color());
            }
        }
    }
    let glass = image::GrayAlphaImage::from_fn(400, 200, |x, _| LumaA([200, if x < 200 { 0 } else { 255 }]));
    let made = thumbnail(&encoded(&glass.into(), ImageFormat::Png), small).into_rgba8();
    assert_eq!(made.get_pixel(10, 10).0[3], 0);
    assert_eq!(made.get_pixel(90, 10).0, [200, 200, 200, 255]);
}

#[test]
fn what_is_refused_and_why() {
    let small = choose(32, 32, Method::Crop);
    let png = encoded(&halves(100, 100).into(), ImageFormat::Png);
    let table: &[(&str, &[u8], Refusal)] = &[
        ("nothing", b"", Refusal::NotAPicture),
        ("text", b"hello", Refusal::NotAPicture),
        ("a photo of an iPhone", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Refusal::Heic),
        ("a photo of an Android phone", b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic....", Refusal::Heic),
        ("the first bytes of an AVIF", b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf", Refusal::Unreadable),
        ("a video", b"\0\0\0\x18ftypisom\0\0\0\0isommp42", Refusal::NotAPicture),
        ("half a picture", &png[..png.len() / 2], Refusal::Unreadable),
        ("the first bytes of a JPEG", b"\xff\xd8\xff\xe0", Refusal::Unreadable),
        ("the first bytes of a TIFF", b"II*\0\x08\0\0\0", Refusal::Unreadable),
        ("the first bytes of a BMP", b"BM\x1e\0\0\0", Refusal::Unreadable),
        ("the first bytes of a WebP", b"RIFF\x10\0\0\0WEBPVP8 ", Refusal::Unreadable),
    ];
    for (what, content, refusal) in table {
        assert_eq!(make(content, small).map(drop).unwrap_err(), *refusal, "{what}");
    }
}

/// Headers of a few bytes that claim all that the format can say. They are refused when they are read.
#[test]
fn bombs_are_refused_before_they_are_decoded() {
    let mut bmp = encoded(&halves(1, 1).into(), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&65_535_u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&65_535_u32.to_le_bytes());
    let mut jpeg = encoded(&halves(8, 8).into(), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|bytes| bytes == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xFF);
    let mut gif = encoded(&halves(1, 1).into(), ImageFormat::Gif);
    gif[6..10].fill(0xFF);
    for (what, content) in [("BMP", bmp), ("JPEG", jpeg), ("GIF", gif)] {
        assert_eq!(probe(&content).map(drop).unwrap_err(), Refusal::TooLarge, "{what}");
    }
    // Its strips would be longer than it is.
    assert_eq!(probe(&tiff((65_535, 65_535), 1)).map(drop).unwrap_err(), Refusal::Unreadable);
    // Few enough pixels, but more memory than there is: refused before it is taken.
    let mut bmp = encoded(&halves(1, 1).into(), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&12_000_u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&9_000_u32.to_le_bytes());
    let small = choose(32, 32, Method::Crop);
    assert_eq!(probe(&bmp).unwrap().memory(small, false), Err(Refusal::TooLarge));
    let content = encoded(&halves(100, 100).into(), ImageFormat::Png);
    let limits = Limits { pixels: 9_999, ..LIMITS };
    assert_eq!(Picture::probe(file(&content), content.len() as u64, limits).map(drop), Err(Refusal::TooLarge));
}

/// A TIFF's strips must be as it states: its statements bound the memory and the work.
#[test]
fn strips_of_a_tiff_are_what_they_say() {
    let small = choose(32, 32, Method::Crop);
    let mut content = tiff((40, 40), 1);
    let header = content.len();
    content.resize(header + 3 * 40 * 40, 0x80);
    let entry = |content: &[u8], tag: u16| {
        let entries = content[10..].chunks_exact(12);
        10 + 12 * entries.take(11).position(|entry| entry[..2] == tag.to_le_bytes()).unwrap()
    };
    assert!(make(&content, small).is_ok());
    let refused = |content: &[u8], what: &str| {
        assert_eq!(probe(content).map(drop).unwrap_err(), Refusal::Unreadable, "{what}");
    };
    // A JPEG in a strip is as large as the JPEG says, whatever the TIFF says.
    let mut jpegs = content.clone();
    let at = entry(&jpegs, 259) + 8;
    jpegs[at] = 7;
    refused(&jpegs, "strips of JPEG");
    // All strips may be the same bytes, so that few bytes are much work.
    let mut overlapping = content;
    let first = overlapping.len() as u32;
    let lengths = entry(&overlapping, 279) + 8;
    let at = u32::from_le_bytes(overlapping[lengths..lengths + 4].try_into().unwrap()) as usize;
    for strip in 0..3 {
        overlapping[at + 4 * strip..at + 4 * strip + 4].copy_from_slice(&(first / 2).to_le_bytes());
    }
    refused(&overlapping, "strips that overlap");
}

/// Profiles that unpack to much are neither unpacked nor passed on, and pictures that are a line are refused.
#[test]
fn profiles_and_sides_have_bounds() {
    let small = choose(96, 96, Method::Crop);
    for length in [100_000, 3_000_000] {
        let mut profile = vec![0; length];
        profile[16..20].copy_from_slice(b"RGB ");
        let mut content = Vec::new();
        let mut encoder = PngEncoder::new(&mut content);
        encoder.set_icc_profile(profile).unwrap();
        let picture = halves(200, 200);
        encoder.write_image(picture.as_raw(), 200, 200, ExtendedColorType::Rgb8).unwrap();
        let Made::New(_, bytes) = make(&content, small).unwrap() else { panic!("it is made smaller") };
        assert!(bytes.len() < 20_000, "{length}: {} bytes", bytes.len());
    }
    assert_eq!(probe(&tiff((65_536, 1), 1)).map(drop).unwrap_err(), Refusal::Unreadable);
    let line = encoded(&DynamicImage::new_luma8(65_536, 1), ImageFormat::Png);
    assert_eq!(probe(&line).map(drop).unwrap_err(), Refusal::TooLarge);
}
