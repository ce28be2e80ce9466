//! When and from where devices were last heard of: noted in memory, written in batches, because a write for each
//! request would cost more than the request.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use im2_model::{DeviceId, Millis, UserNid};
use im2_store::devices::Seen as Row;
use parking_lot::Mutex;

use super::Accounts;
use crate::{Result, session::Session};

/// Devices noted between two writes. More than this many are not active within a minute on one node; what would not
/// fit is noted at its next request.
const CAPACITY: usize = 200_000;

/// When a device was heard of, and from which address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Milliseconds since the epoch.
    pub ts: Millis,
    /// The client's address, if the edge knew it.
    pub ip: Option<IpAddr>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct LastSeen(Arc<Mutex<HashMap<(UserNid, DeviceId), Seen>>>);

impl Accounts {
    /// Notes that a session made a request.
    pub fn note_seen(&self, session: &Session, ip: Option<IpAddr>) {
        let mut noted = self.last_seen.0.lock();
        if noted.len() < CAPACITY {
            let seen = Seen { ts: self.core.now(), ip };
            noted.insert((session.user, session.device_id.clone()), seen);
        }
    }

    /// What is noted of a device and not written yet.
    pub(crate) fn noted(&self, user: UserNid, device_id: &DeviceId) -> Option<Seen> {
        self.last_seen.0.lock().get(&(user, device_id.clone())).copied()
    }

    /// Writes what has been noted. To be called every minute or so, and before the end.
    pub async fn flush_last_seen(&self) -> Result<()> {
        let noted = std::mem::take(&mut *self.last_seen.0.lock());
        if noted.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row> = noted
            .into_iter()
            .map(|((user, device_id), seen)| Row { user, device_id, ts: seen.ts, ip: seen.ip.map(|ip| ip.to_string()) })
            .collect();
        Ok(self.core.store.write(move |tx| tx.note_seen(&rows)).await?)
    }
}
