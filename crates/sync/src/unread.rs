//! Unread counts of a room for an answer.

use std::sync::Arc;

use im2_chat::rooms::{Room, write_array};
use im2_core::Result;
use im2_kernel::unread::Counts;

use super::Answering;

impl Answering<'_> {
    /// Writes `unread_notifications` and, for clients that count threads apart, `unread_thread_notifications`.
    pub(super) async fn write_unread(&self, out: &mut Vec<u8>, room: &Arc<Room>) -> Result<()> {
        let unread = self.sync.unread.in_room(&self.actor, room).await?;
        let per_thread = self.request.filter.room.timeline.unread_thread_notifications;
        out.extend_from_slice(b",\"unread_notifications\":");
        write_counts(out, if per_thread { unread.counts.main } else { unread.counts.total() });
        if !per_thread {
            return Ok(());
        }
        let mut members = Vec::new();
        let threads = unread.counts.threads.iter().filter(|(_, counts)| !counts.is_zero());
        write_array(&mut members, threads, |out, (root, counts)| {
            // A root is what a client wrote as one, whatever characters that has. Writing to a vector cannot fail.
            drop(serde_json::to_writer(&mut *out, root));
            out.push(b':');
            write_counts(out, *counts);
        });
        if members.len() > 2 {
            out.extend_from_slice(b",\"unread_thread_notifications\":{");
            out.extend_from_slice(&members[1..members.len() - 1]);
            out.push(b'}');
        }
        Ok(())
    }
}

fn write_counts(out: &mut Vec<u8>, counts: Counts) {
    let Counts { notification_count, highlight_count } = counts;
    let counts = format!("{{\"notification_count\":{notification_count},\"highlight_count\":{highlight_count}}}");
    out.extend_from_slice(counts.as_bytes());
}
