//! The threads that the user follows, wherever they are (MSC4308): the latest changes; a client that missed more asks
//! for them.

use im2_chat::thread_subscriptions::{ChangesRequest, DEFAULT_LIMIT};
use im2_core::Result;

use super::super::{Answering, object::Object, request::Limited, sent::Delta};

impl Answering<'_> {
    pub(super) async fn thread_subscriptions(&self, wanted: &Limited, delta: &mut Delta) -> Result<Object> {
        let mut object = Object::new();
        let since = self.before.told.token.clone().filter(|_| self.before.told.has_thread_subscriptions);
        delta.told.has_thread_subscriptions = true;
        if since.is_some() && !self.changes.has_thread_subscriptions {
            return Ok(object);
        }
        let request = ChangesRequest { since, before: None, limit: wanted.limit(DEFAULT_LIMIT) };
        let mut page = self.sync.sync.thread_subscriptions.changes(self.session.user, request).await?;
        // What came after this answer's end is told in the next one.
        page.changes.retain(|change| self.until.includes(change.position));
        let (subscribed, unsubscribed) = page.by_room();
        for (name, threads) in [("subscribed", subscribed), ("unsubscribed", unsubscribed)] {
            if threads.as_object().is_some_and(|threads| !threads.is_empty()) {
                object.member(name, threads);
            }
        }
        if let Some(next) = page.next {
            object.member("prev_batch", next.to_string());
        }
        Ok(object)
    }
}
