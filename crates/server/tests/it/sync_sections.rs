//! A room's section of `/sync` must not leave out state that its timeline does not show.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

async fn sync(client: &Client, since: Option<&str>, filter: &Value) -> Value {
    let since = since.map(|token| format!("&since={}", segment(token))).unwrap_or_default();
    client.get(&format!("/v3/sync?timeout=0&filter={}{since}", segment(&filter.to_string()))).await.ok()
}

/// The types of the events in a part of a joined room's section, or of one that was left.
fn types<'a>(sync: &'a Value, room: &str, part: &str) -> Vec<&'a str> {
    let rooms = &sync["rooms"];
    let section = if rooms["join"][room].is_null() { &rooms["leave"][room] } else { &rooms["join"][room] };
    let events = section[part]["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The name of the room as a client knows it that applies a section: first the state, then the timeline.
fn name<'a>(sync: &'a Value, room: &str) -> Option<&'a str> {
    let section = &sync["rooms"]["join"][room];
    let events = ["state", "timeline"].into_iter().filter_map(|part| section[part]["events"].as_array()).flatten();
    let mut names = events.filter(|event| event["type"] == "m.room.name");
    names.next_back().map(|event| event["content"]["name"].as_str().unwrap())
}

#[tokio::test]
async fn state_that_the_timeline_s_filter_leaves_out_is_in_the_state() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "name": "first" })).await;
    ana.send_text(&room, "hello").await;
    let messages = json!({ "room": { "timeline": { "types": ["m.room.message"] } } });
    let whole = sync(&ana, None, &messages).await;
    assert_eq!(types(&whole, &room, "timeline"), ["m.room.message"]);
    assert!(types(&whole, &room, "state").contains(&"m.room.create"), "{whole}");
    assert_eq!(name(&whole, &room), Some("first"));

    ana.set_state(&room, "m.room.name", "", json!({ "name": "second" })).await;
    ana.set_state(&room, "m.room.name", "", json!({ "name": "third" })).await;
    let since = whole["next_batch"].as_str();
    let news = sync(&ana, since, &messages).await;
    assert_eq!(types(&news, &room, "timeline"), [""; 0]);
    assert_eq!(types(&news, &room, "state"), ["m.room.name"]);
    assert_eq!(name(&news, &room), Some("third"));

    // Between two messages.
    ana.send_text(&room, "and").await;
    ana.set_state(&room, "m.room.name", "", json!({ "name": "fourth" })).await;
    ana.send_text(&room, "goodbye").await;
    let news = sync(&ana, since, &messages).await;
    assert_eq!(types(&news, &room, "timeline"), ["m.room.message"; 2]);
    assert_eq!(name(&news, &room), Some("fourth"));
}

#[tokio::test]
async fn who_may_not_see_the_past_still_learns_the_state_of_the_room() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let visibility = json!({ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } });
    let request = json!({ "preset": "public_chat", "name": "first", "initial_state": [visibility] });
    let room = ana.create_room(request).await;
    let since = ben.sync(None).await;
    ana.set_state(&room, "m.room.name", "", json!({ "name": "second" })).await;
    ana.send_text(&room, "before Ben").await;
    eve.join(&room).await;
    ben.join(&room).await;
    ana.set_state(&room, "m.room.topic", "", json!({ "topic": "Ben is here" })).await;
    for answer in [ben.sync(since["next_batch"].as_str()).await, ben.sync(None).await] {
        assert_eq!(name(&answer, &room), Some("second"), "{answer}");
        assert!(!types(&answer, &room, "timeline").contains(&"m.room.message"), "{answer}");
        let timeline = answer["rooms"]["join"][&room]["timeline"]["events"].as_array().unwrap();
        assert!(timeline.iter().any(|event| event["state_key"] == eve.user_id()), "{answer}");
    }
}

#[tokio::test]
async fn a_limit_of_zero_is_a_timeline_without_events() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "name": "here" })).await;
    ben.join(&room).await;
    let nothing = json!({ "room": { "timeline": { "limit": 0 }, "include_leave": true } });
    let whole = sync(&ben, None, &nothing).await;
    assert_eq!(types(&whole, &room, "timeline"), [""; 0]);
    assert_eq!(whole["rooms"]["join"][&room]["timeline"]["limited"], true);
    assert_eq!(name(&whole, &room), Some("here"));

    ben.leave(&room).await;
    let left = sync(&ben, None, &nothing).await;
    assert_eq!(types(&left, &room, "timeline"), [""; 0]);
    let state = left["rooms"]["leave"][&room]["state"]["events"].as_array().unwrap();
    let own = state.iter().find(|event| event["state_key"] == ben.user_id()).unwrap();
    assert_eq!(own["content"]["membership"], "leave");
}

#[tokio::test]
async fn a_room_joined_meanwhile_has_a_gap_where_its_timeline_does_not_reach_its_beginning() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ana.send_text(&room, "hello").await;
    let since = ben.sync(None).await;
    ben.join(&room).await;
    let since = since["next_batch"].as_str();
    let whole = ben.sync(since).await;
    assert_eq!(whole["rooms"]["join"][&room]["timeline"]["limited"], false);
    let messages = json!({ "room": { "timeline": { "types": ["m.room.message"] } } });
    let part = sync(&ben, since, &messages).await;
    assert_eq!(types(&part, &room, "timeline"), ["m.room.message"]);
    assert_eq!(part["rooms"]["join"][&room]["timeline"]["limited"], true);
}

#[tokio::test]
async fn who_came_and_went_in_a_gap_is_told_to_clients_that_load_members_lazily() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "name": "here" })).await;
    eve.join(&room).await;
    ana.send_text(&room, "hello").await;
    let lazy = json!({ "room": { "state": { "lazy_load_members": true }, "timeline": { "limit": 1 } } });
    let whole = sync(&ana, None, &lazy).await;
    let members = |answer: &Value| {
        let state = answer["rooms"]["join"][&room]["state"]["events"].as_array().unwrap().clone();
        let members = state.into_iter().filter(|event| event["type"] == "m.room.member");
        let shown =
            |event: Value| (event["state_key"].as_str().unwrap().to_owned(), event["content"]["membership"].clone());
        members.map(shown).collect::<Vec<_>>()
    };
    assert_eq!(members(&whole), [(ana.user_id().to_owned(), json!("join"))]);
    ben.join(&room).await;
    eve.leave(&room).await;
    ana.send_text(&room, "and").await;
    ana.send_text(&room, "goodbye").await;
    let news = sync(&ana, whole["next_batch"].as_str(), &lazy).await;
    assert_eq!(news["rooms"]["join"][&room]["timeline"]["limited"], true);
    let mut changed = members(&news);
    changed.sort_by(|one, other| one.0.cmp(&other.0));
    let (came, went) = (ben.user_id().to_owned(), eve.user_id().to_owned());
    assert_eq!(changed, [(came, json!("join")), (went, json!("leave"))]);
}
