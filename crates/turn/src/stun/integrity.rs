//! Message integrity (RFC 8489, sections 14.5 and 14.6) and the keys of long-term credentials (section 9.2.2).

use md5::{Digest as _, Md5};
use ring::{digest, hmac};

use super::HEADER;

/// A key that a user name, a realm and a password make.
#[derive(Clone)]
pub(crate) struct Key {
    bytes: [u8; 32],
    length: usize,
}

impl Key {
    /// The key with MD5, which RFC 5389 had and most clients use. The password has 160 random bits, so what is known
    /// of MD5 does not help whoever guesses.
    pub(crate) fn md5(username: &[u8], realm: &[u8], password: &[u8]) -> Self {
        let mut hash = Md5::new();
        for part in [username, b":", realm, b":", password] {
            hash.update(part);
        }
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&hash.finalize());
        Self { bytes, length: 16 }
    }

    /// The key with SHA-256.
    pub(crate) fn sha256(username: &[u8], realm: &[u8], password: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [username, b":", realm, b":", password] {
            context.update(part);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self { bytes, length: 32 }
    }

    /// A short-term credential's key: the password itself, of up to 32 bytes.
    #[cfg(test)]
    pub(crate) fn short_term(password: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes[..password.len()].copy_from_slice(password);
        Self { bytes, length: password.len() }
    }

    /// The HMAC of a message up to `at`, with the length that it has if the integrity of `size` bytes is its end.
    fn tag(&self, algorithm: hmac::Algorithm, message: &[u8], at: usize, size: usize) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, &self.bytes[..self.length]));
        let length = (at + 4 + size - HEADER) as u16;
        context.update(&message[..2]);
        context.update(&length.to_be_bytes());
        context.update(&message[4..at]);
        context.sign()
    }

    pub(super) fn sign_sha1(&self, message: &[u8]) -> hmac::Tag {
        self.tag(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, message, message.len(), 20)
    }

    pub(super) fn sign_sha256(&self, message: &[u8]) -> hmac::Tag {
        self.tag(hmac::HMAC_SHA256, message, message.len(), 32)
    }

    pub(super) fn verify_sha1(&self, message: &[u8], at: usize, found: &[u8]) -> bool {
        found.len() == 20 && is_start(found, self.tag(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, message, at, 20).as_ref())
    }

    /// A sender may cut the tag off after 16 bytes or more (section 14.6).
    pub(super) fn verify_sha256(&self, message: &[u8], at: usize, found: &[u8]) -> bool {
        found.len() >= 16 && is_start(found, self.tag(hmac::HMAC_SHA256, message, at, found.len()).as_ref())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// Whether `whole` starts with `found`, in a time that does not tell where they differ.
pub(crate) fn is_start(found: &[u8], whole: &[u8]) -> bool {
    let differing = found.iter().zip(whole).fold(0, |differing, (one, other)| differing | (one ^ other));
    found.len() <= whole.len() && std::hint::black_box(differing) == 0
}
