//! Joining and leaving, and doing that to others (spec: "Room membership").

use std::sync::Arc;

use im2_core::{Code, Committed, Error, Result};
use im2_kernel::content::Membership;
use im2_model::{RoomId, RoomNid, UserId, UserNid};
use im2_store::Snapshot;
use serde_json::{Map, Value, json};

use super::{Actor, Draft, Room, RoomEvent, Rooms, validate};
use crate::account_data::INVITE_PERMISSION_CONFIG;

/// A change of membership that one user makes to another, or to themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Invites another.
    Invite,
    /// Removes another, who may come back.
    Kick,
    /// Removes another, who may not come back.
    Ban,
    /// Lets a banned user come back.
    Unban,
}

/// How often a member event is brought up to date with a profile that keeps changing, before that is tried again later.
/// Each time another change was carried into the room meanwhile: sixteen jobs may be at it at once.
const REFRESHES: usize = 200;

impl Rooms {
    /// Joins `actor` to a room. Joining again changes nothing.
    pub async fn join(&self, actor: &Actor, room_id: &RoomId, reason: Option<&str>) -> Result<Arc<Room>> {
        self.join_saying(actor, room_id, reason, Map::new()).await
    }

    /// As [`Rooms::join`], with `more` in the member event where the server has nothing to say.
    pub async fn join_saying(
        &self,
        actor: &Actor,
        room_id: &RoomId,
        reason: Option<&str>,
        mut more: Map<String, Value>,
    ) -> Result<Arc<Room>> {
        let room = self.existing(room_id).await?;
        if room.view().joined.contains_key(&actor.user) {
            return Ok(room);
        }
        self.core.refuse_suspended(actor.user)?;
        more.remove("join_authorised_via_users_server");
        let mut content = more;
        content.extend(self.own_content(actor, Membership::Join, reason).await?);
        if let Some(authoriser) = self.authoriser(actor, &room).await? {
            content.insert("join_authorised_via_users_server".into(), authoriser.as_str().into());
        }
        let draft = Draft::state("m.room.member", actor.user_id.as_str(), content);
        self.check_guest(&room, actor, &draft)?;
        self.append(&room, actor, draft, None).await?;
        Ok(room)
    }

    /// Makes a pending invite by e-mail address or the like one to `actor`, who shows that it was meant for them
    /// (spec: "Third-party invites"). The rules judge the signature.
    pub async fn claim_invite(&self, actor: &Actor, room_id: &RoomId, signed: Map<String, Value>) -> Result<()> {
        self.core.refuse_suspended(actor.user)?;
        let room = self.existing(room_id).await?;
        let unknown =
            || Error::refused(Code::Forbidden, "no pending third-party invite in this room matches the signed token");
        let token = signed.get("token").and_then(Value::as_str).ok_or_else(unknown)?;
        let pending = {
            let view = room.view();
            if matches!(view.membership(&actor.user_id), Some(Membership::Join | Membership::Invite)) {
                return Ok(());
            }
            view.state.get("m.room.third_party_invite", token).cloned()
        };
        let pending = pending.ok_or_else(unknown)?;
        let inviter = Actor { user: pending.sender, user_id: pending.pdu.sender.clone() };
        let mut content = self.profile_content(&actor.user_id).await?;
        content.extend(content_of(Membership::Invite, None));
        let name = pending.pdu.content_map().remove("display_name").unwrap_or_default();
        content.insert("third_party_invite".into(), json!({ "display_name": name, "signed": signed }));
        self.append(&room, &inviter, Draft::state("m.room.member", actor.user_id.as_str(), content), None).await?;
        Ok(())
    }

    /// Fills in what only the server knows of a membership event that a client wrote: by whose right somebody joins
    /// a restricted room. What the client says of that counts for nothing, because this server signs for it.
    pub(super) async fn complete_member(&self, room: &Arc<Room>, actor: &Actor, draft: &mut Draft) -> Result<()> {
        draft.content.remove("join_authorised_via_users_server");
        let target = draft.state_key.as_deref().unwrap_or_default();
        match draft.content.get("membership").and_then(Value::as_str) {
            Some("join") if target == actor.user_id.as_str() => {
                if let Some(authoriser) = self.authoriser(actor, room).await? {
                    draft.content.insert("join_authorised_via_users_server".into(), authoriser.as_str().into());
                }
                Ok(())
            }
            Some("invite") => match target.parse::<UserId>() {
                Ok(target) => self.refuse_uninvitable(&target).await,
                Err(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Refuses to invite users of other servers, and users who have said that they do not want to be invited.
    async fn refuse_uninvitable(&self, user_id: &UserId) -> Result<()> {
        let local = user_id.server_name() == self.core.server_name.as_str();
        let message = "this server does not exchange messages with other servers yet";
        validate::refuse_unless(local, Code::NotFound, message)?;
        let wanted = user_id.clone();
        let read = self.core.store.read(move |db| {
            let blocked = match db.user_nid(&wanted)? {
                Some(user) => blocks_invites(db, user)?,
                None => false,
            };
            Ok((blocked, db.account(&wanted)?.is_some()))
        });
        let (blocked, exists) = read.await?;
        if !exists {
            // A bridge makes its users when somebody wants to talk to them. Whether it has made this one or not, the
            // invite goes out: the user may come later.
            self.core.services.query_user(user_id).await?;
        }
        let message = "this user does not accept invites from you";
        validate::refuse_unless(!blocked, Code::InviteBlocked, message)
    }

    /// Whether a user does not want to be shown invites.
    pub async fn blocks_invites(&self, user: UserNid) -> Result<bool> {
        Ok(self.core.store.read(move |db| blocks_invites(db, user)).await?)
    }

    /// Asks to be invited.
    pub async fn knock(&self, actor: &Actor, room_id: &RoomId, reason: Option<&str>) -> Result<Arc<Room>> {
        let room = self.existing(room_id).await?;
        self.core.refuse_suspended(actor.user)?;
        let content = self.own_content(actor, Membership::Knock, reason).await?;
        self.append(&room, actor, Draft::state("m.room.member", actor.user_id.as_str(), content), None).await?;
        Ok(room)
    }

    /// Leaves a room, declines an invite or withdraws a knock. Whoever has left already has nothing to do. The invite
    /// to the room of the server's notices cannot be declined (spec: "Server Notices").
    pub async fn leave(&self, actor: &Actor, room_id: &RoomId, reason: Option<&str>) -> Result<()> {
        self.refuse_declining_notices(actor, room_id).await?;
        self.leave_regardless(actor, room_id, reason).await
    }

    /// Refuses to let a user who is invited to the room of the server's notices leave it.
    pub(super) async fn refuse_declining_notices(&self, actor: &Actor, room_id: &RoomId) -> Result<()> {
        let Some(room) = self.find(room_id).await? else { return Ok(()) };
        if room.view().membership(&actor.user_id) != Some(Membership::Invite) {
            return Ok(());
        }
        let user = actor.user;
        let notices = self.core.store.read(move |db| db.server_notice_room(user)).await?;
        let message = "the invite to the server notices room cannot be declined";
        validate::refuse_unless(notices != Some(room.nid), Code::CannotLeaveServerNoticeRoom, message)
    }

    /// As [`Rooms::leave`], from any room: for what the server does in a user's name.
    pub async fn leave_regardless(&self, actor: &Actor, room_id: &RoomId, reason: Option<&str>) -> Result<()> {
        let refused = || Error::refused(Code::Forbidden, "you are not in this room");
        let room = self.find(room_id).await?.ok_or_else(refused)?;
        match room.view().membership(&actor.user_id) {
            Some(Membership::Join | Membership::Invite | Membership::Knock) => {}
            Some(Membership::Leave) => return Ok(()),
            _ => return Err(refused()),
        }
        let content = content_of(Membership::Leave, reason);
        self.append(&room, actor, Draft::state("m.room.member", actor.user_id.as_str(), content), None).await?;
        Ok(())
    }

    /// Invites, kicks, bans or unbans `target`.
    pub async fn act(
        &self,
        actor: &Actor,
        room_id: &RoomId,
        act: Act,
        target: &UserId,
        reason: Option<&str>,
    ) -> Result<()> {
        let room = self.joined(actor, room_id).await?;
        if act == Act::Invite {
            self.core.refuse_suspended(actor.user)?;
        }
        let now = room.view().membership(target);
        let refuse = |message: &'static str| Err(Error::refused(Code::Forbidden, message));
        let content = match (act, now) {
            (Act::Invite, Some(Membership::Join)) => return refuse("this user is already a member"),
            (Act::Invite, Some(Membership::Ban)) => return refuse("this user is banned from the room"),
            (Act::Invite, _) => self.invite_content(target, reason).await?,
            (Act::Kick, Some(Membership::Join | Membership::Invite | Membership::Knock))
            | (Act::Unban, Some(Membership::Ban)) => content_of(Membership::Leave, reason),
            (Act::Kick, _) => return refuse("this user is not in the room"),
            (Act::Unban, _) => return Err(Error::refused(Code::BadState, "this user is not banned")),
            (Act::Ban, _) => ban_content(room.member(&self.core, target.as_str()).await?.as_deref(), reason),
        };
        self.append(&room, actor, Draft::state("m.room.member", target.as_str(), content), None).await?;
        Ok(())
    }

    /// The rooms that `actor` is a member of.
    pub async fn joined_rooms(&self, actor: &Actor) -> Result<Vec<RoomId>> {
        let joined = self.of_user(actor.user).await?.with(Membership::Join);
        let ids = self.core.store.read(move |db| db.room_ids(&joined)).await?;
        Ok(ids)
    }

    /// Forgets a room that `actor` has left: it no longer appears in `/sync`, and its history cannot be read.
    pub async fn forget(&self, actor: &Actor, room_id: &RoomId) -> Result<()> {
        let Some(room) = self.find(room_id).await? else {
            return Err(Error::refused(Code::NotFound, "there is no such room"));
        };
        let rooms = self.of_user(actor.user).await?;
        match rooms.get(room.nid).map(|now| now.membership) {
            Some(Membership::Leave | Membership::Ban) => self.mark_forgotten(actor, room.nid).await,
            Some(_) => Err(Error::refused(Code::Unknown, "you must leave the room before you can forget it")),
            None => Ok(()), // never there or forgotten already
        }
    }

    /// Invites a user who may have said that they do not want to be invited: for the server itself.
    pub(crate) async fn invite_regardless(&self, actor: &Actor, room: &Arc<Room>, target: &UserId) -> Result<()> {
        let mut content = content_of(Membership::Invite, None);
        content.extend(self.profile_content(target).await?);
        let invite = Draft::state("m.room.member", target.as_str(), content);
        let draft = Draft { despite_shadow_ban: true, ..invite };
        self.append_uncounted(room, actor, draft, None).await.map(drop)
    }

    /// Invites a user in the name of a member who may be shadow-banned: for administrators.
    pub async fn invite_for_admin(&self, actor: &Actor, room: &Arc<Room>, target: &UserId) -> Result<()> {
        let invite = Draft::state("m.room.member", target.as_str(), self.invite_content(target, None).await?);
        self.append(room, actor, Draft { despite_shadow_ban: true, ..invite }, None).await.map(drop)
    }

    async fn mark_forgotten(&self, actor: &Actor, room: RoomNid) -> Result<()> {
        let user = actor.user;
        let forgotten = self.purging_forgotten();
        let forget = move |tx: &mut im2_core::Transaction<'_>| {
            tx.forget_room(user, room)?;
            forgotten.schedule(tx, room)?;
            tx.publish(Committed::RoomForgotten(user, room));
            Ok(())
        };
        Ok(self.core.store.write(forget).await?)
    }

    /// Carries a change of one field of the actor's profile into their member event in a room, if the event still says
    /// what the profile said `before`: a name or picture that was chosen for the room stays.
    ///
    /// Several changes may be carried in any order: the value that is written is the one in the profile at that moment,
    /// and it is compared again afterwards.
    pub async fn refresh_profile(
        &self,
        actor: &Actor,
        nid: RoomNid,
        field: &str,
        mut before: Option<String>,
    ) -> Result<()> {
        let room = self.by_nid(nid).await?;
        if self.is_shadow_banned(actor) {
            return Ok(());
        }
        for _ in 0..REFRESHES {
            let wanted = self.profile_content(&actor.user_id).await?.remove(field);
            if text(wanted.as_ref()) == before.as_deref() {
                return Ok(());
            }
            let current = room.member(&self.core, actor.user_id.as_str()).await?;
            let current = current.filter(|event| event.pdu.membership == Some(Membership::Join));
            let Some(current) = current else { return Ok(()) };
            let mut content = current.pdu.content_map();
            if text(content.get(field)) != before.as_deref() {
                return Ok(());
            }
            // What was said of the joining is not true of this event.
            content.remove("join_authorised_via_users_server");
            content.remove("reason");
            content.remove(field);
            content.extend(wanted.clone().map(|value| (field.to_owned(), value)));
            let draft = Draft {
                members_only: true,
                replaces: Some(current.id().clone()),
                ..Draft::state("m.room.member", actor.user_id.as_str(), content)
            };
            match self.append(&room, actor, draft, None).await {
                Ok(_) => before = text(wanted.as_ref()).map(str::to_owned),
                Err(Error::Store(im2_store::Error::Conflict)) => {}
                // Left meanwhile: there is no member event to bring up to date.
                Err(error) if error.code() == Some(Code::Forbidden) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Internal(format!("the member event in room {} keeps changing", room.id)))
    }

    /// The content of `actor`'s own member event.
    pub(super) async fn own_content(
        &self,
        actor: &Actor,
        membership: Membership,
        reason: Option<&str>,
    ) -> Result<Map<String, Value>> {
        let mut content = content_of(membership, reason);
        content.extend(self.profile_content(&actor.user_id).await?);
        Ok(content)
    }

    pub(super) async fn invite_content(&self, target: &UserId, reason: Option<&str>) -> Result<Map<String, Value>> {
        self.refuse_uninvitable(target).await?;
        let mut content = content_of(Membership::Invite, reason);
        content.extend(self.profile_content(target).await?);
        Ok(content)
    }

    /// `displayname` and `avatar_url` as the user's profile has them.
    pub(super) async fn profile_content(&self, user_id: &UserId) -> Result<Map<String, Value>> {
        let user_id = user_id.clone();
        let fields = self.core.store.read(move |db| db.member_profile(&user_id)).await?;
        Ok(fields.into_iter().map(|(key, value)| (key, Value::String(value))).collect())
    }

    /// Returns a member with the right to invite, for a room that members of other rooms may join, if `actor` is in one
    /// of those rooms (spec: room version 8, "restricted").
    async fn authoriser(&self, actor: &Actor, room: &Arc<Room>) -> Result<Option<UserId>> {
        let rules = {
            let view = room.view();
            let invited = matches!(view.membership(&actor.user_id), Some(Membership::Invite | Membership::Join));
            let rules = view.join_rules(room.version);
            if invited || !rules.join_rule.is_restricted() {
                return Ok(None);
            }
            rules
        };
        if !self.in_any_of(actor, &rules.allow).await? {
            return Ok(None);
        }
        let view = room.view();
        let power = &view.power;
        let may_invite = |user: &&UserId| {
            user.server_name() == self.core.server_name.as_str() && power.user_level(user).reaches(power.invite)
        };
        let is_joined = |user: &&UserId| view.membership(user) == Some(Membership::Join);
        let named = power.named_users().filter(may_invite).find(is_joined);
        // All others are alike: in a large room nobody is to be looked at in vain.
        let others = || view.joined.values().filter(|_| power.users_default >= power.invite).find(may_invite);
        let authoriser = named.or_else(others).cloned();
        let none = || Error::refused(Code::UnableToGrantJoin, "no member on this server has the power to let you in");
        authoriser.ok_or_else(none).map(Some)
    }
}

/// A name or picture in a member event or profile; an empty one is none.
fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Whether the user's `m.invite_permission_config` blocks all invites (spec: "Invite permission").
fn blocks_invites(db: &Snapshot<'_>, user: UserNid) -> im2_store::Result<bool> {
    let config = db.account_data(user, None, INVITE_PERMISSION_CONFIG)?;
    let config: Option<Value> = config.and_then(|config| serde_json::from_str(&config).ok());
    Ok(config.is_some_and(|config| config["default_action"] == "block"))
}

pub(super) fn content_of(membership: Membership, reason: Option<&str>) -> Map<String, Value> {
    let mut content = Map::new();
    content.insert("membership".into(), membership.as_str().into());
    if let Some(reason) = reason {
        content.insert("reason".into(), reason.into());
    }
    content
}

/// The content of the ban of a user whose member event was `before`.
fn ban_content(before: Option<&RoomEvent>, reason: Option<&str>) -> Map<String, Value> {
    // The name and picture stay, so that the list of the banned can be read.
    let mut content = content_of(Membership::Ban, reason);
    let before = before.map(|event| event.pdu.content_map());
    for key in ["displayname", "avatar_url"] {
        if let Some(value) = before.as_ref().and_then(|content| content.get(key)) {
            content.insert(key.into(), value.clone());
        }
    }
    content
}
