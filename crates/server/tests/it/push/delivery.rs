//! Delivery to push gateways: the content, order and repetition of notifications.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use im2_fair::caller::scope;
use im2_testkit::{Binary, Client, Server, segment, until};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Gateway, keys, pusher, server, set};
use crate::fairness::{Gate, caller};

/// Ana, who has a name before there is a room that would hear of it later, Ben, both in a room, and a gateway for Ben.
async fn two_in_a_room(server: &Server) -> (Client, Client, String, Gateway) {
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    ana.put(&format!("/v3/profile/{}/displayname", segment(ana.user_id())), json!({ "displayname": "Ana" })).await.ok();
    let room =
        ana.create_room(json!({ "preset": "public_chat", "name": "Kitchen", "room_alias_name": "kitchen" })).await;
    ben.join(&room).await;
    let gateway = Gateway::start().await;
    (ana, ben, room, gateway)
}

async fn read(client: &Client, room: &str, event_id: &str) {
    let path = format!("/v3/rooms/{}/receipt/m.read/{}", segment(room), segment(event_id));
    client.post(&path, json!({})).await.ok();
}

#[tokio::test]
async fn a_message_is_told_with_all_that_a_gateway_may_want() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    let mut request = pusher(&gateway.url, "key");
    request["data"]["org.example.brand"] = json!("pear");
    set(&ben, request).await;
    let event_id = ana.send_text(&room, "dinner is ready").await;
    let told = gateway.next_event().await;
    let device = &told["devices"][0];
    assert!(device["pushkey_ts"].as_u64().is_some_and(|seconds| (1_700_000_000..1_700_000_000_000).contains(&seconds)));
    let expected = json!({
        "event_id": event_id, "room_id": room, "type": "m.room.message", "sender": ana.user_id(),
        "sender_display_name": "Ana", "room_name": "Kitchen", "room_alias": "#kitchen:localhost",
        "content": { "msgtype": "m.text", "body": "dinner is ready" },
        "prio": "high", "counts": { "unread": 1 },
        "devices": [{
            "app_id": "org.example.app", "pushkey": "key", "pushkey_ts": device["pushkey_ts"],
            "data": { "org.example.brand": "pear" }, "tweaks": { "sound": "default" },
        }],
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_gateway_that_wants_only_the_event_id_is_told_no_more() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    let mut request = pusher(&gateway.url, "key");
    request["data"]["format"] = json!("event_id_only");
    set(&ben, request).await;
    let event_id = ana.send_text(&room, "a secret").await;
    let told = gateway.next_event().await;
    let mut names: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["counts", "devices", "event_id", "prio", "room_id"]);
    assert_eq!((&told["event_id"], &told["room_id"]), (&json!(event_id), &json!(room)));
    assert_eq!(told["devices"][0]["data"], json!({ "format": "event_id_only" }));
}

#[tokio::test]
async fn only_what_the_push_rules_say_is_told_and_never_ones_own() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    set(&ben, pusher(&gateway.url, "key")).await;
    ben.send_text(&room, "my own").await;
    ana.send(&room, "m.room.message", json!({ "msgtype": "m.notice", "body": "I am a bot" })).await;
    let rule = json!({ "pattern": "quiet", "actions": [] });
    ben.put("/v3/pushrules/global/content/quiet", rule).await.ok();
    ana.send_text(&room, "be quiet").await;
    let rule = json!({ "pattern": "cake", "actions": [
        "notify", { "set_tweak": "highlight" }, { "set_tweak": "sound", "value": "bell" },
    ] });
    ben.put("/v3/pushrules/global/content/cake", rule).await.ok();
    let cake = ana.send_text(&room, "there is cake").await;
    let told = gateway.next_event().await;
    assert_eq!((&told["event_id"], &told["prio"]), (&json!(cake), &json!("high")));
    assert_eq!(told["devices"][0]["tweaks"], json!({ "highlight": true, "sound": "bell" }));
}

#[tokio::test]
async fn an_invite_is_told_to_the_invited() {
    let server = server().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let mut gateway = Gateway::start().await;
    set(&ben, pusher(&gateway.url, "key")).await;
    let room = ana.create_room(json!({ "preset": "private_chat", "name": "Cellar", "invite": [ben.user_id()] })).await;
    let told = gateway.next_event().await;
    assert_eq!((&told["type"], &told["room_id"]), (&json!("m.room.member"), &json!(room)));
    assert_eq!((&told["user_is_target"], &told["room_name"]), (&json!(true), &json!("Cellar")));
    assert_eq!(told["content"]["membership"], "invite");
}

#[tokio::test]
async fn numbers_count_all_rooms_and_fall_when_something_is_read_elsewhere() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    let other = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&other).await;
    ana.send_text(&other, "before there was a pusher").await;
    set(&ben, pusher(&gateway.url, "key")).await;
    ana.send_text(&room, "one").await;
    assert_eq!(gateway.next_event().await["counts"]["unread"], 2);
    let two = ana.send_text(&room, "two").await;
    assert_eq!(gateway.next_event().await["counts"]["unread"], 3);
    read(&ben, &room, &two).await;
    let told = gateway.next_badge().await;
    assert_eq!(told["counts"], json!({ "unread": 1 }));
    assert_eq!(told["devices"][0]["pushkey"], "key");
    ben.send_text(&other, "read, as I write").await;
    assert_eq!(gateway.next_badge().await["counts"], json!({ "unread": 0 }));
}

#[tokio::test]
async fn a_gateway_that_fails_is_told_again_and_in_order() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    set(&ben, pusher(&gateway.url, "key")).await;
    gateway.answer_next(500, json!({}));
    let one = ana.send_text(&room, "one").await;
    assert_eq!(gateway.next_event().await["event_id"], json!(one), "and answers with an error");
    let two = ana.send_text(&room, "two").await;
    assert_eq!(gateway.next_event().await["event_id"], json!(one));
    assert_eq!(gateway.next_event().await["event_id"], json!(two));
}

#[tokio::test]
async fn all_users_of_a_gateway_share_a_connection_to_it() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    let eve = server.register("eve").await;
    eve.join(&room).await;
    for client in [&ben, &eve] {
        set(client, pusher(&gateway.url, &format!("key of {}", client.user_id()))).await;
    }
    for number in 0..10 {
        ana.send_text(&room, &number.to_string()).await;
        for _ in 0..2 {
            gateway.next_event().await;
        }
    }
    // The two may be told at the same moment; over TLS that takes one connection, too.
    assert!((1..=2).contains(&gateway.connections()), "{} connections for 20 requests", gateway.connections());
}

#[tokio::test]
async fn a_key_that_the_gateway_rejects_is_told_no_more() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    set(&ben, pusher(&gateway.url, "dead")).await;
    gateway.answer_next(200, json!({ "rejected": ["dead", "of somebody else"] }));
    ana.send_text(&room, "one").await;
    gateway.next_event().await;
    // The answer has to arrive and be written.
    until("the pusher is gone", async || keys(&ben).await.is_empty()).await;
    set(&ben, pusher(&gateway.url, "alive")).await;
    ana.send_text(&room, "two").await;
    let told = gateway.next_event().await;
    assert_eq!((&told["content"]["body"], &told["devices"][0]["pushkey"]), (&json!("two"), &json!("alive")));
}

#[tokio::test]
async fn a_user_is_told_on_each_device_and_no_longer_after_signing_out() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    let phone = ben.log_in("ben", "password of ben").await;
    let mut elsewhere = Gateway::start().await;
    set(&ben, pusher(&gateway.url, "computer")).await;
    set(&phone, pusher(&elsewhere.url, "phone")).await;
    ana.send_text(&room, "one").await;
    assert_eq!(gateway.next_event().await["devices"][0]["pushkey"], "computer");
    assert_eq!(elsewhere.next_event().await["devices"][0]["pushkey"], "phone");
    phone.post("/v3/logout", json!({})).await.ok();
    let two = ana.send_text(&room, "two").await;
    assert_eq!(gateway.next_event().await["event_id"], json!(two));
    // A sign-in of the same device is a new session: what came meanwhile is not for it.
    let phone = ben.log_in("ben", "password of ben").await;
    set(&phone, pusher(&elsewhere.url, "phone")).await;
    let three = ana.send_text(&room, "three").await;
    assert_eq!(elsewhere.next_event().await["event_id"], json!(three));
}

#[tokio::test]
async fn what_a_gateway_has_not_confirmed_is_told_again_after_a_kill() {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let allowed = [("IM2_PUSH__ALLOW_PRIVATE_ADDRESSES", "true")];
    let server = binary.serve(&allowed);
    let (ana, ben) = (server.anonymous().register("ana").await, server.anonymous().register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let mut gateway = Gateway::start().await;
    set(&ben, pusher(&gateway.url, "key")).await;
    gateway.answer_next(500, json!({}));
    let event_id = ana.send_text(&room, "do not lose this").await;
    assert_eq!(gateway.next_event().await["event_id"], json!(event_id));
    server.kill();
    let _server = binary.serve(&allowed);
    let told = gateway.next_event().await;
    assert_eq!(told["event_id"], json!(event_id));
    assert_eq!(told["content"]["body"], Value::from("do not lose this"));
}

#[tokio::test]
async fn what_changes_no_number_is_not_told() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    let eve = server.register("eve").await;
    eve.join(&room).await;
    let mut elsewhere = Gateway::start().await;
    set(&ben, pusher(&gateway.url, "key")).await;
    set(&eve, pusher(&elsewhere.url, "key of eve")).await;
    let other = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&other).await;
    let own = ben.create_room(json!({ "name": "Mine" })).await;
    ben.send_text(&own, "to myself").await;
    // Once Eve is told of what came later, Ben would have been told.
    let with_eve = ana.create_room(json!({ "preset": "public_chat" })).await;
    eve.join(&with_eve).await;
    ana.send_text(&with_eve, "for Eve").await;
    elsewhere.next_event().await;
    let event_id = ana.send_text(&room, "one").await;
    assert_eq!(gateway.next().await["event_id"], json!(event_id), "the first that the gateway hears");
}

#[tokio::test]
async fn silent_gateways_of_one_user_delay_nobody_else() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    let eve = server.register("eve").await;
    eve.join(&room).await;
    // Accepts connections and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}/_matrix/push/v1/notify", listener.local_addr().unwrap());
    let connected = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&connected);
    let listening = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.unwrap());
            counting.fetch_add(1, Ordering::SeqCst);
        }
    });
    for number in 0..200 {
        let nowhere = format!("http://nowhere{number}.invalid/_matrix/push/v1/notify");
        set(&eve, pusher(if number % 2 == 0 { &silent } else { &nowhere }, &format!("key{number}"))).await;
    }
    set(&ben, pusher(&gateway.url, "key")).await;
    for text in ["one", "two", "three"] {
        let event_id = ana.send_text(&room, text).await;
        assert_eq!(gateway.next_event().await["event_id"], json!(event_id));
    }
    until("a silent gateway is told", async || connected.load(Ordering::SeqCst) > 0).await;
    // Four of Eve's at a time until it is left alone, and then one now and then; and perhaps Ben's.
    let (told, load) = (connected.load(Ordering::SeqCst), server.engine().followers.pushers.load());
    assert!(told < 16 && load.running <= 5, "{told} connections, {load:?}");
    listening.abort();
}

#[tokio::test]
async fn a_user_who_has_the_database_busy_delays_nobody_elses_notifications() {
    let server = server().await;
    let (ana, ben, room, mut gateway) = two_in_a_room(&server).await;
    let eve = server.register("eve").await;
    eve.join(&room).await;
    let mut eves = Gateway::start().await;
    set(&eve, pusher(&eves.url, "key of eve")).await;
    set(&ben, pusher(&gateway.url, "key")).await;
    let (store, gate, eve_calls) =
        (Arc::clone(&server.engine().core.store), Gate::closed(), caller(&server, &eve).await);
    for _ in 0..20 {
        let (store, pass) = (Arc::clone(&store), gate.passage());
        let read = async move {
            let pass = move |_: &im2_store::Snapshot<'_>| {
                pass();
                Ok(())
            };
            store.read(pass).await
        };
        tokio::spawn(scope(eve_calls, read));
    }
    until("eve has her share of the readers", async || store.reader_load().waiting >= 18).await;
    let mut event_id = String::new();
    for text in ["one", "two", "three"] {
        event_id = ana.send_text(&room, text).await;
        assert_eq!(gateway.next_event().await["event_id"], json!(event_id));
    }
    drop(gate);
    while eves.next_event().await["event_id"] != json!(event_id) {}
}
