//! `POST /createRoom`.

use im2_testkit::Server;
use serde_json::{Value, json};

use super::{VERSIONS, bodies, is_from, of, state};

#[tokio::test]
async fn every_preset_in_every_version() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    for version in VERSIONS {
        for (preset, join_rule, guests) in [
            ("private_chat", "invite", "can_join"),
            ("trusted_private_chat", "invite", "can_join"),
            ("public_chat", "public", "forbidden"),
        ] {
            let request = json!({ "preset": preset, "room_version": version, "invite": [ben.user_id()] });
            let room = ana.create_room(request).await;
            let case = format!("{preset} in version {version}");
            let create = state(&ana, &room, "m.room.create").await;
            assert_eq!(create["room_version"], version, "{case}");
            assert_eq!(create["creator"].is_string(), !is_from(version, 11), "{case}");
            assert_eq!(state(&ana, &room, "m.room.join_rules").await["join_rule"], join_rule, "{case}");
            assert_eq!(state(&ana, &room, "m.room.guest_access").await["guest_access"], guests, "{case}");
            let history = state(&ana, &room, "m.room.history_visibility").await;
            assert_eq!(history["history_visibility"], "shared", "{case}");
            let trusted = preset == "trusted_private_chat";
            let levels = state(&ana, &room, "m.room.power_levels").await;
            if version == "12" {
                assert_eq!(levels["users"], json!({}), "{case}");
                let creators = if trusted { json!([ben.user_id()]) } else { Value::Null };
                assert_eq!(create["additional_creators"], creators, "{case}");
                assert!(levels["events"]["m.room.tombstone"].as_i64() > levels["state_default"].as_i64(), "{case}");
            } else {
                assert_eq!(levels["users"]["@ana:localhost"], 100, "{case}");
                assert_eq!(levels["users"]["@ben:localhost"].as_i64(), trusted.then_some(100), "{case}");
            }
            assert_eq!(room.contains(':'), version != "12", "{case}");
        }
    }
}

#[tokio::test]
async fn events_come_in_the_specified_order() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let request = json!({
        "room_alias_name": "order", "name": "Name", "topic": "Topic", "invite": [ben.user_id()], "is_direct": true,
        "initial_state": [
            { "type": "m.room.join_rules", "content": { "join_rule": "knock" } },
            { "type": "org.example.first", "state_key": "k", "content": { "n": 1 } },
        ],
        "creation_content": { "type": "org.example.kind", "creator": "@eve:localhost", "room_version": "1" },
        "power_level_content_override": { "events_default": 7 },
    });
    let room = ana.create_room(request).await;
    let page = ana.get(&of(&room, "messages?dir=f&limit=50")).await.ok();
    let events = page["chunk"].as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected = [
        "m.room.create",
        "m.room.member",
        "m.room.power_levels",
        "m.room.canonical_alias",
        "m.room.history_visibility",
        "m.room.guest_access",
        "m.room.join_rules",
        "org.example.first",
        "m.room.name",
        "m.room.topic",
        "m.room.member",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(events[0]["content"]["type"], "org.example.kind");
    assert_eq!(events[0]["content"]["room_version"], "12");
    assert_eq!(events[0]["content"]["creator"], Value::Null);
    assert_eq!(events[1]["content"]["is_direct"], Value::Null);
    assert_eq!(events[2]["content"]["events_default"], 7);
    assert_eq!(events[3]["content"]["alias"], "#order:localhost");
    assert_eq!(events[9]["content"]["m.topic"]["m.text"][0]["body"], "Topic");
    assert_eq!(events[10]["content"]["is_direct"], true);
    assert_eq!(bodies(&page["chunk"]), Vec::<&str>::new());
}

#[tokio::test]
async fn what_cannot_be_made_is_refused() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    ana.create_room(json!({ "room_alias_name": "taken" })).await;
    let alias_state = |alias: &str| json!([{ "type": "m.room.canonical_alias", "content": { "alias": alias } }]);
    for (request, status, errcode) in [
        (json!({ "room_version": "1" }), 400, "M_UNSUPPORTED_ROOM_VERSION"),
        (json!({ "room_version": 12 }), 400, "M_BAD_JSON"),
        (json!({ "preset": "huge_chat" }), 400, "M_BAD_JSON"),
        (json!({ "room_alias_name": "taken" }), 400, "M_ROOM_IN_USE"),
        (json!({ "room_alias_name": "a:b" }), 400, "M_INVALID_PARAM"),
        (json!({ "room_alias_name": "" }), 400, "M_INVALID_PARAM"),
        (json!({ "invite": ["nobody"] }), 400, "M_BAD_JSON"),
        (json!({ "power_level_content_override": { "users_default": "10" } }), 400, "M_INVALID_ROOM_STATE"),
        (
            json!({ "power_level_content_override": { "users": { "@ana:localhost": 100 } } }),
            400,
            "M_INVALID_ROOM_STATE",
        ),
        (
            json!({ "room_version": "11", "name": "x",
                "power_level_content_override": { "users": { "@ana:localhost": 10 } } }),
            400,
            "M_INVALID_ROOM_STATE",
        ),
        (json!({ "initial_state": [{ "type": "m.room.create", "content": {} }] }), 400, "M_INVALID_ROOM_STATE"),
        (
            json!({ "initial_state": [{ "type": "m.room.join_rules", "content": { "join_rule": 5 } }] }),
            400,
            "M_INVALID_ROOM_STATE",
        ),
        (json!({ "initial_state": alias_state("#taken:localhost") }), 400, "M_BAD_ALIAS"),
        (json!({ "initial_state": alias_state("taken") }), 400, "M_INVALID_PARAM"),
        (json!({ "invite_3pid": [{ "medium": "email" }] }), 403, "M_THREEPID_DENIED"),
    ] {
        let answer = ana.post("/v3/createRoom", request.clone()).await;
        let got = (answer.status, answer.json()["errcode"].as_str().unwrap_or_default().to_owned());
        assert_eq!(got, (status, errcode.to_owned()), "{request}: {}", answer.text());
    }
    let joined = ana.get("/v3/joined_rooms").await.ok();
    assert_eq!(joined["joined_rooms"].as_array().map(Vec::len), Some(1), "a refused request leaves nothing");
}

#[tokio::test]
async fn somebody_named_twice_is_invited_once() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = ana.create_room(json!({ "invite": [ben.user_id(), ben.user_id()] })).await;
    let page = ana.get(&of(&room, "messages?dir=f&limit=50")).await.ok();
    let events = page["chunk"].as_array().unwrap();
    let invites = events.iter().filter(|event| event["content"]["membership"] == "invite").count();
    assert_eq!(invites, 1);
}
