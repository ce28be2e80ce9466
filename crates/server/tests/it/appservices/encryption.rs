//! Encryption for application services: the news of keys and devices in transactions (MSC3202), and devices that a
//! service manages.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    bridged, irc,
    listener::{Listener, Told},
    start,
};
use im2_testkit::{Client, Setup, segment};

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

async fn encrypted_room(creator: &Client) -> String {
    let state = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    creator.create_room(json!({ "preset": "public_chat", "initial_state": [state] })).await
}

async fn upload(client: &Client) {
    client.post("/v3/keys/upload", keys(client.user_id(), client.device_id())).await.ok();
}

#[tokio::test]
async fn a_service_hears_of_devices_and_keys() {
    let mut listener = Listener::start().await;
    let (server, bridge) = bridged(&listener.url).await;
    let (human, stranger) = (server.register("human").await, server.register("stranger").await);
    let puppet = bridge.puppet("_irc_ana").await;
    let room = encrypted_room(&human).await;
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

/// The users in `changed` and in `left` of the transactions up to the one with the message `last`, sorted. None of them
/// may name anybody twice.
async fn named_until(listener: &mut Listener, last: &str) -> (Vec<String>, Vec<String>) {
    let (mut changed, mut left) = (Vec::new(), Vec::new());
    loop {
        let told = listener.next().await;
        let list = |which: &str| -> Vec<String> {
            let users = told.body[LISTS][which].as_array().cloned().unwrap_or_default();
            users.iter().map(|user| user.as_str().unwrap().to_owned()).collect()
        };
        let mut both = [list("changed"), list("left")].concat();
        let count = both.len();
        both.sort();
        both.dedup();
        assert_eq!(both.len(), count, "{told:?}");
        changed.extend(list("changed"));
        left.extend(list("left"));
        if told.events().iter().any(|event| event["content"]["body"] == last) {
            break;
        }
    }
    for users in [&mut changed, &mut left] {
        users.sort();
        users.dedup();
    }
    (changed, left)
}

#[tokio::test]
async fn devices_concern_a_service_as_far_as_its_users_share_rooms() {
    let mut listener = Listener::start().await;
    let (server, bridge) = bridged(&listener.url).await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let puppet = bridge.puppet("_irc_ana").await;
    let all = [puppet.as_str(), ana.user_id(), ben.user_id()].map(str::to_owned).to_vec();
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    bridge.join(&room, &puppet).await;
    upload(&ana).await;
    ana.send_text(&room, "not encrypted").await;
    assert_eq!(named_until(&mut listener, "not encrypted").await, (all.clone(), vec![]));
    upload(&ben).await;
    ana.send_text(&room, "new keys").await;
    assert_eq!(named_until(&mut listener, "new keys").await, (vec![ben.user_id().to_owned()], vec![]));

    ana.set_state(&room, "m.room.encryption", "", json!({ "algorithm": "m.megolm.v1.aes-sha2" })).await;
    ana.send_text(&room, "encrypted").await;
    assert_eq!(named_until(&mut listener, "encrypted").await, (all.clone(), vec![]));
    let member = json!({ "membership": "join", "displayname": "Ben" });
    ben.set_state(&room, "m.room.member", ben.user_id(), member).await;
    ana.send_text(&room, "renamed").await;
    assert_eq!(named_until(&mut listener, "renamed").await, (vec![], vec![]), "a new name is no coming");

    let second = encrypted_room(&ana).await;
    ben.join(&second).await;
    bridge.join(&second, &puppet).await;
    ana.send_text(&second, "together").await;
    assert_eq!(named_until(&mut listener, "together").await, (all.clone(), vec![]), "all who are there already");
    ben.leave(&second).await;
    ana.send_text(&second, "one room is left").await;
    assert_eq!(named_until(&mut listener, "one room is left").await, (vec![], vec![]));
    ben.leave(&room).await;
    ana.send_text(&second, "none is left").await;
    assert_eq!(named_until(&mut listener, "none is left").await, (vec![], vec![ben.user_id().to_owned()]));

    let open = ana.create_room(json!({ "preset": "public_chat" })).await;
    bridge.join(&open, &puppet).await;
    for left in [&room, &second] {
        bridge.call(Method::POST, &format!("/v3/rooms/{}/leave", segment(left)), &puppet, json!({})).await.ok();
    }
    ana.send_text(&open, "another room").await;
    let company = [puppet.as_str(), ana.user_id()].map(str::to_owned).to_vec();
    assert_eq!(named_until(&mut listener, "another room").await, (company, vec![]));
    ben.join(&open).await;
    ana.leave(&open).await;
    ben.send_text(&open, "gone").await;
    let came_and_went = (vec![ben.user_id().to_owned()], vec![ana.user_id().to_owned()]);
    assert_eq!(named_until(&mut listener, "gone").await, came_and_went);
}

#[tokio::test]
async fn keys_that_were_handed_out_while_a_service_was_away_are_told_after_a_restart() {
    let mut listener = Listener::start().await;
    let (server, bridge) = bridged(&listener.url).await;
    let human = server.register("human").await;
    let puppet = bridge.puppet("_irc_ana").await;
    let room = encrypted_room(&human).await;
    bridge.join(&room, &puppet).await;
    bridge.call(Method::PUT, "/v3/devices/BRIDGE", &puppet, json!({})).await.status_is(201);
    bridge.call(Method::POST, "/v3/keys/upload?device_id=BRIDGE", &puppet, keys(&puppet, "BRIDGE")).await.ok();
    human.send_text(&room, "told").await;
    listener.events_until("told").await;
    listener.answer(|_| (503, json!({})));
    human.send_text(&room, "under way").await;
    listener.until(|told| told.events().iter().any(|event| event["content"]["body"] == "under way")).await;
    upload(&human).await;
    let claim = json!({ "one_time_keys": { &puppet: { "BRIDGE": "signed_curve25519" } } });
    human.post("/v3/keys/claim", claim).await.ok();
    let folder = server.stop().await;
    while listener.is_told() {}
    listener.answer(|_| (200, json!({})));
    let _server = start(Setup::default(), &[irc(&listener.url)], folder).await;
    let told = listener.until(|told| !told.body[COUNTS].is_null()).await;
    assert_eq!(told.body[COUNTS], json!({ &puppet: { "BRIDGE": { "signed_curve25519": 1 } } }));
    assert_eq!(told.body[LISTS]["changed"], json!([human.user_id()]));
}
