//! Who a request is from: long-term credentials (RFC 8489, section 9.2) that expire by themselves.
//!
//! A user name is a time and a user, its password the signature of both with a secret that who hands them out shares.
//! So no list of users is kept here. It is the scheme of "A REST API for Access to TURN Services", which the Matrix
//! specification's `GET /voip/turnServer` hands out.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use im2_model::Random;
use ring::hmac;

use super::{FiveTuple, Now, nonce::Nonces, refusal::Refusal};
use crate::stun::{Builder, Key, Message, attributes};

/// PASSWORD-ALGORITHMS: SHA-256, then MD5, both without parameters.
const ALGORITHMS: [u8; 8] = [0, 2, 0, 0, 0, 1, 0, 0];
/// The longest user name (RFC 8489, section 14.3).
const LONGEST_USERNAME: usize = 508;

/// Somebody who has shown valid credentials.
#[derive(Debug)]
pub(super) struct Authenticated {
    /// The user, without the time.
    pub(super) user: String,
    /// Whether their time is over. What was allocated before may still be used.
    pub(super) expired: bool,
    key: Key,
    sha256: bool,
}

impl Authenticated {
    /// Signs an answer with the key and in the way of the request.
    pub(super) fn sign(&self, builder: &mut Builder) {
        builder.sign(&self.key, self.sha256);
    }
}

/// Checks credentials.
#[derive(Debug)]
pub(super) struct Credentials {
    realm: String,
    secret: hmac::Key,
    nonces: Nonces,
}

impl Credentials {
    pub(super) fn new(realm: String, secret: &str, random: &dyn Random) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
        Self { realm, secret, nonces: Nonces::new(random) }
    }

    /// Who a request is from, by the steps of RFC 8489, section 9.2.4. USERHASH is not offered, and nobody is known by
    /// one.
    pub(super) fn check(&self, message: &Message<'_>, from: &FiveTuple, now: Now) -> Result<Authenticated, Refusal> {
        if !message.is_signed() {
            return Err(Refusal::UNAUTHENTICATED);
        }
        let (realm, nonce) = (message.get(attributes::REALM), message.get(attributes::NONCE));
        let (Some(_), Some(nonce)) = (realm, nonce) else { return Err(Refusal::BAD_REQUEST) };
        let username = message.get(attributes::USERNAME);
        if username.is_none() && message.get(attributes::USERHASH).is_none() {
            return Err(Refusal::BAD_REQUEST);
        }
        let make_key = algorithm(message)?;
        if !self.nonces.holds(nonce, from, now.at) {
            return Err(Refusal::STALE_NONCE);
        }
        let username = username.and_then(|name| std::str::from_utf8(name).ok()).ok_or(Refusal::UNAUTHENTICATED)?;
        let (until, user) = split(username).ok_or(Refusal::UNAUTHENTICATED)?;
        let password = STANDARD.encode(hmac::sign(&self.secret, username.as_bytes()));
        let key = make_key(username.as_bytes(), self.realm.as_bytes(), password.as_bytes());
        if !message.is_signed_by(&key) {
            return Err(Refusal::UNAUTHENTICATED);
        }
        let (expired, sha256) = (until <= now.unix, message.is_signed_with_sha256());
        Ok(Authenticated { user: user.to_owned(), expired, key, sha256 })
    }

    /// Tells a client what it needs to show credentials.
    pub(super) fn challenge(&self, builder: &mut Builder, from: &FiveTuple, now: Now) {
        builder.attribute(attributes::REALM, self.realm.as_bytes());
        builder.attribute(attributes::NONCE, self.nonces.make(from, now.at).as_bytes());
        builder.attribute(attributes::PASSWORD_ALGORITHMS, &ALGORITHMS);
    }
}

type MakeKey = fn(&[u8], &[u8], &[u8]) -> Key;

/// How the request's key is made. A client that knows of algorithms repeats those that were offered, so that nobody on
/// the way can have made it take the weaker one.
fn algorithm(message: &Message<'_>) -> Result<MakeKey, Refusal> {
    let (chosen, offered) = (message.get(attributes::PASSWORD_ALGORITHM), message.get(attributes::PASSWORD_ALGORITHMS));
    match (chosen, offered) {
        (None, None) => Ok(Key::md5),
        (Some([0, 1, 0, 0]), Some(offered)) if offered == ALGORITHMS => Ok(Key::md5),
        (Some([0, 2, 0, 0]), Some(offered)) if offered == ALGORITHMS => Ok(Key::sha256),
        _ => Err(Refusal::BAD_REQUEST),
    }
}

/// The time at which a user name expires, in seconds since 1970, and the user.
fn split(username: &str) -> Option<(u64, &str)> {
    let (until, user) = username.split_once(':')?;
    let is_number = !until.is_empty() && until.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || user.is_empty() || username.len() > LONGEST_USERNAME {
        return None;
    }
    Some((until.parse().ok()?, user))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_user_name_is_a_time_and_a_user() {
        assert_eq!(split("1700000000:@ana:example.org"), Some((1_700_000_000, "@ana:example.org")));
        let long = format!("1:{}", "a".repeat(507));
        for bad in ["", ":", "1:", ":a", "a:b", "-1:a", "+1:a", "1", "99999999999999999999:a", &long] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }
}
