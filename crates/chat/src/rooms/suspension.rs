//! The events that the owner of a suspended account may still send (spec: "Account suspension"): they may leave rooms,
//! remove others where their power level allows it, and redact their own events.

use im2_core::Result;
use im2_kernel::content::Membership;

use super::{Actor, Draft, Room, Rooms};

impl Rooms {
    /// Refuses an event that a guest or a suspended user may not send.
    pub(super) async fn check_suspension(
        &self,
        room: &std::sync::Arc<Room>,
        actor: &Actor,
        draft: &Draft,
    ) -> Result<()> {
        self.check_guest(room, actor, draft)?;
        let refusal = self.core.refuse_suspended(actor.user);
        if refusal.is_err() && !self.is_allowed_to_suspended(room, actor, draft).await? {
            return refusal;
        }
        Ok(())
    }

    async fn is_allowed_to_suspended(&self, room: &std::sync::Arc<Room>, actor: &Actor, draft: &Draft) -> Result<bool> {
        match (&*draft.kind, &draft.redacts) {
            ("m.room.redaction", Some(target)) => {
                let target = self.event(room, target).await?;
                Ok(target.is_none_or(|target| target.sender == actor.user))
            }
            ("m.room.member", _) => {
                let membership = draft.content.get("membership").and_then(serde_json::Value::as_str);
                Ok([Membership::Leave, Membership::Ban].iter().any(|allowed| membership == Some(allowed.as_str())))
            }
            _ => Ok(false),
        }
    }
}
