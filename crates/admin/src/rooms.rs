//! Rooms as administrators see and change them.

use im2_kernel::{
    content::{JoinRule, Membership},
    power::PowerLevel,
};
use im2_model::{EventId, RoomId, UserId, UserNid};
use im2_store::rooms::EventRow;
use serde_json::{Map, Value};

pub use im2_store::rooms::{ListedRoom, RoomOrder, RoomsQuery};

use im2_chat::rooms::{Act, Actor, Draft, Room, RoomOrAlias, Rooms};
use im2_core::{Code, Committed, Core, Error, Result, session::Session};

/// The level that is given where somebody above all levels gives it.
const HIGHEST_USUAL: i64 = 100;

/// Everything about a room.
#[derive(Debug, Clone)]
pub struct RoomDetails {
    /// The room as lists show it.
    pub listed: ListedRoom,
    /// Its topic.
    pub topic: Option<String>,
    /// Its picture.
    pub avatar: Option<String>,
    /// How many devices its local members have.
    pub joined_local_devices: u64,
    /// Whether nobody has to do with it any more.
    pub forgotten: bool,
    /// Whether it has been closed for good.
    pub tombstoned: bool,
    /// The room that took its place.
    pub replacement_room: Option<String>,
}

/// The use cases.
#[derive(Debug, Clone)]
pub struct RoomAdmin {
    core: Core,
    rooms: Rooms,
}

impl RoomAdmin {
    pub(crate) fn new(core: Core, rooms: Rooms) -> Self {
        Self { core, rooms }
    }

    /// A part of all rooms, and how many there are that the query wants.
    pub async fn list(&self, query: RoomsQuery) -> Result<(Vec<ListedRoom>, u64)> {
        Ok(self.core.store.read(move |db| db.list_rooms(&query)).await?)
    }

    /// Everything about a room.
    pub async fn details(&self, room_id: &RoomId) -> Result<RoomDetails> {
        let room = self.existing(room_id).await?;
        let nid = room.nid;
        let read = self
            .core
            .store
            .read(move |db| Ok((db.listed_room(nid)?, db.devices_in_room(nid)?, db.is_forgotten_room(nid)?)));
        let (listed, joined_local_devices, forgotten) = read.await?;
        let listed = listed.ok_or_else(no_room)?;
        let view = room.view();
        let text = |kind: &str, key: &str| {
            let content: Map<String, Value> = serde_json::from_str(view.content(kind, "")?).ok()?;
            content.get(key)?.as_str().map(str::to_owned)
        };
        Ok(RoomDetails {
            topic: text("m.room.topic", "topic"),
            avatar: text("m.room.avatar", "url"),
            tombstoned: view.state.get("m.room.tombstone", "").is_some(),
            replacement_room: text("m.room.tombstone", "replacement_room").filter(|room| !room.is_empty()),
            listed,
            joined_local_devices,
            forgotten,
        })
    }

    /// The joined members of a room.
    pub async fn members(&self, room_id: &RoomId) -> Result<Vec<UserId>> {
        let room = self.existing(room_id).await?;
        let mut members: Vec<UserId> = room.view().joined.values().cloned().collect();
        members.sort();
        Ok(members)
    }

    /// An event, wherever it is.
    pub async fn event(&self, event_id: &EventId) -> Result<EventRow> {
        let wanted = event_id.clone();
        let found = self.core.store.read(move |db| db.event_anywhere(&wanted)).await?;
        found.ok_or_else(|| Error::refused(Code::NotFound, "there is no such event on this server"))
    }

    /// The administrator who blocked a room, if it is blocked.
    pub async fn blocked_by(&self, room_id: &RoomId) -> Result<Option<UserId>> {
        let room_id = room_id.clone();
        Ok(self.core.store.read(move |db| db.room_blocked_by(&room_id)).await?)
    }

    /// Blocks a room, or no longer.
    pub async fn block(&self, admin: &Session, room_id: &RoomId, block: bool) -> Result<()> {
        set_blocked(&self.core, admin.user, room_id, block).await
    }

    /// Joins a local user to a room; where that takes an invite, the administrator must be able to give it.
    pub async fn join_user(&self, admin: &Session, room: &RoomOrAlias, user_id: &UserId) -> Result<RoomId> {
        let room_id = self.rooms.resolve(room).await?;
        let user = self.local_user(user_id).await?;
        self.existing(&room_id).await?;
        match self.rooms.join(&user, &room_id, None).await {
            Err(Error::Refused { code: Code::Forbidden, .. }) if !self.core.blocked.contains(&room_id) => {}
            outcome => return outcome.map(|room| room.id.clone()),
        }
        self.rooms.act(&Actor::from(admin), &room_id, Act::Invite, user_id, None).await?;
        self.rooms.join(&user, &room_id, None).await.map(|room| room.id.clone())
    }

    /// Gives a user the highest power that a local member of a room can give, and invites them where they could not
    /// join otherwise.
    pub async fn make_admin(&self, admin: &Session, room: &RoomOrAlias, user_id: Option<UserId>) -> Result<()> {
        let room_id = self.rooms.resolve(room).await?;
        let user_id = user_id.unwrap_or_else(|| admin.user_id.clone());
        let room = self.existing(&room_id).await?;
        let (granter, level) = granter(&room, self.core.server_name.as_str())?;
        let (mut content, current, membership, public) = {
            let view = room.view();
            let levels = view.state.get("m.room.power_levels", "").map(|event| event.pdu.content_map());
            let public = view.join_rules(room.version).join_rule == JoinRule::Public;
            (levels.unwrap_or_default(), view.power.user_level(&user_id), view.membership(&user_id), public)
        };
        if current < PowerLevel::Finite(level) {
            let users = content.entry("users").or_insert_with(|| Value::Object(Map::new()));
            if let Some(users) = users.as_object_mut() {
                users.insert(user_id.to_string(), level.into());
            }
            let levels = Draft::state("m.room.power_levels", "", content);
            let draft = Draft { despite_shadow_ban: true, ..levels };
            self.rooms.append(&room, &granter, draft, None).await?;
        }
        let is_in = matches!(membership, Some(Membership::Join | Membership::Invite));
        if !is_in && !public {
            self.rooms.invite_for_admin(&granter, &room, &user_id).await?;
        }
        Ok(())
    }

    /// The event that the next one of a room goes on, with its depth and time.
    pub async fn last_event(&self, room: &RoomOrAlias) -> Result<(EventId, u64, u64)> {
        let room = self.existing(&self.rooms.resolve(room).await?).await?;
        let view = room.view();
        let last = view.tail.back().ok_or_else(no_room)?;
        Ok((last.id().clone(), last.pdu.depth, last.pdu.origin_server_ts))
    }

    /// The number of the first event that a purge of history up to an event or a time leaves.
    pub async fn purge_point(&self, room_id: &RoomId, event_id: Option<EventId>, ts: Option<u64>) -> Result<i64> {
        let room = self.existing(room_id).await?;
        let (nid, missing) = (room.nid, || Error::refused(Code::NotFound, "there is no such event in this room"));
        match (event_id, ts) {
            (Some(event_id), _) => Ok(self.rooms.event(&room, &event_id).await?.ok_or_else(missing)?.seq),
            (None, Some(ts)) => {
                let forward = im2_store::rooms::Direction::Forward;
                let first = self.core.store.read(move |db| db.event_by_time(nid, ts.min(1 << 53), forward)).await?;
                // The last event of a room always stays.
                Ok(first.map_or_else(|| room.view().seq, |row| row.seq))
            }
            (None, None) => {
                let message = "give an event ID, purge_up_to_event_id or purge_up_to_ts";
                Err(Error::refused(Code::BadJson, message))
            }
        }
    }

    async fn existing(&self, room_id: &RoomId) -> Result<std::sync::Arc<Room>> {
        self.rooms.find(room_id).await?.ok_or_else(no_room)
    }

    async fn local_user(&self, user_id: &UserId) -> Result<Actor> {
        if user_id.server_name() != self.core.server_name.as_str() {
            return Err(Error::refused(Code::InvalidParam, "only users of this server can be joined to rooms"));
        }
        let wanted = user_id.clone();
        let account = self.core.store.read(move |db| db.account(&wanted)).await?;
        let account = account.filter(|account| account.deactivated_ts.is_none());
        let account = account.ok_or_else(|| Error::refused(Code::NotFound, "there is no such user"))?;
        Ok(Actor { user: account.user, user_id: account.user_id })
    }
}

fn no_room() -> Error {
    Error::refused(Code::NotFound, "there is no such room on this server")
}

/// The local member with the most power over power levels, and the level that they can give.
fn granter(room: &Room, server: &str) -> Result<(Actor, i64)> {
    let view = room.view();
    let may =
        |user_id: &UserId| user_id.server_name() == server && view.power.may_send(user_id, "m.room.power_levels", true);
    let strongest = view.joined.iter().filter(|(_, user_id)| may(user_id));
    let strongest = strongest.max_by_key(|(_, user_id)| view.power.user_level(user_id));
    let (user, user_id) = strongest
        .ok_or_else(|| Error::refused(Code::Unknown, "no local member of this room may change its power levels"))?;
    let level = match view.power.user_level(user_id) {
        PowerLevel::Finite(level) => level,
        PowerLevel::Infinite => ["m.room.power_levels", "m.room.tombstone", "m.room.server_acl"]
            .into_iter()
            .map(|kind| view.power.level_for(kind, true))
            .fold(HIGHEST_USUAL, i64::max),
    };
    Ok((Actor { user: *user, user_id: user_id.clone() }, level))
}

/// Blocks a room, or no longer.
pub(super) async fn set_blocked(core: &Core, by: UserNid, room_id: &RoomId, block: bool) -> Result<()> {
    let (room_id, now) = (room_id.clone(), core.now());
    let change = move |tx: &mut im2_core::Transaction<'_>| {
        if block {
            tx.block_room(&room_id, by, now)?;
        } else {
            tx.unblock_room(&room_id)?;
        }
        tx.publish(Committed::RoomBlocked(room_id.clone(), block));
        Ok(())
    };
    Ok(core.store.write(change).await?)
}
