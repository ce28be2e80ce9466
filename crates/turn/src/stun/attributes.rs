//! Attributes: their numbers, and the values that have a form of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{MAGIC_COOKIE, TransactionId};

/// The number of an attribute. Below 0x8000 are those that a server has to understand.
pub(crate) type Type = u16;

pub(crate) const USERNAME: Type = 0x0006;
pub(crate) const MESSAGE_INTEGRITY: Type = 0x0008;
pub(crate) const ERROR_CODE: Type = 0x0009;
pub(crate) const UNKNOWN_ATTRIBUTES: Type = 0x000A;
pub(crate) const CHANNEL_NUMBER: Type = 0x000C;
pub(crate) const LIFETIME: Type = 0x000D;
pub(crate) const XOR_PEER_ADDRESS: Type = 0x0012;
pub(crate) const DATA: Type = 0x0013;
pub(crate) const REALM: Type = 0x0014;
pub(crate) const NONCE: Type = 0x0015;
pub(crate) const XOR_RELAYED_ADDRESS: Type = 0x0016;
pub(crate) const REQUESTED_ADDRESS_FAMILY: Type = 0x0017;
pub(crate) const EVEN_PORT: Type = 0x0018;
pub(crate) const REQUESTED_TRANSPORT: Type = 0x0019;
pub(crate) const MESSAGE_INTEGRITY_SHA256: Type = 0x001C;
pub(crate) const PASSWORD_ALGORITHM: Type = 0x001D;
pub(crate) const USERHASH: Type = 0x001E;
pub(crate) const XOR_MAPPED_ADDRESS: Type = 0x0020;
pub(crate) const RESERVATION_TOKEN: Type = 0x0022;
pub(crate) const ADDITIONAL_ADDRESS_FAMILY: Type = 0x8000;
pub(crate) const ADDRESS_ERROR_CODE: Type = 0x8001;
pub(crate) const PASSWORD_ALGORITHMS: Type = 0x8002;
pub(crate) const FINGERPRINT: Type = 0x8028;

/// What the last 32 bits of a message are mixed with, so that its CRC differs from those of other protocols.
pub(crate) const FINGERPRINT_MASK: u32 = 0x5354_554E;

/// Whether a server that does not know the attribute has to refuse the request.
pub(crate) fn is_required(attribute: Type) -> bool {
    attribute < 0x8000
}

/// A kind of IP addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// The family of an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::V4 => 1,
            Self::V6 => 2,
        }
    }
}

/// The family in REQUESTED-ADDRESS-FAMILY and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Known(Family),
    /// A number that stands for no family.
    Unknown,
}

impl Named {
    /// Reads a number, and three bytes that are ignored; `None` if it is malformed.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let [family, _, _, _] = *value else { return None };
        Some(match family {
            1 => Self::Known(Family::V4),
            2 => Self::Known(Family::V6),
            _ => Self::Unknown,
        })
    }
}

/// A transport address, obscured so that no NAT rewrites it (RFC 8489, section 14.2): up to 20 bytes.
pub(crate) struct XorAddress {
    bytes: [u8; 20],
    length: usize,
}

impl XorAddress {
    pub(crate) fn of(address: SocketAddr, transaction: &TransactionId) -> Self {
        let mask = mask(transaction);
        let mut bytes = [0; 20];
        let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
        bytes[1] = Family::of(address.ip()).number();
        bytes[2..4].copy_from_slice(&port.to_be_bytes());
        let length = match address.ip() {
            IpAddr::V4(v4) => {
                bytes[4..8].copy_from_slice(&(v4.to_bits() ^ MAGIC_COOKIE).to_be_bytes());
                8
            }
            IpAddr::V6(v6) => {
                bytes[4..].copy_from_slice(&(v6.to_bits() ^ mask).to_be_bytes());
                20
            }
        };
        Self { bytes, length }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Reads one; `None` if it is malformed.
    pub(crate) fn read(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
        let (head, address) = value.split_first_chunk::<4>()?;
        let port = u16::from_be_bytes([head[2], head[3]]) ^ (MAGIC_COOKIE >> 16) as u16;
        let ip = match head[1] {
            1 => Ipv4Addr::from_bits(u32::from_be_bytes(address.try_into().ok()?) ^ MAGIC_COOKIE).into(),
            2 => Ipv6Addr::from_bits(u128::from_be_bytes(address.try_into().ok()?) ^ mask(transaction)).into(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }
}

/// The magic cookie and the transaction, as one number.
fn mask(transaction: &TransactionId) -> u128 {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    bytes[4..].copy_from_slice(transaction);
    u128::from_be_bytes(bytes)
}
