//! The rooms of a sliding sync's answer: name, counts, required state, timeline.

use im2_testkit::{Server, segment};
use serde_json::{Value, json};

use super::{Connection, pair, rooms, state, timeline};

#[tokio::test]
async fn names_pictures_heroes_and_counts_are_told_when_they_change() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    ben.put(&format!("/v3/profile/{}/displayname", segment(ben.user_id())), json!({ "displayname": "Ben" })).await.ok();
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let mut connection = Connection::of_all(&ana, [0, 9], 1);
    let answer = connection.next().await;
    let first = &answer["rooms"][&room];
    assert_eq!((&first["joined_count"], &first["invited_count"]), (&json!(1), &json!(0)));
    assert_eq!((&first["name"], &first["avatar"], &first["heroes"]), (&Value::Null, &Value::Null, &json!([])));

    ben.join(&room).await;
    let answer = connection.next().await;
    let joined = &answer["rooms"][&room];
    assert_eq!(joined["heroes"], json!([{ "user_id": ben.user_id(), "displayname": "Ben" }]));
    assert_eq!(joined["joined_count"], 2);

    ana.set_state(&room, "m.room.name", "", json!({ "name": "Meadow" })).await;
    ana.set_state(&room, "m.room.avatar", "", json!({ "url": "mxc://localhost/meadow" })).await;
    let answer = connection.next().await;
    let named = &answer["rooms"][&room];
    assert_eq!((&named["name"], &named["avatar"]), (&json!("Meadow"), &json!("mxc://localhost/meadow")));
    assert_eq!((named.get("heroes"), named.get("joined_count")), (None, None));

    ana.set_state(&room, "m.room.name", "", json!({})).await;
    let answer = connection.next().await;
    let unnamed = &answer["rooms"][&room];
    assert_eq!((unnamed.get("name"), unnamed.get("avatar")), (Some(&Value::Null), None), "{unnamed}");
    assert_eq!(unnamed["heroes"][0]["user_id"], ben.user_id());
}

#[tokio::test]
async fn unread_counts_are_told_and_fall_when_another_device_reads() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let mut connection = Connection::of_all(&ana, [0, 9], 1);
    assert_eq!(connection.next().await["rooms"][&room]["notification_count"], 0);
    let event = ben.send_text(&room, "ana: hello").await;
    let answer = connection.next().await;
    assert_eq!(answer["rooms"][&room]["notification_count"], 1);
    ana.post(&format!("/v3/rooms/{}/receipt/m.read/{}", segment(&room), segment(&event)), json!({})).await.ok();
    let answer = connection.wait(60_000).await;
    assert_eq!((rooms(&answer), &answer["rooms"][&room]["notification_count"]), (vec![room.clone()], &json!(0)));
    assert!(timeline(&answer, &room).is_empty());
}

#[tokio::test]
async fn required_state_is_sent_once_and_then_what_changes_of_it() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "name": "Meadow" })).await;
    let mut connection = Connection::of_all(&ana, [0, 9], 0);
    connection.body["lists"]["all"]["required_state"] = json!([["m.room.name", ""], ["m.room.member", "$ME"]]);
    let answer = connection.next().await;
    assert_eq!(state(&answer, &room), [pair("m.room.member", ana.user_id()), pair("m.room.name", "")]);
    ana.set_state(&room, "m.room.topic", "", json!({ "topic": "grass" })).await;
    ana.set_state(&room, "m.room.name", "", json!({ "name": "Hill" })).await;
    let answer = connection.next().await;
    assert_eq!(state(&answer, &room), [pair("m.room.name", "")]);
    assert_eq!(answer["rooms"][&room]["required_state"][0]["content"]["name"], "Hill");

    connection.body["lists"]["all"]["required_state"] = json!([["m.room.topic", ""], ["m.room.name", ""]]);
    let answer = connection.wait(60_000).await;
    assert_eq!(state(&answer, &room), [pair("m.room.topic", "")], "only what is wanted more than before");
    connection.body["lists"]["all"]["required_state"] = json!([["*", "*"]]);
    let answer = connection.wait(60_000).await;
    let all = state(&answer, &room);
    assert!(all.contains(&pair("m.room.create", "")) && !all.contains(&pair("m.room.topic", "")), "{all:?}");
    assert!(rooms(&connection.next().await).is_empty());
}

#[tokio::test]
async fn lazily_loaded_members_are_those_that_the_timeline_needs() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    eve.join(&room).await;
    ben.send_text(&room, "hello").await;
    let mut connection = Connection::of_all(&ana, [0, 9], 1);
    connection.body["lists"]["all"]["required_state"] = json!([["m.room.member", "$LAZY"]]);
    let member = |client: &im2_testkit::Client| pair("m.room.member", client.user_id());
    assert_eq!(state(&connection.next().await, &room), [member(&ben)]);
    ben.send_text(&room, "again").await;
    assert!(state(&connection.next().await, &room).is_empty(), "the client has this member");
    eve.send_text(&room, "hello").await;
    assert_eq!(state(&connection.next().await, &room), [member(&eve)]);
    let kick = format!("/v3/rooms/{}/kick", segment(&room));
    ana.post(&kick, json!({ "user_id": eve.user_id() })).await.ok();
    assert_eq!(state(&connection.next().await, &room), [member(&ana), member(&eve)], "who did it and whom it is about");
    ana.send_text(&room, "one").await;
    ben.send_text(&room, "two").await;
    assert!(state(&connection.next().await, &room).is_empty());
}

#[tokio::test]
async fn a_larger_timeline_limit_shows_more_of_what_was_before() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    for text in ["a", "b", "c"] {
        ana.send_text(&room, text).await;
    }
    let mut connection = Connection::of_all(&ana, [0, 9], 1);
    let answer = connection.next().await;
    assert_eq!(timeline(&answer, &room), ["c"]);
    ana.send_text(&room, "d").await;
    assert_eq!(timeline(&connection.next().await, &room), ["d"]);
    connection.body["lists"]["all"]["timeline_limit"] = json!(2);
    assert!(rooms(&connection.next().await).is_empty(), "the client has the latest two already");
    connection.body["lists"]["all"]["timeline_limit"] = json!(4);
    let answer = connection.wait(60_000).await;
    assert_eq!(timeline(&answer, &room), ["a", "b", "c", "d"]);
    let wider = &answer["rooms"][&room];
    assert_eq!((&wider["unstable_expanded_timeline"], &wider["initial"]), (&json!(true), &Value::Null));
    assert_eq!((&wider["limited"], &wider["num_live"]), (&json!(true), &json!(0)));
    let (from, path) = (wider["prev_batch"].as_str().unwrap(), format!("/v3/rooms/{}/messages", segment(&room)));
    let before = ana.get(&format!("{path}?dir=b&limit=1&from={from}")).await.ok();
    assert_ne!(before["chunk"][0]["type"], "m.room.message", "{before}");
    let pos = segment(connection.pos.as_deref().unwrap());
    let latest = ana.get(&format!("{path}?dir=b&limit=1&from={pos}")).await.ok();
    assert_eq!(latest["chunk"][0]["content"]["body"], "d");
}

#[tokio::test]
async fn more_events_than_the_limit_leave_a_gap() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let mut connection = Connection::of_all(&ana, [0, 9], 2);
    connection.body["lists"]["all"]["required_state"] = json!([["m.room.name", ""]]);
    connection.next().await;
    ana.set_state(&room, "m.room.name", "", json!({ "name": "Meadow" })).await;
    for text in ["a", "b", "c"] {
        ana.send_text(&room, text).await;
    }
    let answer = connection.next().await;
    assert_eq!(timeline(&answer, &room), ["b", "c"]);
    assert_eq!((&answer["rooms"][&room]["limited"], &answer["rooms"][&room]["num_live"]), (&json!(true), &json!(2)));
    assert_eq!(state(&answer, &room), [pair("m.room.name", "")], "state does not depend on the timeline");
    assert_eq!(answer["rooms"][&room]["name"], "Meadow");
}

#[tokio::test]
async fn ignored_people_are_not_heard() {
    let server = Server::start().await;
    let (ana, eve) = (server.register("ana").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    eve.join(&room).await;
    let mut connection = Connection::of_all(&ana, [0, 9], 5);
    connection.next().await;
    let path = format!("/v3/user/{}/account_data/m.ignored_user_list", segment(ana.user_id()));
    ana.put(&path, json!({ "ignored_users": { eve.user_id(): {} } })).await.ok();
    eve.send_text(&room, "listen").await;
    eve.create_room(json!({ "invite": [ana.user_id()] })).await;
    let answer = connection.next().await;
    assert!(rooms(&answer).is_empty(), "{answer}");
    assert_eq!(answer["lists"]["all"]["count"], 1);
}

#[tokio::test]
async fn a_member_who_changed_in_a_gap_is_sent_when_the_timeline_needs_them() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let lazily = |conn_id: &str| {
        let mut connection = Connection::of_all(&ana, [0, 9], 2);
        connection.body["lists"]["all"]["required_state"] = json!([["m.room.member", "$LAZY"]]);
        connection.body["conn_id"] = json!(conn_id);
        connection
    };
    let member = |client: &im2_testkit::Client| pair("m.room.member", client.user_id());
    let mut connection = lazily("main");
    ben.send_text(&room, "one").await;
    ana.send_text(&room, "two").await;
    assert_eq!(state(&connection.next().await, &room), [member(&ana), member(&ben)]);
    ben.set_state(&room, "m.room.member", ben.user_id(), json!({ "membership": "join", "displayname": "Benno" })).await;
    ana.send_text(&room, "three").await;
    ana.send_text(&room, "four").await;
    assert!(state(&connection.next().await, &room).is_empty(), "of gaps not every change is told");
    ben.send_text(&room, "five").await;
    let answer = connection.next().await;
    assert_eq!(state(&answer, &room), [member(&ben)]);
    assert_eq!(answer["rooms"][&room]["required_state"][0]["content"]["displayname"], "Benno");
    ben.set_state(&room, "m.room.member", ben.user_id(), json!({ "membership": "join", "displayname": "Ben" })).await;
    assert_eq!(state(&connection.next().await, &room), [member(&ben)], "without a gap every change is told");
    assert_eq!(state(&lazily("other").next().await, &room), [member(&ben)], "another connection knows nobody");
}

#[tokio::test]
async fn state_that_was_not_wanted_for_a_while_is_as_it_is_now_when_it_is_wanted_again() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "name": "Meadow", "topic": "grass" })).await;
    let mut connection = Connection::of_all(&ana, [0, 9], 0);
    let (name, both) = (json!([["m.room.name", ""]]), json!([["m.room.name", ""], ["m.room.topic", ""]]));
    connection.body["lists"]["all"]["required_state"] = both.clone();
    assert_eq!(state(&connection.next().await, &room), [pair("m.room.name", ""), pair("m.room.topic", "")]);
    connection.body["lists"]["all"]["required_state"] = name;
    assert!(rooms(&connection.next().await).is_empty(), "less is wanted, so there is nothing to say");
    ana.set_state(&room, "m.room.topic", "", json!({ "topic": "flowers" })).await;
    assert!(state(&connection.next().await, &room).is_empty());
    connection.body["lists"]["all"]["required_state"] = both;
    let answer = connection.wait(60_000).await;
    assert_eq!(state(&answer, &room), [pair("m.room.topic", "")]);
    assert_eq!(answer["rooms"][&room]["required_state"][0]["content"]["topic"], "flowers");
}

#[tokio::test]
async fn only_what_people_say_counts_as_activity() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let mut connection = Connection::of_all(&ana, [0, 9], 1);
    let bump = |answer: &Value| answer["rooms"][&room]["bump_stamp"].as_u64().unwrap();
    let first = connection.next().await;
    assert_eq!(first["rooms"][&room]["initial"], true);
    let said = ana.send_text(&room, "hello").await;
    let second = bump(&connection.next().await);
    assert!(second > bump(&first));
    let relation = json!({ "rel_type": "m.annotation", "event_id": said, "key": "👍" });
    ana.send(&room, "m.reaction", json!({ "m.relates_to": relation })).await;
    ana.set_state(&room, "m.room.topic", "", json!({ "topic": "grass" })).await;
    assert_eq!(bump(&connection.next().await), second);
    ana.send(&room, "m.room.encrypted", json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x" })).await;
    assert!(bump(&connection.next().await) > second);
}
