//! Locking and suspending accounts, and that what administrators do is on record.

use im2_testkit::{Binary, Client, Server, Setup, segment};
use serde_json::{Value, json};

fn lock(user: &Client) -> String {
    format!("/v1/admin/lock/{}", segment(user.user_id()))
}

fn suspend(user: &Client) -> String {
    format!("/v1/admin/suspend/{}", segment(user.user_id()))
}

#[tokio::test]
async fn a_locked_account_can_only_sign_out() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let other = ana.log_in("ana", "password of ana").await;
    assert_eq!(root.get(&lock(&ana)).await.ok(), json!({ "locked": false }));
    assert_eq!(root.put(&lock(&ana), json!({ "locked": true })).await.ok(), json!({ "locked": true }));
    assert_eq!(root.get(&lock(&ana)).await.ok(), json!({ "locked": true }));
    for path in ["/v3/sync", "/v3/account/whoami", "/v3/joined_rooms"] {
        assert_eq!(ana.get(path).await.refused(401, "M_USER_LOCKED")["soft_logout"], true);
    }
    let login = json!({ "type": "m.login.password", "user": "ana", "password": "password of ana" });
    assert_eq!(ana.nobody().post("/v3/login", login).await.refused(401, "M_USER_LOCKED")["soft_logout"], true);

    let folder = server.stop().await;
    let server = Setup::default().start_in(folder).await;
    let again = |client: &Client| server.anonymous().with_token(client.token());
    again(&ana).get("/v3/account/whoami").await.refused(401, "M_USER_LOCKED");
    again(&other).post("/v3/logout", json!({})).await.ok();
    again(&other).get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");

    again(&root).put(&lock(&ana), json!({ "locked": false })).await.ok();
    assert_eq!(again(&ana).get("/v3/account/whoami").await.ok()["device_id"], ana.device_id(), "the session was kept");
    again(&root).put(&lock(&ana), json!({ "locked": true })).await.ok();
    again(&ana).post("/v3/logout/all", json!({})).await.ok();
    again(&ana).get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
}

#[tokio::test]
async fn locking_ends_a_waiting_sync_and_refuses_new_tokens() {
    let server = Server::start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana").await);
    let login = json!({
        "type": "m.login.password", "user": "ana", "password": "password of ana", "refresh_token": true,
    });
    let session = ana.nobody().post("/v3/login", login).await.ok();
    let since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    let path = format!("/v3/sync?timeout=600000&since={}", segment(&since));
    let locking = lock(&ana);
    let (waiting, _) = tokio::join!(ana.get(&path), root.put(&locking, json!({ "locked": true })));
    waiting.refused(401, "M_USER_LOCKED");
    let refresh = json!({ "refresh_token": session["refresh_token"] });
    assert_eq!(
        ana.nobody().post("/v3/refresh", refresh.clone()).await.refused(401, "M_USER_LOCKED")["soft_logout"],
        true
    );
    root.put(&lock(&ana), json!({ "locked": false })).await.ok();
    ana.nobody().post("/v3/refresh", refresh).await.ok();
}

#[tokio::test]
async fn a_suspended_account_reads_and_leaves_and_takes_back_what_it_said() {
    let server = Server::start().await;
    let root = server.register_admin("root").await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let open = ben.create_room(json!({ "preset": "public_chat" })).await;
    let knockable = json!([{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }]);
    let knockable = ben.create_room(json!({ "initial_state": knockable })).await;
    let invited = ben.create_room(json!({ "invite": [ana.user_id()] })).await;
    let declined = ben.create_room(json!({ "invite": [ana.user_id()] })).await;
    ben.join(&room).await;
    let (said, heard) = (ana.send_text(&room, "mine").await, ben.send_text(&room, "ben's").await);
    root.put(&suspend(&ana), json!({ "suspended": true })).await.ok();
    assert_eq!(root.get(&suspend(&ana)).await.ok(), json!({ "suspended": true }));

    let at = |what: &str| format!("/v3/rooms/{}/{what}", segment(&room));
    let user = segment(ana.user_id());
    let refused: [(&str, String, Value); 13] = [
        ("PUT", at("send/m.room.message/1"), json!({ "msgtype": "m.text", "body": "hello" })),
        ("PUT", at("state/m.room.topic/"), json!({ "topic": "hello" })),
        ("PUT", at(&format!("redact/{}/2", segment(&heard))), json!({})),
        ("PUT", at("send/m.room.redaction/3"), json!({ "redacts": heard })),
        ("POST", at("invite"), json!({ "user_id": root.user_id() })),
        ("PUT", at(&format!("state/m.room.member/{}", segment(root.user_id()))), json!({ "membership": "invite" })),
        ("PUT", at(&format!("state/m.room.member/{user}")), json!({ "membership": "join", "displayname": "Me" })),
        ("POST", format!("/v3/rooms/{}/join", segment(&open)), json!({})),
        ("POST", format!("/v3/join/{}", segment(&invited)), json!({})),
        ("POST", format!("/v3/knock/{}", segment(&knockable)), json!({})),
        ("POST", "/v3/createRoom".into(), json!({})),
        ("PUT", format!("/v3/profile/{user}/displayname"), json!({ "displayname": "Me" })),
        ("DELETE", format!("/v3/profile/{user}/avatar_url"), json!({})),
    ];
    for (method, path, body) in refused {
        let request = ana.request(method.parse().unwrap(), &path).json(&body);
        ana.send_request(request).await.refused(403, "M_USER_SUSPENDED");
    }

    let seen = ana.sync(None).await["rooms"]["join"][&room]["timeline"].to_string();
    assert!(seen.contains("ben's"), "{seen}");
    ana.get(&at("messages?dir=b")).await.ok();
    ana.put(&at(&format!("redact/{}/4", segment(&said))), json!({})).await.ok();
    ana.leave(&declined).await;
    ana.leave(&room).await;
    ana.log_in("ana", "password of ana").await.post("/v3/logout", json!({})).await.ok();
    ana.get("/v3/devices").await.ok();

    let folder = server.stop().await;
    let server = Setup::default().start_in(folder).await;
    let again = |client: &Client| server.anonymous().with_token(client.token());
    let join = format!("/v3/rooms/{}/join", segment(&open));
    again(&ana).post(&join, json!({})).await.refused(403, "M_USER_SUSPENDED");
    again(&root).put(&suspend(&ana), json!({ "suspended": false })).await.ok();
    again(&ana).post(&join, json!({})).await.ok();
}

#[tokio::test]
async fn whom_administrators_cannot_lock_or_suspend() {
    let server = Server::start().await;
    let (root, second) = (server.register_admin("root").await, server.register_admin("second").await);
    let gone = server.register("gone").await;
    server.engine().people.accounts.deactivate_user("gone", false).await.unwrap();
    for (kind, member) in [("lock", "locked"), ("suspend", "suspended")] {
        let path = |user: &str| format!("/v1/admin/{kind}/{}", segment(user));
        let on = json!({ member: true });
        root.put(&path(root.user_id()), on.clone()).await.refused(403, "M_FORBIDDEN");
        assert_eq!(root.get(&path(root.user_id())).await.ok(), json!({ member: false }));
        for (user, status, errcode) in [
            (second.user_id(), 403, "M_FORBIDDEN"),
            (gone.user_id(), 404, "M_NOT_FOUND"),
            ("@nobody:localhost", 404, "M_NOT_FOUND"),
            ("@ana:elsewhere", 400, "M_INVALID_PARAM"),
        ] {
            root.put(&path(user), on.clone()).await.refused(status, errcode);
            root.get(&path(user)).await.refused(status, errcode);
        }
        root.put(&path("@nobody:localhost"), json!({})).await.refused(400, "M_BAD_JSON");
    }
    let of = async |client: &Client| {
        client.get("/v3/capabilities").await.ok()["capabilities"]["m.account_moderation"].clone()
    };
    assert_eq!(of(&root).await, json!({ "lock": true, "suspend": true }));
    assert_eq!(of(&server.register("ana").await).await, Value::Null);
}

#[tokio::test]
async fn what_administrators_do_is_in_the_log() {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let made = binary.run_with_input(&["user", "create", "root", "--admin", "--password-stdin"], "correct horse\n");
    assert!(made.success, "{}", made.stderr);
    let server = binary.serve(&[("IM2_LOG__FORMAT", "json"), ("IM2_REGISTRATION__MODE", "open")]);
    let ana = server.anonymous().register("ana").await;
    let root = server.anonymous().log_in("root", "correct horse").await;
    root.put(&lock(&ana), json!({ "locked": true })).await.ok();
    root.put(&lock(&ana), json!({ "locked": false })).await.ok();
    ana.put(&lock(&root), json!({ "locked": true })).await.refused(403, "M_FORBIDDEN");
    ana.get("/v3/account/whoami").await.ok();
    server.signal("TERM");
    let (_, _, log) = server.wait();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let audit: Vec<_> = lines.filter(|line| line["target"] == "audit").collect();
    let said = |entry: &Value| (entry["user"].clone(), entry["subject"].clone(), entry["status"].clone());
    assert_eq!(
        audit.iter().map(said).collect::<Vec<_>>(),
        [
            (json!("@root:localhost"), json!("userId=@ana:localhost"), json!(200)),
            (json!("@root:localhost"), json!("userId=@ana:localhost"), json!(200)),
            (json!("@ana:localhost"), json!("userId=@root:localhost"), json!(403)),
        ]
    );
    assert_eq!(audit[0]["route"], "/_matrix/client/v1/admin/lock/{userId}");
}
