//! A room of more members than are kept in memory after a start, and than are written at a time: lists of them are what
//! they are when all are in memory.

use std::collections::BTreeMap;

use im2_chat::rooms::Actor;
use im2_model::{RoomId, UserId};
use im2_testkit::{Client, Server, Setup, segment};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::of;

/// More than the server keeps in memory, and than it writes at a time.
const MEMBERS: usize = 1_010;
/// More events than the server reads of a room at first.
const TALK: usize = 40;
const NOW: u64 = 1_700_000_000_000;

fn name(number: usize) -> String {
    format!("@member{number:04}:localhost")
}

/// Lets users join, without the requests of each.
async fn fill(server: &Server, room: &str) {
    let engine = server.engine();
    let user_ids: Vec<UserId> = (0..MEMBERS).map(|number| name(number).parse().unwrap()).collect();
    let wanted = user_ids.clone();
    let users = engine.core.store.write(move |tx| wanted.iter().map(|user_id| tx.ensure_user(user_id)).collect());
    let users: Vec<_> = users.await.unwrap();
    let room: RoomId = room.parse().unwrap();
    let mut joining = JoinSet::new();
    for (user, user_id) in users.into_iter().zip(user_ids) {
        let (rooms, room) = (engine.chat.rooms.clone(), room.clone());
        joining.spawn(async move { rooms.join(&Actor { user, user_id }, &room, None).await.map(drop) });
    }
    for joined in joining.join_all().await {
        joined.unwrap();
    }
}

/// Events by type and state key, without what is told of what they replaced only while it is in memory.
fn by_key(events: &Value) -> BTreeMap<String, Value> {
    let events = events.as_array().unwrap();
    let entry = |event: &Value| {
        let mut event = event.clone();
        let unsigned = event["unsigned"].as_object_mut().unwrap();
        unsigned.retain(|key, _| !["prev_content", "prev_sender", "replaces_state"].contains(&key.as_str()));
        (format!("{} {}", event["type"], event["state_key"]), event)
    };
    let found: BTreeMap<_, _> = events.iter().map(entry).collect();
    assert_eq!(found.len(), events.len(), "everybody once");
    found
}

/// The lists of members from all routes that have them, as a client is shown them: the path, and the events.
async fn lists(client: &Client, room: &str, at: &str, said: &str) -> Vec<(String, BTreeMap<String, Value>)> {
    let at = segment(at);
    let mut lists = Vec::new();
    for query in [
        String::new(),
        "?membership=join".into(),
        "?not_membership=join".into(),
        "?membership=ban&not_membership=join".into(),
        format!("?at={at}"),
        format!("?at={at}&membership=leave"),
        format!("?at={at}&not_membership=invite"),
    ] {
        let path = of(room, &format!("members{query}"));
        lists.push((path.clone(), by_key(&client.get(&path).await.ok()["chunk"])));
    }
    let path = of(room, "state");
    lists.push((path.clone(), by_key(&client.get(&path).await.ok())));
    for (path, place) in [(of(room, &format!("context/{said}")), "/state"), (of(room, "initialSync"), "/state")] {
        lists.push((path.clone(), by_key(client.get(&path).await.ok().pointer(place).unwrap())));
    }
    lists
}

/// The state of a room in a first sync with a filter.
async fn first_sync(client: &Client, room: &str, filter: Value) -> Value {
    let path = format!("/v3/sync?filter={}", segment(&filter.to_string()));
    let mut state = client.get(&path).await.ok()["rooms"]["join"][room]["state"]["events"].take();
    if state.is_null() {
        state = json!([]);
    }
    state
}

#[tokio::test]
async fn lists_of_members_are_the_same_after_a_restart() {
    let server = Setup::default().clock_at(NOW).start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "name": "Everybody" })).await;
    ben.join(&room).await;
    eve.join(&room).await;
    fill(&server, &room).await;
    ben.leave(&room).await;
    let at = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    let kick = |number| json!({ "user_id": name(number), "reason": "enough" });
    ana.post(&of(&room, "ban"), kick(5)).await.ok();
    ana.post(&of(&room, "kick"), kick(1_005)).await.ok();
    let renamed = json!({ "membership": "join", "displayname": "\"Eve\"\n\u{e9}", "avatar_url": "mxc://localhost/x" });
    let renamed = eve.set_state(&room, "m.room.member", eve.user_id(), renamed).await;
    let mut said = String::new();
    for number in 0..TALK {
        said = ana.send_text(&room, &format!("hello {number}")).await;
    }

    let path = of(&room, "joined_members");
    let before = [lists(&ana, &room, &at, &said).await, lists(&ben, &room, &at, &said_before(&ben, &room).await).await];
    let joined = ana.get(&path).await.ok();
    let filters = [json!({}), json!({ "room": { "state": { "senders": [name(7), eve.user_id()] } } })];
    let mut synced = Vec::new();
    for filter in &filters {
        synced.push(by_key(&first_sync(&ana, &room, filter.clone()).await));
    }

    let folder = server.stop().await;
    let server = Setup::default().clock_at(NOW).start_in(folder).await;
    let [ana, ben] = [&ana, &ben].map(|client| server.anonymous().with_token(client.token()));
    let answer = ana.get(&of(&room, "members")).await;
    assert_eq!(answer.header("content-length"), "", "the list is sent as it is read");
    let after = [lists(&ana, &room, &at, &said).await, lists(&ben, &room, &at, &said_before(&ben, &room).await).await];
    assert_eq!(before, after);
    assert_eq!(ana.get(&path).await.ok(), joined);
    for (filter, expected) in filters.iter().zip(&synced) {
        assert_eq!(&by_key(&first_sync(&ana, &room, filter.clone()).await), expected, "{filter}");
    }

    let count = |list: usize| after[0][list].1.len();
    assert_eq!((count(0), count(1), count(2), count(3)), (MEMBERS + 3, MEMBERS, 3, 3));
    assert_eq!((count(4), count(5), count(6)), (MEMBERS + 3, 1, MEMBERS + 3));
    let eve = &joined["joined"]["@eve:localhost"];
    assert_eq!(eve, &json!({ "display_name": "\"Eve\"\u{e9}", "avatar_url": "mxc://localhost/x" }));
    assert_eq!(joined["joined"].as_object().unwrap().len(), MEMBERS);
    assert_eq!(synced[1].len(), 2);
    let shown = &after[0][0].1["\"m.room.member\" \"@eve:localhost\""];
    assert_eq!(shown["event_id"], json!(renamed));
    assert_eq!(shown["unsigned"], json!({ "age": 0, "membership": "join" }));
    let to_ben = &after[1][0].1["\"m.room.member\" \"@member0005:localhost\""];
    assert_eq!(to_ben["content"]["membership"], "join", "he had left before the ban");
}

/// An event that a former member may see.
async fn said_before(client: &Client, room: &str) -> String {
    let page = client.get(&of(room, "messages?dir=b&limit=5")).await.ok();
    page["chunk"][0]["event_id"].as_str().unwrap().to_owned()
}
