//! Room upgrades.

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{of, state};

async fn upgrade(client: &Client, room: &str, body: Value) -> im2_testkit::Answer {
    client.post(&of(room, "upgrade"), body).await
}

#[tokio::test]
async fn a_room_moves_with_its_state_aliases_and_bans() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    for (from, to) in
        [("10", "11"), ("11", "12"), ("12", "12"), ("12", "10"), ("6", "12"), ("12", "6"), ("9", "10"), ("7", "7")]
    {
        let case = format!("{from} to {to}");
        let alias = format!("#moving-{from}-{to}:localhost");
        let request = json!({
            "room_version": from, "preset": "public_chat", "visibility": "public", "name": "Moving", "topic": "Boxes",
            "room_alias_name": &alias[1..alias.len() - 10],
            "creation_content": { "type": "org.example.kind" },
            "initial_state": [
                { "type": "m.room.history_visibility", "content": { "history_visibility": "joined" } },
                { "type": "org.example.private", "content": { "stays": true } },
            ],
        });
        let old = ana.create_room(request).await;
        ben.join(&old).await;
        let mut levels = state(&ana, &old, "m.room.power_levels").await;
        levels["users"][ben.user_id()] = json!(50);
        ana.set_state(&old, "m.room.power_levels", "", levels.clone()).await;
        ana.post(&of(&old, "ban"), json!({ "user_id": eve.user_id(), "reason": "rude" })).await.ok();
        let new = upgrade(&ana, &old, json!({ "new_version": to })).await.ok()["replacement_room"].clone();
        let new = new.as_str().unwrap();

        let tombstone = state(&ana, &old, "m.room.tombstone").await;
        assert_eq!(tombstone["replacement_room"], json!(new), "{case}");
        let create = state(&ana, new, "m.room.create").await;
        assert_eq!((&create["room_version"], &create["type"]), (&json!(to), &json!("org.example.kind")), "{case}");
        assert_eq!(create["predecessor"]["room_id"], json!(old), "{case}");
        if to != "12" {
            let event = ana.get(&of(&old, "state/m.room.tombstone/?format=event")).await.ok();
            assert_eq!(create["predecessor"]["event_id"], event["event_id"], "{case}");
        }
        for kind in ["m.room.name", "m.room.topic", "m.room.join_rules", "m.room.history_visibility"] {
            assert_eq!(state(&ana, new, kind).await, state(&ana, &old, kind).await, "{case}: {kind}");
        }
        assert_eq!(state(&ana, new, "org.example.private").await, Value::Null, "{case}");
        assert_eq!(state(&ana, new, "m.room.canonical_alias").await["alias"], json!(alias), "{case}");
        assert_eq!(state(&ana, &old, "m.room.canonical_alias").await, json!({}), "{case}");
        let resolved = ana.get(&format!("/v3/directory/room/{}", segment(&alias))).await.ok();
        assert_eq!(resolved["room_id"], json!(new), "{case}");
        for (room, visibility) in [(old.as_str(), "private"), (new, "public")] {
            let listed = ana.get(&format!("/v3/directory/list/room/{}", segment(room))).await.ok();
            assert_eq!(listed["visibility"], visibility, "{case}");
        }
        check_levels(&ana, new, &levels, to, &case).await;
        let banned = ana.get(&of(new, &format!("state/m.room.member/{}", segment(eve.user_id())))).await.ok();
        assert_eq!((&banned["membership"], &banned["reason"]), (&json!("ban"), &json!("rude")), "{case}");
        // The old room is closed, the new one open.
        ben.join(new).await;
        ben.send_text(new, "here we are").await;
        let retired = state(&ana, &old, "m.room.power_levels").await;
        assert_eq!((&retired["events_default"], &retired["invite"]), (&json!(50), &json!(50)), "{case}");
    }
}

async fn check_levels(ana: &Client, new: &str, old_levels: &Value, to: &str, case: &str) {
    let levels = state(ana, new, "m.room.power_levels").await;
    assert_eq!(levels["users"]["@ben:localhost"], 50, "{case}");
    assert_eq!(levels["ban"], old_levels["ban"], "{case}");
    if to == "12" {
        assert_eq!(levels["users"]["@ana:localhost"], Value::Null, "{case}");
        assert_eq!(levels["events"]["m.room.tombstone"], 150, "{case}");
    } else {
        assert!(levels["users"]["@ana:localhost"].as_i64() >= Some(100), "{case}");
    }
}

#[tokio::test]
async fn creators_are_named_anew() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let old =
        ana.create_room(json!({ "room_version": "11", "preset": "trusted_private_chat", "invite": [ben.user_id()] }));
    let old = old.await;
    ben.join(&old).await;
    let body = json!({ "new_version": "12", "additional_creators": [ben.user_id()] });
    let new = upgrade(&ana, &old, body).await.ok()["replacement_room"].as_str().unwrap().to_owned();
    assert_eq!(state(&ana, &new, "m.room.create").await["additional_creators"], json!([ben.user_id()]));
    assert_eq!(state(&ana, &new, "m.room.power_levels").await["users"], json!({}));
    // They are not carried on by themselves.
    let next = upgrade(&ana, &new, json!({ "new_version": "12" })).await.ok();
    let next = next["replacement_room"].as_str().unwrap();
    assert_eq!(state(&ana, next, "m.room.create").await["additional_creators"], Value::Null);
}

#[tokio::test]
async fn a_moderator_upgrades_without_keeping_more_power_than_before() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let old = ana.create_room(json!({ "room_version": "11", "preset": "public_chat" })).await;
    ben.join(&old).await;
    let mut levels = state(&ana, &old, "m.room.power_levels").await;
    levels["users"][ben.user_id()] = json!(50);
    levels["events"]["m.room.tombstone"] = json!(50);
    ana.set_state(&old, "m.room.power_levels", "", levels).await;
    let new = upgrade(&ben, &old, json!({ "new_version": "11" })).await.ok();
    let new = new["replacement_room"].as_str().unwrap();
    let users = state(&ben, new, "m.room.power_levels").await["users"].clone();
    assert_eq!(users, json!({ "@ana:localhost": 100, "@ben:localhost": 50 }));
    // He may not change the old room's levels, which stay.
    assert_eq!(state(&ben, &old, "m.room.power_levels").await["events_default"], 0);
}

#[tokio::test]
async fn an_upgrade_that_is_refused_leaves_nothing() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    upgrade(&ana, &room, json!({ "new_version": "5" })).await.refused(400, "M_UNSUPPORTED_ROOM_VERSION");
    upgrade(&ana, &room, json!({})).await.refused(400, "M_BAD_JSON");
    upgrade(&ben, &room, json!({ "new_version": "12" })).await.refused(403, "M_FORBIDDEN");
    upgrade(&eve, &room, json!({ "new_version": "12" })).await.refused(403, "M_FORBIDDEN");
    upgrade(&ana, "!none:localhost", json!({ "new_version": "12" })).await.refused(403, "M_FORBIDDEN");
    assert_eq!(state(&ana, &room, "m.room.tombstone").await, Value::Null);
    assert_eq!(ana.get("/v3/joined_rooms").await.ok()["joined_rooms"], json!([room]));
    ben.send_text(&room, "still here").await;
}

#[tokio::test]
async fn what_somebody_set_for_a_room_follows_them_into_its_successor() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let old = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&old).await;
    let own = format!("/v3/user/{}", segment(ben.user_id()));
    let tag = format!("{own}/rooms/{}/tags/m.favourite", segment(&old));
    ben.put(&tag, json!({ "order": 0.5 })).await.ok();
    let direct = json!({ ana.user_id(): ["!elsewhere:localhost", old] });
    ben.put(&format!("{own}/account_data/m.direct"), direct).await.ok();
    let rule = |kind: &str, id: &str| format!("/v3/pushrules/global/{kind}/{}", segment(id));
    ben.put(&rule("room", &old), json!({ "actions": [] })).await.ok();
    let condition = json!({ "kind": "event_match", "key": "room_id", "pattern": old });
    let mute = json!({ "actions": [], "conditions": [condition] });
    ben.put(&rule("override", &old), mute).await.ok();
    let since = ben.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    let new = upgrade(&ana, &old, json!({ "new_version": "12" })).await.ok()["replacement_room"].clone();
    let new = new.as_str().unwrap();
    ben.join(new).await;
    let shown = ben.sync(Some(&since)).await;
    let events = shown["rooms"]["join"][new]["account_data"]["events"].as_array().unwrap();
    let tag = json!({ "type": "m.tag", "content": { "tags": { "m.favourite": { "order": 0.5 } } } });
    assert!(events.contains(&tag), "with the room itself: {shown}");
    assert!(shown["account_data"].to_string().contains(new), "and so is the direct chat: {shown}");
    server.until_jobs_are_done().await;
    let tags = ben.get(&format!("{own}/rooms/{}/tags", segment(new))).await.ok();
    assert_eq!(tags["tags"], json!({ "m.favourite": { "order": 0.5 } }));
    let direct = ben.get(&format!("{own}/account_data/m.direct")).await.ok();
    assert_eq!(direct[ana.user_id()], json!(["!elsewhere:localhost", old, new]));
    assert_eq!(ben.get(&rule("room", new)).await.ok()["actions"], json!([]));
    assert_eq!(ben.get(&rule("override", new)).await.ok()["conditions"][0]["pattern"], json!(new));
    assert!(ben.get(&rule("override", &old)).await.status == 200, "the old room's stay");
}

#[tokio::test]
async fn nothing_follows_into_a_room_that_only_claims_to_be_a_successor() {
    let server = Server::start().await;
    let (ana, eve) = (server.register("ana").await, server.register("eve").await);
    let old = ana.create_room(json!({ "preset": "public_chat" })).await;
    let own = format!("/v3/user/{}", segment(ana.user_id()));
    ana.put(&format!("{own}/rooms/{}/tags/m.favourite", segment(&old)), json!({})).await.ok();
    let claim = json!({ "preset": "public_chat", "creation_content": { "predecessor": { "room_id": old } } });
    let false_room = eve.create_room(claim).await;
    let real = upgrade(&ana, &old, json!({ "new_version": "12" })).await.ok()["replacement_room"].clone();
    ana.join(&false_room).await;
    let tags = |room: &str| format!("{own}/rooms/{}/tags", segment(room));
    assert_eq!(ana.get(&tags(real.as_str().unwrap())).await.ok()["tags"], json!({ "m.favourite": {} }), "at once");
    server.until_jobs_are_done().await;
    assert_eq!(ana.get(&tags(real.as_str().unwrap())).await.ok()["tags"], json!({ "m.favourite": {} }));
    assert_eq!(ana.get(&tags(&false_room)).await.ok()["tags"], json!({}));
}

#[tokio::test]
async fn settings_follow_into_a_successor_that_was_made_by_hand() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let old = ana.create_room(json!({})).await;
    let tags = |room: &str| format!("/v3/user/{}/rooms/{}/tags", segment(ana.user_id()), segment(room));
    ana.put(&format!("{}/m.lowpriority", tags(&old)), json!({})).await.ok();
    let new = ana.create_room(json!({ "creation_content": { "predecessor": { "room_id": old } } })).await;
    ana.set_state(&old, "m.room.tombstone", "", json!({ "body": "moved", "replacement_room": new })).await;
    server.until_jobs_are_done().await;
    assert_eq!(ana.get(&tags(&new)).await.ok()["tags"], json!({ "m.lowpriority": {} }));
}
