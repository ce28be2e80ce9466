//! Random rooms: users who join, leave, invite, ban and change the rules, on several branches that meet again. A seed
//! decides everything. The comparison with another implementation (`tests/oracles/state-res`) uses this file, too.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use im2_model::{EventId, UserId};
use serde_json::{Map, Value, json};

use super::kernel::{
    auth::{auth_event_keys, authorize},
    event::Pdu,
    power::PowerLevels,
    resolve::RoomEvents,
    state::StateMap,
    version::{EventIds, RoomVersion},
};

pub(crate) const USERS: [&str; 6] = ["@ana:x", "@ben:x", "@cem:x", "@dia:y", "@eve:y", "@fay:z"];

/// SplitMix64: numbers that look random.
#[derive(Debug, Clone)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A branch of a room's history: its state now, and its depth.
#[derive(Debug, Clone, Default)]
pub(crate) struct Branch {
    pub(crate) state: StateMap<EventId>,
    pub(crate) last: Option<EventId>,
    pub(crate) depth: u64,
}

/// A room with everything that ever happened in it.
pub(crate) struct World {
    pub(crate) version: RoomVersion,
    pub(crate) chance: Chance,
    pub(crate) events: HashMap<EventId, Arc<Pdu>>,
    pub(crate) rejected: BTreeSet<EventId>,
    /// The length of the longest way from an event to the create event, if the test wants ranks.
    pub(crate) ranks: Option<HashMap<EventId, u64>>,
    /// Whether senders lie about depths now and then.
    pub(crate) lies: bool,
    /// Whether all clocks are right.
    pub(crate) has_good_clocks: bool,
    room_id: String,
    clock: u64,
}

impl RoomEvents for World {
    fn get(&self, event_id: &EventId) -> Option<Arc<Pdu>> {
        self.events.get(event_id).cloned()
    }

    fn is_rejected(&self, event_id: &EventId) -> bool {
        self.rejected.contains(event_id)
    }

    fn rank(&self, event_id: &EventId) -> Option<u64> {
        self.ranks.as_ref()?.get(event_id).copied()
    }
}

impl World {
    /// A room of `@ana:x` in which some others are, with power levels and a join rule.
    pub(crate) fn new(version: RoomVersion, seed: u64) -> (Self, Branch) {
        let mut world = Self {
            version,
            chance: Chance(seed),
            events: HashMap::new(),
            rejected: BTreeSet::new(),
            ranks: None,
            lies: false,
            has_good_clocks: false,
            room_id: "!room:x".to_owned(),
            clock: 1_000,
        };
        let mut branch = Branch::default();
        let create = world.make(&branch, "@ana:x", "m.room.create", "", world.create_content());
        if version.rules().room_id_is_create_hash {
            world.room_id = format!("!{}", &create.event_id.as_str()[1..]);
        }
        world.append(&mut branch, create);
        world.send(&mut branch, "@ana:x", "m.room.member", "@ana:x", json!({ "membership": "join" }));
        let levels = world.levels(json!({ "@ben:x": 50, "@cem:x": 50, "@dia:y": 10 }));
        world.send(&mut branch, "@ana:x", "m.room.power_levels", "", levels);
        let rule = world.chance.of(&["public", "public", "invite"]);
        world.send(&mut branch, "@ana:x", "m.room.join_rules", "", json!({ "join_rule": rule }));
        for user in &USERS[1..] {
            if !world.chance.once_in(4) {
                world.send(&mut branch, "@ana:x", "m.room.member", user, json!({ "membership": "invite" }));
                world.send(&mut branch, user, "m.room.member", user, json!({ "membership": "join" }));
            }
        }
        (world, branch)
    }

    fn create_content(&self) -> Value {
        let mut content = json!({ "room_version": self.version.as_str() });
        if self.version.rules().creator_in_content {
            content["creator"] = json!("@ana:x");
        }
        content
    }

    /// Power levels with these users; the creator has 100 where that is how creators get their level. What is changed
    /// later is always stated: implementations disagree about whether adding a level replaces its default.
    fn levels(&self, mut users: Value) -> Value {
        if !self.version.rules().privileged_creators {
            users["@ana:x"] = json!(100);
        }
        json!({ "users": users, "events": { "m.room.topic": 0 }, "state_default": 50, "invite": 0, "ban": 50, "kick": 50 })
    }

    /// An event by `sender` after what has happened on `branch`, allowed or not.
    pub(crate) fn make(&mut self, branch: &Branch, sender: &str, kind: &str, key: &str, content: Value) -> Arc<Pdu> {
        let sender = UserId::parse(sender).unwrap();
        let Value::Object(content) = content else { panic!("a content is an object") };
        let keys = auth_event_keys(self.version, &sender, kind, Some(key), &content);
        let auth_events: Vec<EventId> =
            keys.iter().filter_map(|(kind, key)| branch.state.get(kind, key).cloned()).collect();
        self.make_with(branch, &sender, (kind, key), &content, &auth_events)
    }

    pub(crate) fn make_with(
        &mut self,
        branch: &Branch,
        sender: &UserId,
        (kind, key): (&str, &str),
        content: &Map<String, Value>,
        auth_events: &[EventId],
    ) -> Arc<Pdu> {
        let ts = if self.has_good_clocks {
            self.clock += 100;
            self.clock
        } else {
            // Times go back now and then, and many are the same.
            self.clock += self.chance.of(&[0, 0, 1, 2, 5]);
            self.clock - self.chance.of(&[0, 0, 0, 3, 20])
        };
        let is_stated = self.version.rules().event_ids == EventIds::Stated;
        let server = if is_stated { ":x" } else { "" };
        let event_id = EventId::parse(&format!("${:016x}{server}", self.chance.number())).unwrap();
        let named = |ids: &[EventId]| -> Vec<Value> {
            ids.iter().map(|id| if is_stated { json!([id, { "sha256": "aGFzaA" }]) } else { json!(id) }).collect()
        };
        let depth = if self.lies && self.chance.once_in(3) { self.chance.number() >> 40 } else { branch.depth + 1 };
        let mut event = json!({ "type": kind, "state_key": key, "sender": sender, "content": content, "depth": depth,
            "origin_server_ts": ts, "prev_events": named(branch.last.as_slice()), "auth_events": named(auth_events),
            "signatures": { "x": { "ed25519:1": "s" }, "y": { "ed25519:1": "s" }, "z": { "ed25519:1": "s" } } });
        if is_stated {
            event["event_id"] = json!(event_id);
        }
        if kind != "m.room.create" || !self.version.rules().room_id_is_create_hash {
            event["room_id"] = json!(self.room_id);
        }
        Arc::new(Pdu::from_stored(self.version, Some(event_id), &event.to_string()).unwrap())
    }

    /// Whether the event is allowed in the state of `branch`.
    pub(crate) fn is_allowed(&self, branch: &Branch, event: &Pdu) -> bool {
        let mut state = StateMap::default();
        for (kind, key, event_id) in branch.state.iter() {
            state.insert(kind, key, &*self.events[event_id]);
        }
        authorize(self.version, event, &state).is_ok()
    }

    /// Adds the event to the room, at the end of `branch`.
    pub(crate) fn append(&mut self, branch: &mut Branch, event: Arc<Pdu>) -> EventId {
        let event_id = event.event_id.clone();
        if let Some(key) = &event.state_key {
            branch.state.insert(&event.kind, key, event_id.clone());
        }
        branch.last = Some(event_id.clone());
        branch.depth = event.depth.max(branch.depth + 1);
        self.events.insert(event_id.clone(), event);
        event_id
    }

    /// Sends a state event if it is allowed.
    pub(crate) fn send(
        &mut self,
        branch: &mut Branch,
        sender: &str,
        kind: &str,
        key: &str,
        content: Value,
    ) -> Option<EventId> {
        let event = self.make(branch, sender, kind, key, content);
        self.is_allowed(branch, &event).then(|| self.append(branch, event))
    }

    /// Somebody does something, if they happen to be allowed to.
    pub(crate) fn act(&mut self, branch: &mut Branch) -> Option<EventId> {
        let (one, other) = (self.chance.of(&USERS), self.chance.of(&USERS));
        let sender = if self.chance.once_in(2) { self.chance.of(&USERS[..3]) } else { one };
        let member = |membership: &str| json!({ "membership": membership, "reason": membership });
        match self.chance.below(12) {
            0 => {
                let topic = json!({ "topic": self.chance.number() % 100 });
                self.send(branch, sender, "m.room.topic", "", topic)
            }
            1 => self.send(branch, sender, "m.room.name", "", json!({ "name": "a name" })),
            2 => self.send(branch, other, "m.room.member", other, member("join")),
            3 => self.send(branch, other, "m.room.member", other, member("leave")),
            4 => self.send(branch, sender, "m.room.member", other, member("invite")),
            5 => self.send(branch, sender, "m.room.member", other, member("leave")),
            6 => self.send(branch, sender, "m.room.member", other, member("ban")),
            7 | 8 => {
                let content = self.changed_levels(branch);
                self.send(branch, sender, "m.room.power_levels", "", content)
            }
            9 => {
                let rule = self.chance.of(&["public", "invite", "knock", "restricted", "private"]);
                self.send(branch, sender, "m.room.join_rules", "", json!({ "join_rule": rule }))
            }
            10 if self.version.rules().aliases_of_servers => {
                let server = UserId::parse(sender).unwrap().server_name().to_owned();
                self.send(branch, sender, "m.room.aliases", &server, json!({ "aliases": [] }))
            }
            10 if self.chance.once_in(2) => {
                let content = json!({ "membership": "join", "join_authorised_via_users_server": sender });
                self.send(branch, other, "m.room.member", other, content)
            }
            10 => self.send(branch, other, "m.room.member", other, member("knock")),
            _ => self.send(branch, sender, "org.custom", sender, json!({})),
        }
    }

    fn changed_levels(&mut self, branch: &Branch) -> Value {
        let current = branch.state.get("m.room.power_levels", "").map(|event_id| self.events[event_id].content_map());
        let mut content = current.map_or_else(|| self.levels(json!({})), Value::Object);
        let level = self.chance.of(&[0, 10, 50, 50, 60, 100]);
        let level = match self.chance.below(4) {
            0 if !self.version.rules().integer_power_levels => json!(format!(" {level}")),
            _ => json!(level),
        };
        match self.chance.below(6) {
            0 => content[self.chance.of(&["ban", "kick", "invite", "state_default"])] = level,
            1 => content["events"][self.chance.of(&["m.room.topic", "m.room.join_rules"])] = level,
            _ => {
                let first = usize::from(self.version.rules().privileged_creators);
                let user = self.chance.of(&USERS[first..]);
                content["users"][user] = level;
            }
        }
        content
    }

    /// A state that some server might believe in: that of `branch` with an entry as it was before, or without it.
    pub(crate) fn outdated(&mut self, branch: &Branch) -> StateMap<EventId> {
        let mut keys: Vec<(String, String)> =
            branch.state.iter().map(|(kind, key, _)| (kind.to_owned(), key.to_owned())).collect();
        keys.sort();
        let (kind, key) = keys[self.chance.below(keys.len())].clone();
        let mut olds: Vec<EventId> =
            self.events.values().filter(|event| event.is(&kind, &key)).map(|event| event.event_id.clone()).collect();
        olds.sort();
        let old = olds[self.chance.below(olds.len())].clone();
        let is_left_out = kind != "m.room.create" && self.chance.once_in(4);
        let mut state = StateMap::default();
        for (other_kind, other_key, event_id) in branch.state.iter() {
            if (other_kind, other_key) != (&*kind, &*key) {
                state.insert(other_kind, other_key, event_id.clone());
            } else if !is_left_out {
                state.insert(other_kind, other_key, old.clone());
            }
        }
        state
    }

    /// Gives every event its rank.
    pub(crate) fn rank_all(&mut self) {
        let mut ranks: HashMap<EventId, u64> = HashMap::new();
        let mut changed = true;
        while changed {
            changed = false;
            for event in self.events.values() {
                let below = event.auth_events().iter().map(|id| ranks.get(id).copied().unwrap_or(0) + 1).max();
                changed |= ranks.insert(event.event_id.clone(), below.unwrap_or(0)) != Some(below.unwrap_or(0));
            }
        }
        self.ranks = Some(ranks);
    }

    /// The level of a user in a state.
    pub(crate) fn level_in(&self, state: &StateMap<EventId>, user: &str) -> String {
        let event = |kind| state.get(kind, "").map(|event_id| &*self.events[event_id]);
        let levels = PowerLevels::of(self.version, event("m.room.create").unwrap(), event("m.room.power_levels"));
        levels.user_level(&UserId::parse(user).unwrap()).to_string()
    }

    /// A random history of `rounds` forks, each of which ends in one branch again. `merge` says which state several
    /// resolve to, and is given all that are to be resolved.
    pub(crate) fn live(
        &mut self,
        start: Branch,
        rounds: usize,
        mut merge: impl FnMut(&Self, &[StateMap<EventId>]) -> StateMap<EventId>,
    ) -> Branch {
        let mut trunk = start;
        for _ in 0..rounds {
            for _ in 0..self.chance.below(6) {
                self.act(&mut trunk);
            }
            let mut branches = vec![trunk.clone(); 2 + self.chance.below(3)];
            for branch in &mut branches {
                for _ in 0..self.chance.below(16) {
                    self.act(branch);
                }
            }
            let mut states: Vec<StateMap<EventId>> = branches.iter().map(|branch| branch.state.clone()).collect();
            if self.chance.once_in(3) {
                let branch = self.chance.below(branches.len());
                states.push(self.outdated(&branches[branch]));
            }
            let state = merge(self, &states);
            let depth = branches.iter().map(|branch| branch.depth).max().unwrap_or_default();
            trunk = Branch { state, last: branches[0].last.clone(), depth };
        }
        trunk
    }
}

/// The entries of a state in order, to be compared.
pub(crate) fn entries(state: &StateMap<EventId>) -> Vec<(String, String, EventId)> {
    let mut entries: Vec<_> =
        state.iter().map(|(kind, key, event_id)| (kind.to_owned(), key.to_owned(), event_id.clone())).collect();
    entries.sort();
    entries
}

/// The events that some way of auth events leads to, and the events themselves: recursion in disguise, simple and slow.
pub(crate) fn chain(world: &World, of: impl IntoIterator<Item = EventId>) -> BTreeSet<EventId> {
    let mut chain = BTreeSet::new();
    let mut next: Vec<EventId> = of.into_iter().collect();
    while let Some(event_id) = next.pop() {
        if chain.insert(event_id.clone()) {
            next.extend(world.events[&event_id].auth_events());
        }
    }
    chain
}
