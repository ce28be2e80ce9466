//! Bodies that are nearly what a route wants.

use im2_fuzz::{cases, json};
use im2_testkit::segment;
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};

use super::{World, is_an_answer};

const WORDS: &[&str] = &[
    "type",
    "state_key",
    "content",
    "room_id",
    "user_id",
    "m.room.member",
    "m.room.create",
    "m.room.power_levels",
    "users",
    "membership",
    "join",
    "invite",
    "preset",
    "private_chat",
    "public_chat",
    "room_version",
    "12",
    "10",
    "6",
    "name",
    "limit",
    "filter",
    "m.relates_to",
    "rel_type",
    "m.thread",
    "event_id",
    "algorithm",
    "keys",
    "signatures",
    "device_keys",
    "actions",
    "conditions",
    "pattern",
    "search_term",
    "order_by",
    "rank",
    "recent",
    "body",
    "msgtype",
    "@ana:localhost",
    "m.text",
];

/// A request that is right: method, path, body. `{room}` and `{user}` stand for Ben's own.
fn requests() -> Vec<(Method, &'static str, Value)> {
    let device_keys = json!({ "user_id": "@ben:localhost", "device_id": "D", "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
        "keys": { "curve25519:D": "a", "ed25519:D": "b" }, "signatures": { "@ben:localhost": { "ed25519:D": "c" } } });
    let filter = json!({ "limit": 5, "types": ["m.room.*"], "senders": ["@ben:localhost"], "contains_url": false });
    vec![
        (
            Method::PUT,
            "/v3/rooms/{room}/send/m.room.message/{txn}",
            json!({ "msgtype": "m.text", "body": "hi",
            "m.mentions": { "user_ids": ["@ana:localhost"] }, "m.relates_to": { "rel_type": "m.thread", "event_id": "$e",
            "m.in_reply_to": { "event_id": "$e" } } }),
        ),
        (
            Method::PUT,
            "/v3/rooms/{room}/send/m.reaction/{txn}",
            json!({ "m.relates_to": { "rel_type": "m.annotation",
            "event_id": "$e", "key": "a" } }),
        ),
        (
            Method::PUT,
            "/v3/rooms/{room}/state/m.room.power_levels/",
            json!({ "users": { "@ben:localhost": 100 }, "ban": 50,
            "events": { "m.room.name": 50 }, "notifications": { "room": 50 } }),
        ),
        (
            Method::PUT,
            "/v3/rooms/{room}/state/m.room.join_rules/",
            json!({ "join_rule": "restricted", "allow":
            [{ "type": "m.room_membership", "room_id": "!a:localhost" }] }),
        ),
        (Method::PUT, "/v3/rooms/{room}/state/m.space.child/key", json!({ "via": ["localhost"], "order": "a" })),
        (
            Method::POST,
            "/v3/createRoom",
            json!({ "preset": "private_chat", "room_version": "12", "name": "n", "topic": "t",
            "creation_content": { "m.federate": true, "type": "m.space" }, "invite": ["@ana:localhost"], "initial_state":
            [{ "type": "m.room.topic", "state_key": "", "content": { "topic": "t" } }], "power_level_content_override":
            { "users": { "@ben:localhost": 100 } } }),
        ),
        (
            Method::POST,
            "/v3/user/{user}/filter",
            json!({ "event_fields": ["content.body"], "event_format": "client",
            "room": { "timeline": filter, "state": filter, "include_leave": true } }),
        ),
        (
            Method::PUT,
            "/v3/pushrules/global/override/r",
            json!({ "actions": ["notify", { "set_tweak": "sound", "value": "a" }],
            "conditions": [{ "kind": "event_match", "key": "content.body", "pattern": "c*e" },
            { "kind": "room_member_count", "is": ">2" }] }),
        ),
        (
            Method::POST,
            "/v3/search",
            json!({ "search_categories": { "room_events": { "search_term": "tea", "keys":
            ["content.body"], "filter": filter, "order_by": "rank", "event_context": { "before_limit": 1, "after_limit": 1,
            "include_profile": true }, "include_state": true, "groupings": { "group_by": [{ "key": "room_id" }] } } } }),
        ),
        (
            Method::POST,
            "/v3/publicRooms",
            json!({ "limit": 5, "filter": { "generic_search_term": "t", "room_types": [null] } }),
        ),
        (
            Method::POST,
            "/v3/keys/upload",
            json!({ "device_keys": device_keys, "one_time_keys": { "signed_curve25519:A":
            { "key": "a", "signatures": {} } }, "fallback_keys": {} }),
        ),
        (Method::POST, "/v3/keys/query", json!({ "device_keys": { "@ana:localhost": [] }, "timeout": 0 })),
        (
            Method::POST,
            "/v3/keys/claim",
            json!({ "one_time_keys": { "@ana:localhost": { "D": "signed_curve25519" } } }),
        ),
        (
            Method::POST,
            "/v3/room_keys/version",
            json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data":
            { "public_key": "a", "signatures": {} } }),
        ),
        (
            Method::PUT,
            "/v3/sendToDevice/m.room_key_request/{txn}",
            json!({ "messages": { "@ana:localhost": { "*":
            { "action": "request" } } } }),
        ),
        (Method::PUT, "/v3/user/{user}/account_data/m.direct", json!({ "@ana:localhost": ["!a:localhost"] })),
        (Method::PUT, "/v3/user/{user}/rooms/{room}/tags/m.favourite", json!({ "order": 0.5 })),
        (Method::POST, "/v3/rooms/{room}/read_markers", json!({ "m.fully_read": "$e", "m.read": "$e" })),
        (Method::PUT, "/v3/rooms/{room}/typing/{user}", json!({ "typing": true, "timeout": 1000 })),
        (Method::PUT, "/v3/presence/{user}/status", json!({ "presence": "online", "status_msg": "m" })),
        (
            Method::POST,
            "/v3/pushers/set",
            json!({ "kind": "http", "app_id": "a", "pushkey": "k", "app_display_name": "A",
            "device_display_name": "D", "lang": "en", "data": { "url": "https://example.org/_matrix/push/v1/notify",
            "format": "event_id_only" } }),
        ),
        (
            Method::POST,
            "/v3/login",
            json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "eve" },
            "password": "p", "device_id": "D", "refresh_token": true }),
        ),
        (Method::PUT, "/v3/profile/{user}/displayname", json!({ "displayname": "Ben" })),
        (
            Method::POST,
            "/unstable/org.matrix.simplified_msc3575/sync",
            json!({ "lists": { "a": { "ranges": [[0, 5]],
            "timeline_limit": 2, "required_state": [["m.room.member", "$LAZY"]], "filters": { "is_dm": false } } } }),
        ),
    ]
}

#[test]
fn bodies_that_are_nearly_right_are_answered() {
    let world = World::new();
    let room = world.runtime.block_on(world.ben.create_room(json!({ "name": "own" })));
    let request = select(requests())
        .prop_flat_map(|(method, path, body)| (Just(method), Just(path), json::mutated(vec![body], WORDS)));
    let outcome = TestRunner::new(cases(1)).run(&request, |(method, path, body)| {
        let path = path
            .replace("{room}", &segment(&room))
            .replace("{user}", &segment(world.ben.user_id()))
            .replace("{txn}", &world.ben.transaction());
        let path = if path.starts_with("/unstable") { format!("/_matrix/client{path}") } else { path };
        let answer = world.ben.send_request(world.ben.request(method, &path).json(&body));
        let answer = world.runtime.block_on(answer);
        is_an_answer(&answer)?;
        // A login that fails asks for nothing more; everything else is about Ben.
        prop_assert!(!answer.text().contains(super::SECRET), "{}", answer.text());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    // Whatever got through, both can still read what is theirs.
    world.runtime.block_on(async {
        world.ben.sync(None).await;
        let seen = world.ana.sync(None).await;
        assert!(seen["rooms"]["join"][&world.room].is_object(), "{seen}");
    });
}
