//! Web Push: notifications that are encrypted for a device and sent to its push service directly, without a gateway
//! (MSC4174).
//!
//! A message is one record of RFC 8188 whose key both sides derive as RFC 8291 says. The server proves who it is with a
//! token signed by a key of its own (VAPID, RFC 8292), which clients learn from `/capabilities` and tell their push
//! service.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use im2_model::Millis;
use parking_lot::Mutex;
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand::{SecureRandom as _, SystemRandom},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::json;
use url::Url;

use im2_core::{Core, Error, Result};

/// The name under which the server's key is kept, in PKCS#8.
const NAME: &str = "web_push_key";
/// The largest text of a message: push services take bodies of 4,096 bytes (RFC 8030, section 7.2).
pub(super) const MAX_TEXT: usize = 4_096 - HEADER - 1 - TAG;
/// The header of an encrypted message, in bytes: salt, size of a record, length of the public key, public key.
const HEADER: usize = SALT + 4 + 1 + POINT;
const SALT: usize = 16;
/// A P-256 point in uncompressed form.
const POINT: usize = 65;
const AUTH: usize = 16;
const TAG: usize = 16;
/// The size of a record. A message is one record that is no longer than this.
const RECORD: u32 = 4_096;
/// How long a push service keeps a message for a device that is away, in seconds (MSC4174).
const TTL: &str = "172800";
/// How long a token is valid, which may be a day at most (RFC 8292, section 2), and how long it is used: services
/// remember that they have checked one.
const TOKEN_LIFETIME: Millis = 12 * 60 * 60 * 1000;
const TOKEN_USED: Millis = 6 * 60 * 60 * 1000;
/// Tokens that are kept, one for each push service. There are few services; anybody may name others.
const MAX_TOKENS: usize = 256;

/// A device's keys for Web Push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeviceKeys {
    public: [u8; POINT],
    auth: [u8; AUTH],
}

impl DeviceKeys {
    /// Reads the keys as clients send them: URL-safe base64 without padding. The error says what is wrong.
    pub(super) fn parse(public: &str, auth: &str) -> std::result::Result<Self, &'static str> {
        let wrong =
            "pushkey must be a P-256 public key: 65 bytes that begin with 4, in URL-safe base64 without padding";
        let public = decoded::<POINT>(public).filter(|point| point[0] == 4).ok_or(wrong)?;
        // What is no point of the curve would fail at each notification.
        let mine = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(|_| wrong)?;
        agree_ephemeral(mine, &UnparsedPublicKey::new(&ECDH_P256, public), |_| ()).map_err(|_| wrong)?;
        let auth = decoded::<AUTH>(auth).ok_or("data.auth must be 16 bytes in URL-safe base64 without padding")?;
        Ok(Self { public, auth })
    }

    /// Encrypts a text of at most [`MAX_TEXT`] bytes for the device.
    pub(super) fn encrypt(&self, text: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        let mut salt = [0; SALT];
        random.fill(&mut salt).map_err(unspecified)?;
        let mine = EphemeralPrivateKey::generate(&ECDH_P256, &random).map_err(unspecified)?;
        let public = mine.compute_public_key().map_err(unspecified)?;
        let public: [u8; POINT] = public.as_ref().try_into().map_err(|_| unspecified(ring::error::Unspecified))?;
        let theirs = UnparsedPublicKey::new(&ECDH_P256, self.public);
        agree_ephemeral(mine, &theirs, |secret| self.seal(secret, &public, salt, text)).map_err(unspecified)?
    }

    /// Encrypts with the secret that both sides agree on, and the public key of this side.
    fn seal(&self, secret: &[u8], public: &[u8; POINT], salt: [u8; SALT], text: &[u8]) -> Result<Vec<u8>> {
        let (key, nonce) = self.content_key(secret, public, salt)?;
        let key = UnboundKey::new(&AES_128_GCM, &key).map_err(unspecified)?;
        let mut record = Vec::with_capacity(text.len() + 1 + TAG);
        record.extend_from_slice(text);
        record.push(2); // ends the last record
        let nonce = Nonce::assume_unique_for_key(nonce);
        LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::empty(), &mut record).map_err(unspecified)?;
        let mut message = Vec::with_capacity(HEADER + record.len());
        message.extend_from_slice(&salt);
        message.extend_from_slice(&RECORD.to_be_bytes());
        message.push(POINT as u8);
        message.extend_from_slice(public);
        message.extend_from_slice(&record);
        Ok(message)
    }

    /// The key and nonce of the content (RFC 8291, section 3.4).
    fn content_key(&self, secret: &[u8], public: &[u8; POINT], salt: [u8; SALT]) -> Result<([u8; 16], [u8; 12])> {
        let info = [b"WebPush: info\0", &self.public[..], &public[..]];
        let ikm: [u8; 32] = expand(&self.auth, secret, &info)?;
        let key = expand(&salt, &ikm, &[b"Content-Encoding: aes128gcm\0"])?;
        let nonce = expand(&salt, &ikm, &[b"Content-Encoding: nonce\0"])?;
        Ok((key, nonce))
    }
}

/// HKDF with SHA-256 (RFC 5869).
fn expand<const LENGTH: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> Result<[u8; LENGTH]> {
    struct Bytes(usize);
    impl KeyType for Bytes {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = [0; LENGTH];
    let key = Salt::new(HKDF_SHA256, salt).extract(secret);
    key.expand(info, Bytes(LENGTH)).and_then(|key| key.fill(&mut out)).map_err(unspecified)?;
    Ok(out)
}

/// The server as push services know it.
#[derive(Debug)]
pub(crate) struct Sender {
    key: EcdsaKeyPair,
    /// The contact for push services, the `sub` of a token.
    subject: String,
    /// The tokens in use, by the origin of the push service, and when each was made.
    tokens: Mutex<HashMap<String, (HeaderValue, Millis)>>,
}

impl Sender {
    /// Reads the server's key, or makes one.
    pub(crate) async fn load(core: &Core) -> Result<Self> {
        let fresh = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let fresh = fresh.map_err(unspecified)?.as_ref().to_vec();
        let stored = core.store.write(move |tx| {
            if let Some(stored) = tx.server_value(NAME)? {
                return Ok(stored);
            }
            tx.set_server_value(NAME, &fresh)?;
            Ok(fresh.clone())
        });
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &stored.await?, &SystemRandom::new());
        let key = key.map_err(|_| Error::Internal("the stored key for Web Push is damaged".into()))?;
        Ok(Self { key, subject: format!("https://{}", core.server_name), tokens: Mutex::default() })
    }

    /// The public key, as clients give it to their push service.
    pub(crate) fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.public_key())
    }

    /// The headers of a message to a push service.
    pub(super) fn headers(&self, url: &Url, is_urgent: bool, now: Millis) -> Result<HeaderMap> {
        let urgency = if is_urgent { "high" } else { "normal" };
        let fixed = [
            (header::CONTENT_TYPE, "application/octet-stream"),
            (header::CONTENT_ENCODING, "aes128gcm"),
            (HeaderName::from_static("ttl"), TTL),
            (HeaderName::from_static("urgency"), urgency),
        ];
        let mut headers: HeaderMap =
            fixed.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        headers.insert(header::AUTHORIZATION, self.token(url, now)?);
        Ok(headers)
    }

    fn token(&self, url: &Url, now: Millis) -> Result<HeaderValue> {
        let origin = url.origin().ascii_serialization();
        if let Some((token, made)) = self.tokens.lock().get(&origin)
            && now.saturating_sub(*made) < TOKEN_USED
        {
            return Ok(token.clone());
        }
        let token = self.sign(&origin, now)?;
        let mut tokens = self.tokens.lock();
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(origin, (token.clone(), now));
        Ok(token)
    }

    fn sign(&self, origin: &str, now: Millis) -> Result<HeaderValue> {
        let claims = json!({ "aud": origin, "exp": (now + TOKEN_LIFETIME) / 1_000, "sub": self.subject });
        let head = json!({ "typ": "JWT", "alg": "ES256" });
        let [head, claims] = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{head}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).map_err(unspecified)?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let value = format!("vapid t={signed}.{signature}, k={}", self.public_key());
        HeaderValue::from_str(&value).map_err(|error| Error::Internal(error.to_string()))
    }
}

fn decoded<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn unspecified(_: ring::error::Unspecified) -> Error {
    Error::Internal("Web Push: the cryptography failed".into())
}

#[cfg(test)]
mod tests {
    use super::{AUTH, DeviceKeys, MAX_TEXT, POINT, SALT, URL_SAFE_NO_PAD, decoded};
    use base64::Engine as _;

    const PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH_SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    #[test]
    fn a_message_is_encrypted_as_in_the_example_of_rfc_8291() {
        let device = DeviceKeys::parse(PUBLIC, AUTH_SECRET).unwrap();
        let mine = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
        let mine: [u8; POINT] = decoded(mine).unwrap();
        let salt: [u8; SALT] = decoded("DGv6ra1nlYgDCS1FRnbzlw").unwrap();
        let secret: [u8; 32] = decoded("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs").unwrap();
        let (key, nonce) = device.content_key(&secret, &mine, salt).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(key), "oIhVW04MRdy2XN9CiKLxTg");
        assert_eq!(URL_SAFE_NO_PAD.encode(nonce), "4h_95klXJ5E_qnoN");
        let message = device.seal(&secret, &mine, salt, b"When I grow up, I want to be a watermelon").unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6T\
                        lzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4\
                        a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(message), expected);
    }

    #[test]
    fn the_longest_text_fits_what_push_services_take() {
        let device = DeviceKeys::parse(PUBLIC, AUTH_SECRET).unwrap();
        assert_eq!(device.encrypt(&[b'x'; MAX_TEXT]).unwrap().len(), 4_096);
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let not_on_the_curve = URL_SAFE_NO_PAD.encode([4; POINT]);
        for public in ["", "AAAA", &PUBLIC[1..], &not_on_the_curve, "!"] {
            assert!(DeviceKeys::parse(public, AUTH_SECRET).is_err(), "{public}");
        }
        for auth in ["", "BTBZMqHH6r4Tts7J_aSIgg==", &URL_SAFE_NO_PAD.encode([0; AUTH + 1])] {
            assert!(DeviceKeys::parse(PUBLIC, auth).is_err(), "{auth}");
        }
    }
}
