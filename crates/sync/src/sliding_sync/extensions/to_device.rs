//! Messages from other devices, with a token of their own: what it says was received is removed for good, whichever
//! connection says so (MSC3885).

use im2_chat::{rooms::write_array, to_device::write_to_device_event};
use im2_core::{Code, Error, Result, session::Session};
use im2_model::{Reached, StreamToken};

use super::super::{
    Answering, SlidingSync,
    object::Object,
    request::{SlidingRequest, ToDevice},
};

impl SlidingSync {
    /// Hears of the messages that the client has been told of: maybe by another node.
    pub(in super::super) async fn hear_of_messages(&self, request: &SlidingRequest) -> Result<()> {
        let wanted = &request.extensions.to_device;
        if wanted.enabled == Some(true) { self.core.hear_of(&place(wanted)?).await } else { Ok(()) }
    }

    /// Whether messages wait that the client has not been told of.
    pub(in super::super) async fn has_messages(
        &self,
        session: &Session,
        request: &SlidingRequest,
        until: &StreamToken,
    ) -> Result<bool> {
        let wanted = &request.extensions.to_device;
        if wanted.enabled != Some(true) {
            return Ok(false);
        }
        let after = place(wanted)?;
        let inbox = self.to_device.pending(session.user, &session.device_id, &after, until.stream()).await?;
        Ok(!inbox.messages.is_empty())
    }
}

impl Answering<'_> {
    /// The messages, and whether there are none.
    pub(super) async fn to_device(&self, wanted: &ToDevice) -> Result<(Object, bool)> {
        let (user, device_id) = (self.session.user, &self.session.device_id);
        let after = place(wanted)?;
        if wanted.since.is_some() {
            self.sync.to_device.acknowledge(user, device_id, &after).await?;
        }
        let mut inbox = self.sync.to_device.pending(user, device_id, &after, self.until.stream()).await?;
        let limit = wanted.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        inbox.truncate(limit, &after);
        let mut object = Object::new();
        object.member("next_batch", format!("d{}", inbox.reached));
        object.key("events", |out| write_array(out, &inbox.messages, write_to_device_event));
        Ok((object, inbox.messages.is_empty()))
    }
}

/// The place up to which the client has its messages.
fn place(wanted: &ToDevice) -> Result<Reached> {
    let Some(since) = &wanted.since else { return Ok(Reached::default()) };
    let reached = since.strip_prefix('d').and_then(|reached| reached.parse().ok());
    reached.ok_or_else(|| {
        Error::refused(Code::InvalidParam, "`since` is not a token of this server for to-device messages")
    })
}
