//! The memory that thumbnails of the largest pictures take. A binary of its own, with one test: what is measured is the
//! whole process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "figures for whoever asks for the output")]
#![cfg(target_os = "linux")]

use std::{
    fs::File,
    io::{BufWriter, Seek as _, Write},
};

use im2_pictures::{Limits, Made, Method, Picture, choose};

/// Makes a picture when it is its turn, so that no other takes memory or disk meanwhile.
type Source = Box<dyn Fn() -> File>;

const LIMITS: Limits = Limits { pixels: 256 << 20, memory: 256 << 20 };
/// The most that a decoder may take beside, in bytes: its code and tables, buffers of files, memory that the allocator
/// keeps.
const BESIDE: u64 = 24 << 20;

/// The bits of a JPEG's data, with stuffed bytes.
struct Bits<W: Write> {
    out: W,
    pending: u32,
    count: u32,
}

impl<W: Write> Bits<W> {
    fn put(&mut self, value: u32, count: u32) {
        self.pending = self.pending << count | value;
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.pending >> self.count) as u8;
            self.out.write_all(if byte == 0xFF { &[0xFF, 0] } else { std::slice::from_ref(&byte) }).unwrap();
            self.pending &= (1 << self.count) - 1;
        }
    }

    /// A difference to the block before, with the code of [`dc_table`].
    fn difference(&mut self, value: i32) {
        let size = 32 - value.unsigned_abs().leading_zeros();
        if size == 0 {
            return self.put(0, 1);
        }
        self.put(0b1_0000 + size - 1, 5);
        let bits = if value < 0 { value + (1 << size) - 1 } else { value };
        self.put(bits as u32, size);
    }

    fn finish(mut self) -> W {
        if self.count > 0 {
            self.put((1 << (8 - self.count)) - 1, 8 - self.count);
        }
        self.out
    }
}

/// The arrangement of a JPEG's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrangement {
    Interleaved,
    OneByOne,
    Progressive,
}

/// Writes a picture whose left half is red and whose right half is blue, without subsampling.
fn jpeg((width, height): (u16, u16), arrangement: Arrangement) -> File {
    const RED: [i32; 3] = [76 - 128, 85 - 128, 255 - 128];
    const BLUE: [i32; 3] = [29 - 128, 255 - 128, 107 - 128];
    let mut out = BufWriter::new(tempfile::tempfile().unwrap());
    let frame = if arrangement == Arrangement::Progressive { 0xC2 } else { 0xC0 };
    out.write_all(&[0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0]).unwrap();
    out.write_all(&[8; 64]).unwrap();
    out.write_all(&[0xFF, frame, 0, 17, 8]).unwrap();
    out.write_all(&[height.to_be_bytes(), width.to_be_bytes()].concat()).unwrap();
    out.write_all(&[3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]).unwrap();
    // DC: 0 for no difference, 1xxxx for one of so many bits. AC: 0 for the end of the block.
    out.write_all(&[0xFF, 0xC4, 0, 19 + 10, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    out.write_all(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap();
    out.write_all(&[0xFF, 0xC4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let blocks = (usize::from(width).div_ceil(8), usize::from(height).div_ceil(8));
    let last = if arrangement == Arrangement::Progressive { 0 } else { 63 };
    let scans: &[&[usize]] = if arrangement == Arrangement::OneByOne { &[&[0], &[1], &[2]] } else { &[&[0, 1, 2]] };
    for scan in scans {
        out.write_all(&[0xFF, 0xDA, 0, 6 + 2 * scan.len() as u8, scan.len() as u8]).unwrap();
        scan.iter().for_each(|component| out.write_all(&[*component as u8 + 1, 0]).unwrap());
        out.write_all(&[0, last, 0]).unwrap();
        let mut bits = Bits { out, pending: 0, count: 0 };
        let mut before = [0; 3];
        for _ in 0..blocks.1 {
            for x in 0..blocks.0 {
                let colour = if x < blocks.0 / 2 { RED } else { BLUE };
                for &component in *scan {
                    bits.difference(colour[component] - before[component]);
                    before[component] = colour[component];
                    if last > 0 {
                        bits.put(0, 1);
                    }
                }
            }
        }
        out = bits.finish();
    }
    if arrangement == Arrangement::Progressive {
        for component in 1..=3 {
            out.write_all(&[0xFF, 0xDA, 0, 8, 1, component, 0, 1, 63, 0]).unwrap();
            out.write_all(&vec![0; (blocks.0 * blocks.1).div_ceil(8)]).unwrap();
        }
    }
    out.write_all(&[0xFF, 0xD9]).unwrap();
    out.into_inner().unwrap()
}

fn png((width, height): (u32, u32), depth: png::BitDepth) -> File {
    let mut out = BufWriter::new(tempfile::tempfile().unwrap());
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer().unwrap();
    let bytes = if depth == png::BitDepth::Sixteen { 2 } else { 1 };
    let half = |colour: [u8; 4]| colour.into_iter().flat_map(|value| vec![value; bytes]).collect::<Vec<_>>();
    let (red, blue) = (half([255, 0, 0, 255]), half([0, 0, 255, 255]));
    let row = [red.repeat(width as usize / 2), blue.repeat((width - width / 2) as usize)].concat();
    (0..height).for_each(|_| stream.write_all(&row).unwrap());
    stream.finish().unwrap();
    drop(writer);
    out.into_inner().unwrap()
}

/// A bitmap of 8 bits a pixel with a palette.
fn bmp((width, height): (u32, u32)) -> File {
    let mut out = BufWriter::new(tempfile::tempfile().unwrap());
    let (header, palette) = (14 + 40, 2 * 4);
    out.write_all(b"BM").unwrap();
    for value in [header + palette + width * height, 0, header + palette, 40, width, height, 1 | 8 << 16] {
        out.write_all(&value.to_le_bytes()).unwrap();
    }
    for value in [0, width * height, 0, 0, 2, 0_u32] {
        out.write_all(&value.to_le_bytes()).unwrap();
    }
    out.write_all(&[0, 0, 255, 0, 255, 0, 0, 0]).unwrap();
    let row: Vec<u8> = (0..width).map(|x| u8::from(x >= width / 2)).collect();
    (0..height).for_each(|_| out.write_all(&row).unwrap());
    out.into_inner().unwrap()
}

/// RGB values of 8 bits, in strips of 100 rows.
fn tiff((width, height): (u32, u32)) -> File {
    const ROWS: u32 = 100;
    const ENTRIES: u32 = 9;
    let mut out = BufWriter::new(tempfile::tempfile().unwrap());
    let (strips, strip) = (height / ROWS, ROWS * width * 3);
    let bits = 8 + 2 + ENTRIES * 12 + 4;
    let (offsets, lengths) = (bits + 6, bits + 6 + 4 * strips);
    let pixels = lengths + 4 * strips;
    out.write_all(b"II*\0\x08\0\0\0").unwrap();
    out.write_all(&(ENTRIES as u16).to_le_bytes()).unwrap();
    let (short, long) = (3, 4);
    for (tag, kind, count, value) in [
        (256, long, 1, width),
        (257, long, 1, height),
        (258, short, 3, bits),
        (259, short, 1, 1),
        (262, short, 1, 2),
        (273, long, strips, offsets),
        (277, short, 1, 3),
        (278, long, 1, ROWS),
        (279, long, strips, lengths),
    ] {
        for value in [tag | kind << 16, count, value] {
            out.write_all(&value.to_le_bytes()).unwrap();
        }
    }
    out.write_all(&[0, 0, 0, 0, 8, 0, 8, 0, 8, 0]).unwrap();
    (0..strips).for_each(|at| out.write_all(&(pixels + at * strip).to_le_bytes()).unwrap());
    (0..strips).for_each(|_| out.write_all(&strip.to_le_bytes()).unwrap());
    let row = [[255, 0, 0].repeat(width as usize / 2), [0, 0, 255].repeat(width as usize / 2)].concat();
    (0..height).for_each(|_| out.write_all(&row).unwrap());
    out.into_inner().unwrap()
}

/// The most memory that the process has had since the last call of [`forget_peak`], in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn forget_peak() -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    peak()
}

#[test]
fn large_pictures_take_little_memory() {
    use Arrangement::{Interleaved, OneByOne, Progressive};
    let (phone, larger, largest) = ((8000_u16, 6000_u16), (12_000, 9000), (16_384, 12_288));
    let wide = |(width, height): (u16, u16)| (u32::from(width), u32::from(height));
    let sources: [(&str, Source); 12] = [
        ("JPEG of 48 megapixels", Box::new(move || jpeg(phone, Interleaved))),
        ("JPEG of 108 megapixels", Box::new(move || jpeg(larger, Interleaved))),
        ("JPEG of 200 megapixels", Box::new(move || jpeg(largest, Interleaved))),
        ("JPEG of 48 megapixels, one component after the other", Box::new(move || jpeg(phone, OneByOne))),
        ("progressive JPEG of 48 megapixels", Box::new(move || jpeg(phone, Progressive))),
        ("progressive JPEG of 108 megapixels", Box::new(move || jpeg(larger, Progressive))),
        ("progressive JPEG of 200 megapixels", Box::new(move || jpeg(largest, Progressive))),
        ("PNG of 48 megapixels", Box::new(move || png(wide(phone), png::BitDepth::Eight))),
        ("PNG of 48 megapixels of 16 bits", Box::new(move || png(wide(phone), png::BitDepth::Sixteen))),
        ("PNG of 200 megapixels", Box::new(move || png(wide(largest), png::BitDepth::Eight))),
        ("BMP of 48 megapixels", Box::new(move || bmp(wide(phone)))),
        ("TIFF of 48 megapixels", Box::new(move || tiff(wide(phone)))),
    ];
    let start = forget_peak();
    for (name, source) in sources {
        let mut file = source();
        let bytes = file.stream_position().unwrap();
        for size in [choose(320, 240, Method::Scale), choose(1600, 1200, Method::Scale)] {
            file.rewind().unwrap();
            let before = forget_peak();
            let picture = Picture::probe(file.try_clone().unwrap(), bytes, LIMITS).unwrap();
            let announced = picture.memory(size, false).unwrap();
            assert!(announced <= LIMITS.memory, "{name}");
            let Made::New(_, made) = picture.make(size, false, None).unwrap() else {
                panic!("{name}: the picture itself")
            };
            let (peak, taken) = (peak(), peak() - before);
            println!("{name} to {size:?}: {} MiB announced, {} MiB taken", announced >> 20, taken >> 20);
            assert!(taken <= announced + BESIDE, "{name}: {taken} bytes, {announced} announced");
            // The allocator may keep what it had for those before; even so all of it stays within the limit.
            assert!(peak <= start + LIMITS.memory + BESIDE, "{name}: {peak} bytes of the process");
            let made = image::load_from_memory(&made).unwrap().into_rgb8();
            let (width, height) = made.dimensions();
            for (x, red) in [(width / 8, true), (width * 7 / 8, false)] {
                let [r, _, b] = made.get_pixel(x, height / 2).0;
                assert!((r > 215) == red && (b > 215) != red, "{name}: {r} {b} at {x}");
            }
        }
    }
}
