//! Events that are deleted, and rooms, while not every node has heard of it.

use std::collections::{BTreeMap, BTreeSet};

use im2_chat::rooms::Direction;
use im2_model::RoomNid;

use super::{
    NODES, World,
    checks::{Checked, same},
    refused_at_most,
};
use crate::builders::text;

/// What was deleted of rooms that are there.
#[derive(Debug, Default)]
pub(super) struct Purged {
    /// By room, the numbers of events.
    pub(super) numbers: BTreeMap<RoomNid, BTreeSet<i64>>,
    pub(super) events: BTreeSet<String>,
}

impl World {
    /// The events of a room that are in the database.
    async fn stored(&self, room: RoomNid) -> BTreeMap<i64, String> {
        let store = &self.nodes[0].engine.core.store;
        let rows = store.read(move |db| db.events_from(room, 0, Direction::Forward, 10_000)).await.unwrap();
        rows.into_iter().map(|row| (row.seq, row.event_id.to_string())).collect()
    }

    /// Deletes messages before some event of a room, with or without a trace.
    pub(super) async fn purge_history(&mut self) -> Checked {
        let Some((_, nid)) = self.rooms.get(self.pick(4)).cloned() else { return Ok(()) };
        let node = &self.nodes[self.pick(NODES)];
        let room = node.engine.chat.rooms.by_nid(nid).await.unwrap();
        let last = room.view().seq;
        // So few that much is left.
        let before = self.pick(usize::try_from(last).unwrap()) as i64 / 2;
        let stored = self.stored(nid).await;
        let fails = self.fail_perhaps();
        let outcome = node.engine.chat.rooms.purge_messages(&room, before, self.pick(2) == 0).await;
        self.log.fail(None);
        let left = self.stored(nid).await;
        for (number, event) in stored.into_iter().filter(|(number, _)| !left.contains_key(number)) {
            self.purged.numbers.entry(nid).or_default().insert(number);
            self.purged.events.insert(event);
        }
        refused_at_most(outcome, fails)
    }

    /// Deletes a room. Whoever writes to it at another node afterwards, which need not have heard of it, is refused.
    pub(super) async fn purge_room(&mut self) -> Checked {
        let Some((room, _)) = self.rooms.get(self.pick(4)).cloned() else { return Ok(()) };
        let fails = self.fail_perhaps();
        let begun = self.nodes[self.pick(NODES)].engine.chat.rooms.begin_purge(&room).await;
        self.log.fail(None);
        let is_begun = begun.is_ok();
        refused_at_most(begun, fails)?;
        if !is_begun {
            return Ok(());
        }
        self.rooms.retain(|(other, _)| *other != room);
        let late = || {
            let (node, user) = (self.pick(NODES), self.people[self.pick(self.people.len())].actor.clone());
            let (rooms, room) = (self.nodes[node].engine.chat.rooms.clone(), room.clone());
            async move { rooms.send(&user, &room, text("too late"), None).await }
        };
        let refused = late().await.err().map(|error| error.code().is_some());
        same("whether a message to a room that is gone is refused", &refused, &Some(true))?;
        refused_at_most(self.nodes[self.pick(NODES)].engine.chat.rooms.finish_purge(&room).await, false)
    }
}
