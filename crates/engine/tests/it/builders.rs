//! What many tests are made of: sessions, requests, drafts of events, and writers that all send at once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use im2_chat::{
    filters::Filter,
    presence::Availability,
    rooms::{Actor, Draft, NewState, Room},
};
use im2_core::session::Session;
use im2_engine::Engine;
use im2_model::{Random as _, SeededRandom};
use im2_sync::{StateForm, SyncRequest};
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

/// Resolves a room's state so that a user's member event is the one of this number among all that they have had, or none
/// if they have had fewer.
pub(crate) async fn resolve_member(engine: &Engine, room: &Arc<Room>, user: &Actor, number: usize) {
    let (nid, state_key) = (room.nid, user.user_id.to_string());
    let wanted = state_key.clone();
    let history = engine.core.store.read(move |db| db.state_entry_history(nid, "m.room.member", &wanted));
    let history = history.await.unwrap();
    if history.is_empty() {
        return;
    }
    let event = history.get(number).and_then(|(_, row)| Some(row.as_ref()?.event_id.clone()));
    let new = NewState { kind: "m.room.member".into(), state_key: state_key.into(), event };
    let seq = room.view().seq;
    engine.chat.rooms.resolve_state(room, seq, vec![new]).await.unwrap();
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
                    sent.push(fixture.engine.chat.rooms.append(&room, &actor, draft, None).await.unwrap().to_string());
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
