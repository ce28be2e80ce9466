//! Randomness as a parameter, so that a test can repeat a run.

use std::sync::Mutex;

const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The source of random bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);

    /// A random string of `length` letters and digits (5.95 bits each): tokens, opaque identifiers.
    fn alphanumeric(&self, length: usize) -> String {
        let mut out = String::with_capacity(length);
        let mut buffer = [0_u8; 64];
        while out.len() < length {
            self.fill(&mut buffer);
            // 248 is the largest multiple of 62 in a byte: bytes above it would favour the first letters.
            let letters = buffer.iter().filter(|byte| **byte < 248);
            out.extend(letters.map(|byte| char::from(ALPHANUMERIC[usize::from(byte % 62)])).take(length - out.len()));
        }
        out
    }
}

/// The operating system's generator.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system has a random source; without one no token can be safe");
    }
}

/// A repeatable generator for tests (SplitMix64). Never for anything secret.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// A generator whose output is decided by `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock().expect("no holder of this lock can panic");
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Random as _, SeededRandom, SystemRandom};

    #[test]
    fn alphanumeric_has_the_length_asked_for() {
        for length in [0, 1, 43, 200] {
            let text = SystemRandom.alphanumeric(length);
            assert_eq!(text.len(), length);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn a_seed_decides_the_sequence() {
        assert_eq!(SeededRandom::new(7).alphanumeric(32), SeededRandom::new(7).alphanumeric(32));
        assert_ne!(SeededRandom::new(7).alphanumeric(32), SeededRandom::new(8).alphanumeric(32));
    }
}
