//! Receipts in the rooms in sight (MSC3960). For a room that is new to the client only the receipts of the events in
//! its timeline, and the user's own.

use std::{collections::HashMap, sync::Arc};

use im2_chat::{receipts::receipt_events, rooms::RoomEvent};
use im2_core::{Result, stream::ReceiptChange};
use im2_model::{EventId, RoomNid};

use super::super::{
    Answering, Answers,
    listing::Matched,
    object::Object,
    sent::{Delta, Told},
};
use super::rooms_of;

impl Answering<'_> {
    pub(super) async fn receipts(
        &self,
        scope: &[&Matched],
        answers: &Answers<'_>,
        delta: &mut Delta,
    ) -> Result<Object> {
        let wider: HashMap<RoomNid, &[Arc<RoomEvent>]> = answers
            .iter()
            .filter(|(_, answer)| answer.is_wider)
            .map(|(matched, answer)| (matched.candidate.room, answer.timeline.as_slice()))
            .collect();
        let mut rooms = Object::new();
        let mut unread = Vec::new();
        for matched in scope {
            let room = matched.candidate.room;
            let told = self.before.rooms.get(&room).map_or(&Told::Never, |known| &known.receipts);
            match told {
                _ if wider.contains_key(&room) => unread.push(*matched),
                Told::Never => unread.push(*matched),
                Told::Live => {
                    let changed = self.changes.receipts.get(&room).into_iter().flatten();
                    self.write_receipts(&mut rooms, matched, changed.map(|receipt| &**receipt));
                }
                Told::Until(since) => {
                    let missed = self.sync.receipts.since(room, self.session.user, since).await?;
                    self.write_receipts(&mut rooms, matched, missed.iter());
                    self.set_receipts(room, Told::Live, delta);
                }
            }
        }
        let nids = unread.iter().map(|matched| matched.candidate.room).collect();
        let read = self.sync.receipts.in_rooms(nids, self.session.user).await?;
        for (matched, receipts) in unread.into_iter().zip(read) {
            let room = matched.candidate.room;
            let timeline = wider.get(&room).copied().unwrap_or_default();
            let is_shown = |id: &EventId| timeline.iter().any(|event| event.id() == id);
            let wanted = |receipt: &&ReceiptChange| receipt.user == self.session.user || is_shown(&receipt.event_id);
            self.write_receipts(&mut rooms, matched, receipts.iter().filter(wanted));
            self.set_receipts(room, Told::Live, delta);
        }
        self.miss_receipts(scope, delta);
        Ok(rooms)
    }

    /// Writes one event: the format has no place for a second, which only receipts of several threads for the same
    /// event would need.
    fn write_receipts<'r>(
        &self,
        rooms: &mut Object,
        matched: &Matched,
        receipts: impl Iterator<Item = &'r ReceiptChange>,
    ) {
        let events = receipt_events(receipts.filter(|receipt| !self.ignored.contains(&receipt.user_id)));
        if let Some(event) = events.first() {
            rooms.member(matched.candidate.summary.id.as_str(), event);
        }
    }

    /// Notes that there was news of rooms out of sight.
    pub(super) fn miss_receipts(&self, scope: &[&Matched], delta: &mut Delta) {
        let Some(token) = &self.before.told.token else { return };
        let (token, told) = (Arc::new(token.clone()), rooms_of(scope));
        for room in self.changes.receipts.keys().filter(|room| !told.contains(room)) {
            if self.before.rooms.get(room).is_some_and(|known| known.receipts == Told::Live) {
                self.set_receipts(*room, Told::Until(Arc::clone(&token)), delta);
            }
        }
    }

    fn set_receipts(&self, room: RoomNid, told: Told, delta: &mut Delta) {
        if let Some(sent) = delta.room(self.before, room) {
            sent.receipts = told;
        }
    }
}
