//! STUN's messages (RFC 8489, section 5): reading, building, integrity. Knows no server and no socket.

pub(crate) mod attributes;
mod builder;
mod integrity;
mod message;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    builder::Builder,
    integrity::{Key, is_start},
    message::{Class, Malformed, Message, Method, is_stun},
};

/// The number that every message carries, by which it is told from RFC 3489's and from other protocols.
pub(crate) const MAGIC_COOKIE: u32 = 0x2112_A442;
/// Bytes of a message's header.
pub(crate) const HEADER: usize = 20;

/// The identifier of a request, which its answer repeats.
pub(crate) type TransactionId = [u8; 12];
