//! Cryptography of the media transports: what `str0m` asks of a provider, on `ring` where it has the primitive.
//!
//! DTLS is `dimpl`, with its pure-Rust primitives. SRTP's AES-GCM, HMAC-SHA1 and SHA-256 are `ring`'s; AES in counter
//! mode, which `ring` does not offer, is the `aes` crate's.

mod certificate;
mod dtls;
mod srtp;

use str0m::crypto::{CryptoProvider, Sha1HmacProvider, Sha256Provider};

pub(crate) use certificate::self_signed;

#[derive(Debug)]
struct Hashes;

impl Sha1HmacProvider for Hashes {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
        let mut context = ring::hmac::Context::with_key(&key);
        for payload in payloads {
            context.update(payload);
        }
        let mut tag = [0; 20];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

impl Sha256Provider for Hashes {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, data).as_ref());
        digest
    }
}

/// The provider that every connection is built with.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider {
        srtp_provider: &srtp::Srtp,
        sha1_hmac_provider: &Hashes,
        sha256_provider: &Hashes,
        dtls_provider: &dtls::Dtls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    #[test]
    fn hmac_sha1_is_that_of_rfc_2202() {
        assert_eq!(
            hex(&Hashes.sha1_hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"])),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
    }

    #[test]
    fn sha256_is_that_of_fips_180() {
        assert_eq!(hex(&Hashes.sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
