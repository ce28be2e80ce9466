//! The ciphers of SRTP (RFC 3711, RFC 7714).

use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockEncrypt, InnerIvInit, KeyInit, StreamCipher};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider, SupportedAeadAes128Gcm,
    SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

const TAG_LENGTH: usize = 16;
const BLOCK_LENGTH: usize = 16;

/// Makes the ciphers.
#[derive(Debug)]
pub(super) struct Srtp;

impl SrtpProvider for Srtp {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Srtp
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Srtp
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Srtp
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        ecb(&aes::Aes128::new(GenericArray::from_slice(key)), input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        ecb(&aes::Aes256::new(GenericArray::from_slice(key)), input, output);
    }
}

/// Encrypts one block. The caller leaves room for the block of padding that other libraries add; key derivation reads
/// the first block only.
fn ecb(cipher: &impl BlockEncrypt<BlockSize = aes::cipher::consts::U16>, input: &[u8], output: &mut [u8]) {
    let mut block = *GenericArray::from_slice(&input[..BLOCK_LENGTH]);
    cipher.encrypt_block(&mut block);
    output[..BLOCK_LENGTH].copy_from_slice(&block);
}

impl SupportedAes128CmSha1_80 for Srtp {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(CounterMode(aes::Aes128::new(&key.into())))
    }
}

impl SupportedAeadAes128Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Gcm::new(&AES_128_GCM, &key))
    }
}

impl SupportedAeadAes256Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 32], _encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Gcm::new(&AES_256_GCM, &key))
    }
}

struct CounterMode(aes::Aes128);

impl std::fmt::Debug for CounterMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CounterMode")
    }
}

impl CounterMode {
    fn apply(&self, iv: [u8; 16], input: &[u8], output: &mut [u8]) {
        let core = ctr::CtrCore::<&aes::Aes128, ctr::flavors::Ctr128BE>::inner_iv_init(&self.0, &iv.into());
        let output = &mut output[..input.len()];
        output.copy_from_slice(input);
        aes::cipher::StreamCipherCoreWrapper::from_core(core).apply_keystream(output);
    }
}

impl Aes128CmSha1_80Cipher for CounterMode {
    fn encrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.apply(*iv, input, output);
        Ok(())
    }

    fn decrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.apply(*iv, input, output);
        Ok(())
    }
}

struct Gcm(LessSafeKey);

impl std::fmt::Debug for Gcm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gcm")
    }
}

impl Gcm {
    fn new(algorithm: &'static ring::aead::Algorithm, key: &[u8]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(algorithm, key).expect("the key has the algorithm's length")))
    }

    fn seal(&self, iv: [u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let refused = || CryptoError::Other("AES-GCM cannot encrypt this".to_owned());
        let room = output.get_mut(..input.len() + TAG_LENGTH).ok_or_else(refused)?;
        let (text, tag) = room.split_at_mut(input.len());
        text.copy_from_slice(input);
        let sealed = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::from(aad), text)
            .map_err(|_| refused())?;
        tag.copy_from_slice(sealed.as_ref());
        Ok(())
    }

    fn open(&self, iv: [u8; 12], aads: &[&[u8]], input: &[u8], output: &mut [u8]) -> Result<usize, CryptoError> {
        let refused = || CryptoError::Other("AES-GCM tag does not match".to_owned());
        let length = input.len().checked_sub(TAG_LENGTH).ok_or_else(refused)?;
        let (text, tag) = input.split_at(length);
        let output = output.get_mut(..length).ok_or_else(refused)?;
        output.copy_from_slice(text);
        let tag = ring::aead::Tag::try_from(tag).map_err(|_| refused())?;
        let nonce = Nonce::assume_unique_for_key(iv);
        let opened = match aads {
            [aad] => self.0.open_in_place_separate_tag(nonce, Aad::from(*aad), tag, output, 0..),
            several => self.0.open_in_place_separate_tag(nonce, Aad::from(several.concat()), tag, output, 0..),
        };
        opened.map(|text| text.len()).map_err(|_| refused())
    }
}

impl AeadAes128GcmCipher for Gcm {
    fn encrypt(&mut self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.seal(*iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.open(*iv, aads, input, output)
    }
}

impl AeadAes256GcmCipher for Gcm {
    fn encrypt(&mut self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.seal(*iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.open(*iv, aads, input, output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_mode_is_that_of_rfc_3686() {
        // Test vector 1 there.
        let key = [0xae, 0x68, 0x52, 0xf8, 0x12, 0x10, 0x67, 0xcc, 0x4b, 0xf7, 0xa5, 0x76, 0x55, 0x77, 0xf3, 0x9e];
        let iv = [0, 0, 0, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let mut output = [0; 16];
        let mut cipher = SupportedAes128CmSha1_80::create_cipher(&Srtp, key, true);
        cipher.encrypt(&iv, b"Single block msg", &mut output).unwrap();
        assert_eq!(
            output,
            [0xe4, 0x09, 0x5d, 0x4f, 0xb7, 0xa7, 0xb3, 0x79, 0x2d, 0x61, 0x75, 0xa3, 0x26, 0x13, 0x11, 0xb8]
        );
    }

    #[test]
    fn gcm_opens_what_it_sealed_and_nothing_else() {
        let mut cipher = SupportedAeadAes128Gcm::create_cipher(&Srtp, [7; 16], true);
        let mut sealed = [0; 21];
        cipher.encrypt(&[1; 12], b"header of the packet", b"media", &mut sealed).unwrap();
        let mut opened = [0; 5];
        let length = cipher.decrypt(&[1; 12], &[b"header of", b" the packet"], &sealed, &mut opened).unwrap();
        assert_eq!(&opened[..length], b"media");
        sealed[3] ^= 1;
        assert!(cipher.decrypt(&[1; 12], &[b"header of the packet"], &sealed, &mut opened).is_err());
        assert!(cipher.decrypt(&[1; 12], &[b""], &[0; 3], &mut opened).is_err());
    }
}
