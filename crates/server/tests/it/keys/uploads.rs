//! Publishing a device's keys, and looking them up.

use im2_testkit::Server;
use serde_json::{Value, json};

use super::{Key, claim, device_keys, names, one_time_keys, publish, query, upload};

#[tokio::test]
async fn published_keys_are_found_as_they_were_published() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let keys = device_keys(&ana, &Key::new(1));
    let mut sent = keys.clone();
    sent["unsigned"] = json!({ "device_display_name": "not mine to say" });
    sent["signatures"][ben.user_id()] = json!({ "ed25519:X": "not mine to show" });
    let counts = upload(&ana, json!({ "device_keys": sent })).await.ok();
    assert_eq!(counts, json!({ "one_time_key_counts": { "signed_curve25519": 0 } }));
    let found = query(&ben, ana.user_id()).await;
    let mut expected = keys;
    expected["unsigned"] = json!({});
    assert_eq!(found["device_keys"], json!({ ana.user_id(): { ana.device_id(): expected } }));
    assert_eq!(found["failures"], json!({}));
    let none = ben.post("/v3/keys/query", json!({ "device_keys": { ana.user_id(): ["OTHER"] } })).await.ok();
    assert_eq!(none["device_keys"], json!({ ana.user_id(): {} }));
}

#[tokio::test]
async fn whoever_has_no_keys_has_none_whether_there_is_such_a_user_or_not() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let wanted = json!({ "device_keys": { ben.user_id(): [], "@eve:localhost": [], "@dan:elsewhere.example": [] } });
    let found = ana.post("/v3/keys/query", wanted).await.ok();
    assert_eq!(found["device_keys"], json!({ ben.user_id(): {}, "@eve:localhost": {} }));
    let failed: Vec<_> = found["failures"].as_object().unwrap().keys().collect();
    assert_eq!(failed, ["elsewhere.example"]);
}

#[tokio::test]
async fn the_name_of_a_device_is_for_those_who_know_its_user() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    publish(&ana, &Key::new(1)).await;
    ana.put(&format!("/v3/devices/{}", ana.device_id()), json!({ "display_name": "Phone" })).await.ok();
    let name =
        |found: &Value| found["device_keys"][ana.user_id()][ana.device_id()]["unsigned"]["device_display_name"].clone();
    assert_eq!(name(&query(&ana, ana.user_id()).await), "Phone");
    assert_eq!(name(&query(&ben, ana.user_id()).await), Value::Null);
    let room = ana.create_room(json!({ "preset": "public_chat" })).await;
    ben.join(&room).await;
    assert_eq!(name(&query(&ben, ana.user_id()).await), "Phone");
}

#[tokio::test]
async fn keys_of_another_device_or_in_another_shape_are_refused() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let good = device_keys(&ana, &Key::new(1));
    upload(&ben, json!({ "device_keys": good })).await.refused(400, "M_INVALID_PARAM");
    let with = |member: &str, value: Value| {
        let mut keys = good.clone();
        keys[member] = value;
        json!({ "device_keys": keys })
    };
    let without = |member: &str| {
        let mut keys = good.clone();
        keys.as_object_mut().unwrap().remove(member);
        json!({ "device_keys": keys })
    };
    upload(&ana, with("device_id", json!("OTHER"))).await.refused(400, "M_INVALID_PARAM");
    for member in ["user_id", "device_id", "algorithms", "keys", "signatures"] {
        upload(&ana, without(member)).await.refused(400, "M_BAD_JSON");
        upload(&ana, with(member, json!(5))).await.refused(400, "M_BAD_JSON");
    }
    upload(&ana, with("keys", json!({ "ed25519:X": 1.5 }))).await.refused(400, "M_BAD_JSON");
    upload(&ana, with("more", json!("x".repeat(70_000)))).await.refused(413, "M_TOO_LARGE");
    upload(&ana, json!({ "one_time_keys": { "noalgorithm": "key" } })).await.refused(400, "M_INVALID_PARAM");
    upload(&ana, json!({ "one_time_keys": { "signed_curve25519:A": 5 } })).await.refused(400, "M_BAD_JSON");
    upload(&ana, json!({ "one_time_keys": { "signed_curve25519:A": {} } })).await.refused(400, "M_BAD_JSON");
    let two = json!({ "fallback_keys": one_time_keys(["A", "B"]) });
    upload(&ana, two).await.refused(400, "M_INVALID_PARAM");
    assert_eq!(query(&ana, ana.user_id()).await["device_keys"], json!({ ana.user_id(): {} }), "nothing was kept");
    let as_objects = json!({ "device_keys": { ana.user_id(): { "DEVICE": true } } });
    ana.post("/v3/keys/query", as_objects).await.refused(400, "M_BAD_JSON");
}

#[tokio::test]
async fn uploads_are_counted_once_and_can_be_repeated() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for (names, count) in [(vec!["A", "B", "C"], 3), (vec!["B", "C", "D"], 4), (vec!["B", "C", "D"], 4), (vec![], 4)] {
        let counts = upload(&ana, json!({ "one_time_keys": one_time_keys(names) })).await.ok();
        assert_eq!(counts["one_time_key_counts"]["signed_curve25519"], count);
    }
    let other = json!({ "one_time_keys": { "signed_curve25519:E": { "key": "E" }, "signed_curve25519:A": "other" } });
    let refusal = upload(&ana, other).await.refused(400, "M_UNKNOWN");
    // Clients know by these words that they have lost their store, and read the keys out of them.
    let told = refusal["error"].as_str().unwrap();
    let (old, new) = told
        .strip_prefix("One time key signed_curve25519:A already exists. Old key: ")
        .unwrap()
        .split_once("; new key: ")
        .unwrap();
    assert_eq!(serde_json::from_str::<Value>(old).unwrap()["key"], "public part of A");
    assert_eq!(serde_json::from_str::<Value>(new).unwrap(), "other");
    let counts = upload(&ana, json!({ "device_keys": {} })).await.ok();
    assert_eq!(counts["one_time_key_counts"]["signed_curve25519"], 4, "a refused upload leaves nothing");
    let names: Vec<_> = (0..997).map(|number| format!("N{number}")).collect();
    let many = one_time_keys(names.iter().map(String::as_str));
    upload(&ana, json!({ "one_time_keys": many })).await.refused(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn a_key_that_is_signed_anew_is_the_same_key() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let signed = |name: &str, by: &str| {
        let signatures = json!({ ana.user_id(): { "ed25519:X": by } });
        json!({ "key": format!("public part of {name}"), "signatures": signatures })
    };
    let first = json!({ "signed_curve25519:A": signed("A", "first") });
    upload(&ana, json!({ "one_time_keys": first.clone() })).await.ok();
    let mut again =
        json!({ "signed_curve25519:A": signed("A", "second"), "signed_curve25519:B": signed("B", "second") });
    again["signed_curve25519:A"]["unsigned"] = json!({ "more": 1 });
    let counts = upload(&ana, json!({ "one_time_keys": again })).await.ok();
    assert_eq!(counts["one_time_key_counts"]["signed_curve25519"], 2);
    assert_eq!(claim(&ben, &ana).await, first);

    claim(&ben, &ana).await;
    let unused = async || ana.sync(None).await["device_unused_fallback_key_types"].clone();
    upload(&ana, json!({ "fallback_keys": { "signed_curve25519:F": signed("F", "first") } })).await.ok();
    let resigned = json!({ "signed_curve25519:F": signed("F", "second") });
    upload(&ana, json!({ "fallback_keys": resigned.clone() })).await.ok();
    assert_eq!(unused().await, json!(["signed_curve25519"]), "nobody has it yet");
    assert_eq!(claim(&ben, &ana).await, resigned, "the newest signature is handed out");
    for keys in [
        json!({ "signed_curve25519:F": signed("F", "third") }),
        json!({ "signed_curve25519:RENAMED": signed("F", "third") }),
        json!({ "signed_curve25519:B": signed("B", "third") }),
    ] {
        upload(&ana, json!({ "fallback_keys": keys.clone() })).await.ok();
        assert_eq!(unused().await, json!([]), "{keys} has been handed out");
    }
    upload(&ana, json!({ "fallback_keys": { "signed_curve25519:G": signed("G", "first") } })).await.ok();
    assert_eq!(unused().await, json!(["signed_curve25519"]));
    upload(&ana, json!({ "fallback_keys": { "signed_curve25519:F": signed("F", "fourth") } })).await.ok();
    assert_eq!(unused().await, json!([]), "what was handed out before it was replaced stays used");
}

#[tokio::test]
async fn new_identity_keys_take_the_keys_of_the_old_ones_along() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let keys = json!({
        "device_keys": device_keys(&ana, &Key::new(1)),
        "one_time_keys": one_time_keys(["A", "B"]),
        "fallback_keys": one_time_keys(["F"]),
    });
    upload(&ana, keys).await.ok();
    assert_eq!(names(&claim(&ben, &ana).await), ["signed_curve25519:A"]);
    let again = json!({ "device_keys": device_keys(&ana, &Key::new(2)), "one_time_keys": one_time_keys(["A", "C"]) });
    let counts = upload(&ana, again).await.ok();
    assert_eq!(counts["one_time_key_counts"]["signed_curve25519"], 1, "what was handed out does not come back");
    assert_eq!(names(&claim(&ben, &ana).await), ["signed_curve25519:C"]);
    assert_eq!(claim(&ben, &ana).await, Value::Null);
}

#[tokio::test]
async fn signing_in_again_on_a_device_keeps_its_keys_and_signing_out_removes_them() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    publish(&ana, &Key::new(1)).await;
    upload(&ana, json!({ "one_time_keys": one_time_keys(["A"]), "fallback_keys": one_time_keys(["F"]) })).await.ok();
    let body = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "ana" },
        "password": "password of ana", "device_id": ana.device_id(),
    });
    let again = ana.nobody().signed_in(&ana.nobody().post("/v3/login", body.clone()).await.ok());
    assert_eq!(query(&ben, ana.user_id()).await["device_keys"][ana.user_id()].as_object().unwrap().len(), 1);
    assert_eq!(again.sync(None).await["device_one_time_keys_count"]["signed_curve25519"], 1);
    again.post("/v3/logout", json!({})).await.ok();
    assert_eq!(query(&ben, ana.user_id()).await["device_keys"], json!({ ana.user_id(): {} }));
    assert_eq!(claim(&ben, &ana).await, Value::Null);
    let fresh = ana.nobody().signed_in(&ana.nobody().post("/v3/login", body).await.ok());
    assert_eq!(fresh.sync(None).await["device_one_time_keys_count"]["signed_curve25519"], 0);
}

#[tokio::test]
async fn ending_an_account_removes_its_keys() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    publish(&ana, &Key::new(1)).await;
    super::Identity::new(10).publish(&ana).await;
    let auth = json!({ "type": "m.login.password", "password": "password of ana" });
    ana.post("/v3/account/deactivate", json!({ "auth": auth })).await.ok();
    let found = query(&ben, ana.user_id()).await;
    assert_eq!(found["device_keys"], json!({ ana.user_id(): {} }));
    assert_eq!(found["master_keys"], json!({}));
}
