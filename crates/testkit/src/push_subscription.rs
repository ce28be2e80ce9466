//! A device's subscription to Web Push, with the keys that read what is sent to it.

use p256::{PublicKey, SecretKey, elliptic_curve::sec1::ToSec1Point as _};
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};

/// The receiving side of RFC 8291: a P-256 key pair and an authentication secret, the same in every test.
pub struct PushSubscription {
    secret: SecretKey,
    auth: [u8; 16],
}

impl Default for PushSubscription {
    fn default() -> Self {
        Self { secret: SecretKey::from_slice(&[7; 32]).expect("a scalar below the order"), auth: [9; 16] }
    }
}

impl PushSubscription {
    /// The public key as an uncompressed point of 65 bytes.
    pub fn public_key(&self) -> Vec<u8> {
        self.secret.public_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// The authentication secret that is handed out beside the public key.
    pub fn auth(&self) -> [u8; 16] {
        self.auth
    }

    /// Decrypts the body of a push: one record of the content coding `aes128gcm` (RFC 8188).
    ///
    /// # Panics
    ///
    /// If the body has another form, or was not encrypted to this subscription.
    pub fn open(&self, body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        assert_eq!(rest[..5], [0, 0, 16, 0, 65], "records of 4096 bytes, and a key of 65");
        let (theirs, record) = rest[5..].split_at(65);
        let shared = p256::ecdh::diffie_hellman(
            self.secret.to_nonzero_scalar(),
            PublicKey::from_sec1_bytes(theirs).expect("a point of the curve").as_affine(),
        );
        let info: [&[u8]; 3] = [b"WebPush: info\0", &self.public_key(), theirs];
        let ikm: [u8; 32] = expand(&self.auth, shared.raw_secret_bytes(), &info);
        let key: [u8; 16] = expand(salt, &ikm, &[b"Content-Encoding: aes128gcm\0"]);
        let nonce: [u8; 12] = expand(salt, &ikm, &[b"Content-Encoding: nonce\0"]);
        let mut record = record.to_vec();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("a key of 16 bytes"));
        let text = key
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)
            .expect("encrypted to this subscription");
        text.strip_suffix(&[2]).expect("the mark of the last record").to_vec()
    }
}

/// A length for HKDF.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const LENGTH: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> [u8; LENGTH] {
    let mut out = [0; LENGTH];
    let key = Salt::new(HKDF_SHA256, salt).extract(secret);
    let filled = key.expand(info, Length(LENGTH)).and_then(|material| material.fill(&mut out));
    filled.expect("HKDF gives as much as this");
    out
}
