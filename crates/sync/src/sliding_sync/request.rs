//! The body of a request. The stable form of the endpoint and the older one, which clients use today, differ in a few
//! names and in how state is asked for; both are read wherever either is expected.

use std::{collections::HashMap, iter, ops::Range, time::Duration};

use im2_chat::presence::Availability;
use im2_core::{Code, Error, Result};
use im2_model::RoomId;
use serde::Deserialize;

use super::required_state::RequiredState;

/// Lists of one request (MSC4186: at most 100).
const MAX_LISTS: usize = 100;
/// Room subscriptions of one request in the stable form (MSC4186: at most 100).
const MAX_SUBSCRIPTIONS: usize = 100;
/// Room subscriptions of one request in the older form, which says nothing of a limit.
const MAX_OLDER_SUBSCRIPTIONS: usize = 1_000;
/// Ranges of one list in the older form.
const MAX_RANGES: usize = 100;
/// The longest name of a connection or a list, in bytes (specification: "Opaque Identifiers").
const MAX_NAME: usize = 255;
/// The most events of a timeline, whatever the client asks for.
const MAX_TIMELINE: u64 = 500;
/// Rooms, tags and types that a filter may name.
const MAX_FILTER: usize = 1_000;

/// The form of the endpoint that was called, which is the form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `/_matrix/client/v4/sync`.
    Stable,
    /// `/_matrix/client/unstable/org.matrix.simplified_msc3575/sync`.
    Older,
}

/// The body of a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the proposal's")]
pub struct Body {
    pub conn_id: Option<String>,
    pub pos: Option<String>,
    pub timeout: Option<u64>,
    pub set_presence: Option<String>,
    pub txn_id: Option<String>,
    pub lists: Option<HashMap<String, List>>,
    pub room_subscriptions: Option<HashMap<String, RoomConfig>>,
    pub extensions: Option<Extensions>,
}

/// The timeline and state that are wanted of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RoomConfig {
    pub timeline_limit: u64,
    pub required_state: RequiredState,
}

impl RoomConfig {
    pub(super) fn timeline_limit(&self) -> usize {
        self.timeline_limit.min(MAX_TIMELINE) as usize
    }
}

/// A list of rooms.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct List {
    #[serde(flatten)]
    pub config: RoomConfig,
    pub range: Option<(u64, u64)>,
    pub ranges: Option<Vec<(u64, u64)>>,
    pub slow_get_all_rooms: Option<bool>,
    pub filters: Option<Filters>,
}

impl List {
    /// The places of the filtered list that are wanted, in order and each once.
    pub(super) fn places(&self) -> Vec<Range<usize>> {
        if self.slow_get_all_rooms == Some(true) || (self.range.is_none() && self.ranges.is_none()) {
            return iter::once(0..usize::MAX).collect();
        }
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let ranges = self.ranges.iter().flatten().chain(&self.range);
        let ranges = ranges.map(|(first, last)| place(*first)..place(*last).saturating_add(1));
        let mut ranges: Vec<Range<usize>> = ranges.filter(|range| !range.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        ranges.dedup_by(|next, range| {
            let goes_on = next.start <= range.end;
            if goes_on {
                range.end = range.end.max(next.end);
            }
            goes_on
        });
        ranges
    }
}

/// The filters of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Filters {
    pub is_dm: Option<bool>,
    pub spaces: Option<Vec<String>>,
    pub is_encrypted: Option<bool>,
    #[serde(alias = "is_invite")]
    pub is_invited: Option<bool>,
    pub room_types: Option<Vec<Option<String>>>,
    pub not_room_types: Option<Vec<Option<String>>>,
    pub room_name_like: Option<String>,
    pub tags: Option<Vec<String>>,
    pub not_tags: Option<Vec<String>>,
}

impl Filters {
    fn size(&self) -> usize {
        let texts = [&self.spaces, &self.tags, &self.not_tags].into_iter().flatten().map(Vec::len);
        let types = [&self.room_types, &self.not_room_types].into_iter().flatten().map(Vec::len);
        texts.chain(types).sum()
    }
}

/// The extensions that are wanted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Extensions {
    pub to_device: ToDevice,
    pub e2ee: Enabled,
    pub account_data: InRooms,
    pub receipts: InRooms,
    pub typing: InRooms,
    #[serde(rename = "io.element.msc4308.thread_subscriptions")]
    pub thread_subscriptions: Limited,
    #[serde(rename = "io.element.msc4360.threads")]
    pub threads: Threads,
}

/// An extension that has no settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Enabled {
    pub enabled: Option<bool>,
}

/// An extension that is about rooms: those in these lists and those among these subscriptions; all of them if a
/// setting is absent or `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InRooms {
    pub enabled: Option<bool>,
    pub lists: Option<Vec<String>>,
    pub rooms: Option<Vec<String>>,
}

/// An extension that tells as many things as are wanted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Limited {
    pub enabled: Option<bool>,
    pub limit: Option<u64>,
}

impl Limited {
    pub(super) fn limit(&self, default: usize) -> usize {
        self.limit.map_or(default, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
    }
}

/// Threads with new replies.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Threads {
    pub enabled: Option<bool>,
    /// Whether the events are wanted that they start at.
    pub include_roots: bool,
    pub limit: Option<u64>,
}

/// To-device messages, with a token of their own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ToDevice {
    pub enabled: Option<bool>,
    pub limit: Option<u64>,
    pub since: Option<String>,
}

/// A request that makes sense.
#[derive(Debug, Clone)]
pub struct SlidingRequest {
    pub(super) dialect: Dialect,
    pub(super) conn_id: String,
    pub(super) pos: Option<String>,
    pub(super) timeout: Duration,
    pub(super) set_presence: Availability,
    pub(super) txn_id: Option<String>,
    pub(super) lists: Vec<(String, List)>,
    pub(super) subscriptions: HashMap<RoomId, RoomConfig>,
    pub(super) extensions: Extensions,
}

impl SlidingRequest {
    /// Checks a body.
    pub fn new(dialect: Dialect, body: Body) -> Result<Self> {
        let conn_id = body.conn_id.unwrap_or_default();
        refuse_if(conn_id.len() > MAX_NAME, "`conn_id` is too long")?;
        let mut lists: Vec<_> = body.lists.unwrap_or_default().into_iter().collect();
        lists.sort_by(|one, other| one.0.cmp(&other.0));
        refuse_if(lists.len() > MAX_LISTS, "a request may have at most 100 lists")?;
        for (name, list) in &lists {
            let is_opaque = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let is_strange = dialect == Dialect::Stable && !name.bytes().all(is_opaque);
            refuse_if(
                name.is_empty() || name.len() > MAX_NAME || is_strange,
                "a list's name must be an opaque identifier",
            )?;
            refuse_if(
                list.ranges.as_ref().is_some_and(|ranges| ranges.len() > MAX_RANGES),
                "a list has too many ranges",
            )?;
            let size = list.filters.as_ref().map_or(0, Filters::size);
            refuse_if(size > MAX_FILTER, "a filter names too many rooms, tags or types")?;
            list.config.required_state.check()?;
        }
        let subscriptions = body.room_subscriptions.unwrap_or_default();
        let most = if dialect == Dialect::Stable { MAX_SUBSCRIPTIONS } else { MAX_OLDER_SUBSCRIPTIONS };
        refuse_if(subscriptions.len() > most, "a request has too many room subscriptions")?;
        subscriptions.values().try_for_each(|config| config.required_state.check())?;
        // What names no room is ignored, as a room is that the user may not see.
        let subscriptions = subscriptions.into_iter().filter_map(|(room, config)| Some((room.parse().ok()?, config)));
        Ok(Self {
            dialect,
            conn_id,
            pos: body.pos.filter(|pos| !pos.is_empty()),
            timeout: Duration::from_millis(body.timeout.unwrap_or(0)),
            set_presence: availability(body.set_presence.as_deref())?,
            txn_id: body.txn_id,
            lists,
            subscriptions: subscriptions.collect(),
            extensions: body.extensions.unwrap_or_default(),
        })
    }
}

fn availability(text: Option<&str>) -> Result<Availability> {
    match text {
        None | Some("online") => Ok(Availability::Online),
        Some("unavailable") => Ok(Availability::Unavailable),
        Some("offline") => Ok(Availability::Offline),
        Some(_) => Err(Error::refused(Code::InvalidParam, "`set_presence` must be online, unavailable or offline")),
    }
}

fn refuse_if(is_wrong: bool, message: &'static str) -> Result<()> {
    if is_wrong { Err(Error::refused(Code::InvalidParam, message)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use serde_json::{Value, from_value, json};

    use super::{Body, Dialect, List, SlidingRequest};
    use im2_core::Code;

    fn read(dialect: Dialect, body: Value) -> im2_core::Result<SlidingRequest> {
        SlidingRequest::new(dialect, from_value::<Body>(body).unwrap())
    }

    #[test]
    fn both_forms_of_a_list_are_read() {
        let older: List = from_value(json!({ "ranges": [[0, 1], [4, 4]], "timeline_limit": 5 })).unwrap();
        assert_eq!((older.places(), older.config.timeline_limit), (vec![0..2, 4..5], 5));
        let stable: List = from_value(json!({ "range": [1, 2], "filters": { "is_invited": true } })).unwrap();
        assert!(stable.places().iter().eq(iter::once(&(1..3))));
        assert_eq!(stable.filters.unwrap().is_invited, Some(true));
        let open: List = from_value(json!({})).unwrap();
        assert!(open.places().iter().eq(iter::once(&(0..usize::MAX))));
    }

    #[test]
    fn places_are_in_order_and_each_is_there_once() {
        let list: List = from_value(json!({ "ranges": [[7, 9], [5, 4], [2, 3], [0, 2], [8, u64::MAX]] })).unwrap();
        assert_eq!(list.places(), [0..4, 7..usize::MAX]);
        let list: List = from_value(json!({ "ranges": [] })).unwrap();
        assert!(list.places().is_empty());
    }

    #[test]
    fn limits_and_names_are_checked() {
        let lists =
            |count: usize| (0..count).map(|one| (format!("l{one}"), json!({}))).collect::<serde_json::Map<_, _>>();
        assert!(read(Dialect::Stable, json!({ "lists": lists(100) })).is_ok());
        let subscriptions: serde_json::Map<_, _> = (0..101).map(|one| (format!("!r{one}:x"), json!({}))).collect();
        for body in [
            json!({ "lists": lists(101) }),
            json!({ "lists": { "no spaces": {} } }),
            json!({ "room_subscriptions": subscriptions }),
            json!({ "set_presence": "there" }),
            json!({ "conn_id": "x".repeat(256) }),
        ] {
            assert_eq!(read(Dialect::Stable, body).unwrap_err().code(), Some(Code::InvalidParam));
        }
    }
}
