//! Several state events of one actor, appended in one change.

use std::sync::Arc;

use im2_core::{Code, Error, Result};
use im2_fair::caller;

use super::{
    Actor, Draft, Room, Rooms,
    append::ATTEMPTS,
    commit::commit,
    head_state::{HeadState, unchanged},
    prepare::{Builder, Prepared},
    room::Head,
};

impl Rooms {
    /// Appends those of `drafts` that the room's state allows and that change it, and returns once they are durable.
    pub(super) async fn append_batch(&self, room: &Arc<Room>, actor: &Actor, drafts: &[Draft]) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let turn = self.core.store.write_turn().await?; // before the lock, as for every event
            let mut head = room.head.lock().await;
            let mut fetched = Vec::new();
            let (events, next) = loop {
                let missing = {
                    let view = room.view();
                    head.catch_up(&view);
                    let state = HeadState { head: &head, view: &view, fetched: &fetched };
                    let missing: Vec<_> = drafts.iter().flat_map(|draft| state.missing_members(actor, draft)).collect();
                    if missing.is_empty() {
                        break self.prepare_together(room, &state, actor, drafts)?;
                    }
                    missing
                };
                let missing: Vec<&str> = missing.iter().map(|user_id| &**user_id).collect();
                fetched.extend(caller::scope(caller::for_others(), room.members(&self.core, &missing)).await?);
            };
            if events.is_empty() {
                return Ok(());
            }
            let (place, epoch, guests, target) =
                (head.place(), head.epoch, Arc::clone(&self.core.guests), Arc::clone(room));
            let change = move |tx: &mut im2_core::Transaction<'_>| commit(tx, &target, place, &events, &guests);
            let queued = self.core.store.enqueue(turn, change).await?;
            *head = next;
            drop(head);
            let Err(error) = queued.durable().await else { return Ok(()) };
            room.reset_head(epoch).await;
            if !matches!(error, im2_store::Error::Conflict) {
                return Err(error.into());
            }
        }
        Err(Error::Internal(format!("room {} keeps moving on", room.id)))
    }

    /// The events, each built on those before it, and the head after them.
    fn prepare_together(
        &self,
        room: &Room,
        state: &HeadState<'_>,
        actor: &Actor,
        drafts: &[Draft],
    ) -> Result<(Vec<Prepared>, Head)> {
        let builder = Builder { version: room.version, key: &self.key, now: self.core.now() };
        let HeadState { head, view, fetched } = *state;
        let (mut head, mut events) = (Head::clone(head), Vec::with_capacity(drafts.len()));
        for draft in drafts {
            let state = HeadState { head: &head, view, fetched };
            if unchanged(&state, actor, draft).is_some() {
                continue;
            }
            match builder.prepare(Some(&room.id), &state, actor, draft.clone()) {
                Ok(prepared) => {
                    head.advance(room.version, view, &prepared.pdu);
                    events.push(prepared);
                }
                Err(error) if error.code() == Some(Code::Forbidden) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((events, head))
    }
}
