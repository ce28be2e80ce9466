//! The definition of a filter, and the decision about an event: whether the filter lets it through.

use std::{collections::BTreeSet, fmt, marker::PhantomData};

use im2_model::{RoomId, UserId};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::EventFields;

/// A whole filter, as `/sync` takes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// The properties of events to include; `None` for all.
    #[serde(deserialize_with = "given")]
    pub event_fields: Option<EventFields>,
    /// The format of events.
    pub event_format: EventFormat,
    /// The presence to include.
    #[serde(deserialize_with = "object")]
    pub presence: EventFilter,
    /// The account data to include.
    #[serde(deserialize_with = "object")]
    pub account_data: EventFilter,
    /// The rooms to include, and their parts.
    #[serde(deserialize_with = "object")]
    pub room: RoomFilter,
}

/// The format of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventFormat {
    /// As clients use them.
    #[default]
    Client,
    /// As servers exchange them.
    Federation,
}

/// The part of a filter that is about rooms (spec: `RoomFilter`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RoomFilter {
    /// Only these rooms, before any narrower filter is asked.
    #[serde(deserialize_with = "given")]
    pub rooms: Option<BTreeSet<RoomId>>,
    /// Never these.
    pub not_rooms: BTreeSet<RoomId>,
    /// The typing notifications and receipts to include.
    #[serde(deserialize_with = "object")]
    pub ephemeral: EventFilter,
    /// Whether rooms that the user has left are included.
    pub include_leave: bool,
    /// The state to include.
    #[serde(deserialize_with = "object")]
    pub state: EventFilter,
    /// The events of the timeline to include.
    #[serde(deserialize_with = "object")]
    pub timeline: EventFilter,
    /// The account data of rooms to include.
    #[serde(deserialize_with = "object")]
    pub account_data: EventFilter,
}

/// A filter of events (the specification's `EventFilter` and `RoomEventFilter`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct EventFilter {
    /// How many; see [`EventFilter::limit_or`].
    #[serde(deserialize_with = "given")]
    limit: Option<u64>,
    #[serde(deserialize_with = "given")]
    senders: Option<BTreeSet<UserId>>,
    not_senders: BTreeSet<UserId>,
    #[serde(deserialize_with = "given")]
    types: Option<Types>,
    not_types: Types,
    #[serde(deserialize_with = "given")]
    rooms: Option<BTreeSet<RoomId>>,
    not_rooms: BTreeSet<RoomId>,
    #[serde(deserialize_with = "given")]
    contains_url: Option<bool>,
    /// Whether member events are only sent for the senders of events.
    pub lazy_load_members: bool,
    /// Whether they are sent again to a client that has been sent them before.
    pub include_redundant_members: bool,
    /// Whether notifications are counted per thread.
    pub unread_thread_notifications: bool,
}

/// The properties of an event that a filter looks at.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its type.
    pub kind: &'a str,
    /// Its sender; account data has none.
    pub sender: Option<&'a UserId>,
    /// Whether its content has a `url`.
    pub has_url: bool,
}

/// How many event types of a list may have wildcards, and how long these may be, in bytes: each of them is tried on
/// each event. Types without wildcards are looked up.
const MAX_WILD_TYPES: usize = 64;
const MAX_WILD_BYTES: usize = 512;

/// Event types; `*` in them stands for any characters.
#[derive(Debug, Clone, Default)]
struct Types {
    exact: BTreeSet<String>,
    wild: Vec<String>,
}

impl Types {
    fn include(&self, kind: &str) -> bool {
        self.exact.contains(kind) || self.wild.iter().any(|pattern| wildcard_matches(pattern, kind))
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wild.is_empty()
    }
}

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut types = Self::default();
        for kind in Vec::<String>::deserialize(deserializer)? {
            if !kind.contains('*') {
                types.exact.insert(kind);
            } else if kind.len() > MAX_WILD_BYTES || types.wild.len() == MAX_WILD_TYPES {
                let message = format!(
                    "a list may have at most {MAX_WILD_TYPES} event types with wildcards, of at most {MAX_WILD_BYTES} bytes"
                );
                return Err(serde::de::Error::custom(message));
            } else {
                types.wild.push(kind);
            }
        }
        Ok(types)
    }
}

impl Filter {
    /// Whether member events are loaded lazily.
    pub fn lazy_load_members(&self) -> bool {
        self.room.state.lazy_load_members
    }
}

impl RoomFilter {
    /// Whether the room is included at all.
    pub fn includes(&self, room_id: &RoomId) -> bool {
        listed(self.rooms.as_ref(), &self.not_rooms, room_id)
    }
}

impl EventFilter {
    /// The number of events to return: what was asked for or `default`, at least 1 and at most `maximum`.
    pub fn limit_or(&self, default: usize, maximum: usize) -> usize {
        let asked = self.limit.map_or(default, |limit| usize::try_from(limit).unwrap_or(maximum));
        asked.clamp(1, maximum)
    }

    /// As [`EventFilter::limit_or`], where 0 means none at all.
    pub fn limit_or_none(&self, default: usize, maximum: usize) -> usize {
        if self.limit == Some(0) { 0 } else { self.limit_or(default, maximum) }
    }

    /// Whether events of this room are included.
    pub fn includes_room(&self, room_id: &RoomId) -> bool {
        listed(self.rooms.as_ref(), &self.not_rooms, room_id)
    }

    /// The only rooms whose events are included, if they are named.
    pub fn rooms(&self) -> Option<&BTreeSet<RoomId>> {
        self.rooms.as_ref()
    }

    /// The rooms whose events are not included.
    pub fn not_rooms(&self) -> &BTreeSet<RoomId> {
        &self.not_rooms
    }

    /// Whether this event is included.
    pub fn matches(&self, event: Candidate<'_>) -> bool {
        self.matches_type(event.kind)
            && self.contains_url.is_none_or(|wanted| wanted == event.has_url)
            && match event.sender {
                Some(sender) => listed(self.senders.as_ref(), &self.not_senders, sender),
                None => self.senders.is_none(),
            }
    }

    /// Whether events of this type can be included at all.
    pub fn matches_type(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.include(kind)) && !self.not_types.include(kind)
    }

    /// Whether the filter lets everything through, so that nobody needs to ask it event by event.
    pub fn is_open(&self) -> bool {
        let lists = self.not_senders.is_empty() && self.not_types.is_empty() && self.not_rooms.is_empty();
        lists && self.senders.is_none() && self.types.is_none() && self.rooms.is_none() && self.contains_url.is_none()
    }

    /// Whether nothing can pass: an empty list of what to include.
    pub fn is_closed(&self) -> bool {
        let empty = |list: Option<usize>| list == Some(0);
        self.types.as_ref().is_some_and(Types::is_empty)
            || empty(self.senders.as_ref().map(BTreeSet::len))
            || empty(self.rooms.as_ref().map(BTreeSet::len))
            || self.not_types.wild.iter().any(|pattern| pattern == "*")
    }
}

/// A value of several properties, which only an object is: not the array that serde takes for one too.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(Object(PhantomData))
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// A property that may be absent, but not null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn listed<T: Ord>(included: Option<&BTreeSet<T>>, excluded: &BTreeSet<T>, one: &T) -> bool {
    included.is_none_or(|included| included.contains(one)) && !excluded.contains(one)
}

/// Whether `text` matches `pattern`, in which `*` stands for any characters. Takes time in proportion to
/// both lengths: of each piece between stars the first occurrence is as good as any.
fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Candidate, EventFilter, EventFormat, Filter, wildcard_matches};
    use im2_model::{RoomId, UserId};
    use serde_json::{from_value, json};

    fn filter(value: serde_json::Value) -> EventFilter {
        from_value(value).unwrap()
    }

    #[test]
    fn stars_match_any_characters() {
        for (pattern, text, matches) in [
            ("m.room.*", "m.room.message", true),
            ("m.room.*", "m.room.", true),
            ("m.room.*", "m.roo", false),
            ("*", "", true),
            ("*.message", "m.room.message", true),
            ("*.message", "m.room.messages", false),
            ("m.*.mess*e", "m.room.message", true),
            ("a*a", "a", false),
            ("a*b*b", "ab", false),
            ("m.room.message", "m.room.message", true),
            ("m.room.messag?", "m.room.message", false),
        ] {
            assert_eq!(wildcard_matches(pattern, text), matches, "{pattern} on {text}");
        }
    }

    #[test]
    fn exclusion_wins_over_inclusion() {
        let ana = UserId::parse("@ana:example.org").unwrap();
        let message = Candidate { kind: "m.room.message", sender: Some(&ana), has_url: false };
        assert!(filter(json!({})).matches(message));
        assert!(!filter(json!({ "types": [] })).matches(message));
        assert!(filter(json!({ "types": ["m.room.*"] })).matches(message));
        assert!(!filter(json!({ "types": ["m.room.*"], "not_types": ["*.message"] })).matches(message));
        assert!(!filter(json!({ "senders": [ana], "not_senders": [ana] })).matches(message));
        assert!(!filter(json!({ "contains_url": true })).matches(message));
        assert!(filter(json!({ "contains_url": false })).matches(message));
        let room = RoomId::parse("!room:example.org").unwrap();
        assert!(!filter(json!({ "rooms": [room], "not_rooms": [room] })).includes_room(&room));
    }

    #[test]
    fn wrong_types_are_refused() {
        for value in [
            json!({ "presence": "all" }),
            json!({ "room": [] }),
            json!({ "room": { "timeline": { "limit": "10" } } }),
            json!({ "room": { "timeline": { "limit": -1 } } }),
            json!({ "room": { "timeline": { "rooms": ["not a room"] } } }),
            json!({ "room": { "timeline": { "senders": ["not a user"] } } }),
            json!({ "room": { "timeline": { "types": [1] } } }),
            json!({ "room": { "timeline": { "types": null } } }),
            json!({ "room": { "include_leave": "yes" } }),
            json!({ "event_format": "xml" }),
            json!({ "event_fields": "content" }),
        ] {
            assert!(from_value::<Filter>(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn long_lists_are_looked_up_and_wildcards_are_few() {
        let many = |prefix: &str| (0..2_000).map(|number| format!("{prefix}{number}:x")).collect::<Vec<_>>();
        let long = filter(json!({ "types": many("type"), "senders": many("@user"), "rooms": many("!room") }));
        let (kind, sender) = ("type1999:x", UserId::parse("@user1999:x").unwrap());
        assert!(long.matches(Candidate { kind, sender: Some(&sender), has_url: false }));
        assert!(!long.matches_type("type2000:x") && long.includes_room(&RoomId::parse("!room7:x").unwrap()));
        let wild = |count: usize| json!({ "not_types": (0..count).map(|n| format!("{n}*")).collect::<Vec<_>>() });
        assert!(!filter(wild(64)).matches_type("63x"));
        assert!(from_value::<EventFilter>(wild(65)).unwrap_err().to_string().contains("64 event types"));
        assert!(from_value::<EventFilter>(json!({ "types": ["*".repeat(513)] })).is_err());
    }

    #[test]
    fn a_full_filter_is_read() {
        let value = json!({
            "event_fields": ["type", "content.body"], "event_format": "federation", "unknown": 1,
            "room": {
                "rooms": ["!a:example.org"], "include_leave": true,
                "state": { "lazy_load_members": true, "include_redundant_members": true },
                "timeline": { "limit": 5000, "unread_thread_notifications": true },
            },
        });
        let filter: Filter = from_value(value).unwrap();
        assert_eq!(filter.event_format, EventFormat::Federation);
        assert!(filter.lazy_load_members() && filter.room.include_leave);
        assert_eq!(filter.room.timeline.limit_or(10, 100), 100);
        assert_eq!(filter.room.state.limit_or(10, 100), 10);
        assert!(filter.room.includes(&RoomId::parse("!a:example.org").unwrap()));
        assert!(!filter.room.includes(&RoomId::parse("!b:example.org").unwrap()));
    }
}
