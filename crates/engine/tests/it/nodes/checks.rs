//! What has to be the same at every node when nothing is under way: what was read from the database just now.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::Arc,
    time::Duration,
};

use im2_chat::rooms::{Actor, Direction, DirectoryQuery, Room, RoomEvent};
use im2_kernel::content::Membership;
use im2_model::{Position, RoomNid, UserNid};
use serde_json::Value;

use super::purges::Purged;
use crate::{
    Fixture,
    sync::{Follower, Picture},
};

/// The outcome of a check: an error says what differs.
pub(super) type Checked = Result<(), String>;

pub(super) fn same<T: PartialEq + Debug>(what: &str, one: &T, other: &T) -> Checked {
    if one == other { Ok(()) } else { Err(format!("{what}:\n{one:?}\n{other:?}")) }
}

/// A room as it is in a node's memory.
#[derive(Debug, PartialEq)]
struct RoomThere {
    seq: i64,
    state: BTreeMap<(String, String), (i64, String)>,
    members: BTreeMap<String, (Membership, i64, i64)>,
    joined: BTreeSet<UserNid>,
    invited: usize,
}

impl RoomThere {
    fn of(room: &Room) -> Self {
        let view = room.view();
        let entry = |(kind, key, entry): (&str, &str, &im2_chat::rooms::StateEntry)| {
            ((kind.to_owned(), key.to_owned()), (entry.since, entry.id().to_string()))
        };
        let member = |(user, is): (&im2_model::UserId, &im2_chat::rooms::Member)| {
            (user.to_string(), (is.membership, is.since, is.seq))
        };
        Self {
            seq: view.seq,
            state: view.state.iter().map(entry).collect(),
            members: view.members.iter().map(member).collect(),
            joined: view.joined.keys().copied().collect(),
            invited: view.invited,
        }
    }
}

/// What clients are shown of an event.
fn shown(event: &RoomEvent) -> (i64, Position, String, String, bool) {
    let pdu = event.signed();
    (event.seq, event.position, event.id().to_string(), pdu.json().to_owned(), event.is_redacted())
}

async fn all_events(node: &Fixture, room: &Arc<Room>) -> Vec<Arc<RoomEvent>> {
    node.engine.chat.rooms.events_from(room, 0, Direction::Forward, 10_000).await.unwrap()
}

/// The room's events are one line, each built on the one before it, and each later in the stream. Some were deleted.
pub(super) async fn room_is_a_line(truth: &Fixture, room: RoomNid, purged: Option<&BTreeSet<i64>>) -> Checked {
    let room = truth.engine.chat.rooms.by_nid(room).await.unwrap();
    let events = all_events(truth, &room).await;
    for (before, after) in events.iter().zip(events.iter().skip(1)) {
        let is_gap = (before.seq + 1..after.seq).any(|number| purged.is_some_and(|purged| purged.contains(&number)));
        if !is_gap {
            same("the number before", &(before.seq + 1), &after.seq)?;
            same("what an event was built on", &vec![before.id().clone()], &after.signed().prev_events())?;
        }
        if before.position >= after.position {
            return Err(format!("{:?} is not before {:?}", before.position, after.position));
        }
    }
    Ok(())
}

/// What a node has in memory is what another reads from the database.
pub(super) async fn node_agrees(node: &Fixture, truth: &Fixture, users: &[Actor], rooms: &[RoomNid]) -> Checked {
    for nid in rooms {
        let (here, there) = (node.engine.chat.rooms.by_nid(*nid).await, truth.engine.chat.rooms.by_nid(*nid).await);
        let (here, there) = (here.unwrap(), there.unwrap());
        same("the room", &RoomThere::of(&here), &RoomThere::of(&there))?;
        let events: BTreeMap<i64, _> =
            all_events(truth, &there).await.iter().map(|event| (event.seq, shown(event))).collect();
        let tail: Vec<_> = here.view().tail.iter().map(|event| shown(event)).collect();
        for event in &tail {
            same("an event", &Some(event), &events.get(&event.0))?;
        }
        for user in users.iter().filter(|user| there.view().joined.contains_key(&user.user)) {
            let counts = async |node: &Fixture, room| node.engine.chat.unread.in_room(user, room).await.unwrap();
            let (here, there) = (counts(node, &here).await, counts(truth, &there).await);
            same("unread counts", &here.counts, &there.counts)?;
        }
    }
    for user in users {
        let memberships = async |node: &Fixture| {
            let mut rooms = node.engine.chat.rooms.of_user(user.user).await.unwrap().all();
            rooms.sort_unstable_by_key(|(room, _)| room.0);
            rooms
        };
        same("memberships", &memberships(node).await, &memberships(truth).await)?;
    }
    let summaries = async |node: &Fixture| {
        let summaries = node.engine.chat.rooms.summaries(rooms).await.unwrap();
        let of = |summary: Arc<im2_chat::rooms::RoomSummary>| {
            (summary.id.clone(), summary.last(), summary.bump(), summary.about(|about| format!("{about:?}")))
        };
        summaries.into_iter().map(|summary| summary.map(of)).collect::<Vec<_>>()
    };
    same("summaries", &summaries(node).await, &summaries(truth).await)?;
    let directory = async |node: &Fixture| {
        let query = DirectoryQuery { limit: 100, ..DirectoryQuery::default() };
        node.engine.chat.rooms.published(&query).await.unwrap().rooms
    };
    same("the directory", &directory(node).await, &directory(truth).await)
}

/// A client that has followed, at whichever nodes, has been told what a new one is told, and each event once.
pub(super) async fn client_is_whole(
    client: &Follower,
    (actor, limit): (&Actor, usize),
    nodes: &[Fixture],
    (truth, rooms, purged): (&Fixture, &[(im2_model::RoomId, RoomNid)], &Purged),
) -> Checked {
    for node in nodes {
        let mut fresh = Follower::new(actor, 400, false);
        fresh.follow(node, Duration::ZERO).await;
        let picture: &Picture = &fresh.picture;
        same("the picture", &client.picture, picture)?;
        let news = client.ask(node, Duration::ZERO).await;
        same("news after all was told", &news["rooms"], &Value::Null)?;
    }
    for (room_id, nid) in rooms {
        let (wanted, user_id) = (*nid, actor.user_id.clone());
        let stays =
            truth.engine.core.store.read(move |db| db.state_entry_history(wanted, "m.room.member", user_id.as_str()));
        let stays = stays.await.unwrap();
        let room = truth.engine.chat.rooms.by_nid(*nid).await.unwrap();
        let is_joined = room.view().membership(&actor.user_id) == Some(Membership::Join);
        let received = client.received.get(room_id.as_str()).into_iter().flatten();
        let received: Vec<String> = received.filter(|event| !purged.events.contains(*event)).cloned().collect();
        // Who comes back is shown the newest events again.
        if stays.len() != 1 || !is_joined {
            continue;
        }
        let all: Vec<String> = all_events(truth, &room).await.iter().map(|event| event.id().to_string()).collect();
        if limit >= all.len() {
            same("the timeline", &received, &all)?;
        }
        let distinct: BTreeSet<_> = received.iter().collect();
        same("events told once", &distinct.len(), &received.len())?;
    }
    Ok(())
}
