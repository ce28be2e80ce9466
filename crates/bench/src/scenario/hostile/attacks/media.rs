//! Attacks by pictures, uploads and previews of links.

use std::io::Cursor;

use anyhow::{Context, Result};
use image::{ImageFormat, RgbImage};

use super::super::attack::{Attack, Shot};
use super::super::ground::Ground;
use crate::matrix::encode;

/// Large pictures that no thumbnail has been made of yet.
const PICTURES: usize = 40;
const WIDTH: u32 = 6_000;
const HEIGHT: u32 = 4_000;
const UPLOAD: usize = 16 << 20;

/// Thumbnails of large pictures, in all sizes.
pub(super) async fn thumbnails(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("thumbnails").await?;
    let picture = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| image::Rgb([(x / 7) as u8, (y / 5) as u8, (x ^ y) as u8]));
    let (mut jpeg, mut png) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
    picture.write_to(&mut jpeg, ImageFormat::Jpeg).context("a JPEG cannot be made")?;
    picture.write_to(&mut png, ImageFormat::Png).context("a PNG cannot be made")?;
    let (jpeg, png) = (jpeg.into_inner(), png.into_inner());
    let mut shots = Vec::new();
    for number in 0..PICTURES {
        let (kind, bytes) = if number % 4 == 0 { ("image/png", &png) } else { ("image/jpeg", &jpeg) };
        // What follows the end of the picture makes it another file.
        let bytes = [bytes.as_slice(), format!("{number}").as_bytes()].concat();
        let place = ground.upload(&account, kind, &bytes).await?;
        for (width, height, method) in
            [(800, 600, "scale"), (1_600, 1_200, "scale"), (96, 60, "crop"), (640, 30, "crop")]
        {
            let path =
                format!("/_matrix/client/v1/media/thumbnail/{place}?width={width}&height={height}&method={method}");
            shots.push(Shot::get(&path, &account));
        }
    }
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Files, as many and as large as the limits allow.
pub(super) async fn uploads(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("uploads").await?;
    let upload = |bytes: usize| {
        let body = [b"{number}".as_slice(), &vec![7; bytes]].concat();
        Shot::of_type("application/octet-stream", "POST", "/_matrix/media/v3/upload", &account, body)
    };
    Ok(Attack::volley(name, ground.lanes, vec![upload(UPLOAD), upload(10), upload(1 << 20)]))
}

/// Previews of pages that come a byte at a time.
pub(super) async fn previews(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("previews").await?;
    let slow = ground.hosts.slow().map(|address| format!("http://{address}/{{number}}"));
    let unknown = (0..20).map(|number| format!("http://no-page-{number}-{}.invalid/", ground.run));
    let shots = slow.chain(unknown).map(|url| {
        // The mark for a number has to stay readable.
        let url = encode(&url).replace("%7Bnumber%7D", "{number}");
        Shot::get(&format!("/_matrix/client/v1/media/preview_url?url={url}"), &account)
    });
    Ok(Attack::volley(name, 4 * ground.lanes, shots.collect()))
}
