//! Checks of what clients send that the authorisation rules leave to the server (spec: the events' own pages).

use im2_model::{EventId, UserId};

use super::Draft;
use crate::{Code, Error, Result};

/// Checks a draft that came from a client, and fills in what the server derives from it.
pub(super) fn check(draft: &mut Draft) -> Result<()> {
    if draft.kind.is_empty() {
        return Err(Error::refused(Code::InvalidParam, "an event needs a type"));
    }
    match (&*draft.kind, draft.state_key.as_deref()) {
        ("m.room.redaction", _) => check_redaction(draft),
        ("m.room.member", Some(key)) => {
            let valid = UserId::parse(key).is_ok();
            refuse_unless(valid, Code::BadJson, "the state key of a membership event must be a user ID")
        }
        ("m.room.create", _) => Err(Error::refused(Code::InvalidParam, "a room has one create event, made with it")),
        _ => Ok(()),
    }
}

/// A redaction sent as any event names its target in its content.
fn check_redaction(draft: &mut Draft) -> Result<()> {
    if draft.redacts.is_none() {
        // The room version decides where it goes from here.
        let target = draft.content.remove("redacts");
        let target = target.ok_or_else(|| Error::refused(Code::MissingParam, "a redaction needs `redacts`"))?;
        let target = target.as_str().and_then(|target| EventId::parse(target).ok());
        let invalid = || Error::refused(Code::InvalidParam, "`redacts` is not an event ID");
        draft.redacts = Some(target.ok_or_else(invalid)?);
    }
    Ok(())
}

pub(super) fn refuse_unless(holds: bool, code: Code, message: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::refused(code, message)) }
}
