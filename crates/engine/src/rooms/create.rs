//! Making a room (spec: `POST /createRoom`).

use std::sync::Arc;

use im2_model::{Millis, RoomAliasId, RoomId, UserId};
use im2_rooms::{content::Membership, power::PowerLevels, state::StateMap, version::RoomVersion};
use serde_json::{Map, Value, json};

use super::{
    Actor, Draft, Room, Rooms,
    append::{Builder, Prepared, commit},
    room::{Head, View},
    validate,
};
use crate::{Code, Error, Result};

/// A set of defaults for a new room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// By invitation.
    PrivateChat,
    /// By invitation, and all invited are equals of the creator.
    TrustedPrivateChat,
    /// Open to everybody.
    PublicChat,
}

/// Whether a room is in the published directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// It is.
    Public,
    /// It is not.
    #[default]
    Private,
}

/// A state event for a new room.
#[derive(Debug, Clone)]
pub struct InitialState {
    /// The event type.
    pub kind: String,
    /// The state key.
    pub state_key: String,
    /// The content.
    pub content: Map<String, Value>,
}

/// What a new room is to be like. The fields are those of the request.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the specification names and explains them")]
pub struct CreateRoom {
    pub version: RoomVersion,
    pub preset: Option<Preset>,
    pub visibility: Visibility,
    pub alias: Option<RoomAliasId>,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub invite: Vec<UserId>,
    pub is_direct: bool,
    pub creation_content: Map<String, Value>,
    pub initial_state: Vec<InitialState>,
    pub power_level_content_override: Map<String, Value>,
}

/// How many rooms one user may make alike in one millisecond.
const ATTEMPTS: Millis = 64;
/// The most users that one request may invite.
const MAX_INVITES: usize = 1_000;

/// A room in the making: each event is built and judged on those before it.
struct Making<'a> {
    builder: Builder<'a>,
    actor: &'a Actor,
    room_id: Option<RoomId>,
    view: View,
    head: Head,
    events: Vec<Prepared>,
}

impl Making<'_> {
    fn add(&mut self, draft: Draft) -> Result<()> {
        let id = self.room_id.as_ref();
        let prepared = self.builder.prepare(id, &self.head, &self.view, self.actor, draft)?;
        self.room_id = Some(prepared.pdu.room_id.clone());
        self.head.advance(self.builder.version, &self.view, &prepared.pdu);
        self.events.push(prepared);
        Ok(())
    }

    fn state(&mut self, kind: &str, content: Value) -> Result<()> {
        let Value::Object(content) = content else { return Ok(()) };
        self.add(Draft::state(kind, "", content))
    }
}

impl Rooms {
    /// Makes a room. All of its first events are one commit: there is no half a room.
    pub async fn create(&self, actor: &Actor, request: CreateRoom) -> Result<Arc<Room>> {
        validate::refuse_unless(request.invite.len() <= MAX_INVITES, Code::InvalidParam, "too many invites at once")?;
        // From version 12 on the identifier is a hash of the create event, so two rooms that one user makes alike in
        // the same millisecond would be one: the later one is dated a little later.
        for later in 0..ATTEMPTS {
            if let Some(room) = self.try_create(actor, &request, later).await? {
                return Ok(room);
            }
        }
        Err(Error::Internal("no free room identifier".into()))
    }

    /// One attempt, dated `later` milliseconds from now; `None` if the room's identifier is taken.
    async fn try_create(&self, actor: &Actor, request: &CreateRoom, later: Millis) -> Result<Option<Arc<Room>>> {
        let preset = request.preset.unwrap_or(match request.visibility {
            Visibility::Public => Preset::PublicChat,
            Visibility::Private => Preset::PrivateChat,
        });
        let mut making = self.start(actor, request, preset, later)?;
        making.add(self.creator_member(actor, request).await?)?;
        making.state("m.room.power_levels", power_levels(actor, request, preset))?;
        if let Some(alias) = &request.alias {
            making.state("m.room.canonical_alias", json!({ "alias": alias }))?;
        }
        add_preset(&mut making, request, preset)?;
        for InitialState { kind, state_key, content } in &request.initial_state {
            let mut draft = Draft::state(kind, state_key, content.clone());
            validate::check(&mut draft)?;
            making.add(draft)?;
        }
        if let Some(name) = &request.name {
            making.state("m.room.name", json!({ "name": name }))?;
        }
        if let Some(topic) = &request.topic {
            let plain = json!({ "m.text": [{ "body": topic, "mimetype": "text/plain" }] });
            making.state("m.room.topic", json!({ "topic": topic, "m.topic": plain }))?;
        }
        for user_id in &request.invite {
            let mut content = self.invite_content(user_id, None).await?;
            if request.is_direct {
                content.insert("is_direct".into(), true.into());
            }
            making.add(Draft::state("m.room.member", user_id.as_str(), content))?;
        }
        self.store_new(making, request.alias.clone(), request.visibility).await
    }

    fn start<'a>(
        &'a self,
        actor: &'a Actor,
        request: &CreateRoom,
        preset: Preset,
        later: Millis,
    ) -> Result<Making<'a>> {
        let version = request.version;
        let content = create_content(actor, request, preset);
        let room_id = if version.rules().room_id_is_create_hash {
            None
        } else {
            let name = format!("!{}:{}", self.core.random.alphanumeric(18), self.core.server_name);
            Some(RoomId::parse(&name).map_err(|error| Error::Internal(error.to_string()))?)
        };
        let no_levels = Arc::new(PowerLevels::default());
        let view = View::empty(Arc::clone(&no_levels));
        let head = Head { epoch: 0, seq: 0, last: None, depth: 0, pending: StateMap::default(), power: no_levels };
        let builder = Builder { version, key: &self.key, now: self.core.now() + later };
        let mut making = Making { builder, actor, room_id, view, head, events: Vec::new() };
        making.add(Draft::state("m.room.create", "", content))?;
        Ok(making)
    }

    async fn creator_member(&self, actor: &Actor, request: &CreateRoom) -> Result<Draft> {
        let mut content = self.own_content(actor, Membership::Join, None).await?;
        if request.is_direct {
            content.insert("is_direct".into(), true.into());
        }
        Ok(Draft::state("m.room.member", actor.user_id.as_str(), content))
    }

    async fn store_new(
        &self,
        making: Making<'_>,
        alias: Option<RoomAliasId>,
        visibility: Visibility,
    ) -> Result<Option<Arc<Room>>> {
        let Making { builder, room_id, events, actor, .. } = making;
        let room_id = room_id.ok_or_else(|| Error::Internal("a room without an identifier".into()))?;
        let (version, now, creator) = (builder.version, builder.now, actor.user);
        let create = events.first().map(|event| Arc::clone(&event.pdu));
        let create = create.ok_or_else(|| Error::Internal("a room without events".into()))?;
        let (publisher, registry) = (self.publisher(), Arc::clone(&self.registry));
        let published = visibility == Visibility::Public;
        let change = move |tx: &mut im2_store::Transaction<'_>| {
            if tx.room(&room_id)?.is_some() {
                return Ok(None);
            }
            let nid = tx.create_room(&room_id, version.as_str(), now)?;
            if let Some(alias) = &alias {
                tx.add_alias(alias, nid, creator, now)?;
            }
            if published {
                tx.set_published(nid, true)?;
            }
            let room = Arc::new(Room::new(nid, room_id, version, &create));
            commit(tx, Arc::clone(&room), 0, events, publisher)?;
            let handle = Arc::clone(&room);
            tx.on_commit(move || {
                handle.settle();
                registry.insert(&handle);
            });
            Ok(Some(room))
        };
        self.core.store.write(change).await.map_err(|error| {
            if error.is_duplicate() {
                Error::refused(Code::RoomInUse, "this alias is taken by another room")
            } else {
                error.into()
            }
        })
    }
}

fn create_content(actor: &Actor, request: &CreateRoom, preset: Preset) -> Map<String, Value> {
    let rules = request.version.rules();
    let mut content = request.creation_content.clone();
    content.remove("creator");
    content.insert("room_version".into(), request.version.as_str().into());
    if rules.creator_in_content {
        content.insert("creator".into(), actor.user_id.as_str().into());
    }
    if rules.privileged_creators && preset == Preset::TrustedPrivateChat && !request.invite.is_empty() {
        let named = content.remove("additional_creators").unwrap_or_else(|| json!([]));
        let mut creators = named.as_array().cloned().unwrap_or_default();
        for user_id in &request.invite {
            let user_id = Value::from(user_id.as_str());
            if !creators.contains(&user_id) && user_id != *actor.user_id.as_str() {
                creators.push(user_id);
            }
        }
        content.insert("additional_creators".into(), creators.into());
    }
    content
}

/// The default levels, with what the request overrides.
fn power_levels(actor: &Actor, request: &CreateRoom, preset: Preset) -> Value {
    let privileged = request.version.rules().privileged_creators;
    let mut users = Map::new();
    if !privileged {
        users.insert(actor.user_id.to_string(), 100.into());
        if preset == Preset::TrustedPrivateChat {
            users.extend(request.invite.iter().map(|user| (user.to_string(), 100.into())));
        }
    }
    let mut levels = json!({
        "users": users,
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.avatar": 50,
            "m.room.topic": 50,
            "m.room.canonical_alias": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.server_acl": 100,
            "m.room.encryption": 100,
            "m.room.tombstone": if privileged { 150 } else { 100 },
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": 0,
        "notifications": { "room": 50 },
    });
    if let Some(levels) = levels.as_object_mut() {
        levels.extend(request.power_level_content_override.clone());
    }
    levels
}

/// The preset's events, but for those that `initial_state` brings itself.
fn add_preset(making: &mut Making<'_>, request: &CreateRoom, preset: Preset) -> Result<()> {
    let (join_rule, guest_access) = match preset {
        Preset::PrivateChat | Preset::TrustedPrivateChat => ("invite", "can_join"),
        Preset::PublicChat => ("public", "forbidden"),
    };
    let events = [
        ("m.room.join_rules", json!({ "join_rule": join_rule })),
        ("m.room.history_visibility", json!({ "history_visibility": "shared" })),
        ("m.room.guest_access", json!({ "guest_access": guest_access })),
    ];
    for (kind, content) in events {
        let given = request.initial_state.iter().any(|state| state.kind == kind && state.state_key.is_empty());
        if !given {
            making.state(kind, content)?;
        }
    }
    Ok(())
}
