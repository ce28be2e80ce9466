//! Reading messages. Nothing is copied or allocated, and every byte is looked at a bounded number of times.

use super::{
    HEADER, Key, MAGIC_COOKIE, TransactionId,
    attributes::{FINGERPRINT, FINGERPRINT_MASK, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, Type},
};

/// The bytes are no STUN message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a STUN message")]
pub(crate) struct Malformed;

/// Which of the four kinds of messages it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Binding,
    Allocate,
    Refresh,
    Send,
    Data,
    CreatePermission,
    ChannelBind,
    /// A method that this server does not know, among them those of RFC 6062.
    Other(u16),
}

impl Method {
    fn from_number(number: u16) -> Self {
        match number {
            1 => Self::Binding,
            3 => Self::Allocate,
            4 => Self::Refresh,
            6 => Self::Send,
            7 => Self::Data,
            8 => Self::CreatePermission,
            9 => Self::ChannelBind,
            other => Self::Other(other),
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::Binding => 1,
            Self::Allocate => 3,
            Self::Refresh => 4,
            Self::Send => 6,
            Self::Data => 7,
            Self::CreatePermission => 8,
            Self::ChannelBind => 9,
            Self::Other(number) => number,
        }
    }

    /// The first two bytes of a message: twelve bits of the method with the class's two among them.
    pub(super) fn with(self, class: Class) -> u16 {
        let method = self.number();
        let class = match class {
            Class::Request => 0x000,
            Class::Indication => 0x010,
            Class::Success => 0x100,
            Class::Error => 0x110,
        };
        method & 0x00F | (method & 0x070) << 1 | (method & 0xF80) << 2 | class
    }
}

/// Whether bytes begin as a STUN message does, rather than as ChannelData.
pub(crate) fn is_stun(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 0xC0 == 0)
}

/// A message whose structure is sound: all lengths fit, and what comes after the integrity is what may be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    bytes: &'a [u8],
    /// The offset of the header of MESSAGE-INTEGRITY, and of MESSAGE-INTEGRITY-SHA256.
    integrity: Option<usize>,
    integrity_sha256: Option<usize>,
    has_fingerprint: bool,
}

impl<'a> Message<'a> {
    /// Reads a message that is all of `bytes` (RFC 8489, section 6.3). A wrong FINGERPRINT is malformed. What follows
    /// MESSAGE-INTEGRITY is ignored as the specification says, but for FINGERPRINT and MESSAGE-INTEGRITY-SHA256.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = bytes.first_chunk::<HEADER>().ok_or(Malformed)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let cookie = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        if !is_stun(bytes) || cookie != MAGIC_COOKIE || length % 4 != 0 || bytes.len() != HEADER + length {
            return Err(Malformed);
        }
        let mut message = Self { bytes, integrity: None, integrity_sha256: None, has_fingerprint: false };
        for attribute in (Attributes { bytes, at: HEADER }) {
            let Attribute { kind, at, value } = attribute?;
            if message.has_fingerprint {
                return Err(Malformed); // nothing may follow it
            }
            match kind {
                MESSAGE_INTEGRITY if message.integrity.is_none() && message.integrity_sha256.is_none() => {
                    if value.len() != 20 {
                        return Err(Malformed);
                    }
                    message.integrity = Some(at);
                }
                MESSAGE_INTEGRITY_SHA256 if message.integrity_sha256.is_none() => {
                    if !matches!(value.len(), 16 | 20 | 24 | 28 | 32) {
                        return Err(Malformed);
                    }
                    message.integrity_sha256 = Some(at);
                }
                FINGERPRINT => {
                    let expected = crc32fast::hash(&bytes[..at]) ^ FINGERPRINT_MASK;
                    if value != expected.to_be_bytes() {
                        return Err(Malformed);
                    }
                    message.has_fingerprint = true;
                }
                _ => {}
            }
        }
        Ok(message)
    }

    pub(crate) fn class(&self) -> Class {
        match (self.bytes[0] & 1, self.bytes[1] & 0x10) {
            (0, 0) => Class::Request,
            (0, _) => Class::Indication,
            (_, 0) => Class::Success,
            _ => Class::Error,
        }
    }

    pub(crate) fn method(&self) -> Method {
        let kind = u16::from_be_bytes([self.bytes[0], self.bytes[1]]);
        Method::from_number(kind & 0x00F | (kind >> 1) & 0x070 | (kind >> 2) & 0xF80)
    }

    pub(crate) fn transaction(&self) -> TransactionId {
        self.bytes[8..HEADER].try_into().expect("a message has a whole header")
    }

    pub(crate) fn has_fingerprint(&self) -> bool {
        self.has_fingerprint
    }

    /// Whether it carries an integrity of either kind.
    pub(crate) fn is_signed(&self) -> bool {
        self.integrity.is_some() || self.integrity_sha256.is_some()
    }

    /// Whether it carries MESSAGE-INTEGRITY-SHA256, which then is the one that counts.
    pub(crate) fn is_signed_with_sha256(&self) -> bool {
        self.integrity_sha256.is_some()
    }

    /// Whether the integrity that counts was made with this key.
    pub(crate) fn is_signed_by(&self, key: &Key) -> bool {
        match (self.integrity_sha256, self.integrity) {
            (Some(at), _) => key.verify_sha256(self.bytes, at, self.value_at(at)),
            (None, Some(at)) => key.verify_sha1(self.bytes, at, self.value_at(at)),
            (None, None) => false,
        }
    }

    fn value_at(&self, at: usize) -> &'a [u8] {
        let attribute = Attributes { bytes: self.bytes, at }.next().and_then(Result::ok);
        attribute.map_or(&[], |attribute| attribute.value)
    }

    /// The attributes that count: those before the integrity, which nobody can have added on the way.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (Type, &'a [u8])> + use<'a> {
        let end = [self.integrity, self.integrity_sha256].into_iter().flatten().min().unwrap_or(self.bytes.len());
        let attributes = Attributes { bytes: &self.bytes[..end], at: HEADER }.filter_map(Result::ok);
        attributes.filter(|attribute| attribute.kind != FINGERPRINT).map(|Attribute { kind, value, .. }| (kind, value))
    }

    /// The first attribute of a kind; later ones are ignored.
    pub(crate) fn get(&self, kind: Type) -> Option<&'a [u8]> {
        self.attributes().find_map(|(found, value)| (found == kind).then_some(value))
    }

    /// Where a value, which is one of this message's, lies in its bytes.
    pub(crate) fn range_of(&self, wanted: Type) -> Option<std::ops::Range<usize>> {
        let attributes = Attributes { bytes: self.bytes, at: HEADER }.filter_map(Result::ok);
        let found = attributes.into_iter().find(|attribute| attribute.kind == wanted)?;
        Some(found.at + 4..found.at + 4 + found.value.len())
    }
}

struct Attribute<'a> {
    kind: Type,
    /// The offset of its header.
    at: usize,
    value: &'a [u8],
}

struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let read = || {
            let (head, rest) = rest.split_first_chunk::<4>()?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let value = rest.get(..usize::from(u16::from_be_bytes([head[2], head[3]])))?;
            let end = at + 4 + value.len().next_multiple_of(4);
            (end <= self.bytes.len()).then_some((Attribute { kind, at, value }, end))
        };
        let Some((attribute, end)) = read() else {
            self.at = self.bytes.len();
            return Some(Err(Malformed));
        };
        self.at = end;
        Some(Ok(attribute))
    }
}
