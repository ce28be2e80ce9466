//! Room summaries and the rooms of a space.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{of, of_v1};

async fn summary(client: &Client, room: &str) -> im2_testkit::Answer {
    client.get(&format!("/v1/room_summary/{}?via=localhost", segment(room))).await
}

#[tokio::test]
async fn a_summary_is_for_those_who_could_come_in() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let request = json!({
        "name": "Room", "topic": "About it", "room_alias_name": "room", "invite": [ben.user_id()], "room_version": "11",
        "initial_state": [
            { "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } },
            { "type": "m.room.avatar", "content": { "url": "mxc://localhost/avatar" } },
        ],
    });
    let room = ana.create_room(request).await;
    let mut expected = json!({
        "room_id": room, "name": "Room", "topic": "About it", "canonical_alias": "#room:localhost",
        "avatar_url": "mxc://localhost/avatar", "join_rule": "invite", "num_joined_members": 1,
        "world_readable": false, "guest_can_join": true, "room_version": "11",
        "encryption": "m.megolm.v1.aes-sha2", "membership": "join",
    });
    assert_eq!(summary(&ana, &room).await.ok(), expected);
    expected["membership"] = json!("invite");
    assert_eq!(summary(&ben, "#room:localhost").await.ok(), expected);
    summary(&eve, &room).await.refused(404, "M_NOT_FOUND");
    for (kind, content) in [
        ("m.room.join_rules", json!({ "join_rule": "public" })),
        ("m.room.join_rules", json!({ "join_rule": "knock" })),
        ("m.room.history_visibility", json!({ "history_visibility": "world_readable" })),
    ] {
        ana.set_state(&room, kind, "", content).await;
        assert_eq!(summary(&eve, &room).await.ok()["name"], "Room");
        if kind == "m.room.join_rules" {
            ana.set_state(&room, kind, "", json!({ "join_rule": "invite" })).await;
            summary(&eve, &room).await.refused(404, "M_NOT_FOUND");
        }
    }
    summary(&eve, "!none:localhost").await.refused(404, "M_NOT_FOUND");
    summary(&eve, "none").await.refused(400, "M_INVALID_PARAM");
}

async fn child(owner: &Client, space: &str, child: &str, mut content: Value) {
    content["via"] = json!(["localhost"]);
    owner.set_state(space, "m.space.child", child, content).await;
}

fn rooms(page: &Value) -> Vec<&str> {
    page["rooms"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_space_is_walked_depth_first_in_the_order_of_its_children() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let make = async |name: &str, preset: &str, is_space: bool| {
        let mut request = json!({ "name": name, "preset": preset });
        if is_space {
            request["creation_content"] = json!({ "type": "m.space" });
        }
        ana.create_room(request).await
    };
    let top = make("top", "public_chat", true).await;
    let inner = make("inner", "public_chat", true).await;
    let leaf = make("leaf", "public_chat", false).await;
    let last = make("last", "public_chat", false).await;
    let hidden = make("hidden", "private_chat", true).await;
    let below_hidden = make("below hidden", "public_chat", false).await;
    let removed = make("removed", "public_chat", false).await;
    child(&ana, &top, &last, json!({})).await;
    child(&ana, &top, &hidden, json!({ "order": "b" })).await;
    child(&ana, &top, &inner, json!({ "order": "a", "suggested": true })).await;
    child(&ana, &top, "!unknown:localhost", json!({ "order": "0" })).await;
    ana.set_state(&top, "m.space.child", &removed, json!({})).await;
    child(&ana, &inner, &leaf, json!({})).await;
    child(&ana, &inner, &top, json!({})).await; // a circle
    child(&ana, &hidden, &below_hidden, json!({})).await;
    let walk = async |client: &Client, query: &str| client.get(&of_v1(&top, &format!("hierarchy{query}"))).await;
    let hers = walk(&ana, "").await.ok();
    assert_eq!(rooms(&hers), ["top", "inner", "leaf", "hidden", "below hidden", "last"]);
    let his = walk(&ben, "").await.ok();
    assert_eq!((rooms(&his), &his["next_batch"]), (vec!["top", "inner", "leaf", "last"], &Value::Null));
    let children = his["rooms"][0]["children_state"].as_array().unwrap();
    let keys: Vec<_> = children.iter().map(|event| event["state_key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["!unknown:localhost", &inner, &hidden, &last]);
    assert!(children[0]["origin_server_ts"].is_u64() && children[0]["event_id"].is_null());
    assert_eq!(his["rooms"][0]["room_type"], "m.space");
    assert_eq!(his["rooms"][2]["children_state"], json!([]));
    assert_eq!(rooms(&walk(&ben, "?max_depth=1").await.ok()), ["top", "inner", "last"]);
    assert_eq!(rooms(&walk(&ben, "?max_depth=0").await.ok()), ["top"]);
    assert_eq!(rooms(&walk(&ben, "?suggested_only=true").await.ok()), ["top", "inner"]);
    let (mut seen, mut from) = (Vec::new(), String::new());
    loop {
        let page = walk(&ana, &format!("?limit=2{from}")).await.ok();
        seen.extend(rooms(&page).into_iter().map(str::to_owned));
        match page["next_batch"].as_str() {
            Some(next) => from = format!("&from={next}"),
            None => break,
        }
    }
    assert_eq!(seen, rooms(&hers));
    walk(&ana, &format!("?limit=2&max_depth=1{from}")).await.refused(400, "M_INVALID_PARAM");
    walk(&ana, "?from=nonsense").await.refused(400, "M_INVALID_PARAM");
    walk(&ana, "?limit=0").await.refused(400, "M_INVALID_PARAM");
    ben.get(&of_v1(&hidden, "hierarchy")).await.refused(403, "M_FORBIDDEN");
    ben.get(&of_v1("!none:localhost", "hierarchy")).await.refused(403, "M_FORBIDDEN");
    ana.post(&of(&top, "ban"), json!({ "user_id": ben.user_id() })).await.ok();
    walk(&ben, "").await.refused(403, "M_FORBIDDEN");
}
