//! Authorisation of membership changes: rule 4 (5 in version 12).

use im2_model::UserId;
use serde_json::{Map, Value};

use super::{AuthError, Check, ensure};
use crate::{
    content::{CreateContent, JoinRule, JoinRulesContent, Membership},
    sign::signed_by_any,
    state::StateView,
};

pub(super) fn authorize<S: StateView>(check: &Check<'_, S>) -> Result<(), AuthError> {
    // Rule 4.1.
    let target = check
        .event
        .state_key
        .as_deref()
        .and_then(|key| UserId::parse(key).ok())
        .ok_or(AuthError::new("a membership event must name a user in its state key"))?;
    let content = check.event.content_map();
    // Rule 4.2, from version 8 on: whether the signature holds is for those who have the keys.
    if check.version.rules().restricted_joins
        && let Some(authoriser) = content.get("join_authorised_via_users_server")
    {
        let authoriser = authoriser.as_str().and_then(|id| UserId::parse(id).ok());
        let signed = authoriser.is_some_and(|authoriser| is_signed_by(check, authoriser.server_name()));
        ensure(signed, || "the join is not signed by the server of the member who authorised it")?;
    }
    match check.event.membership {
        Some(Membership::Join) => join(check, &target, &content),
        Some(Membership::Invite) => invite(check, &target, &content),
        Some(Membership::Leave) => leave(check, &target),
        Some(Membership::Ban) => ban(check, &target),
        Some(Membership::Knock) => knock(check, &target),
        None => Err(AuthError::new("the membership must be one of join, invite, leave, ban and knock")),
    }
}

fn is_signed_by<S>(check: &Check<'_, S>, server: &str) -> bool {
    let event = check.event.to_map();
    let keys = event.get("signatures").and_then(|signatures| signatures.get(server)?.as_object());
    keys.is_some_and(|keys| keys.keys().any(|key_id| key_id.starts_with("ed25519:")))
}

impl<S: StateView> Check<'_, S> {
    fn sender_membership(&self) -> Membership {
        self.membership(self.event.sender.as_str())
    }

    fn ensure_sender_joined(&self) -> Result<(), AuthError> {
        ensure(self.sender_membership() == Membership::Join, || "you are not a member of this room")
    }

    fn join_rule(&self) -> JoinRule {
        self.state
            .get("m.room.join_rules", "")
            .map(|event| JoinRulesContent::parse(self.version, event.content_json()).join_rule)
            .unwrap_or_default()
    }
}

/// Rule 4.3.
fn join<S: StateView>(check: &Check<'_, S>, target: &UserId, content: &Map<String, Value>) -> Result<(), AuthError> {
    let event = check.event;
    let follows_create = || *event.prev_events() == [check.create.event_id.clone()];
    if is_first_creator(check, target) && follows_create() {
        return Ok(());
    }
    ensure(event.sender == *target, || "you cannot join a room for somebody else")?;
    let current = check.sender_membership();
    ensure(current != Membership::Ban, || "you are banned from this room")?;
    let invited = matches!(current, Membership::Invite | Membership::Join);
    match check.join_rule() {
        JoinRule::Public => Ok(()),
        JoinRule::Invite | JoinRule::Knock => ensure(invited, || "you are not invited to this room"),
        JoinRule::Restricted | JoinRule::KnockRestricted if invited => Ok(()),
        JoinRule::Restricted | JoinRule::KnockRestricted => {
            let authoriser =
                content.get("join_authorised_via_users_server").and_then(|id| UserId::parse(id.as_str()?).ok()).ok_or(
                    AuthError::new("you are neither invited nor a member of a room that grants access to this one"),
                )?;
            let may_invite = check.membership(authoriser.as_str()) == Membership::Join
                && check.power.user_level(&authoriser).reaches(check.power.invite);
            ensure(may_invite, || "the member who authorised this join may not invite to this room")
        }
        JoinRule::Other => Err(AuthError::new(format!(
            "this room cannot be joined: room version {} does not have its join rule",
            check.version
        ))),
    }
}

fn is_first_creator<S>(check: &Check<'_, S>, user: &UserId) -> bool {
    CreateContent::creators(check.version, check.create).first() == Some(user)
}

/// Rule 4.4.
fn invite<S: StateView>(check: &Check<'_, S>, target: &UserId, content: &Map<String, Value>) -> Result<(), AuthError> {
    let target_membership = check.membership(target.as_str());
    if let Some(third_party) = content.get("third_party_invite") {
        ensure(target_membership != Membership::Ban, || "this user is banned from the room")?;
        return third_party_invite(check, target, third_party);
    }
    check.ensure_sender_joined()?;
    ensure(target_membership != Membership::Join, || "this user is already in the room")?;
    ensure(target_membership != Membership::Ban, || "this user is banned from the room")?;
    let level = check.power.user_level(&check.event.sender);
    ensure(level.reaches(check.power.invite), || {
        format!("inviting requires power level {} in this room; yours is {level}", check.power.invite)
    })
}

/// Rule 4.4.1, after the check for a ban.
fn third_party_invite<S: StateView>(
    check: &Check<'_, S>,
    target: &UserId,
    third_party: &Value,
) -> Result<(), AuthError> {
    let signed = third_party
        .get("signed")
        .and_then(Value::as_object)
        .ok_or(AuthError::new("the third-party invite is not signed"))?;
    let property = |key: &str| signed.get(key).and_then(Value::as_str);
    let (Some(mxid), Some(token)) = (property("mxid"), property("token")) else {
        return Err(AuthError::new("the third-party invite has no user or no token"));
    };
    ensure(mxid == target.as_str(), || "the third-party invite was made for another user")?;
    let invite = check
        .state
        .get("m.room.third_party_invite", token)
        .ok_or(AuthError::new("the third-party invite is not known in this room"))?;
    ensure(invite.sender == check.event.sender, || "the third-party invite was sent by another user")?;
    let content = invite.content_map();
    let listed = content.get("public_keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let listed = listed.iter().filter_map(|entry| entry.get("public_key"));
    let verified = content
        .get("public_key")
        .into_iter()
        .chain(listed)
        .filter_map(Value::as_str)
        .any(|key| signed_by_any(signed, key));
    ensure(verified, || "the third-party invite is not signed by a key that the room trusts")
}

/// Rule 4.5: leaving, declining, kicking and unbanning.
fn leave<S: StateView>(check: &Check<'_, S>, target: &UserId) -> Result<(), AuthError> {
    let sender = &check.event.sender;
    let target_membership = check.membership(target.as_str());
    if sender == target {
        let may_leave = match target_membership {
            Membership::Invite | Membership::Join => true,
            Membership::Knock => check.version.rules().knocking,
            Membership::Leave | Membership::Ban => false,
        };
        return ensure(may_leave, || "you are not in this room");
    }
    check.ensure_sender_joined()?;
    let level = check.power.user_level(sender);
    if target_membership == Membership::Ban {
        ensure(level.reaches(check.power.ban), || {
            format!("unbanning requires power level {} in this room; yours is {level}", check.power.ban)
        })?;
    }
    ensure(level.reaches(check.power.kick), || {
        format!("removing users requires power level {} in this room; yours is {level}", check.power.kick)
    })?;
    ensure(check.power.user_level(target) < level, || "this user's power level is not below yours")
}

/// Rule 4.6.
fn ban<S: StateView>(check: &Check<'_, S>, target: &UserId) -> Result<(), AuthError> {
    check.ensure_sender_joined()?;
    let level = check.power.user_level(&check.event.sender);
    ensure(level.reaches(check.power.ban), || {
        format!("banning requires power level {} in this room; yours is {level}", check.power.ban)
    })?;
    ensure(check.power.user_level(target) < level, || "this user's power level is not below yours")
}

/// Rule 4.7, from version 7 on; before, a knock is an unknown membership.
fn knock<S: StateView>(check: &Check<'_, S>, target: &UserId) -> Result<(), AuthError> {
    ensure(check.version.rules().knocking, || {
        format!("room version {} does not have knocking, which came with version 7", check.version)
    })?;
    ensure(check.join_rule().allows_knocks(), || "this room does not accept knocks")?;
    ensure(check.event.sender == *target, || "you cannot knock for somebody else")?;
    match check.sender_membership() {
        Membership::Ban => Err(AuthError::new("you are banned from this room")),
        Membership::Invite => Err(AuthError::new("you are already invited to this room")),
        Membership::Join => Err(AuthError::new("you are already in this room")),
        Membership::Knock | Membership::Leave => Ok(()),
    }
}
