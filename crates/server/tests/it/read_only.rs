//! A disk that takes nothing any more: people are told so, go on reading, lose nothing, and write again as soon as it can be.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use im2_testkit::{Answer, Binary, Client, Process, segment};
use reqwest::Method;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;

/// The program, with which a file that has reached its limit fails instead of ending the process.
fn binary() -> Binary {
    let folder = std::env::temp_dir().join(format!("im2-read-only-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let script = folder.join("im2");
    fs::write(&script, format!("#!/bin/sh\ntrap '' XFSZ\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_im2"))).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    Binary::new(script.to_str().unwrap())
}

/// From now on no file of the server takes a byte, or all take what they are given.
fn allow_writing(server: &Process, allowed: bool) {
    let most = if allowed { None } else { Some(0) };
    let pid = Pid::from_raw(i32::try_from(server.id()).unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: most, maximum: None }).unwrap();
}

async fn send(client: &Client, room: &str, transaction: &str) -> Answer {
    let path = format!("/v3/rooms/{}/send/m.room.message/{transaction}", segment(room));
    client.put(&path, json!({ "msgtype": "m.text", "body": transaction })).await
}

/// What was said in a room.
async fn said(client: &Client, room: &str) -> Vec<String> {
    let path = format!("/v3/rooms/{}/messages?dir=f&limit=100", segment(room));
    let answer = client.get(&path).await.ok();
    let bodies = answer["chunk"].as_array().unwrap().iter().filter_map(|event| event["content"]["body"].as_str());
    bodies.map(str::to_owned).collect()
}

async fn until_ready(client: &Client) {
    for _ in 0..200 {
        if client.get("/health/ready").await.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server is not ready again within ten seconds");
}

#[tokio::test]
async fn while_nothing_can_be_stored_everything_is_read_only_and_then_goes_on_by_itself() {
    let binary = binary();
    let server = binary.serve(&[("IM2_REGISTRATION__MODE", "open")]);
    let (ana, bo) = (server.anonymous().register("ana").await, server.anonymous().register("bo").await);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    bo.post(&format!("/v3/rooms/{}/join", segment(&room)), json!({})).await.ok();
    send(&ana, &room, "before").await.ok();
    let since = bo.get("/v3/sync?timeout=0").await.ok()["next_batch"].as_str().unwrap().to_owned();
    let to_device = "/v3/sendToDevice/m.test/1";
    let message = json!({ "messages": { bo.user_id(): { "*": { "a": 1 } } } });
    ana.put(to_device, message.clone()).await.ok();

    allow_writing(&server, false);
    for attempt in 0..20 {
        let refused = send(&ana, &room, "during").await.refused(503, "IM2.READ_ONLY");
        assert!(refused["retry_after_ms"].is_u64(), "{attempt}: {refused}");
    }
    ana.put(&format!("/v3/user/{}/account_data/a", segment(ana.user_id())), json!({}))
        .await
        .refused(503, "IM2.READ_ONLY");
    ana.post("/v3/createRoom", json!({})).await.refused(503, "IM2.READ_ONLY");
    ana.put("/v3/sendToDevice/m.test/2", message).await.refused(503, "IM2.READ_ONLY");
    let upload =
        ana.request(Method::POST, "/_matrix/media/v3/upload").header("Content-Type", "text/plain").body("text");
    ana.send_request(upload).await.refused(503, "IM2.READ_ONLY");
    let sign_up =
        json!({ "username": "eve", "password": "a long password of eve", "auth": { "type": "m.login.dummy" } });
    server.anonymous().post("/v3/register", sign_up).await.refused(503, "IM2.READ_ONLY");
    let ready = ana.get("/health/ready").await;
    assert_eq!((ready.status, ready.text()), (503, r#"{"status":"read only: the disk cannot be written"}"#.to_owned()));
    assert_eq!(ana.get("/health/live").await.status, 200);

    assert_eq!(said(&bo, &room).await, ["before"]);
    let news = bo.get(&format!("/v3/sync?timeout=0&since={since}")).await.ok();
    assert_eq!(news["to_device"]["events"].as_array().map(Vec::len), Some(1), "{news}");
    let next = news["next_batch"].as_str().unwrap();
    // What it confirms cannot be noted yet.
    bo.get(&format!("/v3/sync?timeout=0&since={next}")).await.ok();
    bo.get("/v3/sync?timeout=0").await.ok();

    allow_writing(&server, true);
    until_ready(&ana).await;
    send(&ana, &room, "during").await.ok();
    send(&ana, &room, "during").await.ok();
    assert_eq!(said(&bo, &room).await, ["before", "during"]);
    let news = bo.get(&format!("/v3/sync?timeout=0&since={next}")).await.ok();
    assert_eq!(news["to_device"].get("events").and_then(|events| events.as_array()).map_or(0, Vec::len), 0, "{news}");

    server.kill();
    let server = binary.serve(&[("IM2_REGISTRATION__MODE", "open")]);
    let bo = server.anonymous().with_token(bo.token());
    assert_eq!(said(&bo, &room).await, ["before", "during"]);
}
