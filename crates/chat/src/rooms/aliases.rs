//! Room aliases (spec: "Room aliases"). Only those of this server: what other servers' aliases name is not asked yet.

use std::{str::FromStr, sync::Arc};

use im2_core::{Code, Error, Result, rate_limits::Quota, services::Service};
use im2_model::{RoomAliasId, RoomId, RoomNid, UserNid};
use serde_json::{Map, Value};

use super::{Actor, Draft, Room, Rooms, validate};

const CANONICAL_ALIAS: &str = "m.room.canonical_alias";

/// A room as a path names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomOrAlias {
    /// By its identifier.
    Room(RoomId),
    /// By an alias.
    Alias(RoomAliasId),
}

impl FromStr for RoomOrAlias {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |_| Error::refused(Code::InvalidParam, "this is neither a room ID nor a room alias");
        if text.starts_with('#') {
            text.parse().map(Self::Alias).map_err(invalid)
        } else {
            text.parse().map(Self::Room).map_err(invalid)
        }
    }
}

impl Rooms {
    /// The room that an alias names. For one that is not there, the application services are asked that have such
    /// aliases: they may make it now.
    pub async fn by_alias(&self, alias: &RoomAliasId) -> Result<Arc<Room>> {
        let found = match self.alias(alias).await {
            Err(error)
                if error.code() == Some(Code::NotFound)
                    && self.core.services.query_alias(alias, &self.core.server_name).await? =>
            {
                self.alias(alias).await
            }
            found => found,
        };
        self.by_nid(found?.0).await
    }

    /// The aliases that this server has for a room, whoever asks.
    pub async fn aliases_of(&self, room: RoomNid) -> Result<Vec<RoomAliasId>> {
        Ok(self.core.store.read(move |db| db.aliases_of(room)).await?)
    }

    /// The identifier of a room that is named in one way or the other.
    pub async fn resolve(&self, room: &RoomOrAlias) -> Result<RoomId> {
        match room {
            RoomOrAlias::Room(room_id) => Ok(room_id.clone()),
            RoomOrAlias::Alias(alias) => Ok(self.by_alias(alias).await?.id.clone()),
        }
    }

    /// Refuses to make an alias that is kept for an application service other than the one that asks, or that is in
    /// none of its namespaces.
    pub fn check_new_alias(&self, service: Option<&Service>, alias: &RoomAliasId) -> Result<()> {
        self.check_alias_is_free_for(service, alias)?;
        let may_have = service.is_none_or(|service| service.owns_alias(alias));
        let message = "this alias is outside the application service's namespaces";
        validate::refuse_unless(may_have, Code::Exclusive, message)
    }

    /// Refuses an alias that is kept for an application service other than the one that asks.
    pub fn check_alias_is_free_for(&self, service: Option<&Service>, alias: &RoomAliasId) -> Result<()> {
        let is_free = !self.core.services.is_alias_taken(alias, service);
        validate::refuse_unless(is_free, Code::Exclusive, "this alias is reserved for an application service")
    }

    /// Gives a room that `actor` is a member of another alias. A taken one is `M_ROOM_IN_USE`. An application service
    /// (`for_service`), whose namespace the alias is in, may give it to any room.
    pub async fn add_alias(
        &self,
        actor: &Actor,
        alias: RoomAliasId,
        room_id: &RoomId,
        for_service: bool,
    ) -> Result<()> {
        if alias.server_name() != self.core.server_name.as_str() {
            return Err(Error::refused(Code::InvalidParam, "an alias can only be created on its own server"));
        }
        let room = if for_service { self.existing(room_id).await? } else { self.joined(actor, room_id).await? };
        self.check_alias_quota(actor).await?;
        let (nid, creator, now) = (room.nid, actor.user, self.core.now());
        let added = self.core.store.write(move |tx| tx.add_alias(&alias, nid, creator, now)).await;
        added.map_err(|error| {
            if error.is_duplicate() { Error::refused(Code::RoomInUse, "this alias is taken") } else { error.into() }
        })
    }

    /// Refuses somebody another alias who has made as many as an account may.
    pub(super) async fn check_alias_quota(&self, actor: &Actor) -> Result<()> {
        if self.core.is_of_service(&actor.user_id) {
            return Ok(());
        }
        let creator = actor.user;
        let made = self.core.store.read(move |db| db.aliases_made_by(creator)).await?;
        self.core.limits.check_quota(Quota::Aliases, made + 1)
    }

    /// Removes an alias, and takes it out of the room's `m.room.canonical_alias` if the actor may change that. For
    /// who made the alias, who may change the room's canonical alias, and administrators of the server.
    pub async fn remove_alias(&self, actor: &Actor, is_admin: bool, alias: &RoomAliasId) -> Result<()> {
        let (nid, creator) = self.alias(alias).await?;
        let room = self.by_nid(nid).await?;
        let may_change = may_set_canonical_alias(&room, actor);
        if !is_admin && creator != actor.user && !may_change {
            let message = "only its creator and those who may set the room's canonical alias can remove an alias";
            return Err(Error::refused(Code::Forbidden, message));
        }
        let removed = alias.clone();
        self.core.store.write(move |tx| tx.remove_alias(&removed)).await?;
        if !may_change {
            return Ok(());
        }
        let Some(content) = content_without(&room, alias) else { return Ok(()) };
        match self.append(&room, actor, Draft::state(CANONICAL_ALIAS, "", content), None).await {
            // The alias is gone either way, and the right to say so in the room may have gone meanwhile.
            Ok(_) | Err(Error::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The aliases that this server has for a room: for its members, and for everybody where the history is world
    /// readable.
    pub async fn aliases(&self, actor: &Actor, room_id: &RoomId) -> Result<Vec<RoomAliasId>> {
        let reader = self.reader(actor, room_id).await?;
        if reader.until.is_some() {
            return Err(Error::refused(Code::Forbidden, "you are not a member of this room"));
        }
        let nid = reader.room.nid;
        Ok(self.core.store.read(move |db| db.aliases_of(nid)).await?)
    }

    /// Checks the aliases that a new `m.room.canonical_alias` of `room` has and the current one has not: they must
    /// be aliases, and name this room.
    pub(super) async fn check_canonical_alias(&self, room: &Room, content: &Map<String, Value>) -> Result<()> {
        let listed = listed_aliases(content)?;
        let current = {
            let view = room.view();
            let current = view.state.get(CANONICAL_ALIAS, "").map(|event| event.pdu.content_map());
            current.unwrap_or_default()
        };
        let known = |alias: &RoomAliasId| texts(&current).any(|text| text == alias.as_str());
        for alias in listed.into_iter().filter(|alias| !known(alias)) {
            let wanted = alias.clone();
            let named = self.core.store.read(move |db| db.alias(&wanted)).await?;
            if named.is_none_or(|(nid, _)| nid != room.nid) {
                return Err(Error::refused(Code::BadAlias, format!("{alias} is not an alias of this room")));
            }
        }
        Ok(())
    }

    async fn alias(&self, alias: &RoomAliasId) -> Result<(RoomNid, UserNid)> {
        let wanted = alias.clone();
        let found = self.core.store.read(move |db| db.alias(&wanted)).await?;
        found.ok_or_else(|| Error::refused(Code::NotFound, "there is no room with this alias on this server"))
    }
}

/// Whether `actor` may set the room's canonical alias, which is also the right to publish the room.
pub(super) fn may_set_canonical_alias(room: &Room, actor: &Actor) -> bool {
    let view = room.view();
    view.joined.contains_key(&actor.user) && view.power.may_send(&actor.user_id, CANONICAL_ALIAS, true)
}

/// The aliases in a content, as far as they are texts.
fn texts(content: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let others = content.get("alt_aliases").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    content.get("alias").into_iter().chain(others).filter_map(Value::as_str)
}

/// The aliases in a content; what is none is `M_INVALID_PARAM`.
pub(super) fn listed_aliases(content: &Map<String, Value>) -> Result<Vec<RoomAliasId>> {
    let parse = |value: &Value| {
        let alias = value.as_str().and_then(|text| RoomAliasId::parse(text).ok());
        alias.ok_or_else(|| Error::refused(Code::InvalidParam, format!("{value} is not a room alias")))
    };
    let canonical = match content.get("alias") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.is_empty() => None,
        Some(value) => Some(parse(value)?),
    };
    let others = match content.get("alt_aliases") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => values.iter().map(parse).collect::<Result<_>>()?,
        Some(_) => return Err(Error::refused(Code::InvalidParam, "alt_aliases must be a list of room aliases")),
    };
    Ok(canonical.into_iter().chain(others).collect())
}

/// The content of the room's `m.room.canonical_alias` without `alias`; `None` if it is not in there.
fn content_without(room: &Room, alias: &RoomAliasId) -> Option<Map<String, Value>> {
    let mut content = room.view().state.get(CANONICAL_ALIAS, "").map(|event| event.pdu.content_map())?;
    texts(&content).find(|text| *text == alias.as_str())?;
    let is_removed = |value: &Value| value.as_str() == Some(alias.as_str());
    if content.get("alias").is_some_and(is_removed) {
        content.remove("alias");
    }
    if let Some(others) = content.get_mut("alt_aliases").and_then(Value::as_array_mut) {
        others.retain(|other| !is_removed(other));
    }
    Some(content)
}
