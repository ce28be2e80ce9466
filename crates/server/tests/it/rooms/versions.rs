//! Rooms of each version: what clients of today ask for, and what a version does not have.

use im2_testkit::{Client, Server, Setup, segment};
use serde_json::{Value, json};

use super::{VERSIONS, is_from, of, state};

/// The request of Element Web for a room that one may ask to join.
fn knocking(version: &str) -> Value {
    json!({
        "preset": "private_chat", "visibility": "private", "name": "Ask me", "room_version": version,
        "initial_state": [
            { "type": "m.room.guest_access", "state_key": "", "content": { "guest_access": "can_join" } },
            { "type": "m.room.join_rules", "state_key": "", "content": { "join_rule": "knock" } },
        ],
    })
}

/// The request of Element Web for a room that the members of a space may join.
fn in_space(version: &str, space: &str) -> Value {
    let allow = json!([{ "type": "m.room_membership", "room_id": space }]);
    json!({
        "preset": "private_chat", "visibility": "private", "name": "For the space", "room_version": version,
        "initial_state": [
            { "type": "m.space.parent", "state_key": space, "content": { "canonical": true, "via": ["localhost"] } },
            { "type": "m.room.join_rules", "content": { "join_rule": "restricted", "allow": allow } },
        ],
    })
}

fn refused_with(answer: &im2_testkit::Answer, status: u16, because: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(answer.text().contains(because), "{}", answer.text());
}

#[tokio::test]
async fn one_asks_to_join_from_version_7_on() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    for version in VERSIONS {
        let room = ana.create_room(knocking(version)).await;
        let knock = format!("/v3/knock/{}", segment(&room));
        let summary = format!("/v1/room_summary/{}", segment(&room));
        if !is_from(version, 7) {
            refused_with(&ben.post(&knock, json!({})).await, 403, "came with version 7");
            ben.get(&summary).await.refused(404, "M_NOT_FOUND");
            // Nor may one join, not even when invited: the version does not know the rule.
            ana.post(&of(&room, "invite"), json!({ "user_id": ben.user_id() })).await.ok();
            refused_with(&ben.post(&of(&room, "join"), json!({})).await, 403, "does not have its join rule");
            continue;
        }
        assert_eq!(ben.get(&summary).await.ok()["join_rule"], "knock");
        ben.post(&of(&room, "join"), json!({})).await.refused(403, "M_FORBIDDEN");
        ben.post(&knock, json!({ "reason": "please" })).await.ok();
        let waiting = ben.sync(None).await;
        assert!(waiting["rooms"]["knock"][&room]["knock_state"]["events"].is_array(), "{version}: {waiting}");
        ana.post(&of(&room, "invite"), json!({ "user_id": ben.user_id() })).await.ok();
        ben.join(&room).await;
        ben.send_text(&room, "thank you").await;
        // One may take the request back.
        eve.post(&knock, json!({})).await.ok();
        eve.leave(&room).await;
        eve.post(&knock, json!({})).await.ok();
        ana.post(&of(&room, "kick"), json!({ "user_id": eve.user_id() })).await.ok();
    }
}

#[tokio::test]
async fn members_of_a_space_join_its_rooms_from_version_8_on() {
    let server = Server::start().await;
    let (ana, ben, eve) = (server.register("ana").await, server.register("ben").await, server.register("eve").await);
    let space = json!({ "preset": "public_chat", "creation_content": { "type": "m.space" }, "room_version": "9" });
    let space = ana.create_room(space).await;
    ben.join(&space).await;
    for version in VERSIONS {
        let room = ana.create_room(in_space(version, &space)).await;
        let child = json!({ "via": ["localhost"] });
        ana.set_state(&space, "m.space.child", &room, child).await;
        eve.post(&of(&room, "join"), json!({})).await.refused(403, "M_FORBIDDEN");
        if !is_from(version, 8) {
            refused_with(&ben.post(&of(&room, "join"), json!({})).await, 403, "does not have its join rule");
            ben.get(&format!("/v1/room_summary/{}", segment(&room))).await.refused(404, "M_NOT_FOUND");
            continue;
        }
        let summary = ben.get(&format!("/v1/room_summary/{}", segment(&room))).await.ok();
        assert_eq!(summary["allowed_room_ids"], json!([space]), "{version}");
        let listed = ben.get(&format!("/v1/rooms/{}/hierarchy", segment(&space))).await.ok();
        let ids: Vec<_> = listed["rooms"].as_array().unwrap().iter().map(|room| room["room_id"].clone()).collect();
        assert!(ids.contains(&json!(room)), "{version}: {listed}");
        ben.join(&room).await;
        let member = of(&room, &format!("state/m.room.member/{}", segment(ben.user_id())));
        assert_eq!(ben.get(&member).await.ok()["join_authorised_via_users_server"], ana.user_id());
        // The redaction of the join keeps who authorised it from version 9 on.
        let event = ben.get(&format!("{member}?format=event")).await.ok();
        let redact = of(&room, &format!("redact/{}/r{version}", segment(event["event_id"].as_str().unwrap())));
        ben.put(&redact, json!({})).await.ok();
        let mut left = json!({ "membership": "join" });
        if is_from(version, 9) {
            left["join_authorised_via_users_server"] = json!(ana.user_id());
        }
        assert_eq!(ben.get(&member).await.ok(), left, "{version}");
        ben.send_text(&room, "still a member").await;
    }
}

#[tokio::test]
async fn both_ways_in_at_once_are_known_from_version_10_on() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let allowed = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&allowed).await;
    for version in VERSIONS {
        let allow = json!([{ "type": "m.room_membership", "room_id": allowed }]);
        let rules = json!({ "join_rule": "knock_restricted", "allow": allow });
        let request = json!({ "room_version": version,
            "initial_state": [{ "type": "m.room.join_rules", "content": rules }] });
        let room = ana.create_room(request).await;
        let join = ben.post(&of(&room, "join"), json!({})).await;
        let knock = ben.post(&format!("/v3/knock/{}", segment(&room)), json!({})).await;
        if is_from(version, 10) {
            join.ok();
            refused_with(&knock, 403, "already in this room");
        } else {
            refused_with(&join, 403, "does not have its join rule");
            knock.refused(403, "M_FORBIDDEN");
        }
    }
}

#[tokio::test]
async fn redactions_name_their_target_where_every_client_looks() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for version in VERSIONS {
        let room = ana.create_room(json!({ "room_version": version })).await;
        let find = async |text: &str| {
            let criteria = json!({ "search_term": text, "filter": { "rooms": [room] } });
            let request = json!({ "search_categories": { "room_events": criteria } });
            let found = ana.post("/v3/search", request).await.ok();
            found["search_categories"]["room_events"]["count"].clone()
        };
        // By the endpoint for redactions, and as any other event in the forms of both old and new clients.
        for way in ["redact", "send"] {
            let said = ana.send_text(&room, "regrettable words").await;
            assert_eq!(find("regrettable").await, 1, "{version}");
            let answer = if way == "redact" {
                ana.put(&of(&room, &format!("redact/{}/a", segment(&said))), json!({ "reason": "r" })).await
            } else {
                let content = json!({ "redacts": said, "reason": "r" });
                ana.put(&of(&room, "send/m.room.redaction/b"), content).await
            };
            let redaction = answer.ok()["event_id"].as_str().unwrap().to_owned();
            let event = ana.get(&of(&room, &format!("event/{}", segment(&redaction)))).await.ok();
            assert_eq!((&event["redacts"], &event["content"]["redacts"]), (&json!(said), &json!(said)), "{version}");
            assert_eq!(event["content"]["reason"], "r", "{version}");
            assert_eq!(find("regrettable").await, 0, "{version}");
            // A redaction that is redacted itself has lost its target until version 10.
            ana.put(&of(&room, &format!("redact/{}/{way}2", segment(&redaction))), json!({})).await.ok();
            let event = ana.get(&of(&room, &format!("event/{}", segment(&redaction)))).await.ok();
            let kept = if is_from(version, 11) { json!({ "redacts": said }) } else { json!({}) };
            assert_eq!(event["content"], kept, "{version}");
        }
    }
}

#[tokio::test]
async fn levels_are_integers_in_requests_whatever_the_version() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for version in VERSIONS {
        let overridden = json!({ "room_version": version, "power_level_content_override": { "ban": "50" } });
        ana.post("/v3/createRoom", overridden).await.refused(400, "M_INVALID_ROOM_STATE");
        let room = ana.create_room(json!({ "room_version": version })).await;
        let mut levels = state(&ana, &room, "m.room.power_levels").await;
        levels["ban"] = json!("50");
        ana.put(&of(&room, "state/m.room.power_levels/"), levels).await.refused(400, "M_BAD_JSON");
    }
}

/// The join rule and `allow` of the successor of a room with `rule`.
async fn rule_after(ana: &Client, rule: &str, from: &str, to: &str) -> Value {
    let allow = json!([{ "type": "m.room_membership", "room_id": "!space:localhost" }]);
    let rules = json!([{ "type": "m.room.join_rules", "content": { "join_rule": rule, "allow": allow } }]);
    let old = ana.create_room(json!({ "room_version": from, "initial_state": rules })).await;
    let new = ana.post(&of(&old, "upgrade"), json!({ "new_version": to })).await.ok()["replacement_room"].clone();
    let rules = state(ana, new.as_str().unwrap(), "m.room.join_rules").await;
    assert_eq!(rules["allow"], allow);
    rules["join_rule"].clone()
}

#[tokio::test]
async fn a_successor_of_an_older_version_can_be_joined_by_the_invited() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for (rule, from, to, expected) in [
        ("knock", "12", "6", "invite"),
        ("knock", "7", "12", "knock"),
        ("restricted", "9", "7", "invite"),
        ("restricted", "12", "8", "restricted"),
        ("knock_restricted", "10", "9", "restricted"),
        ("knock_restricted", "12", "7", "knock"),
        ("knock_restricted", "12", "6", "invite"),
        ("public", "12", "6", "public"),
    ] {
        assert_eq!(rule_after(&ana, rule, from, to).await, expected, "{rule} from {from} to {to}");
    }
}

#[tokio::test]
async fn the_servers_own_rooms_have_the_configured_version() {
    for version in ["6", "11"] {
        let setup = Setup::default().set("rooms.default_version", version).set("server_notices.localpart", "server");
        let server = setup.start().await;
        let (admin, ben) = (server.register_admin("admin").await, server.register("ben").await);
        let notice = json!({ "user_id": ben.user_id(), "content": { "msgtype": "m.text", "body": "Hello" } });
        admin.post("/_synapse/admin/v1/send_server_notice", notice).await.ok();
        server.until_jobs_are_done().await;
        let invited = ben.sync(None).await["rooms"]["invite"].clone();
        let room = invited.as_object().unwrap().keys().next().unwrap().clone();
        ben.join(&room).await;
        assert_eq!(state(&ben, &room, "m.room.create").await["room_version"], version);
    }
}
