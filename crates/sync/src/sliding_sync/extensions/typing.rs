//! Typing notifications of the rooms in sight (MSC3961).

use std::collections::HashSet;

use im2_core::Result;
use im2_model::RoomNid;
use serde_json::json;

use super::super::{Answering, Answers, listing::Matched, object::Object};
use super::rooms_of;

impl Answering<'_> {
    /// The users typing in each room: in rooms that are new to the client if anybody is typing, in others if it has
    /// changed.
    pub(super) async fn typing(&self, scope: &[&Matched], answers: &Answers<'_>) -> Result<Object> {
        let known = |room: &RoomNid| self.before.rooms.contains_key(room);
        let new = answers.iter().map(|(matched, _)| matched.candidate.room).filter(|room| !known(room));
        let new: HashSet<RoomNid> = new.collect();
        let in_scope = rooms_of(scope);
        let since = self.before.told.token.as_ref().map(|token| token.ephemeral);
        let changed = since.map(|since| self.sync.typing.rooms_changed_since(since)).unwrap_or_default();
        let changed: HashSet<RoomNid> = changed.into_iter().filter(|room| in_scope.contains(room)).collect();
        let mut rooms = Object::new();
        for matched in scope {
            let nid = matched.candidate.room;
            if !new.contains(&nid) && !changed.contains(&nid) {
                continue;
            }
            let Some(room) = self.sync.rooms.if_there(nid).await? else { continue }; // it was purged just now
            let mut users = self.sync.typing.in_room(&room);
            users.retain(|user| !self.ignored.contains(user));
            if changed.contains(&nid) || !users.is_empty() {
                let event = json!({ "type": "m.typing", "content": { "user_ids": users } });
                rooms.member(matched.candidate.summary.id.as_str(), event);
            }
        }
        Ok(rooms)
    }
}
