//! Lets the settings of users follow them into a room that replaces another (spec: "Room Upgrades"). Tags and direct
//! chats are copied in the change by which a user joins, so that the first `/sync` that shows the room shows them; the
//! rest by a job that is added with it. For those who are there already, all of it is done by a job that is added with
//! the old room's tombstone, except for its sender.

use im2_core::Transaction;
use im2_kernel::{
    content::{CreateContent, Membership},
    event::Pdu,
};
use im2_model::{RoomId, RoomNid, UserId, UserNid};
use im2_store::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{View, prepare::Prepared};
use crate::account_data;

/// The outbox job by which a user's settings follow them. Its payload is [`Arrival`].
pub(crate) const CARRY_OVER: &str = "rooms.carry_over";

/// A user's way from one room to the other.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) user: UserNid,
    pub user_id: UserId,
    pub(crate) from: (RoomNid, RoomId),
    pub(crate) to: (RoomNid, RoomId),
}

/// The payload of [`CARRY_OVER`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Arrival {
    /// The user who has joined; `None` for all who are there.
    pub(crate) user_id: Option<UserId>,
    /// The new room's number.
    pub(crate) room: i64,
}

/// Those whose settings follow them because of some events.
pub(super) struct Followers {
    /// Those whom the events let in to a room that replaces another.
    arrivals: Vec<Arrival>,
    /// The room that replaces the one that the events are appended to, and who says so.
    successor: Option<(RoomId, UserId)>,
}

impl Followers {
    /// Those because of `events`, about to be appended to the room `nid`, which is still as in `view`.
    pub(super) fn of(nid: RoomNid, view: &View, events: &[Prepared]) -> Self {
        Self { arrivals: arrivals(nid, view, events), successor: successor(events) }
    }

    /// Copies what those who arrive in the room `to` are to find as soon as they are shown it. To be called before the
    /// events by which they do are stored.
    pub(super) fn follow_now(&self, tx: &mut Transaction<'_>, to: RoomNid) -> im2_store::Result<()> {
        let users = self.arrivals.iter().filter_map(|arrival| arrival.user_id.as_ref());
        users.into_iter().try_for_each(|user_id| carry_over_now(tx, user_id, to))
    }

    /// Adds their jobs, for the rest.
    pub(super) fn follow_later(&self, tx: &mut Transaction<'_>) -> im2_store::Result<()> {
        self.arrivals.iter().try_for_each(|arrival| carry_over_later(tx, arrival))?;
        self.successor.iter().try_for_each(|(successor, maker)| carry_all_over(tx, successor, maker))
    }
}

/// Those whom `events`, about to be appended to a room, let in, if the room replaces another.
fn arrivals(nid: RoomNid, view: &View, events: &[Prepared]) -> Vec<Arrival> {
    let events = events.iter().map(|event| &*event.pdu);
    let is_join = |event: &&Pdu| &*event.kind == "m.room.member" && event.membership == Some(Membership::Join);
    let mut joins = events.clone().filter(is_join).peekable();
    if joins.peek().is_none() {
        return Vec::new();
    }
    let made_now = events.clone().find(|event| &*event.kind == "m.room.create");
    let create = made_now.map(Pdu::content_json).or_else(|| view.content("m.room.create", ""));
    if create.map(CreateContent::parse).is_none_or(|create| create.predecessor.is_none()) {
        return Vec::new();
    }
    let is_new = |user_id: &UserId| view.membership(user_id) != Some(Membership::Join);
    let users = joins.filter_map(|event| event.state_key.as_deref()?.parse().ok()).filter(is_new);
    users.map(|user_id| Arrival { user_id: Some(user_id), room: nid.0 }).collect()
}

/// The room that one of `events` says replaces the one that it is about to be appended to, and who says so.
fn successor(events: &[Prepared]) -> Option<(RoomId, UserId)> {
    let tombstone = events.iter().rev().find(|event| event.pdu.is("m.room.tombstone", ""))?;
    let successor = tombstone.pdu.content_map().get("replacement_room")?.as_str()?.parse().ok()?;
    Some((successor, tombstone.pdu.sender.clone()))
}

/// Adds the job for all who are in a room's successor already, if there is such a room. Of one of them, who has made
/// it, what can be is copied at once.
fn carry_all_over(tx: &mut Transaction<'_>, successor: &RoomId, maker: &UserId) -> im2_store::Result<()> {
    let Some(room) = tx.room(successor)? else { return Ok(()) };
    carry_over_now(tx, maker, room.nid)?;
    carry_over_later(tx, &Arrival { user_id: None, room: room.nid.0 })
}

/// Adds the job for one of them.
fn carry_over_later(tx: &mut Transaction<'_>, arrival: &Arrival) -> im2_store::Result<()> {
    let corrupt = |error: serde_json::Error| im2_store::Error::Corrupt(error.to_string());
    tx.add_job(CARRY_OVER, &serde_json::to_string(arrival).map_err(corrupt)?, 0)
}

/// Copies at once what a user is to find in the room as soon as they are shown it.
fn carry_over_now(tx: &mut Transaction<'_>, user_id: &UserId, to: RoomNid) -> im2_store::Result<()> {
    let Some(user) = tx.user_nid(user_id)? else { return Ok(()) };
    match step(tx, (user, user_id.clone()), to)? {
        Some(step) => carry_data(tx, &step),
        None => Ok(()),
    }
}

/// The way that a user has gone, if they were in the room that this one replaces, and that room says so too: anybody
/// can make a room that claims to replace another.
pub(crate) fn step(
    db: &Snapshot<'_>,
    (user, user_id): (UserNid, UserId),
    to: RoomNid,
) -> im2_store::Result<Option<Move>> {
    let Some(room) = db.room_by_nid(to)? else { return Ok(None) };
    let create = content(db, to, "m.room.create")?.to_string();
    let Some(predecessor) = CreateContent::parse(&create).predecessor else { return Ok(None) };
    let from_id = predecessor.room_id;
    let Some(from) = db.room_of_user(user, &from_id)? else { return Ok(None) };
    let tombstone = content(db, from, "m.room.tombstone")?;
    if tombstone["replacement_room"] != room.room_id.as_str() {
        return Ok(None);
    }
    Ok(Some(Move { user, user_id, from: (from, from_id), to: (to, room.room_id) }))
}

/// The content of a piece of state; `null` if it is not there.
fn content(db: &Snapshot<'_>, room: RoomNid, kind: &str) -> im2_store::Result<Value> {
    let event = db.state_entry_at(room, kind, "", i64::MAX)?;
    let event: Option<Value> = event.and_then(|event| serde_json::from_str(&event.pdu).ok());
    Ok(event.map(|mut event| event["content"].take()).unwrap_or_default())
}

/// Copies tags and the place in the list of direct chats, inside a larger change.
pub(crate) fn carry_data(tx: &mut Transaction<'_>, step: &Move) -> im2_store::Result<()> {
    let Move { user, from: (from, from_id), to: (to, to_id), .. } = step;
    if tx.account_data(*user, Some(*to), "m.tag")?.is_none()
        && let Some(tags) = tx.account_data(*user, Some(*from), "m.tag")?
    {
        let entry = account_data::Entry { user: *user, room: Some(*to), kind: "m.tag" };
        account_data::record(tx, entry, &tags, None)?;
    }
    let direct = tx.account_data(*user, None, "m.direct")?;
    let direct = direct.and_then(|content| serde_json::from_str::<Map<String, Value>>(&content).ok());
    if let Some(mut direct) = direct
        && add_beside(&mut direct, from_id.as_str(), to_id.as_str())
    {
        let content = Value::Object(direct).to_string();
        if account_data::check_size(&content).is_ok() {
            let entry = account_data::Entry { user: *user, room: None, kind: "m.direct" };
            account_data::record(tx, entry, &content, None)?;
        }
    }
    Ok(())
}

/// Adds `new` to each list that has `old` and not `new`. Returns whether there was one.
fn add_beside(direct: &mut Map<String, Value>, old: &str, new: &str) -> bool {
    let mut changed = false;
    for rooms in direct.values_mut().filter_map(Value::as_array_mut) {
        if rooms.iter().any(|room| room == old) && !rooms.iter().any(|room| room == new) {
            rooms.push(new.into());
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::add_beside;

    #[test]
    fn a_direct_chat_stays_one_in_its_new_room() {
        let object = |value: Value| -> Map<String, Value> { serde_json::from_value(value).unwrap() };
        let mut direct = object(json!({ "@ben:x": ["!old:x", "!other:x"], "@eve:x": ["!other:x"], "odd": 5 }));
        assert!(add_beside(&mut direct, "!old:x", "!new:x"));
        let expected = object(json!({ "@ben:x": ["!old:x", "!other:x", "!new:x"], "@eve:x": ["!other:x"], "odd": 5 }));
        assert_eq!(direct, expected);
        assert!(!add_beside(&mut direct, "!old:x", "!new:x"), "twice is once");
    }
}
