//! Changes of a profile in the rooms of its owner.

use im2_testkit::{Client, Server, Setup, segment, until};
use serde_json::{Value, json};

async fn set_profile(client: &Client, field: &str, value: &str) {
    let path = format!("/v3/profile/{}/{field}", segment(client.user_id()));
    client.put(&path, json!({ field: value })).await.ok();
}

async fn member(client: &Client, room: &str) -> Value {
    let path = format!("/v3/rooms/{}/state/m.room.member/{}", segment(room), segment(client.user_id()));
    client.get(&path).await.ok()
}

async fn until_member(client: &Client, room: &str, field: &str, value: &str) {
    until("the profile reaches the room", async || member(client, room).await[field] == value).await;
}

/// A room in which a user is called `name`, and which their client has noted something of its own about.
async fn room_called(client: &Client, name: &str) -> String {
    let room = client.create_room(json!({})).await;
    let content = json!({ "membership": "join", "displayname": name, "org.example.note": { "kept": true } });
    client.set_state(&room, "m.room.member", client.user_id(), content).await;
    room
}

#[tokio::test]
async fn only_the_field_that_changes_changes_and_only_where_it_was_the_profiles() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    set_profile(&ana, "displayname", "Ana").await;
    set_profile(&ana, "avatar_url", "mxc://localhost/one").await;
    let usual = ana.create_room(json!({})).await;
    let own = room_called(&ana, "Chairwoman").await;
    set_profile(&ana, "avatar_url", "mxc://localhost/two").await;
    until_member(&ana, &usual, "avatar_url", "mxc://localhost/two").await;
    server.until_jobs_are_done().await;
    let expected = json!({ "membership": "join", "displayname": "Chairwoman", "org.example.note": { "kept": true } });
    assert_eq!(member(&ana, &own).await, expected, "it had no picture, which is not what the profile had");
    set_profile(&ana, "displayname", "Ana María").await;
    until_member(&ana, &usual, "displayname", "Ana María").await;
    server.until_jobs_are_done().await;
    assert_eq!(member(&ana, &own).await, expected, "the name was chosen for this room");

    let content = json!({ "membership": "join", "displayname": "Chairwoman", "avatar_url": "mxc://localhost/two",
        "org.example.note": 1 });
    ana.set_state(&own, "m.room.member", ana.user_id(), content).await;
    set_profile(&ana, "avatar_url", "").await;
    until("the picture goes", async || member(&ana, &own).await.get("avatar_url").is_none()).await;
    let expected = json!({ "membership": "join", "displayname": "Chairwoman", "org.example.note": 1 });
    assert_eq!(member(&ana, &own).await, expected);
}

#[tokio::test]
async fn the_last_of_many_quick_changes_is_what_rooms_end_with() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    set_profile(&ana, "displayname", "Ana").await;
    server.until_jobs_are_done().await;
    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(ana.create_room(json!({})).await);
    }
    let own = room_called(&ana, "Chairwoman").await;
    for number in 0..20 {
        set_profile(&ana, "displayname", &format!("Ana {number}")).await;
        set_profile(&ana, "avatar_url", &format!("mxc://localhost/{number}")).await;
    }
    let expected = json!({ "membership": "join", "displayname": "Ana 19", "avatar_url": "mxc://localhost/19" });
    let has_arrived = async || {
        for room in rooms.iter().chain([&own]) {
            if member(&ana, room).await["avatar_url"] != expected["avatar_url"] {
                return false;
            }
        }
        true
    };
    until("the last picture is everywhere", has_arrived).await;
    until("the last name is too", async || member(&ana, &rooms[4]).await == expected).await;
    server.until_jobs_are_done().await;
    for room in &rooms {
        assert_eq!(member(&ana, room).await, expected);
    }
    assert_eq!(member(&ana, &own).await["displayname"], "Chairwoman");
}

#[tokio::test]
async fn a_change_outlives_a_restart() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let (usual, own) = (ana.create_room(json!({})).await, room_called(&ana, "Chairwoman").await);
    set_profile(&ana, "displayname", "Ana").await;
    set_profile(&ana, "displayname", "Ana María").await;
    let token = ana.token().to_owned();
    let server = Setup::default().start_in(server.stop().await).await;
    let again = server.anonymous().with_token(&token);
    server.until_jobs_are_done().await;
    let name = async |room: &str| {
        let path = format!("/v3/rooms/{}/state/m.room.member/@ana:localhost", segment(room));
        again.get(&path).await.ok()["displayname"].clone()
    };
    assert_eq!((name(&usual).await, name(&own).await), (json!("Ana María"), json!("Chairwoman")));
}
