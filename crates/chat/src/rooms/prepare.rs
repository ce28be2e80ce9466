//! Making an event on the newest state of a room, and judging it.

use std::sync::Arc;

use im2_core::{Code, Error, Result, memory::Counted, search_terms};
use im2_kernel::{
    auth::{auth_event_keys, authorize},
    build::{EventDraft, build},
    event::Pdu,
    named_media::{MOST, named_media},
    relations,
    search::searched_text,
    sign::SigningKey,
    state::StateView as _,
    version::RoomVersion,
};
use im2_model::{EventId, Millis, RoomId, RoomNid};
use im2_store::rooms::{Append, Appended, NewEvent, Redaction, Relation};
use serde_json::Value;

use super::{
    Actor, RoomEvent,
    draft::{Draft, Transaction},
    event::Replaced,
    head_state::{HeadState, Place},
    summaries, validate,
};

/// An event that is built and allowed, but not yet stored.
pub(super) struct Prepared {
    pub(super) new: Arc<NewEvent>,
    pub(super) pdu: Arc<Pdu>,
    relation: Option<relations::Relation>,
    pub(super) replaced: Option<Replaced>,
    /// The event that it redacts, and that event's redacted form.
    redacts: Option<(Arc<RoomEvent>, Pdu)>,
}

/// The room version, key and time that an event is built with.
pub(super) struct Builder<'a> {
    pub(super) version: RoomVersion,
    pub(super) key: &'a SigningKey,
    pub(super) now: Millis,
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
        Ok(Prepared { new: Arc::new(new), pdu: Arc::new(pdu), relation, replaced, redacts: None })
    }
}

impl Prepared {
    pub(super) fn with(mut self, transaction: Option<Transaction>, redacts: Option<(Arc<RoomEvent>, Pdu)>) -> Self {
        let new = Arc::make_mut(&mut self.new);
        new.transaction = transaction;
        new.redaction = redacts.as_ref().map(|(target, left)| Redaction {
            target: target.id().clone(),
            pdu: left.json().into(),
            terms: terms_of(&target.pdu),
            summary: summaries::change_by(left),
        });
        self.redacts = redacts;
        self
    }

    /// Whether it is an annotation, as a reaction is: somebody can say the same of an event only once.
    pub(super) fn is_annotation(&self) -> bool {
        self.relation.as_ref().is_some_and(|relation| &*relation.rel_type == relations::rel_type::ANNOTATION)
    }

    /// The command that appends it where it was built, if it is no state: that changes more than the room.
    pub(super) fn append_at(&self, room: RoomNid, place: Place) -> Append {
        Append { room, head_seq: place.seq, event: Arc::clone(&self.new), once: self.is_annotation() }
    }

    /// The event with its place, and what it redacts.
    pub(super) fn stored(&self, room: RoomNid, place: Appended) -> (Arc<RoomEvent>, Option<(Arc<RoomEvent>, Pdu)>) {
        let Self { new, pdu, relation, replaced, redacts } = self;
        let event = RoomEvent {
            room,
            position: place.position,
            seq: place.seq,
            sender: new.sender,
            member: place.member,
            pdu: Arc::clone(pdu),
            transaction: new.transaction.clone(),
            relation: relation.clone(),
            replaced: replaced.clone(),
            redacted_because: None,
            counted: Counted::default(),
        };
        (Arc::new(event), redacts.clone())
    }
}

/// The terms by which searches find an event; `None` for an event without text that is searched.
pub(super) fn terms_of(pdu: &Pdu) -> Option<Box<str>> {
    searched_text(pdu).and_then(|(key, text)| search_terms::terms(key, &text))
}
