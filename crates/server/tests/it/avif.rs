//! Thumbnails of AVIF pictures, from the upload to the pixels: by the real executable, which starts itself anew for each.

use std::{
    fs::File,
    io::Read as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use im2_testkit::{Answer, Binary, Client, Process};
use reqwest::Method;

const GRID: &[u8] = include_bytes!("../../../pictures/tests/pictures/avif/grid.avif");
const TURNED: &[u8] = include_bytes!("../../../pictures/tests/pictures/avif/turned-1-mirrored-no.avif");
const TRANSPARENT: &[u8] = include_bytes!("../../../pictures/tests/pictures/avif/transparent.avif");
const LARGE: &[u8] = include_bytes!("../../../pictures/tests/pictures/avif/48-megapixels.avif");
/// The memory for all pictures that are worked on, and what a process has beside: its program, tables.
const MEMORY: u64 = (256 + 32) << 20;

fn binary() -> Binary {
    Binary::new(env!("CARGO_BIN_EXE_im2"))
}

async fn uploaded(client: &Client, content: &[u8]) -> String {
    let request = client.request(Method::POST, "/_matrix/media/v3/upload").header("content-type", "image/avif");
    let answer = client.send_request(request.body(content.to_vec())).await.ok();
    answer["content_uri"].as_str().and_then(|uri| uri.strip_prefix("mxc://")).unwrap().to_owned()
}

async fn thumbnail(client: &Client, path: &str, size: (u32, u32), method: &str) -> Answer {
    client.get(&format!("/v1/media/thumbnail/{path}?width={}&height={}&method={method}", size.0, size.1)).await
}

/// Whether the answer is a picture of this size that is like these colours at these places, in hundredths of its sides.
fn shows(answer: &Answer, size: (u32, u32), colours: &[((u32, u32), [u8; 4])]) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let picture = image::load_from_memory(&answer.bytes).unwrap().into_rgba8();
    assert_eq!(picture.dimensions(), size);
    for ((x, y), wanted) in colours {
        let found = picture.get_pixel(x * size.0 / 100, y * size.1 / 100).0;
        let is_like = found.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(*wanted) < 40);
        assert!(is_like || (found[3] == 0 && wanted[3] == 0), "{found:?} at {x} {y} instead of {wanted:?}");
    }
}

const RED: [u8; 4] = [255, 0, 0, 255];
const GREEN: [u8; 4] = [0, 255, 0, 255];
const BLUE: [u8; 4] = [0, 0, 255, 255];

#[tokio::test]
async fn an_uploaded_avif_has_a_thumbnail() {
    let binary = binary();
    let server = binary.serve(&[]);
    let ana = server.anonymous().register("ana").await;
    let path = uploaded(&ana, GRID).await;
    let answer = thumbnail(&ana, &path, (96, 96), "crop").await;
    assert_eq!(answer.header("content-type"), "image/jpeg");
    shows(&answer, (96, 96), &[((5, 95), RED), ((95, 50), BLUE)]);
    // AVIF is not among the formats that clients have to show as a thumbnail, so it is none itself, however small.
    let answer = thumbnail(&ana, &path, (320, 240), "scale").await;
    assert_eq!(answer.header("content-type"), "image/jpeg");
    shows(&answer, (192, 128), &[((10, 10), GREEN), ((10, 90), RED), ((90, 50), BLUE)]);

    // A quarter to the left: what was at the right is above.
    let path = uploaded(&ana, TURNED).await;
    let answer = thumbnail(&ana, &path, (320, 240), "scale").await;
    shows(&answer, (64, 96), &[((10, 90), GREEN), ((90, 90), RED), ((50, 10), BLUE)]);

    let path = uploaded(&ana, TRANSPARENT).await;
    let answer = thumbnail(&ana, &path, (320, 240), "scale").await;
    assert_eq!(answer.header("content-type"), "image/png");
    shows(&answer, (96, 64), &[((20, 20), [0; 4]), ((10, 90), RED), ((90, 90), BLUE)]);
}

#[tokio::test]
async fn a_damaged_avif_is_refused_and_the_next_one_is_made() {
    let binary = binary();
    let server = binary.serve(&[]);
    let ana = server.anonymous().register("ana").await;
    let mut damaged = GRID.to_vec();
    let frames = damaged.windows(4).position(|bytes| bytes == b"mdat").unwrap() + 8;
    damaged[frames..].reverse();
    let mut huge = TURNED.to_vec();
    let size = huge.windows(8).position(|bytes| bytes == b"ispe\0\0\0\0").unwrap() + 8;
    huge[size..size + 8].copy_from_slice(&[0, 0, 0x7F, 0xFF, 0, 0, 0x7F, 0xFF]);
    for (content, status, code) in [
        (&damaged[..], 400, "M_UNKNOWN"),
        (&GRID[..GRID.len() - 20], 400, "M_UNKNOWN"),
        (&GRID[..40], 400, "M_UNKNOWN"),
        (&huge, 413, "M_TOO_LARGE"),
    ] {
        let path = uploaded(&ana, content).await;
        thumbnail(&ana, &path, (96, 96), "crop").await.refused(status, code);
        let path = uploaded(&ana, GRID).await;
        assert_eq!(thumbnail(&ana, &path, (96, 96), "crop").await.status, 200);
    }
}

/// The process that decodes for a server, once it has shut itself in.
fn decoder_of(server: &Process) -> u32 {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        for id in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            if status.contains(&format!("\nPPid:\t{}\n", server.id())) && status.contains("\nSeccomp:\t2\n") {
                return id;
            }
        }
        std::thread::yield_now();
    }
    panic!("nothing decodes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decoder_that_is_killed_costs_that_picture_only() {
    let binary = binary();
    let server = binary.serve(&[]);
    let ana = server.anonymous().register("ana").await;
    let path = uploaded(&ana, LARGE).await;
    let asking = tokio::spawn({
        let (ana, path) = (ana.clone(), path.clone());
        async move { thumbnail(&ana, &path, (800, 600), "scale").await }
    });
    let decoder = decoder_of(&server);
    let status = std::fs::read_to_string(format!("/proc/{decoder}/status")).unwrap();
    assert!(status.contains("\nNoNewPrivs:\t1\n") && status.contains("\nThreads:\t1\n"), "{status}");
    assert!(Command::new("kill").args(["-9", &decoder.to_string()]).status().unwrap().success());
    asking.await.unwrap().refused(413, "M_TOO_LARGE");

    // The same picture, which nobody disturbs, within the memory that there is for pictures.
    let asking = tokio::spawn(async move { thumbnail(&ana, &path, (800, 600), "scale").await });
    let decoder = decoder_of(&server);
    let mut most = 0;
    while !asking.is_finished() {
        most = most.max(peak(decoder));
        tokio::task::yield_now().await;
    }
    assert!((72 << 20..MEMORY).contains(&most), "{} MiB", most >> 20);
    shows(&asking.await.unwrap(), (800, 600), &[((10, 10), GREEN), ((10, 90), RED), ((90, 50), BLUE)]);
    assert!(peak(server.id()) < MEMORY, "{} MiB", peak(server.id()) >> 20);
}

/// The most memory that a process has had, in bytes.
fn peak(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn decoders_end_with_the_server() {
    let binary = binary();
    let server = binary.serve(&[]);
    let ana = server.anonymous().register("ana").await;
    let path = uploaded(&ana, LARGE).await;
    // It is cut off, which does not matter here.
    let asking = tokio::spawn(async move { thumbnail(&ana, &path, (800, 600), "scale").await });
    let decoder = decoder_of(&server);
    server.kill();
    let deadline = Instant::now() + Duration::from_secs(2);
    while std::fs::read_to_string(format!("/proc/{decoder}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < deadline, "it goes on");
        std::thread::yield_now();
    }
    drop(asking);
}

/// The hidden command ends soon for every malformed file, and writes no more than the picture has.
#[test]
fn the_decoder_ends_whatever_it_is_given() {
    let frames = GRID.windows(4).position(|bytes| bytes == b"mdat").unwrap() + 8;
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let folder = tempfile::tempdir().unwrap();
    let mut ends = std::collections::BTreeMap::<_, u32>::new();
    for case in 0..60 {
        let mut content = GRID.to_vec();
        for _ in 0..=case % 4 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = frames + (random >> 33) as usize % (content.len() - frames);
            content[at] ^= 1 << (random & 7);
        }
        let path = folder.path().join(case.to_string());
        std::fs::write(&path, &content).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_im2"));
        command.args(["picture-decoder", "10000000"]).env_clear().env("MIMALLOC_ARENA_RESERVE", "0");
        let started = Instant::now();
        let output = command.stdin(File::open(&path).unwrap()).stderr(Stdio::null()).output().unwrap();
        assert!(output.stdout.len() <= 192 * 128 * 3, "{} bytes", output.stdout.len());
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
        *ends.entry(output.status.code()).or_default() += 1;
    }
    // Most changes only make other pixels.
    assert!(ends.contains_key(&Some(0)), "{ends:?}");
}

#[test]
fn the_decoder_keeps_to_the_memory_that_it_is_given() {
    let decoded = |memory: u64| {
        let file =
            File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../pictures/tests/pictures/avif/48-megapixels.avif"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_im2"));
        command.args(["picture-decoder", &memory.to_string()]).env_clear().env("MIMALLOC_ARENA_RESERVE", "0");
        let mut child = command.stdin(file.unwrap()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut length, mut piece) = (0, vec![0; 1 << 20]);
        let stdout = child.stdout.as_mut().unwrap();
        while let Ok(count @ 1..) = stdout.read(&mut piece) {
            length += count;
        }
        (length, child.wait().unwrap().success())
    };
    assert_eq!(decoded(132 << 20), (8000 * 6000 * 3, true));
    assert_eq!(decoded(30 << 20), (0, false));
}
