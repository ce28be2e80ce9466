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
