//! `media` and `url_previews`.

use im2_media::{Decoder, Options, preview};

use super::DAY;
use crate::config::Config;

pub(super) fn options(config: &Config, decoder: Option<Decoder>) -> Options {
    let collect_after = Some(config.collect_media_after_days).filter(|days| *days > 0);
    Options {
        max_upload_bytes: config.max_upload_bytes,
        url_previews: config.url_previews.then(|| preview::Options {
            anywhere: config.previews_of_private_addresses,
            ..preview::Options::default()
        }),
        decoder,
        collect_after: collect_after.map(|days| u64::from(days) * DAY),
        ..Options::default()
    }
}
