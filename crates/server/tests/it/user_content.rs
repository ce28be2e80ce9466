//! Administration of the events and uploads of a user.

use im2_testkit::{Client, Server, Setup, segment, until};
use reqwest::Method;
use serde_json::{Value, json};

fn of(user: &Client, rest: &str) -> String {
    format!("/_synapse/admin/v1/users/{}/{rest}", segment(user.user_id()))
}

/// Starts a redaction and returns the path of its status.
async fn redact(root: &Client, user: &Client, request: Value) -> String {
    let path = format!("/_synapse/admin/v1/user/{}/redact", segment(user.user_id()));
    let id = root.post(&path, request).await.ok()["redact_id"].as_str().unwrap().to_owned();
    format!("/_synapse/admin/v1/user/redact_status/{id}")
}

/// The answer once it has ended.
async fn ended(root: &Client, status: &str) -> Value {
    let mut answer = Value::Null;
    let has_ended = async || {
        answer = root.get(status).await.ok();
        !matches!(answer["status"].as_str(), Some("scheduled" | "active"))
    };
    until("the redaction ends", has_ended).await;
    answer
}

/// Whether each of the events has content.
async fn readable(client: &Client, room: &str, events: &[&String]) -> Vec<bool> {
    let mut found = Vec::new();
    for event in events {
        let event = client.get(&format!("/v3/rooms/{}/event/{}", segment(room), segment(event))).await.ok();
        found.push(event["content"] != json!({}));
    }
    found
}

#[tokio::test]
async fn what_a_user_has_sent_is_redacted_in_all_their_rooms() {
    let server = Server::start().await;
    let root = server.register_admin("root").await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (first, second) = (
        ana.create_room(json!({ "preset": "public_chat" })).await,
        ben.create_room(json!({ "preset": "public_chat" })).await,
    );
    ben.join(&first).await;
    ana.join(&second).await;
    let (one, two, theirs) =
        (ana.send_text(&first, "1").await, ana.send_text(&first, "2").await, ben.send_text(&first, "ben's").await);
    let (three, topic) = (
        ana.send_text(&second, "3").await,
        ana.set_state(&first, "m.room.topic", "", json!({ "topic": "spam" })).await,
    );
    let status = redact(&root, &ana, json!({ "rooms": [], "reason": "spam" })).await;
    let answer = ended(&root, &status).await;
    assert_eq!(answer, json!({ "status": "complete", "failed_redactions": {} }));
    assert_eq!(readable(&ben, &first, &[&one, &two, &topic, &theirs]).await, [false, false, false, true]);
    assert_eq!(readable(&ben, &second, &[&three]).await, [false]);
    let event = ben.get(&format!("/v3/rooms/{}/event/{}", segment(&first), segment(&one))).await.ok();
    let because = &event["unsigned"]["redacted_because"];
    assert_eq!((&because["sender"], &because["content"]["reason"]), (&json!(ana.user_id()), &json!("spam")));
    // The rooms' rules are what they were.
    let levels = ben.get(&format!("/v3/rooms/{}/state/m.room.power_levels/", segment(&first))).await.ok();
    assert!(levels["events"].is_object(), "{levels}");
    ana.send_text(&first, "still a member").await;
    root.get("/_synapse/admin/v1/user/redact_status/unknown").await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn a_redaction_is_limited_to_rooms_times_and_numbers() {
    let server = Setup::default().clock_at(1_700_000_000_000).start().await;
    let root = server.register_admin("root").await;
    let ana = server.register("ana").await;
    let (room, other) = (ana.create_room(json!({})).await, ana.create_room(json!({})).await);
    let mut sent = Vec::new();
    for text in ["0", "1", "2", "3"] {
        server.advance(1_000);
        sent.push(ana.send_text(&room, text).await);
    }
    let elsewhere = ana.send_text(&other, "elsewhere").await;
    let sent: Vec<_> = sent.iter().collect();
    let status = redact(&root, &ana, json!({ "rooms": [room], "limit": 1 })).await;
    ended(&root, &status).await;
    assert_eq!(readable(&ana, &room, &sent).await, [true, true, true, false]);
    let window = json!({ "rooms": [room], "after_ts": 1_700_000_002_000_u64, "before_ts": 1_700_000_003_000_u64 });
    let status = redact(&root, &ana, window).await;
    ended(&root, &status).await;
    assert_eq!(readable(&ana, &room, &sent).await, [true, false, false, false]);
    assert_eq!(readable(&ana, &other, &[&elsewhere]).await, [true]);

    // In the administrator's own name it fails where the administrator is nobody.
    let status = redact(&root, &ana, json!({ "rooms": [room], "use_admin": true })).await;
    let answer = ended(&root, &status).await;
    assert!(answer["failed_redactions"][sent[0]].is_string(), "{answer}");
    assert_eq!(readable(&ana, &room, &sent).await, [true, false, false, false]);
    let path = format!("/_synapse/admin/v1/user/{}/redact", segment(ana.user_id()));
    root.post(&path, json!({})).await.refused(400, "M_BAD_JSON");
    root.post(&path, json!({ "rooms": [], "limit": 0 })).await.refused(400, "M_INVALID_PARAM");
    root.post("/_synapse/admin/v1/user/@nobody:localhost/redact", json!({ "rooms": [] }))
        .await
        .refused(404, "M_NOT_FOUND");
}

async fn upload(client: &Client, name: &str, content: &str) -> String {
    let request = client.request(Method::POST, &format!("/_matrix/media/v3/upload?filename={name}"));
    let request = request.header("content-type", "text/plain").body(content.to_owned());
    let uri = client.send_request(request).await.ok()["content_uri"].as_str().unwrap().to_owned();
    uri.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_a_user_has_uploaded_is_listed_and_deleted() {
    let server = Setup::default().clock_at(1_700_000_000_000).start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let mut ids = Vec::new();
    for (name, content) in [("c", "x"), ("a", "yyy"), ("b", "zz")] {
        server.advance(1_000);
        ids.push(upload(&ana, name, content).await);
    }
    let kept = upload(&root, "kept", "kept").await;
    let list = async |query: &str| root.get(&of(&ana, &format!("media?{query}"))).await.ok();
    let names = |page: &Value| -> Vec<String> {
        let media = page["media"].as_array().unwrap().iter();
        media.map(|media| media["upload_name"].as_str().unwrap().to_owned()).collect()
    };
    let newest = list("").await;
    assert_eq!((names(&newest), &newest["total"]), (vec!["b".into(), "a".into(), "c".into()], &json!(3)));
    let first = &newest["media"][0];
    assert_eq!((&first["media_id"], &first["media_length"]), (&json!(ids[2]), &json!(2)));
    assert_eq!((&first["media_type"], &first["quarantined_by"]), (&json!("text/plain"), &Value::Null));
    assert_eq!(names(&list("order_by=upload_name").await), ["a", "b", "c"]);
    assert_eq!(names(&list("order_by=media_length&dir=b").await), ["a", "b", "c"]);
    assert_eq!(names(&list("dir=f").await), ["c", "a", "b"]);
    let page = list("limit=2").await;
    assert_eq!((names(&page).len(), &page["next_token"]), (2, &json!(2)));
    let rest = list("limit=2&from=2").await;
    assert_eq!((names(&rest), rest.get("next_token")), (vec!["c".to_owned()], None));
    root.get(&of(&ana, "media?order_by=colour")).await.refused(400, "M_INVALID_PARAM");

    let deleted = root.delete(&of(&ana, "media?limit=1"), json!({})).await.ok();
    assert_eq!(deleted, json!({ "deleted_media": [ids[2]], "total": 1 }));
    ana.get(&format!("/v1/media/download/localhost/{}", ids[2])).await.refused(404, "M_NOT_FOUND");
    assert_eq!(root.delete(&of(&ana, "media"), json!({})).await.ok()["total"], 2);
    assert_eq!(list("").await, json!({ "media": [], "total": 0 }));
    assert_eq!(ana.get(&format!("/v1/media/download/localhost/{kept}")).await.status, 200);
}

#[tokio::test]
async fn the_pushers_of_a_user_are_listed() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    assert_eq!(root.get(&of(&ana, "pushers")).await.ok(), json!({ "pushers": [], "total": 0 }));
    let pusher = json!({
        "kind": "http", "app_id": "org.example.app", "pushkey": "key", "app_display_name": "Example",
        "device_display_name": "Phone", "lang": "en", "data": { "url": "https://push.example.org/_matrix/push/v1/notify" },
    });
    ana.post("/v3/pushers/set", pusher.clone()).await.ok();
    let listed = root.get(&of(&ana, "pushers")).await.ok();
    assert_eq!((&listed["total"], &listed["pushers"][0]["pushkey"]), (&json!(1), &pusher["pushkey"]));
    assert_eq!(listed["pushers"], ana.get("/v3/pushers").await.ok()["pushers"]);
}
