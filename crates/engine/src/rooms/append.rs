//! Changing a room: build the event on the newest state, judge it, queue it, answer when it is durable.
//!
//! The room's head is locked while an event is made and queued, so events of one room are queued in the order in
//! which they were built on each other; it is not locked during the commit, so many of them share one. If a queued
//! event turns out not to be committed, those built on it fail with [`im2_store::Error::Conflict`] and are made anew.

use std::sync::Arc;

use im2_bus::Bus;
use im2_fair::caller;
use im2_model::{EventId, Millis, RoomId, RoomNid};
use im2_rooms::{
    auth::{auth_event_keys, authorize, check_power_levels},
    build::{EventDraft, build},
    content::Membership,
    event::Pdu,
    power::PowerLevels,
    relations,
    search::searched_text,
    sign::SigningKey,
    state::StateView,
    version::RoomVersion,
};
use im2_store::rooms::{Appended, NewEvent, Redaction, Relation, TransactionKey};
use serde_json::{Map, Value};

use super::{
    Actor, RoomEvent, RoomMembership, Rooms, StateLimits,
    directory::Directory,
    event::Replaced,
    guests, invites,
    member_index::MemberIndex,
    named_media::{MOST, named_media},
    registry::Registry,
    relations::duplicate_annotation,
    room::{Head, Room, View},
    succession::Followers,
    summaries::{self, Summaries},
    validate,
};
use crate::{
    Code, Core, Error, Result, UserSet,
    memory::Counted,
    rate_limits::Class,
    stream::{Change, Stream},
    typing::Typists,
    words,
};

/// How often an event is made anew because what it was built on was not committed. Others can make that happen, with
/// repeats ([`super::repeats`]), though not for long: more often than this means that something is wrong.
const ATTEMPTS: usize = 100;
/// Members of a room whom an event reaches for the price of another event.
const REACHED_A_UNIT: usize = 1_000;

/// An event that somebody wants to send.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The event type.
    pub kind: Box<str>,
    /// The state key, for state.
    pub state_key: Option<Box<str>>,
    /// The content.
    pub content: Map<String, Value>,
    /// What it redacts.
    pub redacts: Option<EventId>,
    /// The timestamp, where the sender may choose it; else the current time.
    pub ts: Option<Millis>,
    /// Whether only a member may send it, even where the rules would let the sender join by it.
    pub members_only: bool,
    /// The state event that it replaces. If there is another by then, the event is not sent, which is
    /// [`im2_store::Error::Conflict`].
    pub replaces: Option<EventId>,
    /// Whether it is sent for the server or an administrator: also in the name of a user who is shadow-banned.
    pub despite_shadow_ban: bool,
}

impl Draft {
    /// A state event.
    pub fn state(kind: &str, state_key: &str, content: Map<String, Value>) -> Self {
        Self { kind: kind.into(), state_key: Some(state_key.into()), content, ..Self::default() }
    }

    /// A message event.
    pub fn message(kind: &str, content: Map<String, Value>) -> Self {
        Self { kind: kind.into(), content, ..Self::default() }
    }
}

/// The client's transaction identifier, and the device it is of.
pub type Transaction = TransactionKey;

/// An event that is built and allowed, but not yet stored.
pub(super) struct Prepared {
    new: NewEvent,
    pub(super) pdu: Arc<Pdu>,
    relation: Option<relations::Relation>,
    replaced: Option<Replaced>,
    /// What the event redacts, and what is left of it.
    redacts: Option<(Arc<RoomEvent>, Pdu)>,
}

/// What the commit hook of an append needs to tell the world.
#[derive(Clone)]
pub(super) struct Publisher {
    core: Core,
    registry: Arc<Registry>,
    stream: Arc<Stream>,
    bus: Bus,
    members: Arc<MemberIndex>,
    directory: Arc<Directory>,
    guests: Arc<UserSet>,
    summaries: Arc<Summaries>,
    typists: Arc<Typists>,
}

/// What an event is built with, beside the room.
pub(super) struct Builder<'a> {
    pub(super) version: RoomVersion,
    pub(super) key: &'a SigningKey,
    pub(super) now: Millis,
}

impl Rooms {
    pub(super) fn publisher(&self) -> Publisher {
        Publisher {
            core: self.core.clone(),
            registry: Arc::clone(&self.registry),
            stream: Arc::clone(&self.core.stream),
            bus: self.core.bus.clone(),
            members: Arc::clone(&self.members),
            directory: Arc::clone(&self.directory),
            guests: Arc::clone(&self.core.guests),
            summaries: Arc::clone(&self.summaries),
            typists: Arc::clone(&self.core.typists),
        }
    }

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
        self.check_standing(&room, actor, &draft).await?;
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
        self.check_standing(&room, actor, &draft).await?;
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

    /// As [`Rooms::append`], for what the server itself does: without limits on invites and joins.
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
        let _alone = match self.unless_repeated(room, actor, &draft, transaction.as_ref()).await? {
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

    /// Refuses whatever is sent to a room that an administrator has blocked, but for leaving it.
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
        let (seq, event_id) = (head.seq, prepared.pdu.event_id.clone());
        let pdu = Arc::clone(&prepared.pdu);
        let prepared = prepared.with(transaction, redacts);
        let (publisher, target) = (self.publisher(), Arc::clone(room));
        let change = move |tx: &mut im2_store::Transaction<'_>| commit(tx, target, seq, vec![prepared], publisher);
        let queued = self.core.store.enqueue(turn, change).await?;
        head.advance(room.version, &room.view(), &pdu);
        Ok(Queued::New(head.epoch, queued, event_id))
    }

    /// What a redaction is about, if the actor may redact it.
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
        let message = format!("a room has at most {} state events beside its members", most.entries);
        return Err(Error::refused(Code::TooLarge, message));
    }
    if after > most.bytes && pdu.json().len() > before {
        let message = format!("the state of a room is limited to {} bytes beside its members", most.bytes);
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
    New(u64, im2_store::Queued<Vec<Appended>>, EventId),
}

fn is_member(state: &HeadState<'_>, actor: &Actor) -> bool {
    let member = state.get("m.room.member", actor.user_id.as_str());
    member.is_some_and(|event| event.membership == Some(Membership::Join))
}

/// Whether an event is the state that `draft` changes.
fn is_current(state: &HeadState<'_>, draft: &Draft, event_id: &EventId) -> bool {
    let current = draft.state_key.as_deref().and_then(|key| state.get(&draft.kind, key));
    current.is_some_and(|current| current.event_id == *event_id)
}

/// The event that already made the state what `draft` wants it to be.
fn unchanged(state: &HeadState<'_>, actor: &Actor, draft: &Draft) -> Option<EventId> {
    let current = state.get(&draft.kind, draft.state_key.as_deref()?)?;
    let same = current.sender == actor.user_id && current.content_map() == draft.content;
    same.then(|| current.event_id.clone())
}

impl Builder<'_> {
    /// Builds an event on `state` and judges it.
    pub(super) fn prepare(
        &self,
        room_id: Option<&RoomId>,
        state: &HeadState<'_>,
        actor: &Actor,
        draft: Draft,
    ) -> Result<Prepared> {
        let head = state.head;
        let Draft { kind, state_key, mut content, redacts, ts, .. } = draft;
        validate::show_names(&kind, &mut content);
        let keys = auth_event_keys(self.version, &actor.user_id, &kind, state_key.as_deref(), &content);
        let auth_events: Vec<EventId> =
            keys.into_iter().filter_map(|(kind, key)| Some(state.get(kind, key)?.event_id.clone())).collect();
        let relation = content.get("m.relates_to").and_then(Value::as_object).and_then(relations::Relation::in_content);
        let draft = EventDraft {
            room_id: room_id.cloned(),
            sender: actor.user_id.clone(),
            kind: kind.clone(),
            state_key: state_key.clone(),
            content,
            redacts,
            origin_server_ts: ts.unwrap_or(self.now),
        };
        let previous = head.last.as_slice();
        let pdu = build(self.version, draft, previous, &auth_events, head.depth + 1, self.key)?;
        authorize(self.version, &pdu, state)?;
        let replaced = state_key.as_deref().and_then(|key| state.get(&kind, key)).map(Replaced::of);
        let membership = match (&*kind, state_key.as_deref(), pdu.membership) {
            ("m.room.member", Some(key), Some(membership)) => {
                let user = key.parse().map_err(|_| {
                    Error::refused(Code::BadJson, "the state key of a membership event must be a user ID")
                })?;
                Some((user, membership.as_str()))
            }
            _ => None,
        };
        let new = NewEvent {
            event_id: pdu.event_id.clone(),
            sender: actor.user,
            kind,
            state_key,
            ts: pdu.origin_server_ts,
            pdu: pdu.json().into(),
            membership,
            relation: relation.as_ref().map(|relation| Relation {
                target: relation.event_id.clone(),
                rel_type: relation.rel_type.clone(),
                key: relation.key.clone(),
            }),
            redaction: None,
            terms: terms_of(&pdu),
            transaction: None,
            media: named_media(pdu.content_json(), actor.user_id.server_name(), MOST),
            bumps: summaries::is_activity(&pdu),
            summary: summaries::change_by(&pdu),
        };
        Ok(Prepared { new, pdu: Arc::new(pdu), relation, replaced, redacts: None })
    }
}

impl Prepared {
    fn with(mut self, transaction: Option<Transaction>, redacts: Option<(Arc<RoomEvent>, Pdu)>) -> Self {
        self.new.transaction = transaction;
        self.new.redaction = redacts.as_ref().map(|(target, left)| Redaction {
            target: target.id().clone(),
            pdu: left.json().into(),
            terms: terms_of(&target.pdu),
            summary: summaries::change_by(left),
        });
        self.redacts = redacts;
        self
    }

    /// The event with its place, and what it redacts.
    fn stored(self, room: RoomNid, place: Appended) -> (Arc<RoomEvent>, Option<(Arc<RoomEvent>, Pdu)>) {
        let Self { new, pdu, relation, replaced, redacts } = self;
        let event = RoomEvent {
            room,
            position: place.position,
            seq: place.seq,
            sender: new.sender,
            member: place.member,
            pdu,
            transaction: new.transaction,
            relation,
            replaced,
            redacted_because: None,
            counted: Counted::default(),
        };
        (Arc::new(event), redacts)
    }
}

/// Refuses a reaction that somebody has sent already. Asked here, where one change comes after the other, because
/// two that are sent at the same moment both find nothing before.
fn refuse_duplicate(tx: &im2_store::Transaction<'_>, room: RoomNid, event: &NewEvent) -> im2_store::Result<()> {
    let annotation = event.relation.as_ref().filter(|relation| &*relation.rel_type == relations::rel_type::ANNOTATION);
    if let Some((target, key)) = annotation.and_then(|relation| Some((&relation.target, relation.key.as_deref()?)))
        && tx.is_annotated(room, target, &event.kind, key, event.sender)?
    {
        return Err(im2_store::Error::AlreadyThere);
    }
    Ok(())
}

/// What searches find an event by.
pub(super) fn terms_of(pdu: &Pdu) -> Option<Box<str>> {
    searched_text(pdu).and_then(|(key, text)| words::terms(key, &text))
}

/// Stores `events` at the end of `room`, whose last event must be number `head_seq`, and publishes them after the
/// commit.
pub(super) fn commit(
    tx: &mut im2_store::Transaction<'_>,
    room: Arc<Room>,
    head_seq: i64,
    events: Vec<Prepared>,
    publisher: Publisher,
) -> im2_store::Result<Vec<Appended>> {
    let core = publisher.core.clone();
    let followers = Followers::of(room.nid, &room.view(), &events);
    followers.follow_now(&core, tx, room.nid)?;
    let places = store(tx, room.nid, head_seq, &events)?;
    let closes = events.iter().any(|event| guests::closes(&publisher.guests, &event.pdu)).then_some(room.nid);
    let (stored, nid) = (places.clone(), room.nid);
    tx.on_commit(move || {
        for (event, place) in events.into_iter().zip(stored) {
            let (event, redacts) = event.stored(nid, place);
            let target = redacts.as_ref().map(|(target, _)| Arc::clone(target));
            let (event, redacted) = room.publish(event, redacts);
            if let Some(redacted) = redacted {
                publisher.stream.redact(&redacted);
            }
            publisher.announce(&room, event, target.as_deref());
        }
    });
    // After the publication, so that whoever does it finds the room as it is.
    if let Some(room) = closes {
        guests::remove_later(tx, room)?;
    }
    followers.follow_later(&core, tx)?;
    Ok(places)
}

/// Stores a new room with its first events, and publishes them after the commit. From the commit on the room is found
/// by everybody with all of them.
pub(super) fn commit_new(
    tx: &mut im2_store::Transaction<'_>,
    (room_id, version, now): (RoomId, RoomVersion, Millis),
    events: Vec<Prepared>,
    publisher: Publisher,
) -> im2_store::Result<Arc<Room>> {
    let nid = tx.create_room(&room_id, version.as_str(), now)?;
    let places = store(tx, nid, 0, &events)?;
    let (core, followers) = (publisher.core.clone(), Followers::of(nid, &View::empty(Arc::default()), &events));
    let events: Vec<_> = events.into_iter().zip(places).map(|(event, place)| event.stored(nid, place).0).collect();
    let reserved = publisher.registry.reserve(nid, (room_id, version), &events)?;
    let room = Arc::clone(reserved.room());
    tx.on_commit(move || {
        let room = reserved.committed();
        for event in events {
            publisher.announce(&room, event, None);
        }
    });
    followers.follow_later(&core, tx)?;
    Ok(room)
}

/// Stores `events` at the end of a room.
fn store(
    tx: &mut im2_store::Transaction<'_>,
    room: RoomNid,
    head_seq: i64,
    events: &[Prepared],
) -> im2_store::Result<Vec<Appended>> {
    let mut stored = Vec::with_capacity(events.len());
    for (seq, event) in (head_seq..).zip(events) {
        refuse_duplicate(tx, room, &event.new)?;
        stored.push(tx.append_event(room, seq, &event.new)?);
        invites::note_answer(tx, &event.pdu, event.replaced.as_ref())?;
    }
    Ok(stored)
}

impl Publisher {
    /// Tells everybody of an event that is in its room's view, and in whose wake `target` was redacted.
    fn announce(&self, room: &Room, event: Arc<RoomEvent>, target: Option<&RoomEvent>) {
        self.directory.note(room, &event);
        if let Some(target) = target {
            self.directory.note(room, target);
        }
        self.summaries.note(room, &event);
        if let (Some(member), Some(membership)) = (event.member, event.pdu.membership) {
            let now = RoomMembership {
                membership,
                position: event.position,
                seq: event.seq,
                forgotten: false,
                by_self: event.sender == member,
                was_joined: membership == Membership::Join,
            };
            self.members.set(member, room.nid, now);
            if membership != Membership::Join {
                self.typists.end(room.nid, member);
            }
        } else if event.kind() == "m.room.tombstone" {
            self.typists.end_room(room.nid);
        }
        let (member, position) = (event.member, event.position);
        self.stream.publish(position, Change::Event(event));
        let view = room.view();
        self.bus.wake_all(view.joined.len(), view.joined.keys().copied(), |user| view.joined.contains_key(&user));
        if let Some(member) = member.filter(|member| !view.joined.contains_key(member)) {
            self.bus.wake(member);
        }
    }
}

/// The state that the next event is judged by: what is queued over what is committed.
pub(super) struct HeadState<'a> {
    pub(super) head: &'a Head,
    pub(super) view: &'a View,
    /// Member events that were read because the view does not have them in memory.
    pub(super) fetched: &'a [Arc<RoomEvent>],
}

impl HeadState<'_> {
    /// The users whose member events it takes to judge `draft` and who are not in memory: the sender, whom it is
    /// about, and by whose right somebody joins.
    fn missing_members(&self, actor: &Actor, draft: &Draft) -> Vec<Box<str>> {
        let is_member = &*draft.kind == "m.room.member";
        let target = draft.state_key.as_deref().filter(|_| is_member);
        let authoriser = draft.content.get("join_authorised_via_users_server").and_then(Value::as_str);
        let needed = [Some(actor.user_id.as_str()), target, authoriser.filter(|_| is_member)];
        needed.into_iter().flatten().filter(|user_id| self.lacks(user_id)).map(Into::into).collect()
    }

    /// Whether a user has a member event that has to be read first.
    pub(super) fn lacks(&self, user_id: &str) -> bool {
        self.view.members.get(user_id).is_some() && self.get("m.room.member", user_id).is_none()
    }

    /// A committed member event.
    pub(super) fn member(&self, user_id: &str) -> Option<&Pdu> {
        let member = self.view.members.get(user_id)?;
        let fetched = || self.fetched.iter().find(|event| event.seq == member.seq);
        self.view.members.event(user_id).or_else(fetched).map(|event| &*event.pdu)
    }
}

impl StateView for HeadState<'_> {
    fn get(&self, kind: &str, state_key: &str) -> Option<&Pdu> {
        if let Some((seq, pdu)) = self.head.pending.get(kind, state_key)
            && *seq > self.view.seq
        {
            return Some(pdu);
        }
        if kind == "m.room.member" {
            return self.member(state_key);
        }
        self.view.state.get(kind, state_key).map(|event| &*event.pdu)
    }

    fn power_levels(&self, _: RoomVersion, _: &Pdu) -> std::borrow::Cow<'_, PowerLevels> {
        std::borrow::Cow::Borrowed(&self.head.power)
    }
}

impl Head {
    /// Forgets what was queued once all of it is in the view.
    pub(super) fn catch_up(&mut self, view: &View) {
        if view.seq >= self.seq {
            if !self.pending.is_empty() {
                self.pending = im2_rooms::state::StateMap::default();
            }
            self.power = Arc::clone(&view.power);
        }
    }

    /// Takes note of an event that was queued.
    pub(super) fn advance(&mut self, version: RoomVersion, view: &View, pdu: &Arc<Pdu>) {
        self.seq += 1;
        self.depth = pdu.depth;
        self.last = Some(pdu.event_id.clone());
        let Some(state_key) = &pdu.state_key else { return };
        self.pending.insert(&pdu.kind, state_key, (self.seq, Arc::clone(pdu)));
        if matches!(&*pdu.kind, "m.room.power_levels" | "m.room.create") {
            let state = HeadState { head: self, view, fetched: &[] };
            if let Some(create) = state.get("m.room.create", "") {
                let power = PowerLevels::of(version, create, state.get("m.room.power_levels", ""));
                self.power = Arc::new(power);
            }
        }
    }
}

impl Room {
    /// After an event of `epoch` was not committed: starts again from what is.
    pub(super) async fn reset_head(&self, epoch: u64) {
        let mut head = self.head.lock().await;
        if head.epoch == epoch
            && let Some(fresh) = Head::of(&self.view(), epoch + 1)
        {
            *head = fresh;
        }
    }

    /// The event that a transaction made, if it is recent.
    fn recent_transaction(&self, kind: &str, key: &TransactionKey) -> Option<EventId> {
        let view = self.view();
        let made = view.tail.iter().rev().find(|event| event.transaction.as_ref() == Some(key) && event.kind() == kind);
        made.map(|event| event.id().clone())
    }
}
