//! Ephemeral events for application services: typing, receipts and presence; and messages to devices.

use reqwest::Method;
use serde_json::json;

use super::{Bridge, bridged, irc, listener::Listener, server_with, start};
use im2_testkit::{Setup, segment};

#[tokio::test]
async fn typing_receipts_and_presence_reach_a_service_that_wants_them() {
    let mut listener = Listener::start().await;
    let (server, bridge) = bridged(&listener.url).await;
    let human = server.register("human").await;
    let puppet = bridge.puppet("_irc_ana").await;
    let (room, elsewhere) =
        (human.create_room(json!({ "preset": "public_chat" })).await, human.create_room(json!({})).await);
    bridge.join(&room, &puppet).await;
    let (event, other) = (human.send_text(&room, "hello").await, human.send_text(&elsewhere, "alone").await);

    let typing = |room: &str| format!("/v3/rooms/{}/typing/{}", segment(room), segment(human.user_id()));
    human.put(&typing(&elsewhere), json!({ "typing": true, "timeout": 60_000 })).await.ok();
    human.put(&typing(&room), json!({ "typing": true, "timeout": 60_000 })).await.ok();
    let told = listener.ephemeral(|event| event["type"] == "m.typing").await;
    assert_eq!(told, json!({ "type": "m.typing", "room_id": room, "content": { "user_ids": [human.user_id()] } }));
    human.put(&typing(&room), json!({ "typing": false })).await.ok();
    let told = listener.ephemeral(|event| event["type"] == "m.typing").await;
    assert_eq!(told["content"], json!({ "user_ids": [] }));

    let receipt =
        |room: &str, kind: &str, event: &str| format!("/v3/rooms/{}/receipt/{kind}/{}", segment(room), segment(event));
    human.post(&receipt(&elsewhere, "m.read", &other), json!({})).await.ok();
    human.post(&receipt(&room, "m.read.private", &event), json!({})).await.ok();
    let private = receipt(&room, "m.read.private", &event);
    bridge.call(Method::POST, &private, &puppet, json!({})).await.ok();
    human.post(&receipt(&room, "m.read", &event), json!({})).await.ok();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let told = listener.ephemeral(|event| event["type"] == "m.receipt").await;
        assert_eq!(told["room_id"], room.as_str(), "{told}");
        for (kind, readers) in told["content"][&event].as_object().unwrap() {
            seen.extend(readers.as_object().unwrap().keys().map(|reader| (kind.clone(), reader.clone())));
        }
    }
    seen.sort();
    let expected = [("m.read", human.user_id()), ("m.read.private", puppet.as_str())];
    assert_eq!(seen, expected.map(|(kind, reader)| (kind.to_owned(), reader.to_owned())));

    let stranger = server.register("stranger").await;
    let status = |user: &str| format!("/v3/presence/{}/status", segment(user));
    stranger.put(&status(stranger.user_id()), json!({ "presence": "online" })).await.ok();
    human.put(&status(human.user_id()), json!({ "presence": "online", "status_msg": "here" })).await.ok();
    let told = listener
        .ephemeral(|event| {
            assert_ne!(event["sender"], stranger.user_id(), "strangers are nobody's concern");
            event["type"] == "m.presence" && event["content"]["status_msg"] == "here"
        })
        .await;
    assert_eq!(
        (told["sender"].as_str(), told["content"]["presence"].as_str()),
        (Some(human.user_id()), Some("online"))
    );
}

#[tokio::test]
async fn a_service_that_did_not_ask_for_them_gets_events_only() {
    let mut listener = Listener::start().await;
    let plain = irc(&listener.url).replace("receive_ephemeral: true\norg.matrix.msc3202: true\n", "");
    let server = server_with(&[plain]).await;
    let bridge = Bridge::irc(&server);
    let human = server.register("human").await;
    let puppet = bridge.puppet("_irc_ana").await;
    let room = human.create_room(json!({ "preset": "public_chat" })).await;
    bridge.join(&room, &puppet).await;
    let path = format!("/v3/rooms/{}/typing/{}", segment(&room), segment(human.user_id()));
    human.put(&path, json!({ "typing": true, "timeout": 60_000 })).await.ok();
    human.send_text(&room, "hello").await;
    loop {
        let told = listener.next().await;
        assert_eq!(told.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["events"], "{told:?}");
        assert!(!told.events().is_empty(), "{told:?}");
        if told.events().iter().any(|event| event["content"]["body"] == "hello") {
            break;
        }
    }
}

#[tokio::test]
async fn messages_to_the_devices_of_a_services_users_are_delivered_once_over_a_restart() {
    let mut listener = Listener::start().await;
    let (server, bridge) = bridged(&listener.url).await;
    let human = server.register("human").await;
    let guest = server.register("guestine").await; // in a namespace, but not the service's alone
    let puppet = bridge.puppet("_irc_ana").await;
    bridge.call(Method::PUT, "/v3/devices/BRIDGE", &puppet, json!({})).await.status_is(201);
    let (to, and) = (puppet.clone(), guest.user_id().to_owned());
    let send = |human: im2_testkit::Client, number: u64| {
        let messages =
            json!({ "messages": { &to: { "BRIDGE": { "number": number } }, &and: { "*": { "number": number } } } });
        async move { human.put(&format!("/v3/sendToDevice/org.example.note/{number}"), messages).await.ok() }
    };
    send(human.clone(), 1).await;
    let inbox = &guest.sync(None).await["to_device"]["events"];
    assert_eq!(inbox[0]["content"]["number"], 1, "who has clients of their own is told by them");
    let is_to_device = |told: &super::listener::Told| !told.body["de.sorunome.msc2409.to_device"].is_null();
    let told = listener.until(is_to_device).await;
    let expected = json!([{
        "type": "org.example.note",
        "sender": human.user_id(),
        "content": { "number": 1 },
        "to_user_id": puppet,
        "to_device_id": "BRIDGE",
    }]);
    assert_eq!(told.body["de.sorunome.msc2409.to_device"], expected);
    listener.answer(|_| (500, json!({})));
    send(human.clone(), 2).await;
    listener.until(is_to_device).await;
    send(human.clone(), 3).await;
    let folder = server.stop().await;
    while listener.is_told() {}
    listener.answer(|_| (200, json!({})));
    let _server = start(Setup::default(), &[irc(&listener.url)], folder).await;
    let mut numbers = Vec::new();
    while !numbers.contains(&3) {
        let told = listener.until(is_to_device).await;
        let messages = told.body["de.sorunome.msc2409.to_device"].as_array().unwrap().clone();
        numbers.extend(messages.iter().map(|message| message["content"]["number"].as_i64().unwrap()));
    }
    assert_eq!(numbers, [2, 3]);
}

#[tokio::test]
async fn receipts_outlive_a_restart_also_for_a_service_that_is_in_no_room() {
    let mut listener = Listener::start().await;
    let watcher = format!(
        "id: watcher\nurl: {}\nas_token: watcher-as\nhs_token: watcher-hs\nsender_localpart: watcher\n\
         receive_ephemeral: true\nnamespaces:\n  rooms:\n    - {{ exclusive: false, regex: '!.*' }}\n",
        listener.url
    );
    let server = server_with(std::slice::from_ref(&watcher)).await;
    let human = server.register("human").await;
    let room = human.create_room(json!({})).await;
    human.send_text(&room, "told").await;
    listener.events_until("told").await;
    listener.answer(|_| (503, json!({})));
    let event = human.send_text(&room, "under way").await;
    listener.until(|told| told.events().iter().any(|event| event["content"]["body"] == "under way")).await;
    let path = format!("/v3/rooms/{}/receipt/m.read/{}", segment(&room), segment(&event));
    human.post(&path, json!({})).await.ok();
    let folder = server.stop().await;
    while listener.is_told() {}
    listener.answer(|_| (200, json!({})));
    let _server = start(Setup::default(), &[watcher], folder).await;
    let told = listener.ephemeral(|event| event["type"] == "m.receipt").await;
    assert_eq!(told["room_id"], room.as_str());
    assert!(told["content"][&event]["m.read"][human.user_id()]["ts"].is_number(), "{told}");
}
