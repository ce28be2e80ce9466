//! Sliding sync with requests of any shape: refused, or answered with JSON, and never with what the user may not see.

use im2_chat::rooms::CreateRoom;
use im2_fuzz::{cases, json};
use im2_sync::sliding_sync::{Body, Dialect, SlidingRequest};
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::{
    Fixture,
    builders::{session, text},
};

const WORDS: &[&str] = &[
    "lists",
    "all",
    "range",
    "ranges",
    "timeline_limit",
    "required_state",
    "include",
    "exclude",
    "lazy_members",
    "filters",
    "is_dm",
    "spaces",
    "is_encrypted",
    "is_invited",
    "room_types",
    "not_room_types",
    "room_name_like",
    "tags",
    "not_tags",
    "slow_get_all_rooms",
    "room_subscriptions",
    "extensions",
    "to_device",
    "e2ee",
    "account_data",
    "receipts",
    "typing",
    "io.element.msc4308.thread_subscriptions",
    "io.element.msc4360.threads",
    "enabled",
    "limit",
    "since",
    "rooms",
    "conn_id",
    "set_presence",
    "online",
    "txn_id",
    "type",
    "state_key",
    "m.room.member",
    "$LAZY",
    "$ME",
    "*",
    "m.favourite",
    "m.space",
    "include_roots",
];

fn valid() -> Vec<Value> {
    let every = json!({ "enabled": true });
    vec![
        json!({ "conn_id": "main", "set_presence": "offline", "txn_id": "t",
            "lists": { "all": { "range": [0, 20], "timeline_limit": 5, "required_state": { "include": [{ "type": "m.room.member",
                "state_key": "$ME" }, {}], "exclude": [{ "type": "m.room.topic" }], "lazy_members": true },
                "filters": { "is_dm": false, "spaces": ["!a:im.test"], "is_encrypted": false, "is_invited": false,
                    "room_types": [null, "m.space"], "not_room_types": [], "room_name_like": "a", "tags": ["m.favourite"],
                    "not_tags": ["m.lowpriority"] } } },
            "room_subscriptions": { "!a:im.test": { "timeline_limit": 1, "required_state": { "include": [{}] } } },
            "extensions": { "to_device": { "enabled": true, "limit": 5, "since": "s1.1~0" }, "e2ee": every,
                "account_data": { "enabled": true, "lists": ["all"], "rooms": ["*"] }, "receipts": every, "typing": every,
                "io.element.msc4308.thread_subscriptions": { "enabled": true, "limit": 5 },
                "io.element.msc4360.threads": { "enabled": true, "include_roots": true, "limit": 5 } } }),
        json!({ "lists": { "a": { "ranges": [[0, 1], [3, 9]], "timeline_limit": 20, "required_state": [["m.room.member", "$LAZY"],
            ["*", "*"]], "slow_get_all_rooms": false }, "b": { "range": [0, 0], "timeline_limit": 1, "required_state": {} } } }),
        json!({}),
    ]
}

#[test]
fn any_request_is_refused_or_answered() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (fixture, mine) = runtime.block_on(async {
        let fixture = Fixture::new().await;
        let users = fixture.users(&["ana", "ben"]).await;
        for (user, name) in users.iter().zip(["Tea", "SECRET"]) {
            let request = CreateRoom { name: Some(name.to_owned()), ..CreateRoom::default() };
            let room = fixture.engine.chat.rooms.create(user, request).await.unwrap();
            fixture.engine.chat.rooms.append(&room, user, text(name), None).await.unwrap();
        }
        let mine = session(&users[0], "D");
        (fixture, mine)
    });
    let dialect = select(vec![Dialect::Stable, Dialect::Older]);
    let requests = (dialect, prop::collection::vec((json::mutated(valid(), WORDS), any::<bool>()), 1..4));
    let outcome = TestRunner::new(cases(2)).run(&requests, |(dialect, requests)| {
        runtime.block_on(async {
            let mut pos = None;
            for (request, follows) in requests {
                let Ok(body) = serde_json::from_value::<Body>(request) else { continue };
                let body = Body { timeout: Some(0), pos: pos.take().filter(|_| follows).or(body.pos), ..body };
                let answer = match SlidingRequest::new(dialect, body) {
                    Ok(request) => Box::pin(fixture.engine.sync.sliding.sync(&mine, request)).await,
                    Err(refusal) => Err(refusal),
                };
                match answer {
                    Ok(bytes) => {
                        let answer: Value = serde_json::from_slice(&bytes).unwrap();
                        prop_assert!(answer["pos"].is_string() && answer.is_object());
                        prop_assert!(!String::from_utf8_lossy(&bytes).contains("SECRET"));
                        pos = answer["pos"].as_str().map(str::to_owned);
                    }
                    Err(refusal) => prop_assert!(refusal.code().is_some(), "{}", refusal),
                }
            }
            Ok(())
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
