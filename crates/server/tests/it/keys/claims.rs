//! Handing out one-time and fallback keys, and what their owner hears of it.

use std::collections::HashSet;

use im2_testkit::{Client, Server};
use serde_json::{Value, json};

use super::{claim, names, one_time_keys, token, upload};

async fn hand_in(client: &Client, keys: &[&str]) {
    upload(client, json!({ "one_time_keys": one_time_keys(keys.iter().copied()) })).await.ok();
}

#[tokio::test]
async fn keys_are_handed_out_in_the_order_of_their_uploads() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    for name in ["C", "A", "B"] {
        hand_in(&ana, &[name]).await;
    }
    for name in ["C", "A", "B"] {
        let claimed = claim(&ben, &ana).await;
        assert_eq!(claimed, one_time_keys([name]));
    }
    assert_eq!(claim(&ben, &ana).await, Value::Null);
}

#[tokio::test]
async fn a_key_that_was_handed_out_never_comes_back() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    hand_in(&ana, &["A"]).await;
    assert_eq!(names(&claim(&ben, &ana).await), ["signed_curve25519:A"]);
    hand_in(&ana, &["A"]).await;
    assert_eq!(claim(&ben, &ana).await, Value::Null, "the same upload again");
    let signed = json!({ "key": "public part of A", "signatures": { ana.user_id(): { "ed25519:X": "new" } } });
    upload(&ana, json!({ "one_time_keys": { "signed_curve25519:Z": signed } })).await.ok();
    assert_eq!(claim(&ben, &ana).await, Value::Null, "under another name and signature");
    let body = json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "ana" },
        "password": "password of ana", "device_id": ana.device_id(),
    });
    ana.post("/v3/logout", json!({})).await.ok();
    let again = ana.nobody().signed_in(&ana.nobody().post("/v3/login", body).await.ok());
    hand_in(&again, &["A", "B"]).await;
    assert_eq!(names(&claim(&ben, &ana).await), ["signed_curve25519:B"], "after the device was gone");
}

#[tokio::test]
async fn the_fallback_key_is_for_when_there_is_no_other() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let unused = async || ana.sync(None).await["device_unused_fallback_key_types"].clone();
    assert_eq!(unused().await, json!([]));
    let fallback = json!({ "fallback_keys": one_time_keys(["F"]), "one_time_keys": one_time_keys(["A"]) });
    upload(&ana, fallback.clone()).await.ok();
    assert_eq!(unused().await, json!(["signed_curve25519"]));
    for expected in ["A", "F", "F"] {
        assert_eq!(claim(&ben, &ana).await, one_time_keys([expected]));
    }
    assert_eq!(unused().await, json!([]));
    upload(&ana, fallback).await.ok();
    assert_eq!(unused().await, json!([]), "the same key again is as used as before");
    upload(&ana, json!({ "fallback_keys": one_time_keys(["G"]) })).await.ok();
    assert_eq!(unused().await, json!(["signed_curve25519"]));
    assert_eq!(names(&claim(&ben, &ana).await), ["signed_curve25519:G"]);
}

#[tokio::test]
async fn what_cannot_be_had_is_left_out() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    hand_in(&ana, &["A"]).await;
    let wanted = json!({ "one_time_keys": {
        ana.user_id(): { ana.device_id(): "another_algorithm", "NODEVICE": "signed_curve25519" },
        "@eve:localhost": { "X": "signed_curve25519" },
        "@dan:elsewhere.example": { "X": "signed_curve25519" },
    } });
    let answer = ben.post("/v3/keys/claim", wanted).await.ok();
    assert_eq!(answer["one_time_keys"], json!({}));
    assert_eq!(answer["failures"].as_object().unwrap().keys().collect::<Vec<_>>(), ["elsewhere.example"]);
    assert_eq!(names(&claim(&ben, &ana).await), ["signed_curve25519:A"]);
}

#[tokio::test]
async fn the_owner_hears_at_once_that_a_key_was_handed_out() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    upload(&ana, json!({ "one_time_keys": one_time_keys(["A"]), "fallback_keys": one_time_keys(["F"]) })).await.ok();
    let since = token(&ana).await;
    let quiet = ana.sync(Some(&since)).await;
    assert_eq!(quiet["device_one_time_keys_count"]["signed_curve25519"], 1, "every answer says it: {quiet}");
    assert_eq!(quiet["device_unused_fallback_key_types"], json!(["signed_curve25519"]));
    let waiting = async |since: String| {
        let owner = ana.clone();
        let waiting = tokio::spawn(async move { owner.sync_wait(&since, 60_000).await });
        server.until_somebody_waits().await;
        claim(&ben, &ana).await;
        waiting.await.unwrap()
    };
    let heard = waiting(since).await;
    assert_eq!(heard["device_one_time_keys_count"]["signed_curve25519"], 0);
    assert_eq!(heard["device_unused_fallback_key_types"], json!(["signed_curve25519"]));
    let heard = waiting(heard["next_batch"].as_str().unwrap().to_owned()).await;
    assert_eq!(heard["device_unused_fallback_key_types"], json!([]));
}

#[tokio::test]
async fn many_who_claim_at_once_get_a_key_each() {
    const CLAIMS: usize = 60;
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let keys: Vec<_> = (0..CLAIMS).map(|number| format!("K{number}")).collect();
    hand_in(&ana, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let claims = (0..CLAIMS).map(|_| {
        let (ana, ben) = (ana.clone(), ben.clone());
        tokio::spawn(async move { claim(&ben, &ana).await.to_string() })
    });
    let mut got = HashSet::new();
    for claimed in claims.collect::<Vec<_>>() {
        assert!(got.insert(claimed.await.unwrap()), "a key was handed out twice");
    }
    assert!(!got.contains("null") && got.len() == CLAIMS);
}
