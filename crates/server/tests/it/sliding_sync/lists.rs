//! The rooms that are in an answer: order, ranges, filters.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{Connection, rooms, sorted, timeline};

#[tokio::test]
async fn a_range_shows_the_rooms_with_the_latest_activity_and_then_what_changes() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let (one, two) = (ana.create_room(json!({})).await, ana.create_room(json!({})).await);
    let three = ana.create_room(json!({})).await;
    let mut connection = Connection::of_all(&ana, [0, 1], 1);
    let first = connection.next().await;
    assert_eq!(first["lists"]["all"]["count"], 3);
    assert_eq!(rooms(&first), sorted([&two, &three]));
    assert_eq!(first["rooms"][&two]["initial"], true);
    assert_eq!(first["rooms"][&two]["num_live"], 0);
    assert!(rooms(&connection.next().await).is_empty());

    ana.send_text(&one, "up").await;
    let second = connection.next().await;
    assert_eq!(rooms(&second), sorted([&one]), "it has come into the range");
    assert_eq!(timeline(&second, &one), ["up"]);
    let room = &second["rooms"][&one];
    assert_eq!((&room["initial"], &room["limited"], &room["num_live"]), (&json!(true), &json!(true), &json!(1)));
    assert!(room["bump_stamp"].as_u64() > first["rooms"][&three]["bump_stamp"].as_u64());

    ana.send_text(&three, "again").await;
    ana.send_text(&two, "last").await;
    let third = connection.next().await;
    assert_eq!(rooms(&third), sorted([&two, &three]));
    let room = &third["rooms"][&two];
    assert_eq!((&room["initial"], &room["limited"], &room["num_live"]), (&Value::Null, &json!(false), &json!(1)));
}

#[tokio::test]
async fn what_happens_out_of_the_range_is_told_when_the_room_comes_back_into_it() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let (one, two) = (ana.create_room(json!({})).await, ana.create_room(json!({})).await);
    let mut connection = Connection::of_all(&ana, [0, 0], 5);
    assert_eq!(rooms(&connection.next().await), sorted([&two]));
    ana.send_text(&one, "first").await;
    assert_eq!(rooms(&connection.next().await), sorted([&one]));
    ana.send_text(&two, "missed").await;
    ana.send_text(&one, "seen").await;
    let answer = connection.next().await;
    assert_eq!((rooms(&answer), timeline(&answer, &one)), (sorted([&one]), vec!["seen".to_owned()]));
    ana.send_text(&two, "now").await;
    let answer = connection.next().await;
    assert_eq!(
        (rooms(&answer), timeline(&answer, &two)),
        (sorted([&two]), vec!["missed".to_owned(), "now".to_owned()])
    );
    let room = &answer["rooms"][&two];
    assert_eq!((&room["initial"], &room["limited"], &room["num_live"]), (&Value::Null, &json!(false), &json!(1)));
}

#[tokio::test]
async fn a_larger_range_shows_the_rooms_that_were_not_shown() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let (one, two) = (ana.create_room(json!({})).await, ana.create_room(json!({})).await);
    let mut connection = Connection::of_all(&ana, [0, 0], 1);
    assert_eq!(rooms(&connection.next().await), sorted([&two]));
    connection.body["lists"]["all"]["ranges"] = json!([[0, 99]]);
    assert_eq!(rooms(&connection.wait(60_000).await), [one], "at once, although there is time to wait");
    connection.body["lists"]["all"].as_object_mut().unwrap().remove("ranges");
    assert!(rooms(&connection.next().await).is_empty());
}

/// Ana's rooms by what is special about them.
struct Kinds {
    plain: String,
    direct: String,
    encrypted: String,
    space: String,
    invited: String,
}

async fn kinds(ana: &Client, ben: &Client) -> Kinds {
    let plain = ana.create_room(json!({ "name": "Grüne Wiese" })).await;
    let direct = ana.create_room(json!({ "is_direct": true })).await;
    let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let encrypted = ana.create_room(json!({ "initial_state": [encryption] })).await;
    let space = ana.create_room(json!({ "creation_content": { "type": "m.space" }, "name": "Space" })).await;
    let invited = ben.create_room(json!({ "invite": [ana.user_id()] })).await;
    ana.set_state(&space, "m.space.child", &plain, json!({ "via": ["localhost"] })).await;
    ana.set_state(&space, "m.space.child", &direct, json!({})).await;
    let data = |kind: &str| format!("/v3/user/{}/account_data/{kind}", segment(ana.user_id()));
    ana.put(&data("m.direct"), json!({ ben.user_id(): [direct] })).await.ok();
    let tag = |room: &str, tag: &str| format!("/v3/user/{}/rooms/{}/tags/{tag}", segment(ana.user_id()), segment(room));
    ana.put(&tag(&plain, "m.favourite"), json!({})).await.ok();
    ana.put(&tag(&encrypted, "m.favourite"), json!({})).await.ok();
    ana.put(&tag(&encrypted, "m.lowpriority"), json!({})).await.ok();
    Kinds { plain, direct, encrypted, space, invited }
}

#[tokio::test]
async fn filters_choose_rooms() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let Kinds { plain, direct, encrypted, space, invited } = kinds(&ana, &ben).await;
    let all = [&plain, &direct, &encrypted, &space, &invited];
    let trials = [
        (json!({}), all.to_vec()),
        (json!({ "is_dm": true }), vec![&direct]),
        (json!({ "is_dm": false }), vec![&plain, &encrypted, &space, &invited]),
        (json!({ "is_encrypted": true }), vec![&encrypted]),
        (json!({ "is_encrypted": false, "is_invite": false }), vec![&plain, &direct, &space]),
        (json!({ "is_invite": true }), vec![&invited]),
        (json!({ "room_types": ["m.space"] }), vec![&space]),
        (json!({ "room_types": [null], "is_dm": false, "is_invite": false }), vec![&plain, &encrypted]),
        (json!({ "not_room_types": ["m.space"] }), vec![&plain, &direct, &encrypted, &invited]),
        (json!({ "room_types": ["m.space"], "not_room_types": ["m.space"] }), vec![]),
        (json!({ "room_name_like": "GRÜNE" }), vec![&plain]),
        (json!({ "room_name_like": "ｇｒｕｎｅ" }), vec![&plain]),
        (json!({ "tags": ["m.favourite"] }), vec![&plain, &encrypted]),
        (json!({ "tags": ["m.favourite"], "not_tags": ["m.lowpriority"] }), vec![&plain]),
        (json!({ "spaces": [space] }), vec![&plain]),
        (json!({ "spaces": ["!unknown:localhost"] }), vec![]),
    ];
    for (filters, expected) in trials {
        let list = json!({ "ranges": [[0, 9]], "timeline_limit": 0, "required_state": [], "filters": filters });
        let answer = Connection::new(&ana, json!({ "lists": { "l": list } })).next().await;
        let mut expected: Vec<String> = expected.into_iter().cloned().collect();
        expected.sort();
        assert_eq!(rooms(&answer), expected, "{filters}");
        assert_eq!(answer["lists"]["l"]["count"], expected.len(), "{filters}");
    }
}

#[tokio::test]
async fn filters_follow_what_changes() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "name": "Old" })).await;
    let list =
        |filters: Value| json!({ "ranges": [[0, 9]], "timeline_limit": 0, "required_state": [], "filters": filters });
    let mut connection = Connection::new(
        &ana,
        json!({ "lists": { "old": list(json!({ "room_name_like": "old" })), "dm": list(json!({ "is_dm": true })) } }),
    );
    assert_eq!(connection.next().await["lists"], json!({ "dm": { "count": 0 }, "old": { "count": 1 } }));
    let name = ana.set_state(&room, "m.room.name", "", json!({ "name": "Older" })).await;
    assert_eq!(connection.next().await["lists"]["old"]["count"], 1);
    let path = format!("/v3/rooms/{}/redact/{}/{}", segment(&room), segment(&name), ana.transaction());
    ana.put(&path, json!({})).await.ok();
    assert_eq!(connection.next().await["lists"]["old"]["count"], 0, "the name is gone");
    let path = format!("/v3/user/{}/account_data/m.direct", segment(ana.user_id()));
    ana.put(&path, json!({ "@ben:localhost": [room] })).await.ok();
    let answer = connection.next().await;
    assert_eq!((&answer["lists"]["dm"]["count"], &answer["rooms"][&room]["is_dm"]), (&json!(1), &json!(true)));
    ana.put(&path, json!({})).await.ok();
    assert_eq!(connection.next().await["lists"]["dm"]["count"], 0);
}

#[tokio::test]
async fn subscriptions_show_rooms_out_of_every_range_but_not_those_of_others() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (one, two) = (ana.create_room(json!({})).await, ana.create_room(json!({})).await);
    let foreign = ben.create_room(json!({ "preset": "public_chat" })).await;
    let wanted = json!({ "timeline_limit": 2, "required_state": [["m.room.create", ""]] });
    let subscriptions = json!({ &one: wanted, &foreign: wanted, "!nowhere:localhost": wanted, "nonsense": wanted });
    let mut connection = Connection::of_all(&ana, [0, 0], 1);
    connection.body["room_subscriptions"] = subscriptions;
    let answer = connection.next().await;
    assert_eq!(rooms(&answer), sorted([&one, &two]));
    assert_eq!(super::state(&answer, &one), [super::pair("m.room.create", "")]);
    assert!(super::state(&answer, &two).is_empty());
    ana.send_text(&two, "up").await;
    ana.send_text(&one, "hello").await;
    let answer = connection.next().await;
    assert_eq!(timeline(&answer, &one), ["hello"]);
}

#[tokio::test]
async fn rooms_move_between_lists_as_tags_and_encryption_change() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let list =
        |filters: Value| json!({ "ranges": [[0, 9]], "timeline_limit": 0, "required_state": [], "filters": filters });
    let lists = json!({
        "encrypted": list(json!({ "is_encrypted": true })),
        "plain": list(json!({ "is_encrypted": false })),
        "favourites": list(json!({ "tags": ["m.favourite"] })),
        "others": list(json!({ "not_tags": ["m.favourite"] })),
    });
    let mut connection = Connection::new(&ana, json!({ "lists": lists }));
    let counts = |answer: &Value| {
        ["encrypted", "plain", "favourites", "others"].map(|name| answer["lists"][name]["count"].as_u64().unwrap())
    };
    assert_eq!(counts(&connection.next().await), [0, 1, 0, 1]);
    let encryption = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
    ana.set_state(&room, "m.room.encryption", "", encryption).await;
    assert_eq!(counts(&connection.wait(60_000).await), [1, 0, 0, 1]);
    let tag = format!("/v3/user/{}/rooms/{}/tags/m.favourite", segment(ana.user_id()), segment(&room));
    ana.put(&tag, json!({})).await.ok();
    assert_eq!(counts(&connection.wait(60_000).await), [1, 0, 1, 0]);
    ana.delete(&tag, json!({})).await.ok();
    assert_eq!(counts(&connection.wait(60_000).await), [1, 0, 0, 1]);
}
