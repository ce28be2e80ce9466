//! Password hashing: Argon2id, off the asynchronous threads, a few at a time.
//!
//! Callers take turns: those who try passwords from one network wait for each other, not everybody for them.

use std::{fmt, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use im2_fair::{Bounds, Load, Turns};
use im2_model::Random;
use unicode_normalization::UnicodeNormalization as _;

use im2_core::{Code, Error, Result};

/// Hashes at the same time.
const BOUNDS: Bounds = Bounds {
    // Each needs its own memory and a core.
    running: 2,
    running_per_key: 1,
    running_per_target: usize::MAX,
    // At the default cost the last waits some seconds; later ones are better told to come back.
    waiting: 128,
    // An office behind one address signs in on Monday morning.
    waiting_per_key: 64,
};
/// The longest password accepted, in bytes.
const MAX_PASSWORD: usize = 512;

/// The cost of one hash. The default follows OWASP's recommendation for Argon2id.
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
    /// The hash that a password is compared with if there is no such user, so that the answer takes as long.
    decoy: Arc<str>,
    random: Arc<dyn Random>,
    turns: Arc<Turns>,
}

impl Passwords {
    pub(crate) fn new(cost: PasswordCost, random: Arc<dyn Random>) -> Self {
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
        Self { cost, decoy: decoy.into(), random, turns: Arc::new(Turns::new(BOUNDS)) }
    }

    /// Hashes under way and waiting.
    pub(crate) fn load(&self) -> Load {
        self.turns.load()
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
        let turn = self.turns.take().await.map_err(|_| {
            let message = "too many sign-ins at the same time; try again in a few seconds";
            Error::refused(Code::LimitExceeded, message).with("retry_after_ms", 3_000)
        })?;
        let work = move || {
            let _turn = turn; // kept when the caller goes away: the work goes on
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
        return Err(Error::refused(Code::InvalidParam, "a password must have at most 512 bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{BOUNDS, Code, PasswordCost, Passwords, check_length};
    use im2_fair::{Caller, caller::scope};
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

    #[tokio::test]
    async fn those_who_guess_from_one_network_wait_for_each_other_only() {
        let passwords = passwords();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(parking_lot::Mutex::new(gate));
        let guesser = Caller::at("192.0.2.1".parse().unwrap());
        let mut guesses = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let (passwords, gate) = (passwords.clone(), Arc::clone(&gate));
            guesses.spawn(scope(guesser, async move {
                passwords
                    .run(move || {
                        let _ = gate.lock().recv(); // fails once it is open
                        Ok(())
                    })
                    .await
            }));
        }
        let mut refused = 0;
        while refused < 200 - 1 - BOUNDS.waiting_per_key {
            let outcome = guesses.join_next().await.unwrap().unwrap();
            assert_eq!(outcome.unwrap_err().code(), Some(Code::LimitExceeded));
            refused += 1;
        }
        let load = passwords.load();
        assert_eq!((load.running, load.waiting), (1, BOUNDS.waiting_per_key));
        let other = Caller::at("198.51.100.1".parse().unwrap());
        scope(other, passwords.hash("somebody else's")).await.unwrap();
        drop(open);
        while let Some(outcome) = guesses.join_next().await {
            outcome.unwrap().unwrap();
        }
    }

    #[test]
    fn a_password_has_a_length() {
        assert!(check_length("").is_err());
        assert!(check_length("八").is_ok());
        assert!(check_length(&"x".repeat(513)).is_err());
    }
}
