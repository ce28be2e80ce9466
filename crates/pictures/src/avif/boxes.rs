//! Files of boxes (ISO/IEC 14496-12): reading numbers and boxes out of bytes that anybody may have written.

use std::io::{Read, Seek, SeekFrom};

use crate::Refusal;

/// The longest box of metadata that is read. A colour profile may have hundreds of kilobytes, an entry for each of the
/// most tiles of a grid takes some dozen bytes.
const MAX_METADATA: u64 = 1 << 20;
/// Boxes of a file that are looked at. There is a handful.
const MAX_BOXES: usize = 64;

/// The box of a file that describes its items.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) content: Vec<u8>,
    /// The offset in the file at which its content begins.
    pub(super) at: u64,
}

/// Finds the box `meta` of a file and reads it.
pub(super) fn metadata(mut file: impl Read + Seek) -> Result<Metadata, Refusal> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut at = 0;
    for _ in 0..MAX_BOXES {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 8];
        file.read_exact(&mut head)?;
        let (short, kind) = (u32::from_be_bytes([head[0], head[1], head[2], head[3]]), &head[4..]);
        let (header, length) = match short {
            0 => (8, end - at),
            1 => {
                let mut long = [0; 8];
                file.read_exact(&mut long)?;
                (16, u64::from_be_bytes(long))
            }
            length => (8, u64::from(length)),
        };
        let next = at.checked_add(length).filter(|next| length >= header && *next <= end).ok_or(Refusal::Unreadable)?;
        if kind == b"meta" {
            let length = length - header;
            if length > MAX_METADATA {
                return Err(Refusal::TooLarge);
            }
            let mut content = vec![0; length as usize];
            file.read_exact(&mut content)?;
            return Ok(Metadata { content, at: at + header });
        }
        at = next;
    }
    Err(Refusal::Unreadable)
}

/// The rest of a box. Numbers are the most significant byte first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Refusal::Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Refusal::Unreadable)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Refusal> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Refusal> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Refusal> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn kind(&mut self) -> Result<[u8; 4], Refusal> {
        self.array()
    }

    /// A number of 16 or 32 bits.
    pub(super) fn short_or_long(&mut self, long: bool) -> Result<u32, Refusal> {
        if long { self.u32() } else { self.u16().map(u32::from) }
    }

    /// A number of this many bytes: 0 (it is not there, and counts as nothing), 4 or 8.
    pub(super) fn sized(&mut self, bytes: u8) -> Result<u64, Refusal> {
        match bytes {
            0 => Ok(0),
            4 => self.u32().map(u64::from),
            8 => self.array().map(u64::from_be_bytes),
            _ => Err(Refusal::Unreadable),
        }
    }

    /// The version and the flags with which the content of many boxes begins.
    pub(super) fn version_and_flags(&mut self) -> Result<(u8, u32), Refusal> {
        let both = self.u32()?;
        Ok(((both >> 24) as u8, both & 0x00FF_FFFF))
    }

    /// The next box in this one: its type and its content.
    pub(super) fn next_box(&mut self) -> Result<Option<([u8; 4], Self)>, Refusal> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (length, kind) = (self.u32()? as usize, self.kind()?);
        let content = match length {
            0 => std::mem::take(&mut self.0),
            _ => self.take(length.checked_sub(8).ok_or(Refusal::Unreadable)?)?,
        };
        Ok(Some((kind, Self(content))))
    }
}
