//! How many participants there are of each user, whatever they call themselves: nobody takes all places of all calls.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// The participants of each user, by the first name of [`crate::Claims::holder`].
#[derive(Debug, Default)]
pub(crate) struct Holders(Mutex<HashMap<String, usize>>);

/// One of a user's participants, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    holders: Arc<Holders>,
    user: String,
}

impl Holders {
    /// Counts another participant of a user, unless there are `most` already.
    pub(crate) fn take(self: &Arc<Self>, user: &str, most: usize) -> Option<Held> {
        let mut holders = self.0.lock();
        let count = holders.entry(user.to_owned()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Held { holders: self.clone(), user: user.to_owned() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut holders = self.holders.0.lock();
        let Some(count) = holders.get_mut(&self.user) else { return };
        *count -= 1;
        if *count == 0 {
            holders.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_so_many_and_gives_them_back() {
        let holders = Arc::new(Holders::default());
        let first = holders.take("@ana:x", 2).unwrap();
        let _second = holders.take("@ana:x", 2).unwrap();
        assert!(holders.take("@ana:x", 2).is_none());
        let other = holders.take("@ben:x", 2).unwrap();
        drop((first, other));
        assert!(holders.take("@ana:x", 2).is_some());
        assert_eq!(holders.0.lock().len(), 1, "nothing is kept of who is gone");
    }
}
