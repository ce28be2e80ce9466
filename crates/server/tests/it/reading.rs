//! Receipts, read markers, unread counts, notifications and typing over HTTP.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

fn path(room: &str, rest: &str) -> String {
    format!("/v3/rooms/{}/{rest}", segment(room))
}

fn receipt(room: &str, kind: &str, event: &str) -> String {
    path(room, &format!("receipt/{kind}/{}", segment(event)))
}

/// A public room of Ana's that Ben has joined.
async fn room_of_two(server: &Server) -> (Client, Client, String) {
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    (ana, ben, room)
}

async fn thread_reply(client: &Client, room: &str, root: &str) -> String {
    let relates_to = json!({ "rel_type": "m.thread", "event_id": root });
    client
        .send(room, "m.room.message", json!({ "msgtype": "m.text", "body": "reply", "m.relates_to": relates_to }))
        .await
}

/// The content of the first event of a type among what passes in a room.
fn ephemeral(sync: &Value, room: &str, kind: &str) -> Option<Value> {
    let events = sync["rooms"]["join"][room]["ephemeral"]["events"].as_array()?;
    events.iter().find(|event| event["type"] == kind).map(|event| event["content"].clone())
}

#[tokio::test]
async fn public_receipts_are_seen_by_all_and_private_ones_by_their_owner() {
    let server = Server::start().await;
    let (ana, ben, room) = room_of_two(&server).await;
    let event = ana.send_text(&room, "hello").await;
    let (since_ana, since_ben) = (ana.sync(None).await, ben.sync(None).await);
    assert_eq!(ben.post(&receipt(&room, "m.read.private", &event), json!({})).await.ok(), json!({}));
    let own = ben.sync(since_ben["next_batch"].as_str()).await;
    assert!(ephemeral(&own, &room, "m.receipt").unwrap()[&event]["m.read.private"][ben.user_id()]["ts"].is_u64());
    let others = ana.sync(since_ana["next_batch"].as_str()).await;
    assert_eq!(ephemeral(&others, &room, "m.receipt"), None);

    ben.post(&receipt(&room, "m.read", &event), json!({ "thread_id": "main" })).await.ok();
    let others = ana.sync(since_ana["next_batch"].as_str()).await;
    let content = ephemeral(&others, &room, "m.receipt").unwrap();
    assert_eq!(content[&event]["m.read"][ben.user_id()]["thread_id"], "main");
    assert!(content[&event].get("m.read.private").is_none());
    let whole = ana.sync(None).await;
    assert_eq!(ephemeral(&whole, &room, "m.receipt"), Some(content));
}

#[tokio::test]
async fn receipts_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    let (ana, ben, room) = room_of_two(&server).await;
    let eve = server.register("eve").await;
    let event = ana.send_text(&room, "hello").await;
    let reply = thread_reply(&ana, &room, &event).await;
    let to = receipt(&room, "m.read", &event);
    for thread in [json!(""), json!(1), json!(null), json!("nonsense"), json!("$other")] {
        ben.post(&to, json!({ "thread_id": thread })).await.refused(400, "M_INVALID_PARAM");
    }
    let in_main = json!({ "thread_id": "main" });
    ben.post(&receipt(&room, "m.read", &reply), in_main.clone()).await.refused(400, "M_INVALID_PARAM");
    ben.post(&receipt(&room, "m.fully_read", &event), in_main).await.refused(400, "M_INVALID_PARAM");
    ben.post(&receipt(&room, "m.nonsense", &event), json!({})).await.refused(400, "M_INVALID_PARAM");
    ben.post(&receipt(&room, "m.read", "nonsense"), json!({})).await.refused(400, "M_INVALID_PARAM");
    ben.post(&receipt(&room, "m.read", "$unknown"), json!({})).await.refused(404, "M_NOT_FOUND");
    eve.post(&to, json!({})).await.refused(403, "M_FORBIDDEN");
    eve.post(&path(&room, "read_markers"), json!({ "m.read": event })).await.refused(403, "M_FORBIDDEN");
    ben.post(&path(&room, "read_markers"), json!({ "m.read": 1 })).await.refused(400, "M_BAD_JSON");
    ben.post(&path(&room, "read_markers"), json!({ "m.fully_read": "$unknown" })).await.refused(404, "M_NOT_FOUND");
    let empty = ben.request(reqwest::Method::POST, &to);
    ben.send_request(empty).await.ok();
}

#[tokio::test]
async fn read_markers_move_the_fully_read_marker_and_the_receipts() {
    let server = Server::start().await;
    let (ana, ben, room) = room_of_two(&server).await;
    let first = ana.send_text(&room, "one").await;
    let second = ana.send_text(&room, "two").await;
    let since = ben.sync(None).await;
    let marked = json!({ "m.fully_read": first, "m.read": second, "m.read.private": second });
    assert_eq!(ben.post(&path(&room, "read_markers"), marked).await.ok(), json!({}));
    let news = ben.sync(since["next_batch"].as_str()).await;
    let content = ephemeral(&news, &room, "m.receipt").unwrap();
    assert!(content[&second]["m.read"].is_object() && content[&second]["m.read.private"].is_object());
    let marker = &news["rooms"]["join"][&room]["account_data"]["events"][0];
    assert_eq!(*marker, json!({ "type": "m.fully_read", "content": { "event_id": first } }));
    ben.post(&receipt(&room, "m.fully_read", &second), json!({})).await.ok();
    let user = segment(ben.user_id());
    let kept = ben.get(&format!("/v3/user/{user}/rooms/{}/account_data/m.fully_read", segment(&room))).await.ok();
    assert_eq!(kept, json!({ "event_id": second }));
    assert_eq!(ben.post(&path(&room, "read_markers"), json!({})).await.ok(), json!({}));
}

#[tokio::test]
async fn unread_counts_follow_receipts_in_every_thread() {
    let server = Server::start().await;
    let (ana, ben, room) = room_of_two(&server).await;
    let root = ana.send_text(&room, "root").await;
    thread_reply(&ana, &room, &root).await;
    let mention = json!({ "msgtype": "m.text", "body": "ben", "m.mentions": { "user_ids": [ben.user_id()] } });
    let last = ana.send(&room, "m.room.message", mention).await;
    let filter = segment(&json!({ "room": { "timeline": { "unread_thread_notifications": true } } }).to_string());
    let counts = async |parameters: &str| {
        let sync = ben.get(&format!("/v3/sync?timeout=0{parameters}")).await.ok();
        let room = &sync["rooms"]["join"][&room];
        (room["unread_notifications"].clone(), room["unread_thread_notifications"].clone())
    };
    let threaded = format!("&filter={filter}");
    let number = |notifications: u64, highlights: u64| json!({ "notification_count": notifications, "highlight_count": highlights });
    assert_eq!(counts("").await, (number(3, 1), Value::Null));
    assert_eq!(counts(&threaded).await, (number(2, 1), json!({ &root: number(1, 0) })));
    ben.post(&receipt(&room, "m.read", &last), json!({ "thread_id": "main" })).await.ok();
    assert_eq!(counts("").await.0, number(1, 0));
    assert_eq!(counts(&threaded).await, (number(0, 0), json!({ &root: number(1, 0) })));
    ben.post(&receipt(&room, "m.read.private", &last), json!({})).await.ok();
    assert_eq!(counts("").await.0, number(0, 0));
}

#[tokio::test]
async fn a_thread_root_of_strange_characters_breaks_no_answer() {
    let server = Server::start().await;
    let (ana, ben, room) = room_of_two(&server).await;
    let root = r#"$a":{},"b\"#;
    thread_reply(&ana, &room, root).await;
    let filter = json!({ "room": { "timeline": { "unread_thread_notifications": true } } }).to_string();
    let sync = ben.get(&format!("/v3/sync?timeout=0&filter={}", segment(&filter))).await.ok();
    let threads = &sync["rooms"]["join"][&room]["unread_thread_notifications"];
    assert_eq!(*threads, json!({ root: { "notification_count": 1, "highlight_count": 0 } }));
}

#[tokio::test]
async fn notifications_are_listed_in_pages() {
    let server = Server::start().await;
    let (ana, ben, room) = room_of_two(&server).await;
    let mut sent = Vec::new();
    for body in ["one", "two", "three"] {
        sent.push(ana.send_text(&room, body).await);
    }
    let mention = json!({ "msgtype": "m.text", "body": "ben", "m.mentions": { "user_ids": [ben.user_id()] } });
    sent.push(ana.send(&room, "m.room.message", mention).await);
    sent.reverse();
    ben.post(&receipt(&room, "m.read", &sent[2]), json!({})).await.ok();
    let first = ben.get("/v3/notifications?limit=3").await.ok();
    let notifications = first["notifications"].as_array().unwrap();
    let listed: Vec<(&Value, bool)> = notifications
        .iter()
        .map(|notification| (&notification["event"]["event_id"], notification["read"].as_bool().unwrap()))
        .collect();
    assert_eq!(listed, [(&json!(sent[0]), false), (&json!(sent[1]), false), (&json!(sent[2]), true)]);
    assert_eq!(notifications[0]["room_id"], json!(room));
    assert_eq!(notifications[0]["ts"], notifications[0]["event"]["origin_server_ts"]);
    assert!(notifications[0]["actions"].as_array().unwrap().contains(&json!("notify")));
    assert!(notifications[0]["event"].get("room_id").is_none());
    let next = first["next_token"].as_str().unwrap();
    let second = ben.get(&format!("/v3/notifications?from={next}")).await.ok();
    assert_eq!(second["notifications"].as_array().unwrap().len(), 1);
    assert!(second.get("next_token").is_none());
    let highlights = ben.get("/v3/notifications?only=highlight").await.ok();
    assert_eq!(highlights["notifications"][0]["event"]["event_id"], json!(sent[0]));
    assert_eq!(highlights["notifications"].as_array().unwrap().len(), 1);
    ben.get("/v3/notifications?from=nonsense").await.refused(400, "M_INVALID_PARAM");
    ben.get("/v3/notifications?limit=-1").await.refused(400, "M_INVALID_PARAM");
    server.anonymous().get("/v3/notifications").await.refused(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn typing_is_told_to_the_room() {
    let server = Server::start().await;
    let (ana, ben, room) = room_of_two(&server).await;
    let typing = path(&room, &format!("typing/{}", segment(ana.user_id())));
    let before = ben.sync(None).await;
    assert_eq!(ephemeral(&before, &room, "m.typing"), None);
    assert_eq!(ana.put(&typing, json!({ "typing": true, "timeout": 30_000 })).await.ok(), json!({}));
    let since = before["next_batch"].as_str().unwrap();
    let news = ben.sync_wait(since, 10_000).await;
    assert_eq!(ephemeral(&news, &room, "m.typing"), Some(json!({ "user_ids": [ana.user_id()] })));
    ana.put(&typing, json!({ "typing": false })).await.ok();
    let news = ben.sync_wait(news["next_batch"].as_str().unwrap(), 10_000).await;
    assert_eq!(ephemeral(&news, &room, "m.typing"), Some(json!({ "user_ids": [] })));
    for wrong in [json!({}), json!({ "typing": "yes" }), json!({ "typing": true, "timeout": -1 })] {
        ana.put(&typing, wrong).await.refused(400, "M_BAD_JSON");
    }
    ben.put(&typing, json!({ "typing": true })).await.refused(403, "M_FORBIDDEN");
    let eve = server.register("eve").await;
    let as_eve = path(&room, &format!("typing/{}", segment(eve.user_id())));
    eve.put(&as_eve, json!({ "typing": true })).await.refused(403, "M_FORBIDDEN");
}
