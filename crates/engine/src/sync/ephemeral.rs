//! What passes in a room without becoming part of it: receipts and typing.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use super::Answering;
use crate::{Result, rooms::Room, stream::ReceiptChange};

impl Answering<'_> {
    /// Writes `ephemeral`, unless there is nothing in it.
    pub(super) async fn write_ephemeral(&self, out: &mut Vec<u8>, room: &Arc<Room>, is_new: bool) -> Result<bool> {
        let filter = &self.request.filter.room.ephemeral;
        let mut events = Vec::new();
        if filter.matches_type("m.receipt") {
            let receipts = if is_new { self.all_receipts(room).await? } else { self.changed_receipts(room) };
            if !receipts.is_empty() {
                events.push(json!({ "type": "m.receipt", "content": receipt_content(&receipts) }));
            }
        }
        if events.is_empty() {
            return Ok(false);
        }
        out.extend_from_slice(b",\"ephemeral\":{\"events\":");
        drop(serde_json::to_writer(&mut *out, &events)); // writing to a vector cannot fail
        out.push(b'}');
        Ok(true)
    }

    fn changed_receipts(&self, room: &Room) -> Vec<Arc<ReceiptChange>> {
        self.changes.receipts.get(&room.nid).cloned().unwrap_or_default()
    }

    async fn all_receipts(&self, room: &Room) -> Result<Vec<Arc<ReceiptChange>>> {
        let (nid, user) = (room.nid, self.session.user);
        let rows = self.sync.core.store.read(move |db| db.receipts_in_room(nid, user)).await?;
        Ok(rows.into_iter().map(|row| Arc::new(row.into())).collect())
    }
}

/// The content of `m.receipt`: `{event: {kind: {user: {ts, thread_id}}}}`. Where a user has several receipts on one
/// event, for several threads, the last one stands: the format has room for one.
fn receipt_content(receipts: &[Arc<ReceiptChange>]) -> Value {
    let mut events: BTreeMap<&str, BTreeMap<&str, Map<String, Value>>> = BTreeMap::new();
    for receipt in receipts {
        let mut about = json!({ "ts": receipt.ts });
        if let Some(thread) = &receipt.thread_id {
            about["thread_id"] = json!(thread);
        }
        let kinds = events.entry(receipt.event_id.as_str()).or_default();
        kinds.entry(&receipt.kind).or_default().insert(receipt.user_id.to_string(), about);
    }
    json!(events)
}
