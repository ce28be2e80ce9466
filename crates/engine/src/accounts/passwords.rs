//! Password hashing: Argon2id, off the asynchronous threads, a few at a time.

use std::{fmt, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use im2_model::Random;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

use crate::{Code, Error, Result};

/// Hashes computed at the same time: each needs its own memory and a core.
const RUNNING: usize = 2;
/// Callers that may wait for their turn. At the default cost the last of them waits some seconds; who comes after
/// is better told to come back.
const WAITING: usize = 128;
/// The longest password accepted, in bytes.
const MAX_PASSWORD: usize = 512;

/// What one hash costs. The default follows OWASP's recommendation for Argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB, at least 8.
    pub memory_kib: u32,
    /// Passes over that memory, at least 1.
    pub iterations: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2 }
    }
}

#[derive(Clone)]
pub(super) struct Passwords {
    cost: PasswordCost,
    /// What the password of somebody who does not exist is compared with, so that it takes as long.
    decoy: Arc<str>,
    random: Arc<dyn Random>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new(cost: PasswordCost, random: Arc<dyn Random>) -> Self {
        let mut bytes = [0_u8; 48];
        random.fill(&mut bytes);
        let (salt, digest) = bytes.split_at(16);
        let decoy = format!(
            "$argon2id$v=19$m={},t={},p=1${}${}",
            cost.memory_kib,
            cost.iterations,
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(digest)
        );
        Self {
            cost,
            decoy: decoy.into(),
            random,
            running: Arc::new(Semaphore::new(RUNNING)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// The PHC string for a password.
    pub(super) async fn hash(&self, password: &str) -> Result<String> {
        let password = normal(password);
        let mut salt = [0_u8; 16];
        self.random.fill(&mut salt);
        let params = Params::new(self.cost.memory_kib, self.cost.iterations, 1, None)
            .map_err(|error| Error::Internal(format!("password cost: {error}")))?;
        self.run(move || {
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let hash: PasswordHash = argon
                .hash_password_with_salt(password.as_bytes(), &salt)
                .map_err(|error| Error::Internal(format!("hashing a password: {error}")))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` belongs to `hash`. Without a hash it never does, and that takes as long to find out.
    pub(super) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        if password.len() > MAX_PASSWORD {
            return Ok(false);
        }
        let known = hash.is_some();
        let hash: Arc<str> = hash.map_or_else(|| Arc::clone(&self.decoy), Arc::from);
        let password = normal(password);
        self.run(move || {
            let parsed = PasswordHash::new(&hash)
                .map_err(|error| Error::Internal(format!("a stored password hash does not parse: {error}")))?;
            let matches = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(matches && known)
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let Ok(_place) = self.waiting.try_acquire() else {
            let message = "too many sign-ins at the same time; try again in a few seconds";
            return Err(Error::refused(Code::LimitExceeded, message).with("retry_after_ms", 3_000));
        };
        let permit = Arc::clone(&self.running).acquire_owned().await;
        let permit = permit.map_err(|error| Error::Internal(format!("password hashing: {error}")))?;
        let work = move || {
            let _permit = permit; // kept when the caller goes away: the work goes on
            work()
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Error::Internal(format!("password hashing: {error}")))?
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("cost", &self.cost).finish_non_exhaustive()
    }
}

/// The form in which a password is hashed: keyboards and systems differ in how they compose the same characters.
fn normal(password: &str) -> String {
    password.nfkc().collect()
}

/// Refuses what cannot be a password, whoever sets it.
pub(super) fn check_length(password: &str) -> Result<()> {
    if password.is_empty() {
        return Err(Error::refused(Code::WeakPassword, "the password is empty"));
    }
    if password.len() > MAX_PASSWORD {
        return Err(Error::refused(Code::InvalidParam, "a password has at most 512 bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{PasswordCost, Passwords, check_length};
    use im2_model::SeededRandom;

    fn passwords() -> Passwords {
        Passwords::new(PasswordCost { memory_kib: 8, iterations: 1 }, Arc::new(SeededRandom::new(1)))
    }

    #[tokio::test]
    async fn only_the_password_itself_matches_its_hash() {
        let passwords = passwords();
        let hash = passwords.hash("übers3kr1t").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(passwords.verify("übers3kr1t", Some(&hash)).await.unwrap());
        assert!(passwords.verify("u\u{308}bers3kr1t", Some(&hash)).await.unwrap(), "another way to type it");
        assert!(!passwords.verify("ubers3kr1t", Some(&hash)).await.unwrap());
        assert_ne!(hash, passwords.hash("übers3kr1t").await.unwrap());
    }

    #[tokio::test]
    async fn nobody_matches_the_decoy_and_it_costs_what_a_hash_costs() {
        let passwords = passwords();
        assert!(passwords.decoy.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(argon2::password_hash::phc::PasswordHash::new(&passwords.decoy).is_ok());
        assert!(!passwords.verify("anything", None).await.unwrap());
    }

    #[test]
    fn a_password_has_a_length() {
        assert!(check_length("").is_err());
        assert!(check_length("八").is_ok());
        assert!(check_length(&"x".repeat(513)).is_err());
    }
}
