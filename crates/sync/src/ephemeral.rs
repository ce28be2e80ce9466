//! Ephemeral events of rooms: receipts and typing.

use std::sync::Arc;

use im2_chat::{receipts::receipt_events, rooms::Room};
use im2_core::{Result, stream::ReceiptChange};
use serde_json::{Value, json};

use super::Answering;

impl Answering<'_> {
    /// Writes `ephemeral`, unless there is nothing in it. The room's receipts may have been read ahead.
    pub(super) async fn write_ephemeral(
        &self,
        out: &mut Vec<u8>,
        room: &Arc<Room>,
        is_new: bool,
        receipts: Option<&Vec<ReceiptChange>>,
    ) -> Result<bool> {
        let filter = &self.request.filter.room.ephemeral;
        if !filter.includes_room(&room.id) {
            return Ok(false);
        }
        let mut events = Vec::new();
        if filter.matches_type("m.receipt") {
            events.extend(self.receipt_events(room, is_new, receipts).await?);
        }
        if filter.matches_type("m.typing") {
            events.extend(self.typing_event(room, is_new));
        }
        if events.is_empty() {
            return Ok(false);
        }
        out.extend_from_slice(b",\"ephemeral\":{\"events\":");
        drop(serde_json::to_writer(&mut *out, &events)); // writing to a vector cannot fail
        out.push(b'}');
        Ok(true)
    }

    /// Receipts of people the user ignores are left out.
    async fn receipt_events(
        &self,
        room: &Room,
        is_new: bool,
        ahead: Option<&Vec<ReceiptChange>>,
    ) -> Result<Vec<Value>> {
        let is_shown = |receipt: &&ReceiptChange| !self.ignored.contains(&receipt.user_id);
        match ahead.filter(|_| is_new) {
            Some(all) => Ok(receipt_events(all.iter().filter(is_shown))),
            None if is_new => {
                let all = self.sync.receipts.in_room(room.nid, self.session.user).await?;
                Ok(receipt_events(all.iter().filter(is_shown)))
            }
            None => {
                let changed = self.changes.receipts.get(&room.nid).into_iter().flatten();
                Ok(receipt_events(changed.map(|receipt| &**receipt).filter(is_shown)))
            }
        }
    }

    /// The `m.typing` event: for a room that is new to the client if anybody is typing, else if it has changed.
    fn typing_event(&self, room: &Room, is_new: bool) -> Option<Value> {
        let since = self.request.since.as_ref().filter(|_| !is_new).map(|since| since.ephemeral);
        let mut users = match since {
            Some(since) => self.sync.typing.changed_since(since, room)?,
            None => Some(self.sync.typing.in_room(room)).filter(|users| !users.is_empty())?,
        };
        users.retain(|user| !self.ignored.contains(user));
        Some(json!({ "type": "m.typing", "content": { "user_ids": users } }))
    }
}
