//! Nonces (RFC 8489, section 9.2): a time and a signature, so that nothing has to be kept for who asks.
//!
//! A nonce holds for the address that it was given to. Who shows one therefore gets what is sent there, and nobody can
//! have requests with a stranger's source address answered beyond the challenge itself.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use im2_model::Random;
use ring::hmac;

use super::FiveTuple;
use crate::stun::is_start;

/// What every nonce begins with: the mark of RFC 8489, and in base64 the features that the server offers, of which the
/// first bit is password algorithms.
const COOKIE: &str = "obMatJos2gAAA";
/// How long a nonce holds (RFC 8656, section 5: an hour at most).
pub(super) const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Bytes of the signature. A guess right once in 2^64 saves a round trip.
const SIGNATURE: usize = 8;

#[derive(Debug)]
pub(super) struct Nonces(hmac::Key);

impl Nonces {
    /// Nonces of this run of the server.
    pub(super) fn new(random: &dyn Random) -> Self {
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &secret))
    }

    /// A nonce for the client at this address.
    pub(super) fn make(&self, from: &FiveTuple, now: Duration) -> String {
        let seconds = (now.as_secs() as u32).to_be_bytes();
        let mut bytes = [0; 4 + SIGNATURE];
        bytes[..4].copy_from_slice(&seconds);
        bytes[4..].copy_from_slice(&self.sign(seconds, from).as_ref()[..SIGNATURE]);
        format!("{COOKIE}{}", STANDARD.encode(bytes))
    }

    /// Whether a nonce was made for the client at this address, and not too long ago.
    pub(super) fn holds(&self, nonce: &[u8], from: &FiveTuple, now: Duration) -> bool {
        let Some(encoded) = nonce.strip_prefix(COOKIE.as_bytes()).filter(|encoded| encoded.len() == 16) else {
            return false;
        };
        let Ok(bytes) = STANDARD.decode(encoded) else { return false };
        let Some((seconds, signature)) = bytes.split_first_chunk::<4>() else { return false };
        let made = Duration::from_secs(u32::from_be_bytes(*seconds).into());
        let age = Duration::from_secs(now.as_secs()).checked_sub(made);
        age.is_some_and(|age| age < LIFETIME)
            && signature.len() == SIGNATURE
            && is_start(signature, self.sign(*seconds, from).as_ref())
    }

    fn sign(&self, seconds: [u8; 4], from: &FiveTuple) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&seconds);
        context.update(&from.listener.to_be_bytes());
        context.update(&from.client.port().to_be_bytes());
        match from.client.ip() {
            std::net::IpAddr::V4(v4) => context.update(&v4.octets()),
            std::net::IpAddr::V6(v6) => context.update(&v6.octets()),
        }
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use im2_model::SeededRandom;

    use super::{FiveTuple, LIFETIME, Nonces};
    use crate::server::Transport;

    #[test]
    fn a_nonce_holds_for_its_client_and_its_time() {
        let nonces = Nonces::new(&SeededRandom::new(1));
        let from = |client: &str, listener| FiveTuple {
            transport: Transport::Datagram,
            listener,
            client: client.parse().unwrap(),
        };
        let (ana, begun) = (from("192.0.2.1:5000", 0), Duration::from_secs(100));
        let nonce = nonces.make(&ana, begun);
        let holds = |nonce: &str, from: &FiveTuple, now| nonces.holds(nonce.as_bytes(), from, now);
        assert!(
            holds(&nonce, &ana, begun) && holds(&nonce, &ana, begun + LIFETIME.saturating_sub(Duration::from_secs(1)))
        );
        assert!(
            !holds(&nonce, &ana, begun + LIFETIME)
                && !holds(&nonce, &ana, begun.saturating_sub(Duration::from_secs(1)))
        );
        for other in [from("192.0.2.2:5000", 0), from("192.0.2.1:5001", 0), from("192.0.2.1:5000", 1)] {
            assert!(!holds(&nonce, &other, begun));
        }
        assert!(!Nonces::new(&SeededRandom::new(2)).holds(nonce.as_bytes(), &ana, begun));
        for at in 0..nonce.len() {
            let mut damaged = nonce.clone().into_bytes();
            damaged[at] ^= 1;
            assert!(!nonces.holds(&damaged, &ana, begun), "{at}");
        }
        assert!(!holds("", &ana, begun) && !holds("obMatJos2gAAA", &ana, begun) && !holds(&nonce[..28], &ana, begun));
    }
}
