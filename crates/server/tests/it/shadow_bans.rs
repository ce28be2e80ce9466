//! Shadow-banned users: whatever they do is answered as ever, and reaches nobody.

use im2_testkit::{Answer, Client, Server, Setup, segment, until};
use serde_json::{Value, json};

fn ban_of(user: &Client) -> String {
    format!("/_synapse/admin/v1/users/{}/shadow_ban", segment(user.user_id()))
}

async fn ban(root: &Client, user: &Client) {
    assert_eq!(root.post(&ban_of(user), json!({})).await.ok(), json!({}));
}

fn in_room(room: &str, rest: &str) -> String {
    format!("/v3/rooms/{}/{rest}", segment(room))
}

/// A room with Ana, who has all rights in it, and Ben; Ana is shadow-banned.
async fn scene(server: &Server) -> (Client, Client, Client, String) {
    let root = server.register_admin("root").await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat", "name": "Tea" })).await;
    ben.join(&room).await;
    ban(&root, &ana).await;
    (root, ana, ben, room)
}

/// Everything that the room and the news show of it to a user.
async fn seen(client: &Client, room: &str) -> String {
    let sync = client.sync(None).await;
    let messages = client.get(&in_room(room, "messages?dir=b&limit=100")).await.ok();
    let state = client.get(&in_room(room, "state")).await.ok();
    format!("{} {} {messages} {state}", sync["rooms"]["join"][room], sync["rooms"]["invite"])
}

#[tokio::test]
async fn what_a_shadow_banned_user_sends_is_answered_and_shown_to_nobody() {
    let server = Server::start().await;
    let (root, ana, ben, room) = scene(&server).await;
    let before = ben.send_text(&room, "before").await;
    let message = json!({ "msgtype": "m.text", "body": "PLANTED" });
    let path = in_room(&room, "send/m.room.message/one");
    let first = ana.put(&path, message.clone()).await.ok();
    let event_id = first["event_id"].as_str().unwrap();
    assert!(event_id.starts_with('$') && event_id.len() == 44, "{event_id}");
    assert_eq!(ana.put(&path, message.clone()).await.ok(), first, "tried again, it is the same event");
    let other = ana.put(&in_room(&room, "send/m.room.message/two"), message.clone()).await.ok();
    assert_ne!(other, first);

    let sent: [(&str, Value); 4] = [
        ("state/m.room.topic/", json!({ "topic": "PLANTED" })),
        ("state/m.room.name", json!({ "name": "PLANTED" })),
        (
            &format!("state/m.room.member/{}", segment(ana.user_id())),
            json!({ "membership": "join", "displayname": "PLANTED" }),
        ),
        (&format!("redact/{}/r", segment(&before)), json!({ "reason": "PLANTED" })),
    ];
    for (rest, content) in sent {
        let answer = ana.put(&in_room(&room, rest), content.clone()).await.ok();
        assert!(answer["event_id"].is_string(), "{rest}");
        if rest.starts_with("state") {
            assert_eq!(ana.put(&in_room(&room, rest), content).await.ok(), answer, "{rest} twice");
        }
    }
    let reaction = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": before, "key": "PLANTED" } });
    ana.put(&in_room(&room, "send/m.reaction/three"), reaction).await.ok();
    for user in [&root, &ben] {
        let path = format!("/v3/rooms/{}/event/{}", segment(&room), segment(event_id));
        user.get(&path).await.refused(404, "M_NOT_FOUND");
    }
    for user in [&ana, &ben] {
        let seen = seen(user, &room).await;
        assert!(seen.contains("before") && !seen.contains("PLANTED"), "{}: {seen}", user.user_id());
    }

    // What the rules refuse is refused to them as to others.
    ana.put(&in_room(&room, "send/m.room.message/long"), json!({ "body": "x".repeat(70_000) }))
        .await
        .refused(413, "M_TOO_LARGE");
    ana.put(&in_room("!other:localhost", "send/m.room.message/x"), message.clone()).await.refused(403, "M_FORBIDDEN");

    // The ban ends, and nothing of before comes to light.
    assert_eq!(root.delete(&ban_of(&ana), Value::Null).await.ok(), json!({}));
    ana.send_text(&room, "after").await;
    let seen = seen(&ben, &room).await;
    assert!(seen.contains("after") && !seen.contains("PLANTED"), "{seen}");
}

#[tokio::test]
async fn nobody_is_invited_removed_or_asked() {
    let server = Server::start().await;
    let (_, ana, ben, room) = scene(&server).await;
    let cleo = server.register("cleo").await;
    let whom = |user: &Client| json!({ "user_id": user.user_id(), "reason": "PLANTED" });
    for (act, user) in [("invite", &cleo), ("kick", &ben), ("ban", &ben)] {
        assert_eq!(ana.post(&in_room(&room, act), whom(user)).await.ok(), json!({}), "{act}");
    }
    let own = ana.create_room(json!({
        "invite": [cleo.user_id()], "visibility": "public", "name": "PLANTED", "preset": "public_chat",
        "initial_state": [{ "type": "m.room.member", "state_key": ben.user_id(), "content": { "membership": "invite" } }],
    }));
    let own = own.await;
    ana.put(&format!("/v3/directory/list/room/{}", segment(&own)), json!({ "visibility": "public" })).await.ok();
    let upgraded = ana.post(&in_room(&room, "upgrade"), json!({ "new_version": "12" })).await.ok();
    assert!(upgraded["replacement_room"].as_str().unwrap().starts_with('!'), "{upgraded}");
    let locked = ben.create_room(json!({
        "initial_state": [{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }],
    }));
    let locked = locked.await;
    ana.post(&format!("/v3/knock/{}", segment(&locked)), json!({ "reason": "PLANTED" })).await.ok();

    let members = ben.get(&in_room(&room, "joined_members")).await.ok();
    assert!(members["joined"].get(ben.user_id()).is_some(), "{members}");
    assert!(!ben.sync(None).await.to_string().contains("PLANTED"));
    assert_eq!(cleo.sync(None).await["rooms"].get("invite"), None);
    assert!(!ben.get("/v3/publicRooms").await.ok().to_string().contains("PLANTED"));
    let room_state = ben.get(&in_room(&room, "state")).await.ok().to_string();
    assert!(!room_state.contains(r#""type":"m.room.tombstone""#), "{room_state}");
}

#[tokio::test]
async fn joining_and_leaving_work_and_say_nothing() {
    let server = Server::start().await;
    let (root, ana, ben, _) = scene(&server).await;
    let other = ben.create_room(json!({ "preset": "public_chat" })).await;
    ana.post(&in_room(&other, "join"), json!({ "reason": "PLANTED", "org.example.note": "PLANTED" })).await.ok();
    let member = format!("state/m.room.member/{}", segment(ana.user_id()));
    let joined = ben.get(&in_room(&other, &member)).await.ok();
    assert_eq!(joined, json!({ "membership": "join", "displayname": "ana" }));
    assert!(ana.sync(None).await["rooms"]["join"].get(&other).is_some());
    let path = format!("/v3/profile/{}/displayname", segment(ana.user_id()));
    ana.put(&path, json!({ "displayname": "PLANTED" })).await.ok();
    server.until_jobs_are_done().await;
    assert_eq!(ben.get(&in_room(&other, &member)).await.ok()["displayname"], "ana", "names are not carried into rooms");
    ana.post(&in_room(&other, "leave"), json!({ "reason": "PLANTED" })).await.ok();
    assert_eq!(ben.get(&in_room(&other, &member)).await.ok(), json!({ "membership": "leave" }));

    // The administrator acts in the name of the one who has all rights, and is not silenced.
    let mine = server.register("dora").await;
    let room = mine.create_room(json!({})).await;
    let said = mine.send_text(&room, "spam").await;
    ban(&root, &mine).await;
    let path = format!("/_synapse/admin/v1/rooms/{}/make_room_admin", segment(&room));
    root.post(&path, json!({ "user_id": ben.user_id() })).await.ok();
    ben.join(&room).await;
    ben.set_state(&room, "m.room.topic", "", json!({ "topic": "rescued" })).await;
    let redact = format!("/_synapse/admin/v1/user/{}/redact", segment(mine.user_id()));
    root.post(&redact, json!({ "rooms": [room] })).await.ok();
    until("the message is redacted", async || {
        let path = format!("/v3/rooms/{}/event/{}", segment(&room), segment(&said));
        mine.get(&path).await.ok()["content"] == json!({})
    })
    .await;
}

#[tokio::test]
async fn signals_reach_nobody() {
    let server = Server::start().await;
    let (_, ana, ben, room) = scene(&server).await;
    let since = ben.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    let typing = format!("typing/{}", segment(ana.user_id()));
    ana.put(&in_room(&room, &typing), json!({ "typing": true, "timeout": 30_000 })).await.ok();
    let status = format!("/v3/presence/{}/status", segment(ana.user_id()));
    ana.put(&status, json!({ "presence": "online", "status_msg": "PLANTED" })).await.ok();
    let to_device = json!({ "messages": {
        ben.user_id(): { "*": { "body": "PLANTED" } }, ana.user_id(): { ana.device_id(): { "body": "own" } },
    } });
    ana.put("/v3/sendToDevice/org.example.note/one", to_device).await.ok();
    // What is sent afterwards comes, so the rest has not come.
    let marker = json!({ "messages": { ben.user_id(): { "*": { "body": "marker" } } } });
    ben.put("/v3/sendToDevice/org.example.note/two", marker).await.ok();
    let news = ben.sync(Some(&since)).await.to_string();
    assert!(news.contains("marker") && !news.contains("PLANTED") && !news.contains("m.typing"), "{news}");
    assert!(ana.sync(None).await["to_device"].to_string().contains("own"), "one's own devices are one's own");
}

#[tokio::test]
async fn a_shadow_ban_is_told_to_administrators_alone_and_lasts() {
    let server = Server::start().await;
    let (root, ana, ben, room) = scene(&server).await;
    let user = format!("/_synapse/admin/v2/users/{}", segment(ana.user_id()));
    assert_eq!(root.get(&user).await.ok()["shadow_banned"], true);
    let listed = root.get("/_synapse/admin/v2/users?order_by=shadow_banned&dir=b").await.ok();
    assert_eq!(listed["users"][0]["name"], ana.user_id());
    root.put(&format!("/_synapse/admin/v2/users/{}", segment(ben.user_id())), json!({ "locked": true })).await.ok();
    let listed = root.get("/_synapse/admin/v2/users?order_by=locked&dir=b&locked=true").await.ok();
    assert_eq!(listed["users"][0]["name"], ben.user_id());
    ana.post(&ban_of(&ana), json!({})).await.refused(403, "M_FORBIDDEN");
    root.post("/_synapse/admin/v1/users/@nobody:localhost/shadow_ban", json!({})).await.refused(404, "M_NOT_FOUND");
    root.post("/_synapse/admin/v1/users/@ana:example.org/shadow_ban", json!({})).await.refused(400, "M_INVALID_PARAM");

    let message = json!({ "msgtype": "m.text", "body": "PLANTED" });
    let path = in_room(&room, "send/m.room.message/one");
    let first: Answer = ana.put(&path, message.clone()).await;
    let folder = server.stop().await;
    let server = Setup::default().start_in(folder).await;
    let again = |client: &Client| server.anonymous().with_token(client.token());
    let (root, ana) = (again(&root), again(&ana));
    assert_eq!(ana.put(&path, message).await.ok(), first.ok(), "the same event after a restart");
    let messages = format!("/_synapse/admin/v1/rooms/{}/messages?dir=b&limit=100", segment(&room));
    assert!(!root.get(&messages).await.ok().to_string().contains("PLANTED"));
}
