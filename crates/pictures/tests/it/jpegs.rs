//! JPEG of all kinds, in comparison with another decoder.

use im2_pictures::{Method, Refusal, Size};
use image::{DynamicImage, RgbImage, imageops::FilterType};
use proptest::prelude::*;

use crate::sources::{distance, make, probe, thumbnail};

const KINDS: [(&str, &[u8]); 11] = [
    ("baseline-420", include_bytes!("../pictures/baseline-420.jpg")),
    ("baseline-422", include_bytes!("../pictures/baseline-422.jpg")),
    ("baseline-444", include_bytes!("../pictures/baseline-444.jpg")),
    ("progressive-420", include_bytes!("../pictures/progressive-420.jpg")),
    ("progressive-444", include_bytes!("../pictures/progressive-444.jpg")),
    ("restarts-420", include_bytes!("../pictures/restarts-420.jpg")),
    ("progressive-restarts", include_bytes!("../pictures/progressive-restarts.jpg")),
    ("grey", include_bytes!("../pictures/grey.jpg")),
    ("progressive-grey", include_bytes!("../pictures/progressive-grey.jpg")),
    ("cmyk-adobe", include_bytes!("../pictures/cmyk-adobe.jpg")),
    ("rgb-adobe", include_bytes!("../pictures/rgb-adobe.jpg")),
];

/// Sizes for which the picture of 203 by 151 pixels is decoded to eight, four, two and one eighths, and how far the
/// result may be from what filtering all pixels gives: the coarser, the more the edges differ.
const WIDTHS: [(u32, f64); 4] = [(150, 6.0), (50, 9.0), (25, 14.0), (12, 20.0)];

fn size(width: u32) -> Size {
    Size { width, height: width, method: Method::Scale }
}

/// The same by a decoder and a filter for whole pictures.
fn expected(content: &[u8], width: u32, height: u32) -> RgbImage {
    let whole = DynamicImage::from(image::load_from_memory(content).unwrap().into_rgb8());
    whole.resize_exact(width, height, FilterType::CatmullRom).into_rgb8()
}

#[test]
fn all_kinds_at_all_scales_look_as_they_should() {
    for (name, content) in KINDS {
        for (width, most) in WIDTHS {
            let made = thumbnail(content, size(width)).into_rgb8();
            // The other decoder takes RGB with Adobe's marker for something else.
            let like = if name == "rgb-adobe" { KINDS[2].1 } else { content };
            let distance = distance(&made, &expected(like, made.width(), made.height()));
            assert!(distance < most, "{name} at {width}: {distance}");
        }
    }
}

#[test]
fn what_comes_before_the_damage_is_shown() {
    for (name, content) in KINDS {
        let cut = thumbnail(&content[..content.len() * 3 / 4], size(150)).into_rgb8();
        let whole = thumbnail(content, size(150)).into_rgb8();
        let top = |picture: &RgbImage| image::imageops::crop_imm(picture, 0, 0, 150, 30).to_image();
        let distance = distance(&top(&cut), &top(&whole));
        assert!(distance < if name.starts_with("progressive") { 20.0 } else { 1.0 }, "{name}: {distance}");
    }
    let (_, content) = KINDS[0];
    let data = content.windows(2).position(|bytes| bytes == [0xFF, 0xDA]).unwrap();
    assert_eq!(make(&content[..data + 16], size(50)).map(drop), Err(Refusal::Unreadable), "nothing comes before");
    assert_eq!(probe(&content[..data]).map(drop), Err(Refusal::Unreadable));
}

/// A picture of 8,192 by 8,192 pixels with as many scans as fit into a megabyte, each of which says in two bytes that
/// no coefficient changes: every one makes a decoder go through the whole picture.
#[test]
fn scans_without_end_are_not_followed() {
    let mut content = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
    content.extend([1; 64]);
    content.extend([0xFF, 0xC2, 0, 11, 8, 0x20, 0, 0x20, 0, 1, 1, 0x11, 0]);
    // One code of one bit for DC: no difference; one for AC: 16,384 blocks without coefficients.
    for (class, symbol) in [(0x00, 0), (0x10, 0xE0)] {
        content.extend([0xFF, 0xC4, 0, 20, class, 1]);
        content.extend([0; 15]);
        content.push(symbol);
    }
    content.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0]);
    content.extend(vec![0; 8192 * 8192 / 64 / 8]);
    let scan = [&[0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 63, 0], [0; 120].as_slice()].concat();
    let few = [content.as_slice(), &scan.repeat(100), &[0xFF, 0xD9]].concat();
    let many = [content.as_slice(), &scan.repeat(8_000), &[0xFF, 0xD9]].concat();
    let cost = |content: &[u8]| {
        let before = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        thumbnail(content, Size { width: 1600, height: 1200, method: Method::Scale });
        let after = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9
    };
    let (few, many) = (cost(&few), cost(&many));
    assert!(many < 4.0 * few, "{many} s for 8,000 scans, {few} s for 100");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Whatever the damage, the decoder comes to an end and does not panic.
    #[test]
    fn damage_does_no_harm(
        kind in 0..KINDS.len(),
        width in 0..WIDTHS.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut content = KINDS[kind].1.to_vec();
        for (at, byte) in damage {
            let at = at.index(content.len());
            content[at] = byte;
        }
        content.truncate(cut.index(content.len()).max(content.len() / 2));
        // A damaged size is a size, too: large ones are another test's matter.
        if probe(&content).is_ok_and(|picture| picture.pixels() < 1 << 20) {
            let _ = make(&content, size(WIDTHS[width].0));
        }
    }
}
