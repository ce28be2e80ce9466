//! A client written for these tests, for what coturn's does not do: it builds its messages by hand.

use std::net::SocketAddr;

use md5::{Digest as _, Md5};
use ring::hmac;

use super::REALM;

pub(crate) const ALLOCATE: u16 = 0x0003;
pub(crate) const BINDING: u16 = 0x0001;
pub(crate) const CHANNEL_BIND: u16 = 0x0009;
pub(crate) const REFRESH: u16 = 0x0004;
/// REQUESTED-TRANSPORT with UDP.
pub(crate) const UDP: (u16, &[u8]) = (0x0019, &[17, 0, 0, 0]);

/// What a client knows to make requests of.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    username: String,
    password: String,
    nonce: Vec<u8>,
    count: u32,
}

impl Requests {
    pub(crate) fn of((username, password): (String, String)) -> Self {
        Self { username, password, nonce: Vec::new(), count: 0 }
    }

    /// A request, with credentials once a nonce is known.
    pub(crate) fn build(&mut self, kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        self.count += 1;
        let mut bytes = [&kind.to_be_bytes()[..], &[0, 0, 0x21, 0x12, 0xA4, 0x42], &[7; 8]].concat();
        bytes.extend(self.count.to_be_bytes());
        let mut put = |kind: u16, value: &[u8]| {
            bytes.extend(kind.to_be_bytes());
            bytes.extend((value.len() as u16).to_be_bytes());
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        };
        for (kind, value) in attributes {
            put(*kind, value);
        }
        let is_signed = !self.nonce.is_empty();
        if is_signed {
            put(0x0006, self.username.as_bytes());
            put(0x0014, REALM.as_bytes());
            put(0x0015, &self.nonce);
        }
        let length = (bytes.len() - 20 + if is_signed { 24 } else { 0 }) as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        if is_signed {
            let key = Md5::digest(format!("{}:{REALM}:{}", self.username, self.password));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key), &bytes);
            bytes.extend([0, 8, 0, 20]);
            bytes.extend(tag.as_ref());
        }
        bytes
    }

    /// Takes the nonce from an answer, and gives its error code; 0 for success.
    pub(crate) fn learn(&mut self, answer: &[u8]) -> u16 {
        if let Some(nonce) = attribute(answer, 0x0015) {
            self.nonce = nonce.to_vec();
        }
        attribute(answer, 0x0009).map_or(0, |error| u16::from(error[2]) * 100 + u16::from(error[3]))
    }
}

/// The value of an attribute of a message.
pub(crate) fn attribute(message: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut at = 20;
    while at + 4 <= message.len() {
        let [kind, length] = [0, 2].map(|offset| u16::from_be_bytes([message[at + offset], message[at + offset + 1]]));
        let value = &message[at + 4..][..length.into()];
        if kind == wanted {
            return Some(value);
        }
        at += 4 + value.len().next_multiple_of(4);
    }
    None
}

/// An IPv4 address as XOR-PEER-ADDRESS has it.
pub(crate) fn xor(address: SocketAddr) -> [u8; 8] {
    let SocketAddr::V4(address) = address else { panic!("these tests use IPv4") };
    let port = (address.port() ^ 0x2112).to_be_bytes();
    let ip = (address.ip().to_bits() ^ 0x2112_A442).to_be_bytes();
    [0, 1, port[0], port[1], ip[0], ip[1], ip[2], ip[3]]
}
