//! What each user has and uses: allocations, and bytes in the current second.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::options::Limits;

/// How long a user without allocations is remembered, so that nobody gets a fresh allowance by starting anew.
const REMEMBERED: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct User {
    allocations: usize,
    /// Bytes that may be relayed at once, as of `at`.
    allowance: u64,
    at: Duration,
}

#[derive(Debug)]
pub(super) struct Users {
    per_user: usize,
    bytes_per_second: u64,
    known: HashMap<Arc<str>, User>,
}

impl Users {
    pub(super) fn new(limits: &Limits) -> Self {
        let Limits { allocations_per_user: per_user, bytes_per_second, .. } = *limits;
        Self { per_user, bytes_per_second, known: HashMap::new() }
    }

    /// Counts more allocations of a user, and gives the name as it is kept; `None` if they would have too many.
    pub(super) fn add(&mut self, name: &str, more: usize, now: Duration) -> Option<Arc<str>> {
        let (name, has) = match self.known.get_key_value(name) {
            Some((name, user)) => (Arc::clone(name), user.allocations),
            None => (name.into(), 0),
        };
        if has + more > self.per_user {
            return None;
        }
        let new = User { allocations: 0, allowance: self.bytes_per_second, at: now };
        self.known.entry(Arc::clone(&name)).or_insert(new).allocations += more;
        Some(name)
    }

    /// Counts allocations that have ended.
    pub(super) fn remove(&mut self, name: &str, fewer: usize) {
        if let Some(user) = self.known.get_mut(name) {
            user.allocations = user.allocations.saturating_sub(fewer);
        }
    }

    /// Whether a user may have this many more bytes relayed, which are then counted.
    pub(super) fn take(&mut self, name: &str, bytes: usize, now: Duration) -> bool {
        let Some(user) = self.known.get_mut(name) else { return false };
        let elapsed = now.saturating_sub(user.at).min(Duration::from_secs(1));
        let more = elapsed.as_micros() as u64 * self.bytes_per_second / 1_000_000;
        // Below a byte the time goes on counting, so that many small datagrams get what is theirs.
        if more > 0 {
            user.allowance = (user.allowance + more).min(self.bytes_per_second);
            user.at = now;
        }
        let left = user.allowance.checked_sub(bytes as u64);
        user.allowance = left.unwrap_or(user.allowance);
        left.is_some()
    }

    /// Forgets those who have nothing any more.
    pub(super) fn forget(&mut self, now: Duration) {
        self.known.retain(|_, user| user.allocations > 0 || now.saturating_sub(user.at) < REMEMBERED);
        if self.known.capacity() > 4 * self.known.len() + 64 {
            self.known.shrink_to_fit();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Users;
    use crate::Limits;

    #[test]
    fn each_has_their_own_allocations_and_bytes() {
        let limits = Limits { allocations_per_user: 2, bytes_per_second: 1_000, ..Limits::default() };
        let mut users = Users::new(&limits);
        let at = Duration::from_millis;
        assert!(users.add("ana", 1, at(0)).is_some() && users.add("ana", 1, at(0)).is_some());
        assert!(users.add("ana", 1, at(0)).is_none() && users.add("ben", 1, at(0)).is_some());
        assert!(users.take("ana", 600, at(0)) && !users.take("ana", 600, at(0)) && users.take("ana", 400, at(0)));
        assert!(users.take("ben", 1_000, at(0)) && !users.take("eve", 1, at(0)));
        assert!(!users.take("ana", 200, at(100)) && users.take("ana", 100, at(100)));
        assert!(users.take("ana", 1_000, at(60_000)) && !users.take("ana", 1, at(60_000)));
        // Who starts anew finds what is left.
        users.remove("ana", 2);
        users.forget(at(60_001));
        assert!(users.add("ana", 1, at(60_001)).is_some() && !users.take("ana", 500, at(60_001)));
        users.remove("ana", 1);
        users.forget(at(70_000));
        assert_eq!(users.len(), 1);
    }

    #[test]
    fn many_small_datagrams_get_what_is_theirs() {
        let mut users = Users::new(&Limits { bytes_per_second: 1_000, ..Limits::default() });
        users.add("ana", 1, Duration::ZERO).unwrap();
        assert!(users.take("ana", 1_000, Duration::ZERO));
        let taken = (1..=10_000).filter(|tick| users.take("ana", 1, Duration::from_micros(tick * 100))).count();
        assert!((990..=1_000).contains(&taken), "{taken}");
    }
}
