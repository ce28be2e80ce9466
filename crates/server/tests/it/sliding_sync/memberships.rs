//! Rooms that users are invited to, come into and leave.

use im2_testkit::{Server, segment};
use serde_json::json;

use super::{Connection, pair, rooms, sorted, state, timeline};

#[tokio::test]
async fn an_invite_shows_stripped_state_and_joining_shows_the_room() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let mut connection = Connection::of_all(&ben, [0, 9], 5);
    connection.body["lists"]["all"]["required_state"] = json!([["m.room.create", ""]]);
    connection.next().await;
    let room = ana.create_room(json!({ "name": "Meadow", "invite": [ben.user_id()] })).await;
    let answer = connection.wait(60_000).await;
    let invited = &answer["rooms"][&room];
    let stripped = invited["invite_state"].as_array().unwrap();
    assert!(stripped.iter().any(|event| event["type"] == "m.room.name" && event["content"]["name"] == "Meadow"));
    assert!(stripped.iter().any(|event| event["state_key"] == ben.user_id() && event.get("event_id").is_none()));
    assert_eq!(invited["initial"], true);
    for secret in ["timeline", "required_state", "name", "joined_count", "notification_count"] {
        assert!(invited.get(secret).is_none(), "{invited}");
    }
    ana.send_text(&room, "not for strangers").await;
    assert!(rooms(&connection.next().await).is_empty());
    ben.join(&room).await;
    let answer = connection.next().await;
    assert_eq!(answer["rooms"][&room]["initial"], true);
    assert_eq!(state(&answer, &room), [pair("m.room.create", "")]);
    assert_eq!(answer["rooms"][&room]["name"], "Meadow");
}

#[tokio::test]
async fn a_declined_invite_is_told_by_the_own_member_event() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "invite": [ben.user_id()] })).await;
    let mut connection = Connection::of_all(&ben, [0, 9], 5);
    connection.body["lists"]["all"]["required_state"] = json!([["m.room.member", "$ME"], ["m.room.create", ""]]);
    assert_eq!(rooms(&connection.next().await), sorted([&room]));
    ben.leave(&room).await;
    let answer = connection.wait(60_000).await;
    assert_eq!(state(&answer, &room), [pair("m.room.member", ben.user_id())]);
    assert_eq!(answer["rooms"][&room]["required_state"][0]["content"]["membership"], "leave");
    assert!(answer["rooms"][&room].get("invite_state").is_none());
    assert!(rooms(&Connection::of_all(&ben, [0, 9], 5).next().await).is_empty(), "a new connection is not told");
}

#[tokio::test]
async fn leaving_is_told_where_the_room_was_known_and_being_kicked_everywhere() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (left, kicked) = (
        ana.create_room(json!({ "preset": "public_chat" })).await,
        ana.create_room(json!({ "preset": "public_chat" })).await,
    );
    ben.join(&left).await;
    ben.join(&kicked).await;
    let mut connection = Connection::of_all(&ben, [0, 9], 5);
    connection.body["lists"]["all"]["required_state"] = json!([["m.room.member", "$ME"]]);
    connection.next().await;
    ben.leave(&left).await;
    ana.send_text(&kicked, "goodbye").await;
    ana.post(&format!("/v3/rooms/{}/kick", segment(&kicked)), json!({ "user_id": ben.user_id() })).await.ok();
    for room in [&left, &kicked] {
        ana.send_text(room, "among us").await;
        ana.set_state(room, "m.room.name", "", json!({ "name": "Secret" })).await;
    }
    let answer = connection.next().await;
    assert_eq!(timeline(&answer, &left), ["m.room.member"]);
    assert_eq!(timeline(&answer, &kicked), ["goodbye", "m.room.member"]);
    for room in [&left, &kicked] {
        assert_eq!(state(&answer, room), [pair("m.room.member", ben.user_id())]);
        assert_eq!(answer["rooms"][room]["required_state"][0]["content"]["membership"], "leave");
        assert!(!answer["rooms"][room].to_string().contains("Secret"), "{answer}");
    }
    assert!(rooms(&connection.next().await).is_empty());
    let afresh = Connection::of_all(&ben, [0, 9], 5).next().await;
    assert_eq!(rooms(&afresh), sorted([&kicked]));
    assert_eq!(timeline(&afresh, &kicked).last().unwrap(), "m.room.member");
    assert!(!afresh.to_string().contains("among us") && !afresh.to_string().contains("Secret"));
    assert_eq!(ben.post(&format!("/v3/rooms/{}/forget", segment(&kicked)), json!({})).await.ok(), json!({}));
    assert!(rooms(&Connection::of_all(&ben, [0, 9], 5).next().await).is_empty());
}

#[tokio::test]
async fn coming_back_to_a_room_shows_it_anew() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let mut connection = Connection::of_all(&ben, [0, 9], 2);
    connection.next().await;
    ben.leave(&room).await;
    ana.send_text(&room, "meanwhile").await;
    ben.join(&room).await;
    let answer = connection.next().await;
    assert_eq!(answer["rooms"][&room]["initial"], true);
    assert_eq!(timeline(&answer, &room), ["meanwhile", "m.room.member"]);
}

#[tokio::test]
async fn a_ban_without_having_been_there_is_not_shown() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({})).await;
    ana.post(&format!("/v3/rooms/{}/ban", segment(&room)), json!({ "user_id": ben.user_id() })).await.ok();
    let mut connection = Connection::of_all(&ben, [0, 9], 2);
    connection.body["room_subscriptions"] = json!({ &room: { "timeline_limit": 1, "required_state": [["*", "*"]] } });
    let answer = connection.next().await;
    assert_eq!((rooms(&answer), &answer["lists"]["all"]["count"]), (vec![], &json!(0)));
}

#[tokio::test]
async fn a_room_that_was_joined_just_now_shows_what_was_said_before() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ana.send_text(&room, "one").await;
    ana.send_text(&room, "two").await;
    let mut connection = Connection::of_all(&ben, [0, 9], 4);
    connection.next().await;
    ben.join(&room).await;
    ana.send_text(&room, "three").await;
    ana.send_text(&room, "four").await;
    let answer = connection.next().await;
    assert_eq!(timeline(&answer, &room), ["two", "m.room.member", "three", "four"]);
    let joined = &answer["rooms"][&room];
    assert_eq!((&joined["limited"], &joined["num_live"]), (&json!(true), &json!(3)));
    let (from, path) = (joined["prev_batch"].as_str().unwrap(), format!("/v3/rooms/{}/messages", segment(&room)));
    let before = ben.get(&format!("{path}?dir=b&limit=1&from={from}")).await.ok();
    assert_eq!(before["chunk"][0]["content"]["body"], "one");
}

#[tokio::test]
async fn a_room_from_which_one_was_banned_is_shown_as_it_was_then() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "name": "Meadow" })).await;
    ben.join(&room).await;
    ana.send_text(&room, "hello").await;
    ana.post(&format!("/v3/rooms/{}/ban", segment(&room)), json!({ "user_id": ben.user_id() })).await.ok();
    ana.set_state(&room, "m.room.name", "", json!({ "name": "Secret" })).await;
    ana.send_text(&room, "among us").await;
    let mut connection = Connection::of_all(&ben, [0, 9], 3);
    connection.body["lists"]["all"]["required_state"] = json!([["*", "*"]]);
    let answer = connection.next().await;
    assert_eq!(timeline(&answer, &room).last().unwrap(), "m.room.member");
    assert_eq!(answer["rooms"][&room]["name"], "Meadow");
    assert!(!answer.to_string().contains("Secret") && !answer.to_string().contains("among us"), "{answer}");
    assert!(answer["rooms"][&room].get("joined_count").is_none());
    assert!(rooms(&connection.next().await).is_empty());
}

#[tokio::test]
async fn a_forgotten_room_is_in_no_list_until_one_comes_back() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    ana.post(&format!("/v3/rooms/{}/kick", segment(&room)), json!({ "user_id": ben.user_id() })).await.ok();
    assert_eq!(rooms(&Connection::of_all(&ben, [0, 9], 1).next().await), sorted([&room]));
    ben.post(&format!("/v3/rooms/{}/forget", segment(&room)), json!({})).await.ok();
    let mut connection = Connection::of_all(&ben, [0, 9], 1);
    let answer = connection.next().await;
    assert_eq!((rooms(&answer), &answer["lists"]["all"]["count"]), (vec![], &json!(0)));
    ben.join(&room).await;
    let answer = connection.wait(60_000).await;
    assert_eq!((rooms(&answer), &answer["lists"]["all"]["count"]), (vec![room.clone()], &json!(1)));
    assert_eq!(answer["rooms"][&room]["initial"], true);
}

#[tokio::test]
async fn invites_by_ignored_people_are_not_in_a_first_answer_either() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let path = format!("/v3/user/{}/account_data/m.ignored_user_list", segment(ben.user_id()));
    ben.put(&path, json!({ "ignored_users": { eve.user_id(): {} } })).await.ok();
    let wanted = ana.create_room(json!({ "invite": [ben.user_id()] })).await;
    eve.create_room(json!({ "invite": [ben.user_id()] })).await;
    let answer = Connection::of_all(&ben, [0, 9], 1).next().await;
    assert_eq!((rooms(&answer), &answer["lists"]["all"]["count"]), (sorted([&wanted]), &json!(1)));
}
