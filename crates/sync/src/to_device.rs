//! The messages from other devices.

use im2_chat::{rooms::write_array, to_device::write_to_device_event};
use im2_core::{Result, session::Session};
use im2_model::{Reached, StreamToken};

use super::{Answering, Sync, changes::Changes};

impl Sync {
    /// Adds the messages for the asking device. What its token acknowledges is removed for good; what one answer cannot
    /// hold is left for the next, which the answer's token makes sure of. An initial sync acknowledges nothing.
    pub(super) async fn add_to_device(
        &self,
        session: &Session,
        since: Option<&StreamToken>,
        changes: &mut Changes,
    ) -> Result<()> {
        if !session.has_device {
            return Ok(());
        }
        let (user, device_id) = (session.user, &session.device_id);
        let nothing = Reached::default();
        let after = since.map_or(&nothing, StreamToken::to_device);
        self.to_device.acknowledge(user, device_id, after).await?;
        let inbox = self.to_device.pending(user, device_id, after, changes.until.stream()).await?;
        if !inbox.is_complete {
            changes.until.inbox = Some(inbox.reached);
        }
        changes.to_device = inbox.messages;
        Ok(())
    }
}

impl Answering<'_> {
    /// Writes `to_device`, unless there is nothing in it.
    pub(super) fn write_to_device(&self, out: &mut Vec<u8>) {
        if !self.changes.to_device.is_empty() {
            out.extend_from_slice(b",\"to_device\":{\"events\":");
            write_array(out, &self.changes.to_device, write_to_device_event);
            out.push(b'}');
        }
    }
}
