//! An answer of sliding sync looks only at rooms that have changed or came into visible; it says the same as one that
//! looks at every room in visible, whatever has happened and however lists, ranges and subscriptions have changed.

use std::{sync::Arc, time::Duration};

use im2_chat::rooms::{Act, Actor, CreateRoom, Draft, Preset, Room};
use im2_model::SeededRandom;
use serde_json::{Map, Value, json};

use crate::{
    Fixture,
    builders::{number, object},
    sliding_sync::Follower,
};

/// What may happen to the rooms of one user, and what that user may want to see of them.
struct World<'a> {
    fixture: &'a Fixture,
    random: SeededRandom,
    /// Who looks at lists.
    ana: Actor,
    ben: Actor,
    rooms: Vec<Arc<Room>>,
}

impl World<'_> {
    fn pick(&self, below: usize) -> usize {
        number(&self.random, below)
    }

    fn room(&self) -> &Arc<Room> {
        &self.rooms[self.pick(self.rooms.len())]
    }

    async fn create(&mut self) {
        let by = if self.pick(3) == 0 { &self.ben } else { &self.ana };
        let preset = Some([Preset::PublicChat, Preset::PrivateChat][self.pick(2)]);
        let name = Some(format!("room {}", self.rooms.len()));
        let room = self.fixture.engine.chat.rooms.create(by, CreateRoom { preset, name, ..CreateRoom::default() });
        self.rooms.push(room.await.unwrap());
    }

    /// Does something. What the rules refuse is refused; the test does not care.
    async fn act(&mut self) {
        if self.rooms.len() < 14 && self.pick(6) == 0 {
            self.create().await;
        }
        let (rooms, room) = (&self.fixture.engine.chat.rooms, self.room());
        let (ana, ben) = (&self.ana, &self.ben);
        let outcome = match self.pick(24) {
            0 | 1 => rooms.join(ana, &room.id, None).await.map(drop),
            2 => rooms.leave(ana, &room.id, None).await,
            3 | 4 => rooms.act(ben, &room.id, Act::Invite, &ana.user_id, None).await,
            5 => rooms.act(ben, &room.id, Act::Kick, &ana.user_id, None).await,
            6 => rooms.act(ben, &room.id, Act::Ban, &ana.user_id, None).await,
            7 => rooms.act(ben, &room.id, Act::Unban, &ana.user_id, None).await,
            8 => rooms.forget(ana, &room.id).await,
            9 => rooms.join(ben, &room.id, None).await.map(drop),
            10 => self.set_state(room, "m.room.name", json!({ "name": format!("name {}", self.pick(30)) })).await,
            11 => self.set_state(room, "m.room.encryption", json!({ "algorithm": "m.megolm.v1.aes-sha2" })).await,
            12 => self.set_account_data().await,
            13 => self.tag(room).await,
            _ => {
                let sender = if self.pick(2) == 0 { ana } else { ben };
                let draft = Draft::message("m.room.message", object(json!({ "body": "hello" })));
                rooms.send(sender, &room.id, draft, None).await.map(drop)
            }
        };
        if let Err(error) = outcome {
            assert!(error.code().is_some(), "{error}");
        }
    }

    async fn set_state(&self, room: &Room, kind: &str, content: Value) -> im2_core::Result<()> {
        let sender = if self.pick(2) == 0 { &self.ana } else { &self.ben };
        let draft = Draft::state(kind, "", object(content));
        self.fixture.engine.chat.rooms.send_state(sender, &room.id, draft).await.map(drop)
    }

    async fn tag(&self, room: &Room) -> im2_core::Result<()> {
        let data = &self.fixture.engine.chat.account_data;
        if self.pick(2) == 0 {
            return data.delete_tag(self.ana.user, &room.id, "m.favourite").await;
        }
        data.set_tag(self.ana.user, &room.id, "m.favourite", Map::new()).await
    }

    /// Direct chats, ignored people, or who may invite.
    async fn set_account_data(&self) -> im2_core::Result<()> {
        let is_on = self.pick(2) == 0;
        let (kind, content) = match self.pick(3) {
            0 => ("m.direct", json!({ self.ben.user_id.as_str(): [self.room().id, self.room().id] })),
            1 if is_on => ("m.ignored_user_list", json!({ "ignored_users": { self.ben.user_id.as_str(): {} } })),
            1 => ("m.ignored_user_list", json!({ "ignored_users": {} })),
            _ => ("m.invite_permission_config", json!({ "default_action": if is_on { "block" } else { "allow" } })),
        };
        self.fixture.engine.chat.account_data.set(self.ana.user, None, kind, &object(content)).await
    }

    fn range(&self) -> [usize; 2] {
        let first = [0, 0, 1, 3][self.pick(4)];
        [first, first + self.pick(5)]
    }

    fn list(&self) -> Value {
        let filters = match self.pick(9) {
            0 => json!({ "is_dm": true }),
            1 => json!({ "tags": ["m.favourite"] }),
            2 => json!({ "not_tags": ["m.favourite"] }),
            3 => json!({ "room_name_like": "1" }),
            4 => json!({ "is_encrypted": true }),
            5 => json!({ "is_invited": true }),
            6 => json!({ "not_room_types": ["m.space"] }),
            _ => Value::Null,
        };
        let mut list = json!({
            "filters": filters,
            "timeline_limit": self.pick(3),
            "required_state": { "include": [{ "type": "m.room.name" }] },
        });
        match self.pick(4) {
            0 => {}
            1 => list["ranges"] = json!([self.range(), self.range()]),
            _ => list["range"] = json!(self.range()),
        }
        list
    }

    /// A request: lists, subscriptions, and account data of all of them or of some.
    fn body(&self) -> Value {
        let lists: Map<_, _> =
            ["a", "b", "c"][..self.pick(4)].iter().map(|name| (name.to_string(), self.list())).collect();
        let mut body = json!({ "lists": lists, "set_presence": "offline", "extensions": {} });
        if self.pick(3) == 0 {
            body["room_subscriptions"] =
                json!({ self.room().id.as_str(): { "timeline_limit": 3, "required_state": {} } });
        }
        body["extensions"]["account_data"] = match self.pick(3) {
            0 => json!({ "enabled": true }),
            1 => json!({ "enabled": true, "lists": ["b"], "rooms": [] }),
            _ => json!({}),
        };
        body
    }
}

/// What an answer says beside its `pos`.
fn said(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("pos");
    answer["extensions"].as_object_mut().unwrap().remove("typing");
    answer
}

/// The number of answers that said anything of a room.
async fn run(seed: u64) -> usize {
    let fixture = Fixture::new().await;
    let (ana, ben) = (fixture.user("ana").await, fixture.user("ben").await);
    let mut followers = [Follower::new(&ana, "ONE", json!({})), Follower::new(&ana, "OTHER", json!({}))];
    let mut world = World { fixture: &fixture, random: SeededRandom::new(seed), ana, ben, rooms: Vec::new() };
    for _ in 0..3 {
        world.create().await;
    }
    let mut told = 0;
    for step in 0..150 {
        world.act().await;
        let follower = &mut followers[world.pick(2)];
        match world.pick(20) {
            0 => follower.pos = None,
            1..4 => follower.body = world.body(),
            4 => {
                // Only a range changes, as when a list is scrolled.
                if let Some(list) = follower.body["lists"].get_mut("a") {
                    list["range"] = json!(world.range());
                    list["ranges"] = Value::Null;
                }
            }
            5..9 => continue,
            _ => {}
        }
        let brief = follower.ask(&fixture, Duration::ZERO).await;
        // A request that differs from the last one is answered by looking at every room in visible.
        let body = follower.body.clone();
        follower.body["extensions"]["typing"] = json!({ "enabled": true });
        let thorough = follower.ask(&fixture, Duration::ZERO).await;
        follower.body = body;
        told += usize::from(thorough["rooms"].as_object().is_some_and(|rooms| !rooms.is_empty()));
        assert_eq!(said(brief), said(thorough), "seed {seed}, step {step}: {}", follower.body);
        if world.pick(4) > 0 {
            follower.follow(&fixture, Duration::ZERO).await;
        }
    }
    told
}

#[tokio::test]
async fn looking_at_what_changed_tells_what_looking_at_everything_would() {
    let mut told = 0;
    for seed in 0..24 {
        told += Box::pin(run(seed)).await;
    }
    assert!(told > 500, "hardly any answer was about a room: {told}");
}
