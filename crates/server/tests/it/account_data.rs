//! Account data, tags and filters over HTTP.

use im2_testkit::{Client, Server, segment};
use reqwest::Method;
use serde_json::{Value, json};

fn own(client: &Client, rest: &str) -> String {
    format!("/v3/user/{}/{rest}", segment(client.user_id()))
}

fn in_room(client: &Client, room: &str, rest: &str) -> String {
    own(client, &format!("rooms/{}/{rest}", segment(room)))
}

/// The content of an account data event of a type, for the account or for a room, in a sync's answer.
fn synced(sync: &Value, room: Option<&str>, kind: &str) -> Option<Value> {
    let section = room.map_or(sync, |room| &sync["rooms"]["join"][room]);
    let events = section["account_data"]["events"].as_array()?;
    events.iter().find(|event| event["type"] == kind).map(|event| event["content"].clone())
}

#[tokio::test]
async fn account_data_is_its_owners_and_reaches_other_devices() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({})).await;
    let phone = ana.log_in("ana", "password of ana").await;
    let before = phone.sync(None).await;
    let global = own(&ana, "account_data/org.colour");
    let local = in_room(&ana, &room, "account_data/org.colour");
    ana.get(&global).await.refused(404, "M_NOT_FOUND");
    ana.get(&local).await.refused(404, "M_NOT_FOUND");
    assert_eq!(ana.put(&global, json!({ "is": "red" })).await.ok(), json!({}));
    assert_eq!(ana.put(&local, json!({ "is": "blue" })).await.ok(), json!({}));
    assert_eq!(ana.get(&global).await.ok(), json!({ "is": "red" }));
    assert_eq!(ana.get(&local).await.ok(), json!({ "is": "blue" }));

    let news = phone.sync(before["next_batch"].as_str()).await;
    assert_eq!(synced(&news, None, "org.colour"), Some(json!({ "is": "red" })));
    assert_eq!(synced(&news, Some(&room), "org.colour"), Some(json!({ "is": "blue" })));
    let whole = phone.sync(None).await;
    assert_eq!(synced(&whole, None, "org.colour"), Some(json!({ "is": "red" })));
    assert!(synced(&whole, None, "m.push_rules").is_some_and(|rules| rules["global"]["override"].is_array()));

    for path in [&global, &local] {
        ben.get(path).await.refused(403, "M_FORBIDDEN");
        ben.put(path, json!({})).await.refused(403, "M_FORBIDDEN");
        server.anonymous().get(path).await.refused(401, "M_MISSING_TOKEN");
    }
}

#[tokio::test]
async fn what_is_no_account_data_is_refused() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    for kind in ["m.fully_read", "m.push_rules"] {
        ana.put(&own(&ana, &format!("account_data/{kind}")), json!({})).await.refused(405, "M_BAD_JSON");
        let path = in_room(&ana, &room, &format!("account_data/{kind}"));
        ana.put(&path, json!({})).await.refused(405, "M_BAD_JSON");
    }
    let path = own(&ana, "account_data/org.x");
    ana.put(&path, json!([])).await.refused(400, "M_BAD_JSON");
    let broken = ana.request(Method::PUT, &path).body("{");
    ana.send_request(broken).await.refused(400, "M_NOT_JSON");
    ana.put(&path, json!({ "large": "x".repeat(300_000) })).await.refused(413, "M_TOO_LARGE");
    ana.put(&in_room(&ana, "nonsense", "account_data/org.x"), json!({})).await.refused(400, "M_INVALID_PARAM");
    ana.get(&in_room(&ana, "nonsense", "account_data/org.x")).await.refused(400, "M_INVALID_PARAM");
    ana.put(&in_room(&ana, "!other:localhost", "account_data/org.x"), json!({})).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn tags_are_put_changed_and_taken_away() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({})).await;
    let tags = in_room(&ana, &room, "tags");
    let tag = |name: &str| format!("{tags}/{}", segment(name));
    assert_eq!(ana.get(&tags).await.ok(), json!({ "tags": {} }));
    ana.put(&tag("m.favourite"), json!({ "order": 0.5 })).await.ok();
    ana.put(&tag("u.工作"), json!({})).await.ok();
    let expected = json!({ "tags": { "m.favourite": { "order": 0.5 }, "u.工作": {} } });
    assert_eq!(ana.get(&tags).await.ok(), expected);
    assert_eq!(synced(&ana.sync(None).await, Some(&room), "m.tag"), Some(expected));
    ana.delete(&tag("m.favourite"), json!({})).await.ok();
    ana.delete(&tag("m.favourite"), json!({})).await.ok();
    assert_eq!(ana.get(&tags).await.ok(), json!({ "tags": { "u.工作": {} } }));
    ana.put(&tag("u.x"), json!({ "order": 2 })).await.refused(400, "M_BAD_JSON");
    ana.put(&tag(&"x".repeat(256)), json!({})).await.refused(400, "M_INVALID_PARAM");
    ben.get(&tags).await.refused(403, "M_FORBIDDEN");
    ben.put(&tag("u.x"), json!({})).await.refused(403, "M_FORBIDDEN");
    ben.delete(&tag("u.x"), json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn filters_are_kept_and_used() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let filters = own(&ana, "filter");
    let definition =
        json!({ "room": { "timeline": { "types": ["m.room.message"] } }, "presence": { "not_types": ["*"] } });
    let answer = ana.post(&filters, definition.clone()).await.ok();
    let id = answer["filter_id"].as_str().unwrap();
    assert!(!id.starts_with('{'));
    assert_eq!(ana.post(&filters, definition.clone()).await.ok()["filter_id"], id);
    let path = format!("{filters}/{id}");
    assert_eq!(ana.get(&path).await.ok(), definition);
    ana.get(&format!("{filters}/12345")).await.refused(404, "M_NOT_FOUND");
    ana.get(&format!("{filters}/none")).await.refused(404, "M_NOT_FOUND");
    ben.get(&path).await.refused(403, "M_FORBIDDEN");
    ben.post(&filters, json!({})).await.refused(403, "M_FORBIDDEN");
    for wrong in [
        json!({ "presence": "not_an_object" }),
        json!({ "room": { "timeline": "not_an_object" } }),
        json!({ "room": { "timeline": { "rooms": ["not_a_room_id"] } } }),
        json!({ "room": { "timeline": { "senders": ["not_a_sender_id"] } } }),
        json!({ "room": { "timeline": { "types": [1] } } }),
        json!([]),
    ] {
        ana.post(&filters, wrong).await.refused(400, "M_BAD_JSON");
    }

    let room = ana.create_room(json!({ "name": "quiet" })).await;
    let event = ana.send_text(&room, "hello").await;
    for filter in [id, &definition.to_string()] {
        let sync = ana.get(&format!("/v3/sync?timeout=0&filter={}", segment(filter))).await.ok();
        let timeline = sync["rooms"]["join"][&room]["timeline"]["events"].as_array().unwrap();
        let ids: Vec<&Value> = timeline.iter().map(|event| &event["event_id"]).collect();
        assert_eq!(ids, [event.as_str()]);
    }
    ana.get("/v3/sync?timeout=0&filter=12345").await.refused(400, "M_INVALID_PARAM");
}
