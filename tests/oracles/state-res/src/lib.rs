//! An event and a state of ours in the types of ruma-state-res, which judges and resolves them beside us.
//!
//! In two things it does otherwise, and the rest can be compared if rooms keep clear of them:
//!
//! - When `m.room.power_levels` comes to state a level that it did not state before, the default counts to it as the
//!   current value, above which nobody may go; to us there is no current value. The rooms always state what they change.
//! - Where there is no `m.room.join_rules` at all, it lets nobody join, and we let the invited join. Such an event is
//!   shown to it where it would find none.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use im2_kernel::{content::Membership, event::Pdu, resolve::RoomEvents, state::StateMap, version::RoomVersion};
use ruma_common::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, UserId,
    room_version_rules::RoomVersionRules,
};
use ruma_events::{StateEventType, TimelineEventType};
use ruma_state_res::{Event, utils::event_id_set::EventIdSet};
use serde_json::value::RawValue;

const DEFAULT_JOIN_RULE: &str = "$default-join-rule:x";

/// An event in ruma's types.
#[derive(Debug, Clone)]
pub struct Theirs(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    event_id: OwnedEventId,
    room_id: OwnedRoomId,
    sender: OwnedUserId,
    kind: TimelineEventType,
    state_key: Option<String>,
    content: Box<RawValue>,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    prev_events: Vec<OwnedEventId>,
    auth_events: Vec<OwnedEventId>,
    states_room: bool,
    rejected: bool,
}

impl Theirs {
    /// The join rule of a room that has none. Its sender is in no room, so that it does not become a part of a state.
    fn default_join_rule() -> Self {
        Self(Arc::new(Parts {
            event_id: DEFAULT_JOIN_RULE.try_into().unwrap(),
            room_id: "!any:x".try_into().unwrap(),
            sender: "@nobody:x".try_into().unwrap(),
            kind: TimelineEventType::RoomJoinRules,
            state_key: Some(String::new()),
            content: RawValue::from_string(r#"{"join_rule":"invite"}"#.to_owned()).unwrap(),
            origin_server_ts: MilliSecondsSinceUnixEpoch(0_u32.into()),
            prev_events: Vec::new(),
            auth_events: Vec::new(),
            states_room: true,
            rejected: false,
        }))
    }

    /// The same event.
    pub fn of(event: &Pdu, rejected: bool) -> Self {
        let ids = |ids: Vec<im2_model::EventId>| -> Vec<OwnedEventId> {
            ids.iter().map(|id| OwnedEventId::try_from(id.as_str()).unwrap()).collect()
        };
        Self(Arc::new(Parts {
            event_id: event.event_id.as_str().try_into().unwrap(),
            room_id: event.room_id.as_str().try_into().unwrap(),
            sender: event.sender.as_str().try_into().unwrap(),
            kind: TimelineEventType::from(&*event.kind),
            state_key: event.state_key.as_deref().map(str::to_owned),
            content: RawValue::from_string(event.content_json().to_owned()).unwrap(),
            origin_server_ts: MilliSecondsSinceUnixEpoch(event.origin_server_ts.try_into().unwrap()),
            prev_events: ids(event.prev_events()),
            auth_events: {
                // First, so that an auth event for it that there is replaces it.
                let mut auth_events: Vec<OwnedEventId> = Vec::new();
                if matches!(event.membership, Some(Membership::Join | Membership::Invite | Membership::Knock)) {
                    auth_events.push(DEFAULT_JOIN_RULE.try_into().unwrap());
                }
                auth_events.extend(ids(event.auth_events()));
                auth_events
            },
            states_room: event.to_map().contains_key("room_id"),
            rejected,
        }))
    }
}

impl Event for Theirs {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.0.event_id
    }

    fn room_id(&self) -> Option<&RoomId> {
        self.0.states_room.then_some(&self.0.room_id)
    }

    fn sender(&self) -> &UserId {
        &self.0.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.0.origin_server_ts
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.0.kind
    }

    fn content(&self) -> &RawValue {
        &self.0.content
    }

    fn state_key(&self) -> Option<&str> {
        self.0.state_key.as_deref()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.0.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.0.auth_events.iter())
    }

    fn redacts(&self) -> Option<&OwnedEventId> {
        None
    }

    fn rejected(&self) -> bool {
        self.0.rejected
    }
}

fn rules(version: RoomVersion) -> RoomVersionRules {
    RoomVersionId::try_from(version.as_str()).unwrap().rules().unwrap()
}

/// Whether ruma's rules allow `event` in `state`.
pub fn allows(
    version: RoomVersion,
    event: &Pdu,
    state: &StateMap<im2_model::EventId>,
    events: &impl RoomEvents,
) -> bool {
    let fetch = |kind: &StateEventType, key: &str| {
        let Some(event_id) = state.get(&kind.to_string(), key) else {
            return (*kind == StateEventType::RoomJoinRules).then(Theirs::default_join_rule);
        };
        let event = events.get(event_id)?;
        Some(Theirs::of(&event, events.is_rejected(event_id)))
    };
    let theirs = Theirs::of(event, false);
    ruma_state_res::check_state_dependent_auth_rules(&rules(version).authorization, &theirs, fetch).is_ok()
}

/// What ruma resolves `states` to. It is handed the auth chains and the conflicted state subgraph, which are computed
/// here by the words of their definitions.
pub fn resolve(
    version: RoomVersion,
    states: &[StateMap<im2_model::EventId>],
    events: &impl RoomEvents,
) -> Result<StateMap<im2_model::EventId>, String> {
    let known = Known::of(states, events);
    let maps: Vec<_> = states.iter().map(to_theirs).collect();
    let chains = states.iter().map(|state| known.chain(state.iter().map(|(_, _, id)| id.as_str()))).collect();
    let rules = rules(version);
    let resolution = rules.state_res.v2_rules().ok_or("the first algorithm is not theirs")?;
    let fetch = |event_id: &EventId| known.events.get(event_id.as_str()).cloned();
    let subgraph = |conflicted: &ruma_state_res::StateMap<Vec<OwnedEventId>>| {
        let conflicted: BTreeSet<&str> = conflicted.values().flatten().map(|id| id.as_str()).collect();
        let below = known.chain(conflicted.iter().copied());
        let leads = |id: &OwnedEventId| known.chain([id.as_str()]).iter().any(|end| conflicted.contains(end.as_str()));
        Some(below.into_iter().filter(leads).collect())
    };
    let resolved = ruma_state_res::resolve(&rules.authorization, resolution, &maps, chains, fetch, subgraph)
        .map_err(|error| error.to_string())?;
    let mut state = StateMap::default();
    for ((kind, key), event_id) in resolved {
        state.insert(&kind.to_string(), &key, im2_model::EventId::parse(event_id.as_str()).unwrap());
    }
    Ok(state)
}

fn to_theirs(state: &StateMap<im2_model::EventId>) -> ruma_state_res::StateMap<OwnedEventId> {
    let entry = |(kind, key, id): (&str, &str, &im2_model::EventId)| {
        ((StateEventType::from(kind), key.to_owned()), OwnedEventId::try_from(id.as_str()).unwrap())
    };
    state.iter().map(entry).collect()
}

/// The states' events and all that they rest on.
struct Known {
    events: HashMap<String, Theirs>,
}

impl Known {
    fn of(states: &[StateMap<im2_model::EventId>], source: &impl RoomEvents) -> Self {
        let mut next: Vec<im2_model::EventId> =
            states.iter().flat_map(|state| state.iter().map(|(_, _, event_id)| event_id.clone())).collect();
        let mut events = HashMap::new();
        events.insert(DEFAULT_JOIN_RULE.to_owned(), Theirs::default_join_rule());
        while let Some(event_id) = next.pop() {
            if !events.contains_key(event_id.as_str()) {
                let event = source.get(&event_id).expect("the room has all its events");
                next.extend(event.auth_events());
                // With version 12 the room's ID stands for its create event.
                if event.room_id.server_name().is_none() {
                    next.extend(im2_model::EventId::parse(&format!("${}", &event.room_id.as_str()[1..])).ok());
                }
                events.insert(event_id.as_str().to_owned(), Theirs::of(&event, source.is_rejected(&event_id)));
            }
        }
        Self { events }
    }

    /// Everything that ways along auth events lead to from `starts`, and these themselves.
    fn chain<'a>(&'a self, starts: impl IntoIterator<Item = &'a str>) -> EventIdSet<OwnedEventId> {
        let mut found: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = starts.into_iter().collect();
        while let Some(event_id) = next.pop() {
            if found.insert(event_id) {
                let auth_events = self.events[event_id].0.auth_events.iter().map(|id| id.as_str());
                next.extend(auth_events.filter(|id| *id != DEFAULT_JOIN_RULE));
            }
        }
        found.into_iter().map(|id| OwnedEventId::try_from(id).unwrap()).collect()
    }
}
