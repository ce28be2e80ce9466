//! Making a room (spec: `POST /createRoom`).

use std::{collections::HashSet, sync::Arc};

use im2_core::{Code, Error, Result, committed::DirectoryListing};
use im2_kernel::{
    auth::check_power_levels, content::Membership, power::PowerLevels, state::StateMap, version::RoomVersion,
};
use im2_model::{Millis, RoomAliasId, RoomId, UserId};
use serde_json::{Map, Value, json};

use super::{
    Actor, Draft, Room, Rooms, StateLimits,
    aliases::listed_aliases,
    commit::commit_new,
    directory::publish_in_directory,
    head_state::HeadState,
    prepare::{Builder, Prepared},
    room::Head,
    validate,
    view::View,
};

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

/// A request to create a room. The fields are those of `POST /createRoom`.
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
/// Invites that are stored together, and events that are made before somebody else has a turn: about a millisecond's
/// work.
const AT_ONCE: usize = 16;
/// The first events of an ordinary room. Making more is long work, of which a user has one at a time.
const ORDINARY: usize = 32;

/// A room in the making: each event is built and judged on those before it.
pub(super) struct Making<'a> {
    builder: Builder<'a>,
    actor: &'a Actor,
    room_id: Option<RoomId>,
    view: View,
    head: Head,
    events: Vec<Prepared>,
}

impl<'a> Making<'a> {
    /// Begins with the create event. Rooms whose identifier is a hash are given none.
    pub(super) fn begin(
        builder: Builder<'a>,
        actor: &'a Actor,
        room_id: Option<RoomId>,
        create: Map<String, Value>,
    ) -> Result<Self> {
        let no_levels = Arc::new(PowerLevels::default());
        let view = View::empty(Arc::clone(&no_levels));
        let head = Head {
            epoch: 0,
            seq: 0,
            elsewhere: 0,
            last: None,
            depth: 0,
            pending: StateMap::default(),
            power: no_levels,
        };
        let mut making = Self { builder, actor, room_id, view, head, events: Vec::new() };
        making.add(Draft::state("m.room.create", "", create))?;
        Ok(making)
    }

    /// Adds an event. One that is refused leaves nothing.
    pub(super) fn add(&mut self, draft: Draft) -> Result<()> {
        if &*draft.kind == "m.room.power_levels"
            && let Some(create) = self.events.first()
        {
            check_power_levels(self.builder.version, &create.pdu, &draft.content)
                .map_err(|error| Error::refused(Code::BadJson, error.to_string()))?;
        }
        let id = self.room_id.as_ref();
        let state = HeadState { head: &self.head, view: &self.view, fetched: &[] };
        let prepared = self.builder.prepare(id, &state, self.actor, draft)?;
        self.room_id = Some(prepared.pdu.room_id.clone());
        self.head.advance(self.builder.version, &self.view, &prepared.pdu);
        self.events.push(prepared);
        Ok(())
    }

    fn state(&mut self, kind: &str, content: Value) -> Result<()> {
        let Value::Object(content) = content else { return Ok(()) };
        self.add(Draft::state(kind, "", content))
    }

    /// The room's identifier.
    pub(super) fn room_id(&self) -> Result<&RoomId> {
        self.room_id.as_ref().ok_or_else(|| Error::Internal("a room without an identifier".into()))
    }

    /// The room's identifier and first events.
    pub(super) fn finish(self) -> Result<(RoomId, Vec<Prepared>)> {
        Ok((self.room_id()?.clone(), self.events))
    }
}

impl Rooms {
    /// Makes a room. Its first events are one commit: there is no half a room. Of very many invites the first few are
    /// among them, and the others follow before the answer, in changes between which others have the writer.
    pub async fn create(&self, actor: &Actor, request: CreateRoom) -> Result<Arc<Room>> {
        let request = self.checked(actor, request)?;
        self.check_room_quota(actor).await?;
        if request.alias.is_some() {
            self.check_alias_quota(actor).await?;
        }
        let counted = self.count_invites(actor, &request.invite).await?;
        let made = self.create_checked(actor, &request).await;
        if let Some(counted) = counted.filter(|_| made.is_err()) {
            self.give_back_invites(counted).await;
        }
        made
    }

    /// Does as [`Rooms::create`], for rooms of the server itself: without limits on the rooms of the user it is made
    /// for.
    pub async fn create_regardless(&self, actor: &Actor, request: CreateRoom) -> Result<Arc<Room>> {
        let request = self.checked(actor, request)?;
        self.create_checked(actor, &request).await
    }

    fn checked(&self, actor: &Actor, mut request: CreateRoom) -> Result<CreateRoom> {
        self.core.refuse_suspended(actor.user)?;
        validate::refuse_unless(request.invite.len() <= MAX_INVITES, Code::InvalidParam, "too many invites at once")?;
        let mut invited = HashSet::new();
        request.invite.retain(|user_id| invited.insert(user_id.clone()));
        check_initial_aliases(&request)?;
        Ok(request)
    }

    async fn create_checked(&self, actor: &Actor, request: &CreateRoom) -> Result<Arc<Room>> {
        let member = self.own_content(actor, Membership::Join, None).await?;
        let mut invites = Vec::with_capacity(request.invite.len());
        for user_id in &request.invite {
            let mut content = self.invite_content(user_id, None).await?;
            if request.is_direct {
                content.insert("is_direct".into(), true.into());
            }
            invites.push(Draft::state("m.room.member", user_id.as_str(), content));
        }
        let member = Draft::state("m.room.member", actor.user_id.as_str(), member);
        if self.is_shadow_banned(actor) {
            invites.clear();
        }
        let following = followers(actor, request, &mut invites);
        let is_long = !following.is_empty() || invites.len() + request.initial_state.len() > ORDINARY;
        let _turn = if is_long { Some(self.core.store.long_write_turn().await?) } else { None };
        // From version 12 on the identifier is a hash of the create event, so two rooms that one user makes alike in
        // the same millisecond would be one: the later one is dated a little later.
        for later in 0..ATTEMPTS {
            let made = self.prepare_new(actor, request, later, member.clone(), invites.clone()).await;
            let (room_id, events) = made.map_err(invalid_state)?;
            let Some(room) = self.store_new(actor, room_id, events, request).await? else { continue };
            for invites in following.chunks(AT_ONCE) {
                self.append_batch(&room, actor, invites).await?;
            }
            return Ok(room);
        }
        Err(Error::Internal("no free room identifier".into()))
    }

    /// The first events of a room, dated `later` milliseconds from now.
    async fn prepare_new(
        &self,
        actor: &Actor,
        request: &CreateRoom,
        later: Millis,
        member: Draft,
        invites: Vec<Draft>,
    ) -> Result<(RoomId, Vec<Prepared>)> {
        let preset = request.preset.unwrap_or(match request.visibility {
            Visibility::Public => Preset::PublicChat,
            Visibility::Private => Preset::PrivateChat,
        });
        let version = request.version;
        let hashed = version.rules().room_id_is_create_hash;
        let room_id = if hashed { None } else { Some(self.new_room_id()?) };
        let builder = Builder { version, key: &self.key, now: self.core.now() + later };
        let mut making = Making::begin(builder, actor, room_id, create_content(actor, request, preset))?;
        making.add(member)?;
        making.state("m.room.power_levels", power_levels(actor, request, preset))?;
        if let Some(alias) = &request.alias {
            making.state("m.room.canonical_alias", json!({ "alias": alias }))?;
        }
        add_preset(&mut making, request, preset)?;
        for (number, InitialState { kind, state_key, content }) in request.initial_state.iter().enumerate() {
            if number % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let mut draft = Draft::state(kind, state_key, content.clone());
            validate::check(&mut draft)?;
            if kind == "m.room.member" && self.is_shadow_banned(actor) {
                continue;
            }
            making.add(draft)?;
        }
        if let Some(name) = &request.name {
            making.state("m.room.name", json!({ "name": name }))?;
        }
        if let Some(topic) = &request.topic {
            let plain = json!({ "m.text": [{ "body": topic, "mimetype": "text/plain" }] });
            making.state("m.room.topic", json!({ "topic": topic, "m.topic": plain }))?;
        }
        for invite in invites {
            making.add(invite)?;
        }
        let made = making.finish()?;
        refuse_too_much_state(self.options.state, &made.1)?;
        Ok(made)
    }

    /// An identifier for a room whose version leaves it to the server.
    pub(super) fn new_room_id(&self) -> Result<RoomId> {
        let name = format!("!{}:{}", self.core.random.alphanumeric(18), self.core.server_name);
        RoomId::parse(&name).map_err(|error| Error::Internal(error.to_string()))
    }

    /// Stores a room with its first events; `None` if its identifier is taken.
    async fn store_new(
        &self,
        actor: &Actor,
        room_id: RoomId,
        events: Vec<Prepared>,
        request: &CreateRoom,
    ) -> Result<Option<Arc<Room>>> {
        let (version, now, creator) = (request.version, self.core.now(), actor.user);
        let registry = Arc::clone(&self.registry);
        let published = request.visibility == Visibility::Public && !self.is_shadow_banned(actor);
        let alias = request.alias.clone();
        let change = move |tx: &mut im2_core::Transaction<'_>| {
            if tx.room(&room_id)?.is_some() {
                return Ok(None);
            }
            let room = commit_new(tx, (&room_id, version, now), &events, &registry)?;
            if let Some(alias) = &alias {
                tx.add_alias(alias, room.nid, creator, now)?;
            }
            if published {
                tx.set_published(room.nid, true)?;
                publish_in_directory(tx, &room, DirectoryListing::Own(true));
            }
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

/// Refuses to begin a room with more state than fits into one.
fn refuse_too_much_state(most: StateLimits, events: &[Prepared]) -> Result<()> {
    let state = events.iter().filter(|event| &*event.pdu.kind != "m.room.member").map(|event| event.pdu.json().len());
    let (entries, bytes) = state.fold((0, 0), |(entries, bytes), more| (entries + 1, bytes + more));
    if entries > most.entries || bytes > most.bytes {
        let (entries, bytes) = (most.entries, most.bytes);
        let message =
            format!("a room can have at most {entries} state events besides its members, of {bytes} bytes in total");
        return Err(Error::refused(Code::TooLarge, message));
    }
    Ok(())
}

/// Takes the invites that follow the making of a room from those that are part of it. What is particular about one
/// makes the request fail, so that these are not among them: all that follow are alike.
fn followers(actor: &Actor, request: &CreateRoom, invites: &mut Vec<Draft>) -> Vec<Draft> {
    if invites.len() <= AT_ONCE {
        return Vec::new();
    }
    let named: HashSet<&str> = request
        .initial_state
        .iter()
        .filter(|state| state.kind == "m.room.member")
        .map(|state| &*state.state_key)
        .collect();
    let is_particular = |invite: &Draft| {
        invite.state_key.as_deref().is_some_and(|key| key == actor.user_id.as_str() || named.contains(key))
    };
    let (mut first, mut following): (Vec<_>, Vec<_>) = invites.drain(..).partition(is_particular);
    first.extend(following.drain(..AT_ONCE.min(following.len())));
    *invites = first;
    following
}

/// An event that is malformed or that the rules refuse is the fault of what the request asked for.
fn invalid_state(error: Error) -> Error {
    match error {
        Error::Refused { code: Code::Forbidden | Code::InvalidParam | Code::BadJson, message, .. } => {
            Error::refused(Code::InvalidRoomState, message)
        }
        error => error,
    }
}

/// The aliases that the initial state gives the room must be the one that is made for it: no other can name a room
/// that does not exist yet.
fn check_initial_aliases(request: &CreateRoom) -> Result<()> {
    for state in &request.initial_state {
        if state.kind == "m.room.canonical_alias" && state.state_key.is_empty() {
            let listed = listed_aliases(&state.content)?;
            if let Some(other) = listed.iter().find(|alias| Some(*alias) != request.alias.as_ref()) {
                return Err(Error::refused(Code::BadAlias, format!("{other} is not an alias of this room")));
            }
        }
    }
    Ok(())
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

/// The preset's events, except for those that `initial_state` brings itself.
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
