//! Lists, details, history, and the power to change things.

use im2_testkit::{Server, segment};
use serde_json::json;

use super::{admin, ids, of};

#[tokio::test]
async fn rooms_are_listed_searched_and_ordered() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let garden = ana.create_room(json!({ "name": "Garden", "preset": "public_chat", "visibility": "public" })).await;
    root.join(&garden).await;
    let attic = ana.create_room(json!({ "name": "attic", "room_alias_name": "top" })).await;
    let space = ana.create_room(json!({ "creation_content": { "type": "m.space" }, "room_version": "10" })).await;
    ana.leave(&space).await;
    let list = async |query: &str| root.get(&admin(&format!("v1/rooms{query}"))).await.ok();

    let all = list("").await;
    assert_eq!(
        (ids(&all), &all["total_rooms"], &all["offset"]),
        (vec![&*space, &attic, &garden], &json!(3), &json!(0))
    );
    let shown = &all["rooms"][2];
    let expected = json!({
        "room_id": garden, "name": "Garden", "canonical_alias": null, "joined_members": 2, "joined_local_members": 2,
        "version": "12", "creator": ana.user_id(), "encryption": null, "federatable": true, "public": true,
        "join_rules": "public", "guest_access": "forbidden", "history_visibility": "shared",
        "state_events": shown["state_events"], "room_type": null,
    });
    assert_eq!(shown, &expected);
    assert_eq!(all["rooms"][0]["room_type"], "m.space");

    for (query, expected) in [
        ("?order_by=joined_members", vec![&*garden, &attic, &space]),
        ("?order_by=size&dir=b", vec![&*space, &attic, &garden]),
        ("?order_by=version&limit=2&dir=b", vec![&*space]),
        ("?search_term=gard", vec![&*garden]),
        ("?search_term=TOP", vec![&*attic]),
        (&format!("?search_term={}", segment(&space)), vec![&*space]),
        ("?public_rooms=true", vec![&*garden]),
        ("?empty_rooms=true", vec![&*space]),
        ("?empty_rooms=false&public_rooms=false", vec![&*attic]),
        ("?search_term=nothing", vec![]),
    ] {
        let found = list(query).await;
        assert_eq!(ids(&found)[..expected.len()], expected, "{query}");
        if !query.contains("limit") {
            assert_eq!(found["total_rooms"], expected.len(), "{query}");
        }
    }
    let page = list("?limit=2").await;
    assert_eq!((page["next_batch"].as_u64(), &page["prev_batch"]), (Some(2), &json!(null)));
    let page = list("?limit=2&from=2").await;
    assert_eq!((ids(&page), &page["next_batch"], &page["prev_batch"]), (vec![&*garden], &json!(null), &json!(0)));
    for order in [
        "alphabetical",
        "canonical_alias",
        "joined_local_members",
        "creator",
        "encryption",
        "federatable",
        "public",
        "join_rules",
        "guest_access",
        "history_visibility",
        "state_events",
    ] {
        assert_eq!(list(&format!("?order_by={order}")).await["total_rooms"], 3, "{order}");
    }
    root.get(&admin("v1/rooms?order_by=colour")).await.refused(400, "M_INVALID_PARAM");
    root.get(&admin("v1/rooms?from=-1")).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn an_administrator_looks_into_a_room_without_being_in_it() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let room = ana.create_room(json!({ "name": "Private", "topic": "ours" })).await;
    let first = ana.send_text(&room, "one").await;
    let second = ana.send_text(&room, "two").await;

    let details = root.get(&of(&room, "")).await.ok();
    assert_eq!((&details["topic"], &details["joined_local_devices"]), (&json!("ours"), &json!(1)));
    assert_eq!((&details["forgotten"], &details["tombstoned"]), (&json!(false), &json!(false)));
    let members = root.get(&of(&room, "/members")).await.ok();
    assert_eq!(members, json!({ "members": [ana.user_id()], "total": 1 }));
    let state = root.get(&of(&room, "/state?type=m.room.name")).await.ok();
    assert_eq!(state["state"][0]["content"]["name"], "Private");
    let messages = root.get(&of(&room, "/messages?dir=b&limit=2")).await.ok();
    assert_eq!(messages["chunk"][0]["event_id"], second);
    let forward = root.get(&of(&room, "/messages?limit=1")).await.ok();
    assert_eq!(forward["chunk"][0]["type"], "m.room.create");
    let context = root.get(&of(&room, &format!("/context/{first}?limit=2"))).await.ok();
    assert_eq!(context["events_after"][0]["event_id"], second);
    assert_eq!(
        root.get(&of(&room, "/timestamp_to_event?ts=0")).await.ok()["event_id"],
        forward["chunk"][0]["event_id"]
    );
    let event = root.get(&admin(&format!("v1/fetch_event/{first}"))).await.ok();
    assert_eq!(event["event"]["content"]["body"], "one");
    let last = root.get(&of(&room, "/forward_extremities")).await.ok();
    assert_eq!((&last["count"], &last["results"][0]["event_id"]), (&json!(1), &json!(second)));
    let deleted = root.delete(&of(&room, "/forward_extremities"), json!({})).await.ok();
    assert_eq!(deleted, json!({ "deleted": 0 }));

    let space = ana.create_room(json!({ "creation_content": { "type": "m.space" } })).await;
    ana.set_state(&space, "m.space.child", &room, json!({ "via": ["localhost"] })).await;
    let tree = root.get(&of(&space, "/hierarchy")).await.ok();
    assert_eq!(ids(&tree), [&*space, &room]);
    for path in ["", "/members", "/state", "/messages", "/hierarchy", "/forward_extremities"] {
        let missing = of("!nowhere:localhost", path);
        let status = root.get(&missing).await.status;
        assert!(matches!(status, 403 | 404), "{missing}: {status}");
    }
}

#[tokio::test]
async fn an_administrator_makes_room_admins_and_joins_users() {
    let server = Server::start().await;
    let (root, ana, ben) =
        (server.register_admin("root").await, server.register("ana").await, server.register("ben").await);
    for version in ["11", "12"] {
        let room = ana.create_room(json!({ "preset": "private_chat", "room_version": version })).await;
        root.post(&of(&room, "/make_room_admin"), json!({})).await.ok();
        root.join(&room).await;
        root.set_state(&room, "m.room.name", "", json!({ "name": "taken over" })).await;
        let levels = ana.get(&format!("/v3/rooms/{room}/state/m.room.power_levels/")).await.ok();
        assert!(levels["users"][root.user_id()].as_i64() >= Some(100), "{levels}");
        let join = admin(&format!("v1/join/{}", segment(&room)));
        let joined = root.post(&join, json!({ "user_id": ben.user_id() })).await.ok();
        assert_eq!(joined["room_id"], room);
        ben.send_text(&room, "here I am").await;
        root.post(&join, json!({ "user_id": "@eve:elsewhere.org" })).await.refused(400, "M_INVALID_PARAM");
        root.post(&join, json!({ "user_id": "@nobody:localhost" })).await.refused(404, "M_NOT_FOUND");
    }
    let closed = ana.create_room(json!({})).await;
    let join = admin(&format!("v1/join/{}", segment(&closed)));
    root.post(&join, json!({ "user_id": ben.user_id() })).await.refused(403, "M_FORBIDDEN");
    ana.leave(&closed).await;
    root.post(&of(&closed, "/make_room_admin"), json!({})).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn a_blocked_room_cannot_be_used() {
    let server = Server::start().await;
    let (root, ana, ben) =
        (server.register_admin("root").await, server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    assert_eq!(root.get(&of(&room, "/block")).await.ok(), json!({ "block": false }));
    assert_eq!(root.put(&of(&room, "/block"), json!({ "block": true })).await.ok(), json!({ "block": true }));
    let blocked = json!({ "block": true, "user_id": root.user_id() });
    assert_eq!(root.get(&of(&room, "/block")).await.ok(), blocked);
    let path = |rest: &str| format!("/v3/rooms/{}/{rest}", segment(&room));
    ben.post(&path("join"), json!({})).await.refused(403, "M_FORBIDDEN");
    ana.post(&path("invite"), json!({ "user_id": ben.user_id() })).await.refused(403, "M_FORBIDDEN");
    let text = json!({ "msgtype": "m.text", "body": "still here?" });
    ana.put(&path("send/m.room.message/1"), text).await.refused(403, "M_FORBIDDEN");
    ana.post(&path("upgrade"), json!({ "new_version": "12" })).await.refused(403, "M_FORBIDDEN");

    // The block outlives a restart, and rooms that are not here can be blocked as well.
    let elsewhere = of("!elsewhere:example.org", "/block");
    root.put(&elsewhere, json!({ "block": true })).await.ok();
    let folder = server.stop().await;
    let server = im2_testkit::Setup::default().start_in(folder).await;
    let again = |client: &im2_testkit::Client| server.anonymous().with_token(client.token());
    let (root, ana, ben) = (again(&root), again(&ana), again(&ben));
    assert_eq!(root.get(&elsewhere).await.ok()["block"], true);
    ben.post(&path("join"), json!({})).await.refused(403, "M_FORBIDDEN");
    root.put(&of(&room, "/block"), json!({ "block": false })).await.ok();
    ben.join(&room).await;
    root.put(&of(&room, "/block"), json!({ "block": true })).await.ok();
    ana.leave(&room).await;
}
