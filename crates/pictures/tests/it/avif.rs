//! AVIF, with programs that decode it well, badly and not at all. What the real one makes of real pictures is tested
//! where it is (`crates/av1`, `crates/server`).

use std::time::{Duration, Instant};

use im2_pictures::{Decoder, Limits, Made, Method, Picture, Refusal, Size, choose};

use crate::sources::{LIMITS, file};

const PICTURE: &[u8] = include_bytes!("../pictures/avif/420.avif");
const LARGE: &[u8] = include_bytes!("../pictures/avif/48-megapixels.avif");
const DEEP: &[u8] = include_bytes!("../pictures/avif/444-10-bit-2020.avif");
const SMALL: Size = Size { width: 48, height: 48, method: Method::Scale };

/// A shell script that takes the place of the decoder. What it is given as memory is `$0`.
fn script(script: &str) -> Decoder {
    Decoder::new("/bin/sh", &["-c", script]).with_patience(Duration::from_secs(20))
}

fn make(decoder: Option<&Decoder>) -> Result<Made, Refusal> {
    let picture = Picture::probe(file(PICTURE), PICTURE.len() as u64, LIMITS)?;
    assert_eq!((picture.measured().content_type, picture.measured().width), ("image/avif", 96));
    picture.make(SMALL, false, decoder)
}

#[test]
fn what_the_program_writes_is_made_small() {
    // As many bytes as the picture has, all of them 'A'. Nothing else is in its environment.
    let decoder = script("[ -z \"$HOME$PATH_TEST\" ] && head -c 18432 /dev/zero | tr '\\0' A; exec sleep 100");
    let start = Instant::now();
    let Made::New(kind, bytes) = make(Some(&decoder)).unwrap() else { panic!("the picture itself") };
    assert!(start.elapsed() < Duration::from_secs(15), "the end of the program was waited for");
    let made = image::load_from_memory(&bytes).unwrap().into_rgb8();
    assert_eq!((kind, made.dimensions()), ("image/jpeg", (48, 32)));
    assert!(made.pixels().all(|pixel| pixel.0.iter().all(|value| value.abs_diff(b'A') < 3)));
}

#[test]
fn whatever_the_program_does_is_an_error_of_that_picture() {
    let table = [
        ("says nothing", "exit 0", Refusal::Unreadable),
        ("stops early", "head -c 18431 /dev/zero", Refusal::Unreadable),
        ("fails", "exit 10", Refusal::Unreadable),
        ("says that it is too large", "head -c 100 /dev/zero; exit 11", Refusal::TooLarge),
        ("cannot shut itself in", "exit 12", Refusal::NoDecoder),
        ("is killed", "kill -9 $$", Refusal::TooLarge),
        ("has used up its time", "kill -XCPU $$", Refusal::TooLarge),
        ("crashes", "kill -SEGV $$", Refusal::Unreadable),
        ("is refused a call", "kill -SYS $$", Refusal::Unreadable),
    ];
    for (what, text, refusal) in table {
        assert_eq!(make(Some(&script(text))).map(drop).unwrap_err(), refusal, "a program that {what}");
    }
    assert_eq!(make(Some(&Decoder::new("/nowhere", &[]))).map(drop).unwrap_err(), Refusal::NoDecoder);
    assert_eq!(make(None).map(drop).unwrap_err(), Refusal::NoDecoder);
    assert!(script("exit 10").is_ready());
    assert!(!script("exit 12").is_ready() && !Decoder::new("/nowhere", &[]).is_ready());
}

#[test]
fn a_program_that_hangs_is_ended() {
    for text in ["exec sleep 1000", "head -c 1000 /dev/zero; exec sleep 1000", "exec 1>&-; exec sleep 1000"] {
        let decoder = script(text).with_patience(Duration::from_millis(300));
        let start = Instant::now();
        make(Some(&decoder)).map(drop).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(10), "{text}: {:?}", start.elapsed());
    }
}

#[test]
fn what_would_take_too_much_memory_is_refused_before_anything_runs() {
    let memory = |content: &[u8], memory: u64, size| {
        let limits = Limits { memory, ..LIMITS };
        Picture::probe(file(content), content.len() as u64, limits).and_then(|picture| picture.memory(size, false))
    };
    let photo = memory(LARGE, LIMITS.memory, choose(800, 600, Method::Scale)).unwrap();
    assert!(photo <= LIMITS.memory, "{photo}");
    // Without a reserve, if there is none.
    assert_eq!(memory(LARGE, 150 << 20, choose(800, 600, Method::Scale)), Ok(150 << 20));
    assert_eq!(memory(LARGE, 100 << 20, choose(800, 600, Method::Scale)), Err(Refusal::TooLarge));
    assert_eq!(memory(LARGE, LIMITS.memory, choose(8000, 6000, Method::Scale)), Err(Refusal::TooLarge));
    assert!(memory(DEEP, 256 << 10, SMALL).unwrap() > memory(PICTURE, 256 << 10, SMALL).unwrap());
    let limits = Limits { pixels: 47_000_000, ..LIMITS };
    assert_eq!(Picture::probe(file(LARGE), LARGE.len() as u64, limits).map(drop).unwrap_err(), Refusal::TooLarge);
}
