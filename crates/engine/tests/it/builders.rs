//! What many tests are made of: sessions, requests, drafts of events, and writers that all send at once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use im2_engine::{
    filters::Filter,
    presence::Availability,
    rooms::{Actor, Draft, Room},
    session::Session,
    sync::{StateForm, SyncRequest},
};
use im2_model::{Random as _, SeededRandom};
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use crate::Fixture;

impl Fixture {
    /// As [`Fixture::user`], several.
    pub(crate) async fn users(&self, names: &[&str]) -> Vec<Actor> {
        let mut users = Vec::new();
        for name in names {
            users.push(self.user(name).await);
        }
        users
    }
}

/// A random number.
pub(crate) fn number(random: &SeededRandom, below: usize) -> usize {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    u32::from_le_bytes(bytes) as usize % below
}

/// A JSON object.
#[track_caller]
pub(crate) fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// A text message.
pub(crate) fn text(body: &str) -> Draft {
    Draft::message("m.room.message", object(json!({ "msgtype": "m.text", "body": body })))
}

/// A session of a user on a device.
pub(crate) fn session(actor: &Actor, device: &str) -> Session {
    Session {
        user: actor.user,
        user_id: actor.user_id.clone(),
        device_id: device.parse().unwrap(),
        has_device: true,
        token: 0,
        is_admin: false,
        service: None,
    }
}

/// A first `/sync` that says nothing of its user's presence.
pub(crate) fn first_sync(filter: &Value) -> SyncRequest {
    SyncRequest {
        since: None,
        filter: Arc::new(serde_json::from_value::<Filter>(filter.clone()).unwrap()),
        full_state: false,
        state: StateForm::Before,
        timeout: Duration::ZERO,
        set_presence: Availability::Offline,
    }
}

/// Tasks that send to rooms at the same time, each to one.
pub(crate) struct Writers(Vec<JoinHandle<Vec<String>>>);

impl Writers {
    /// Lets `count` of them go, who take the rooms in turn and send `each`.
    pub(crate) fn start(
        fixture: &Arc<Fixture>,
        actor: &Actor,
        rooms: &[Arc<Room>],
        (count, each): (usize, usize),
    ) -> Self {
        let start = |writer: usize| {
            let (fixture, actor) = (Arc::clone(fixture), actor.clone());
            let room = Arc::clone(&rooms[writer % rooms.len()]);
            tokio::spawn(async move {
                let mut sent = Vec::new();
                for number in 0..each {
                    let draft = text(&format!("{writer}/{number}"));
                    sent.push(fixture.engine.rooms.append(&room, &actor, draft, None).await.unwrap().to_string());
                }
                sent
            })
        };
        Self((0..count).map(start).collect())
    }

    /// What they have sent, once all have ended.
    pub(crate) async fn sent(self) -> BTreeSet<String> {
        let mut sent = BTreeSet::new();
        for writer in self.0 {
            sent.extend(writer.await.unwrap());
        }
        sent
    }
}
