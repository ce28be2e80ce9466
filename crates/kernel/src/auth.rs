//! The authorisation rules of room versions 1 to 12 (spec: each version's "Authorisation rules").
//!
//! [`authorize`] judges an event by a state: the state before it, and for events of other servers also the state
//! that its own `auth_events` make up and the room's current state (spec: server-server API, "Checks performed on
//! receipt of a PDU"). Comments number the rules as versions 10 and 11 do; version 12 has one rule more at the
//! beginning, so that its numbers are greater by one from the second rule on. Older versions lack some of the rules on
//! memberships (4) and power levels (9), so that later ones of the same kind have smaller numbers there. Until version 5
//! there is a rule for aliases before the fourth, and until version 2 one for redactions after the ninth.
//!
//! Not judged here is what needs the keys of other servers: that the event is signed by the sender's server, and a
//! restricted join also by the server whose member authorised it. [`crate::build::verify_event`] does that.

mod member;
mod power_levels;
#[cfg(test)]
mod tests;

pub use power_levels::check_power_levels;

use std::borrow::Cow;

use im2_model::{EventId, UserId};
use serde_json::{Map, Value};

use crate::{
    content::{CreateContent, Membership},
    event::Pdu,
    power::PowerLevels,
    state::StateView,
    version::RoomVersion,
};

/// The error for an event that is not allowed (`M_FORBIDDEN`): a sentence for the one who tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuthError(Cow<'static, str>);

impl AuthError {
    pub(crate) fn new(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self(sentence.into())
    }
}

/// Fails with `sentence` unless `allowed`.
fn ensure<S: Into<Cow<'static, str>>>(allowed: bool, sentence: impl FnOnce() -> S) -> Result<(), AuthError> {
    if allowed { Ok(()) } else { Err(AuthError::new(sentence())) }
}

/// The types and state keys of the state that gives an event its right, to be looked up in the state before it
/// (spec: server-server API, "Auth events selection").
pub fn auth_event_keys<'a>(
    version: RoomVersion,
    sender: &'a UserId,
    kind: &str,
    state_key: Option<&'a str>,
    content: &'a Map<String, Value>,
) -> Vec<(&'static str, &'a str)> {
    if kind == "m.room.create" {
        return Vec::new();
    }
    let mut keys = vec![("m.room.power_levels", ""), ("m.room.member", sender.as_str())];
    if !version.rules().room_id_is_create_hash {
        keys.push(("m.room.create", ""));
    }
    if let (Some(target), "m.room.member") = (state_key, kind) {
        member_keys(version, target, content, &mut keys);
    }
    keys
}

fn member_keys<'a>(
    version: RoomVersion,
    target: &'a str,
    content: &'a Map<String, Value>,
    keys: &mut Vec<(&'static str, &'a str)>,
) {
    let membership = content.get("membership").and_then(Value::as_str).and_then(Membership::parse);
    let mut add = |key: (&'static str, &'a str)| {
        if !keys.contains(&key) {
            keys.push(key);
        }
    };
    add(("m.room.member", target));
    if matches!(membership, Some(Membership::Join | Membership::Invite | Membership::Knock)) {
        add(("m.room.join_rules", ""));
    }
    if membership == Some(Membership::Invite) {
        let token = content.get("third_party_invite").and_then(|invite| invite.get("signed")?.get("token")?.as_str());
        if let Some(token) = token {
            add(("m.room.third_party_invite", token));
        }
    }
    if membership == Some(Membership::Join)
        && version.rules().restricted_joins
        && let Some(authoriser) = content.get("join_authorised_via_users_server").and_then(Value::as_str)
    {
        add(("m.room.member", authoriser));
    }
}

/// Judges the `auth_events` that an event names (rule 2). `is_rejected` knows which events were rejected.
pub fn check_auth_events(
    version: RoomVersion,
    event: &Pdu,
    auth_events: &[&Pdu],
    is_rejected: impl Fn(&EventId) -> bool,
) -> Result<(), AuthError> {
    let content = event.content_map();
    let expected = auth_event_keys(version, &event.sender, &event.kind, event.state_key.as_deref(), &content);
    let mut seen = Vec::with_capacity(auth_events.len());
    for auth_event in auth_events {
        let state_key = auth_event.state_key.as_deref();
        let key = expected.iter().find(|(kind, key)| *auth_event.kind == **kind && state_key == Some(key));
        let Some(key) = key else {
            return Err(AuthError::new("the event names an auth event that does not belong there"));
        };
        ensure(!seen.contains(key), || "the event names two auth events for the same state")?;
        ensure(!is_rejected(&auth_event.event_id), || "the event rests on an event that was rejected")?;
        ensure(auth_event.room_id == event.room_id, || "the event rests on an event of another room")?;
        seen.push(*key);
    }
    let needs_create = *event.kind != *"m.room.create" && !version.rules().room_id_is_create_hash;
    ensure(
        !needs_create || seen.contains(&("m.room.create", "")),
        || "the event does not name the room's create event among its auth events",
    )
}

/// The event under judgement, with the state and levels that the rules look at.
struct Check<'a, S> {
    version: RoomVersion,
    event: &'a Pdu,
    state: &'a S,
    create: &'a Pdu,
    power: Cow<'a, PowerLevels>,
}

impl<S: StateView> Check<'_, S> {
    fn membership(&self, user: &str) -> Membership {
        self.state.get("m.room.member", user).and_then(|event| event.membership).unwrap_or(Membership::Leave)
    }
}

/// Judges `event` by `state`. What this allows is allowed; what it refuses is refused with a sentence for the user.
pub fn authorize<S: StateView>(version: RoomVersion, event: &Pdu, state: &S) -> Result<(), AuthError> {
    if &*event.kind == "m.room.create" {
        return authorize_create(version, event);
    }
    let create = state.get("m.room.create", "").ok_or(AuthError::new("the room does not exist"))?;
    // Rule 2 of version 12; in older versions part of rule 2.5.
    ensure(event.room_id == create.room_id, || "the event belongs to another room")?;

    // Rule 3.
    if event.sender.server_name() != create.sender.server_name() {
        let federate = CreateContent::parse(create.content_json()).federate;
        ensure(federate != Some(false), || "this room is closed to users of other servers")?;
    }

    // Rule 4 until version 5.
    if version.rules().aliases_of_servers && &*event.kind == "m.room.aliases" {
        let is_own = event.state_key.as_deref() == Some(event.sender.server_name());
        return ensure(is_own, || "the aliases of another server cannot be changed");
    }

    let power = state.power_levels(version, create);
    let check = Check { version, event, state, create, power };
    // Rule 4.
    if &*event.kind == "m.room.member" {
        return member::authorize(&check);
    }
    // Rule 5.
    ensure(check.membership(event.sender.as_str()) == Membership::Join, || "you are not a member of this room")?;

    let sender_level = check.power.user_level(&event.sender);
    // Rule 6.
    if &*event.kind == "m.room.third_party_invite" {
        return ensure(sender_level.reaches(check.power.invite), || {
            format!("inviting takes power level {} in this room; yours is {sender_level}", check.power.invite)
        });
    }
    // Rule 7.
    let required = check.power.level_for(&event.kind, event.is_state());
    ensure(sender_level.reaches(required), || {
        format!("sending {} takes power level {required} in this room; yours is {sender_level}", event.kind)
    })?;
    // Rule 8.
    let is_of_another =
        event.state_key.as_deref().is_some_and(|key| key.starts_with('@') && key != event.sender.as_str());
    ensure(!is_of_another, || "state that belongs to another user cannot be changed")?;
    // Rule 9.
    if &*event.kind == "m.room.power_levels" {
        return power_levels::authorize(&check);
    }
    // Rule 11 until version 2.
    if version.rules().redactions_are_authorised && &*event.kind == "m.room.redaction" {
        let server_of_target = event.redacts.as_ref().and_then(EventId::server_name);
        let is_own = server_of_target.is_some() && server_of_target == event.event_id.server_name();
        return ensure(is_own || sender_level.reaches(check.power.redact), || {
            format!("redacting events of others requires power level {} in this room", check.power.redact)
        });
    }
    Ok(())
}

/// Rule 1.
fn authorize_create(version: RoomVersion, event: &Pdu) -> Result<(), AuthError> {
    let rules = version.rules();
    ensure(event.prev_events().is_empty(), || "a create event must be the first of its room")?;
    // The create event of version 12 has no `room_id` of its own, or it would not have been read as an event.
    if !rules.room_id_is_create_hash {
        ensure(
            event.room_id.server_name() == Some(event.sender.server_name()),
            || "a room must be created on the server that its ID names",
        )?;
    }
    let content = event.content_map();
    if let Some(stated) = content.get("room_version") {
        let known = stated.as_str().and_then(RoomVersion::understood).is_some();
        ensure(known, || "the create event names a room version that is not supported")?;
    }
    if rules.creator_in_content {
        ensure(content.contains_key("creator"), || "the create event does not name its creator")?;
    }
    if rules.privileged_creators
        && let Some(additional) = content.get("additional_creators")
    {
        let is_user = |id: &Value| id.as_str().is_some_and(|id| UserId::parse(id).is_ok());
        let all_users = additional.as_array().is_some_and(|ids| ids.iter().all(is_user));
        ensure(all_users, || "additional_creators must be a list of user IDs")?;
    }
    Ok(())
}
