//! Whose tokens are no longer good: those of participants that were removed. A token is refused if it was made before
//! the removal; one that is made afterwards lets in, because whoever signs it has decided anew.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::token::Claims;

/// How often removals are looked through for those that are of no use any more.
const SWEEP: usize = 256;

/// Who is meant by a removal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// The participant of that identity.
    Identity(String),
    /// All whose tokens have these names at the beginning of [`Claims::holder`].
    Holder(Vec<String>),
}

impl Who {
    /// Whether a participant is meant.
    pub(crate) fn is(&self, claims: &Claims) -> bool {
        match self {
            Self::Identity(identity) => *identity == claims.identity,
            Self::Holder(names) => !names.is_empty() && claims.holder.starts_with(names),
        }
    }
}

/// In which room, or in all, and who.
type Key = (Option<String>, Who);

/// The removals whose tokens may still have time.
#[derive(Debug, Default)]
pub(crate) struct Revoked(Mutex<Removals>);

#[derive(Debug, Default)]
struct Removals {
    at: HashMap<Key, SystemTime>,
    sweep_at: usize,
}

impl Revoked {
    /// Refuses all tokens from before `now`, none of which is valid for longer than `longest`.
    pub(crate) fn revoke(&self, room: Option<&str>, who: Who, now: SystemTime, longest: Duration) {
        let mut removals = self.0.lock();
        removals.at.insert((room.map(str::to_owned), who), now);
        if removals.at.len() >= removals.sweep_at {
            removals.at.retain(|_, at| now.duration_since(*at).unwrap_or_default() <= longest);
            removals.sweep_at = removals.at.len() + SWEEP;
        }
    }

    /// Whether a token of these claims was made before its participant was removed.
    pub(crate) fn refuses(&self, claims: &Claims) -> bool {
        let removals = self.0.lock();
        if removals.at.is_empty() {
            return false;
        }
        let holders = (1..=claims.holder.len()).map(|length| Who::Holder(claims.holder[..length].to_vec()));
        let whos = holders.chain([Who::Identity(claims.identity.clone())]);
        let rooms = [None, Some(claims.video.room.clone())];
        let made = claims.made();
        whos.flat_map(|who| rooms.clone().map(|room| (room, who.clone())))
            .any(|key| removals.at.get(&key).is_some_and(|at| made <= *at))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::{ApiKey, Grants};

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(milliseconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(5000) + Duration::from_millis(milliseconds)
    }

    fn claims(room: &str, identity: &str, made: SystemTime) -> Claims {
        let key = ApiKey::new("im2", b"a secret of tests");
        let mut claims = Claims::new(identity, Grants::join(room));
        claims.holder = vec!["@ana:example.org".to_owned(), identity.to_owned()];
        key.verify(&key.mint(&claims, made, HOUR), made).unwrap()
    }

    #[test]
    fn tokens_from_before_a_removal_are_refused() {
        let revoked = Revoked::default();
        revoked.revoke(Some("room"), Who::Identity("one".to_owned()), at(500), HOUR);
        assert!(revoked.refuses(&claims("room", "one", at(499))));
        assert!(!revoked.refuses(&claims("room", "one", at(501))), "within the same second");
        assert!(!revoked.refuses(&claims("other", "one", at(0))));
        assert!(!revoked.refuses(&claims("room", "two", at(0))));
    }

    #[test]
    fn a_removal_is_of_a_device_or_of_a_user() {
        let user = |names: &[&str]| Who::Holder(names.iter().map(|&name| name.to_owned()).collect());
        let revoked = Revoked::default();
        revoked.revoke(None, user(&["@ana:example.org", "one"]), at(500), HOUR);
        assert!(revoked.refuses(&claims("room", "one", at(0))) && revoked.refuses(&claims("other", "one", at(0))));
        assert!(!revoked.refuses(&claims("room", "two", at(0))));
        revoked.revoke(Some("room"), user(&["@ana:example.org"]), at(500), HOUR);
        assert!(revoked.refuses(&claims("room", "two", at(0))) && !revoked.refuses(&claims("other", "two", at(0))));
        assert!(!user(&[]).is(&claims("room", "one", at(0))), "nobody is not everybody");
    }

    #[test]
    fn removals_are_forgotten_when_no_token_is_left() {
        let revoked = Revoked::default();
        for number in 0..10_000 {
            let who = Who::Identity(number.to_string());
            revoked.revoke(Some("room"), who, at(number * 100_000), HOUR);
        }
        assert!(revoked.0.lock().at.len() <= 2 * SWEEP);
        assert!(revoked.refuses(&claims("room", "9999", at(9_999 * 100_000))));
    }
}
