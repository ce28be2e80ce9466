//! The last use of devices: when, from where and by which client. Noted in memory and written in batches, because a
//! write for each request would cost more than the request.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use im2_core::{Result, session::Session};
use im2_model::{DeviceId, Millis, UserNid, shown_name};
use im2_store::devices::{NoteSeen, Seen as Row};
use parking_lot::Mutex;

use super::Accounts;

/// Devices noted between two writes. More than this many are not active within a minute on one node; what would not
/// fit is noted at its next request.
const CAPACITY: usize = 200_000;
/// The longest user agent that is kept, in bytes. Usual ones have about a hundred; with [`CAPACITY`] this bounds memory
/// to some 50 MB.
const MAX_USER_AGENT: usize = 256;

/// The last use of a device: when, and from which address and client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Milliseconds since the epoch.
    pub ts: Millis,
    /// The client's address, if the edge knew it.
    pub ip: Option<IpAddr>,
    /// The client's name for itself, as [`user_agent`] leaves it.
    pub user_agent: Option<Box<str>>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct LastSeen(Arc<Mutex<HashMap<(UserNid, DeviceId), Seen>>>);

impl Accounts {
    /// Notes that a session made a request. `agent` is the request's `User-Agent`.
    pub fn note_seen(&self, session: &Session, ip: Option<IpAddr>, agent: Option<&[u8]>) {
        let (device, ts) = ((session.user, session.device_id.clone()), self.core.now());
        let mut noted = self.last_seen.0.lock();
        let is_full = noted.len() >= CAPACITY;
        if let Some(seen) = noted.get_mut(&device) {
            // Nearly always the same, and then nothing is copied.
            let kept = seen.user_agent.as_deref().map(str::as_bytes);
            if agent != kept {
                seen.user_agent = agent.and_then(user_agent);
            }
            (seen.ts, seen.ip) = (ts, ip);
        } else if !is_full {
            noted.insert(device, Seen { ts, ip, user_agent: agent.and_then(user_agent) });
        }
    }

    /// The last use of a device that is noted and not written yet.
    pub(crate) fn noted(&self, user: UserNid, device_id: &DeviceId) -> Option<Seen> {
        self.last_seen.0.lock().get(&(user, device_id.clone())).cloned()
    }

    /// Writes what has been noted. To be called every minute or so, and before the end.
    pub async fn flush_last_seen(&self) -> Result<()> {
        let noted = std::mem::take(&mut *self.last_seen.0.lock());
        if noted.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row> = noted
            .into_iter()
            .map(|((user, device_id), Seen { ts, ip, user_agent })| {
                let ip = ip.map(|ip| ip.to_string());
                Row { user, device_id, ts, ip, user_agent }
            })
            .collect();
        Ok(self.core.store.carry_out(NoteSeen(rows), |_, ()| Ok(Vec::new())).await?)
    }
}

/// A client's name for itself as it may be kept and shown: without characters that turn or hide text, cut to
/// [`MAX_USER_AGENT`] bytes; `None` if nothing is left.
fn user_agent(header: &[u8]) -> Option<Box<str>> {
    // Cut first, because the header may be long.
    let text = String::from_utf8_lossy(&header[..header.len().min(2 * MAX_USER_AGENT)]);
    let shown = shown_name(&text);
    let end =
        shown.char_indices().map(|(at, char)| at + char.len_utf8()).take_while(|end| *end <= MAX_USER_AGENT).last();
    let shown = shown[..end.unwrap_or(0)].trim();
    (!shown.is_empty()).then(|| shown.into())
}

#[cfg(test)]
mod tests {
    use super::{MAX_USER_AGENT, user_agent};

    #[test]
    fn a_user_agent_is_bounded_and_harmless() {
        for (header, kept) in [
            ("Element/1.11.80 (X11; Linux x86_64)", Some("Element/1.11.80 (X11; Linux x86_64)")),
            ("a\tb\u{202E}c\u{0}", Some("abc")),
            (" \t ", None),
            ("", None),
        ] {
            assert_eq!(user_agent(header.as_bytes()).as_deref(), kept, "{header:?}");
        }
        let long = "é".repeat(5_000);
        assert_eq!(user_agent(long.as_bytes()).map(|kept| kept.len()), Some(MAX_USER_AGENT));
        assert!(user_agent(&[b'a', 0xFF, 0xC3]).is_some());
    }
}
