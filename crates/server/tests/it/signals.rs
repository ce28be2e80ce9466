//! Signals that are sent to clients and not stored: typing and presence.

use im2_testkit::{Client, Setup, segment};
use serde_json::{Value, json};

const NOW: u64 = 1_700_000_000_000;

async fn types(client: &Client, room: &str) {
    let path = format!("/v3/rooms/{}/typing/{}", segment(room), segment(client.user_id()));
    client.put(&path, json!({ "typing": true, "timeout": 120_000 })).await.ok();
}

/// The members who type in a room, as the next `/sync` tells it; `null` if it does not.
async fn told(client: &Client, since: &mut String, room: &str) -> Value {
    let news = client.sync(Some(since)).await;
    news["next_batch"].as_str().unwrap().clone_into(since);
    news["rooms"]["join"][room]["ephemeral"]["events"]
        .as_array()
        .and_then(|events| events.iter().find(|event| event["type"] == "m.typing"))
        .map_or(Value::Null, |event| event["content"]["user_ids"].clone())
}

/// Ends the typing of `@ben` on his phone in Ana's room in one of several ways.
async fn end_typing(how: &str, (root, ana): (&Client, &Client), ben: &Client, room: &str) {
    let path = |action: &str| format!("/v3/rooms/{}/{action}", segment(room));
    let account = format!("/_synapse/admin/v2/users/{}", segment(ben.user_id()));
    let whom = json!({ "user_id": ben.user_id() });
    match how {
        "leave" => ben.leave(room).await,
        "kick" | "ban" => drop(ana.post(&path(how), whom).await.ok()),
        "upgrade" => drop(ana.post(&path(how), json!({ "new_version": "12" })).await.ok()),
        "logout" | "logout/all" => drop(ben.post(&format!("/v3/{how}"), json!({})).await.ok()),
        "deactivate" => drop(root.put(&account, json!({ "deactivated": true })).await.ok()),
        "lock" => drop(root.put(&account, json!({ "locked": true })).await.ok()),
        "new password" => drop(root.put(&account, json!({ "password": "another pass phrase" })).await.ok()),
        other => unreachable!("{other}"),
    }
}

#[tokio::test]
async fn typing_ends_with_whatever_ends_the_right_to_type() {
    let server = Setup::default().clock_at(NOW).start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let ways = ["leave", "kick", "ban", "upgrade", "logout", "logout/all", "deactivate", "lock", "new password"];
    for (number, how) in ways.into_iter().enumerate() {
        let ben = server.register(&format!("ben{number}")).await;
        let room = ana.create_room(json!({ "preset": "public_chat" })).await;
        ben.join(&room).await;
        let mut since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
        types(&ben, &room).await;
        assert_eq!(told(&ana, &mut since, &room).await, json!([ben.user_id()]), "{how}");
        end_typing(how, (&root, &ana), &ben, &room).await;
        assert_eq!(told(&ana, &mut since, &room).await, json!([]), "{how}");
    }
}

#[tokio::test]
async fn who_comes_back_does_not_type_on_and_another_device_that_goes_ends_nothing() {
    let server = Setup::default().clock_at(NOW).start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let laptop = server.anonymous().log_in("ben", "password of ben").await;
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let mut since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    types(&ben, &room).await;
    laptop.post("/v3/logout", json!({})).await.ok();
    assert_eq!(told(&ana, &mut since, &room).await, json!([ben.user_id()]));
    assert_eq!(told(&ana, &mut since, &room).await, Value::Null, "nothing has ended");
    ben.leave(&room).await;
    ben.join(&room).await;
    assert_eq!(told(&ana, &mut since, &room).await, json!([]));
}

#[tokio::test]
async fn the_devices_of_a_user_do_not_contradict_each_other() {
    let server = Setup::default().clock_at(NOW).start().await;
    let (ana, phone) = (server.register("ana").await, server.register("ben").await);
    let laptop = server.anonymous().log_in("ben", "password of ben").await;
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    phone.join(&room).await;
    let shown = async || ana.get("/v3/presence/@ben:localhost/status").await.ok()["presence"].clone();
    let news = async |since: &mut String| {
        let news = ana.sync(Some(since)).await;
        news["next_batch"].as_str().unwrap().clone_into(since);
        let events = news["presence"]["events"].as_array().cloned().unwrap_or_default();
        events.into_iter().filter(|event| event["sender"] == "@ben:localhost").count()
    };
    phone.get("/v3/sync?timeout=0&set_presence=online").await.ok();
    let mut since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    assert_eq!(shown().await, "online");
    for _ in 0..3 {
        laptop.get("/v3/sync?timeout=0&set_presence=unavailable").await.ok();
        assert_eq!(shown().await, "online", "the phone is online");
        phone.get("/v3/sync?timeout=0&set_presence=online").await.ok();
        server.advance(10_000);
        server.engine().chat.presence.tick();
    }
    assert_eq!(news(&mut since).await, 0, "nothing has changed");
    server.advance(10_000);
    laptop.get("/v3/sync?timeout=0&set_presence=unavailable").await.ok();
    assert_eq!(shown().await, "online", "the phone may still come back");
    server.advance(10_000);
    server.engine().chat.presence.tick();
    assert_eq!(shown().await, "unavailable", "the phone has gone");
    assert_eq!(news(&mut since).await, 1);
    laptop.put("/v3/presence/@ben:localhost/status", json!({ "presence": "offline" })).await.ok();
    assert_eq!(shown().await, "offline", "the last one hides");
}
