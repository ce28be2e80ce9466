//! What a service that encrypts is told of keys (MSC3202), and what it does with devices.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Bridge, irc,
    listener::{Listener, Told},
    setup,
};
use im2_testkit::{Client, segment};

const LISTS: &str = "org.matrix.msc3202.device_lists";
const COUNTS: &str = "org.matrix.msc3202.device_one_time_keys_count";
const FALLBACK: &str = "org.matrix.msc3202.device_unused_fallback_key_types";

/// Keys of a device, signed by nobody: the server looks at their shape only.
fn keys(user_id: &str, device_id: &str) -> Value {
    let identity = json!({
        "user_id": user_id,
        "device_id": device_id,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {
            format!("curve25519:{device_id}"): "wkIYyn3zXpLDgOWRiXSI8xHkSgVLLiJVK8rwIKDQAUo",
            format!("ed25519:{device_id}"): "wkIYyn3zXpLDgOWRiXSI8xHkSgVLLiJVK8rwIKDQAUo",
        },
        "signatures": { user_id: { format!("ed25519:{device_id}"): "AAAA" } },
    });
    let key = |number: u8| {
        json!({
            "key": format!("wkIYyn3zXpLDgOWRiXSI8xHkSgVLLiJVK8rwIKDQAU{}", char::from(b'A' + 4 * number)),
            "signatures": { user_id: { format!("ed25519:{device_id}"): "AAAA" } },
        })
    };
    json!({
        "device_keys": identity,
        "one_time_keys": { "signed_curve25519:A": key(0), "signed_curve25519:B": key(1) },
    })
}

fn names(told: &Told, which: &str, user: &str) -> bool {
    told.body[LISTS][which].as_array().is_some_and(|users| users.iter().any(|one| one == user))
}

async fn upload(client: &Client) {
    client.post("/v3/keys/upload", keys(client.user_id(), client.device_id())).await.ok();
}

#[tokio::test]
async fn a_service_hears_of_devices_and_keys() {
    let mut listener = Listener::start().await;
    let (setup, _files) = setup(&[irc(&listener.url)]);
    let server = setup.start().await;
    let bridge = Bridge::irc(&server);
    let (human, stranger) = (server.register("human").await, server.register("stranger").await);
    let puppet = bridge.puppet("_irc_ana").await;
    let room = human.create_room(json!({ "preset": "public_chat" })).await;
    bridge.join(&room, &puppet).await;
    upload(&stranger).await;
    upload(&human).await;
    let strangers = stranger.user_id().to_owned();
    let told = listener
        .until(|told| {
            assert!(!names(told, "changed", &strangers), "strangers are nobody's concern: {told:?}");
            names(told, "changed", human.user_id())
        })
        .await;
    assert_eq!(told.body[LISTS]["left"], json!([]));

    bridge.call(Method::PUT, "/v3/devices/BRIDGE", &puppet, json!({})).await.status_is(201);
    let without = bridge.call(Method::POST, "/v3/keys/upload", &puppet, keys(&puppet, "BRIDGE")).await;
    without.refused(400, "M_MISSING_PARAM");
    let path = "/v3/keys/upload?device_id=BRIDGE";
    let uploaded = bridge.call(Method::POST, path, &puppet, keys(&puppet, "BRIDGE")).await.ok();
    assert_eq!(uploaded["one_time_key_counts"]["signed_curve25519"], 2);
    listener.until(|told| names(told, "changed", &puppet)).await;
    let claim = json!({ "one_time_keys": { &puppet: { "BRIDGE": "signed_curve25519" } } });
    human.post("/v3/keys/claim", claim).await.ok();
    let told = listener.until(|told| !told.body[COUNTS].is_null()).await;
    assert_eq!(told.body[COUNTS], json!({ &puppet: { "BRIDGE": { "signed_curve25519": 1 } } }));
    assert_eq!(told.body[FALLBACK], json!({ &puppet: { "BRIDGE": [] } }));

    stranger.join(&room).await;
    listener.until(|told| names(told, "changed", &strangers)).await;
    stranger.leave(&room).await;
    listener.until(|told| names(told, "left", &strangers)).await;
    let path = format!("/v3/sendToDevice/org.example.note/{}", segment("t"));
    human.put(&path, json!({ "messages": { &puppet: { "BRIDGE": { "hello": "device" } } } })).await.ok();
    let told = listener.until(|told| !told.body["de.sorunome.msc2409.to_device"].is_null()).await;
    assert!(!told.body[COUNTS].is_null(), "who writes has often taken a key: {told:?}");
}
