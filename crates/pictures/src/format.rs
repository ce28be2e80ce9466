//! The format of a file, told from its first bytes.

use image::ImageFormat;

/// Bytes that are enough to tell.
pub(crate) const ENOUGH: usize = 64;

/// The format that a file seems to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A format that is read.
    Read(ImageFormat),
    /// A picture of a camera that stores H.265.
    Heic,
    /// A picture stored as AV1.
    Avif,
    Other,
}

/// Looks at the first bytes of a file.
pub(crate) fn of(start: &[u8]) -> Format {
    if let Some(brands) = brands(start) {
        let mut brands = brands.filter_map(|brand| match brand {
            b"avif" | b"avis" => Some(Format::Avif),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Some(Format::Heic),
            _ => None,
        });
        return brands.next().unwrap_or(Format::Other);
    }
    match image::guess_format(start) {
        Ok(
            format @ (ImageFormat::Bmp
            | ImageFormat::Gif
            | ImageFormat::Jpeg
            | ImageFormat::Png
            | ImageFormat::Tiff
            | ImageFormat::WebP),
        ) => Format::Read(format),
        _ => Format::Other,
    }
}

/// The brands of a file of boxes (ISO/IEC 14496-12, 4.3): the major one, then the compatible ones.
fn brands(start: &[u8]) -> Option<impl Iterator<Item = &[u8; 4]>> {
    let (length, rest) = start.split_first_chunk::<4>()?;
    let rest = rest.strip_prefix(b"ftyp")?;
    let end = (u32::from_be_bytes(*length) as usize).saturating_sub(8).min(rest.len());
    let (brands, _) = rest[..end].as_chunks::<4>();
    // After the major brand there is its version.
    Some(brands.iter().enumerate().filter(|(at, _)| *at != 1).map(|(_, brand)| brand))
}

/// Whether a WebP file (RFC 9649) is a still picture that is compressed with loss, by its chunks.
pub(crate) fn is_lossy_webp(mut file: impl std::io::Read + std::io::Seek) -> bool {
    let mut at = 12;
    // Before the picture there may be a header, a profile, an animation's header and opacity.
    for _ in 0..8 {
        let mut head = [0; 8];
        if file.seek(std::io::SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut head)).is_err() {
            return false;
        }
        let [name @ .., a, b, c, d] = head;
        match &name {
            b"VP8 " => return true,
            b"VP8X" | b"ICCP" | b"ALPH" | b"EXIF" | b"XMP " => {
                let length = u64::from(u32::from_le_bytes([a, b, c, d]));
                at += 8 + length + length % 2;
            }
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{Format, of};

    #[test]
    fn pictures_of_phones_are_told_apart() {
        let table: &[(&[u8], Format)] = &[
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Format::Heic),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heixmiaf", Format::Heic),
            (b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf", Format::Avif),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", Format::Avif),
            (b"\0\0\0\x14ftypisom\0\0\0\0mp41", Format::Other),
            (b"\0\0\0\x08ftypheic", Format::Other),
            (b"\0\0\0\x18ftyp", Format::Other),
            (b"BM\x1e\0", Format::Read(image::ImageFormat::Bmp)),
            (b"II*\0", Format::Read(image::ImageFormat::Tiff)),
            (b"<svg", Format::Other),
            (b"", Format::Other),
        ];
        for (start, expected) in table {
            assert_eq!(of(start), *expected, "{start:?}");
        }
    }
}
