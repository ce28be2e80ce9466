//! End-to-end encryption: changed device lists, and the keys that the device has in store for others (MSC3884).

use std::collections::BTreeMap;

use im2_core::Result;

use super::super::{Answering, object::Object};

impl Answering<'_> {
    /// The keys in store are always told, for there are clients that take silence for none.
    pub(super) async fn e2ee(&self) -> Result<Object> {
        let counts = self.sync.e2ee.key_counts(self.session.user, &self.session.device_id).await?;
        let one_time: BTreeMap<_, _> = counts.by_algorithm().collect();
        let mut object = Object::new();
        object.member("device_one_time_keys_count", one_time);
        object.member("device_unused_fallback_key_types", &counts.unused_fallback);
        let lists = &self.changes.keys.device_lists;
        if !lists.is_empty() {
            object.member("device_lists", lists);
        }
        Ok(object)
    }
}
