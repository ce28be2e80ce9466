//! Sending, redacting, and the right to.

use im2_testkit::{Server, segment};
use serde_json::{Value, json};

use super::{VERSIONS, bodies, of, state};

#[tokio::test]
async fn a_transaction_belongs_to_a_device_a_room_and_a_type() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let other = ana.log_in("ana", "password of ana").await;
    let (room, second) = (ana.create_room(json!({})).await, ana.create_room(json!({})).await);
    let path = |room: &str, kind: &str| of(room, &format!("send/{kind}/same"));
    let message = json!({ "msgtype": "m.text", "body": "once" });
    let first = ana.put(&path(&room, "m.room.message"), message.clone()).await.ok();
    for _ in 0..2 {
        assert_eq!(ana.put(&path(&room, "m.room.message"), message.clone()).await.ok(), first);
    }
    let mut all = vec![first["event_id"].clone()];
    for (client, room, kind) in
        [(&other, &room, "m.room.message"), (&ana, &second, "m.room.message"), (&ana, &room, "org.example.kind")]
    {
        let sent = client.put(&path(room, kind), message.clone()).await.ok()["event_id"].clone();
        assert!(!all.contains(&sent));
        all.push(sent);
    }
    let event = of(&room, &format!("event/{}", segment(first["event_id"].as_str().unwrap())));
    assert_eq!(ana.get(&event).await.ok()["unsigned"]["transaction_id"], "same");
    assert_eq!(other.get(&event).await.ok()["unsigned"]["transaction_id"], Value::Null);
}

#[tokio::test]
async fn a_redaction_leaves_the_frame() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    for version in VERSIONS {
        let room = ana.create_room(json!({ "preset": "public_chat", "room_version": version })).await;
        ben.join(&room).await;
        eve.join(&room).await;
        let said = ben.send_text(&room, "regretted").await;
        let redact = |target: &str, txn: &str| of(&room, &format!("redact/{}/{txn}", segment(target)));
        eve.put(&redact(&said, "a"), json!({})).await.refused(403, "M_FORBIDDEN");
        let redaction = ben.put(&redact(&said, "a"), json!({ "reason": "sorry" })).await.ok();
        assert_eq!(ben.put(&redact(&said, "a"), json!({ "reason": "sorry" })).await.ok(), redaction);
        let event = eve.get(&of(&room, &format!("event/{}", segment(&said)))).await.ok();
        assert_eq!(event["content"], json!({}));
        let because = &event["unsigned"]["redacted_because"];
        assert_eq!((&because["event_id"], &because["content"]["reason"]), (&redaction["event_id"], &json!("sorry")));
        let page = eve.get(&of(&room, "messages?dir=b")).await.ok();
        assert_eq!(bodies(&page["chunk"]), Vec::<&str>::new());
        ana.put(&redact("$nothing", "b"), json!({})).await.refused(404, "M_NOT_FOUND");
        // Moderators redact others' events, and state keeps what holds the room together.
        let said = eve.send_text(&room, "spam").await;
        ana.put(&redact(&said, "c"), json!({})).await.ok();
        let name = ana.set_state(&room, "m.room.name", "", json!({ "name": "Bad" })).await;
        ana.put(&redact(&name, "d"), json!({})).await.ok();
        assert_eq!(state(&ana, &room, "m.room.name").await, json!({}));
    }
}

#[tokio::test]
async fn power_levels_decide_who_sends_what() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    for version in VERSIONS {
        let room = ana.create_room(json!({ "preset": "public_chat", "room_version": version })).await;
        ben.join(&room).await;
        let name = of(&room, "state/m.room.name/");
        ben.put(&name, json!({ "name": "x" })).await.refused(403, "M_FORBIDDEN");
        let mut levels = state(&ana, &room, "m.room.power_levels").await;
        levels["users"][ben.user_id()] = json!(50);
        levels["events"]["org.example.rare"] = json!(60);
        ana.set_state(&room, "m.room.power_levels", "", levels.clone()).await;
        ben.put(&name, json!({ "name": "x" })).await.ok();
        ben.put(&of(&room, "send/org.example.rare/1"), json!({})).await.refused(403, "M_FORBIDDEN");
        let mut higher = levels.clone();
        higher["users"][ben.user_id()] = json!(100);
        let path = of(&room, "state/m.room.power_levels/");
        ben.put(&path, higher).await.refused(403, "M_FORBIDDEN");
        levels["ban"] = json!("50");
        let answer = ana.put(&path, levels).await;
        assert!(matches!(answer.status, 400 | 403), "{}", answer.text());
        let own = of(&room, &format!("state/org.example.own/{}", segment(ana.user_id())));
        ben.put(&own, json!({})).await.refused(403, "M_FORBIDDEN");
    }
}

#[tokio::test]
async fn state_that_decides_what_others_may_do_is_well_formed() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let put = async |kind: &str, content: &Value| {
        let key = if kind == "m.room.member" { segment(ana.user_id()) } else { String::new() };
        ana.put(&of(&room, &format!("state/{kind}/{key}")), content.clone()).await
    };
    for (kind, content) in [
        ("m.room.member", json!({})),
        ("m.room.member", json!({ "membership": "dance" })),
        ("m.room.join_rules", json!({ "join_rule": 5 })),
        ("m.room.history_visibility", json!({ "history_visibility": ["joined"] })),
        ("m.room.guest_access", json!({ "guest_access": null })),
        ("m.room.encryption", json!({ "algorithm": {} })),
        ("m.room.server_acl", json!({ "allow": "*" })),
        ("m.room.server_acl", json!({ "allow": ["*"], "deny": [5] })),
    ] {
        put(kind, &content).await.refused(400, "M_BAD_JSON");
    }
    for (kind, content) in [
        ("m.room.join_rules", json!({ "join_rule": "org.example.of_tomorrow" })),
        ("m.room.join_rules", json!({})),
        ("m.room.server_acl", json!({ "allow": ["*"] })),
    ] {
        put(kind, &content).await.ok();
    }
}

#[tokio::test]
async fn state_that_is_so_already_is_not_sent_again() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let room = ana.create_room(json!({})).await;
    let first = ana.set_state(&room, "org.example.flag", "k", json!({ "on": true })).await;
    assert_eq!(ana.set_state(&room, "org.example.flag", "k", json!({ "on": true })).await, first);
    assert_ne!(ana.set_state(&room, "org.example.flag", "k", json!({ "on": false })).await, first);
    let event = ana.get(&of(&room, "state/org.example.flag/k?format=event")).await.ok();
    assert_eq!(event["unsigned"]["replaces_state"], json!(first));
    assert_eq!(event["unsigned"]["prev_content"], json!({ "on": true }));
    assert_eq!(event["unsigned"]["prev_sender"], json!(ana.user_id()));
    ana.get(&of(&room, "state/org.example.flag/other")).await.refused(404, "M_NOT_FOUND");
    ana.put(&of(&room, "state/m.room.create/"), json!({})).await.refused(400, "M_INVALID_PARAM");
    ana.put(&of(&room, "state/m.room.member/nobody"), json!({ "membership": "join" })).await.refused(400, "M_BAD_JSON");
    let large = json!({ "body": "x".repeat(70_000) });
    ana.put(&of(&room, "send/m.room.message/l"), large).await.refused(413, "M_TOO_LARGE");
    ana.put(&of(&room, "send/m.room.message/f"), json!({ "n": 1.5 })).await.refused(400, "M_BAD_JSON");
}

#[tokio::test]
async fn state_that_nobody_could_set_is_a_bad_request() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    for version in VERSIONS {
        let creators =
            json!({ "additional_creators": if version == "12" { json!([ben.user_id()]) } else { json!([]) } });
        let body = json!({ "room_version": version, "creation_content": creators, "preset": "public_chat" });
        let room = ana.create_room(body).await;
        ben.join(&room).await;
        let levels = of(&room, "state/m.room.power_levels/");
        for wrong in [json!({ "users_default": "10" }), json!({ "users": { "ben": 10 } }), json!({ "events": [] })] {
            ana.put(&levels, wrong.clone()).await.refused(400, "M_BAD_JSON");
            eve.put(&levels, wrong).await.refused(403, "M_FORBIDDEN");
        }
        for creator in [&ana, &ben].into_iter().filter(|_| version == "12") {
            let named = json!({ "users": { creator.user_id(): 100 } });
            ana.put(&levels, named).await.refused(400, "M_BAD_JSON");
        }
        let create = json!({ "room_version": version, "more": 1 });
        ana.put(&of(&room, "state/m.room.create/"), create.clone()).await.refused(400, "M_INVALID_PARAM");
        ana.put(&of(&room, "send/m.room.create/1"), create).await.refused(400, "M_INVALID_PARAM");
    }
}
