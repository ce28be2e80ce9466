//! Thumbnails of all formats, and of what only claims to be a picture.

use std::{io::Cursor, sync::Arc};

use im2_core::{Code, Result};
use im2_media::{
    UploadInfo,
    thumbnail::{Method, Request, Thumbnail},
};
use image::{
    AnimationDecoder as _, DynamicImage, GenericImageView as _, ImageFormat, Rgba, RgbaImage, codecs::webp::WebPDecoder,
};

use super::{NO_WAIT, bytes, files, pictures, upload, user};
use crate::Fixture;

fn request(width: u32, height: u32, method: Method) -> Request {
    Request { width, height, method, animated: false }
}

struct Studio {
    fixture: Fixture,
}

impl Studio {
    async fn new() -> Self {
        Self { fixture: Fixture::new().await }
    }

    async fn thumbnail(&self, source: &[u8], request: Request) -> Result<Arc<Thumbnail>> {
        let ana = user(&self.fixture, "ana").await;
        let uri = upload(&self.fixture.engine, ana, source, UploadInfo::default()).await.unwrap();
        let (server, media_id) = uri.parts();
        self.fixture.engine.media.thumbnail(None, server, media_id, request, NO_WAIT).await
    }

    async fn made(&self, source: &[u8], request: Request) -> (String, Vec<u8>) {
        let thumbnail = self.thumbnail(source, request).await.unwrap();
        let content = bytes(&self.fixture.engine, thumbnail.digest, thumbnail.size).await;
        (thumbnail.content_type.clone(), content)
    }

    async fn picture(&self, source: &[u8], request: Request) -> DynamicImage {
        let (content_type, bytes) = self.made(source, request).await;
        let format = ImageFormat::from_mime_type(content_type).unwrap();
        image::load_from_memory_with_format(&bytes, format).unwrap()
    }

    async fn refusal(&self, source: &[u8], request: Request) -> Option<Code> {
        self.thumbnail(source, request).await.unwrap_err().code()
    }
}

/// Whether a pixel is of about this colour.
fn is_like(picture: &DynamicImage, x: u32, y: u32, wanted: [u8; 3]) -> bool {
    let Rgba([found @ .., _]) = picture.get_pixel(x, y);
    found.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) < 40)
}

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];

#[tokio::test]
async fn all_formats_are_scaled_and_cropped() {
    let studio = Studio::new().await;
    let source = pictures::halves(640, 320);
    for format in
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff]
    {
        let file = pictures::encoded(&source, format);
        let scaled = studio.picture(&file, request(300, 200, Method::Scale)).await;
        assert_eq!(scaled.dimensions(), (320, 160), "{format:?}");
        assert!(is_like(&scaled, 10, 10, GREEN) && is_like(&scaled, 100, 100, RED), "{format:?}");
        assert!(is_like(&scaled, 300, 100, BLUE), "{format:?}");
        let cropped = studio.picture(&file, request(90, 90, Method::Crop)).await;
        assert_eq!(cropped.dimensions(), (96, 96), "{format:?}");
        assert!(is_like(&cropped, 5, 90, RED) && is_like(&cropped, 90, 90, BLUE), "{format:?}");
    }
}

#[tokio::test]
async fn a_thumbnail_is_made_once_and_kept() {
    let studio = Studio::new().await;
    let file = pictures::encoded(&pictures::noise(400, 300), ImageFormat::Png);
    let first = studio.thumbnail(&file, request(96, 96, Method::Crop)).await.unwrap();
    assert_eq!(files(&studio.fixture).len(), 2);
    let studio = Studio { fixture: studio.fixture.reopen().await };
    let second = studio.thumbnail(&file, request(90, 90, Method::Crop)).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(files(&studio.fixture).len(), 2, "also for the same picture uploaded again");
}

#[tokio::test]
async fn small_pictures_are_returned_as_they_are() {
    let studio = Studio::new().await;
    for (format, kind) in [
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Gif, "image/gif"),
        (ImageFormat::WebP, "image/webp"),
    ] {
        let file = pictures::encoded(&pictures::halves(30, 20), format);
        for method in [Method::Crop, Method::Scale] {
            assert_eq!(studio.made(&file, request(100, 100, method)).await, (kind.into(), file.clone()));
        }
    }
    let large = pictures::encoded(&pictures::halves(1700, 10), ImageFormat::Png);
    assert_eq!(studio.made(&large, request(1601, 10, Method::Scale)).await.1, large, "nothing smaller will do");
}

#[tokio::test]
async fn transparency_survives_without_fringes() {
    let studio = Studio::new().await;
    // White in a circle; black but invisible outside of it.
    let source = RgbaImage::from_fn(400, 400, |x, y| {
        let inside = (i64::from(x) - 200).pow(2) + (i64::from(y) - 200).pow(2) < 150 * 150;
        if inside { Rgba([255, 255, 255, 255]) } else { Rgba([0, 0, 0, 0]) }
    });
    let file = pictures::encoded(&source.into(), ImageFormat::WebP);
    let (content_type, made) = studio.made(&file, request(96, 96, Method::Crop)).await;
    assert_eq!(content_type, "image/png");
    let made = image::load_from_memory(&made).unwrap().into_rgba8();
    assert_eq!(made.get_pixel(0, 0).0[3], 0);
    assert_eq!(made.get_pixel(48, 48).0, [255, 255, 255, 255]);
    assert!(made.pixels().filter(|pixel| pixel.0[3] > 30).all(|pixel| pixel.0[0] > 240), "no dark edge");
}

#[tokio::test]
async fn photos_are_turned_as_the_camera_was_held() {
    let studio = Studio::new().await;
    let jpeg = pictures::encoded(&pictures::halves(800, 400), ImageFormat::Jpeg);
    // 6: the picture must be turned clockwise: what was left is at the top, the green corner at the top right.
    let turned = studio.picture(&pictures::with_orientation(&jpeg, 6), request(320, 240, Method::Scale)).await;
    assert_eq!(turned.dimensions(), (120, 240));
    assert!(is_like(&turned, 110, 10, GREEN) && is_like(&turned, 20, 20, RED) && is_like(&turned, 60, 230, BLUE));
    let upside_down = studio.picture(&pictures::with_orientation(&jpeg, 3), request(320, 240, Method::Scale)).await;
    assert_eq!(upside_down.dimensions(), (320, 160));
    assert!(is_like(&upside_down, 310, 150, GREEN) && is_like(&upside_down, 10, 10, BLUE));
}

#[tokio::test]
async fn moving_pictures_move_only_if_asked() {
    let studio = Studio::new().await;
    let gif = pictures::moving_gif(400, 300, 12);
    let (content_type, still) = studio.made(&gif, request(96, 96, Method::Crop)).await;
    assert_eq!(content_type, "image/jpeg");
    assert_eq!(image::load_from_memory(&still).unwrap().dimensions(), (96, 96));

    let animated = Request { animated: true, ..request(96, 96, Method::Crop) };
    let (content_type, moving) = studio.made(&gif, animated).await;
    assert_eq!(content_type, "image/webp");
    assert!(moving.len() < gif.len());
    let decoder = WebPDecoder::new(Cursor::new(&moving)).unwrap();
    let frames = decoder.into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 12);
    for (at, frame) in frames.iter().enumerate() {
        assert_eq!(frame.delay().numer_denom_ms(), (40, 1));
        let frame = frame.buffer();
        assert_eq!(frame.dimensions(), (96, 96));
        // The square wanders from left to right; the crop shows the middle 300 of 400 columns.
        let white = frame.enumerate_pixels().filter(|(_, y, pixel)| *y < 20 && pixel.0[0] > 200);
        let left = white.map(|(x, _, _)| x).min().map_or(-1, i64::from);
        let expected = (at as i64 * 400 / 12 - 50) * 96 / 300;
        if (0..80).contains(&expected) {
            assert!((left - expected).abs() <= 1, "frame {at}: {left}, not {expected}");
        }
    }

    let small = pictures::moving_gif(20, 20, 3);
    let animated = Request { animated: true, ..request(96, 96, Method::Crop) };
    assert_eq!(studio.made(&small, animated).await, ("image/gif".into(), small.clone()));
    let (content_type, still) = studio.made(&small, request(96, 96, Method::Crop)).await;
    assert_eq!(content_type, "image/jpeg", "not even a small one moves unasked");
    assert_eq!(image::load_from_memory(&still).unwrap().dimensions(), (20, 20));
}

#[tokio::test]
async fn a_moving_webp_moves_on() {
    let studio = Studio::new().await;
    let gif = pictures::moving_gif(340, 255, 4);
    let scale = Request { animated: true, ..request(320, 240, Method::Scale) };
    let (_, webp) = studio.made(&gif, scale).await;
    let (content_type, smaller) = studio.made(&webp, Request { animated: true, ..request(32, 32, Method::Crop) }).await;
    assert_eq!(content_type, "image/webp");
    let frames = WebPDecoder::new(Cursor::new(&smaller)).unwrap().into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 4);
    assert_eq!(frames[0].buffer().dimensions(), (32, 32));
}

#[tokio::test]
async fn bombs_are_refused_before_they_are_decoded() {
    let studio = Studio::new().await;
    for (width, height) in [(100_000, 100_000), (16_384, 16_385), (u32::MAX >> 1, 1), (1, u32::MAX >> 1)] {
        let code = studio.refusal(&pictures::bomb(width, height), request(96, 96, Method::Crop)).await;
        assert_eq!(code, Some(Code::TooLarge), "{width}x{height}");
    }
    // Within the limit, but not what it says.
    let code = studio.refusal(&pictures::bomb(4000, 4000), request(96, 96, Method::Crop)).await;
    assert_eq!(code, Some(Code::Unknown));
    let mut gif = pictures::moving_gif(4, 4, 1);
    gif[6..10].copy_from_slice(&[0xff; 4]);
    assert_eq!(studio.refusal(&gif, request(96, 96, Method::Crop)).await, Some(Code::TooLarge));
}

#[tokio::test]
async fn what_is_no_picture_is_refused() {
    let studio = Studio::new().await;
    let png = pictures::encoded(&pictures::noise(100, 100), ImageFormat::Png);
    let table: &[(&str, &[u8])] = &[
        ("nothing", b""),
        ("text", b"hello"),
        ("a vector graphic", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        ("AVIF", b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf"),
        ("the first bytes of a bitmap", b"BM\x1e\0\0\0\0\0"),
        ("half a picture", &png[..png.len() / 2]),
        ("the signature alone", &png[..8]),
        ("JPEG's first bytes", b"\xff\xd8\xff\xe0"),
        ("GIF's first bytes", b"GIF89a"),
        ("WebP's first bytes", b"RIFF\x10\0\0\0WEBPVP8 "),
    ];
    for (what, file) in table {
        assert_eq!(studio.refusal(file, request(32, 32, Method::Crop)).await, Some(Code::Unknown), "{what}");
    }
    let zero = studio.refusal(&png, request(0, 32, Method::Crop)).await;
    assert_eq!(zero, Some(Code::InvalidParam));
}

#[tokio::test]
async fn thumbnails_of_deleted_pictures_go_with_them() {
    let studio = Studio::new().await;
    let file = pictures::encoded(&pictures::noise(200, 200), ImageFormat::Png);
    studio.thumbnail(&file, request(32, 32, Method::Crop)).await.unwrap();
    let engine = &studio.fixture.engine;
    assert_eq!(engine.media.delete_orphans().await.unwrap(), 0);
    assert_eq!(files(&studio.fixture).len(), 2);
    let ana = user(&studio.fixture, "ana").await;
    assert_eq!(engine.core.store.write(move |tx| tx.delete_media_of(ana)).await.unwrap(), 1);
    assert_eq!(engine.media.delete_orphans().await.unwrap(), 2);
    assert_eq!(files(&studio.fixture).len(), 0);
}
