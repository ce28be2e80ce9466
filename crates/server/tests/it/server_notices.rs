//! Notices of the server to its users.

use im2_testkit::{Client, Server, Setup, segment};
use serde_json::{Value, json};

async fn server() -> Server {
    let setup = Setup::default().set("server_notices.localpart", "server").set("server_notices.display_name", "IM");
    setup.set("server_notices.room_name", "News").start().await
}

const SEND: &str = "/_synapse/admin/v1/send_server_notice";

fn notice(user: &Client, body: &str) -> Value {
    json!({ "user_id": user.user_id(), "content": { "msgtype": "m.text", "body": body } })
}

/// The room that a user is invited to.
async fn invited(user: &Client) -> String {
    let synced = user.sync(None).await;
    let rooms = synced["rooms"]["invite"].as_object().unwrap_or_else(|| panic!("no invite: {synced}"));
    assert_eq!(rooms.len(), 1, "{synced}");
    rooms.keys().next().unwrap().clone()
}

#[tokio::test]
async fn a_notice_comes_in_a_room_of_its_own() {
    let server = server().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let sent = root.post(SEND, notice(&ana, "maintenance at noon")).await.ok();
    let room = invited(&ana).await;
    let decline = format!("/v3/rooms/{}/leave", segment(&room));
    ana.post(&decline, json!({})).await.refused(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM");
    let own = format!("/v3/rooms/{}/state/m.room.member/{}", segment(&room), segment(ana.user_id()));
    ana.put(&own, json!({ "membership": "leave" })).await.refused(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM");
    ana.join(&room).await;
    let synced = ana.sync(None).await;
    let joined = &synced["rooms"]["join"][&room];
    let messages: Vec<&Value> = joined["timeline"]["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["type"] == "m.room.message")
        .collect();
    assert_eq!((&messages[0]["event_id"], &messages[0]["sender"]), (&sent["event_id"], &json!("@server:localhost")));
    let data = joined["account_data"]["events"].as_array().unwrap();
    let tags = data.iter().find(|event| event["type"] == "m.tag").unwrap();
    assert_eq!(tags["content"], json!({ "tags": { "m.server_notice": {} } }));
    let name = ana.get(&format!("/v3/rooms/{}/state/m.room.name", segment(&room))).await.ok();
    assert_eq!(name["name"], "News");
    let profile = ana.get("/v3/profile/@server:localhost").await.ok();
    assert_eq!(profile["displayname"], "IM");
    let send = format!("/v3/rooms/{}/send/m.room.message/1", segment(&room));
    ana.put(&send, json!({ "msgtype": "m.text", "body": "thanks" })).await.refused(403, "M_FORBIDDEN");

    // One room for all notices. Who has left it, and even forgotten it, is invited again.
    root.post(SEND, notice(&ana, "it is over")).await.ok();
    assert!(ana.sync(None).await["rooms"]["join"][&room]["timeline"].to_string().contains("it is over"));
    ana.leave(&room).await;
    root.post(SEND, notice(&ana, "another")).await.ok();
    assert_eq!(invited(&ana).await, room);
    ana.post(&decline, json!({})).await.refused(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM");
    ana.join(&room).await;
    ana.leave(&room).await;
    ana.post(&format!("/v3/rooms/{}/forget", segment(&room)), json!({})).await.ok();
    root.post(SEND, notice(&ana, "one more")).await.ok();
    assert_eq!(invited(&ana).await, room);
    ana.join(&room).await;
    assert!(ana.sync(None).await["rooms"]["join"][&room]["timeline"].to_string().contains("one more"));
}

#[tokio::test]
async fn a_notices_room_that_was_deleted_is_followed_by_another() {
    let server = server().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    root.post(SEND, notice(&ana, "hello")).await.ok();
    let room = invited(&ana).await;
    root.delete(&format!("/_synapse/admin/v1/rooms/{}", segment(&room)), json!({})).await.ok();
    root.post(SEND, notice(&ana, "hello again")).await.ok();
    assert_ne!(invited(&ana).await, room);
}

#[tokio::test]
async fn a_notice_that_is_sent_again_is_not_repeated() {
    let server = server().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let path = format!("{SEND}/once");
    let first = root.put(&path, notice(&ana, "hello")).await.ok();
    assert_eq!(root.put(&path, notice(&ana, "hello")).await.ok(), first);
    let state =
        json!({ "user_id": ana.user_id(), "type": "m.room.topic", "state_key": "", "content": { "topic": "t" } });
    root.post(SEND, state).await.ok();
    let room = invited(&ana).await;
    ana.join(&room).await;
    let timeline = ana.sync(None).await["rooms"]["join"][&room]["timeline"]["events"].clone();
    let messages = timeline.as_array().unwrap().iter().filter(|event| event["type"] == "m.room.message").count();
    assert_eq!(messages, 1);
}

#[tokio::test]
async fn the_senders_name_is_taken_and_strangers_get_nothing() {
    let server = server().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let register = json!({ "username": "server", "password": "a long one", "auth": { "type": "m.login.dummy" } });
    ana.nobody().post("/v3/register", register).await.refused(400, "M_USER_IN_USE");
    let to = |user: &str| json!({ "user_id": user, "content": { "msgtype": "m.text", "body": "x" } });
    root.post(SEND, to("@nobody:localhost")).await.refused(404, "M_NOT_FOUND");
    root.post(SEND, to("@eve:elsewhere.org")).await.refused(400, "M_INVALID_PARAM");
    ana.post(SEND, to("@root:localhost")).await.refused(403, "M_FORBIDDEN");

    let off = Server::start().await;
    let root = off.register_admin("root").await;
    root.post(SEND, to("@root:localhost")).await.refused(400, "M_UNKNOWN");
}

#[tokio::test]
async fn who_wants_no_invites_is_told_nevertheless() {
    let server = server().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let path = format!("/v3/user/{}/account_data/m.invite_permission_config", segment(ana.user_id()));
    ana.put(&path, json!({ "default_action": "block" })).await.ok();
    root.post(SEND, notice(&ana, "important")).await.ok();
    assert!(ana.sync(None).await["rooms"]["join"].to_string().contains("important"));
}
