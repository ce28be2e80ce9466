//! The description of a room for users who have not joined it (spec: `PublishedRoomsChunk`, "Room summary").

use std::sync::Arc;

use im2_core::{Code, Error, Result};
use im2_kernel::{
    content::{CreateContent, GuestAccess, HistoryVisibility, JoinRule, Membership},
    version::RoomVersion,
};
use im2_model::RoomId;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Actor, Room, RoomOrAlias, Rooms, View};

/// The state that a listing is made of.
pub(super) const DESCRIBING: [&str; 8] = [
    "m.room.create",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.canonical_alias",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
];

/// A room as the published directory lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct Listing {
    pub room_id: RoomId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_type: Option<String>,
    pub join_rule: String,
    pub num_joined_members: usize,
    pub world_readable: bool,
    pub guest_can_join: bool,
}

/// A room as it is described to those who ask for it by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct Summary {
    #[serde(flatten)]
    pub listing: Listing,
    pub room_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_room_ids: Vec<RoomId>,
}

impl Listing {
    /// The listing of a room with `joined` members; `content` gives the contents of the state in [`DESCRIBING`].
    pub(super) fn of<'a>(room_id: &RoomId, joined: usize, content: impl Fn(&str) -> Option<&'a str>) -> Self {
        let text = |kind: &str, key: &str| text_in(content(kind)?, key);
        let create = CreateContent::parse(content("m.room.create").unwrap_or("{}"));
        let visibility = content("m.room.history_visibility").map(HistoryVisibility::parse).unwrap_or_default();
        let guests = content("m.room.guest_access").map(GuestAccess::parse).unwrap_or_default();
        Self {
            room_id: room_id.clone(),
            name: text("m.room.name", "name"),
            topic: content("m.room.topic").and_then(plain_topic),
            avatar_url: text("m.room.avatar", "url"),
            canonical_alias: text("m.room.canonical_alias", "alias"),
            room_type: create.room_type.map(String::from),
            join_rule: text("m.room.join_rules", "join_rule").unwrap_or_else(|| "invite".to_owned()),
            num_joined_members: joined,
            world_readable: visibility == HistoryVisibility::WorldReadable,
            guest_can_join: guests == GuestAccess::CanJoin,
        }
    }

    /// Whether strangers may know of the room: those who could join it, ask to, or read it.
    pub(super) fn is_open(&self) -> bool {
        self.world_readable || matches!(&*self.join_rule, "public" | "knock" | "knock_restricted")
    }

    /// The same from a room in memory.
    pub(super) fn of_view(room_id: &RoomId, view: &View) -> Self {
        Self::of(room_id, view.joined.len(), |kind| view.content(kind, ""))
    }
}

impl Summary {
    pub(super) fn of(room: &Room) -> Self {
        let view = room.view();
        let rules = view.join_rules(room.version);
        Self {
            listing: Listing::of_view(&room.id, &view),
            room_version: RoomVersion::as_str(room.version),
            encryption: view.content("m.room.encryption", "").and_then(|content| text_in(content, "algorithm")),
            allowed_room_ids: if rules.join_rule.is_restricted() { rules.allow } else { Vec::new() },
        }
    }
}

/// A text of a content, if it is there and not empty.
fn text_in(content: &str, key: &str) -> Option<String> {
    let content: Map<String, Value> = serde_json::from_str(content).ok()?;
    content.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The topic's plain text: of its representations the one in `text/plain`, or of a room without any the `topic`.
fn plain_topic(content: &str) -> Option<String> {
    let content: Map<String, Value> = serde_json::from_str(content).ok()?;
    let Some(forms) = content.get("m.topic").and_then(|topic| topic.get("m.text")?.as_array()) else {
        return content.get("topic")?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    };
    let is_plain = |form: &&Value| form.get("mimetype").is_none_or(|kind| kind == "text/plain");
    forms.iter().find(is_plain)?.get("body")?.as_str().map(str::to_owned)
}

impl Rooms {
    /// The summary of a room that `actor` may know of, and what they are to it.
    pub async fn summary(&self, actor: &Actor, room: &RoomOrAlias) -> Result<(Summary, Option<Membership>)> {
        let not_found = || Error::refused(Code::NotFound, "there is no such room, or you may not see it");
        let room_id = self.resolve(room).await?;
        let room = self.find(&room_id).await?.ok_or_else(not_found)?;
        if !self.may_preview(actor, &room).await? {
            return Err(not_found());
        }
        let membership = room.view().membership(&actor.user_id);
        Ok((Summary::of(&room), membership))
    }

    /// Whether `actor` may know what a room is called and about: its members, those who could join it or ask to, and
    /// everybody where its history is world readable.
    pub(super) async fn may_preview(&self, actor: &Actor, room: &Arc<Room>) -> Result<bool> {
        let rules = {
            let view = room.view();
            if view.visibility.last().is_some_and(|now| now.value == HistoryVisibility::WorldReadable) {
                return Ok(true);
            }
            match view.membership(&actor.user_id) {
                Some(Membership::Join | Membership::Invite) => return Ok(true),
                Some(Membership::Ban) => return Ok(false),
                // Who knocks was told of the room as it was then.
                Some(Membership::Knock | Membership::Leave) | None => {}
            }
            view.join_rules(room.version)
        };
        if rules.join_rule == JoinRule::Public || rules.join_rule.allows_knocks() {
            return Ok(true);
        }
        if rules.join_rule.is_restricted() {
            return self.in_any_of(actor, &rules.allow).await;
        }
        Ok(false)
    }

    /// Whether `actor` is joined to one of these rooms.
    pub(super) async fn in_any_of(&self, actor: &Actor, rooms: &[RoomId]) -> Result<bool> {
        for room_id in rooms {
            let found = self.find(room_id).await?;
            if found.is_some_and(|room| room.view().joined.contains_key(&actor.user)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
