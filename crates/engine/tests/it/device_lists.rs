//! What a follower is told of changed devices is exactly what the definition, computed naively, says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use im2_chat::{
    e2ee::{DeviceLists, Upload},
    rooms::{Act, Actor, CreateRoom, Draft, Preset, Room},
};
use im2_core::session::Session;
use im2_engine::Engine;
use im2_model::{SeededRandom, StreamToken};
use im2_sync::SyncRequest;
use serde_json::{Map, Value, json};

use crate::{
    Fixture,
    builders::{first_sync, number, resolve_member, session},
};

type Users = BTreeSet<String>;

/// Everything that the definition looks at, at one moment.
#[derive(Debug, Clone, Default)]
struct Moment {
    /// The members of each room, and whether it is encrypted.
    rooms: Vec<(Users, bool)>,
    /// How often each user has changed their devices.
    versions: BTreeMap<String, usize>,
}

impl Moment {
    fn shared(&self, room: usize, one: &str, other: &str) -> bool {
        self.rooms.get(room).is_some_and(|(members, _)| members.contains(one) && members.contains(other))
    }

    fn is_encrypted(&self, room: usize) -> bool {
        self.rooms.get(room).is_some_and(|(_, encrypted)| *encrypted)
    }

    /// The users with whom a user shares a room.
    fn company(&self, user: &str) -> Users {
        let rooms = self.rooms.iter().map(|(members, _)| members).filter(|members| members.contains(user));
        rooms.flatten().filter(|other| *other != user).cloned().collect()
    }

    fn version(&self, user: &str) -> usize {
        self.versions.get(user).copied().unwrap_or_default()
    }

    /// The definition: what `user`, who knows `self`, has to hear at `now`.
    fn differs(&self, now: &Self, user: &str) -> (Users, Users) {
        let (before, after) = (self.company(user), now.company(user));
        let has_changed = |other: &str| self.version(other) != now.version(other);
        let came = |other: &str| {
            (0..now.rooms.len()).any(|room| {
                let is_known = self.shared(room, user, other) && self.is_encrypted(room) == now.is_encrypted(room);
                now.shared(room, user, other) && !is_known
            })
        };
        let mut changed: Users = after.iter().filter(|other| has_changed(other) || came(other)).cloned().collect();
        changed.extend(has_changed(user).then(|| user.to_owned()));
        (changed, before.difference(&after).cloned().collect())
    }
}

/// A client that keeps track of the devices of those whom it is told of.
struct Follower {
    session: Session,
    since: StreamToken,
    known: Moment,
    /// Whose devices it has, in which version.
    devices: BTreeMap<String, usize>,
    /// How many it was told of that changed, and that left.
    told: (usize, usize),
}

impl Follower {
    async fn sync(&mut self, engine: &Engine) -> (Users, Users) {
        let request = SyncRequest { since: Some(self.since.clone()), ..first_sync(&json!({})) };
        let answer = engine.sync.classic.sync(&self.session, request).await.unwrap().whole().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let until = StreamToken::read(answer["next_batch"].as_str().unwrap()).unwrap();
        let asked = engine.chat.e2ee.changes(&self.session, &self.since, &until).await.unwrap();
        self.since = until;
        let section = |name: &str| {
            let users = answer["device_lists"][name].as_array().cloned().unwrap_or_default();
            users.iter().map(|user| user.as_str().unwrap().to_owned()).collect()
        };
        let told = (section("changed"), section("left"));
        assert_eq!(told, sets(asked), "`/sync` and `/keys/changes`");
        told
    }

    /// Syncs, and checks what it is told and what it then knows.
    async fn follow(&mut self, engine: &Engine, now: &Moment, what: &str) {
        let told = self.sync(engine).await;
        let user = self.session.user_id.as_str();
        assert_eq!(told, self.known.differs(now, user), "{what}");
        let (changed, left) = told;
        self.told = (self.told.0 + changed.len(), self.told.1 + left.len());
        self.devices.extend(changed.into_iter().map(|other| (other.clone(), now.version(&other))));
        self.devices.retain(|other, _| !left.contains(other));
        for other in now.company(user) {
            assert_eq!(self.devices.get(&other), Some(&now.version(&other)), "{what}: {user} and {other}");
        }
        let of_others: Users = self.devices.keys().filter(|other| *other != user).cloned().collect();
        assert_eq!(of_others, now.company(user), "{what}: {user} tracks whom they share a room with");
        self.known = now.clone();
    }
}

fn sets(lists: DeviceLists) -> (Users, Users) {
    let texts = |users: Vec<im2_model::UserId>| users.iter().map(ToString::to_string).collect();
    (texts(lists.changed), texts(lists.left))
}

struct Chaos {
    random: SeededRandom,
    users: Vec<Actor>,
    rooms: Vec<Arc<Room>>,
    versions: BTreeMap<String, usize>,
}

impl Chaos {
    fn pick(&self, below: usize) -> usize {
        number(&self.random, below)
    }

    fn moment(&self) -> Moment {
        let rooms = self.rooms.iter().map(|room| {
            let view = room.view();
            let is_encrypted = view.state.get("m.room.encryption", "").is_some();
            (view.joined.values().map(ToString::to_string).collect(), is_encrypted)
        });
        Moment { rooms: rooms.collect(), versions: self.versions.clone() }
    }

    async fn act(&mut self, engine: &Engine, number: usize) {
        let user = self.users[self.pick(self.users.len())].clone();
        let other = self.users[self.pick(self.users.len())].clone();
        if self.rooms.len() < 2 || (self.rooms.len() < 4 && self.pick(15) == 0) {
            let request = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
            self.rooms.push(engine.chat.rooms.create(&user, request).await.unwrap());
            return;
        }
        let room = self.rooms[self.pick(self.rooms.len())].id.clone();
        let named = |value: String| Map::from_iter([("name".to_owned(), Value::from(value))]);
        let outcome = match self.pick(18) {
            0..=4 => engine.chat.rooms.join(&user, &room, None).await.map(drop),
            5 | 6 => engine.chat.rooms.leave(&user, &room, None).await,
            7 => engine.chat.rooms.act(&user, &room, Act::Kick, &other.user_id, None).await,
            8 => engine.chat.rooms.act(&user, &room, Act::Ban, &other.user_id, None).await,
            9 => engine.chat.rooms.act(&user, &room, Act::Unban, &other.user_id, None).await,
            10 => engine.chat.rooms.act(&user, &room, Act::Invite, &other.user_id, None).await,
            11 => {
                let content = json!({ "algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": number });
                let draft = Draft::state("m.room.encryption", "", content.as_object().unwrap().clone());
                engine.chat.rooms.send_state(&user, &room, draft).await.map(drop)
            }
            12 => {
                let content = json!({ "membership": "join", "displayname": format!("name {number}") });
                let own = user.user_id.as_str();
                let draft = Draft::state("m.room.member", own, content.as_object().unwrap().clone());
                engine.chat.rooms.send_state(&user, &room, Draft { members_only: true, ..draft }).await.map(drop)
            }
            13 => engine.chat.rooms.forget(&user, &room).await,
            14 => {
                let draft = Draft::message("m.room.message", named(format!("message {number}")));
                engine.chat.rooms.send(&user, &room, draft, None).await.map(drop)
            }
            15 | 16 => {
                let room = engine.chat.rooms.find(&room).await.unwrap().unwrap();
                resolve_member(engine, &room, &other, self.pick(6)).await;
                Ok(())
            }
            _ => {
                publish(engine, &session(&user, "DEVICE"), number).await;
                *self.versions.entry(user.user_id.to_string()).or_default() += 1;
                Ok(())
            }
        };
        if let Err(error) = outcome {
            assert!(error.code().is_some(), "{error}");
        }
    }
}

/// Publishes identity keys that nobody has seen before.
async fn publish(engine: &Engine, session: &Session, number: usize) {
    let keys = json!({
        "user_id": session.user_id, "device_id": session.device_id, "algorithms": [], "signatures": {},
        "keys": { "ed25519:DEVICE": number.to_string() },
    });
    let upload = Upload { device_keys: keys.as_object().cloned(), ..Upload::default() };
    engine.chat.e2ee.upload(session, upload).await.unwrap();
}

/// A user with an account and a device.
async fn user(fixture: &Fixture, name: &str) -> Actor {
    let user_id = fixture.engine.people.accounts.create_user(name, "a password", false).await.unwrap();
    let wanted = user_id.clone();
    let make = move |tx: &mut im2_core::Transaction<'_>| {
        let user = tx.ensure_user(&wanted)?;
        tx.ensure_device(user, &"DEVICE".parse().expect("a device ID"), None, 0)?;
        Ok(user)
    };
    Actor { user: fixture.engine.core.store.write(make).await.unwrap(), user_id }
}

/// One story; returns how many changes, and how many partings, the followers were told of.
async fn run(seed: u64) -> (usize, usize) {
    let mut fixture = Fixture::new().await;
    let mut users = Vec::new();
    for name in ["ana", "ben", "eve", "dan"] {
        users.push(user(&fixture, name).await);
    }
    let now = fixture.engine.core.stream.reached();
    let follower = |actor: &Actor| Follower {
        session: session(actor, "DEVICE"),
        since: now.clone(),
        known: Moment::default(),
        devices: BTreeMap::new(),
        told: (0, 0),
    };
    let mut followers: Vec<_> = users.iter().map(follower).collect();
    // One who never asks until the end, and then has to be answered from the database.
    let mut absent = follower(&users[0]);
    let mut chaos = Chaos { random: SeededRandom::new(seed), users, rooms: Vec::new(), versions: BTreeMap::new() };
    for number in 0..100 {
        chaos.act(&fixture.engine, number).await;
        let who = chaos.pick(followers.len() * 3);
        if let Some(follower) = followers.get_mut(who) {
            let moment = chaos.moment();
            follower.follow(&fixture.engine, &moment, &format!("seed {seed}, step {number}")).await;
        }
    }
    let moment = chaos.moment();
    drop(chaos);
    fixture = fixture.reopen().await;
    for follower in followers.iter_mut().chain([&mut absent]) {
        follower.follow(&fixture.engine, &moment, &format!("seed {seed}, after a restart")).await;
    }
    let told = followers.iter().map(|follower| follower.told);
    told.fold((0, 0), |sum, told| (sum.0 + told.0, sum.1 + told.1))
}

#[tokio::test]
async fn followers_are_told_what_the_definition_says() {
    let mut told = (0, 0);
    for seed in 0..25 {
        let (changed, left) = Box::pin(run(seed)).await;
        told = (told.0 + changed, told.1 + left);
    }
    assert!(told.0 > 300 && told.1 > 50, "the stories have to tell something: {told:?}");
}

/// So many that the answer is found from whom the user still shares rooms with.
const VERY_MANY: usize = 270;

#[tokio::test]
async fn who_leaves_a_large_room_hears_of_those_who_are_in_no_other() {
    let fixture = Fixture::new().await;
    let (rooms, ana) = (&fixture.engine.chat.rooms, user(&fixture, "ana").await);
    let since = fixture.engine.core.stream.reached();
    let encrypt = async |by: &Actor, room: &Room| {
        let content = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
        let draft = Draft::state("m.room.encryption", "", content.as_object().unwrap().clone());
        rooms.send_state(by, &room.id, draft).await.unwrap();
    };
    let request = || CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let large = rooms.create(&ana, request()).await.unwrap();
    let small = rooms.create(&ana, request()).await.unwrap();
    let open = rooms.create(&ana, request()).await.unwrap();
    encrypt(&ana, &large).await;
    encrypt(&ana, &small).await;
    let mut names = Vec::new();
    for number in 0..VERY_MANY {
        let other = fixture.user(&format!("other{number:03}")).await;
        rooms.join(&other, &large.id, None).await.unwrap();
        match number {
            3 => drop(rooms.join(&other, &small.id, None).await.unwrap()),
            4 => drop(rooms.join(&other, &open.id, None).await.unwrap()),
            5 => {
                rooms.join(&other, &small.id, None).await.unwrap();
                rooms.leave(&other, &small.id, None).await.unwrap();
            }
            _ => {}
        }
        names.push(other.user_id.to_string());
    }
    let now = fixture.engine.core.stream.reached();
    let mut follower = Follower {
        session: session(&ana, "DEVICE"),
        since,
        known: Moment::default(),
        devices: BTreeMap::new(),
        told: (0, 0),
    };
    let everybody: Users = names.iter().cloned().collect();
    assert_eq!(follower.sync(&fixture.engine).await, (everybody.clone(), Users::new()));
    rooms.leave(&ana, &large.id, None).await.unwrap();
    let left: Users = everybody.into_iter().filter(|name| *name != names[3] && *name != names[4]).collect();
    assert_eq!(follower.sync(&fixture.engine).await, (Users::new(), left.clone()));
    // The same for one who was away, and for whom somebody has left the other room meanwhile.
    let other = fixture.user("other003").await;
    let before = fixture.engine.core.stream.reached();
    rooms.leave(&other, &small.id, None).await.unwrap();
    let asked = fixture.engine.chat.e2ee.changes(&session(&ana, "DEVICE"), &now, &before).await.unwrap();
    assert_eq!(sets(asked), (Users::new(), left));
}

/// One more than the members of a room that is not encrypted who are listed as they come and go.
const TOO_MANY: usize = 501;

#[tokio::test]
async fn a_large_room_that_is_not_encrypted_costs_its_members_no_lists_until_it_is() {
    let fixture = Fixture::new().await;
    let (rooms, ana, ben) = (&fixture.engine.chat.rooms, user(&fixture, "ana").await, user(&fixture, "ben").await);
    let request = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let large = rooms.create(&ana, request).await.unwrap();
    let mut everybody = Users::from([ana.user_id.to_string()]);
    for number in 0..TOO_MANY {
        let other = fixture.user(&format!("other{number:03}")).await;
        rooms.join(&other, &large.id, None).await.unwrap();
        everybody.insert(other.user_id.to_string());
    }
    let since = fixture.engine.core.stream.reached();
    let follower = |actor: &Actor| Follower {
        session: session(actor, "DEVICE"),
        since: since.clone(),
        known: Moment::default(),
        devices: BTreeMap::new(),
        told: (0, 0),
    };
    let (mut of_ana, mut of_ben) = (follower(&ana), follower(&ben));
    for number in 0..2 {
        rooms.join(&ben, &large.id, None).await.unwrap();
        assert_eq!(of_ben.sync(&fixture.engine).await, (Users::new(), Users::new()));
        assert_eq!(of_ana.sync(&fixture.engine).await, (Users::new(), Users::new()));
        publish(&fixture.engine, &session(&ana, "DEVICE"), number).await;
        let changed = Users::from([ana.user_id.to_string()]);
        assert_eq!(of_ben.sync(&fixture.engine).await, (changed.clone(), Users::new()), "changed devices always");
        assert_eq!(of_ana.sync(&fixture.engine).await, (changed, Users::new()));
        rooms.leave(&ben, &large.id, None).await.unwrap();
        assert_eq!(of_ben.sync(&fixture.engine).await, (Users::new(), Users::new()));
    }
    rooms.join(&ben, &large.id, None).await.unwrap();
    of_ben.sync(&fixture.engine).await;
    let content = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
    let draft = Draft::state("m.room.encryption", "", content.as_object().unwrap().clone());
    rooms.send_state(&ana, &large.id, draft).await.unwrap();
    assert_eq!(of_ben.sync(&fixture.engine).await, (everybody, Users::new()), "all of them are needed now");
}
