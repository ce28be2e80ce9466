//! Threads with new replies, wherever they are (MSC4360): for clients that were away, or do not see all of a room.

use std::collections::HashSet;

use im2_chat::thread_updates::{DEFAULT_LIMIT, Update, UpdatesRequest};
use im2_core::Result;
use im2_model::EventId;

use super::super::{Answering, Answers, object::Object, request::Threads, sent::Delta};

impl Answering<'_> {
    /// The threads with new replies. If roots are wanted, all of them; else only those with a new reply that is in no
    /// timeline of the answer.
    pub(super) async fn threads(&self, wanted: &Threads, answers: &Answers<'_>, delta: &mut Delta) -> Result<Object> {
        let mut object = Object::new();
        let since = self.before.told.token.clone().filter(|_| self.before.told.has_threads);
        delta.told.has_threads = true;
        if since.is_some() && self.changes.rooms.is_empty() {
            return Ok(object);
        }
        let limit = wanted.limit.map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let request = UpdatesRequest { since, until: Some(self.until.clone()), before: None, limit };
        let threads = &self.sync.sync.thread_updates;
        let found = threads.updates(&self.actor, request).await?;
        let shown: HashSet<&EventId> =
            answers.iter().flat_map(|(_, answer)| &answer.timeline).map(|event| event.id()).collect();
        let is_news =
            |update: &&Update| wanted.include_roots || update.replies.iter().any(|reply| !shown.contains(reply));
        let mut news = found.updates.iter().filter(is_news).peekable();
        if news.peek().is_some() {
            let updates = threads.write(self.session, news, wanted.include_roots).await?;
            object.key("updates", |out| out.extend_from_slice(&updates));
        }
        if let Some(next) = found.next {
            object.member("prev_batch", next.to_string());
        }
        Ok(object)
    }
}
