//! Long writes: they are made in many short changes, for one user at a time, with changes of others between them.

use std::sync::Arc;

use im2_testkit::{Client, Server, Setup, until};
use serde_json::{Map, Value, json};

use crate::fairness::Gate;

/// Changes that the server has stored so far.
fn changes(server: &Server) -> u64 {
    server.engine().core.store.load().changes
}

async fn backup(client: &Client) -> String {
    let about = json!({
        "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
        "auth_data": { "public_key": "key", "signatures": {} },
    });
    client.post("/v3/room_keys/version", about).await.ok()["version"].as_str().unwrap().to_owned()
}

/// Keys of `count` sessions of a room, named from `first` on.
fn keys(first: usize, count: usize) -> Value {
    let key = json!({
        "first_message_index": 1, "forwarded_count": 0, "is_verified": true,
        "session_data": { "ciphertext": "x".repeat(500), "ephemeral": "e", "mac": "m" },
    });
    let sessions: Map<String, Value> =
        (first..first + count).map(|number| (format!("session-{number:04}"), key.clone())).collect();
    json!({ "rooms": { "!room:localhost": { "sessions": sessions } } })
}

#[tokio::test]
async fn many_keys_of_a_backup_are_many_changes() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let path = format!("/v3/room_keys/keys?version={}", backup(&ana).await);
    let before = changes(&server);
    let stored = ana.put(&path, keys(0, 1_000)).await.ok();
    assert!(changes(&server) - before >= 10, "{} changes", changes(&server) - before);
    assert_eq!(stored["count"], 1_000);
    let sessions = ana.get(&path).await.ok()["rooms"]["!room:localhost"]["sessions"].clone();
    assert_eq!(sessions.as_object().unwrap().len(), 1_000);
    assert_eq!(ana.put(&path, keys(0, 1_000)).await.ok()["etag"], stored["etag"], "nothing has changed");
    let before = changes(&server);
    assert_eq!(ana.put(&path, keys(1_000, 10)).await.ok()["count"], 1_010);
    assert!(changes(&server) - before < 5, "few keys are one change, beside what else the server notes");
}

#[tokio::test]
async fn a_user_has_one_long_write_at_a_time() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let path = format!("/v3/room_keys/keys?version={}", backup(&ana).await);
    let (store, gate) = (Arc::clone(&server.engine().core.store), Gate::closed());
    let pass = gate.passage();
    let blocking = Arc::clone(&store);
    tokio::spawn(async move {
        let wait = move |_: &mut im2_core::Transaction<'_>| {
            pass();
            Ok(())
        };
        blocking.write(wait).await.unwrap();
    });
    until("the writer is stuck", async || gate.arrived() == 1).await;
    let uploads: Vec<_> = (0..4)
        .map(|number| {
            let (ana, path) = (ana.clone(), path.clone());
            tokio::spawn(async move { ana.put(&path, keys(number * 200, 200)).await.ok() })
        })
        .collect();
    until("three uploads wait for one", async || store.long_writer_load().waiting == 3).await;
    assert_eq!(store.long_writer_load().running, 1);
    let queued = store.writer_load().running;
    let ben_sends = tokio::spawn(async move { ben.create_room(json!({})).await });
    until("ben's change is queued behind it", async || store.writer_load().running > queued).await;
    drop(gate);
    ben_sends.await.unwrap();
    for upload in uploads {
        upload.await.unwrap();
    }
    let count = ana.get("/v3/room_keys/version").await.ok()["count"].clone();
    assert_eq!(count, 800);
}

#[tokio::test]
async fn a_room_with_very_many_invites_is_made_in_many_changes() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let mut invited: Vec<String> = (0..300).map(|number| format!("@nobody-{number}:localhost")).collect();
    invited.push(ben.user_id().to_owned());
    let before = changes(&server);
    let room = ana.create_room(json!({ "invite": invited, "is_direct": true, "name": "All of us" })).await;
    assert!(changes(&server) - before >= 15, "{} changes", changes(&server) - before);
    let members = ana.get(&format!("/v3/rooms/{room}/members")).await.ok()["chunk"].as_array().unwrap().clone();
    let of = |membership: &str| {
        let found = members.iter().filter(|event| event["content"]["membership"] == membership);
        found.map(|event| event["state_key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("join"), [ana.user_id()]);
    let (mut all, mut wanted) = (of("invite"), invited);
    all.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(all, wanted);
    assert!(members.iter().all(|event| event["state_key"] == ana.user_id() || event["content"]["is_direct"] == true));
    ben.post(&format!("/v3/rooms/{room}/join"), json!({})).await.ok();
}

#[tokio::test]
async fn an_invite_that_cannot_be_made_makes_no_room_however_many_there_are() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let invited: Vec<String> = (0..50).map(|number| format!("@nobody-{number}:localhost")).collect();
    let banned = json!({
        "type": "m.room.member", "state_key": invited[40], "content": { "membership": "ban" },
    });
    let with_banned = json!({ "invite": invited, "initial_state": [banned] });
    ana.post("/v3/createRoom", with_banned).await.refused(400, "M_INVALID_ROOM_STATE");
    let reserved = |invited: &[String]| json!({ "room_version": "11", "invite": invited, "power_level_content_override": { "invite": 101 } });
    for invited in [&invited[..1], &invited[..]] {
        ana.post("/v3/createRoom", reserved(invited)).await.refused(400, "M_INVALID_ROOM_STATE");
    }
    let mut with_herself = invited;
    with_herself.push(ana.user_id().to_owned());
    ana.post("/v3/createRoom", json!({ "invite": with_herself })).await.refused(400, "M_INVALID_ROOM_STATE");
    assert_eq!(ana.get("/v3/joined_rooms").await.ok()["joined_rooms"], json!([]));
}

#[tokio::test]
async fn no_room_begins_with_more_state_than_fits() {
    let server = Setup::default().set("rooms.max_state_events", 1_000_i64).start().await;
    let ana = server.register("ana").await;
    let state = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|number| json!({ "type": "org.example.part", "state_key": number.to_string(), "content": {} }))
            .collect()
    };
    ana.post("/v3/createRoom", json!({ "initial_state": state(1_000) })).await.refused(413, "M_TOO_LARGE");
    ana.create_room(json!({ "initial_state": state(900) })).await;
}

#[tokio::test]
async fn messages_to_very_many_devices_are_delivered_once() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let mut devices = vec![ben.clone()];
    for _ in 0..99 {
        devices.push(ben.log_in("ben", "password of ben").await);
    }
    let named: Map<String, Value> =
        devices.iter().map(|device| (device.device_id().to_owned(), json!({ "for": device.device_id() }))).collect();
    let everywhere = json!({ "*": { "for": "all" } });
    for (txn, to) in [("named", Value::Object(named)), ("all", everywhere)] {
        let body = json!({ "messages": { ben.user_id(): to, "@nobody:localhost": { "*": {} } } });
        let path = format!("/v3/sendToDevice/org.example.note/{txn}");
        let before = changes(&server);
        let send = || ana.put(&path, body.clone());
        let (first, second) = tokio::join!(send(), send());
        first.ok();
        second.ok();
        send().await.ok();
        let made = changes(&server) - before;
        assert!((2..8).contains(&made), "{made} changes");
    }
    for device in devices {
        let events = device.sync(None).await["to_device"]["events"].as_array().unwrap().clone();
        let told: Vec<_> = events.iter().map(|event| event["content"]["for"].as_str().unwrap()).collect();
        assert_eq!(told, [device.device_id(), "all"]);
    }
}
