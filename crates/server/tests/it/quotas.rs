//! Quotas of one account. Tests also check that another account is not affected.

use im2_server::config::Value as Setting;
use im2_testkit::{Answer, Client, Server, Setup, segment};
use reqwest::Method;
use serde_json::{Value, json};

async fn with_quotas(quotas: &[&str]) -> Server {
    let quotas = quotas.iter().map(|quota| (*quota).to_owned()).collect();
    let setup = Setup::default().set("rate_limits.quotas", Setting::List(quotas));
    setup.set("support.page", "https://example.org/limits").clock_at(1_700_000_000_000).start().await
}

fn over(answer: Answer) {
    let refusal = answer.refused(403, "M_USER_LIMIT_EXCEEDED");
    assert_eq!(refusal["info_uri"], "https://example.org/limits");
}

async fn two(server: &Server) -> (Client, Client) {
    (server.register("ana").await, server.register("ben").await)
}

async fn keep(client: &Client, path: &str, length: usize) -> Answer {
    let path = format!("/v3/user/{}/{path}", segment(client.user_id()));
    client.put(&path, json!({ "text": "x".repeat(length) })).await
}

#[tokio::test]
async fn account_data_counts_with_that_of_rooms_and_tags() {
    let server = with_quotas(&["account_data_bytes 1000"]).await;
    let (ana, ben) = two(&server).await;
    let room = ana.create_room(json!({})).await;
    keep(&ana, "account_data/one", 400).await.ok();
    let of_room = format!("rooms/{}/account_data/two", segment(&room));
    keep(&ana, &of_room, 400).await.ok();
    over(keep(&ana, "account_data/three", 300).await);
    over(keep(&ana, &of_room, 800).await);
    let tag = format!("rooms/{}/tags/{}", segment(&room), "u.".to_owned() + &"t".repeat(200));
    over(keep(&ana, &tag, 1).await);
    keep(&ben, "account_data/one", 900).await.ok();
    keep(&ana, &of_room, 10).await.ok();
    keep(&ana, "account_data/three", 300).await.ok();
}

#[tokio::test]
async fn key_backups_count_until_keys_are_deleted() {
    let server = with_quotas(&["key_backup_bytes 1000"]).await;
    let (ana, ben) = two(&server).await;
    let version = json!({ "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
                          "auth_data": { "public_key": "abc", "signatures": {} } });
    for client in [&ana, &ben] {
        client.post("/v3/room_keys/version", version.clone()).await.ok();
    }
    let key = |room: &str, session: &str| format!("/v3/room_keys/keys/{}/{session}?version=1", segment(room));
    let put = async |client: &Client, room: &str, session: &str, index: u64| {
        let body = json!({ "first_message_index": index, "forwarded_count": 0, "is_verified": false,
                           "session_data": { "ciphertext": "x".repeat(400) } });
        client.put(&key(room, session), body).await
    };
    put(&ana, "!a:localhost", "1", 5).await.ok();
    put(&ana, "!b:localhost", "2", 5).await.ok();
    over(put(&ana, "!b:localhost", "3", 5).await);
    put(&ana, "!b:localhost", "2", 4).await.ok();
    put(&ben, "!b:localhost", "3", 5).await.ok();
    ana.delete("/v3/room_keys/keys/!a:localhost?version=1", json!({})).await.ok();
    put(&ana, "!b:localhost", "3", 5).await.ok();
    over(put(&ana, "!b:localhost", "4", 5).await);
    ana.post("/v3/room_keys/version", version.clone()).await.ok();
    let other = key("!b:localhost", "4").replace("version=1", "version=2");
    let body = json!({ "first_message_index": 0, "forwarded_count": 0, "is_verified": false,
                       "session_data": { "ciphertext": "x".repeat(400) } });
    over(ana.put(&other, body.clone()).await);
    ana.delete("/v3/room_keys/version/1", json!({})).await.ok();
    ana.put(&other, body).await.ok();
}

#[tokio::test]
async fn uploads_filters_aliases_rooms_and_reports() {
    let quotas = ["media_bytes 100", "filters 2", "aliases 2", "rooms 3", "reports 1"];
    let server = with_quotas(&quotas).await;
    let (ana, ben) = two(&server).await;
    let upload = async |client: &Client, length: usize| {
        let request = client.request(Method::POST, "/_matrix/media/v3/upload").body(vec![1; length]);
        client.send_request(request).await
    };
    upload(&ana, 90).await.ok();
    over(upload(&ana, 20).await);
    upload(&ben, 90).await.ok();

    let filter = async |client: &Client, limit: u64| {
        let path = format!("/v3/user/{}/filter", segment(client.user_id()));
        client.post(&path, json!({ "room": { "timeline": { "limit": limit } } })).await
    };
    filter(&ana, 1).await.ok();
    filter(&ana, 2).await.ok();
    over(filter(&ana, 3).await);
    filter(&ana, 1).await.ok();
    filter(&ben, 3).await.ok();

    let room = ana.create_room(json!({ "preset": "public_chat", "room_alias_name": "one" })).await;
    let alias = async |client: &Client, name: &str| {
        let path = format!("/v3/directory/room/{}", segment(&format!("#{name}:localhost")));
        client.put(&path, json!({ "room_id": room })).await
    };
    alias(&ana, "two").await.ok();
    over(alias(&ana, "three").await);
    over(ana.post("/v3/createRoom", json!({ "room_alias_name": "three" })).await);

    let more = [ana.create_room(json!({})).await, ana.create_room(json!({})).await];
    over(ana.post("/v3/createRoom", json!({})).await);
    let theirs = ben.create_room(json!({ "preset": "public_chat" })).await;
    over(ana.post(&format!("/v3/join/{}", segment(&theirs)), json!({})).await);
    ana.leave(&more[0]).await;
    ana.join(&theirs).await;
    ben.join(&room).await;
    alias(&ben, "three").await.ok();

    let report = async |client: &Client| {
        client.post(&format!("/v3/rooms/{}/report", segment(&room)), json!({ "reason": "spam" })).await
    };
    report(&ana).await.ok();
    over(report(&ana).await);
    report(&ben).await.ok();
}

#[tokio::test]
async fn a_device_too_many_takes_the_place_of_a_forgotten_one_or_is_refused() {
    let server = with_quotas(&["devices 2"]).await;
    let (ana, ben) = two(&server).await;
    let log_in = async |name: &str| {
        let identifier = json!({ "type": "m.id.user", "user": name });
        let password = format!("password of {name}");
        let body = json!({ "type": "m.login.password", "identifier": identifier, "password": password });
        ana.nobody().post("/v3/login", body).await
    };
    log_in("ana").await.ok();
    over(log_in("ana").await);
    log_in("ben").await.ok();
    server.advance(80 * 24 * 60 * 60 * 1000);
    over(log_in("ana").await);
    server.advance(20 * 24 * 60 * 60 * 1000);
    let new: Value = log_in("ana").await.ok();
    let devices = ana.with_token(new["access_token"].as_str().unwrap()).get("/v3/devices").await.ok();
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2, "{devices}");
    ben.get("/v3/account/whoami").await.ok();
}

#[tokio::test]
async fn receipts_for_threads_have_an_end_and_the_rooms_own_goes_on() {
    let server = with_quotas(&["thread_receipts 2"]).await;
    let (ana, ben) = two(&server).await;
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    let read = async |client: &Client, event: &str, thread: Option<&str>| {
        let path = format!("/v3/rooms/{}/receipt/m.read/{}", segment(&room), segment(event));
        client.post(&path, thread.map_or(json!({}), |thread| json!({ "thread_id": thread }))).await
    };
    let mut threads = Vec::new();
    for _ in 0..3 {
        let root = ana.send_text(&room, "root").await;
        let relation = json!({ "rel_type": "m.thread", "event_id": root });
        let reply = json!({ "msgtype": "m.text", "body": "reply", "m.relates_to": relation });
        threads.push((root, ana.send(&room, "m.room.message", reply).await));
    }
    for (root, reply) in &threads[..2] {
        read(&ana, reply, Some(root)).await.ok();
    }
    let (root, reply) = &threads[2];
    over(read(&ana, reply, Some(root)).await);
    read(&ana, reply, None).await.ok();
    read(&ben, reply, Some(root)).await.ok();
}

#[tokio::test]
async fn the_server_itself_has_no_quota() {
    let quotas = Setting::List(vec!["rooms 1".to_owned()]);
    let setup = Setup::default().set("rate_limits.quotas", quotas).set("server_notices.localpart", "notices");
    let server = setup.start().await;
    let (ana, ben) = two(&server).await;
    let root = server.register_admin("root").await;
    for user in [&ana, &ben] {
        let notice = json!({ "user_id": user.user_id(), "content": { "msgtype": "m.text", "body": "notice" } });
        root.post("/_synapse/admin/v1/send_server_notice", notice).await.ok();
    }
}

#[tokio::test]
async fn the_state_of_a_room_is_bounded_by_settings() {
    let server = Setup::default().set("rooms.max_state_bytes", 1_i64 << 20).start().await;
    let (ana, ben) = two(&server).await;
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    let set = async |key: usize, length: usize| {
        let path = format!("/v3/rooms/{}/state/org.example.data/{key}", segment(&room));
        ana.put(&path, json!({ "text": "x".repeat(length) })).await
    };
    for key in 0..18 {
        set(key, 55_000).await.ok();
    }
    set(18, 60_000).await.refused(413, "M_TOO_LARGE");
    // What is there may become smaller, and people may still come.
    set(0, 10).await.ok();
    ben.post(&format!("/v3/join/{}", segment(&room)), json!({})).await.ok();
    set(18, 50_000).await.ok();
}
