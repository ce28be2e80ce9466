//! The published directory.

use im2_testkit::{Server, segment};
use serde_json::{Value, json};

use super::of;

fn names(page: &Value) -> Vec<&str> {
    page["chunk"].as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn published_rooms_are_listed_by_size_and_searched() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let publish = |name: &str, topic: &str, extra: Value| {
        let mut request = json!({ "visibility": "public", "name": name, "topic": topic });
        request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let ana = ana.clone();
        async move { ana.create_room(request).await }
    };
    let small = publish("Gardening", "Flowers and trees", json!({ "room_alias_name": "garden" })).await;
    assert_eq!(names(&ben.get("/v3/publicRooms").await.ok()), ["Gardening"]);
    let large = publish("广州美食群", "点心 and more", json!({})).await;
    let space = publish("Space", "All rooms", json!({ "creation_content": { "type": "m.space" } })).await;
    ana.create_room(json!({ "preset": "public_chat", "name": "Unlisted" })).await;
    ben.join(&large).await;
    let page = server.anonymous().get("/v3/publicRooms").await.ok();
    assert_eq!(names(&page)[0], "广州美食群");
    assert_eq!((page["chunk"].as_array().unwrap().len(), &page["total_room_count_estimate"]), (3, &json!(3)));
    let listed = page["chunk"].as_array().unwrap().iter().find(|room| room["room_id"] == json!(small)).unwrap();
    let expected = json!({
        "room_id": small, "name": "Gardening", "topic": "Flowers and trees", "canonical_alias": "#garden:localhost",
        "join_rule": "public", "num_joined_members": 1, "world_readable": false, "guest_can_join": false,
    });
    assert_eq!(*listed, expected);
    let search = async |filter: Value| ben.post("/v3/publicRooms", json!({ "filter": filter })).await.ok();
    for (term, found) in [
        ("州美", vec!["广州美食群"]),
        ("点心 MORE", vec!["广州美食群"]),
        ("garden", vec!["Gardening"]),
        ("FLOWERS", vec!["Gardening"]),
        ("GÁRDEN ｎｉｎｇ", vec!["Gardening"]),
        ("nothing", vec![]),
        ("", vec!["广州美食群", "Gardening", "Space"]),
    ] {
        let page = search(json!({ "generic_search_term": term })).await;
        let (mut got, mut found) = (names(&page), found);
        got.sort_unstable();
        found.sort_unstable();
        assert_eq!(got, found, "{term}");
    }
    assert_eq!(names(&search(json!({ "room_types": ["m.space"] })).await), ["Space"]);
    assert_eq!(names(&search(json!({ "room_types": [null] })).await).len(), 2);
    assert_eq!(names(&search(json!({ "room_types": ["m.space", null] })).await).len(), 3);
    // What changes in a room changes in the directory.
    ana.set_state(&space, "m.room.name", "", json!({ "name": "Renamed" })).await;
    assert_eq!(names(&search(json!({ "generic_search_term": "renamed" })).await), ["Renamed"]);
    assert_eq!(names(&search(json!({ "generic_search_term": "space" })).await), Vec::<&str>::new());
    ben.leave(&large).await;
    ben.join(&small).await;
    assert_eq!(names(&ben.get("/v3/publicRooms").await.ok())[0], "Gardening");
    ben.get("/v3/publicRooms?server=example.org").await.refused(404, "M_NOT_FOUND");
    assert_eq!(names(&ben.get("/v3/publicRooms?server=localhost").await.ok()).len(), 3);
}

#[tokio::test]
async fn pages_meet_without_gap_in_both_directions_and_after_a_restart() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for number in 0..7 {
        ana.create_room(json!({ "visibility": "public", "name": format!("room {number}") })).await;
    }
    let folder = server.stop().await;
    let server = im2_testkit::Setup::default().start_in(folder).await;
    let ben = server.register("ben").await;
    let all = ben.get("/v3/publicRooms").await.ok();
    let (mut seen, mut since, mut pages) = (Vec::new(), String::new(), Vec::new());
    loop {
        let page = ben.get(&format!("/v3/publicRooms?limit=3{since}")).await.ok();
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let next = page["next_batch"].as_str().map(|token| format!("&since={}", segment(token)));
        pages.push(page);
        match next {
            Some(next) => since = next,
            None => break,
        }
    }
    assert_eq!((seen, pages.len()), (names(&all).into_iter().map(str::to_owned).collect(), 3));
    assert_eq!(pages[0]["prev_batch"], Value::Null);
    let back = pages[2]["prev_batch"].as_str().unwrap();
    let back = ben.post("/v3/publicRooms", json!({ "limit": 3, "since": back })).await.ok();
    assert_eq!(back["chunk"], pages[1]["chunk"]);
    let first = back["prev_batch"].as_str().unwrap();
    let first = ben.get(&format!("/v3/publicRooms?limit=3&since={}", segment(first))).await.ok();
    assert_eq!((&first["chunk"], &first["prev_batch"]), (&pages[0]["chunk"], &Value::Null));
    let from_nowhere = ben.get("/v3/publicRooms?limit=3&since=").await.ok();
    assert_eq!(from_nowhere["chunk"], pages[0]["chunk"]);
    ben.get("/v3/publicRooms?since=nonsense").await.refused(400, "M_INVALID_PARAM");
    ben.get("/v3/publicRooms?limit=-1").await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn publishing_takes_the_right_to_set_the_canonical_alias() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "name": "Ours" })).await;
    ben.join(&room).await;
    let path = format!("/v3/directory/list/room/{}", segment(&room));
    assert_eq!(server.anonymous().get(&path).await.ok(), json!({ "visibility": "private" }));
    ben.put(&path, json!({ "visibility": "public" })).await.refused(403, "M_FORBIDDEN");
    ana.put(&path, json!({})).await.ok();
    assert_eq!(ben.get(&path).await.ok(), json!({ "visibility": "public" }));
    assert_eq!(names(&ben.get("/v3/publicRooms").await.ok()), ["Ours"]);
    ana.put(&path, json!({ "visibility": "private" })).await.ok();
    assert_eq!(names(&ben.get("/v3/publicRooms").await.ok()), Vec::<&str>::new());
    ana.put(&path, json!({ "visibility": "secret" })).await.refused(400, "M_BAD_JSON");
    ana.get("/v3/directory/list/room/!none:localhost").await.refused(404, "M_NOT_FOUND");
    ana.put("/v3/directory/list/room/!none:localhost", json!({})).await.refused(404, "M_NOT_FOUND");
    ana.get(&of(&room, "aliases")).await.ok();
}

#[tokio::test]
async fn a_room_that_has_become_private_is_listed_no_more_and_its_members_are_not_found() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "visibility": "public", "name": "Salon" })).await;
    ben.join(&room).await;
    let rules =
        async |rule: &str| drop(ana.set_state(&room, "m.room.join_rules", "", json!({ "join_rule": rule })).await);
    let history = async |visibility: &str| {
        let content = json!({ "history_visibility": visibility });
        ana.set_state(&room, "m.room.history_visibility", "", content).await;
    };
    let listed = async || {
        let page = server.anonymous().get("/v3/publicRooms").await.ok();
        let search = json!({ "filter": { "generic_search_term": "salon" } });
        assert_eq!(eve.post("/v3/publicRooms", search).await.ok()["chunk"], page["chunk"]);
        assert_eq!(page["total_room_count_estimate"], page["chunk"].as_array().unwrap().len());
        let found = eve.post("/v3/user_directory/search", json!({ "search_term": "be" })).await.ok();
        let found = !found["results"].as_array().unwrap().is_empty();
        (!page["chunk"].as_array().unwrap().is_empty(), found)
    };
    assert_eq!(listed().await, (true, true));
    rules("invite").await;
    assert_eq!(listed().await, (false, false));
    let summary = format!("/v1/room_summary/{}", segment(&room));
    eve.get(&summary).await.refused(404, "M_NOT_FOUND");
    history("world_readable").await;
    assert_eq!(listed().await, (true, true), "whoever can read it may know of it");
    history("joined").await;
    assert_eq!(listed().await, (false, false));
    rules("knock").await;
    assert_eq!(listed().await, (true, false), "one may ask to join");
    rules("public").await;
    assert_eq!(listed().await, (true, true));
}
