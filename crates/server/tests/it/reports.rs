//! Reports of events, rooms and users: who may, and how administrators read them.

use im2_testkit::{Server, Setup, segment};
use serde_json::{Value, json};

#[tokio::test]
async fn who_may_report_what() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let said = ana.send_text(&room, "rude").await;
    let event = format!("/v3/rooms/{}/report/{}", segment(&room), segment(&said));
    let room_path = format!("/v3/rooms/{}/report", segment(&room));
    let user = format!("/v3/users/{}/report", segment(ana.user_id()));

    eve.post(&event, json!({ "reason": "bad" })).await.refused(404, "M_NOT_FOUND");
    ben.join(&room).await;
    assert_eq!(ben.post(&event, json!({ "reason": "bad", "score": -100 })).await.ok(), json!({}));
    ben.post(&event, json!({})).await.ok();
    let unknown = format!("/v3/rooms/{}/report/$unknown", segment(&room));
    ben.post(&unknown, json!({ "reason": "bad" })).await.refused(404, "M_NOT_FOUND");
    ben.post(&event, json!({ "score": "bad" })).await.refused(400, "M_BAD_JSON");
    ben.post(&event, json!({ "score": 1 })).await.refused(400, "M_INVALID_PARAM");
    ben.post(&event, json!({ "reason": 7 })).await.refused(400, "M_BAD_JSON");
    ben.post(&event, json!({ "reason": "x".repeat(4_097) })).await.refused(400, "M_INVALID_PARAM");
    ben.leave(&room).await;
    ben.post(&event, json!({ "reason": "bad" })).await.refused(404, "M_NOT_FOUND");

    // Rooms and users may be reported by everybody.
    assert_eq!(eve.post(&room_path, json!({ "reason": "" })).await.ok(), json!({}));
    assert_eq!(eve.post(&user, json!({ "reason": "spam" })).await.ok(), json!({}));
    for path in [&room_path, &user] {
        eve.post(path, json!({})).await.refused(400, "M_BAD_JSON");
        eve.post(path, json!({ "reason": "x".repeat(4_097) })).await.refused(400, "M_INVALID_PARAM");
    }
    let nowhere = json!({ "reason": "x" });
    eve.post("/v3/rooms/!no:localhost/report", nowhere.clone()).await.refused(404, "M_NOT_FOUND");
    eve.post("/v3/users/@no:localhost/report", nowhere).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn what_a_member_may_not_see_does_not_exist_for_a_report() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let hidden = json!([{ "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } }]);
    let room = ana.create_room(json!({ "preset": "public_chat", "initial_state": hidden })).await;
    let before = ana.send_text(&room, "before ben").await;
    ben.join(&room).await;
    let path = format!("/v3/rooms/{}/report/{}", segment(&room), segment(&before));
    ben.post(&path, json!({ "reason": "?" })).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn administrators_list_read_and_remove_reports() {
    let server = Server::start().await;
    let (root, ana, ben) =
        (server.register_admin("root").await, server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "name": "Here", "room_alias_name": "here" })).await;
    ben.join(&room).await;
    let mut events = Vec::new();
    for number in 0..3 {
        let said = ana.send_text(&room, &format!("rude {number}")).await;
        let path = format!("/v3/rooms/{}/report/{}", segment(&room), segment(&said));
        ben.post(&path, json!({ "reason": format!("bad {number}"), "score": -number })).await.ok();
        events.push(said);
    }
    let own = ben.send_text(&room, "mine").await;
    ben.post(&format!("/v3/rooms/{}/report/{}", segment(&room), segment(&own)), json!({})).await.ok();
    ben.post(&format!("/v3/rooms/{}/report", segment(&room)), json!({ "reason": "all of it" })).await.ok();
    ana.post(&format!("/v3/users/{}/report", segment(ben.user_id())), json!({ "reason": "them" })).await.ok();

    let list = async |path: &str| root.get(&format!("/_synapse/admin/v1/{path}")).await.ok();
    let page = list("event_reports?limit=3").await;
    assert_eq!((&page["total"], &page["next_token"]), (&json!(4), &json!(3)));
    assert_eq!(page["event_reports"][0]["event_id"], own);
    let rest = list("event_reports?limit=3&from=3").await;
    assert_eq!((&rest["event_reports"][0]["event_id"], &rest["next_token"]), (&json!(events[0]), &json!(null)));
    let first = &list("event_reports?dir=f").await["event_reports"][1];
    let id = first["id"].as_u64().unwrap();
    let expected = json!({
        "id": id, "event_id": events[1], "reason": "bad 1", "score": -1, "received_ts": first["received_ts"],
        "room_id": room, "name": "Here", "canonical_alias": "#here:localhost", "sender": ana.user_id(),
        "user_id": ben.user_id(),
    });
    assert_eq!(first, &expected);
    for (filter, count) in [
        (format!("event_sender_user_id={}", segment(ana.user_id())), 3),
        (format!("user_id={}", segment(ana.user_id())), 0),
        (format!("room_id={}", segment(&room)), 4),
        ("room_id=!other:localhost".to_owned(), 0),
    ] {
        assert_eq!(list(&format!("event_reports?{filter}")).await["total"], count, "{filter}");
    }
    let details = list(&format!("event_reports/{id}")).await;
    assert_eq!((&details["event_json"]["content"]["body"], &details["reason"]), (&json!("rude 1"), &json!("bad 1")));
    assert_eq!(list("room_reports").await["room_reports"][0]["reason"], "all of it");
    let users = list("user_reports").await;
    assert_eq!((&users["user_reports"][0]["target_user_id"], &users["total"]), (&json!(ben.user_id()), &json!(1)));

    let path = format!("/_synapse/admin/v1/event_reports/{id}");
    assert_eq!(root.delete(&path, Value::Null).await.ok(), json!({}));
    root.get(&path).await.refused(404, "M_NOT_FOUND");
    root.delete(&path, Value::Null).await.refused(404, "M_NOT_FOUND");
    root.get("/_synapse/admin/v1/event_reports/x").await.refused(400, "M_INVALID_PARAM");
    assert_eq!(list("event_reports").await["total"], 3);
}

#[tokio::test]
async fn administrators_are_told_of_a_report() {
    let setup = Setup::default().set("server_notices.localpart", "server").set("reports.notify_admins", true);
    let server = setup.start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let since = root.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    ana.post("/v3/users/@root:localhost/report", json!({ "reason": "abuse of power" })).await.ok();
    let mut news = root.sync_wait(&since, 30_000).await;
    let invited = |news: &Value| news["rooms"]["invite"].as_object().and_then(|rooms| rooms.keys().next().cloned());
    while invited(&news).is_none() {
        news = root.sync_wait(news["next_batch"].as_str().unwrap(), 30_000).await;
    }
    let room = invited(&news).unwrap();
    root.join(&room).await;
    let mut seen = root.sync(None).await;
    while !seen["rooms"]["join"][&room]["timeline"].to_string().contains("abuse of power") {
        seen = root.sync_wait(seen["next_batch"].as_str().unwrap(), 30_000).await;
    }
    let text = seen["rooms"]["join"][&room]["timeline"].to_string();
    assert!(text.contains("@ana:localhost has reported the user @root:localhost: abuse of power"), "{text}");
}
