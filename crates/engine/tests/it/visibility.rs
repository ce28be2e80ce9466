//! A first `/sync` and a first sliding sync show the newest of what paging through the room shows, whoever has come and
//! gone and whatever the room's history visibility was: what they know from memory is what the database says.

use std::{sync::Arc, time::Duration};

use im2_chat::rooms::{Act, Actor, CreateRoom, Draft, Preset, Room, RoomEvent};
use im2_model::SeededRandom;
use im2_store::rooms::Direction;
use serde_json::{Value, json};

use crate::{
    Fixture,
    builders::{first_sync, number, object, session, text},
    sliding_sync::Follower,
};

const STEPS: usize = 170;

struct World {
    random: SeededRandom,
    owner: Actor,
    /// Those who come and go, and look.
    others: Vec<Actor>,
    room: Arc<Room>,
}

impl World {
    fn pick(&self, below: usize) -> usize {
        number(&self.random, below)
    }

    /// Does something. What the rules refuse is refused; the test does not care.
    async fn act(&self, fixture: &Fixture) {
        let (rooms, room) = (&fixture.engine.chat.rooms, &self.room);
        let other = &self.others[self.pick(self.others.len())];
        let outcome = match self.pick(14) {
            0 | 1 => rooms.join(other, &room.id, None).await.map(drop),
            2 => rooms.leave(other, &room.id, None).await,
            3 => rooms.act(&self.owner, &room.id, Act::Invite, &other.user_id, None).await,
            4 => rooms.act(&self.owner, &room.id, Act::Kick, &other.user_id, None).await,
            5 => {
                let visibility = ["joined", "invited", "shared", "world_readable", "joined", "invited"][self.pick(6)];
                let content = object(json!({ "history_visibility": visibility }));
                let draft = Draft::state("m.room.history_visibility", "", content);
                rooms.send_state(&self.owner, &room.id, draft).await.map(drop)
            }
            6 => {
                let content = object(json!({ "membership": "join", "displayname": format!("{}", self.pick(99)) }));
                let draft = Draft::state("m.room.member", other.user_id.as_str(), content);
                rooms.send_state(other, &room.id, draft).await.map(drop)
            }
            7 => {
                let draft = Draft::state("m.room.topic", "", object(json!({ "topic": format!("{}", self.pick(99)) })));
                rooms.send_state(&self.owner, &room.id, draft).await.map(drop)
            }
            number => {
                let sender = if number % 2 == 0 { &self.owner } else { other };
                rooms.send(sender, &room.id, text("hello"), None).await.map(drop)
            }
        };
        if let Err(error) = outcome {
            assert!(error.code().is_some(), "{error}");
        }
    }

    /// The messages that somebody who is joined is shown in pages, oldest first.
    async fn paged(&self, fixture: &Fixture, actor: &Actor) -> Vec<String> {
        let rooms = &fixture.engine.chat.rooms;
        let reader = rooms.reader(actor, &self.room.id).await.unwrap();
        let is_message = |event: &RoomEvent| event.kind() == "m.room.message";
        let page = rooms.page(&reader, i64::MAX, None, Direction::Backward, 1_000, is_message).await.unwrap();
        page.events.iter().rev().map(|event| event.id().to_string()).collect()
    }

    /// How many timelines were compared.
    async fn compare(&self, fixture: &Fixture, seed: u64) -> usize {
        let mut compared = 0;
        for actor in &self.others {
            if fixture.engine.chat.rooms.joined(actor, &self.room.id).await.is_err() {
                continue;
            }
            let all = self.paged(fixture, actor).await;
            for limit in [1, 4, 12, 300] {
                let timeline = synced(fixture, actor, &self.room, limit).await;
                let shown = shown(&timeline["events"]);
                let who = format!("seed {seed}, {} with {limit}", actor.user_id);
                assert_eq!(shown, all[all.len() - shown.len()..], "{who}");
                assert!(timeline["limited"] == true || shown.len() == all.len(), "{who}: more is to be had");

                for slid in shown_sliding(fixture, actor, &self.room, limit).await {
                    assert_eq!(slid, all[all.len() - slid.len()..], "{who}, sliding");
                }
                compared += 1;
            }
        }
        compared
    }
}

/// The timeline of a first `/sync`, of messages only.
async fn synced(fixture: &Fixture, actor: &Actor, room: &Room, limit: usize) -> Value {
    let filter = json!({ "room": { "timeline": { "limit": limit, "types": ["m.room.message"] } } });
    let answer = fixture
        .engine
        .sync
        .classic
        .sync(&session(actor, "D"), first_sync(&filter))
        .await
        .unwrap()
        .whole()
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["rooms"]["join"][room.id.as_str()]["timeline"].clone()
}

/// The messages in the timeline of a first sliding sync, and in one that is expanded after a first with one event.
async fn shown_sliding(fixture: &Fixture, actor: &Actor, room: &Room, limit: usize) -> [Vec<String>; 2] {
    let body = |limit| json!({ "lists": { "all": { "timeline_limit": limit, "required_state": {} } } });
    let mut follower = Follower::new(actor, "S", body(limit));
    let first = follower.ask(fixture, Duration::ZERO).await;
    follower.body = body(1);
    follower.follow(fixture, Duration::ZERO).await;
    follower.body = body(limit);
    let expanded = follower.ask(fixture, Duration::ZERO).await;
    [first, expanded].map(|answer| shown(&answer["rooms"][room.id.as_str()]["timeline"]))
}

fn shown(events: &Value) -> Vec<String> {
    let events = events.as_array().into_iter().flatten();
    let messages = events.filter(|event| event["type"] == "m.room.message");
    messages.map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
}

async fn run(seed: u64) -> usize {
    let mut fixture = Fixture::new().await;
    let owner = fixture.user("owner").await;
    let others = fixture.users(&["ana", "ben", "cem"]).await;
    let request = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
    let room = fixture.engine.chat.rooms.create(&owner, request).await.unwrap();
    let mut world = World { random: SeededRandom::new(seed), owner, others, room };
    let mut compared = 0;
    for step in 1..=STEPS {
        world.act(&fixture).await;
        if step % 17 == 0 {
            compared += world.compare(&fixture, seed).await;
        }
        if step == STEPS / 2 {
            let room_id = world.room.id.clone();
            fixture = fixture.reopen().await;
            world.room = fixture.engine.chat.rooms.joined(&world.owner, &room_id).await.unwrap();
        }
    }
    compared
}

#[tokio::test]
async fn first_answers_show_the_newest_of_what_pages_show() {
    let mut compared = 0;
    for seed in 0..12 {
        compared += Box::pin(run(seed)).await;
    }
    assert!(compared > 300, "hardly anything was compared: {compared}");
}
