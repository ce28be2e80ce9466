//! Reads the account data of many rooms of one user at once.

use std::sync::Arc;

use im2_core::{Result, stream::AccountDataChange};
use im2_model::{RoomNid, StreamToken, UserNid};
use im2_store::Snapshot;

use super::{AccountData, raw};

impl AccountData {
    /// The user's account data in each of `rooms`, in the same order: the entries that changed after the room's token,
    /// or all of them where there is no token.
    pub async fn of_rooms(
        &self,
        user: UserNid,
        rooms: Vec<(RoomNid, Option<Arc<StreamToken>>)>,
    ) -> Result<Vec<Vec<AccountDataChange>>> {
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let read = move |db: &Snapshot<'_>| {
            let changed = rooms.into_iter().map(|(room, since)| {
                let mut rows = db.account_data_of_room(user, Some(room))?;
                rows.retain(|row| since.as_ref().is_none_or(|since| !since.includes(row.position)));
                Ok(rows)
            });
            changed.collect::<im2_store::Result<Vec<_>>>()
        };
        let found = self.core.store.read(read).await?;
        let change = |row: im2_store::account_data::AccountData| {
            Ok(AccountDataChange { user, room: row.room, kind: row.kind.into(), content: raw(row.content)? })
        };
        found.into_iter().map(|rows| rows.into_iter().map(change).collect()).collect()
    }
}
