//! Wake-ups: hints that there may be something new for a user.
//!
//! The bus carries no payload and promises nothing: whoever is woken looks at the truth again, and whoever is not
//! woken finds it at the next look. This is the implementation inside one process.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use im2_model::UserNid;
use parking_lot::RwLock;
use tokio::sync::Notify;

/// The waits for news, by user. Cheap to clone; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Bus {
    waiting: Arc<RwLock<HashMap<UserNid, Weak<Waiting>>>>,
}

#[derive(Debug, Default)]
struct Waiting {
    notify: Notify,
}

/// A wait for news of one user. While any lives, [`Bus::wake`] reaches it.
#[derive(Debug)]
pub struct Subscription {
    bus: Bus,
    user: UserNid,
    waiting: Option<Arc<Waiting>>,
}

impl Bus {
    /// Starts waiting for news of `user`. Subscribe first, then look, then wait: nothing can fall in between.
    pub fn subscribe(&self, user: UserNid) -> Subscription {
        let mut waiting = self.waiting.write();
        let existing = waiting.get(&user).and_then(Weak::upgrade);
        let shared = existing.unwrap_or_else(|| {
            let fresh = Arc::new(Waiting::default());
            waiting.insert(user, Arc::downgrade(&fresh));
            fresh
        });
        Subscription { bus: self.clone(), user, waiting: Some(shared) }
    }

    /// Wakes everybody who waits for `user`.
    pub fn wake(&self, user: UserNid) {
        if let Some(waiting) = self.waiting.read().get(&user).and_then(Weak::upgrade) {
            waiting.notify.notify_waiters();
        }
    }

    /// Wakes everybody who waits for one of `users`. `is_one` must say the same about a user as the iterator does;
    /// whichever is shorter, the users or those who wait, is walked.
    pub fn wake_all(&self, count: usize, users: impl Iterator<Item = UserNid>, is_one: impl Fn(UserNid) -> bool) {
        let waiting = self.waiting.read();
        let notify = |entry: &Weak<Waiting>| {
            if let Some(found) = entry.upgrade() {
                found.notify.notify_waiters();
            }
        };
        if count <= waiting.len() {
            users.filter_map(|user| waiting.get(&user)).for_each(notify);
        } else {
            waiting.iter().filter(|(user, _)| is_one(**user)).map(|(_, entry)| entry).for_each(notify);
        }
    }

    /// How many users have somebody waiting.
    pub fn waiting_users(&self) -> usize {
        self.waiting.read().len()
    }
}

impl Subscription {
    /// A future that completes at the next wake-up after this call (not after the first poll).
    pub fn woken(&self) -> tokio::sync::futures::Notified<'_> {
        let waiting = self.waiting.as_deref().expect("only taken when dropped");
        waiting.notify.notified()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut waiting = self.bus.waiting.write();
        drop(self.waiting.take());
        if waiting.get(&self.user).is_some_and(|entry| entry.strong_count() == 0) {
            waiting.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bus;
    use im2_model::UserNid;

    #[tokio::test]
    async fn a_wake_up_after_subscribing_is_not_lost() {
        let bus = Bus::default();
        let subscription = bus.subscribe(UserNid(1));
        let woken = subscription.woken();
        bus.wake(UserNid(2));
        bus.wake(UserNid(1));
        woken.await;
    }

    #[tokio::test]
    async fn waking_many_reaches_those_who_wait() {
        let bus = Bus::default();
        let (one, two) = (bus.subscribe(UserNid(1)), bus.subscribe(UserNid(2)));
        let (woken_one, woken_two) = (one.woken(), two.woken());
        bus.wake_all(3, [1, 2, 3].into_iter().map(UserNid), |user| user.0 < 4);
        bus.wake_all(1, std::iter::once(UserNid(2)), |user| user.0 == 2);
        tokio::join!(woken_one, woken_two);
    }

    #[test]
    fn nobody_is_remembered_after_the_last_subscription() {
        let bus = Bus::default();
        let (first, second) = (bus.subscribe(UserNid(1)), bus.subscribe(UserNid(1)));
        drop(first);
        assert_eq!(bus.waiting_users(), 1);
        drop(second);
        assert_eq!(bus.waiting_users(), 0);
    }
}
