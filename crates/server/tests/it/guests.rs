//! Guests: what they may do, where they may go, and how they become others.

use im2_testkit::{Client, Server, Setup, segment};
use reqwest::Method;
use serde_json::{Value, json};

async fn server() -> Server {
    Setup::default().set("registration.guests", true).start().await
}

async fn guest(server: &Server) -> Client {
    let client = server.anonymous();
    client.signed_in(&client.post("/v3/register?kind=guest", json!({})).await.ok())
}

fn of(room: &str, rest: &str) -> String {
    format!("/v3/rooms/{}/{rest}", segment(room))
}

async fn let_guests(owner: &Client, room: &str, access: &str) {
    owner.set_state(room, "m.room.guest_access", "", json!({ "guest_access": access })).await;
}

#[tokio::test]
async fn there_are_no_guests_unless_the_operator_wants_them() {
    let server = Server::start().await;
    server.anonymous().post("/v3/register?kind=guest", json!({})).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_guest_gets_a_name_and_a_device_whatever_it_asks_for() {
    let server = server().await;
    let wishes = json!({
        "username": "ana", "password": "password of ana", "device_id": "MINE", "inhibit_login": true,
        "initial_device_display_name": "Browser",
    });
    let answer = server.anonymous().post("/v3/register?kind=guest", wishes).await.ok();
    let guest = server.anonymous().signed_in(&answer);
    assert!(guest.user_id() != "@ana:localhost" && guest.device_id() != "MINE", "{answer}");
    assert_eq!(guest.get("/v3/account/whoami").await.ok()["is_guest"], true);
    let devices = guest.get("/v3/devices").await.ok();
    assert_eq!(devices["devices"][0]["display_name"], "Browser");
    let ana = server.register("ana").await;
    assert_eq!(ana.get("/v3/account/whoami").await.ok()["is_guest"], false);
}

#[tokio::test]
async fn a_guest_may_do_only_what_the_specification_lists() {
    let server = server().await;
    let (ana, guest) = (server.register("ana").await, guest(&server).await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    for (method, path) in [
        (Method::POST, "/v3/createRoom".to_owned()),
        (Method::POST, of(&room, "invite")),
        (Method::GET, "/v3/joined_rooms".to_owned()),
        (Method::POST, "/v3/user_directory/search".to_owned()),
        (Method::POST, "/_matrix/media/v3/upload".to_owned()),
        (Method::GET, "/v3/pushers".to_owned()),
        (Method::POST, "/v3/account/password".to_owned()),
        (Method::GET, "/v3/events?timeout=0".to_owned()),
    ] {
        let request = guest.request(method, &path).json(&json!({}));
        guest.send_request(request).await.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
    }
    let own = segment(guest.user_id());
    guest.put(&format!("/v3/profile/{own}/displayname"), json!({ "displayname": "Passer-by" })).await.ok();
    let picture =
        guest.put(&format!("/v3/profile/{own}/avatar_url"), json!({ "avatar_url": "mxc://localhost/a" })).await;
    picture.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
    guest.sync(None).await;
    guest.post("/v3/logout", json!({})).await.ok();
}

#[tokio::test]
async fn guests_join_where_they_are_let_in_and_write() {
    let server = server().await;
    let (ana, guest) = (server.register("ana").await, guest(&server).await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    guest.post(&of(&room, "join"), json!({})).await.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
    let by_state = of(&room, &format!("state/m.room.member/{}", segment(guest.user_id())));
    guest.put(&by_state, json!({ "membership": "join" })).await.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
    let_guests(&ana, &room, "can_join").await;
    guest.post(&format!("/v3/join/{}", segment(&room)), json!({})).await.ok();
    guest.send_text(&room, "may I?").await;
    let timeline = &ana.sync(None).await["rooms"]["join"][&room]["timeline"];
    assert!(timeline.to_string().contains("may I?"), "{timeline}");
}

#[tokio::test]
async fn guests_leave_when_a_room_closes_to_them_and_others_stay() {
    let server = server().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (one, two) = (guest(&server).await, guest(&server).await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let_guests(&ana, &room, "can_join").await;
    for client in [&ben, &one, &two] {
        client.join(&room).await;
    }
    let since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    let_guests(&ana, &room, "forbidden").await;
    let (mut left, mut since) = (Vec::new(), since);
    while left.len() < 2 {
        let news = ana.sync_wait(&since, 10_000).await;
        since = news["next_batch"].as_str().unwrap().to_owned();
        let events = news["rooms"]["join"][&room]["timeline"]["events"].as_array().expect("somebody leaves").clone();
        let leaves = events.into_iter().filter(|event| event["content"]["membership"] == "leave");
        left.extend(leaves.map(|event| event["state_key"].as_str().unwrap().to_owned()));
    }
    left.sort();
    let mut guests = [one.user_id().to_owned(), two.user_id().to_owned()];
    guests.sort();
    assert_eq!(left, guests);
    ben.send_text(&room, "I stay").await;
}

#[tokio::test]
async fn guests_look_into_world_readable_rooms_only() {
    let server = server().await;
    let (ana, guest) = (server.register("ana").await, guest(&server).await);
    let open = ana.create_room(json!({
        "preset": "public_chat", "initial_state": [
            { "type": "m.room.history_visibility", "content": { "history_visibility": "world_readable" } },
        ],
    }));
    let (open, closed) = (open.await, ana.create_room(json!({ "preset": "public_chat" })).await);
    ana.send_text(&open, "for all to read").await;
    let messages = guest.get(&of(&open, "messages?dir=b")).await.ok();
    assert!(messages.to_string().contains("for all to read"), "{messages}");
    guest.get(&of(&open, "state")).await.ok();
    let shown = guest.get(&of(&open, "initialSync")).await.ok();
    assert!(shown["messages"].to_string().contains("for all to read"), "{shown}");
    for path in ["messages?dir=b", "state", "initialSync"] {
        guest.get(&of(&closed, path)).await.refused(403, "M_FORBIDDEN");
    }
}

async fn upgrade(client: &Client, guest: &Client, username: &str) -> im2_testkit::Answer {
    let body = json!({
        "username": username, "password": "a new password", "guest_access_token": guest.token(),
        "auth": { "type": "m.login.dummy" },
    });
    client.nobody().post("/v3/register", body).await
}

#[tokio::test]
async fn a_guest_registers_and_stays_who_they_are() {
    let server = server().await;
    let (ana, guest) = (server.register("ana").await, guest(&server).await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let_guests(&ana, &room, "can_join").await;
    guest.join(&room).await;
    let localpart = guest.user_id()[1..].split(':').next().unwrap().to_owned();
    upgrade(&ana, &guest, "ana").await.refused(403, "M_FORBIDDEN");
    upgrade(&ana, &guest, "somebody").await.refused(403, "M_FORBIDDEN");
    upgrade(&ana, &ana, "ana").await.refused(403, "M_FORBIDDEN");
    let upgraded = ana.signed_in(&upgrade(&ana, &guest, &localpart).await.ok());
    assert_eq!(upgraded.user_id(), guest.user_id());
    for client in [&upgraded, &guest] {
        assert_eq!(client.get("/v3/account/whoami").await.ok()["is_guest"], false);
        assert_eq!(client.get("/v3/joined_rooms").await.ok()["joined_rooms"], json!([room]));
    }
    upgraded.create_room(json!({})).await;
    ana.log_in(&localpart, "a new password").await;
    upgrade(&ana, &guest, &localpart).await.refused(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn a_guest_is_one_after_a_restart_too() {
    let server = server().await;
    let token = guest(&server).await.token().to_owned();
    let folder = server.stop().await;
    let server = Setup::default().start_in(folder).await;
    let guest = server.anonymous().with_token(&token);
    assert_eq!(guest.get("/v3/account/whoami").await.ok()["is_guest"], Value::Bool(true));
    guest.get("/v3/joined_rooms").await.refused(403, "M_GUEST_ACCESS_FORBIDDEN");
}
