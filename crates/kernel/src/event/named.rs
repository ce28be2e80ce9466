//! References of events to others: by their ids, or in versions 1 and 2 by pairs of id and hashes.

use std::{borrow::Cow, fmt};

use im2_model::EventId;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::EventError;
use crate::version::{EventIds, RoomVersion};

/// How many events a list names, by their ids alone and in pairs with their hashes. They are checked and not kept: a
/// room comes into memory by reading dozens of events, and who wants to know which they are asks [`super::Pdu::prev_events`] or
/// [`super::Pdu::auth_events`].
#[derive(Clone, Copy, Default)]
pub(super) struct Events {
    ids: usize,
    pairs: usize,
}

impl Events {
    /// How many there are, if all are named as `version` names events.
    pub(super) fn in_form_of(self, version: RoomVersion) -> Result<usize, EventError> {
        let (count, others) = match version.rules().event_ids {
            EventIds::Stated => (self.pairs, self.ids),
            EventIds::Hash | EventIds::UrlSafeHash => (self.ids, self.pairs),
        };
        if others > 0 {
            return Err(EventError::Malformed("prev_events or auth_events name events as another version does".into()));
        }
        Ok(count)
    }
}

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counting;
        impl<'de> Visitor<'de> for Counting {
            type Value = Events;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of event IDs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Events, A::Error> {
                let mut events = Events::default();
                while let Some(named) = list.next_element::<Named<'de>>()? {
                    let (Named::Alone(event_id) | Named::WithHash(event_id)) = &named;
                    if !EventId::is_valid(event_id) {
                        return Err(A::Error::custom("not a valid event ID"));
                    }
                    match named {
                        Named::Alone(_) => events.ids += 1,
                        Named::WithHash(_) => events.pairs += 1,
                    }
                }
                Ok(events)
            }
        }
        deserializer.deserialize_seq(Counting)
    }
}

/// An event as another names it. Its hash is not kept: nobody asks for it, as the ids of events that have been received
/// are known.
enum Named<'a> {
    Alone(Cow<'a, str>),
    WithHash(Cow<'a, str>),
}

/// The id alone of a named event.
pub(super) struct NamedId(pub(super) EventId);

impl<'de> Deserialize<'de> for NamedId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (Named::Alone(event_id) | Named::WithHash(event_id)) = Named::deserialize(deserializer)?;
        EventId::parse(&event_id).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Named<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// An object, whatever it says.
        struct Hashes;
        impl<'de> Deserialize<'de> for Hashes {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Object;
                impl<'de> Visitor<'de> for Object {
                    type Value = Hashes;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object of hashes")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hashes, A::Error> {
                        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                        Ok(Hashes)
                    }
                }
                deserializer.deserialize_map(Object)
            }
        }

        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Named<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event ID, or a pair of one and hashes")
            }

            fn visit_borrowed_str<E>(self, event_id: &'de str) -> Result<Named<'de>, E> {
                Ok(Named::Alone(Cow::Borrowed(event_id)))
            }

            fn visit_str<E>(self, event_id: &str) -> Result<Named<'de>, E> {
                Ok(Named::Alone(Cow::Owned(event_id.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Named<'de>, A::Error> {
                let event_id = pair.next_element::<Cow<'de, str>>()?;
                let hashes = pair.next_element::<Hashes>()?;
                match (event_id, hashes, pair.next_element::<IgnoredAny>()?) {
                    (Some(event_id), Some(Hashes), None) => Ok(Named::WithHash(event_id)),
                    _ => Err(A::Error::custom("a pair of an event ID and hashes has two elements")),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}
