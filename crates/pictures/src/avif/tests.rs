//! Reading descriptions of pictures, and refusing descriptions that are false.

use std::{io::Cursor, time::Instant};

use image::metadata::Orientation;
use proptest::{collection::vec, prelude::*, sample::select};

use super::{Avif, MAX_TILES, Part};
use crate::Refusal;

/// The files of the folder, each by its name.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../../tests/pictures/avif/", $name, ".avif")).as_slice())),*]
    };
}

const FILES: [(&str, &[u8]); 20] = files![
    "420",
    "420-12-bit",
    "422-limited-709",
    "444-10-bit-2020",
    "48-megapixels",
    "cropped",
    "grey",
    "grid",
    "grid-transparent",
    "identity",
    "moving",
    "odd",
    "premultiplied",
    "transparent",
    "turned-0-mirrored-0",
    "turned-0-mirrored-1",
    "turned-1-mirrored-1",
    "turned-1-mirrored-no",
    "turned-2-mirrored-no",
    "turned-3-mirrored-0",
];

fn content(wanted: &str) -> &'static [u8] {
    FILES.into_iter().find(|(name, _)| *name == wanted).unwrap().1
}

fn read(content: &[u8]) -> Result<Avif, Refusal> {
    Avif::read(Cursor::new(content))
}

#[test]
fn what_files_say_is_read() {
    for (name, content) in FILES {
        let avif = read(content).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        let size = match name {
            "grid" | "grid-transparent" => (192, 128),
            "odd" => (67, 35),
            "48-megapixels" => (8000, 6000),
            _ => (96, 64),
        };
        assert_eq!(avif.colour.size, size, "{name}");
        let samples = avif.colour.samples;
        let bits = if name.contains("12-bit") {
            12
        } else if name.contains("10-bit") {
            10
        } else {
            8
        };
        assert_eq!((samples.bits, samples.is_grey), (bits, name == "grey"), "{name}");
        let halved = match name {
            "422-limited-709" => (true, false),
            "444-10-bit-2020" | "identity" | "premultiplied" => (false, false),
            _ => (true, true),
        };
        assert_eq!(samples.halved, halved, "{name}");
        assert_eq!(avif.opacity.is_some(), name.contains("transparent") || name == "premultiplied", "{name}");
        assert_eq!(avif.is_premultiplied, name == "premultiplied", "{name}");
        let tiles = match name {
            "grid" => (2, 4),
            "grid-transparent" => (2, 2),
            _ => (1, 1),
        };
        assert_eq!((avif.colour.columns, avif.colour.sources.len()), tiles, "{name}");
        let seen = match name {
            "cropped" => Part { left: 24, top: 16, size: (48, 32) },
            _ => Part { left: 0, top: 0, size },
        };
        assert_eq!(avif.seen, seen, "{name}");
        let orientation = match name {
            "turned-0-mirrored-0" => Orientation::FlipVertical,
            "turned-0-mirrored-1" => Orientation::FlipHorizontal,
            "turned-1-mirrored-no" => Orientation::Rotate270,
            "turned-2-mirrored-no" => Orientation::Rotate180,
            "turned-1-mirrored-1" | "turned-3-mirrored-0" => Orientation::Rotate270FlipH,
            _ => Orientation::NoTransforms,
        };
        assert_eq!(avif.orientation, orientation, "{name}");
        let colours = avif.colour.colours.unwrap();
        let (matrix, is_full) = match name {
            "422-limited-709" => (1, false),
            "444-10-bit-2020" => (9, true),
            "identity" => (0, true),
            _ => (6, true),
        };
        assert_eq!((colours.matrix, colours.is_full), (matrix, is_full), "{name}");
    }
}

#[test]
fn memory_is_known_from_the_file() {
    let large = read(content("48-megapixels")).unwrap();
    let (least, most) = (large.memory(false) >> 20, large.memory(true) >> 20);
    assert!((110..140).contains(&least), "{least} MiB");
    assert!((180..220).contains(&most), "{most} MiB");
    // Of a grid there is a row of tiles.
    let (whole, grid) = (read(content("420")).unwrap(), read(content("grid")).unwrap());
    assert!(grid.memory(false) < whole.memory(false) * 3, "{} {}", grid.memory(false), whole.memory(false));
}

fn boxed(kind: [u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    [(content.len() as u32 + 8).to_be_bytes().as_slice(), &kind, &content].concat()
}

fn numbers(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// A grid of tiles that may be anything.
struct Grid {
    columns: u8,
    rows: u8,
    size: (u32, u32),
    tile: (u32, u32),
    /// The items that the tiles are. Item 1 is the grid, item 2 a frame.
    tiles: Vec<u16>,
    /// Where the frame is.
    extent: (u32, u32),
    frames: &'static [u8],
}

impl Grid {
    fn small() -> Self {
        Self {
            columns: 2,
            rows: 2,
            size: (100, 80),
            tile: (64, 64),
            tiles: vec![2; 4],
            extent: (0, 4),
            frames: &[0; 64],
        }
    }

    fn file(&self) -> Vec<u8> {
        let short = |value: u16| value.to_be_bytes();
        let entry = |id: u16, kind: [u8; 4]| boxed(*b"infe", &[&[2, 0, 0, 0], &short(id), &[0, 0], &kind, &[0]]);
        let location = |id: u16, method: u16, extent: (u32, u32)| {
            [short(id).as_slice(), &short(method), &[0, 0, 0, 1], &numbers(&[extent.0, extent.1])].concat()
        };
        let tiles: Vec<u8> = self.tiles.iter().flat_map(|tile| tile.to_be_bytes()).collect();
        let parts = boxed(*b"dimg", &[&short(1), &short(self.tiles.len() as u16), &tiles]);
        let properties = boxed(
            *b"ipco",
            &[
                &boxed(*b"ispe", &[&numbers(&[0, self.size.0, self.size.1])]),
                &boxed(*b"ispe", &[&numbers(&[0, self.tile.0, self.tile.1])]),
                &boxed(*b"av1C", &[&[0x81, 0, 0b1100, 0]]),
            ],
        );
        let grid = [[0, 1, self.rows - 1, self.columns - 1].as_slice(), &numbers(&[self.size.0, self.size.1])].concat();
        let ftyp = boxed(*b"ftyp", &[b"avif\0\0\0\0avif"]);
        let meta = |first: u32| {
            boxed(
                *b"meta",
                &[
                    &[0; 4],
                    &boxed(*b"pitm", &[&[0; 4], &short(1)]),
                    &boxed(*b"iinf", &[&[0; 4], &short(2), &entry(1, *b"grid"), &entry(2, *b"av01")]),
                    &boxed(
                        *b"iloc",
                        &[
                            &[1, 0, 0, 0, 0x44, 0, 0, 2],
                            &location(1, 1, (0, 12)),
                            &location(2, 0, (first + self.extent.0, self.extent.1)),
                        ],
                    ),
                    &boxed(*b"iref", &[&[0; 4], &parts]),
                    &boxed(
                        *b"iprp",
                        &[
                            &properties,
                            &boxed(*b"ipma", &[&numbers(&[0, 2]), &short(1), &[1, 1], &short(2), &[2, 2, 0x83]]),
                        ],
                    ),
                    &boxed(*b"idat", &[&grid]),
                ],
            )
        };
        let first = ftyp.len() + meta(0).len() + 8;
        [ftyp, meta(first as u32), boxed(*b"mdat", &[self.frames])].concat()
    }
}

#[test]
fn grids_are_refused_that_do_not_fit_or_lead_in_circles() {
    let small = read(&Grid::small().file()).unwrap();
    assert_eq!((small.colour.size, small.colour.columns, small.colour.sources.len()), ((100, 80), 2, 4));
    let table = [
        ("a tile is the grid itself", Grid { tiles: vec![2, 2, 1, 2], ..Grid::small() }, Refusal::Unreadable),
        ("a tile is missing", Grid { tiles: vec![2, 2, 9, 2], ..Grid::small() }, Refusal::Unreadable),
        ("there are too few tiles", Grid { tiles: vec![2; 3], ..Grid::small() }, Refusal::Unreadable),
        ("there are no tiles", Grid { tiles: vec![], ..Grid::small() }, Refusal::Unreadable),
        ("the tiles do not cover the picture", Grid { size: (129, 80), ..Grid::small() }, Refusal::Unreadable),
        ("a column is outside of the picture", Grid { size: (64, 80), ..Grid::small() }, Refusal::Unreadable),
        ("the picture has no pixels", Grid { size: (0, 80), ..Grid::small() }, Refusal::Unreadable),
        ("the picture is absurdly large", Grid { size: (u32::MAX, u32::MAX), ..Grid::small() }, Refusal::TooLarge),
        ("a tile is absurdly large", Grid { tile: (u32::MAX, 1), ..Grid::small() }, Refusal::TooLarge),
        ("a frame is outside of the file", Grid { extent: (60, 5), ..Grid::small() }, Refusal::Unreadable),
        (
            "a frame is far outside of the file",
            Grid { extent: (u32::MAX >> 1, u32::MAX), ..Grid::small() },
            Refusal::Unreadable,
        ),
        (
            "all tiles are most of the file",
            Grid { frames: &[0; 4096], extent: (0, 4096), ..Grid::small() },
            Refusal::Unreadable,
        ),
        (
            "there are tens of thousands of tiles",
            Grid { columns: 255, rows: 255, size: (16_320, 16_320), tiles: vec![2; 255 * 255], ..Grid::small() },
            Refusal::Unreadable,
        ),
    ];
    for (what, grid, refusal) in table {
        assert_eq!(read(&grid.file()).map(drop), Err(refusal), "{what}");
    }
}

/// Descriptions that are small and say much.
#[test]
fn descriptions_that_multiply_are_refused() {
    let meta = |part: &[u8]| [boxed(*b"ftyp", &[b"avif\0\0\0\0avif"]), boxed(*b"meta", &[&[0; 4], part])].concat();
    // Entries whose parts take no bytes, each of them said to have 65,535.
    let location = [0, 1, 0, 0, 0xFF, 0xFF];
    let parts = boxed(*b"iloc", &[&[0, 0, 0, 0, 0, 0, 0xFF, 0xFF], &location.repeat(65_535)]);
    // A hundred thousand items, and one item with as many properties.
    let items: Vec<u8> = (0..100_000_u32).flat_map(|id| [&id.to_be_bytes()[..], &[0]].concat()).collect();
    let items = boxed(*b"iprp", &[&boxed(*b"ipma", &[&[1, 0, 0, 0], &numbers(&[100_000]), &items])]);
    let properties = boxed(
        *b"iprp",
        &[&boxed(*b"ipma", &[&numbers(&[0, 3000]), &[[0, 1, 255].as_slice(), &[1; 255]].concat().repeat(3000)])],
    );
    let long = vec![0; 2 << 20];
    for (what, part, refusal) in [
        ("parts of items", &parts, Refusal::Unreadable),
        ("items", &items, Refusal::TooLarge),
        ("properties", &properties, Refusal::Unreadable),
        ("bytes", &long, Refusal::TooLarge),
    ] {
        let start = Instant::now();
        assert_eq!(read(&meta(part)).map(drop), Err(refusal), "{what}");
        assert!(start.elapsed().as_secs() < 2, "{what}: {:?}", start.elapsed());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is changed in a file, what is read of it can be decoded without looking beyond the file, and is bounded.
    #[test]
    fn whatever_is_read_is_within_bounds(
        (_, content) in select(FILES.to_vec()),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut content = content.to_vec();
        for (at, value) in changes {
            // Mostly in the description, which is at the start.
            let at = at.index(content.len().min(500));
            content[at] = value;
        }
        if let Some(cut) = cut {
            content.truncate(cut.index(content.len()));
        }
        if let Ok(avif) = read(&content) {
            for frames in [Some(&avif.colour), avif.opacity.as_ref()].into_iter().flatten() {
                let tiles = frames.sources.len();
                prop_assert!(tiles <= MAX_TILES && tiles.is_multiple_of(frames.columns));
                prop_assert!(frames.sources.iter().flatten().all(|range| range.start < range.end && range.end <= content.len() as u64));
                prop_assert!(frames.compressed() <= content.len() as u64);
                let rows = u64::from(frames.frame.1) * (tiles / frames.columns) as u64;
                prop_assert!(rows >= u64::from(frames.size.1));
                prop_assert!(u64::from(frames.frame.0) * frames.columns as u64 >= u64::from(frames.size.0));
                prop_assert_eq!(frames.size, avif.colour.size);
            }
            let Part { left, top, size } = avif.seen;
            prop_assert!(size.0 > 0 && left + size.0 <= avif.colour.size.0);
            prop_assert!(size.1 > 0 && top + size.1 <= avif.colour.size.1);
        }
    }
}
