//! Account data, global and of the rooms in sight (MSC3959).

use std::{collections::HashMap, sync::Arc};

use im2_chat::rooms::write_array;
use im2_core::{Result, stream::AccountDataChange};
use im2_model::RoomNid;

use super::super::{
    Answering,
    listing::Matched,
    object::Object,
    sent::{Delta, Told},
};
use crate::write_account_data_event;

type Changed = Arc<AccountDataChange>;

impl Answering<'_> {
    pub(super) async fn account_data(&self, scope: &[&Matched], delta: &mut Delta) -> Result<Object> {
        let mut object = Object::new();
        let global = self.global_account_data().await?;
        delta.told.has_account_data = true;
        if !global.is_empty() {
            object.key("global", |out| {
                write_array(out, &global, |out, change| write_account_data_event(out, change));
            });
        }
        let mut rooms = Object::new();
        for (matched, changes) in self.room_account_data(scope, delta).await? {
            rooms.key(matched.candidate.summary.id.as_str(), |out| {
                write_array(out, &changes, |out, change| write_account_data_event(out, change));
            });
        }
        object.object("rooms", rooms);
        Ok(object)
    }

    async fn global_account_data(&self) -> Result<Vec<Changed>> {
        if !self.before.told.has_account_data {
            let all = self.sync.account_data.global(self.session.user, &self.session.user_id).await?;
            return Ok(all.into_iter().map(Arc::new).collect());
        }
        Ok(self.changes.account_data.iter().filter(|change| change.room.is_none()).cloned().collect())
    }

    async fn room_account_data<'a>(
        &self,
        scope: &[&'a Matched],
        delta: &mut Delta,
    ) -> Result<Vec<(&'a Matched, Vec<Changed>)>> {
        let mut live: HashMap<RoomNid, Vec<Changed>> = HashMap::new();
        for change in &self.changes.account_data {
            if let Some(room) = change.room {
                live.entry(room).or_default().push(Arc::clone(change));
            }
        }
        let mut found = Vec::new();
        let mut unread = Vec::new();
        for matched in scope {
            let room = matched.candidate.room;
            let known = self.before.rooms.get(&room).map(|known| &known.account_data);
            match known.unwrap_or(&Told::Never) {
                Told::Live => found.extend(live.remove(&room).map(|changes| (*matched, changes))),
                Told::Until(token) => unread.push((*matched, Some(Arc::clone(token)))),
                Told::Never => unread.push((*matched, None)),
            }
        }
        let rooms = unread.iter().map(|(matched, since)| (matched.candidate.room, since.clone())).collect();
        let read = self.sync.account_data.of_rooms(self.session.user, rooms).await?;
        for ((matched, _), changes) in unread.into_iter().zip(read) {
            live.remove(&matched.candidate.room);
            if let Some(sent) = delta.room(self.before, matched.candidate.room) {
                sent.account_data = Told::Live;
            }
            if !changes.is_empty() {
                found.push((matched, changes.into_iter().map(Arc::new).collect()));
            }
        }
        self.miss_account_data(live.into_keys(), delta);
        Ok(found)
    }

    /// Notes that there was news of rooms out of sight.
    pub(super) fn miss_account_data(&self, rooms: impl Iterator<Item = RoomNid>, delta: &mut Delta) {
        let Some(token) = &self.before.told.token else { return };
        let token = Arc::new(token.clone());
        for room in rooms {
            let is_live = self.before.rooms.get(&room).is_some_and(|known| known.account_data == Told::Live);
            if is_live && let Some(sent) = delta.room(self.before, room) {
                sent.account_data = Told::Until(Arc::clone(&token));
            }
        }
    }
}
