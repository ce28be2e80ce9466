//! Thumbnails of pictures of all formats.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::cast_precision_loss, reason = "small numbers")]

mod avif;
mod formats;
mod jpegs;
mod sources;
