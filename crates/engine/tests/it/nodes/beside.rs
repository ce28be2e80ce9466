//! What happens beside the events of rooms: messages to devices, account data, keys. What clients must have been told of
//! it at the end is known from what those who did it were told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use im2_chat::{
    e2ee::{ClaimRequest, Upload},
    rooms::Actor,
    to_device::Messages,
};
use im2_core::session::Session;
use serde_json::{Value, json};

use super::{
    NODES, World,
    checks::{Checked, same},
    refused_at_most,
};
use crate::{
    Fixture,
    builders::{object, session},
    sync::Follower,
};

/// Everybody's one device that has an inbox and keys.
pub(super) const DEVICE: &str = "D";
const ALGORITHM: &str = "signed_curve25519";

/// What was done, as those who did it were told.
#[derive(Debug, Default)]
pub(super) struct Done {
    count: usize,
    /// The messages to each user's device, in order.
    messages: BTreeMap<String, Vec<u64>>,
    /// By user and type.
    account_data: BTreeMap<(String, String), Value>,
    /// How often each user has published identity keys.
    versions: BTreeMap<String, usize>,
    /// Each user's one-time keys that nobody has claimed.
    keys: BTreeMap<String, BTreeSet<String>>,
}

impl Done {
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count as u64
    }

    /// Notes what a claim was answered with.
    fn note_claimed(&mut self, whose: &str, claimed: &Value) -> Checked {
        let claimed = claimed["one_time_keys"][whose][DEVICE].as_object().cloned().unwrap_or_default();
        let kept = self.keys.entry(whose.to_owned()).or_default();
        same("whether a key was claimed while there are some", &claimed.is_empty(), &kept.is_empty())?;
        for name in claimed.keys() {
            if !kept.remove(name) {
                return Err(format!("{name} of {whose} was claimed, which is not there or claimed already"));
            }
        }
        Ok(())
    }
}

/// What a client was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    messages: Vec<u64>,
    account_data: BTreeMap<String, Value>,
    /// By room and type.
    room_data: BTreeMap<(String, String), Value>,
    /// How many one-time keys are left.
    keys: Option<u64>,
    /// In which version it has looked up the keys of which users' devices.
    devices: BTreeMap<String, usize>,
}

fn events(section: &Value) -> impl Iterator<Item = &Value> {
    section["events"].as_array().into_iter().flatten()
}

fn kind_and_content(event: &Value) -> (String, Value) {
    (event["type"].as_str().unwrap().to_owned(), event["content"].clone())
}

impl Told {
    /// Takes note of an answer of `/sync`, and looks up the keys that it says have changed.
    pub(super) fn note(&mut self, answer: &Value, is_first: bool, done: &Done) {
        let sent = events(&answer["to_device"]).map(|message| message["content"]["number"].as_u64().unwrap());
        self.messages.extend(sent);
        self.account_data.extend(events(&answer["account_data"]).map(kind_and_content));
        for (room, body) in answer["rooms"]["join"].as_object().into_iter().flatten() {
            let data = events(&body["account_data"]).map(kind_and_content);
            self.room_data.extend(data.map(|(kind, content)| ((room.clone(), kind), content)));
        }
        self.keys = answer["device_one_time_keys_count"][ALGORITHM].as_u64();
        if is_first {
            self.devices.clone_from(&done.versions);
        }
        let users = |section: &Value| {
            let users = section.as_array().into_iter().flatten().map(|user| user.as_str().unwrap().to_owned());
            users.collect::<Vec<_>>()
        };
        for user in users(&answer["device_lists"]["changed"]) {
            let version = done.versions.get(&user).copied().unwrap_or_default();
            self.devices.insert(user, version);
        }
        for user in users(&answer["device_lists"]["left"]) {
            self.devices.remove(&user);
        }
    }
}

impl World {
    /// Somebody at random, as their device.
    fn some_device(&self) -> Session {
        session(&self.people[self.pick(self.people.len())].actor, DEVICE)
    }

    /// Somebody sends to devices. A client that is not answered, or does not hear the answer, sends the same again to
    /// whichever node.
    pub(super) async fn send_to_devices(&mut self) -> Checked {
        let (sender, sent) = (self.some_device(), self.done.next());
        let recipients: Vec<String> = self.people.iter().map(|person| person.actor.user_id.to_string()).collect();
        let recipients: Vec<String> = recipients.into_iter().filter(|_| self.pick(2) == 0).collect();
        let to = [DEVICE, "*"][self.pick(2)];
        let content = || BTreeMap::from([(to.to_owned(), object(json!({ "number": sent })))]);
        let messages: Messages = recipients.iter().map(|user| (user.clone(), content())).collect();
        let send = async |node: usize| {
            let to_device = &self.nodes[node].engine.chat.to_device;
            to_device.send(&sender, "org.test.message", &sent.to_string(), messages.clone()).await
        };
        let fails = self.fail_perhaps();
        let first = send(self.pick(NODES)).await;
        self.log.fail(None);
        let is_sent = first.is_ok();
        refused_at_most(first, fails)?;
        if !is_sent || self.pick(3) == 0 {
            refused_at_most(send(self.pick(NODES)).await, false)?;
        }
        for user in recipients {
            self.done.messages.entry(user).or_default().push(sent);
        }
        Ok(())
    }

    /// Somebody sets account data, for the account or for a room.
    pub(super) async fn set_account_data(&mut self) -> Checked {
        let (who, count) = (self.some_device(), self.done.next());
        let room = self.rooms.get(self.pick(8)).map(|(room, _)| room.clone());
        let (kind, content) = match self.pick(4) {
            0 if room.is_none() => {
                ("m.ignored_user_list", json!({ "ignored_users": { format!("@nobody{count}:im.test"): {} } }))
            }
            0 => ("m.tag", json!({ "tags": { format!("u.{count}"): {} } })),
            number => (["org.test.one", "org.test.two", "org.test.three"][number - 1], json!({ "number": count })),
        };
        let fails = self.fail_perhaps();
        let data = &self.nodes[self.pick(NODES)].engine.chat.account_data;
        let set = data.set(who.user, room.as_ref(), kind, &object(content.clone())).await;
        self.log.fail(None);
        if set.is_ok() && room.is_none() {
            self.done.account_data.insert((who.user_id.to_string(), kind.to_owned()), content);
        }
        refused_at_most(set, fails)
    }

    /// Somebody publishes identity keys, or some one-time keys.
    pub(super) async fn publish_keys(&mut self) -> Checked {
        let (who, count) = (self.some_device(), self.done.next());
        let user = who.user_id.to_string();
        let identity = json!({
            "user_id": user, "device_id": DEVICE, "algorithms": [], "signatures": {},
            "keys": { format!("ed25519:{DEVICE}"): count.to_string() },
        });
        let publishes_identity = self.pick(3) == 0;
        let key =
            |number: usize| (format!("{ALGORITHM}:{count}/{number}"), json!({ "key": format!("{count}/{number}") }));
        let keys: BTreeMap<String, Value> = (0..self.pick(4)).map(key).collect();
        let upload = Upload {
            device_keys: publishes_identity.then(|| object(identity)),
            one_time_keys: Some(keys.clone().into_iter().collect()),
            fallback_keys: None,
        };
        let fails = self.fail_perhaps();
        let outcome = self.nodes[self.pick(NODES)].engine.chat.e2ee.upload(&who, upload).await;
        self.log.fail(None);
        if outcome.is_ok() {
            let kept = self.done.keys.entry(user.clone()).or_default();
            if publishes_identity {
                let version = self.done.versions.entry(user).or_default();
                if *version > 0 {
                    kept.clear(); // it is another device now, and what was kept of the one before is gone
                }
                *version += 1;
            }
            kept.extend(keys.into_keys());
        }
        refused_at_most(outcome, fails)
    }

    /// Several claim keys of a device, at the same time at several nodes.
    pub(super) async fn claim_keys(&mut self) -> Checked {
        let whose = self.some_device().user_id;
        let claim = |_| {
            let node = self.pick(NODES);
            let e2ee = self.nodes[node].engine.chat.e2ee.clone();
            let devices = BTreeMap::from([(DEVICE.parse().unwrap(), ALGORITHM.to_owned())]);
            let request = ClaimRequest::from([(whose.clone(), devices)]);
            (node, async move { e2ee.claim(request).await })
        };
        let claims: Vec<_> = (0..=self.pick(4)).map(claim).collect();
        let mut answers = self.at_once(claims).await.into_iter().collect::<im2_core::Result<Vec<_>>>().unwrap();
        // Those who have got one came first.
        answers.sort_by_key(|answer| answer["one_time_keys"].as_object().is_none_or(serde_json::Map::is_empty));
        answers.iter().try_for_each(|answer| self.done.note_claimed(whose.as_str(), answer))
    }

    /// What everybody was told beside the events of rooms is what was done, and every node knows it.
    pub(super) async fn told_what_was_done(&self, truth: &Fixture) -> Checked {
        for person in &self.people {
            let told = self.told_person(&person.actor, &person.told, truth).await;
            told.map_err(|differs| format!("{}: {differs}", person.actor.user_id))?;
        }
        Ok(())
    }

    async fn told_person(&self, actor: &Actor, told: &Told, truth: &Fixture) -> Checked {
        let user = actor.user_id.to_string();
        let sent = self.done.messages.get(&user).cloned().unwrap_or_default();
        same("the messages to the device", &told.messages, &sent)?;
        let set = self.done.account_data.iter().filter(|((whose, _), _)| *whose == user);
        let set: BTreeMap<String, Value> = set.map(|((_, kind), content)| (kind.clone(), content.clone())).collect();
        let mut own = told.account_data.clone();
        own.remove("m.push_rules");
        same("the account data", &own, &set)?;
        let keys = self.done.keys.get(&user).map_or(0, BTreeSet::len) as u64;
        same("the one-time keys left", &told.keys, &Some(keys))?;
        for node in &self.nodes {
            self.node_knows(node, actor, keys, truth).await?;
            let mut fresh = Told::default();
            let answer = Follower::new(actor, 1, false).ask(node, Duration::ZERO).await;
            fresh.note(&answer, true, &self.done);
            let joined = answer["rooms"]["join"].as_object().cloned().unwrap_or_default();
            let of_joined = |told: &Told| {
                let data = told.room_data.iter().filter(|((room, _), _)| joined.contains_key(room));
                data.map(|(key, content)| (key.clone(), content.clone())).collect::<BTreeMap<_, _>>()
            };
            same("the account data of rooms", &of_joined(told), &of_joined(&fresh))?;
        }
        let mut company = BTreeSet::from([user.clone()]);
        for (_, nid) in &self.rooms {
            let room = truth.engine.chat.rooms.by_nid(*nid).await.unwrap();
            let joined: Vec<String> = room.view().joined.values().map(ToString::to_string).collect();
            company.extend(joined.contains(&user).then_some(joined).into_iter().flatten());
        }
        for other in company {
            let version = |versions: &BTreeMap<String, usize>| versions.get(&other).copied().unwrap_or_default();
            same(&format!("the keys of {other}"), &version(&told.devices), &version(&self.done.versions))?;
        }
        Ok(())
    }

    async fn node_knows(&self, node: &Fixture, actor: &Actor, keys: u64, truth: &Fixture) -> Checked {
        let counts = async |node: &Fixture| {
            let counts = node.engine.chat.e2ee.key_counts(actor.user, &DEVICE.parse().unwrap()).await.unwrap();
            counts.by_algorithm().map(|(_, count)| count).sum::<u64>()
        };
        same("the keys that a node knows of", &counts(node).await, &keys)?;
        same("the keys that are there", &counts(truth).await, &keys)?;
        let labels = async |node: &Fixture| {
            let data = &node.engine.chat.account_data;
            let labels = data.tags_and_direct(actor.user).await.unwrap();
            let tags: BTreeMap<i64, _> = labels.tags.iter().map(|(room, tags)| (room.0, tags.clone())).collect();
            let ignored = data.ignored_users(actor.user, &actor.user_id).await.unwrap();
            (tags, ignored.iter().map(ToString::to_string).collect::<BTreeSet<_>>())
        };
        same("tags and ignored users", &labels(node).await, &labels(truth).await)
    }

    /// Perhaps has the next commit fail; says whether.
    pub(super) fn fail_perhaps(&self) -> bool {
        let failure = self.some_failure();
        self.log.fail(failure);
        failure.is_some()
    }
}

/// Makes accounts, each with its device.
pub(super) async fn people(fixture: &Fixture, names: &[&str]) -> Vec<Actor> {
    for name in names {
        fixture.engine.people.accounts.create_user(name, "a password", false).await.unwrap();
    }
    let actors = fixture.users(names).await;
    let users: Vec<_> = actors.iter().map(|actor| actor.user).collect();
    let add = move |tx: &mut im2_core::Transaction<'_>| {
        for user in users.iter().copied() {
            tx.ensure_device(user, &DEVICE.parse().expect("a device ID"), None, 0)?;
        }
        Ok(())
    };
    fixture.engine.core.store.write(add).await.unwrap();
    actors
}
