//! Checks of what clients send that the authorisation rules leave to the server (spec: the events' own pages).

use im2_core::{Code, Error, Result};
use im2_kernel::content::Membership;
use im2_model::{EventId, UserId, shown_name};
use serde_json::{Map, Value};

use super::Draft;

/// Checks a draft that came from a client, and fills in what the server derives from it.
pub(super) fn check(draft: &mut Draft) -> Result<()> {
    if draft.kind.is_empty() {
        return Err(Error::refused(Code::InvalidParam, "an event must have a type"));
    }
    match (&*draft.kind, draft.state_key.as_deref()) {
        ("m.room.redaction", _) => check_redaction(draft),
        ("m.room.member", Some(key)) => {
            let valid = UserId::parse(key).is_ok();
            refuse_unless(valid, Code::BadJson, "the state key of a membership event must be a user ID")?;
            check_content(draft)
        }
        ("m.room.create", _) => {
            Err(Error::refused(Code::InvalidParam, "a room has exactly one create event, made when it is created"))
        }
        (_, Some(_)) => check_content(draft),
        _ => Ok(()),
    }
}

/// Takes out of the names that an event gives what cannot be shown among other text.
pub(super) fn show_names(kind: &str, content: &mut Map<String, Value>) {
    let field = match kind {
        "m.room.member" => "displayname",
        "m.room.name" => "name",
        _ => return,
    };
    if let Some(Value::String(name)) = content.get_mut(field) {
        let shown = shown_name(name).into_owned();
        *name = shown;
    }
}

/// State that decides what others may do has to be well formed. The authorisation rules refuse some of it as something
/// that the user may not do, and take the rest for what is strictest. What is not there has its default. (Power levels
/// are checked where the room is known.)
fn check_content(draft: &Draft) -> Result<()> {
    let wrong = match &*draft.kind {
        "m.room.member" => membership_problem(&draft.content),
        "m.room.join_rules" => text_problem(&draft.content, "join_rule"),
        "m.room.history_visibility" => text_problem(&draft.content, "history_visibility"),
        "m.room.guest_access" => text_problem(&draft.content, "guest_access"),
        "m.room.encryption" => text_problem(&draft.content, "algorithm"),
        "m.room.server_acl" => ["allow", "deny"].into_iter().find_map(|name| list_problem(&draft.content, name)),
        _ => None,
    };
    match wrong {
        Some(wrong) => {
            Err(Error::refused(Code::BadJson, format!("the content of {} is malformed: {wrong}", draft.kind)))
        }
        None => Ok(()),
    }
}

fn membership_problem(content: &Map<String, Value>) -> Option<String> {
    let known = content.get("membership").and_then(Value::as_str).and_then(Membership::parse).is_some();
    (!known).then(|| "`membership` must be one of join, invite, leave, ban and knock".into())
}

fn text_problem(content: &Map<String, Value>, name: &str) -> Option<String> {
    content.get(name).is_some_and(|value| !value.is_string()).then(|| format!("`{name}` must be a string"))
}

fn list_problem(content: &Map<String, Value>, name: &str) -> Option<String> {
    let texts = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    content.get(name).is_some_and(|value| !texts(value)).then(|| format!("`{name}` must be a list of strings"))
}

/// A redaction sent as any event names its target in its content.
fn check_redaction(draft: &mut Draft) -> Result<()> {
    if draft.redacts.is_none() {
        // The room version decides where it goes from here.
        let target = draft.content.remove("redacts");
        let target = target.ok_or_else(|| Error::refused(Code::MissingParam, "a redaction must have `redacts`"))?;
        let target = target.as_str().and_then(|target| EventId::parse(target).ok());
        let invalid = || Error::refused(Code::InvalidParam, "`redacts` is not an event ID");
        draft.redacts = Some(target.ok_or_else(invalid)?);
    }
    Ok(())
}

pub(super) fn refuse_unless(holds: bool, code: Code, message: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::refused(code, message)) }
}
