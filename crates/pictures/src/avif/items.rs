//! The items of a file (ISO/IEC 14496-12, 8.11): what they are, where their bytes are, what is said of them.

use std::{collections::HashMap, ops::Range};

use super::boxes::{Metadata, Reader};
use crate::Refusal;

/// The most items of a file: the tiles of a picture and of its opacity, and some more.
const MAX_ITEMS: usize = 4_096;
/// The most properties of an item. There are some ten kinds.
const MAX_PROPERTIES: usize = 64;

/// An item, as far as it has been read.
#[derive(Debug, Default)]
struct Item {
    kind: Option<[u8; 4]>,
    /// The ranges of its bytes in the file, in order.
    extents: Vec<Range<u64>>,
    /// The properties that it has, by their place in the list of all, and whether they are essential.
    properties: Vec<(u16, bool)>,
    /// The items that it is made of.
    parts: Vec<u32>,
    /// The items that it belongs to: an opacity to a picture.
    belongs_to: Vec<u32>,
    /// The opacities that it is premultiplied with.
    premultiplied_with: Vec<u32>,
}

/// The items of a file.
#[derive(Debug)]
pub(super) struct Items<'a> {
    pub(super) primary: u32,
    known: HashMap<u32, Item>,
    properties: Vec<([u8; 4], Reader<'a>)>,
}

impl<'a> Items<'a> {
    /// Reads the description of the items of a file that is `length` bytes long.
    pub(super) fn read(metadata: &'a Metadata, length: u64) -> Result<Self, Refusal> {
        let mut found = Self { primary: 0, known: HashMap::new(), properties: Vec::new() };
        let mut all = Reader(&metadata.content);
        all.version_and_flags()?;
        let mut locations = None;
        let mut data = 0..0;
        while let Some((kind, mut content)) = all.next_box()? {
            match &kind {
                b"pitm" => {
                    let (version, _) = content.version_and_flags()?;
                    found.primary = content.short_or_long(version > 0)?;
                }
                b"iinf" => found.read_kinds(content)?,
                b"iloc" => locations = Some(content),
                b"iref" => found.read_references(content)?,
                b"iprp" => found.read_properties(content)?,
                b"idat" => {
                    // It ends where the rest of the metadata begins.
                    let end = metadata.at + (metadata.content.len() - all.0.len()) as u64;
                    data = end - content.0.len() as u64..end;
                }
                _ => {}
            }
        }
        // They may be in the data beside them, which comes after them.
        found.read_locations(locations.ok_or(Refusal::Unreadable)?, &data, length)?;
        Ok(found)
    }

    /// The item of this ID, as far as it has been read. Too many items are refused.
    fn item(&mut self, id: u32) -> Result<&mut Item, Refusal> {
        if self.known.len() >= MAX_ITEMS && !self.known.contains_key(&id) {
            return Err(Refusal::TooLarge);
        }
        Ok(self.known.entry(id).or_default())
    }

    fn read_kinds(&mut self, mut content: Reader<'a>) -> Result<(), Refusal> {
        let (version, _) = content.version_and_flags()?;
        content.short_or_long(version > 0)?;
        while let Some((kind, mut entry)) = content.next_box()? {
            let (version, _) = entry.version_and_flags()?;
            if &kind != b"infe" || version < 2 {
                continue;
            }
            let id = entry.short_or_long(version > 2)?;
            let protection = entry.u16()?;
            let kind = entry.kind()?;
            if protection == 0 {
                self.item(id)?.kind = Some(kind);
            }
        }
        Ok(())
    }

    fn read_locations(&mut self, mut content: Reader<'a>, data: &Range<u64>, length: u64) -> Result<(), Refusal> {
        let (version, _) = content.version_and_flags()?;
        let sizes = content.u16()?;
        let [offset, extent, base, index] = [12, 8, 4, 0].map(|shift| (sizes >> shift & 0xF) as u8);
        let index = if version == 0 { 0 } else { index };
        for _ in 0..content.short_or_long(version > 1)? {
            let id = content.short_or_long(version > 1)?;
            let method = if version == 0 { 0 } else { content.u16()? & 0xF };
            let is_elsewhere = content.u16()? != 0;
            let base = content.sized(base)?;
            let source = match method {
                0 => Some(0..length),
                1 => Some(data.clone()),
                _ => None,
            };
            let source = source.filter(|_| !is_elsewhere);
            let mut extents = Vec::new();
            let count = content.u16()?;
            if count > 1 && extent == 0 {
                // Each of them would be the whole source.
                return Err(Refusal::Unreadable);
            }
            for _ in 0..count {
                content.sized(index)?;
                let (offset, length) = (content.sized(offset)?, content.sized(extent)?);
                let Some(source) = &source else { continue };
                let start = source.start.checked_add(base).and_then(|start| start.checked_add(offset));
                let start = start.ok_or(Refusal::Unreadable)?;
                let end = if length == 0 { Some(source.end) } else { start.checked_add(length) };
                let end = end.filter(|end| start < *end && *end <= source.end).ok_or(Refusal::Unreadable)?;
                extents.push(start..end);
            }
            self.item(id)?.extents = extents;
        }
        Ok(())
    }

    fn read_references(&mut self, mut content: Reader<'a>) -> Result<(), Refusal> {
        let (version, _) = content.version_and_flags()?;
        while let Some((kind, mut reference)) = content.next_box()? {
            let from = reference.short_or_long(version > 0)?;
            let count = reference.u16()?;
            let item = self.item(from)?;
            let list = match &kind {
                b"dimg" => &mut item.parts,
                b"auxl" => &mut item.belongs_to,
                b"prem" => &mut item.premultiplied_with,
                _ => continue,
            };
            for _ in 0..count {
                list.push(reference.short_or_long(version > 0)?);
            }
        }
        Ok(())
    }

    fn read_properties(&mut self, mut content: Reader<'a>) -> Result<(), Refusal> {
        while let Some((kind, mut list)) = content.next_box()? {
            match &kind {
                b"ipco" => {
                    while let Some(property) = list.next_box()? {
                        self.properties.push(property);
                    }
                }
                b"ipma" => {
                    let (version, flags) = list.version_and_flags()?;
                    for _ in 0..list.u32()? {
                        let id = list.short_or_long(version > 0)?;
                        let item = self.item(id)?;
                        for _ in 0..list.u8()? {
                            let is_long = flags & 1 == 1;
                            let value = if is_long { list.u16()? } else { u16::from(list.u8()?) };
                            let bits = if is_long { 15 } else { 7 };
                            if item.properties.len() == MAX_PROPERTIES {
                                return Err(Refusal::Unreadable);
                            }
                            item.properties.push((value & ((1 << bits) - 1), value >> bits == 1));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn kind(&self, id: u32) -> Option<[u8; 4]> {
        self.known.get(&id)?.kind
    }

    pub(super) fn extents(&self, id: u32) -> &[Range<u64>] {
        self.known.get(&id).map_or(&[], |item| &item.extents)
    }

    pub(super) fn parts(&self, id: u32) -> &[u32] {
        self.known.get(&id).map_or(&[], |item| &item.parts)
    }

    /// The properties of an item, and whether they are essential.
    pub(super) fn properties(&self, id: u32) -> impl Iterator<Item = (&[u8; 4], Reader<'a>, bool)> {
        let listed = self.known.get(&id).into_iter().flat_map(|item| &item.properties);
        // They are counted from 1; 0 is none.
        listed.filter_map(|(place, is_essential)| {
            let (kind, content) = self.properties.get(usize::from(*place).checked_sub(1)?)?;
            Some((kind, *content, *is_essential))
        })
    }

    /// The property of an item that is of this type, the first one.
    pub(super) fn property(&self, id: u32, wanted: [u8; 4]) -> Option<Reader<'a>> {
        self.properties(id).find(|(kind, ..)| **kind == wanted).map(|(_, content, _)| content)
    }

    /// For each item that has one, the item that is its opacity.
    pub(super) fn opacities(&self) -> HashMap<u32, u32> {
        let opacities = self.known.iter().filter(|(id, item)| !item.belongs_to.is_empty() && self.is_opacity(**id));
        opacities.flat_map(|(id, item)| item.belongs_to.iter().map(|owner| (*owner, *id))).collect()
    }

    fn is_opacity(&self, id: u32) -> bool {
        const NAMES: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0"];
        let name = self.property(id, *b"auxC").and_then(|content| content.0.get(4..));
        name.is_some_and(|name| NAMES.iter().any(|opacity| name.starts_with(opacity)))
    }

    pub(super) fn is_premultiplied(&self, id: u32, opacity: u32) -> bool {
        self.known.get(&id).is_some_and(|item| item.premultiplied_with.contains(&opacity))
    }
}
