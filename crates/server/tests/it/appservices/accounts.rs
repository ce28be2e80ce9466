//! Accounts of application services: the service's own user, the users it acts as, and the IDs reserved for it.

use reqwest::Method;
use serde_json::json;

use super::{Bridge, bridged, irc, server_with, start};
use im2_testkit::{Binary, Setup, segment};

#[tokio::test]
async fn a_service_acts_as_itself_and_as_the_users_of_its_namespaces() {
    let (server, bridge) = bridged("null").await;
    let whoami = "/v3/account/whoami";
    let itself = bridge.client.get(whoami).await.ok();
    assert_eq!(itself, json!({ "user_id": "@_irc_bot:localhost", "is_guest": false }));
    let ana = bridge.puppet("_irc_ana").await;
    let as_ana = bridge.call(Method::GET, whoami, &ana, json!({})).await.ok();
    assert_eq!(as_ana["user_id"], ana.as_str());
    server.register("guestine").await;
    bridge.call(Method::GET, whoami, "@guestine:localhost", json!({})).await.ok();
    server.register("human").await;
    for stranger in ["@human:localhost", "@_irc_nobody:localhost", "@_irc_ana:elsewhere.org", "nonsense", ""] {
        bridge.call(Method::GET, whoami, stranger, json!({})).await.refused(403, "M_FORBIDDEN");
    }
    let human = server.register("other").await;
    let path = format!("{whoami}?user_id={}&device_id=X", segment(&ana));
    assert_eq!(human.get(&path).await.ok()["user_id"], human.user_id(), "only services act as others");
    let query = format!("{whoami}?access_token=irc-as-token&user_id={}", segment(&ana));
    assert_eq!(server.anonymous().get(&query).await.ok()["user_id"], ana.as_str());
}

#[tokio::test]
async fn a_service_acts_on_the_device_it_names_and_manages_devices_without_passwords() {
    let (server, bridge) = bridged("null").await;
    let ana = bridge.puppet("_irc_ana").await;
    let whoami = "/v3/account/whoami?device_id=BRIDGE";
    bridge.call(Method::GET, whoami, &ana, json!({})).await.refused(400, "M_UNKNOWN_DEVICE");
    let device = "/v3/devices/BRIDGE";
    bridge.call(Method::PUT, device, &ana, json!({ "display_name": "of the bridge" })).await.status_is(201);
    bridge.call(Method::PUT, device, &ana, json!({ "display_name": "of the bot" })).await.status_is(200);
    assert_eq!(bridge.call(Method::GET, device, &ana, json!({})).await.ok()["display_name"], "of the bot");
    for name in ["device_id", "org.matrix.msc3202.device_id"] {
        let path = format!("/v3/account/whoami?{name}=BRIDGE");
        assert_eq!(bridge.call(Method::GET, &path, &ana, json!({})).await.ok()["device_id"], "BRIDGE");
    }
    bridge.call(Method::DELETE, device, &ana, json!({})).await.ok();
    bridge.call(Method::PUT, device, &ana, json!({})).await.status_is(201);
    bridge.call(Method::POST, "/v3/delete_devices", &ana, json!({ "devices": ["BRIDGE"] })).await.ok();
    bridge.call(Method::GET, device, &ana, json!({})).await.refused(404, "M_NOT_FOUND");
    bridge.call(Method::POST, "/v3/logout", &ana, json!({})).await.refused(403, "M_FORBIDDEN");
    let password = json!({ "new_password": "correct horse" });
    bridge.call(Method::POST, "/v3/account/password", &ana, password).await.refused(403, "M_FORBIDDEN");
    let human = server.register("human").await;
    human.put("/v3/devices/NEW", json!({ "display_name": "x" })).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn what_is_remembered_of_an_assumed_user_ends_with_it() {
    let (server, bridge) = bridged("null").await;
    let ana = bridge.puppet("_irc_ana").await;
    let (as_device, device) = ("/v3/account/whoami?device_id=BRIDGE", "/v3/devices/BRIDGE");
    for _ in 0..2 {
        bridge.call(Method::GET, as_device, &ana, json!({})).await.refused(400, "M_UNKNOWN_DEVICE");
        bridge.call(Method::PUT, device, &ana, json!({})).await.status_is(201);
        for _ in 0..2 {
            assert_eq!(bridge.call(Method::GET, as_device, &ana, json!({})).await.ok()["device_id"], "BRIDGE");
        }
        bridge.call(Method::DELETE, device, &ana, json!({})).await.ok();
    }
    let accounts = &server.engine().people.accounts;
    let whois = format!("/v3/admin/whois/{}", segment("@_irc_bot:localhost"));
    bridge.call(Method::GET, &whois, &ana, json!({})).await.refused(403, "M_FORBIDDEN");
    accounts.set_admin(&ana, true).await.unwrap();
    bridge.call(Method::GET, &whois, &ana, json!({})).await.ok();
    accounts.set_admin(&ana, false).await.unwrap();
    bridge.call(Method::GET, &whois, &ana, json!({})).await.refused(403, "M_FORBIDDEN");
    accounts.deactivate_user(&ana, false).await.unwrap();
    bridge.call(Method::GET, "/v3/account/whoami", &ana, json!({})).await.refused(403, "M_USER_DEACTIVATED");
}

#[tokio::test]
async fn a_service_registers_and_signs_in_its_users_without_passwords() {
    let setup = Setup::default().set("registration.mode", "closed");
    let server = start(setup, &[irc("null")], tempfile::tempdir().unwrap()).await;
    let bridge = Bridge::irc(&server);
    let kind = "m.login.application_service";
    assert!(server.anonymous().get("/v3/login").await.ok()["flows"].to_string().contains(kind));
    let inhibited = bridge.register("_irc_ana").await.ok();
    assert!(inhibited["user_id"] == "@_irc_ana:localhost" && inhibited["access_token"].is_null(), "{inhibited}");
    bridge.register("_irc_ana").await.refused(400, "M_USER_IN_USE");
    bridge.register("human").await.refused(400, "M_EXCLUSIVE");
    bridge.client.post("/v3/register", json!({ "type": kind })).await.refused(400, "M_MISSING_PARAM");
    let full = bridge.client.post("/v3/register", json!({ "type": kind, "username": "_irc_ben" })).await.ok();
    assert_eq!(server.anonymous().signed_in(&full).get("/v3/account/whoami").await.ok()["user_id"], full["user_id"]);
    let login = |user: &str| json!({ "type": kind, "identifier": { "type": "m.id.user", "user": user } });
    let signed_in = bridge.client.post("/v3/login", login("_irc_ana")).await.ok();
    let ana = server.anonymous().signed_in(&signed_in);
    assert_eq!(ana.get("/v3/account/whoami").await.ok()["device_id"], ana.device_id());
    bridge.client.post("/v3/login", login("human")).await.refused(400, "M_EXCLUSIVE");
    bridge.client.post("/v3/login", login("_irc_nobody")).await.refused(403, "M_FORBIDDEN");
    bridge.client.post("/v3/login", json!({ "type": kind })).await.refused(400, "M_MISSING_PARAM");
    for (client, errcode) in [(server.anonymous().clone(), "M_MISSING_TOKEN"), (ana.clone(), "M_UNKNOWN_TOKEN")] {
        client.post("/v3/login", login("_irc_ana")).await.refused(401, errcode);
        let body = json!({ "type": kind, "username": "_irc_eve" });
        client.post("/v3/register", body).await.refused(401, errcode);
    }
    bridge.call(Method::POST, "/v3/account/deactivate", ana.user_id(), json!({})).await.ok();
    bridge.client.post("/v3/login", login("_irc_ana")).await.refused(403, "M_USER_DEACTIVATED");
    bridge.call(Method::GET, "/v3/account/whoami", ana.user_id(), json!({})).await.refused(403, "M_USER_DEACTIVATED");
}

#[tokio::test]
async fn what_a_service_claims_is_for_nobody_else() {
    let other = irc("null").replace("irc", "xmpp").replace("guest", "friend");
    let server = server_with(&[irc("null"), other]).await;
    let (bridge, rival) = (Bridge::irc(&server), Bridge::new(server.anonymous(), "xmpp-as-token"));
    rival.register("_irc_ana").await.refused(400, "M_EXCLUSIVE");
    let anonymous = server.anonymous();
    for name in ["_irc_eve", "_irc_bot", "_xmpp_eve"] {
        let body = json!({ "username": name, "password": "correct horse", "auth": { "type": "m.login.dummy" } });
        anonymous.post("/v3/register", body).await.refused(400, "M_EXCLUSIVE");
        anonymous.get(&format!("/v3/register/available?username={name}")).await.refused(400, "M_EXCLUSIVE");
    }
    let human = server.register("guestine").await; // interesting, but not claimed
    let room = human.create_room(json!({})).await;
    let put = |name: &str| format!("/v3/directory/room/{}", segment(&format!("#{name}:localhost")));
    human.put(&put("_irc_chan"), json!({ "room_id": room })).await.refused(400, "M_EXCLUSIVE");
    human.post("/v3/createRoom", json!({ "room_alias_name": "_irc_chan" })).await.refused(400, "M_EXCLUSIVE");
    // A room that the service is not in may have an alias of it, and none of anybody else's.
    let room = human.create_room(json!({})).await;
    let target = json!({ "room_id": room });
    bridge.client.put("/v3/directory/room/%23_irc_portal:localhost", target.clone()).await.ok();
    bridge.client.put("/v3/directory/room/%23portal:localhost", target).await.refused(400, "M_EXCLUSIVE");
    let theirs = bridge.client.create_room(json!({ "room_alias_name": "_irc_chan" })).await;
    human.delete(&put("_irc_chan"), json!({})).await.refused(400, "M_EXCLUSIVE");
    rival.client.delete(&put("_irc_chan"), json!({})).await.refused(400, "M_EXCLUSIVE");
    bridge.client.put(&put("elsewhere"), json!({ "room_id": theirs })).await.refused(400, "M_EXCLUSIVE");
    let ana = bridge.puppet("_irc_ana").await;
    bridge.call(Method::DELETE, &put("_irc_chan"), &ana, json!({})).await.ok();
}

#[tokio::test]
async fn only_a_service_chooses_the_time_of_its_events() {
    let (server, bridge) = bridged("null").await;
    let room = bridge.client.create_room(json!({ "preset": "public_chat" })).await;
    let human = server.register("human").await;
    human.join(&room).await;
    let send = format!("/v3/rooms/{}/send/m.room.message", segment(&room));
    let state = format!("/v3/rooms/{}/state", segment(&room));
    let body = json!({ "msgtype": "m.text", "body": "long ago" });
    let time_of = |answer: serde_json::Value| {
        let (human, path) = (human.clone(), format!("/v3/rooms/{}/event/", segment(&room)));
        async move {
            let event_id = answer["event_id"].as_str().unwrap().to_owned();
            human.get(&format!("{path}{}", segment(&event_id))).await.ok()["origin_server_ts"].as_u64().unwrap()
        }
    };
    let bot = &bridge.client;
    assert_eq!(time_of(bot.put(&format!("{send}/1?ts=1234"), body.clone()).await.ok()).await, 1234);
    let topic = json!({ "topic": "then" });
    assert_eq!(time_of(bot.put(&format!("{state}/m.room.topic/?ts=77"), topic.clone()).await.ok()).await, 77);
    assert!(time_of(bot.put(&format!("{send}/2"), body.clone()).await.ok()).await > 1_600_000_000_000);
    for ts in ["-1", "yesterday", "1.5", "99999999999999999", ""] {
        bot.put(&format!("{send}/3?ts={ts}"), body.clone()).await.refused(400, "M_INVALID_PARAM");
        bot.put(&format!("{state}/m.room.name?ts={ts}"), json!({ "name": "x" })).await.refused(400, "M_INVALID_PARAM");
    }
    for (txn, ts) in [("1", "1234"), ("2", "yesterday")] {
        let answer = human.put(&format!("{send}/{txn}?ts={ts}"), body.clone()).await.ok();
        assert!(time_of(answer).await > 1_600_000_000_000, "to others ts means nothing");
    }
}

#[tokio::test]
async fn transactions_of_a_service_are_told_apart_by_user_and_device() {
    let (_server, bridge) = bridged("null").await;
    let (ana, ben) = (bridge.puppet("_irc_ana").await, bridge.puppet("_irc_ben").await);
    let room = bridge.client.create_room(json!({ "preset": "public_chat" })).await;
    bridge.join(&room, &ana).await;
    bridge.join(&room, &ben).await;
    let first = bridge.send_text(&room, &ana, "t", "hello").await;
    assert_eq!(bridge.send_text(&room, &ana, "t", "hello").await, first, "the same transaction is the same event");
    assert_ne!(bridge.send_text(&room, &ben, "t", "hello").await, first);
    bridge.call(Method::PUT, "/v3/devices/D", &ana, json!({})).await.status_is(201);
    let path = format!("/v3/rooms/{}/send/m.room.message/t?device_id=D", segment(&room));
    let body = json!({ "msgtype": "m.text", "body": "hello" });
    assert_ne!(bridge.call(Method::PUT, &path, &ana, body).await.ok()["event_id"], first.as_str());
    let path = format!("/v3/rooms/{}/messages?dir=b&limit=10", segment(&room));
    let page = bridge.call(Method::GET, &path, &ana, json!({})).await.ok();
    let told = page["chunk"].as_array().unwrap().iter().filter(|event| event["unsigned"]["transaction_id"] == "t");
    assert_eq!(told.count(), 1, "{page}");
}

#[tokio::test]
async fn rate_limits_spare_a_service_that_says_so() {
    let spared = format!("{}rate_limited: false\n", irc("null"));
    let limited = irc("null").replace("irc", "xmpp").replace("guest", "friend");
    let setup = Setup::default().set("rate_limits.enabled", true).clock_at(1_700_000_000_000);
    let server = start(setup, &[spared, limited], tempfile::tempdir().unwrap()).await;
    let (bridge, rival) = (Bridge::irc(&server), Bridge::new(server.anonymous(), "xmpp-as-token"));
    for number in 0..70 {
        bridge.puppet(&format!("_irc_{number}")).await; // more than one address may register otherwise
    }
    let friend = rival.puppet("_xmpp_friend").await;
    let (mine, itself) = ("@_irc_0:localhost".to_owned(), "@_xmpp_bot:localhost".to_owned());
    let mut refusals = Vec::new();
    for (bridge, user) in [(&bridge, mine), (&rival, itself), (&rival, friend)] {
        let mut refused = 0;
        for _ in 0..51 {
            let answer = bridge.call(Method::POST, "/v3/join/nonsense", &user, json!({})).await;
            refused += usize::from(answer.status == 429);
        }
        refusals.push(refused);
    }
    assert_eq!(refusals, [0, 0, 1], "only masqueraded users are limited, unless the registration says otherwise");
}

#[test]
fn a_registration_that_is_wrong_keeps_the_server_from_starting_and_says_why() {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let path = binary.folder().join("irc.yaml");
    let environment = [("IM2_APP_SERVICE__REGISTRATION_FILES", path.to_str().unwrap())];
    for (text, expected) in [
        (None, "irc.yaml"),
        (Some("id: irc".to_owned()), "irc.yaml"),
        (Some(irc("null").replace("'@_irc_.*'", "'@_irc_('")), "namespaces.users"),
    ] {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        for command in ["serve", "config"] {
            let arguments: &[&str] = if command == "serve" { &["serve"] } else { &["config", "check"] };
            let ended = binary.run(arguments, &environment);
            assert!(!ended.success && ended.stderr.contains(expected), "{command}: {}", ended.stderr);
        }
    }
    std::fs::write(&path, irc("null")).unwrap();
    let twice = format!("{0},{0}", path.display());
    let ended = binary.run(&["config", "check"], &[("IM2_APP_SERVICE__REGISTRATION_FILES", &twice)]);
    assert!(!ended.success && ended.stderr.contains("the same id (irc)"), "{}", ended.stderr);
    let ended = binary.run(&["config", "check"], &environment);
    assert!(ended.success && ended.stdout.contains("one application service"), "{}", ended.stdout);
}
