//! The limit on requests of one device that are answered or wait at a time: when there are too many, the oldest gives
//! way to the newest. Clients have one or two; more are of a client that forgets to end them.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use im2_model::{DeviceId, UserNid};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Requests of a device. Well above what clients need, because a client that is told too early asks again at once, and
/// two that drive each other out would do so for ever.
const MOST: usize = 8;

type Key = (UserNid, DeviceId);

/// The requests of all devices.
#[derive(Debug, Clone, Default)]
pub struct ConcurrentSyncs(Arc<Mutex<HashMap<Key, VecDeque<Arc<Notify>>>>>);

/// The place of one request. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    all: ConcurrentSyncs,
    key: Key,
    superseded: Arc<Notify>,
}

impl ConcurrentSyncs {
    pub(super) fn begin(&self, user: UserNid, device_id: &DeviceId) -> Turn {
        let (key, superseded) = ((user, device_id.clone()), Arc::new(Notify::new()));
        let mut all = self.0.lock();
        let requests = all.entry(key.clone()).or_default();
        requests.push_back(Arc::clone(&superseded));
        if requests.len() > MOST
            && let Some(oldest) = requests.pop_front()
        {
            oldest.notify_one();
        }
        drop(all);
        Turn { all: self.clone(), key, superseded }
    }
}

impl Turn {
    /// Waits until a later request needs the place of this one.
    pub(super) async fn superseded(&self) {
        self.superseded.notified().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut all = self.all.0.lock();
        let Some(requests) = all.get_mut(&self.key) else { return };
        requests.retain(|request| !Arc::ptr_eq(request, &self.superseded));
        if requests.is_empty() {
            all.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use im2_model::UserNid;
    use tokio::time::timeout;

    use super::{ConcurrentSyncs, MOST};

    #[tokio::test]
    async fn the_oldest_request_gives_way() {
        let (all, device) = (ConcurrentSyncs::default(), "D".parse().unwrap());
        let mut turns: Vec<_> = (0..MOST).map(|_| all.begin(UserNid(1), &device)).collect();
        let other = all.begin(UserNid(2), &device);
        let is_superseded = async |turn: &super::Turn| timeout(Duration::ZERO, turn.superseded()).await.is_ok();
        assert!(!is_superseded(&turns[0]).await);
        turns.push(all.begin(UserNid(1), &device));
        assert!(is_superseded(&turns[0]).await && !is_superseded(&turns[1]).await && !is_superseded(&other).await);
        drop((turns, other));
        assert!(all.0.lock().is_empty(), "nothing is left of those that have ended");
    }
}
