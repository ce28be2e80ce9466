//! The parts of an answer that are about end-to-end encryption (spec: "Extensions to /sync").

use std::collections::BTreeMap;

use im2_core::{Result, session::Session};
use im2_model::StreamToken;

use super::{Answering, Sync};

impl Sync {
    /// The beginning of every answer, a whole object: where it ends, and what the device has in store for others. The
    /// latter is always told, for there are clients that take silence for none.
    pub(super) async fn head(&self, session: &Session, until: &StreamToken) -> Result<Vec<u8>> {
        let counts = self.e2ee.key_counts(session.user, &session.device_id).await?;
        let one_time: BTreeMap<_, _> = counts.by_algorithm().collect();
        let mut out = format!("{{\"next_batch\":\"{until}\",\"device_one_time_keys_count\":").into_bytes();
        drop(serde_json::to_writer(&mut out, &one_time)); // writing to a vector cannot fail
        out.extend_from_slice(b",\"device_unused_fallback_key_types\":");
        drop(serde_json::to_writer(&mut out, &counts.unused_fallback));
        out.push(b'}');
        Ok(out)
    }
}

impl Answering<'_> {
    /// Writes `device_lists`, unless there is nothing in it.
    pub(super) fn write_device_lists(&self, out: &mut Vec<u8>) {
        let lists = &self.changes.keys.device_lists;
        if !lists.is_empty() {
            out.extend_from_slice(b",\"device_lists\":");
            drop(serde_json::to_writer(out, lists)); // writing to a vector cannot fail
        }
    }
}
