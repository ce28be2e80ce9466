//! Server-side backups of room keys.

use im2_testkit::{Answer, Client, Server, Setup, segment, until};
use serde_json::{Value, json};

const ALGORITHM: &str = "m.megolm_backup.v1.curve25519-aes-sha2";
const ROOM: &str = "!room:localhost";
const OTHER_ROOM: &str = "!other:localhost";

fn backup(public_key: &str) -> Value {
    json!({ "algorithm": ALGORITHM, "auth_data": { "public_key": public_key, "signatures": {} } })
}

fn key(is_verified: bool, first_message_index: u64, forwarded_count: u64, ciphertext: &str) -> Value {
    json!({
        "first_message_index": first_message_index,
        "forwarded_count": forwarded_count,
        "is_verified": is_verified,
        "session_data": { "ciphertext": ciphertext, "ephemeral": "e", "mac": "m" },
    })
}

fn a_key(ciphertext: &str) -> Value {
    key(false, 0, 0, ciphertext)
}

/// Makes a backup and returns its version.
async fn create(client: &Client) -> String {
    let answer = client.post("/v3/room_keys/version", backup("key")).await.ok();
    answer["version"].as_str().unwrap().to_owned()
}

/// The path of keys in a backup: all, a room's or a session's.
fn keys(version: &str, place: &[&str]) -> String {
    let place = ["/v3/room_keys/keys".to_owned()].into_iter().chain(place.iter().map(|part| segment(part)));
    format!("{}?version={version}", place.collect::<Vec<_>>().join("/"))
}

fn changed(answer: Answer) -> (String, u64) {
    let body = answer.ok();
    (body["etag"].as_str().unwrap().to_owned(), body["count"].as_u64().unwrap())
}

#[tokio::test]
async fn backups_are_made_updated_and_deleted() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    ana.get("/v3/room_keys/version").await.refused(404, "M_NOT_FOUND");
    assert_eq!(create(&ana).await, "1");
    let second = ana.post("/v3/room_keys/version", backup("another")).await.ok()["version"].clone();
    assert_eq!(second, "2");
    let expected = json!({
        "algorithm": ALGORITHM,
        "auth_data": { "public_key": "another", "signatures": {} },
        "count": 0, "etag": "0", "version": "2",
    });
    assert_eq!(ana.get("/v3/room_keys/version").await.ok(), expected);
    assert_eq!(ana.get("/v3/room_keys/version/2").await.ok(), expected);
    assert_eq!(ana.get("/v3/room_keys/version/1").await.ok()["auth_data"]["public_key"], "key");
    for missing in ["3", "0", "-1", "01", "x"] {
        let path = format!("/v3/room_keys/version/{missing}");
        ana.get(&path).await.refused(404, "M_NOT_FOUND");
        ana.put(&path, backup("new")).await.refused(404, "M_NOT_FOUND");
        ana.delete(&path, json!({})).await.refused(404, "M_NOT_FOUND");
    }
    ben.get("/v3/room_keys/version/2").await.refused(404, "M_NOT_FOUND");

    assert_eq!(ana.put("/v3/room_keys/version/1", backup("new")).await.ok(), json!({}));
    let mut body = backup("newer");
    body["version"] = json!("1");
    ana.put("/v3/room_keys/version/1", body.clone()).await.ok();
    assert_eq!(ana.get("/v3/room_keys/version/1").await.ok()["auth_data"]["public_key"], "newer");
    ana.put("/v3/room_keys/version/2", body).await.refused(400, "M_INVALID_PARAM");
    let other = json!({ "algorithm": "m.other", "auth_data": {} });
    ana.put("/v3/room_keys/version/1", other).await.refused(400, "M_INVALID_PARAM");
    ana.put("/v3/room_keys/version/1", json!({ "algorithm": ALGORITHM })).await.refused(400, "M_BAD_JSON");

    for _ in 0..2 {
        assert_eq!(ana.delete("/v3/room_keys/version/2", json!({})).await.ok(), json!({}), "again is no error");
    }
    ana.get("/v3/room_keys/version/2").await.refused(404, "M_NOT_FOUND");
    ana.put("/v3/room_keys/version/2", backup("x")).await.refused(404, "M_NOT_FOUND");
    ana.get(&keys("2", &[])).await.refused(404, "M_NOT_FOUND");
    assert_eq!(ana.get("/v3/room_keys/version").await.ok()["version"], "1");
    assert_eq!(create(&ana).await, "3", "a version is never used again");
}

#[tokio::test]
async fn keys_are_stored_and_given_back_whole_by_room_and_by_session() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let version = create(&ana).await;
    assert_eq!(ana.get(&keys(&version, &[])).await.ok(), json!({ "rooms": {} }));
    assert_eq!(ana.get(&keys(&version, &[ROOM])).await.ok(), json!({ "sessions": {} }));
    ana.get(&keys(&version, &[ROOM, "a"])).await.refused(404, "M_NOT_FOUND");

    let (first, count) = changed(ana.put(&keys(&version, &[ROOM, "a"]), a_key("1")).await);
    assert_eq!(count, 1);
    let of_room = json!({ "sessions": { "b/c d": a_key("2"), "\"quoted\"": a_key("3") } });
    let (second, count) = changed(ana.put(&keys(&version, &[ROOM]), of_room).await);
    assert_eq!(count, 3);
    let of_all = json!({ "rooms": { ROOM: { "sessions": {} }, OTHER_ROOM: { "sessions": { "a": a_key("4") } } } });
    let (third, count) = changed(ana.put(&keys(&version, &[]), of_all.clone()).await);
    assert_eq!(count, 4);
    assert!(first != second && second != third, "{first} {second} {third}");
    let again = changed(ana.put(&keys(&version, &[]), of_all).await);
    assert_eq!(again, (third.clone(), 4), "nothing has changed");
    let info = ana.get("/v3/room_keys/version").await.ok();
    assert_eq!((&info["etag"], &info["count"]), (&json!(third), &json!(4)));

    let sessions = json!({ "sessions": { "a": a_key("1"), "b/c d": a_key("2"), "\"quoted\"": a_key("3") } });
    let all = json!({ "rooms": { ROOM: sessions, OTHER_ROOM: { "sessions": { "a": a_key("4") } } } });
    assert_eq!(ana.get(&keys(&version, &[])).await.ok(), all);
    assert_eq!(ana.get(&keys(&version, &[ROOM])).await.ok(), sessions);
    assert_eq!(ana.get(&keys(&version, &[ROOM, "b/c d"])).await.ok(), a_key("2"));

    let server = Setup::default().start_in(server.stop().await).await;
    let ana = server.anonymous().with_token(ana.token());
    assert_eq!(ana.get(&keys(&version, &[])).await.ok(), all, "after a restart");
}

#[tokio::test]
async fn a_better_key_replaces_a_worse_one_only() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let version = create(&ana).await;
    let path = keys(&version, &[ROOM, "session"]);
    // Each with whether it takes the place of what is there.
    let steps = [
        (key(false, 5, 5, "first"), true),
        (key(false, 5, 5, "the same"), false),
        (key(false, 6, 0, "a later index"), false),
        (key(false, 5, 4, "passed on less often"), true),
        (key(false, 4, 9, "an earlier index"), true),
        (key(true, 9, 9, "verified"), true),
        (key(false, 0, 0, "unverified"), false),
        (key(true, 8, 9, "verified and earlier"), true),
    ];
    let mut stored = Value::Null;
    let mut etag = String::new();
    for (new, replaces) in steps {
        let (after, count) = changed(ana.put(&path, new.clone()).await);
        assert_eq!((count, after != etag), (1, replaces), "{new}");
        stored = if replaces { new } else { stored };
        etag = after;
        assert_eq!(ana.get(&path).await.ok(), stored);
    }
}

#[tokio::test]
async fn keys_go_into_the_current_backup_only() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    ana.put(&keys("1", &[ROOM, "a"]), a_key("1")).await.refused(404, "M_NOT_FOUND");
    let old = create(&ana).await;
    ana.put(&keys(&old, &[ROOM, "a"]), a_key("1")).await.ok();
    let current = create(&ana).await;
    let of_room = json!({ "sessions": { "b": a_key("2") } });
    let of_all = json!({ "rooms": { ROOM: of_room } });
    for (place, body) in [(&[ROOM, "b"][..], a_key("2")), (&[ROOM], of_room), (&[], of_all)] {
        let refusal = ana.put(&keys(&old, place), body.clone()).await.refused(403, "M_WRONG_ROOM_KEYS_VERSION");
        assert_eq!(refusal["current_version"], json!(current));
        ana.put(&keys("99", place), body.clone()).await.refused(404, "M_NOT_FOUND");
        let without = keys(&old, place).split('?').next().unwrap().to_owned();
        ana.put(&without, body).await.refused(400, "M_MISSING_PARAM");
        ana.get(&without).await.refused(400, "M_MISSING_PARAM");
    }
    assert_eq!(ana.get(&keys(&old, &[ROOM, "a"])).await.ok(), a_key("1"), "the old one can still be read");
    assert_eq!(changed(ana.delete(&keys(&old, &[ROOM, "a"]), json!({})).await).1, 0);
    ana.delete(&format!("/v3/room_keys/version/{current}"), json!({})).await.ok();
    ana.put(&keys(&old, &[ROOM, "c"]), a_key("3")).await.ok();
    ana.put(&keys(&current, &[ROOM, "c"]), a_key("3")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn keys_are_deleted_by_session_by_room_and_all() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let version = create(&ana).await;
    let sessions = json!({ "sessions": { "a": a_key("1"), "b": a_key("2"), "c": a_key("3") } });
    let all = json!({ "rooms": { ROOM: sessions, OTHER_ROOM: sessions } });
    let (first, _) = changed(ana.put(&keys(&version, &[]), all).await);
    let (second, count) = changed(ana.delete(&keys(&version, &[ROOM, "a"]), json!({})).await);
    assert!(count == 5 && second != first);
    assert_eq!(changed(ana.delete(&keys(&version, &[ROOM, "a"]), json!({})).await), (second.clone(), 5));
    ana.get(&keys(&version, &[ROOM, "a"])).await.refused(404, "M_NOT_FOUND");
    let (third, count) = changed(ana.delete(&keys(&version, &[ROOM]), json!({})).await);
    assert!(count == 3 && third != second);
    let (fourth, count) = changed(ana.delete(&keys(&version, &[]), json!({})).await);
    assert!(count == 0 && fourth != third);
    assert_eq!(ana.get(&keys(&version, &[])).await.ok(), json!({ "rooms": {} }));
    assert_eq!(changed(ana.delete(&keys(&version, &[]), json!({})).await), (fourth.clone(), 0));
    let info = ana.get("/v3/room_keys/version").await.ok();
    assert_eq!((&info["version"], &info["etag"], &info["count"]), (&json!(version), &json!(fourth), &json!(0)));
    let (fifth, count) = changed(ana.put(&keys(&version, &[ROOM, "a"]), a_key("again")).await);
    assert!(count == 1 && fifth != fourth);
    assert_eq!(ana.get(&keys(&version, &[ROOM, "a"])).await.ok(), a_key("again"));
    ana.delete(&keys("77", &[]), json!({})).await.refused(404, "M_NOT_FOUND");
}

/// More keys than are read or removed at once.
#[tokio::test]
async fn a_large_backup_is_given_out_whole_and_removed_whole() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let version = create(&ana).await;
    let mut rooms = serde_json::Map::new();
    for (room, count) in [("!a:x", 700), ("!b:x", 300), ("!c:x", 1), ("!d:x", 499)] {
        let sessions: Value =
            (0..count).map(|number| (format!("session {number}"), a_key(&format!("{room} {number}")))).collect();
        rooms.insert(room.to_owned(), json!({ "sessions": sessions }));
    }
    let all = json!({ "rooms": rooms });
    assert_eq!(changed(ana.put(&keys(&version, &[]), all.clone()).await).1, 1500);
    assert_eq!(ana.get(&keys(&version, &[])).await.ok(), all);
    for room in ["!a:x", "!b:x", "!c:x", "!d:x"] {
        assert_eq!(ana.get(&keys(&version, &[room])).await.ok(), all["rooms"][room]);
    }
    assert_eq!(changed(ana.delete(&keys(&version, &[]), json!({})).await).1, 0);
    assert_eq!(changed(ana.put(&keys(&version, &[]), all.clone()).await).1, 1500);
    ana.delete(&format!("/v3/room_keys/version/{version}"), json!({})).await.ok();
    keys_are_gone(&server).await; // when both jobs have run to their end
}

/// Waits until no key of anybody is stored.
async fn keys_are_gone(server: &Server) {
    let store = &server.engine().core.store;
    let are_gone = async || store.read(|db| Ok(db.stored_key_count()? == 0)).await.unwrap();
    until("the keys are gone", are_gone).await;
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let version = create(&ana).await;
    let path = keys(&version, &[ROOM, "a"]);
    let with = |member: &str, value: Value| {
        let mut key = a_key("1");
        key[member] = value;
        key
    };
    for wrong in [
        json!({}),
        with("first_message_index", json!(-1)),
        with("first_message_index", json!(1.5)),
        with("forwarded_count", json!(u64::MAX)),
        with("is_verified", json!("yes")),
        with("session_data", json!("text")),
    ] {
        ana.put(&path, wrong).await.refused(400, "M_BAD_JSON");
    }
    ana.put(&path, with("session_data", json!({ "ciphertext": "x".repeat(66_000) }))).await.refused(413, "M_TOO_LARGE");
    ana.put(&keys(&version, &["no room", "a"]), a_key("1")).await.refused(400, "M_INVALID_PARAM");
    ana.put(&keys(&version, &[ROOM, &"s".repeat(256)]), a_key("1")).await.refused(400, "M_INVALID_PARAM");
    assert_eq!(ana.get("/v3/room_keys/version").await.ok()["count"], 0);
    let huge = json!({ "algorithm": ALGORITHM, "auth_data": { "x": "x".repeat(66_000) } });
    ana.post("/v3/room_keys/version", huge).await.refused(413, "M_TOO_LARGE");
    ana.post("/v3/room_keys/version", json!({ "algorithm": ALGORITHM })).await.refused(400, "M_BAD_JSON");
}

#[tokio::test]
async fn backups_end_with_their_account() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let version = create(&ana).await;
    ana.put(&keys(&version, &[ROOM, "a"]), a_key("1")).await.ok();
    let auth = json!({ "type": "m.login.password", "password": "password of ana",
                       "identifier": { "type": "m.id.user", "user": "ana" } });
    ana.post("/v3/account/deactivate", json!({ "auth": auth })).await.ok();
    keys_are_gone(&server).await;
}
