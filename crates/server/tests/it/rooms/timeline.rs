//! Paging, context, and finding an event by its time.

use im2_testkit::{Client, Server, Setup, segment};
use serde_json::{Value, json};

use super::{bodies, ids, of, of_v1};

/// All events of a room, by following `end` from `from`.
async fn walk(client: &Client, room: &str, direction: &str, from: &str, limit: usize) -> Vec<String> {
    let (mut seen, mut from) = (Vec::new(), from.to_owned());
    loop {
        let page = client.get(&of(room, &format!("messages?dir={direction}&limit={limit}{from}"))).await.ok();
        assert!(ids(&page["chunk"]).len() <= limit);
        seen.extend(ids(&page["chunk"]));
        match page["end"].as_str() {
            Some(end) if !ids(&page["chunk"]).is_empty() => from = format!("&from={end}"),
            _ => return seen,
        }
    }
}

#[tokio::test]
async fn paging_yields_every_event_once_in_both_directions() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    let mut sent = Vec::new();
    for number in 0..150 {
        sent.push(ana.send_text(&room, &number.to_string()).await);
    }
    for limit in [1000, 64, 7] {
        let forward = walk(&ana, &room, "f", "", limit).await;
        let mut backward = walk(&ana, &room, "b", "", limit).await;
        backward.reverse();
        assert_eq!(forward, backward, "{limit}");
        assert_eq!(forward[forward.len() - sent.len()..], sent, "{limit}");
    }
    // From a place in the stream, both ways, without the event in between missing or twice.
    let from = format!("&from={}", segment(&since));
    assert_eq!(walk(&ana, &room, "f", &from, 40).await, sent);
    let before = walk(&ana, &room, "b", &from, 40).await;
    assert_eq!(before.len() + sent.len(), walk(&ana, &room, "f", "", 1000).await.len());
    // Up to a place.
    let to = ana.get(&of(&room, "messages?dir=b&limit=10")).await.ok()["end"].as_str().unwrap().to_owned();
    let page = ana.get(&of(&room, &format!("messages?dir=b&limit=100&to={to}"))).await.ok();
    assert_eq!(ids(&page["chunk"]).len(), 10);
    for wrong in ["dir=x", "dir=b&from=x", "dir=b&from=t-1", "dir=b&limit=-1", "dir=b&from=t9223372036854775807"] {
        ana.get(&of(&room, &format!("messages?{wrong}"))).await.refused(400, "M_INVALID_PARAM");
    }
    ana.get(&of(&room, "messages")).await.refused(400, "M_MISSING_PARAM");
}

#[tokio::test]
async fn lazily_loaded_members_come_with_their_events() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    eve.join(&room).await;
    let said = ben.send_text(&room, "hello").await;
    let filter = segment(&json!({ "lazy_load_members": true, "types": ["m.room.message"] }).to_string());
    let page = ana.get(&of(&room, &format!("messages?dir=b&filter={filter}"))).await.ok();
    let keys =
        |state: &Value| state.as_array().unwrap().iter().map(|event| event["state_key"].clone()).collect::<Vec<_>>();
    assert_eq!(keys(&page["state"]), [json!(ben.user_id())]);
    let filter = segment(&json!({ "lazy_load_members": true, "not_types": ["m.room.power_levels"] }).to_string());
    let context = ana.get(&of(&room, &format!("context/{}?limit=0&filter={filter}", segment(&said)))).await.ok();
    let members: Vec<_> = keys(&context["state"]).into_iter().filter(|key| key.as_str() != Some("")).collect();
    assert_eq!(members, [json!(ben.user_id())]);
    let kinds: Vec<_> = context["state"].as_array().unwrap().iter().map(|event| event["type"].as_str()).collect();
    assert!(kinds.contains(&Some("m.room.create")) && !kinds.contains(&Some("m.room.power_levels")), "{kinds:?}");
}

#[tokio::test]
async fn the_context_of_an_event_leads_on_in_both_directions() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let mut sent = Vec::new();
    for number in 0..20 {
        sent.push(ana.send_text(&room, &number.to_string()).await);
    }
    let context = async |query: &str| ana.get(&of(&room, &format!("context/{}{query}", segment(&sent[10])))).await;
    let around = context("?limit=5").await.ok();
    assert_eq!(around["event"]["event_id"], json!(sent[10]));
    assert_eq!(bodies(&around["events_before"]), ["9", "8"]);
    assert_eq!(bodies(&around["events_after"]), ["11", "12", "13"]);
    assert!(around["state"].as_array().is_some_and(|state| !state.is_empty()));
    for (direction, token, expected) in [("b", "start", "7"), ("f", "end", "14")] {
        let from = around[token].as_str().unwrap();
        let page = ana.get(&of(&room, &format!("messages?dir={direction}&limit=1&from={from}"))).await.ok();
        assert_eq!(bodies(&page["chunk"]), [expected]);
    }
    let alone = context("?limit=0").await.ok();
    assert_eq!((bodies(&alone["events_before"]).len(), bodies(&alone["events_after"]).len()), (0, 0));
    let default = context("").await.ok();
    assert_eq!((bodies(&default["events_before"]).len(), bodies(&default["events_after"]).len()), (5, 5));
    let last = ana.get(&of(&room, &format!("context/{}", segment(&sent[19])))).await.ok();
    assert_eq!(ids(&last["events_after"]), Vec::<String>::new());
    ana.get(&of(&room, "context/$none")).await.refused(404, "M_NOT_FOUND");
    context("?limit=x").await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn an_event_is_found_by_its_time() {
    let server = Setup::default().clock_at(1_700_000_000_000).start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let history = json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } }]);
    let room = ana.create_room(json!({ "preset": "public_chat", "initial_state": history })).await;
    let mut sent = Vec::new();
    for number in 0..3 {
        server.advance(10_000);
        sent.push(ana.send_text(&room, &number.to_string()).await);
    }
    server.advance(10_000);
    ben.join(&room).await;
    let find = async |client: &Client, ts: u64, direction: &str| {
        client.get(&of_v1(&room, &format!("timestamp_to_event?ts={ts}&dir={direction}"))).await
    };
    let at = |seconds: u64| 1_700_000_000_000 + seconds * 1000;
    for (ts, direction, index) in [(15, "f", 1), (15, "b", 0), (20, "f", 1), (20, "b", 1), (39, "b", 2)] {
        let found = find(&ana, at(ts), direction).await.ok();
        assert_eq!(found["event_id"], json!(sent[index]), "{ts} {direction}");
        assert_eq!(found["origin_server_ts"], at((index as u64 + 1) * 10));
    }
    find(&ana, at(41), "f").await.refused(404, "M_NOT_FOUND");
    find(&ana, at(0) - 1, "b").await.refused(404, "M_NOT_FOUND");
    // Ben joined after all of them.
    assert_eq!(find(&ben, at(5), "f").await.ok()["origin_server_ts"], at(40));
    // Before the visibility was set, which came with the room's creation, it was the default: all is shared.
    assert_eq!(find(&ben, at(30), "b").await.ok()["origin_server_ts"], at(0));
    ana.get(&of_v1(&room, "timestamp_to_event?dir=f")).await.refused(400, "M_MISSING_PARAM");
    ana.get(&of_v1(&room, "timestamp_to_event?ts=1")).await.refused(400, "M_MISSING_PARAM");
}
