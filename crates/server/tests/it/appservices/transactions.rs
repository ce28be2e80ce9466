//! Transactions of application services: which events they contain, in which order, and that each arrives once.

use std::collections::{HashMap, HashSet};

use serde_json::{Value as Json, json};

use super::{Bridge, bridged, irc, listener::Listener, server_with, start};
use im2_testkit::{Binary, Client, Setup, segment};

fn bodies(events: &[Json]) -> Vec<&str> {
    events.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

/// A public room of `human` that a puppet of the bridge is in.
async fn bridged_room(bridge: &Bridge, human: &Client, puppet: &str) -> String {
    let room = human.create_room(json!({ "preset": "public_chat" })).await;
    bridge.join(&room, puppet).await;
    room
}

#[tokio::test]
async fn a_service_is_told_what_happens_while_its_users_are_in_a_room() {
    let mut listener = Listener::start().await;
    let (server, bridge) = bridged(&listener.url).await;
    let human = server.register("human").await;
    let puppet = bridge.puppet("_irc_ana").await;
    let (room, elsewhere) =
        (human.create_room(json!({})).await, human.create_room(json!({ "name": "Not bridged" })).await);
    human.send_text(&room, "before the invite").await;
    human.invite(&room, &puppet).await;
    human.send_text(&room, "before the join").await;
    bridge.join(&room, &puppet).await;
    human.send_text(&room, "one").await;
    human.send_text(&elsewhere, "in another room").await;
    let sent = bridge.send_text(&room, &puppet, "t1", "two").await;
    human.set_state(&room, "m.room.topic", "", json!({ "topic": "three" })).await;
    human.send_text(&room, "four").await;
    let events = listener.events_until("four").await;
    let about =
        |event: &Json| event["content"]["membership"].as_str().or(event["content"]["body"].as_str()).map(str::to_owned);
    let told: Vec<_> = events.iter().filter(|event| event["room_id"] == room.as_str()).filter_map(about).collect();
    assert_eq!(told, ["invite", "join", "one", "two", "four"], "{events:#?}");
    assert!(events.iter().all(|event| event["room_id"] == room.as_str()), "{events:#?}");
    assert!(events.iter().any(|event| event["event_id"] == sent.as_str() && event["sender"] == puppet.as_str()));
    let join = events.iter().find(|event| event["content"]["membership"] == "join").unwrap();
    assert_eq!(join["unsigned"]["prev_content"]["membership"], "invite");
    assert!(join["unsigned"]["age"].is_number() && join["origin_server_ts"].is_number());

    bridge.call(reqwest::Method::POST, &format!("/v3/rooms/{}/leave", segment(&room)), &puppet, json!({})).await.ok();
    human.send_text(&room, "after the leave").await;
    let other = bridged_room(&bridge, &human, &puppet).await;
    human.send_text(&other, "the end").await;
    let events = listener.events_until("the end").await;
    assert_eq!(bodies(&events), ["the end"], "{events:#?}");
    assert_eq!(events[0]["content"]["membership"], "leave", "that the user left is the last it hears");
}

#[tokio::test]
async fn rooms_are_of_interest_by_their_aliases_and_names_too() {
    let mut listener = Listener::start().await;
    let watcher = format!(
        "id: watcher\nurl: {}\nas_token: watcher-as\nhs_token: watcher-hs\nsender_localpart: watcher\nnamespaces:\n  \
         aliases:\n    - {{ exclusive: false, regex: '#seen' }}\n",
        listener.url
    );
    let server = server_with(&[watcher]).await;
    let human = server.register("human").await;
    let (seen, unseen) = (
        human.create_room(json!({ "room_alias_name": "seen-by-all" })).await,
        human.create_room(json!({ "room_alias_name": "unseen" })).await,
    );
    human.send_text(&unseen, "hidden").await;
    human.send_text(&seen, "one").await;
    let events = listener.events_until("one").await;
    assert_eq!(bodies(&events), ["one"]);
    human.delete("/v3/directory/room/%23seen-by-all:localhost", json!({})).await.ok();
    human.send_text(&seen, "no alias any more").await;
    human.put("/v3/directory/room/%23seen-again:localhost", json!({ "room_id": seen })).await.ok();
    human.send_text(&seen, "two").await;
    assert_eq!(bodies(&listener.events_until("two").await).last(), Some(&"two"));

    let mut listener = Listener::start().await;
    let all = format!(
        "id: all\nurl: {}/base/\nas_token: all-as\nhs_token: all-hs\nsender_localpart: all\nnamespaces:\n  rooms:\n    \
         - {{ exclusive: false, regex: '!.*' }}\n",
        listener.url
    );
    let server = server_with(&[all]).await;
    let human = server.register("human").await;
    let room = human.create_room(json!({})).await;
    human.send_text(&room, "everything").await;
    let told = listener.next().await;
    let number = told.path.strip_prefix("/base/_matrix/app/v1/transactions/").unwrap_or_default();
    assert!(told.method == "PUT" && number.parse::<u128>().is_ok(), "{told:?}");
    assert_eq!((told.token.as_str(), told.query.as_str()), ("all-hs", ""));
}

#[tokio::test]
async fn an_invite_introduces_the_room() {
    let mut listener = Listener::start().await;
    let (server, bridge) = bridged(&listener.url).await;
    let (human, other) = (server.register("human").await, server.register("other").await);
    let puppet = bridge.puppet("_irc_ana").await;
    let room = human.create_room(json!({ "name": "Garden", "topic": "Roses" })).await;
    human.invite(&room, &puppet).await;
    human.set_state(&room, "m.room.name", "", json!({ "name": "Changed since" })).await;
    bridge.join(&room, &puppet).await;
    human.invite(&room, other.user_id()).await;
    human.send_text(&room, "the end").await;
    let events = listener.events_until("the end").await;
    let of = |user: &str, membership: &str| {
        let is_it = |event: &&Json| event["state_key"] == user && event["content"]["membership"] == membership;
        events.iter().find(is_it).unwrap_or_else(|| panic!("{user} {membership} in {events:#?}"))
    };
    let introduction = of(&puppet, "invite")["unsigned"]["invite_room_state"].as_array().unwrap();
    let content = |kind: &str, state_key: &str| {
        let found = introduction.iter().find(|event| event["type"] == kind && event["state_key"] == state_key);
        found.unwrap_or_else(|| panic!("{kind} in {introduction:#?}"))["content"].clone()
    };
    assert_eq!(content("m.room.name", "")["name"], "Garden");
    assert_eq!(content("m.room.topic", "")["topic"], "Roses");
    assert_eq!(content("m.room.member", human.user_id())["membership"], "join");
    assert_eq!(content("m.room.member", &puppet)["membership"], "invite");
    assert!(content("m.room.create", "").is_object());
    assert!(introduction.iter().all(|event| event.get("event_id").is_none()), "stripped: {introduction:#?}");
    for (user, membership) in [(puppet.as_str(), "join"), (other.user_id(), "invite")] {
        assert!(of(user, membership)["unsigned"].get("invite_room_state").is_none(), "{events:#?}");
    }
}

#[tokio::test]
async fn what_is_not_acknowledged_is_sent_again_unchanged_and_nothing_overtakes_it() {
    let mut listener = Listener::start().await;
    let (server, bridge) = bridged(&listener.url).await;
    let human = server.register("human").await;
    let puppet = bridge.puppet("_irc_ana").await;
    let room = bridged_room(&bridge, &human, &puppet).await;
    human.send_text(&room, "start").await;
    listener.events_until("start").await;
    listener.answer(|_| (500, json!({ "errcode": "M_UNKNOWN", "error": "not now" })));
    human.send_text(&room, "one").await;
    let first = listener.until(|told| bodies(&told.events()) == ["one"]).await;
    for text in ["two", "three"] {
        human.send_text(&room, text).await;
    }
    listener.answer(|_| (200, json!({})));
    bridge.client.get("/v3/account/whoami").await.ok(); // a sign of life, so that the server does not wait long
    let again = listener.until(|told| told.status == 200).await;
    assert_eq!((&again.path, &again.body), (&first.path, &first.body));
    let events = listener.events_until("three").await;
    assert_eq!(bodies(&events), ["two", "three"]);
}

#[tokio::test]
async fn a_restart_neither_loses_nor_repeats() {
    let mut listener = Listener::start().await;
    let (server, bridge) = bridged(&listener.url).await;
    let human = server.register("human").await;
    let puppet = bridge.puppet("_irc_ana").await;
    let room = bridged_room(&bridge, &human, &puppet).await;
    human.send_text(&room, "told before").await;
    listener.events_until("told before").await;
    listener.answer(|_| (503, json!({})));
    human.send_text(&room, "under way").await;
    let under_way = listener.until(|told| bodies(&told.events()) == ["under way"]).await;
    let other = human.create_room(json!({ "preset": "public_chat" })).await;
    human.send_text(&other, "before the puppet came").await;
    for number in 0..250 {
        human.send_text(&room, &format!("{number}")).await;
    }
    bridge.join(&other, &puppet).await;
    human.send_text(&other, "after the puppet came").await;
    let folder = server.stop().await;

    while listener.is_told() {}
    listener.answer(|_| (200, json!({})));
    let server = start(Setup::default(), &[irc(&listener.url)], folder).await;
    let again = listener.until(|told| told.status == 200).await;
    assert_eq!((&again.path, &again.body), (&under_way.path, &under_way.body));
    let human = server.anonymous().log_in("human", "password of human").await;
    human.send_text(&room, "the end").await;
    let mut events = Vec::new();
    let mut names = HashSet::new();
    while !bodies(&events).contains(&"the end") {
        let told = listener.next().await;
        assert!(names.insert(told.path.clone()), "{} comes once", told.path);
        assert!(told.events().len() <= 100);
        events.extend(told.events());
    }
    let mut expected: Vec<String> = (0..250).map(|number| number.to_string()).collect();
    expected.extend(["after the puppet came".to_owned(), "the end".to_owned()]);
    assert_eq!(bodies(&events), expected);
}

#[tokio::test]
async fn a_kill_neither_loses_nor_repeats() {
    let mut listener = Listener::start().await;
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let path = binary.folder().join("irc.yaml");
    std::fs::write(&path, irc(&listener.url)).unwrap();
    let environment = [("IM2_APP_SERVICE__REGISTRATION_FILES", path.to_str().unwrap())];
    let server = binary.serve(&environment);
    let human = server.anonymous().register("human").await;
    let bridge = Bridge::new(&server.anonymous(), "irc-as-token");
    let puppet = bridge.puppet("_irc_ana").await;
    let room = bridged_room(&bridge, &human, &puppet).await;
    let mut sent = Vec::new();
    for number in 0..60 {
        sent.push(human.send_text(&room, &number.to_string()).await);
    }
    let mut told = vec![listener.next().await];
    server.kill();
    let server = binary.serve(&environment);
    let human = server.anonymous().log_in("human", "password of human").await;
    sent.push(human.send_text(&room, "the end").await);
    while !bodies(&told.iter().flat_map(super::listener::Told::events).collect::<Vec<_>>()).contains(&"the end") {
        told.push(listener.next().await);
    }
    // A transaction that was sent twice is the same; the service carries it out once.
    let mut known: HashMap<String, Json> = HashMap::new();
    let mut events = Vec::new();
    for one in told {
        match known.get(&one.path) {
            Some(body) => assert_eq!(*body, one.body),
            None => events.extend(one.events()),
        }
        known.insert(one.path, one.body);
    }
    let messages = events.iter().filter(|event| event["type"] == "m.room.message");
    let ids: Vec<_> = messages.map(|event| event["event_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, sent);
}

#[tokio::test]
async fn a_service_that_knows_only_the_old_paths_is_told_too() {
    let mut listener = Listener::start().await;
    listener.answer(|told| if told.path.starts_with("/_matrix") { (404, json!({})) } else { (200, json!({})) });
    let (server, bridge) = bridged(&listener.url).await;
    let human = server.register("human").await;
    let puppet = bridge.puppet("_irc_ana").await;
    let room = bridged_room(&bridge, &human, &puppet).await;
    human.send_text(&room, "hello").await;
    let told = listener.until(|told| bodies(&told.events()).contains(&"hello") && told.status == 200).await;
    assert!(told.path.starts_with("/transactions/"), "{told:?}");
}
