//! Decoding of pictures of every kind.

use std::{
    fs::File,
    io::{BufReader, Seek as _, Write as _},
};

use im2_pictures::{Refusal, avif::Avif};

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];

fn path(name: &str) -> String {
    format!("{}/../pictures/tests/pictures/avif/{name}.avif", env!("CARGO_MANIFEST_DIR"))
}

/// The decoded picture: width, samples of a pixel, samples.
struct Decoded {
    width: usize,
    channels: usize,
    samples: Vec<u8>,
}

impl Decoded {
    fn of(file: &File) -> Result<Self, Refusal> {
        let avif = Avif::read(BufReader::new(file))?;
        let mut samples = Vec::new();
        im2_av1::decode(file, &mut samples)?;
        let (width, height) = avif.seen.size;
        assert_eq!(samples.len(), width as usize * height as usize * avif.channels());
        Ok(Self { width: width as usize, channels: avif.channels(), samples })
    }

    fn named(name: &str) -> Self {
        Self::of(&File::open(path(name)).unwrap()).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"))
    }

    fn height(&self) -> usize {
        self.samples.len() / self.channels / self.width
    }

    fn pixel(&self, x: usize, y: usize) -> &[u8] {
        &self.samples[(y * self.width + x) * self.channels..][..self.channels]
    }

    fn is_like(&self, x: usize, y: usize, wanted: &[u8]) -> bool {
        self.pixel(x, y).iter().zip(wanted).all(|(found, wanted)| found.abs_diff(*wanted) < 14)
    }
}

#[test]
fn all_kinds_of_samples_are_the_right_colours() {
    for name in [
        "420",
        "420-12-bit",
        "422-limited-709",
        "444-10-bit-2020",
        "identity",
        "grid",
        "odd",
        "moving",
        "turned-1-mirrored-no",
        "48-megapixels",
    ] {
        let picture = Decoded::named(name);
        let (width, height) = (picture.width, picture.height());
        // Near the corners, and near the borders of the colours: nothing is moved, between tiles either.
        let (left, right, top, bottom) = (width / 16, width - 1, height / 16, height - 1);
        for (x, y, colour) in [
            (0, 0, GREEN),
            (left, top, GREEN),
            (width / 4 - 3, height / 4 - 3, GREEN),
            (width / 4 + 3, 0, RED),
            (0, height / 4 + 3, RED),
            (0, bottom, RED),
            (width / 2 - 4, height / 2, RED),
            (width / 2 + 4, height / 2, BLUE),
            (right, 0, BLUE),
            (right, bottom, BLUE),
        ] {
            assert!(picture.is_like(x, y, &colour), "{name}: {:?} at {x} {y}", picture.pixel(x, y));
        }
    }
}

#[test]
fn grey_is_one_sample() {
    let picture = Decoded::named("grey");
    for (x, y, grey) in [(2, 2, 150), (2, 60, 76), (90, 60, 29)] {
        assert!(picture.is_like(x, y, &[grey]), "{:?}", picture.pixel(x, y));
    }
}

#[test]
fn opacity_is_the_last_sample() {
    for name in ["transparent", "premultiplied", "grid-transparent"] {
        let picture = Decoded::named(name);
        let (right, bottom) = (picture.width - 3, picture.height() - 3);
        assert!(picture.is_like(2, bottom, &[255, 0, 0, 255]), "{name}: {:?}", picture.pixel(2, bottom));
        assert!(picture.is_like(right, bottom, &[0, 0, 255, 255]), "{name}: {:?}", picture.pixel(right, bottom));
        assert_eq!(picture.pixel(2, 2)[3], 0, "{name}");
        assert_eq!(picture.pixel(right, 2)[3], 0, "{name}");
    }
}

#[test]
fn a_part_that_is_cut_out_is_the_right_one() {
    let picture = Decoded::named("cropped");
    assert_eq!((picture.width, picture.height()), (48, 32));
    assert!(picture.is_like(20, 16, &RED) && picture.is_like(27, 16, &BLUE), "the middle stays in the middle");
    assert!(picture.is_like(0, 3, &RED), "nothing of the green corner is left");
}

#[test]
fn damaged_frames_are_refused() {
    let whole = std::fs::read(path("420")).unwrap();
    let start = whole.windows(4).position(|bytes| bytes == b"mdat").unwrap() + 4;
    let decoded = |content: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        Decoded::of(&file).map(drop)
    };
    assert_eq!(decoded(&whole), Ok(()));
    let mut nothing = whole.clone();
    nothing[start..].fill(0);
    assert_eq!(decoded(&nothing), Err(Refusal::Unreadable));
    // The frames say that they are of another size than the file does.
    let mut larger = whole.clone();
    let size = larger.windows(8).position(|bytes| bytes == b"ispe\0\0\0\0").unwrap() + 8;
    larger[size + 3] = 97;
    assert_eq!(decoded(&larger), Err(Refusal::Unreadable));
    let mut smaller = whole;
    smaller[size + 3] = 95;
    assert_eq!(decoded(&smaller), Err(Refusal::Unreadable));
}
