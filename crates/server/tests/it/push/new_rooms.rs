//! Rooms are usable from the moment they are made, also while pushers follow everything that happens.

use im2_testkit::{Server, Setup, segment};
use serde_json::{Value, json};

use super::{Gateway, pusher, set};

/// Often enough that the followers of the stream come between a commit and what the maker does next.
const ROOMS: usize = 60;

/// A server with notices, on which Ana has a pusher.
async fn with_a_pusher() -> (Server, im2_testkit::Client, Gateway) {
    let setup = Setup::default().set("push.allow_private_addresses", true).set("server_notices.localpart", "server");
    let (server, gateway) = (setup.start().await, Gateway::start().await);
    let ana = server.register("ana").await;
    set(&ana, pusher(&gateway.url, "key")).await;
    (server, ana, gateway)
}

#[tokio::test]
async fn deleted_rooms_are_replaced_by_rooms_that_work() {
    let (server, ana, _gateway) = with_a_pusher().await;
    let root = server.register_admin("root").await;
    for _ in 0..ROOMS {
        let room = ana.create_room(json!({})).await;
        let path = format!("/_synapse/admin/v1/rooms/{}", segment(&room));
        let deleted = root.delete(&path, json!({ "new_room_user_id": root.user_id() })).await.ok();
        let new = deleted["new_room_id"].as_str().unwrap();
        root.send_text(new, "what happened").await;
        assert_eq!(deleted["kicked_users"], json!([ana.user_id()]));
        let members = ana.get(&format!("/v3/rooms/{}/joined_members", segment(new))).await.ok();
        assert_eq!(members["joined"].as_object().unwrap().len(), 2, "{members}");
    }
}

#[tokio::test]
async fn everybody_sees_their_server_notice() {
    let (server, ana, gateway) = with_a_pusher().await;
    let root = server.register_admin("root").await;
    for n in 0..ROOMS / 2 {
        let user = if n == 0 { ana.clone() } else { server.register(&format!("user{n}")).await };
        set(&user, pusher(&gateway.url, &format!("key of {n}"))).await;
        let notice = json!({ "user_id": user.user_id(), "content": { "msgtype": "m.text", "body": "noon" } });
        root.post("/_synapse/admin/v1/send_server_notice", notice).await.ok();
        let synced = user.sync(None).await;
        let invites = synced["rooms"]["invite"].as_object().unwrap_or_else(|| panic!("no invite: {synced}"));
        let room = invites.keys().next().unwrap();
        user.join(room).await;
        let timeline = &user.sync(None).await["rooms"]["join"][room]["timeline"];
        assert!(timeline.to_string().contains("noon"), "{timeline}");
    }
}

#[tokio::test]
async fn rooms_that_people_make_and_upgrade_work_at_once() {
    let (server, ana, _gateway) = with_a_pusher().await;
    let ben = server.register("ben").await;
    for n in 0..ROOMS {
        let room = ana.create_room(json!({ "invite": [ben.user_id()], "visibility": "public" })).await;
        ana.send_text(&room, "hello").await;
        let upgrade = format!("/v3/rooms/{}/upgrade", segment(&room));
        let version = if n % 2 == 0 { "11" } else { "12" };
        let upgraded = ana.post(&upgrade, json!({ "new_version": version })).await.ok();
        let new = upgraded["replacement_room"].as_str().unwrap();
        ana.send_text(new, "hello again").await;
        let synced = ana.sync(None).await;
        let timeline: &Value = &synced["rooms"]["join"][new]["timeline"];
        assert!(timeline.to_string().contains("hello again"), "{timeline}");
    }
}
