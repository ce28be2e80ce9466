//! Dehydrated devices (MSC3814).

use im2_testkit::{Client, Server, segment};
use serde_json::{Value, json};

use super::{Key, claim, encrypted_room, listed, names, one_time_keys, query, token};

const DEVICE: &str = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device";

fn events_of(device: &str) -> String {
    format!("{DEVICE}/{}/events", segment(device))
}

/// A body that keeps a device of this name, which is base64 of a key as clients make it.
fn device(client: &Client, name: &str) -> Value {
    let mut keys = json!({
        "user_id": client.user_id(), "device_id": name, "dehydrated": true, "algorithms": [],
        "keys": { format!("ed25519:{name}"): Key::new(50).public() },
    });
    Key::new(50).sign(client.user_id(), name, &mut keys);
    json!({
        "device_id": name,
        "device_data": { "algorithm": "org.matrix.msc3814.v2", "device_pickle": "secret" },
        "initial_device_display_name": "Kept",
        "device_keys": keys,
        "one_time_keys": one_time_keys(["A"]),
        "fallback_keys": one_time_keys(["F"]),
    })
}

async fn send(from: &Client, to: &Client, device: &str, number: usize) {
    let path = format!("/v3/sendToDevice/m.room.encrypted/{}", from.transaction());
    from.put(&path, json!({ "messages": { to.user_id(): { device: { "n": number } } } })).await.ok();
}

/// The numbers of the messages in an answer.
fn numbers(answer: &Value) -> Vec<u64> {
    answer["events"].as_array().unwrap().iter().map(|event| event["content"]["n"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_kept_device_is_written_to_like_others_and_comes_back_with_its_messages() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let room = encrypted_room(&ana).await;
    ben.join(&room).await;
    let since = token(&ben).await;
    ana.get(DEVICE).await.refused(404, "M_NOT_FOUND");
    let name = "ab/cd+ef";
    let body = device(&ana, name);
    assert_eq!(ana.put(DEVICE, body.clone()).await.ok(), json!({ "device_id": name }));
    let kept = ana.get(DEVICE).await.ok();
    assert_eq!(kept, json!({ "device_id": name, "device_data": body["device_data"] }));
    assert_eq!(listed(&ben.sync(Some(&since)).await, "changed"), [ana.user_id()]);
    let found = query(&ben, ana.user_id()).await;
    assert_eq!(found["device_keys"][ana.user_id()][name]["dehydrated"], true);
    let wanted = json!({ "one_time_keys": { ana.user_id(): { name: "signed_curve25519" } } });
    let claimed = ben.post("/v3/keys/claim", wanted).await.ok();
    assert_eq!(names(&claimed["one_time_keys"][ana.user_id()][name]), ["signed_curve25519:A"]);

    for number in 0..120 {
        send(&ben, &ana, name, number).await;
    }
    for _ in 0..2 {
        // Twice: what was fetched stays, for whoever begins anew.
        let first = ana.get(&events_of(name)).await.ok();
        let next = first["next_batch"].as_str().unwrap();
        let second = ana.get(&format!("{}?from={}", events_of(name), segment(next))).await.ok();
        assert_eq!(second["next_batch"], Value::Null);
        let got = [numbers(&first), numbers(&second)].concat();
        assert_eq!(got, (0..120).collect::<Vec<_>>());
    }
    let (mut got, mut body) = (Vec::new(), json!({}));
    loop {
        let batch = ana.post(&events_of(name), body).await.ok();
        if numbers(&batch).is_empty() {
            break;
        }
        got.extend(numbers(&batch));
        body = json!({ "next_batch": batch["next_batch"] });
    }
    assert_eq!(got, (0..120).collect::<Vec<_>>(), "as earlier drafts have it");
}

#[tokio::test]
async fn a_user_has_one_kept_device_at_most() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    ana.put(DEVICE, device(&ana, "FIRST")).await.ok();
    ana.put(DEVICE, device(&ana, "FIRST")).await.ok();
    ana.put(DEVICE, device(&ana, "SECOND")).await.ok();
    let devices = |found: &Value| -> Vec<String> {
        found["device_keys"][ana.user_id()].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(devices(&query(&ben, ana.user_id()).await), ["SECOND"]);
    ana.get(&events_of("FIRST")).await.refused(403, "M_FORBIDDEN");
    ben.get(&events_of("SECOND")).await.refused(403, "M_FORBIDDEN");
    assert_eq!(ana.delete(DEVICE, json!({})).await.ok(), json!({ "device_id": "SECOND" }));
    assert_eq!(devices(&query(&ben, ana.user_id()).await), [""; 0]);
    for answer in [ana.delete(DEVICE, json!({})).await, ana.get(DEVICE).await] {
        answer.refused(404, "M_NOT_FOUND");
    }
    ana.put(DEVICE, device(&ana, "THIRD")).await.ok();
    let auth = json!({ "type": "m.login.password", "password": "password of ana" });
    ana.delete("/v3/devices/THIRD", json!({ "auth": auth })).await.ok();
    ana.get(DEVICE).await.refused(404, "M_NOT_FOUND");
    assert_eq!(claim(&ben, &ana).await, Value::Null);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_and_the_old_one_stays() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    ana.put(DEVICE, device(&ana, "KEPT")).await.ok();
    let with = |member: &str, value: Value| {
        let mut body = device(&ana, "NEW");
        body[member] = value;
        body
    };
    for nothing in [Value::Null, json!({})] {
        ana.put(DEVICE, with("device_keys", nothing)).await.refused(400, "M_MISSING_PARAM");
    }
    ana.put(DEVICE, with("device_data", json!({}))).await.refused(400, "M_BAD_JSON");
    ana.put(DEVICE, with("device_data", json!("data"))).await.refused(400, "M_BAD_JSON");
    ana.put(DEVICE, with("device_id", json!("OTHER"))).await.refused(400, "M_INVALID_PARAM");
    ana.put(DEVICE, device(&ana, ana.device_id())).await.refused(400, "M_INVALID_PARAM");
    let large = json!({ "algorithm": "a", "data": "x".repeat(300_000) });
    ana.put(DEVICE, with("device_data", large)).await.refused(413, "M_TOO_LARGE");
    ana.get(&format!("{}?from=nonsense", events_of("KEPT"))).await.refused(400, "M_INVALID_PARAM");
    assert_eq!(ana.get(DEVICE).await.ok()["device_id"], "KEPT");
    let sign_in = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "ana" },
        "password": "password of ana", "device_id": "KEPT",
    });
    ana.nobody().post("/v3/login", sign_in).await.refused(400, "M_INVALID_PARAM");
}
