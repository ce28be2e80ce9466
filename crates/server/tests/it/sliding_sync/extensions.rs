//! The extensions of sliding sync.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{Connection, rooms};

fn with(client: &Client, range: [u64; 2], extension: &str) -> Connection {
    let mut connection = Connection::of_all(client, range, 1);
    connection.body["extensions"] = json!({ extension: { "enabled": true } });
    connection
}

/// The types of the account data in a section of an answer.
fn kinds(events: &Value) -> Vec<&str> {
    events
        .as_array()
        .map(|events| events.iter().map(|event| event["type"].as_str().unwrap()).collect())
        .unwrap_or_default()
}

#[tokio::test]
async fn account_data_is_told_with_the_rooms_it_is_about() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let (one, two) = (ana.create_room(json!({})).await, ana.create_room(json!({})).await);
    let global = format!("/v3/user/{}/account_data", segment(ana.user_id()));
    let of = |room: &str| format!("/v3/user/{}/rooms/{}/account_data", segment(ana.user_id()), segment(room));
    ana.put(&format!("{global}/org.example.global"), json!({})).await.ok();
    for room in [&one, &two] {
        ana.put(&format!("{}/org.example.first", of(room)), json!({})).await.ok();
    }
    let mut connection = with(&ana, [0, 0], "account_data");
    let answer = connection.next().await;
    let data = &answer["extensions"]["account_data"];
    assert_eq!(kinds(&data["global"]), ["org.example.global", "m.push_rules"]);
    assert_eq!((kinds(&data["rooms"][&two]), &data["rooms"][&one]), (vec!["org.example.first"], &Value::Null));
    assert_eq!(connection.next().await["extensions"], json!({}));

    ana.put(&format!("{global}/org.example.global"), json!({ "new": 1 })).await.ok();
    ana.put(&format!("{}/org.example.second", of(&two)), json!({})).await.ok();
    let answer = connection.wait(60_000).await;
    let data = &answer["extensions"]["account_data"];
    assert_eq!(
        (kinds(&data["global"]), kinds(&data["rooms"][&two])),
        (vec!["org.example.global"], vec!["org.example.second"])
    );
    ana.send_text(&one, "up").await;
    assert_eq!(kinds(&connection.next().await["extensions"]["account_data"]["rooms"][&one]), ["org.example.first"]);
    ana.put(&format!("{}/org.example.missed", of(&two)), json!({})).await.ok();
    assert_eq!(connection.next().await["extensions"], json!({}), "the room is out of the range");
    ana.send_text(&two, "up").await;
    assert_eq!(kinds(&connection.next().await["extensions"]["account_data"]["rooms"][&two]), ["org.example.missed"]);
}

async fn read(client: &Client, room: &str, event: &str) {
    client.post(&format!("/v3/rooms/{}/receipt/m.read/{}", segment(room), segment(event)), json!({})).await.ok();
}

#[tokio::test]
async fn receipts_are_told_for_the_events_that_are_shown() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (room, other) = (
        ana.create_room(json!({ "preset": "public_chat" })).await,
        ana.create_room(json!({ "preset": "public_chat" })).await,
    );
    ben.join(&room).await;
    ben.join(&other).await;
    let (old, new) = (ana.send_text(&room, "old").await, ana.send_text(&room, "new").await);
    let elsewhere = ana.send_text(&other, "elsewhere").await;
    let last = ana.send_text(&room, "last").await;
    read(&ben, &room, &old).await;
    let mut connection = with(&ana, [0, 0], "receipts");
    assert_eq!(connection.next().await["extensions"], json!({}), "nobody has read what is shown");
    read(&ben, &room, &new).await;
    let answer = connection.wait(60_000).await;
    let event = &answer["extensions"]["receipts"]["rooms"][&room];
    assert_eq!(
        (&event["type"], event["content"][&new]["m.read"][ben.user_id()]["ts"].is_u64()),
        (&json!("m.receipt"), true)
    );
    read(&ben, &other, &elsewhere).await;
    assert_eq!(connection.next().await["extensions"], json!({}), "that room is out of the range");

    ana.send_text(&other, "up").await;
    connection.next().await;
    read(&ben, &room, &last).await;
    assert_eq!(connection.next().await["extensions"], json!({}));
    ana.send_text(&room, "up").await;
    let answer = connection.next().await;
    assert!(answer["extensions"]["receipts"]["rooms"][&room]["content"][&last].is_object(), "{answer}");

    let afresh = with(&ben, [0, 9], "receipts").next().await;
    assert!(afresh["extensions"]["receipts"]["rooms"][&other]["content"][&elsewhere].is_object(), "one's own are told");
}

#[tokio::test]
async fn typing_is_told_as_it_changes() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let path = format!("/v3/rooms/{}/typing/{}", segment(&room), segment(ben.user_id()));
    let mut connection = with(&ana, [0, 9], "typing");
    assert_eq!(connection.next().await["extensions"], json!({}));
    ben.put(&path, json!({ "typing": true, "timeout": 120_000 })).await.ok();
    let answer = connection.wait(60_000).await;
    assert!(rooms(&answer).is_empty());
    let expected =
        |users: Value| json!({ "rooms": { &room: { "type": "m.typing", "content": { "user_ids": users } } } });
    assert_eq!(answer["extensions"]["typing"], expected(json!([ben.user_id()])));
    let afresh = with(&ana.log_in("ana", "password of ana").await, [0, 9], "typing").next().await;
    assert_eq!(afresh["extensions"]["typing"], expected(json!([ben.user_id()])));
    ben.put(&path, json!({ "typing": false })).await.ok();
    assert_eq!(connection.wait(60_000).await["extensions"]["typing"], expected(json!([])));
    assert_eq!(connection.next().await["extensions"], json!({}));
}

#[tokio::test]
async fn extensions_are_about_the_lists_and_rooms_they_are_asked_for() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let (one, two) = (ana.create_room(json!({})).await, ana.create_room(json!({})).await);
    for room in [&one, &two] {
        let path = format!("/v3/user/{}/rooms/{}/account_data/org.example", segment(ana.user_id()), segment(room));
        ana.put(&path, json!({})).await.ok();
    }
    for (lists, subscriptions, expected) in [
        (json!(["*"]), json!(["*"]), vec![&one, &two]),
        (json!(["all"]), json!([]), vec![&two]),
        (json!([]), json!([one]), vec![&one]),
        (json!(["other"]), json!([two]), vec![]),
    ] {
        let mut connection = Connection::of_all(&ana, [0, 0], 1);
        connection.body["room_subscriptions"] = json!({ &one: { "timeline_limit": 1, "required_state": [] } });
        let wanted = json!({ "enabled": true, "lists": lists, "rooms": subscriptions });
        connection.body["extensions"] = json!({ "account_data": wanted });
        let answer = connection.next().await;
        let told = answer["extensions"]["account_data"]["rooms"].as_object().cloned().unwrap_or_default();
        let mut expected: Vec<String> = expected.into_iter().cloned().collect();
        expected.sort();
        assert_eq!(told.keys().cloned().collect::<Vec<_>>(), expected, "{wanted}");
    }
}

async fn send(from: &Client, to: &Client, number: u64) {
    let body = json!({ "messages": { to.user_id(): { to.device_id(): { "number": number } } } });
    from.put(&format!("/v3/sendToDevice/org.example.note/{}", from.transaction()), body).await.ok();
}

/// The numbers of the messages in an answer, and the token behind them.
fn messages(answer: &Value) -> (Vec<u64>, Value) {
    let inbox = &answer["extensions"]["to_device"];
    let events = inbox["events"].as_array().unwrap_or_else(|| panic!("no messages in {answer}"));
    (events.iter().map(|event| event["content"]["number"].as_u64().unwrap()).collect(), inbox["next_batch"].clone())
}

#[tokio::test]
async fn messages_to_a_device_are_kept_until_their_own_token_acknowledges_them() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let mut connection =
        Connection::new(&ben, json!({ "extensions": { "to_device": { "enabled": true, "limit": 2 } } }));
    assert!(messages(&connection.next().await).0.is_empty());
    for number in 1..=3 {
        send(&ana, &ben, number).await;
    }
    let (told, since) = messages(&connection.wait(60_000).await);
    assert_eq!(told, [1, 2]);
    assert_eq!(messages(&connection.next().await).0, [1, 2], "they were not acknowledged");
    connection.body["extensions"]["to_device"]["since"] = since;
    let (told, since) = messages(&connection.wait(60_000).await);
    assert_eq!(told, [3]);
    let mut anew = Connection::new(&ben, connection.body.clone());
    assert_eq!(messages(&anew.next().await).0, [3], "a new connection goes on where the token says");
    connection.body["extensions"]["to_device"]["since"] = since;
    connection.pos = None;
    let (told, _) = messages(&connection.next().await);
    assert!(told.is_empty());
    let waiting = async { messages(&connection.wait(60_000).await).0 };
    let (told, ()) = tokio::join!(waiting, send(&ana, &ben, 4));
    assert_eq!(told, [4]);
    connection.body["extensions"]["to_device"]["since"] = json!("nonsense");
    connection.try_next(0).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn others_private_receipts_are_not_told_and_more_timeline_brings_its_receipts() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    eve.join(&room).await;
    let (old, new) = (ana.send_text(&room, "old").await, ana.send_text(&room, "new").await);
    read(&ben, &room, &old).await;
    let private = |event: &str| format!("/v3/rooms/{}/receipt/m.read.private/{}", segment(&room), segment(event));
    eve.post(&private(&new), json!({})).await.ok();
    let mut connection = with(&ana, [0, 9], "receipts");
    assert_eq!(connection.next().await["extensions"], json!({}));
    eve.post(&private(&ana.send_text(&room, "newest").await), json!({})).await.ok();
    assert_eq!(connection.next().await["extensions"], json!({}));
    connection.body["room_subscriptions"] = json!({ &room: { "timeline_limit": 9, "required_state": [] } });
    let answer = connection.next().await;
    assert_eq!(answer["rooms"][&room]["unstable_expanded_timeline"], true);
    let content = &answer["extensions"]["receipts"]["rooms"][&room]["content"];
    let readers = |event: &str| content[event]["m.read"].as_object().map(|readers| readers.keys().collect::<Vec<_>>());
    assert_eq!((readers(&old), readers(&new)), (Some(vec![&ben.user_id().to_owned()]), None), "{answer}");
    assert!(!answer.to_string().contains("m.read.private"), "{answer}");
}

#[tokio::test]
async fn what_changed_while_an_extension_was_off_is_told_when_it_is_on_again() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let said = ana.send_text(&room, "hello").await;
    let mut connection = Connection::of_all(&ana, [0, 9], 1);
    let on = json!({ "account_data": { "enabled": true }, "receipts": { "enabled": true } });
    connection.body["extensions"] = on.clone();
    connection.next().await;
    connection.body["extensions"] = json!({});
    let data = format!("/v3/user/{}", segment(ana.user_id()));
    ana.put(&format!("{data}/account_data/org.example.global"), json!({})).await.ok();
    ana.put(&format!("{data}/rooms/{}/account_data/org.example.room", segment(&room)), json!({})).await.ok();
    read(&ben, &room, &said).await;
    assert_eq!(connection.next().await["extensions"], json!({}));
    connection.body["extensions"] = on;
    let told = connection.next().await["extensions"].clone();
    assert!(kinds(&told["account_data"]["global"]).contains(&"org.example.global"), "{told}");
    assert_eq!(kinds(&told["account_data"]["rooms"][&room]), ["org.example.room"]);
    assert!(told["receipts"]["rooms"][&room]["content"][&said].is_object(), "{told}");
    assert_eq!(connection.next().await["extensions"], json!({}));
}
