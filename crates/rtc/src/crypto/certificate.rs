//! The self-signed certificate by which peers know the server's end of DTLS. Its fingerprint travels in the session
//! description; nobody looks at its names or dates.

use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use str0m::config::DtlsCert;

/// The system's randomness gave nothing.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a key for DTLS")]
pub(crate) struct NoKey;

/// A new P-256 key and an X.509 certificate for it, both as DER.
pub(crate) fn self_signed() -> Result<DtlsCert, NoKey> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(|_| NoKey)?;
    let key =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).map_err(|_| NoKey)?;
    // Firefox refuses two certificates with the same issuer and serial number.
    let mut serial = [0; 16];
    random.fill(&mut serial).map_err(|_| NoKey)?;
    serial[0] = serial[0] & 0x7f | 1;
    let unsigned = unsigned(&serial, key.public_key().as_ref());
    let signature = key.sign(&random, &unsigned).map_err(|_| NoKey)?;
    let certificate = sequence(&[&unsigned, &sequence(&[ECDSA_WITH_SHA256]), &bits(signature.as_ref())]);
    Ok(DtlsCert { certificate, private_key: document.as_ref().to_vec() })
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

// Object identifiers with their tag and length.
const ECDSA_WITH_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const EC_PUBLIC_KEY: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const PRIME256V1: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];

/// The part of the certificate that is signed (RFC 5280, section 4.1).
fn unsigned(serial: &[u8], public_key: &[u8]) -> Vec<u8> {
    let name = sequence(&[&element(SET, &sequence(&[COMMON_NAME, &element(UTF8_STRING, b"im2")]))]);
    // Its end is the date that RFC 5280 has for "no known expiration".
    let validity = sequence(&[&element(UTC_TIME, b"200101000000Z"), &element(GENERALIZED_TIME, b"99991231235959Z")]);
    let key = sequence(&[&sequence(&[EC_PUBLIC_KEY, PRIME256V1]), &bits(public_key)]);
    sequence(&[
        &element(VERSION, &element(INTEGER, &[2])),
        &element(INTEGER, serial),
        &sequence(&[ECDSA_WITH_SHA256]),
        &name,
        &validity,
        &name,
        &key,
    ])
}

fn bits(content: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], content].concat())
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

/// One element of DER: tag, length, content. Contents here are shorter than 64 KiB.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_der() {
        assert_eq!(element(4, &[1, 2]), [4, 2, 1, 2]);
        assert_eq!(element(4, &[0; 0x90])[..3], [4, 0x81, 0x90]);
        assert_eq!(element(4, &[0; 0x123])[..4], [4, 0x82, 1, 0x23]);
    }

    #[test]
    fn every_certificate_has_its_own_number() {
        let (one, other) = (self_signed().unwrap(), self_signed().unwrap());
        assert_ne!(one.certificate, other.certificate);
    }
}
