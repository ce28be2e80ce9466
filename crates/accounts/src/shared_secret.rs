//! Registration with a shared secret, as Synapse's administration API defines it: tools and test suites make their
//! users with it, whatever the mode of registration.

use std::collections::HashMap;

use im2_core::{Code, Error, Result};
use im2_model::Millis;
use parking_lot::Mutex;
use ring::hmac;

use super::{Accounts, SignedIn, login::NewSession, registration::Creation};

/// How long a nonce is good for.
const NONCE_LIFETIME: Millis = 60 * 1000;
/// Nonces given out and not used yet. Anybody may ask for them; beyond it one has to wait for others to end.
const CAPACITY: usize = 10_000;

/// The nonces that have been given out, with their time.
#[derive(Debug, Default)]
pub(super) struct Nonces(Mutex<HashMap<String, Millis>>);

/// An account to be made, with the proof that whoever asks knows the secret.
#[derive(Clone)]
pub struct SharedSecretRequest {
    /// The nonce from [`Accounts::shared_secret_nonce`].
    pub nonce: String,
    /// The localpart.
    pub username: String,
    /// The password. It may be short: an administrator chose it.
    pub password: String,
    /// Whether the account administers the server.
    pub admin: bool,
    /// The user's first display name.
    pub displayname: Option<String>,
    /// HMAC-SHA1 over nonce, username, password and `admin` or `notadmin`, joined by NUL, in hexadecimal.
    pub mac: String,
}

impl Accounts {
    /// A nonce for [`Self::register_with_shared_secret`].
    pub fn shared_secret_nonce(&self) -> Result<String> {
        self.shared_secret()?;
        let now = self.core.now();
        let mut nonces = self.nonces.0.lock();
        if nonces.len() >= CAPACITY {
            nonces.retain(|_, given| now < *given + NONCE_LIFETIME);
        }
        if nonces.len() >= CAPACITY {
            let error =
                Error::refused(Code::LimitExceeded, "too many nonces are waiting to be used; try again in a minute");
            return Err(error.with("retry_after_ms", NONCE_LIFETIME));
        }
        let nonce = self.core.random.alphanumeric(64);
        nonces.insert(nonce.clone(), now);
        Ok(nonce)
    }

    /// Makes an account and its first session for somebody who knows the shared secret.
    pub async fn register_with_shared_secret(&self, request: SharedSecretRequest) -> Result<SignedIn> {
        let secret = self.shared_secret()?;
        let given = self.nonces.0.lock().remove(&request.nonce);
        if given.is_none_or(|given| self.core.now() >= given + NONCE_LIFETIME) {
            return Err(Error::refused(Code::Unknown, "unrecognised nonce: ask for one and use it within a minute"));
        }
        check_mac(secret, &request)?;
        let user_id = self.check_available(&request.username).await?;
        self.check_given_password(Some(&user_id), &request.password)?;
        let creation = Creation {
            user_id,
            password_hash: Some(self.passwords.hash(&request.password).await?),
            is_admin: request.admin,
            displayname: request.displayname,
            registration_token: None,
            session: Some(NewSession::default()),
        };
        let registered = self.create(creation).await?;
        registered.session.ok_or_else(|| Error::Internal("an account was made without the session asked for".into()))
    }

    fn shared_secret(&self) -> Result<&str> {
        let message = "shared-secret registration is not enabled on this server";
        self.options.shared_secret.as_deref().ok_or_else(|| Error::refused(Code::Unknown, message))
    }
}

fn check_mac(secret: &str, request: &SharedSecretRequest) -> Result<()> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let admin = if request.admin { "admin" } else { "notadmin" };
    let parts = [request.nonce.as_str(), &request.username, &request.password, admin];
    let mac = decode_hex(&request.mac).unwrap_or_default();
    hmac::verify(&key, parts.join("\0").as_bytes(), &mac)
        .map_err(|_| Error::refused(Code::Forbidden, "HMAC incorrect: the shared secret does not match"))
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    text.as_bytes().chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}
