//! Events as servers store and exchange them (spec: each room version's "Event format").

mod named;

use std::ops::Range;

use im2_model::{EventId, Millis, RoomId, UserId};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    canonical::{CanonicalError, event_to_canonical},
    content::Membership,
    event::named::{Events, NamedId},
    redact::redact,
    sign::{sha256_base64, sha256_base64_url, signed_event_bytes},
    version::{EventIds, RoomVersion},
};

/// The size limit of a whole event in canonical JSON (spec: client-server API, "Size limits").
pub const MAX_EVENT_BYTES: usize = 65_536;
/// The size limit of `type` and `state_key`, in bytes.
pub const MAX_KEY_BYTES: usize = 255;
/// How many events an event may follow directly (spec: room versions, "Event format").
pub const MAX_PREV_EVENTS: usize = 20;
/// How many events may give an event its right; the selection never comes near it.
pub const MAX_AUTH_EVENTS: usize = 10;

/// An event: immutable, checked for its format, together with the bytes that are stored.
///
/// The names of the fields are the specification's, except for `kind`, which is `type`.
#[derive(Debug, Clone)]
pub struct Pdu {
    /// The event's id: from version 3 on the hash of the rest.
    pub event_id: EventId,
    /// The room. In version 12 the create event carries none; this is the one that follows from its id.
    pub room_id: RoomId,
    /// The sender.
    pub sender: UserId,
    /// The event's `type`.
    pub kind: Box<str>,
    /// Present exactly in state events.
    pub state_key: Option<Box<str>>,
    /// When the sender's server made it, by that server's clock.
    pub origin_server_ts: Millis,
    /// One more than the greatest depth of `prev_events`.
    pub depth: u64,
    /// The target of an `m.room.redaction`, wherever the room version keeps it.
    pub redacts: Option<EventId>,
    /// The membership that an `m.room.member` sets; `None` if it names none that is known.
    pub membership: Option<Membership>,
    json: Box<str>,
    content: Range<u32>,
}

/// Errors of values that are no events.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// A property is missing or has a wrong type.
    #[error("the event is malformed: {0}")]
    Malformed(String),
    /// The event has no canonical form (`M_BAD_JSON`).
    #[error(transparent)]
    NotCanonical(#[from] CanonicalError),
    /// The whole event is larger than [`MAX_EVENT_BYTES`] (`M_TOO_LARGE`).
    #[error("the event has {0} bytes; the limit is 65536")]
    TooLarge(usize),
    /// One property is larger than [`MAX_KEY_BYTES`] (`M_TOO_LARGE`).
    #[error("the event's {0} is longer than 255 bytes")]
    KeyTooLong(&'static str),
}

/// The properties that are read out of an event's JSON.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    event_id: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "present")]
    room_id: Option<RoomId>,
    sender: UserId,
    #[serde(rename = "type")]
    kind: Box<str>,
    #[serde(default, deserialize_with = "present")]
    state_key: Option<Box<str>>,
    origin_server_ts: Millis,
    depth: u64,
    prev_events: Events,
    auth_events: Events,
    #[serde(borrow)]
    content: &'a RawValue,
    #[serde(borrow, default)]
    redacts: Option<&'a RawValue>,
}

/// A property that may be absent, but not null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Pdu {
    /// Reads an event from the bytes in which it was stored. Its id is computed if the caller does not know it; in
    /// versions 1 and 2 it is what the event says.
    ///
    /// Hashes and signatures are not checked here: what this server stored, it checked before.
    pub fn from_stored(version: RoomVersion, event_id: Option<EventId>, json: &str) -> Result<Self, EventError> {
        let event_id = match event_id {
            Some(event_id) => event_id,
            None => reference_id(version, &parse_object(json)?)?,
        };
        Self::read(version, event_id, json.into())
    }

    pub(crate) fn read(version: RoomVersion, event_id: EventId, json: Box<str>) -> Result<Self, EventError> {
        let wire: Wire<'_> = serde_json::from_str(&json).map_err(|error| EventError::Malformed(error.to_string()))?;
        let content_text = wire.content.get();
        if !content_text.starts_with('{') {
            return Err(EventError::Malformed("content is not an object".to_owned()));
        }
        if wire.kind.len() > MAX_KEY_BYTES {
            return Err(EventError::KeyTooLong("type"));
        }
        if wire.state_key.as_ref().is_some_and(|key| key.len() > MAX_KEY_BYTES) {
            return Err(EventError::KeyTooLong("state_key"));
        }
        let (prev_events, auth_events) = (wire.prev_events.in_form_of(version)?, wire.auth_events.in_form_of(version)?);
        if prev_events > MAX_PREV_EVENTS || auth_events > MAX_AUTH_EVENTS {
            return Err(EventError::Malformed("there are too many prev_events or auth_events".to_owned()));
        }
        if version.rules().event_ids == EventIds::Stated {
            let stated = wire.event_id.and_then(|stated| serde_json::from_str::<EventId>(stated.get()).ok());
            if stated.as_ref() != Some(&event_id) || event_id.server_name().is_none() {
                return Err(EventError::Malformed(format!("the event does not state its ID, {event_id}")));
            }
        }
        let room_id = room_id_of(version, &wire, &event_id)?;
        let redacts = redacts_of(version, &wire);
        let membership = (&*wire.kind == "m.room.member").then(|| membership_in(content_text)).flatten();
        // A borrowed `RawValue` is a slice of the text it was read from.
        let start = content_text.as_ptr() as usize - json.as_ptr() as usize;
        let content = start as u32..(start + content_text.len()) as u32;
        Ok(Self {
            event_id,
            room_id,
            sender: wire.sender,
            kind: wire.kind,
            state_key: wire.state_key,
            origin_server_ts: wire.origin_server_ts,
            depth: wire.depth,
            redacts,
            membership,
            content,
            json,
        })
    }

    /// The whole event as it is stored: canonical JSON, in versions 1 to 5 with any numbers.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The content as it is stored: the canonical JSON of an object.
    pub fn content_json(&self) -> &str {
        &self.json[self.content.start as usize..self.content.end as usize]
    }

    /// The content as a type of the caller's.
    pub fn content<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.content_json())
    }

    /// The content as a map.
    pub fn content_map(&self) -> Map<String, Value> {
        self.content().unwrap_or_default()
    }

    /// The state that gives the sender the right to send it. Read anew each time: it would be a good part of what an
    /// event takes in memory, and is seldom needed.
    pub fn auth_events(&self) -> Vec<EventId> {
        #[derive(Deserialize)]
        struct AuthEvents {
            auth_events: Vec<NamedId>,
        }
        let found = serde_json::from_str::<AuthEvents>(&self.json).map(|found| found.auth_events);
        found.unwrap_or_default().into_iter().map(|named| named.0).collect()
    }

    /// The events before this one. Read anew each time, for the same reason.
    pub fn prev_events(&self) -> Vec<EventId> {
        #[derive(Deserialize)]
        struct PrevEvents {
            prev_events: Vec<NamedId>,
        }
        let found = serde_json::from_str::<PrevEvents>(&self.json).map(|found| found.prev_events);
        found.unwrap_or_default().into_iter().map(|named| named.0).collect()
    }

    /// The hash by which events of versions 1 and 2 name this one beside its id: in unpadded base64.
    pub fn reference_hash(&self, version: RoomVersion) -> Result<String, EventError> {
        Ok(sha256_base64(&signed_event_bytes(version, &redact(version, &self.to_map()))?))
    }

    /// The whole event as a map.
    pub fn to_map(&self) -> Map<String, Value> {
        serde_json::from_str(&self.json).unwrap_or_default()
    }

    /// Whether this is a state event.
    pub fn is_state(&self) -> bool {
        self.state_key.is_some()
    }

    /// Whether this is the state event of `kind` and `state_key`.
    pub fn is(&self, kind: &str, state_key: &str) -> bool {
        &*self.kind == kind && self.state_key.as_deref() == Some(state_key)
    }

    /// The event with an empty content, for whom it is not to be shown: what a redaction leaves of a message, whatever the
    /// room version.
    #[must_use]
    pub fn without_content(&self) -> Self {
        let (start, end) = (self.content.start as usize, self.content.end as usize);
        let json = [&self.json[..start], "{}", &self.json[end..]].concat().into_boxed_str();
        Self { json, content: self.content.start..self.content.start + 2, membership: None, ..self.clone() }
    }

    /// The event with everything removed that a redaction removes; its id stays the same.
    pub fn redacted(&self, version: RoomVersion) -> Result<Self, EventError> {
        let kept = event_to_canonical(version, &redact(version, &self.to_map()))?;
        Self::read(version, self.event_id.clone(), into_text(kept))
    }
}

/// The canonical bytes of an event as text.
pub(crate) fn into_text(canonical: Vec<u8>) -> Box<str> {
    String::from_utf8(canonical).expect("canonical JSON is written from strings").into_boxed_str()
}

fn parse_object(json: &str) -> Result<Map<String, Value>, EventError> {
    serde_json::from_str(json).map_err(|error| EventError::Malformed(error.to_string()))
}

/// The id of `event` (spec: server-server API, "Calculating the reference hash for an event"), which in versions 1 and 2
/// it states itself.
pub fn reference_id(version: RoomVersion, event: &Map<String, Value>) -> Result<EventId, EventError> {
    if version.rules().event_ids == EventIds::Stated {
        let stated = event.get("event_id").and_then(Value::as_str).and_then(|id| EventId::parse(id).ok());
        return stated.ok_or_else(|| EventError::Malformed("event_id is missing".to_owned()));
    }
    Ok(id_of_hashed(version, &signed_event_bytes(version, &redact(version, event))?))
}

/// The id of the event whose redacted form, without signatures, has this canonical JSON. Not for versions 1 and 2.
pub(crate) fn id_of_hashed(version: RoomVersion, canonical: &[u8]) -> EventId {
    let hash = match version.rules().event_ids {
        EventIds::Hash => sha256_base64(canonical),
        EventIds::Stated | EventIds::UrlSafeHash => sha256_base64_url(canonical),
    };
    EventId::parse(&format!("${hash}")).expect("a sigil and a hash are an event ID")
}

/// The id of the version-12 room whose create event this is.
pub(crate) fn room_of_create(create: &EventId) -> Result<RoomId, EventError> {
    let hash = create.as_str().strip_prefix('$').unwrap_or_default();
    RoomId::parse(&format!("!{hash}"))
        .map_err(|_| EventError::Malformed(format!("{create} is not the hash of a create event")))
}

fn room_id_of(version: RoomVersion, wire: &Wire<'_>, event_id: &EventId) -> Result<RoomId, EventError> {
    let implied = version.rules().room_id_is_create_hash && &*wire.kind == "m.room.create";
    match &wire.room_id {
        None if implied => room_of_create(event_id),
        // Authorisation rule 1.2 of version 12: "If the event has a room_id, reject."
        Some(_) if implied => Err(EventError::Malformed("a create event of version 12 has no room_id".to_owned())),
        Some(room_id) => Ok(room_id.clone()),
        None => Err(EventError::Malformed("room_id is missing".to_owned())),
    }
}

fn redacts_of(version: RoomVersion, wire: &Wire<'_>) -> Option<EventId> {
    if &*wire.kind != "m.room.redaction" {
        return None;
    }
    if !version.rules().redacts_in_content {
        return serde_json::from_str(wire.redacts?.get()).ok();
    }
    let content: Map<String, Value> = serde_json::from_str(wire.content.get()).ok()?;
    EventId::parse(content.get("redacts")?.as_str()?).ok()
}

pub(crate) fn membership_in(content: &str) -> Option<Membership> {
    #[derive(Deserialize)]
    struct Content {
        membership: Membership,
    }
    serde_json::from_str::<Content>(content).ok().map(|content| content.membership)
}
