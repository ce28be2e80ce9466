//! Changing a room: build the event on the newest state, judge it, queue it, answer when it is durable.
//!
//! The room's head is locked while an event is made and queued, so events of one room are queued in the order in
//! which they were built on each other; it is not locked during the commit, so many of them share one. If a queued
//! event turns out not to be committed, those built on it fail with [`im2_store::Error::Conflict`] and are made anew.

use std::sync::Arc;

use im2_core::{Code, Error, Result, rate_limits::Class};
use im2_fair::caller;
use im2_kernel::{auth::check_power_levels, event::Pdu};
use im2_model::{EventId, RoomId};
use im2_store::rooms::{Append, Appended, TransactionKey};
use serde_json::{Map, Value};

use super::{
    Actor, RoomEvent, Rooms, StateLimits,
    commit::{appended, commit},
    draft::{Draft, Transaction},
    head_state::{HeadState, is_current, is_member, unchanged},
    prepare::Builder,
    relations::duplicate_annotation,
    room::Room,
    validate,
    view::View,
};

/// How often an event is made anew because what it was built on was not committed. Others can make that happen, with
/// repeats ([`super::repeats`]), though not for long: more often than this means that something is wrong.
pub(super) const ATTEMPTS: usize = 100;
/// Members of a room whom an event reaches for the price of another event.
const REACHED_A_UNIT: usize = 1_000;

impl Rooms {
    /// Sends an event to a room that `actor` is a member of.
    pub async fn send(
        &self,
        actor: &Actor,
        room_id: &RoomId,
        mut draft: Draft,
        transaction: Option<Transaction>,
    ) -> Result<EventId> {
        validate::check(&mut draft)?;
        let room = self.joined(actor, room_id).await?;
        self.check_suspension(&room, actor, &draft).await?;
        self.count_reached(&room, actor)?;
        if let Err(refusal) = self.check_relation(&room, actor, &draft).await {
            // What was sent already and is tried again is not refused for being there.
            let sent = self.sent_before(&room, &draft.kind, transaction.as_ref()).await?;
            return sent.ok_or(refusal);
        }
        self.append(&room, actor, draft, transaction).await
    }

    /// Sets state in a room. Whoever is no member may still change their own membership, as far as the rules allow.
    pub async fn send_state(&self, actor: &Actor, room_id: &RoomId, draft: Draft) -> Result<EventId> {
        self.send_state_in(actor, room_id, draft, None).await
    }

    /// The same in a transaction.
    pub(super) async fn send_state_in(
        &self,
        actor: &Actor,
        room_id: &RoomId,
        mut draft: Draft,
        transaction: Option<Transaction>,
    ) -> Result<EventId> {
        validate::check(&mut draft)?;
        let own_membership =
            &*draft.kind == "m.room.member" && draft.state_key.as_deref() == Some(actor.user_id.as_str());
        let room = if own_membership {
            let refused = || Error::refused(Code::Forbidden, "you are not a member of this room");
            self.find(room_id).await?.ok_or_else(refused)?
        } else {
            self.joined(actor, room_id).await?
        };
        self.check_suspension(&room, actor, &draft).await?;
        self.count_reached(&room, actor)?;
        match (&*draft.kind, draft.state_key.as_deref()) {
            ("m.room.member", _)
                if own_membership && draft.content.get("membership").and_then(Value::as_str) == Some("leave") =>
            {
                self.refuse_declining_notices(actor, room_id).await?;
            }
            ("m.room.member", _) => self.complete_member(&room, actor, &mut draft).await?,
            ("m.room.canonical_alias", Some("")) => self.check_canonical_alias(&room, &draft.content).await?,
            ("m.room.power_levels", Some(_)) => check_levels(&room, &draft.content)?,
            ("m.room.tombstone", Some("")) => {
                let replacement = draft.content.get("replacement_room").and_then(Value::as_str);
                let message = "a room cannot be replaced by itself";
                validate::refuse_unless(replacement != Some(room_id.as_str()), Code::InvalidParam, message)?;
            }
            _ => {}
        }
        self.append(&room, actor, draft, transaction).await
    }

    /// Counts the people whom an event reaches, where they are very many.
    fn count_reached(&self, room: &Room, actor: &Actor) -> Result<()> {
        let more = room.view().joined.len() / REACHED_A_UNIT;
        if more == 0 || self.core.is_of_service(&actor.user_id) {
            return Ok(());
        }
        self.core.limits.spend_of(Class::Send, actor.user, more as u64)
    }

    /// The event that a transaction made earlier.
    pub(super) async fn sent_before(
        &self,
        room: &Room,
        kind: &str,
        transaction: Option<&Transaction>,
    ) -> Result<Option<EventId>> {
        let Some(key) = transaction.cloned() else { return Ok(None) };
        let (nid, kind) = (room.nid, kind.to_owned());
        Ok(self.core.store.read(move |db| db.transaction_event(nid, &kind, &key)).await?)
    }

    /// Appends an event to `room` in the name of `actor` and returns its identifier once it is durable.
    ///
    /// State that is already exactly so is not sent again: the event that made it so is the answer. A transaction
    /// that was used before is answered with the event it made.
    pub async fn append(
        &self,
        room: &Arc<Room>,
        actor: &Actor,
        draft: Draft,
        transaction: Option<Transaction>,
    ) -> Result<EventId> {
        let counted = self.count_membership(room, actor, &draft).await?;
        let appended = self.append_uncounted(room, actor, draft, transaction).await;
        if let Some(counted) = counted.filter(|_| appended.is_err()) {
            self.give_back_invites(counted).await;
        }
        appended
    }

    /// Does as [`Rooms::append`], for events of the server itself: without limits on invites and joins.
    pub(super) async fn append_uncounted(
        &self,
        room: &Arc<Room>,
        actor: &Actor,
        mut draft: Draft,
        transaction: Option<Transaction>,
    ) -> Result<EventId> {
        if let Some(key) = &transaction
            && let Some(sent) = room.recent_transaction(&draft.kind, key)
        {
            return Ok(sent);
        }
        self.refuse_blocked(room, &draft)?;
        let _alone = match self.unless_duplicate(room, actor, &draft, transaction.as_ref()).await? {
            Ok(alone) => alone,
            Err(sent) => return Ok(sent),
        };
        let redacts = self.redaction_target(room, actor, &draft).await?;
        if self.is_silenced(actor, &draft) {
            // Boxed, because hardly anybody is shadow-banned and every request would carry it.
            Box::pin(self.silence(actor, &mut draft)).await?;
            let sent = Box::pin(self.sent_before(room, &draft.kind, transaction.as_ref())).await?;
            if let Some(sent) = sent {
                return Ok(sent);
            }
        }
        for _ in 0..ATTEMPTS {
            let (epoch, queued, event_id) =
                match self.queue(room, actor, draft.clone(), transaction.clone(), redacts.clone()).await? {
                    Queued::Nothing(event_id) => return Ok(event_id),
                    Queued::New(epoch, queued, event_id) => (epoch, queued, event_id),
                };
            let Err(error) = queued.durable().await else { return Ok(event_id) };
            room.reset_head(epoch).await;
            let is_there = matches!(error, im2_store::Error::AlreadyThere);
            if is_there || error.is_duplicate() {
                self.repeats.note(actor.user);
                let sent = self.sent_before(room, &draft.kind, transaction.as_ref()).await?;
                return sent.ok_or_else(|| if is_there { duplicate_annotation() } else { error.into() });
            }
            if room.is_gone() {
                return Err(Error::refused(Code::NotFound, "this room has been deleted"));
            }
            if !matches!(error, im2_store::Error::Conflict) {
                return Err(error.into());
            }
        }
        Err(Error::Internal(format!("room {} keeps moving on", room.id)))
    }

    /// Refuses whatever is sent to a room that an administrator has blocked, except for leaving it.
    fn refuse_blocked(&self, room: &Room, draft: &Draft) -> Result<()> {
        let membership = draft.content.get("membership").and_then(Value::as_str);
        let leaves = &*draft.kind == "m.room.member" && matches!(membership, Some("leave" | "ban"));
        if leaves { Ok(()) } else { self.core.blocked.refuse(&room.id) }
    }

    async fn queue(
        &self,
        room: &Arc<Room>,
        actor: &Actor,
        draft: Draft,
        transaction: Option<Transaction>,
        redacts: Option<(Arc<RoomEvent>, Pdu)>,
    ) -> Result<Queued> {
        // Before the lock: a backlog of one user's writes must not hold up the room of others.
        let turn = self.core.store.write_turn().await?;
        let mut head = room.head.lock().await;
        let mut fetched = Vec::new();
        let prepared = loop {
            let missing = {
                let view = room.view();
                head.catch_up(&view);
                let state = HeadState { head: &head, view: &view, fetched: &fetched };
                let missing = state.missing_members(actor, &draft);
                if missing.is_empty() {
                    if draft.members_only && !is_member(&state, actor) {
                        return Err(Error::refused(Code::Forbidden, "you are not a member of this room"));
                    }
                    if draft.replaces.as_ref().is_some_and(|expected| !is_current(&state, &draft, expected)) {
                        return Err(im2_store::Error::Conflict.into());
                    }
                    if let Some(event_id) = unchanged(&state, actor, &draft) {
                        return Ok(Queued::Nothing(event_id));
                    }
                    let withheld = self.withheld(room, &state, actor, &draft, transaction.as_ref())?;
                    let builder = Builder { version: room.version, key: &self.key, now: self.core.now() };
                    let prepared = builder.prepare(Some(&room.id), &state, actor, draft)?;
                    refuse_too_much_state(self.options.state, &view, &prepared.pdu)?;
                    if let Some(event_id) = withheld {
                        return Ok(Queued::Nothing(event_id));
                    }
                    break prepared;
                }
                missing
            };
            // What is read is what the view has, unless that changes meanwhile. No more than what is queued can, and
            // the head is locked, so this ends.
            let missing: Vec<&str> = missing.iter().map(|user_id| &**user_id).collect();
            // Everybody who sends to the room waits for this.
            fetched.extend(caller::scope(caller::for_others(), room.members(&self.core, &missing)).await?);
        };
        let (place, event_id) = (head.place(), prepared.pdu.event_id.clone());
        let pdu = Arc::clone(&prepared.pdu);
        let prepared = prepared.with(transaction, redacts);
        let target = Arc::clone(room);
        let queued = if pdu.is_state() {
            let (guests, events) = (Arc::clone(&self.core.guests), [prepared]);
            let change = move |tx: &mut im2_core::Transaction<'_>| commit(tx, &target, place, &events, &guests);
            self.core.store.enqueue(turn, change).await?
        } else {
            let command = prepared.append_at(room.nid, place);
            let tell = move |_: &Append, at: &Appended| Ok(vec![appended(&target, place, &prepared, *at)?]);
            self.core.store.enqueue_command(turn, command, tell).await?
        };
        head.advance(room.version, &room.view(), &pdu);
        Ok(Queued::New(head.epoch, queued, event_id))
    }

    /// Returns the event that a redaction is about and its redacted form; `None` if the draft is no redaction or the
    /// event is redacted already. Refuses a target that is not in the room or that the actor may not redact.
    async fn redaction_target(
        &self,
        room: &Arc<Room>,
        actor: &Actor,
        draft: &Draft,
    ) -> Result<Option<(Arc<RoomEvent>, Pdu)>> {
        let Some(target_id) = draft.redacts.as_ref().filter(|_| &*draft.kind == "m.room.redaction") else {
            return Ok(None);
        };
        let target = self.event(room, target_id).await?;
        let target = target.ok_or_else(|| Error::refused(Code::NotFound, "the event to redact is not in this room"))?;
        if !room.view().power.may_redact(&actor.user_id, &target.pdu.sender) {
            return Err(Error::refused(Code::Forbidden, "you may redact only your own events in this room"));
        }
        if target.is_redacted() {
            return Ok(None);
        }
        let left = target.pdu.redacted(room.version)?;
        Ok(Some((target, left)))
    }
}

/// Refuses what would give a room more state than fits. Members are no part of it: of them there may be any number.
fn refuse_too_much_state(most: StateLimits, view: &View, pdu: &Pdu) -> Result<()> {
    let Some(state_key) = pdu.state_key.as_deref().filter(|_| &*pdu.kind != "m.room.member") else { return Ok(()) };
    let before = view.state.get(&pdu.kind, state_key).map_or(0, |before| before.pdu.json().len());
    let after = view.state_bytes - before + pdu.json().len();
    if before == 0 && view.state.len() >= most.entries {
        let message = format!("a room can have at most {} state events besides its members", most.entries);
        return Err(Error::refused(Code::TooLarge, message));
    }
    if after > most.bytes && pdu.json().len() > before {
        let message = format!("a room's state is limited to {} bytes besides its members", most.bytes);
        return Err(Error::refused(Code::TooLarge, message));
    }
    Ok(())
}

/// Refuses levels that nobody could set. That is the fault of the request, not of who makes it.
fn check_levels(room: &Room, content: &Map<String, Value>) -> Result<()> {
    let view = room.view();
    let Some(create) = view.state.get("m.room.create", "") else { return Ok(()) };
    check_power_levels(room.version, &create.pdu, content)
        .map_err(|error| Error::refused(Code::BadJson, error.to_string()))
}

enum Queued {
    /// The event that is the answer already, or would have been.
    Nothing(EventId),
    New(u64, im2_store::Queued<Appended>, EventId),
}

impl Room {
    /// The event that a transaction made, if it is recent.
    fn recent_transaction(&self, kind: &str, key: &TransactionKey) -> Option<EventId> {
        let view = self.view();
        let made = view.tail.iter().rev().find(|event| event.transaction.as_ref() == Some(key) && event.kind() == kind);
        made.map(|event| event.id().clone())
    }
}
