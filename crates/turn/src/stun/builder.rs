//! Building messages.

use super::{
    HEADER, Key, MAGIC_COOKIE, TransactionId,
    attributes::{ERROR_CODE, FINGERPRINT, FINGERPRINT_MASK, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, Type},
    message::{Class, Method},
};

/// A message that is being built.
#[derive(Debug)]
pub(crate) struct Builder(Vec<u8>);

impl Builder {
    pub(crate) fn new(class: Class, method: Method, transaction: &TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(160);
        bytes.extend_from_slice(&Self::kind(class, method));
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        bytes.extend_from_slice(transaction);
        Self(bytes)
    }

    /// The first two bytes of a message.
    pub(crate) fn kind(class: Class, method: Method) -> [u8; 2] {
        method.with(class).to_be_bytes()
    }

    /// Appends an attribute, padded to four bytes.
    pub(crate) fn attribute(&mut self, kind: Type, value: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0.extend_from_slice(&(value.len() as u16).to_be_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        let length = (self.0.len() - HEADER) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        self
    }

    /// Appends ERROR-CODE.
    pub(crate) fn error(&mut self, code: u16, reason: &str) -> &mut Self {
        let mut value = vec![0, 0, (code / 100) as u8, (code % 100) as u8];
        value.extend_from_slice(reason.as_bytes());
        self.attribute(ERROR_CODE, &value)
    }

    /// Appends the integrity that answers a request of this kind.
    pub(crate) fn sign(&mut self, key: &Key, sha256: bool) -> &mut Self {
        if sha256 {
            let tag = key.sign_sha256(&self.0);
            self.attribute(MESSAGE_INTEGRITY_SHA256, tag.as_ref())
        } else {
            let tag = key.sign_sha1(&self.0);
            self.attribute(MESSAGE_INTEGRITY, tag.as_ref())
        }
    }

    /// Appends FINGERPRINT.
    pub(crate) fn fingerprint(&mut self) -> &mut Self {
        let length = (self.0.len() + 8 - HEADER) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        let value = crc32fast::hash(&self.0) ^ FINGERPRINT_MASK;
        self.attribute(FINGERPRINT, &value.to_be_bytes())
    }

    /// The message.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}
