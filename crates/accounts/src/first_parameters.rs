//! The parameters of requests that wait for their user-interactive authentication, for clients that then send `auth`
//! alone.
//!
//! They are in memory only, because passwords are among them: for as long as the authentication may take, within
//! limits in bytes and number, and nobody's requests displace somebody else's kind of them.

use std::collections::{BTreeSet, HashMap};

use im2_model::{Millis, UserNid};
use parking_lot::Mutex;

/// The largest parameters kept for a signed-in user, in bytes: three cross-signing keys of today take some 2,000, and
/// a list of 1,000 devices some 13,000.
const MAX_OF_USER: usize = 32 * 1024;
/// The largest parameters kept for somebody who registers, in bytes: names and a password.
const MAX_OF_STRANGER: usize = 4 * 1024;
/// The most that the parameters of all signed-in users, and of all who register, may take together, in bytes each.
const BUDGET: usize = 8 << 20;
/// Requests kept of each kind, so that small ones stay cheap too.
const MAX_REQUESTS: usize = 4_096;
/// Requests kept for one signed-in user.
const MAX_PER_USER: usize = 8;

/// A request as the session of its authentication refers to it: another one gets nothing by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    /// The endpoint.
    pub(super) endpoint: &'static str,
    /// The signed-in user; `None` for somebody who registers.
    pub(super) user: Option<UserNid>,
}

struct Kept {
    request: Request,
    parameters: Box<str>,
    expires: Millis,
}

/// The parameters that are kept for one kind of requests.
#[derive(Default)]
struct Pool {
    by_session: HashMap<String, Kept>,
    by_expiry: BTreeSet<(Millis, String)>,
    bytes: usize,
}

impl Pool {
    fn remove(&mut self, session: &str) {
        if let Some(kept) = self.by_session.remove(session) {
            self.bytes -= kept.parameters.len();
            self.by_expiry.remove(&(kept.expires, session.to_owned()));
        }
    }

    fn insert(&mut self, session: &str, kept: Kept) {
        self.remove(session);
        self.bytes += kept.parameters.len();
        self.by_expiry.insert((kept.expires, session.to_owned()));
        self.by_session.insert(session.to_owned(), kept);
    }

    /// Removes what has expired, and the oldest beyond the limits.
    fn shrink(&mut self, now: Millis) {
        while let Some((expires, session)) = self.by_expiry.first().cloned() {
            if now < expires && self.bytes <= BUDGET && self.by_session.len() <= MAX_REQUESTS {
                return;
            }
            self.remove(&session);
        }
    }

    /// Removes the oldest requests of a user beyond the limit.
    fn shrink_user(&mut self, user: UserNid) {
        let is_theirs =
            |session: &String| self.by_session.get(session).is_some_and(|kept| kept.request.user == Some(user));
        let theirs: Vec<String> =
            self.by_expiry.iter().map(|(_, session)| session).filter(|session| is_theirs(session)).cloned().collect();
        for session in theirs.iter().take(theirs.len().saturating_sub(MAX_PER_USER)) {
            self.remove(session);
        }
    }
}

/// The parameters by the session of the authentication.
#[derive(Default)]
pub(super) struct FirstParameters {
    of_users: Mutex<Pool>,
    of_strangers: Mutex<Pool>,
}

impl FirstParameters {
    fn pool(&self, request: Request) -> &Mutex<Pool> {
        if request.user.is_some() { &self.of_users } else { &self.of_strangers }
    }

    /// Keeps the parameters of a request until `expires`. Those that are too large have to be sent again.
    pub(super) fn keep(&self, session: &str, request: Request, parameters: &str, now: Millis, expires: Millis) {
        let limit = if request.user.is_some() { MAX_OF_USER } else { MAX_OF_STRANGER };
        let mut pool = self.pool(request).lock();
        pool.remove(session);
        if parameters.len() <= limit {
            pool.insert(session, Kept { request, parameters: parameters.into(), expires });
        }
        if let Some(user) = request.user {
            pool.shrink_user(user);
        }
        pool.shrink(now);
    }

    /// The parameters with which a request began that is gone on with.
    pub(super) fn get(&self, session: &str, request: Request, now: Millis) -> Option<Box<str>> {
        let pool = self.pool(request).lock();
        let kept = pool.by_session.get(session).filter(|kept| kept.request == request && now < kept.expires)?;
        Some(kept.parameters.clone())
    }

    /// Forgets the parameters of a request that was carried out, at the latest at `expires`.
    pub(super) fn end(&self, session: &str, expires: Millis) {
        for pool in [&self.of_users, &self.of_strangers] {
            let mut pool = pool.lock();
            if let Some(mut kept) = pool.by_session.remove(session) {
                pool.bytes -= kept.parameters.len();
                pool.by_expiry.remove(&(kept.expires, session.to_owned()));
                kept.expires = kept.expires.min(expires);
                pool.insert(session, kept);
            }
        }
    }

    /// Forgets what has expired.
    pub(crate) fn expire(&self, now: Millis) {
        self.of_users.lock().shrink(now);
        self.of_strangers.lock().shrink(now);
    }
}

/// Says nothing of what is kept.
impl std::fmt::Debug for FirstParameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstParameters").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use im2_model::UserNid;

    use super::{BUDGET, FirstParameters, MAX_OF_STRANGER, MAX_OF_USER, MAX_PER_USER, MAX_REQUESTS, Request};

    const REGISTER: Request = Request { endpoint: "register", user: None };

    fn of_user(number: i64) -> Request {
        Request { endpoint: "delete_devices", user: Some(UserNid(number)) }
    }

    #[test]
    fn parameters_are_for_the_request_that_they_came_with_until_they_expire() {
        let kept = FirstParameters::default();
        kept.keep("one", of_user(1), "{}", 0, 100);
        assert_eq!(kept.get("one", of_user(1), 99).as_deref(), Some("{}"));
        assert_eq!(kept.get("one", of_user(2), 99), None);
        assert_eq!(kept.get("one", Request { endpoint: "password", ..of_user(1) }, 99), None);
        assert_eq!(kept.get("one", REGISTER, 99), None);
        assert_eq!(kept.get("one", of_user(1), 100), None);
        kept.end("one", 50);
        assert!(kept.get("one", of_user(1), 49).is_some() && kept.get("one", of_user(1), 50).is_none());
        kept.expire(50);
        let pool = kept.of_users.lock();
        assert_eq!((pool.bytes, pool.by_session.len(), pool.by_expiry.len()), (0, 0, 0));
    }

    #[test]
    fn a_crowd_takes_no_more_than_its_budget_and_displaces_no_other_kind() {
        let kept = FirstParameters::default();
        for number in 0..2 * MAX_PER_USER {
            kept.keep(&format!("mine {number}"), of_user(1), &"x".repeat(MAX_OF_USER), 0, number as u64 + 1);
        }
        let held = |session: &str, request| kept.get(session, request, 0).is_some();
        let mine = (0..2 * MAX_PER_USER).filter(|number| held(&format!("mine {number}"), of_user(1))).count();
        assert_eq!(mine, MAX_PER_USER);
        for number in 0..2 * MAX_REQUESTS {
            kept.keep(&format!("{number}"), REGISTER, &"x".repeat(MAX_OF_STRANGER), 0, number as u64 + 1);
        }
        let pool = kept.of_strangers.lock();
        assert!(pool.bytes <= BUDGET && pool.by_session.len() <= MAX_REQUESTS && pool.bytes > BUDGET / 2);
        assert_eq!(pool.by_session.len(), pool.by_expiry.len());
        drop(pool);
        assert!(held(&format!("mine {}", 2 * MAX_PER_USER - 1), of_user(1)));
        assert!(held(&format!("{}", 2 * MAX_REQUESTS - 1), REGISTER) && !held("0", REGISTER));
        kept.keep("large", REGISTER, &"x".repeat(MAX_OF_STRANGER + 1), 0, 1_000_000);
        assert!(!held("large", REGISTER));
    }
}
