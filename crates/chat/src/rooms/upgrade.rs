//! Replacing a room by one of another version (spec: "Room Upgrades").
//!
//! The new room, the old room's tombstone, the aliases and the directory change in one commit: there is never a
//! tombstone that leads nowhere, nor a replacement that nobody is led to.

use std::sync::Arc;

use im2_core::{Code, Error, Result, committed::DirectoryListing};
use im2_fair::caller;
use im2_kernel::{
    content::{CreateContent, JoinRule, Membership},
    event::Pdu,
    power::with_integer_levels,
    version::RoomVersion,
};
use im2_model::{RoomId, UserId};
use im2_store::rooms::Appended;
use serde_json::{Map, Value, json};

use super::{
    Actor, Draft, Room, RoomEvent, Rooms, View,
    aliases::listed_aliases,
    commit::{commit, commit_new},
    create::Making,
    directory::publish_in_directory,
    head_state::{HeadState, Place},
    membership::content_of,
    prepare::{Builder, Prepared},
    room::Head,
};

/// How often the upgrade is made anew because the old room had moved on.
const ATTEMPTS: usize = 5;

/// State that is carried over as it is, in the order in which the new room gets it.
const TRANSFERRED: [&str; 8] = [
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.server_acl",
    "m.room.encryption",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
];

/// The level for tombstones in rooms whose creators stand above all levels.
const TOMBSTONE_LEVEL: i64 = 150;
/// The level of creators where they have one.
const CREATOR_LEVEL: i64 = 100;
/// The least level that sending and inviting take in a room that has been replaced.
const RETIRED_LEVEL: i64 = 50;

/// The upgrade that was asked for, once it has been checked.
struct Plan<'a> {
    actor: &'a Actor,
    version: RoomVersion,
    additional_creators: &'a [UserId],
    /// The actor's member event in the new room.
    member: Draft,
    /// The aliases of this server that move.
    aliases: Vec<String>,
}

/// The new room and the events of both rooms, ready to be stored.
struct Replacement {
    room_id: RoomId,
    new: Vec<Prepared>,
    old: Vec<Prepared>,
    head: Head,
}

impl Rooms {
    /// Replaces a room by a new one of `version` and returns the new room's identifier.
    pub async fn upgrade(
        &self,
        actor: &Actor,
        room_id: &RoomId,
        version: RoomVersion,
        additional_creators: &[UserId],
    ) -> Result<RoomId> {
        let old = self.joined(actor, room_id).await?;
        self.core.refuse_suspended(actor.user)?;
        self.core.blocked.refuse(room_id)?;
        let may_send = old.view().power.may_send(&actor.user_id, "m.room.tombstone", true);
        if !may_send {
            let message = "upgrading a room requires the power to send m.room.tombstone";
            return Err(Error::refused(Code::Forbidden, message));
        }
        if self.is_shadow_banned(actor) {
            return self.withheld_room_id(room_id, version);
        }
        let nid = old.nid;
        let aliases = self.core.store.read(move |db| db.aliases_of(nid)).await?;
        let member = self.own_content(actor, Membership::Join, None).await?;
        let plan = Plan {
            actor,
            version,
            additional_creators,
            member: Draft::state("m.room.member", actor.user_id.as_str(), member),
            aliases: aliases.iter().map(ToString::to_string).collect(),
        };
        // A room may have very many bans and children to be carried over.
        let _turn = self.core.store.long_write_turn().await?;
        for _ in 0..ATTEMPTS {
            match self.replace(&old, &plan).await {
                Err(Error::Store(im2_store::Error::Conflict)) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Internal(format!("room {room_id} keeps moving on")))
    }

    async fn replace(&self, old: &Arc<Room>, plan: &Plan<'_>) -> Result<RoomId> {
        let turn = self.core.store.write_turn().await?; // before the lock, as for every event
        let mut head = old.head.lock().await;
        let mut fetched = Vec::new();
        let Replacement { room_id, new, old: last, head: next } = loop {
            let missing = {
                let view = old.view();
                head.catch_up(&view);
                let state = HeadState { head: &head, view: &view, fetched: &fetched };
                let missing = missing_members(&state, plan.actor);
                if missing.is_empty() {
                    break self.prepare_replacement(old, &state, plan)?;
                }
                missing
            };
            let missing: Vec<&str> = missing.iter().map(UserId::as_str).collect();
            fetched.extend(caller::scope(caller::for_others(), old.members(&self.core, &missing)).await?);
        };
        let place = head.place();
        let (change, answer) = (self.storing(old, place, room_id.clone(), new, last, plan), room_id);
        let queued = self.core.store.enqueue(turn, change).await?;
        let epoch = head.epoch;
        *head = next;
        drop(head);
        if let Err(error) = queued.durable().await {
            old.reset_head(epoch).await;
            return Err(error.into());
        }
        Ok(answer)
    }

    /// Makes the events of both rooms.
    fn prepare_replacement(&self, old: &Arc<Room>, state: &HeadState<'_>, plan: &Plan<'_>) -> Result<Replacement> {
        let now = self.core.now();
        let builder = Builder { version: old.version, key: &self.key, now };
        let HeadState { head, view, fetched } = state;
        let (head, events) = (Head::clone(head), Vec::new());
        let mut ending = Ending { builder, old, view, fetched, actor: plan.actor, head, events };
        let builder = Builder { version: plan.version, key: &self.key, now };
        let making = if plan.version.rules().room_id_is_create_hash {
            // The identifier depends on the create event, so that this cannot name the tombstone, which names it.
            let create = create_content(old, view, plan, None);
            let making = Making::begin(builder, plan.actor, None, create)?;
            ending.tombstone(making.room_id()?)?;
            making
        } else {
            let room_id = self.new_room_id()?;
            ending.tombstone(&room_id)?;
            let create = create_content(old, view, plan, ending.events.first());
            Making::begin(builder, plan.actor, Some(room_id), create)?
        };
        let making = furnish(making, old, state, plan)?;
        ending.retire(plan)?;
        let (room_id, new) = making.finish()?;
        Ok(Replacement { room_id, new, old: ending.events, head: ending.head })
    }

    /// The change that stores a replacement.
    fn storing(
        &self,
        old: &Arc<Room>,
        place: Place,
        room_id: RoomId,
        new: Vec<Prepared>,
        last: Vec<Prepared>,
        plan: &Plan<'_>,
    ) -> impl Fn(&mut im2_core::Transaction<'_>) -> im2_store::Result<Appended> + Send + use<> {
        let (registry, guests, old) = (Arc::clone(&self.registry), Arc::clone(&self.core.guests), Arc::clone(old));
        let (version, now) = (plan.version, self.core.now());
        move |tx| {
            let room = commit_new(tx, (&room_id, version, now), &new, &registry)?;
            if tx.is_published(old.nid)? {
                tx.set_published(room.nid, true)?;
                tx.set_published(old.nid, false)?;
                publish_in_directory(tx, &room, DirectoryListing::Own(true));
                publish_in_directory(tx, &old, DirectoryListing::Own(false));
            }
            tx.move_aliases(old.nid, room.nid)?;
            commit(tx, &old, place, &last, &guests)
        }
    }
}

/// The last events of the old room in the making.
struct Ending<'a> {
    builder: Builder<'a>,
    old: &'a Room,
    view: &'a View,
    fetched: &'a [Arc<RoomEvent>],
    actor: &'a Actor,
    head: Head,
    events: Vec<Prepared>,
}

impl Ending<'_> {
    fn add(&mut self, draft: Draft) -> Result<()> {
        let state = HeadState { head: &self.head, view: self.view, fetched: self.fetched };
        let prepared = self.builder.prepare(Some(&self.old.id), &state, self.actor, draft)?;
        self.head.advance(self.builder.version, self.view, &prepared.pdu);
        self.events.push(prepared);
        Ok(())
    }

    fn tombstone(&mut self, replacement: &RoomId) -> Result<()> {
        let content = json!({ "body": "This room has been replaced", "replacement_room": replacement });
        self.add(Draft::state("m.room.tombstone", "", object(content)))
    }

    /// Takes the moved aliases out of the old room and closes it for those without a level of their own, as far as
    /// the actor may do that.
    fn retire(&mut self, plan: &Plan<'_>) -> Result<()> {
        if !plan.aliases.is_empty() && self.view.state.get("m.room.canonical_alias", "").is_some() {
            self.add_if_allowed(Draft::state("m.room.canonical_alias", "", Map::new()))?;
        }
        let levels = self.view.state.get("m.room.power_levels", "");
        let mut content = levels.map(|event| event.pdu.content_map()).unwrap_or_default();
        let power = &self.view.power;
        let least = RETIRED_LEVEL.max(power.users_default.saturating_add(1));
        let raised = [("events_default", power.events_default), ("invite", power.invite)];
        let raised: Vec<_> = raised.into_iter().filter(|(_, level)| *level < least).collect();
        if raised.is_empty() {
            return Ok(());
        }
        content.extend(raised.into_iter().map(|(key, _)| (key.to_owned(), least.into())));
        self.add_if_allowed(Draft::state("m.room.power_levels", "", content))
    }

    fn add_if_allowed(&mut self, draft: Draft) -> Result<()> {
        match self.add(draft) {
            Err(error) if error.code() == Some(Code::Forbidden) => Ok(()),
            outcome => outcome,
        }
    }
}

fn create_content(old: &Room, view: &View, plan: &Plan<'_>, tombstone: Option<&Prepared>) -> Map<String, Value> {
    let before = view.content("m.room.create", "").map(CreateContent::parse).unwrap_or_default();
    let rules = plan.version.rules();
    let mut content = Map::new();
    content.insert("room_version".into(), plan.version.as_str().into());
    let mut predecessor = json!({ "room_id": old.id });
    if let Some(tombstone) = tombstone {
        predecessor["event_id"] = json!(tombstone.pdu.event_id);
    }
    content.insert("predecessor".into(), predecessor);
    if let Some(room_type) = before.room_type {
        content.insert("type".into(), String::from(room_type).into());
    }
    if before.federate == Some(false) {
        content.insert("m.federate".into(), false.into());
    }
    if rules.creator_in_content {
        content.insert("creator".into(), plan.actor.user_id.as_str().into());
    }
    if rules.privileged_creators && !plan.additional_creators.is_empty() {
        content.insert("additional_creators".into(), json!(plan.additional_creators));
    }
    content
}

/// The users whose member events an upgrade looks at and has to read first: the actor's, and those that ban somebody.
fn missing_members(state: &HeadState<'_>, actor: &Actor) -> Vec<UserId> {
    let needed = std::iter::once(&actor.user_id).chain(banned(state.view));
    needed.filter(|user_id| state.lacks(user_id.as_str())).cloned().collect()
}

fn banned(view: &View) -> impl Iterator<Item = &UserId> {
    let banned = view.members.iter().filter(|(_, member)| member.membership == Membership::Ban);
    banned.map(|(user_id, _)| user_id)
}

/// Gives the new room what it takes over from the old one.
fn furnish<'a>(mut making: Making<'a>, old: &Room, state: &HeadState<'_>, plan: &Plan<'_>) -> Result<Making<'a>> {
    let view = state.view;
    making.add(plan.member.clone())?;
    let levels = power_levels(old, view, plan);
    making.add(Draft::state("m.room.power_levels", "", while_moving_in(&levels, plan)))?;
    for kind in TRANSFERRED {
        if let Some(event) = view.state.get(kind, "") {
            let mut content = event.pdu.content_map();
            if kind == "m.room.join_rules" {
                keep_known_join_rule(&mut content, plan.version);
            }
            making.add(Draft::state(kind, "", content))?;
        }
    }
    let create = view.content("m.room.create", "").map(CreateContent::parse).unwrap_or_default();
    if create.room_type.as_deref() == Some("m.space") {
        for (room_id, event) in view.state.of_kind("m.space.child") {
            let content = event.pdu.content_map();
            if !content.is_empty() {
                making.add(Draft::state("m.space.child", room_id, content))?;
            }
        }
    }
    for user_id in banned(view) {
        let content = state.member(user_id.as_str()).map(Pdu::content_map).unwrap_or_default();
        let reason = content.get("reason").and_then(Value::as_str);
        let ban = Draft::state("m.room.member", user_id.as_str(), content_of(Membership::Ban, reason));
        match making.add(ban) {
            // The banned may rank as high as the actor, whose level then does not suffice.
            Err(error) if error.code() == Some(Code::Forbidden) => {}
            outcome => outcome?,
        }
    }
    if let Some(content) = canonical_alias(view, plan) {
        making.add(Draft::state("m.room.canonical_alias", "", content))?;
    }
    if while_moving_in(&levels, plan) != levels {
        making.add(Draft::state("m.room.power_levels", "", levels))?;
    }
    Ok(making)
}

/// Replaces a join rule that the new room's version does not know. Nobody, not even the invited, could join otherwise.
fn keep_known_join_rule(content: &mut Map<String, Value>, version: RoomVersion) {
    let rule = content.get("join_rule").and_then(Value::as_str).map(JoinRule::parse).unwrap_or_default();
    let nearest = rule.nearest_in(version);
    if nearest != rule
        && let Some(name) = nearest.as_str()
    {
        content.insert("join_rule".into(), name.into());
    }
}

/// The aliases that the old room published and that now lead to the new one.
fn canonical_alias(view: &View, plan: &Plan<'_>) -> Option<Map<String, Value>> {
    let before = view.state.get("m.room.canonical_alias", "")?.pdu.content_map();
    let moved = |value: &&Value| value.as_str().is_some_and(|text| plan.aliases.iter().any(|alias| alias == text));
    let mut content = Map::new();
    if let Some(alias) = before.get("alias").filter(moved) {
        content.insert("alias".into(), alias.clone());
    }
    let others: Vec<Value> =
        before.get("alt_aliases").and_then(Value::as_array).into_iter().flatten().filter(moved).cloned().collect();
    if !others.is_empty() {
        content.insert("alt_aliases".into(), others.into());
    }
    (!content.is_empty() && listed_aliases(&content).is_ok()).then_some(content)
}

/// The levels of the new room: those of the old one as integers, as far as the two versions agree on what creators are.
fn power_levels(old: &Room, view: &View, plan: &Plan<'_>) -> Map<String, Value> {
    let event = view.state.get("m.room.power_levels", "");
    let content = event.map(|event| event.pdu.content_map()).unwrap_or_default();
    let mut content = with_integer_levels(old.version, content);
    let (was, is) = (old.version.rules().privileged_creators, plan.version.rules().privileged_creators);
    let mut users = content.get("users").and_then(Value::as_object).cloned().unwrap_or_default();
    if is {
        users.remove(plan.actor.user_id.as_str());
        for creator in plan.additional_creators {
            users.remove(creator.as_str());
        }
        let mut events = content.get("events").and_then(Value::as_object).cloned().unwrap_or_default();
        let least = TOMBSTONE_LEVEL.max(view.power.state_default.saturating_add(1));
        let tombstone = events.get("m.room.tombstone").and_then(Value::as_i64).unwrap_or(least).max(least);
        events.insert("m.room.tombstone".into(), tombstone.into());
        content.insert("events".into(), events.into());
    } else if was || event.is_none() {
        // Creators had no level because they stood above all; here they need one.
        if let Some(create) = view.state.get("m.room.create", "") {
            let level = CREATOR_LEVEL.max(view.power.highest_finite_level());
            let creators = CreateContent::creators(old.version, &create.pdu);
            users.extend(creators.into_iter().map(|creator| (creator.to_string(), level.into())));
        }
    }
    content.insert("users".into(), users.into());
    content
}

/// The same levels with the actor raised to the highest that any of the events to come takes.
fn while_moving_in(levels: &Map<String, Value>, plan: &Plan<'_>) -> Map<String, Value> {
    let mut content = levels.clone();
    if plan.version.rules().privileged_creators {
        return content;
    }
    let level = |key: &str| levels.get(key).and_then(Value::as_i64).unwrap_or(CREATOR_LEVEL);
    let listed = |key: &str| levels.get(key).and_then(Value::as_object).into_iter().flatten();
    let listed = listed("events").chain(listed("users")).filter_map(|(_, level)| level.as_i64());
    let needed = listed.chain([level("state_default"), level("ban"), CREATOR_LEVEL]).max().unwrap_or(CREATOR_LEVEL);
    let mut users = content.get("users").and_then(Value::as_object).cloned().unwrap_or_default();
    if users.get(plan.actor.user_id.as_str()).and_then(Value::as_i64).is_none_or(|own| own < needed) {
        users.insert(plan.actor.user_id.to_string(), needed.into());
        content.insert("users".into(), users.into());
    }
    content
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
