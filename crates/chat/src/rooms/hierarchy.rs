//! The rooms of a space (spec: "Discovering rooms within spaces").

use std::{
    collections::{HashMap, HashSet},
    fmt,
    str::FromStr,
    sync::Arc,
};

use im2_core::{Code, Error, Result};
use im2_kernel::content::CreateContent;
use im2_model::RoomId;
use serde_json::Value;

use super::{Actor, Room, RoomEvent, Rooms, summary::Summary};

/// The depth of a walk for which none is asked, and the greatest that can be.
const MAX_DEPTH: usize = 32;
/// Rooms that one walk looks at; what lies beyond them in a larger space is not listed.
const MAX_ROOMS: usize = 2_000;
/// Children of spaces that one walk looks at. Spaces that name each other would have it look at the same rooms over and
/// over; the children of spaces beyond are not listed.
const MAX_CHILDREN: usize = 20_000;
/// The longest valid `order` of a child.
const MAX_ORDER: usize = 50;

/// The part of a space's tree to walk.
#[derive(Debug, Clone, Default)]
pub struct HierarchyQuery {
    /// Only children that the space suggests.
    pub suggested_only: bool,
    /// How many levels below the first room.
    pub max_depth: Option<usize>,
    /// The maximum number of rooms.
    pub limit: usize,
    /// The token of an earlier part, to go on from its end.
    pub from: Option<HierarchyToken>,
}

/// The end of a part of a walk: how many rooms were returned before, and what was asked for. As text
/// `h<rooms>.<depth>.<suggested>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HierarchyToken {
    returned: usize,
    max_depth: usize,
    suggested_only: bool,
}

impl fmt::Display for HierarchyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "h{}.{}.{}", self.returned, self.max_depth, u8::from(self.suggested_only))
    }
}

impl FromStr for HierarchyToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let mut parts = text.strip_prefix('h')?.split('.');
            let mut number = || parts.next()?.parse::<usize>().ok();
            let (returned, max_depth, suggested) = (number()?, number()?, number()?);
            let token = Self { returned, max_depth, suggested_only: suggested == 1 };
            (token.to_string() == text).then_some(token)
        };
        parse().ok_or_else(|| Error::refused(Code::InvalidParam, "`from` is not a token of this space's hierarchy"))
    }
}

/// A room of a space's tree.
#[derive(Debug, Clone)]
pub struct SpaceRoom {
    /// The room's summary.
    pub summary: Summary,
    /// The `m.space.child` events of a space, in the order of the children.
    pub children: Vec<Arc<RoomEvent>>,
}

impl Rooms {
    /// A part of the tree below a space, the space first and each child before its brothers, and where to go on.
    /// Rooms that `actor` may not know of are left out, with what is below them.
    pub async fn hierarchy(
        &self,
        actor: &Actor,
        room_id: &RoomId,
        query: HierarchyQuery,
    ) -> Result<(Vec<SpaceRoom>, Option<HierarchyToken>)> {
        self.walk(Some(actor), room_id, query).await
    }

    /// The same for an administrator of the server, who may know of all rooms.
    pub async fn hierarchy_for_admin(
        &self,
        room_id: &RoomId,
        query: HierarchyQuery,
    ) -> Result<(Vec<SpaceRoom>, Option<HierarchyToken>)> {
        self.walk(None, room_id, query).await
    }

    async fn may_walk(&self, actor: Option<&Actor>, room: &Arc<Room>) -> Result<bool> {
        match actor {
            Some(actor) => self.may_preview(actor, room).await,
            None => Ok(true),
        }
    }

    async fn walk(
        &self,
        actor: Option<&Actor>,
        room_id: &RoomId,
        query: HierarchyQuery,
    ) -> Result<(Vec<SpaceRoom>, Option<HierarchyToken>)> {
        let max_depth = query.max_depth.unwrap_or(MAX_DEPTH).min(MAX_DEPTH);
        let suggested_only = query.suggested_only;
        let start = query.from.map_or(0, |from| from.returned);
        if query.from.is_some_and(|from| (from.max_depth, from.suggested_only) != (max_depth, suggested_only)) {
            let message = "max_depth and suggested_only must stay the same from page to page";
            return Err(Error::refused(Code::InvalidParam, message));
        }
        let root = self.find(room_id).await?;
        if !matches!(&root, Some(room) if self.may_walk(actor, room).await?) {
            return Err(Error::refused(Code::Forbidden, "there is no such space, or you may not see it"));
        }
        let mut page = Vec::new();
        let (mut seen, mut returned) = (HashSet::new(), 0);
        let mut waiting = vec![(room_id.clone(), 0)];
        let mut looked_at = 0;
        while let Some((room_id, depth)) = waiting.pop() {
            if seen.len() >= MAX_ROOMS || !seen.insert(room_id.clone()) {
                continue;
            }
            let Some(room) = self.find(&room_id).await? else { continue };
            if !self.may_walk(actor, &room).await? {
                continue;
            }
            if page.len() == query.limit {
                return Ok((page, Some(HierarchyToken { returned, max_depth, suggested_only })));
            }
            let children = if looked_at < MAX_CHILDREN {
                tokio::task::yield_now().await;
                children_of(&room, suggested_only, &mut looked_at)
            } else {
                Vec::new()
            };
            if depth < max_depth {
                let below = children.iter().rev().filter_map(|child| Some((child_id(child)?, depth + 1)));
                waiting.extend(below.filter(|(child, _)| !seen.contains(child)));
            }
            if returned >= start {
                page.push(SpaceRoom { summary: Summary::of(&room), children });
            }
            returned += 1;
        }
        Ok((page, None))
    }
}

fn child_id(child: &RoomEvent) -> Option<RoomId> {
    RoomId::parse(child.state_key()?).ok()
}

/// A child's sort key among its siblings: whether it lacks an `order`, the `order`, the time of the event, the room.
type Place = (bool, String, u64, RoomId);

/// The valid children of a space in their order; none of a room that is no space. Counts the events that are looked at.
fn children_of(room: &Room, suggested_only: bool, looked_at: &mut usize) -> Vec<Arc<RoomEvent>> {
    let view = room.view();
    let create = view.content("m.room.create", "").map(CreateContent::parse).unwrap_or_default();
    if create.room_type.as_deref() != Some("m.space") {
        return Vec::new();
    }
    let mut places: HashMap<RoomId, Place> = HashMap::new();
    let mut children: Vec<(RoomId, Arc<RoomEvent>)> = Vec::new();
    for (_, event) in view.state.of_kind("m.space.child") {
        *looked_at += 1;
        let Some(room_id) = child_id(event) else { continue };
        let content = event.pdu.content_map();
        let valid = content.get("via").and_then(Value::as_array).is_some_and(|via| via.iter().any(Value::is_string));
        let suggested = content.get("suggested") == Some(&Value::Bool(true));
        if !valid || (suggested_only && !suggested) {
            continue;
        }
        let order = content.get("order").and_then(Value::as_str).filter(|order| is_order(order));
        let place =
            (order.is_none(), order.unwrap_or_default().to_owned(), event.pdu.origin_server_ts, room_id.clone());
        places.insert(room_id.clone(), place);
        children.push((room_id, Arc::clone(event)));
    }
    children.sort_by(|(a, _), (b, _)| places.get(a).cmp(&places.get(b)));
    children.into_iter().map(|(_, event)| event).collect()
}

/// Whether this is a valid `order`: printable ASCII and not too long.
fn is_order(order: &str) -> bool {
    order.len() <= MAX_ORDER && order.bytes().all(|byte| (0x20..=0x7E).contains(&byte))
}
