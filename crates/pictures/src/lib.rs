//! Thumbnails: smaller versions of pictures.
//!
//! [`Picture::probe`] reads a file's header only, so that a small file that claims to be a huge picture costs nothing;
//! [`Picture::memory`] says what making a thumbnail takes, before it is taken; [`Picture::make`] makes it. JPEG, which
//! is what cameras write, is scaled while it is decoded ([`jpeg`]), PNG is read row by row ([`png`]) and TIFF strip by
//! strip ([`tiff`]): they are never whole in memory. AVIF is decoded by a process of its own ([`decoder`]), and what it
//! writes is read row by row. The other formats are decoded whole, within the same limit. All of it is synchronous: for
//! blocking threads.

#![expect(clippy::cast_precision_loss, reason = "sides of pictures, and sums of samples that are rounded anyway")]

mod animation;
pub mod avif;
pub mod decoder;
mod effort;
mod format;
mod jpeg;
mod picture;
mod png;
mod resample;
mod sizes;
mod still;
mod tiff;

pub use decoder::Decoder;
pub use picture::Picture;
pub use sizes::{Method, Size, choose};

/// Limits on the work and the memory for a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pixels it may have at most. Bounds the work.
    pub pixels: u64,
    /// Bytes that making a thumbnail may take at most, beside a few megabytes for metadata and tables.
    pub memory: u64,
}

/// Reasons why there is no thumbnail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is not in one of the formats that are read.
    NotAPicture,
    /// It is HEIC, the format in which many phones store photos.
    Heic,
    /// It is AVIF, and there is nothing that decodes it.
    NoDecoder,
    /// It claims to be in one of the formats that are read but cannot be decoded.
    Unreadable,
    /// It has too many pixels, or decoding it would take too much memory.
    TooLarge,
}

impl From<image::ImageError> for Refusal {
    fn from(error: image::ImageError) -> Self {
        if matches!(error, image::ImageError::Limits(_)) { Self::TooLarge } else { Self::Unreadable }
    }
}

impl From<std::io::Error> for Refusal {
    fn from(_: std::io::Error) -> Self {
        Self::Unreadable
    }
}

/// Type and size of a picture by its header, turned the way it is meant to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The media type of its format.
    pub content_type: &'static str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// The outcome of making a thumbnail.
#[derive(Debug)]
pub enum Made {
    /// The picture itself serves best; it is of this type.
    Source(&'static str),
    /// A new picture of this type.
    New(&'static str, Vec<u8>),
}
